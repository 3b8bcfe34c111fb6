"""How long the searches for counterexamples last."""

from __future__ import annotations

import os

#: Factor on the number of examples of the searches that can be run at length:
#: ``SEARCH=50 pytest --timeout=0 tests/property/test_policy_obeyed.py``.
LENGTH = float(os.environ.get("SEARCH", "1"))


def examples(count: int) -> int:
    """So many examples, or as many times more as ``SEARCH`` says."""
    return max(1, round(count * LENGTH))
