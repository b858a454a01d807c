"""A conformance suite for asyncio event loops.

``pytest --loop-factory=pkg:Loop`` runs a battery of checks over any loop factory and says what that loop does
differently from asyncio, how bad it is, and how to see it.
"""

__version__ = "0.1.0"
