"""How long the searches for counterexamples last."""

from __future__ import annotations

import os

#: Factor of Hypothesis's profile "nightly", which ``make nightly`` uses.
NIGHTLY = "30" if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else "1"
#: Factor on the number of examples of the searches that can be run at length:
#: ``SEARCH=50 pytest --timeout=0 tests/property/test_policy_obeyed.py``.
LENGTH = float(os.environ.get("SEARCH", NIGHTLY))


def examples(count: int) -> int:
    """So many examples, or as many times more as ``SEARCH`` says."""
    return max(1, round(count * LENGTH))
