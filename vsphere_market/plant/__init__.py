"""An ESXi memory scheduler and a simulated vCenter, behind the same port as the real one.

Takes workload traces and an estate, gives counters as hosts would. It judges the market, so it
is written from the literature, knows nothing of prices, and is never tuned to flatter them.
"""
