"""Exponential buckets: amounts of memory to whole numbers and back, with a bounded error.

The scheme of the Kubernetes vertical autoscaler: each bucket is 5 % wider than the one before, so
that a percentile read from a histogram is at most 5 % (or one first bucket) above the exact one.
"""

from __future__ import annotations

import math

import numpy as np

from vsphere_market.units import FloatArray, IndexArray

#: Width of the first bucket, MiB.
FIRST_MIB = 16.0
#: Each bucket is so much wider than the one before.
RATIO = 1.05
#: The largest VM of vSphere 7 and 8, MiB; larger amounts fall into the last bucket.
LARGEST_MIB = 24.0 * 1024 * 1024
#: So many buckets reach that far: 232, so that one byte names any.
BUCKETS = 1 + math.floor(math.log(1.0 + LARGEST_MIB * (RATIO - 1.0) / FIRST_MIB) / math.log(RATIO))
#: The code that stands for "nothing known".
NOTHING = 65535
#: Codes per factor e; the largest VM's code, 51,094, is below :data:`NOTHING`.
_CODES_PER_E = 3000.0


def bucket_of(mib: FloatArray) -> IndexArray:
    """The bucket of each amount, any shape; NaN and negative amounts fall into bucket 0."""
    safe = np.maximum(np.nan_to_num(mib, nan=0.0, posinf=LARGEST_MIB), 0.0)
    number = np.floor(np.log1p(safe * ((RATIO - 1.0) / FIRST_MIB)) / math.log(RATIO))
    found: IndexArray = np.minimum(number, BUCKETS - 1).astype(np.int64)
    return found


def bucket_end(bucket: IndexArray) -> FloatArray:
    """The upper end of each bucket, MiB: what an amount in it is at most."""
    steps = np.asarray(bucket, dtype=np.float64) + 1.0
    end: FloatArray = FIRST_MIB * (np.power(RATIO, steps) - 1.0) / (RATIO - 1.0)
    return end


def to_codes(mib: FloatArray) -> np.ndarray:
    """Amounts as 16 bits each (uint16, logarithmic, 0.03 % apart); :func:`from_codes` reads them.

    NaN becomes :data:`NOTHING`. Reading and writing again gives the same codes, so that saving
    often does not wear figures away.
    """
    safe = np.clip(np.nan_to_num(mib, nan=0.0), 0.0, LARGEST_MIB)
    codes = np.rint(_CODES_PER_E * np.log1p(safe)).astype(np.uint16)
    return np.where(np.isnan(mib), np.uint16(NOTHING), codes)


def from_codes(codes: np.ndarray) -> FloatArray:
    """The amounts, MiB, that :func:`to_codes` wrote; NaN for :data:`NOTHING`."""
    amount = np.expm1(codes.astype(np.float64) / _CODES_PER_E)
    found: FloatArray = np.where(codes == NOTHING, np.nan, amount)
    return found
