"""A step could break an `at-most` rule when another step, on which it did not depend, failed.

A VM that another one had joined on its host was one too many there, so that it could be one too
many elsewhere, and nothing got worse. Without the other's coming it was none too many where it was.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.market import MarketSettings
from vsphere_market.market.rules import RuleBoard
from vsphere_market.policy import CrowdRule


def test_the_move_depends_on_who_came() -> None:
    # Two of the crowd on host 0, the mover alone on host 1, another one on host 2.
    host_of = np.array([0, 0, 1, 2])
    rule = CrowdRule("r", "one each", 0, False, (0, 1, 2, 3), 1.0, float("inf"))
    board = RuleBoard((), host_of, 3, MarketSettings(), (rule,))
    assert not board.allowed(2, 1)[0]
    # Number 3 comes to the mover's host, which makes it one too many there as well.
    board.move(3, 2, 1)
    assert board.allowed(2, 1)[0]
    assert board.makes_way(2, 1, 0, {3: (2, 1)}) == {3}
    assert board.makes_way(2, 1, 0, {}) == set()
