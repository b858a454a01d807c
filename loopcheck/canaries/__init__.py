"""Canaries: short scenarios of real libraries on the subject, one module per library; ``pytest --loop-canaries``.

A canary is declared like a check, and is run like one, in a process of its own. It is no part of the battery: what it
shows is not one behaviour but that a library works, and both ends of its wires are the subject's. Where a canary fails,
look for what the battery says about the calls that the library makes.

A canary imports its library when it runs: the module itself must be importable without it.
"""
