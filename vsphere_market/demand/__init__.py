"""What each VM wants: working set, idle memory, footprint, and how sure of it we are.

Takes a snapshot and its history, gives a `Demand` in columns beside the snapshot's. Does no I/O
and reads no clock: everything that it needs is an argument.
"""
