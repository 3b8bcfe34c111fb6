"""What the journal can say of each kind of action at large: sums, never rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vsphere_market.journal.database import Database
from vsphere_market.port import OutcomeKind


@dataclass(frozen=True, slots=True)
class Evidence:
    """One kind of action, as loops decided it and everybody carried it out.

    Attributes:
        kind: kind of action.
        decisions: how often a loop decided it.
        first_s: Unix time of the first decision.
        last_s: of the last one.
        shadow_decisions: of the decisions, those in shadow.
        shadow_first_s: of the first of them; 0 if there is none.
        shadow_last_s: of the last of them.
        modes: modes of the kind's steps in the newest plan that has it.
        in_shadow: that plan was made in shadow.
        outcomes: how many steps ended in each way, dry runs left out.
    """

    kind: str
    decisions: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    shadow_decisions: int = 0
    shadow_first_s: float = 0.0
    shadow_last_s: float = 0.0
    modes: frozenset[str] = frozenset()
    in_shadow: bool = False
    outcomes: Mapping[OutcomeKind, int] | None = None


def gather(db: Database, since_s: float, estate: str = "") -> Mapping[str, Evidence]:
    """Kind of action -> what is known of it since ``since_s``, of one vCenter or of all."""
    found: dict[str, dict[str, Any]] = {}
    for kind, count, first, last, dark, dark_first, dark_last, newest in db.rows(
        "SELECT d.kind, count(*), min(d.created_s), max(d.created_s), "
        "sum(CASE WHEN c.status = 'shadow' THEN 1 ELSE 0 END), "
        "min(CASE WHEN c.status = 'shadow' THEN d.created_s END), "
        "max(CASE WHEN c.status = 'shadow' THEN d.created_s END), max(d.plan_id) "
        "FROM decisions d JOIN plans p ON p.id = d.plan_id JOIN cycles c ON c.id = p.cycle_id "
        "WHERE d.created_s >= ? AND c.kind IN ('run', 'serve') AND (p.estate = ? OR ? = '') "
        "GROUP BY d.kind",
        (since_s, estate, estate),
    ):
        modes = db.rows(
            "SELECT DISTINCT d.mode, c.status FROM decisions d JOIN plans p ON p.id = d.plan_id "
            "JOIN cycles c ON c.id = p.cycle_id WHERE d.plan_id = ? AND d.kind = ?",
            (newest, kind),
        )
        found[str(kind)] = {
            "decisions": int(count or 0),
            "first_s": first,
            "last_s": last,
            "shadow_decisions": int(dark or 0),
            "shadow_first_s": dark_first or 0.0,
            "shadow_last_s": dark_last or 0.0,
            "modes": frozenset(str(mode) for mode, _ in modes),
            "in_shadow": any(status == "shadow" for _, status in modes),
        }
    ended: dict[str, dict[OutcomeKind, int]] = {}
    for kind, outcome, count in db.rows(
        "SELECT s.kind, s.outcome, count(*) FROM steps s "
        "JOIN executions e ON e.id = s.execution_id "
        "WHERE s.ended_s >= ? AND e.dry_run = 0 AND (e.estate = ? OR ? = '') "
        "GROUP BY s.kind, s.outcome",
        (since_s, estate, estate),
    ):
        ended.setdefault(str(kind), {})[OutcomeKind(str(outcome))] = int(count or 0)
    return {
        kind: Evidence(kind, **found.get(kind, {}), outcomes=ended.get(kind, {}))
        for kind in sorted({*found, *ended})
    }
