"""From a check and a subject to an observation: child processes, deadlines, audits.

The runner knows nothing of pytest's session and nothing of reports.
"""
