"""How many threads linear algebra may use: one, unless whoever starts a program says otherwise.

What the market multiplies is small, and OpenBLAS wakes a thread for each core for it: on two cores
a plan for 1,500 VMs then takes half as much of the processor again and ends no sooner.
"""

from __future__ import annotations

from collections.abc import MutableMapping

#: What libraries of linear algebra read when they are loaded.
NAMES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def one_unless_told(environment: MutableMapping[str, str]) -> None:
    """Ask for one thread where nothing is asked for; to be called before numpy is imported.

    Args:
        environment: of this process, and of those that it starts.
    """
    if not any(name in environment for name in NAMES):
        environment.update(dict.fromkeys(NAMES, "1"))
