"""What came of an execution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from vsphere_market.errors import ExitCode, MarketError
from vsphere_market.port import Cause, Outcome, OutcomeKind

#: Kinds that mean "not everything that was tried came true".
_BAD = frozenset({OutcomeKind.REFUSED, OutcomeKind.FAILED, OutcomeKind.UNKNOWN})


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """Every step's outcome. Partial success is a result, not an error.

    Attributes:
        execution: the recorder's id of this execution.
        dry_run: nothing was submitted.
        started_s: Unix time of the beginning.
        ended_s: Unix time of the end.
        outcomes: one per step of the plan, in the plan's order.
        pinned: VMs to be left alone until their demand is looked at anew, managed object id ->
            id of the step that did not succeed.
        error: what ended the execution early, or None.
        recorded: False when the end of it could not be written to the journal.
    """

    execution: str
    dry_run: bool
    started_s: float
    ended_s: float
    outcomes: tuple[Outcome, ...]
    pinned: Mapping[str, str] = field(default_factory=dict)
    error: MarketError | None = None
    recorded: bool = True

    @property
    def counts(self) -> Mapping[OutcomeKind, int]:
        """How many steps ended in each way; kinds that did not occur are absent."""
        return Counter(outcome.kind for outcome in self.outcomes)

    @property
    def succeeded(self) -> bool:
        """Nothing was refused, failed or unknown, and nothing ended it early."""
        return self.error is None and not any(item.kind in _BAD for item in self.outcomes)

    @property
    def stale(self) -> bool:
        """Some step found the world changed: the rest of the plan's promise is void, plan anew."""
        return any(outcome.cause is Cause.STALE for outcome in self.outcomes)

    @property
    def exit_code(self) -> ExitCode:
        """What a command that did nothing else should exit with."""
        if self.error is not None:
            return self.error.exit_code
        if any(outcome.cause is Cause.NOT_PERMITTED for outcome in self.outcomes):
            return ExitCode.NOT_PERMITTED
        if any(outcome.kind in _BAD for outcome in self.outcomes):
            return ExitCode.FAILED
        return ExitCode.TRY_LATER if self.stale else ExitCode.OK

    def outcome_of(self, step: str) -> Outcome:
        """The outcome of one step. Raises KeyError when there is no such step."""
        for outcome in self.outcomes:
            if outcome.step == step:
                return outcome
        raise KeyError(step)
