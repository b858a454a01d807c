"""The same thing on two loops: what happened side by side, and scripts that show a difference by themselves."""
