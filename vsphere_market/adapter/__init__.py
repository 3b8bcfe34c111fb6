"""The real vCenter behind the port: connection, inventory, counters and tasks by pyVmomi.

The only room that speaks to a vCenter. Gives snapshots and task handles in the project's own
nouns; no pyVmomi object leaves it.
"""
