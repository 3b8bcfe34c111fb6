"""Named amounts.

Memory is counted in MiB, vSphere's own configuration unit; counters that vCenter gives in KiB are
converted once, in the adapter. Whole amounts are ``int`` wearing a ``NewType``; columns of amounts
are ``float64`` arrays in the same unit, because a counter that vCenter did not give is ``NaN`` and
"no limit" is ``+inf``. ``float64`` holds whole MiB exactly up to 2**53.

Suffixes name the unit everywhere: ``_mib``, ``_kib``, ``_kibps``, ``_mhz``, ``_pct``, ``_s``.
"""

from __future__ import annotations

from typing import NewType

import numpy as np
from numpy.typing import NDArray

#: Mebibytes, 2**20 bytes. vSphere writes "MB" for it.
MiB = NewType("MiB", int)
#: Kibibytes, 2**10 bytes. vSphere's counters write "KB" for it.
KiB = NewType("KiB", int)

#: A column of amounts, rates or shares; NaN stands for "not given".
FloatArray = NDArray[np.float64]
#: A column of row numbers into another table; -1 stands for "none".
IndexArray = NDArray[np.int64]
#: A column of yes/no facts, or a mask over rows.
BoolArray = NDArray[np.bool_]

KIB_PER_MIB = 1024
MIB_PER_GIB = 1024
BYTES_PER_MIB = 1 << 20

#: What "no limit" is in a column. vSphere's own API writes -1.
UNLIMITED = float("inf")


def mib_from_kib(kib: float) -> float:
    """Convert KiB to MiB, rounded down to whole MiB. NaN stays NaN."""
    return float(np.floor_divide(kib, KIB_PER_MIB))


def mib_from_bytes(amount: float) -> float:
    """Convert bytes to MiB, rounded down to whole MiB. NaN stays NaN."""
    return float(np.floor_divide(amount, BYTES_PER_MIB))


def gib_text(mib: float) -> str:
    """Show an amount of MiB the way an administrator reads it: ``768 MiB``, ``12.5 GiB``.

    NaN gives an en dash ("not given"), infinity gives ``unlimited``.
    """
    if np.isnan(mib):
        return "–"
    if np.isinf(mib):
        return "unlimited"
    if abs(mib) < MIB_PER_GIB:
        return f"{mib:.0f} MiB"
    gib = mib / MIB_PER_GIB
    return f"{gib:.0f} GiB" if gib == round(gib) or abs(gib) >= 1000 else f"{gib:.1f} GiB"
