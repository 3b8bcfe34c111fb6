"""The loop: observe, reckon demand, trade, carry out, write down; live, in shadow, or backwards.

The only room that knows the whole road from vCenter to journal. The command line and the service
call nothing else.
"""
