"""From observations to records, and from records to what people and machines read.

Everything here is a function of the records; nothing knows pytest's session or the runner.
"""
