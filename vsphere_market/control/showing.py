"""Shows in vCenter what is carried out: a task for each plan, an event for each step.

For those who look at the vSphere Client alone: vCenter's own tasks say that a VM was moved; these
say why. Off unless asked for, since it writes into vCenter and takes privileges. Whatever goes
wrong with it is logged once, and the plan goes on without.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection

from vsphere_market.control.ownership import clusters_of
from vsphere_market.errors import MarketError
from vsphere_market.estate import Snapshot
from vsphere_market.executor import ExecutionResult, Progress
from vsphere_market.market import Plan
from vsphere_market.port import Outcome, OutcomeKind, Showing, VCenterPort
from vsphere_market.port.showing import Shows

log = logging.getLogger(__name__)

#: Steps that nobody tried are no news.
_SILENT = (OutcomeKind.SKIPPED, OutcomeKind.WOULD_DO)


def showing_of(port: VCenterPort) -> Showing | None:
    """What writes into the source's lists, or None where it has none."""
    return port.showing if isinstance(port, Shows) else None


class Shown:
    """One plan as it is shown.

    Args:
        showing: where.
        who: on whose behalf.
        snapshot: the estate.
        plan: the plan.
        number: its number in the journal, None if it is not there.
        chosen: ids of the steps that are carried out.
    """

    def __init__(
        self,
        showing: Showing,
        who: str,
        snapshot: Snapshot,
        plan: Plan,
        number: int | None,
        chosen: Collection[str],
    ) -> None:
        self._showing = showing
        # Who may write events need not be allowed tasks, nor the other way round.
        self._given_up: set[str] = set()
        self._who = who
        self._number = number
        self._reasons = {step.id: step.reason for step in plan.steps}
        self._left = len(chosen)
        self._total = max(1, len(chosen))
        where = clusters_of(snapshot)
        clusters = {
            where.get(step.action.subject.moid, "") for step in plan.steps if step.id in chosen
        }
        self._cluster = clusters.pop() if len(clusters) == 1 else ""
        self._task = ""

    def begin(self) -> None:
        """Show that it begins."""

        def show() -> None:
            self._task = self._showing.begin_task(self._who, self._cluster)

        self._try("task", show)

    def watching(self, watch: Callable[[Progress], None] | None) -> Callable[[Progress], None]:
        """Hears of the steps' progress, and passes it on."""

        def hear(progress: Progress) -> None:
            if watch is not None:
                watch(progress)
            if progress.outcome is not None:
                self._ended(progress.outcome)

        return hear

    def end(self, result: ExecutionResult | None) -> None:
        """Show how it ended; None for an execution that did not come to an end."""
        if result is None:
            good, text = False, "it could not be carried out"
        else:
            done = sum(1 for outcome in result.outcomes if outcome.kind.good)
            good = result.succeeded
            text = f"{done} of {self._total} steps done{self._of_plan}"

        if self._task:
            self._try("task", lambda: self._showing.end_task(self._task, good=good, text=text))

    @property
    def _of_plan(self) -> str:
        return f", plan {self._number}" if self._number is not None else ""

    def _ended(self, outcome: Outcome) -> None:
        if outcome.kind in _SILENT:
            return
        self._left -= 1
        why = self._reasons.get(outcome.step, "")
        text = (
            f"vsphere-market{self._of_plan}, step {outcome.step}: {outcome.kind.value}. "
            f"{outcome.sentence} {why}"
        ).strip()

        self._try("event", lambda: self._showing.event(outcome.action.subject, text))
        if self._task:
            percent = 100.0 * (1.0 - self._left / self._total)
            self._try("task", lambda: self._showing.progress(self._task, percent))

    def _try(self, what: str, show: Callable[[], None]) -> None:
        if what in self._given_up:
            return
        try:
            show()
        except MarketError as error:
            log.warning("no %s is shown in vCenter any more: %s", what, error)
            self._given_up.add(what)
