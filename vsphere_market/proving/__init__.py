"""The proving ground: rivals behind one interface, side by side on the plant.

Nothing here knows more of an estate than its port tells, except the gauge, which measures, and the
oracle, which shows what foresight could do.
"""
