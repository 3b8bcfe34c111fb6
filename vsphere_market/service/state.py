"""The service by itself, without HTTP: one source, one journal, one latest view, and the desks."""

from __future__ import annotations

import dataclasses
import logging
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from vsphere_market.control.cycle import CycleReport, Road, write_decision
from vsphere_market.control.decide import frame
from vsphere_market.control.journals import working_journal
from vsphere_market.control.scoping import Scope, decide_within, inside
from vsphere_market.control.sharing import Pace, SharedPort
from vsphere_market.control.sources import OpenSource, SourceKind
from vsphere_market.control.stop import StopSwitch as Heard
from vsphere_market.control.stop import stop_file
from vsphere_market.errors import MarketError, UsageError
from vsphere_market.journal import Place
from vsphere_market.market import MarketSettings
from vsphere_market.policy import PolicySet
from vsphere_market.port import Clock
from vsphere_market.service.events import EventHub
from vsphere_market.service.executions import ExecutionDesk
from vsphere_market.service.filesource import FilePort
from vsphere_market.service.jobs import Job, JobDesk, Result
from vsphere_market.service.marketdocs import prepare
from vsphere_market.service.metrics import Counts
from vsphere_market.service.plans import Kept, Made, Origin, PlanDesk
from vsphere_market.service.problems import HttpProblem, problem_of
from vsphere_market.service.roles import Caller
from vsphere_market.service.sessions import SessionStore
from vsphere_market.service.settings import ServeSettings
from vsphere_market.service.stop import JournalSwitch, StopSwitch
from vsphere_market.service.tokens import TokenStore
from vsphere_market.service.turns import Turner
from vsphere_market.service.view import View, view_of_report

log = logging.getLogger(__name__)


class Service:
    """Everything that requests are answered from. Use it in a ``with``.

    Args:
        source: the estate, open; it stays the caller's.
        policies: what the business wants.
        journal: the journal that the user named, or None for the usual one.
        settings: what `serve` was told.
    """

    def __init__(
        self,
        source: OpenSource,
        policies: PolicySet,
        journal: Place | None,
        settings: ServeSettings,
    ) -> None:
        if settings.loop and not source.live:
            raise UsageError(f"{source.label} is a file, on which no loop can act", where="--loop")
        self.source = source
        self.policies = policies
        self.settings = settings
        self.boot = secrets.token_hex(4)
        self.started_s = time.time()
        self.tokens = TokenStore(settings.token_file)
        self.sessions = SessionStore(self.tokens)
        self.events = EventHub(self.boot, settings.limits.streams)
        self.jobs = JobDesk(
            lambda document: self.events.tell("job", document),
            self.now_s,
            settings.limits.jobs,
        )
        self.counts = Counts()
        self.acting = threading.Lock()
        self.turns_failed = 0
        self.turns_done = 0
        self.last_error: MarketError | None = None
        self.failed_login: Callable[[str], None] = lambda _address: None
        self._journal_path = journal
        self._deciding = threading.Lock()
        self._view: View | None = None
        self._first = threading.Event()
        self._stack = ExitStack()
        self._busy = threading.RLock()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            clock: Clock = self.source.clock
            if self.source.kind is SourceKind.PLANT:
                clock = stack.enter_context(Pace(clock, self._busy, self.settings.speed))
            self.clock = clock
            self.journal = stack.enter_context(working_journal(self.source, self._journal_path))
            port = (
                SharedPort(self.source.port, self._busy, clock)
                if self.source.live
                else FilePort(self.source)
            )
            self.road = Road(port, self.journal, self.policies, who="serve", market=self._market())
            self.switch: StopSwitch = JournalSwitch(
                self.journal, clock.now_s, Heard(self.journal, stop_file())
            )
            self.plans = PlanDesk(self.journal, clock.now_s, self._said)
            self.executions = ExecutionDesk(
                self.road,
                self.acting,
                stopped=self.stopped,
                tell=self.events.tell,
                ended=self._nudge,
                counted=self.counts.step,
            )
            self.turner = Turner(
                self.road,
                self.settings.interval_s,
                hands=self.settings.loop,
                acting=self.acting,
                stopped=self.stopped,
                done=self._turned,
                failed=self._stumbled,
            )
            stack.callback(self.turner.close)
            stack.callback(self.jobs.close)
            stack.callback(self.executions.close)
            stack.callback(self.events.close)
            self.turner.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    # ------------------------------------------------------------ what is known

    @property
    def stage(self) -> str:
        """How far this service goes by itself: ``file``, ``shadow`` or ``loop``."""
        if not self.source.live:
            return "file"
        return "loop" if self.settings.loop else "shadow"

    def view(self) -> View:
        """The latest turn.

        Raises:
            HttpProblem: there was none yet.
        """
        found = self._view
        if found is None:
            raise HttpProblem(
                503,
                "not-ready",
                "the first look at the estate is still under way"
                if self.last_error is None
                else f"the estate could not be looked at: {self.last_error.what}",
                where=self.source.label,
                cure="come back in a moment" if self.last_error is None else self.last_error.cure,
                headers={"Retry-After": "2"},
            )
        return found

    @property
    def latest(self) -> View | None:
        """The latest turn, None when there was none yet."""
        return self._view

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait for the first turn; False when it takes longer, or could not be done."""
        return self._first.wait(timeout_s)

    def now_s(self) -> float:
        """By the source's clock, which there is as soon as the service is entered."""
        return self.clock.now_s()

    def stopped(self) -> bool:
        """The stop switch is pulled."""
        return self.switch.state() is not None

    def cluster_row(self, view: View, wanted: str) -> int:
        """Row of a cluster by managed object id or name.

        Raises:
            HttpProblem: there is none.
        """
        clusters = view.snapshot.clusters
        row = clusters.row(wanted)
        if row < 0 and clusters.name.count(wanted) == 1:
            row = clusters.name.index(wanted)
        if row < 0:
            raise HttpProblem(
                404,
                "not-found",
                "there is no such cluster",
                where=wanted[:80],
                cure="GET /v1/estate lists them",
            )
        return row

    # ------------------------------------------------------------ what is asked for

    def refresh(self, who: str) -> Job:
        """Start a job that looks at the estate anew."""

        def work(_progress: Any) -> Result:
            self.turner.wait(self.turner.nudge())
            return Result("/v1/snapshots/latest")

        return self.jobs.start("snapshot", who, work)

    def plan(self, who: str, scope: Scope, note: str, origin: Origin = Origin.REQUEST) -> Job:
        """Start a job that makes a plan of a fresh look.

        Raises:
            UsageError: the scope names something that is not there.
            HttpProblem: too many jobs wait.
        """
        if not scope.whole and self._view is not None:
            inside(self._view.snapshot, scope)

        def work(progress: Any) -> Result:
            kept = self._make_plan(Made(origin, who, note, scope), progress)
            return Result(f"/v1/plans/{kept.number}")

        return self.jobs.start("plan", who, work)

    def _make_plan(self, made: Made, progress: Any) -> Kept:
        with self._deciding:
            port, journal = self.road.port, self.journal
            started_s = port.clock.now_s()
            snapshot = port.observe()
            progress(30.0)
            framed = frame(
                snapshot,
                self.policies,
                now_s=port.clock.now_s(),
                journal=journal,
                settings=self.road.market,
            )
            plan = decide_within(framed, made.scope)
            progress(90.0)
            cycle, number = write_decision(journal, framed, plan, "plan", started_s)
            steps = len(plan.steps)
            sentence = (
                f"{steps} step{'s' if steps != 1 else ''} planned for {made.who}."
                if steps
                else "Nothing to do."
            )
            journal.end_cycle(cycle, ended_s=port.clock.now_s(), status="done", sentence=sentence)
        self.audit(made.who, "plan", {"plan": number, "origin": made.origin.value})
        return self.plans.put(number, plan, made)

    def audit(self, who: str | Caller, event: str, body: dict[str, Any]) -> None:
        """Write into the audit trail what a caller did."""
        name = who if isinstance(who, str) else who.name
        document = {"who": name, **body}
        if isinstance(who, Caller):
            document |= {"role": who.role.word, "way": who.way.value, "key": who.key}
        self.journal.note(f"service.{event}", document, at_s=self.clock.now_s())

    # ------------------------------------------------------------ what happens

    def _market(self) -> MarketSettings | None:
        """A plant's hours are our minutes: its plans live so much longer."""
        if self.source.kind is not SourceKind.PLANT or self.settings.speed <= 1:
            return None
        usual = MarketSettings()
        return dataclasses.replace(usual, plan_life_s=usual.plan_life_s * self.settings.speed)

    def _turned(self, report: CycleReport, took_s: float) -> None:
        self.turns_done += 1
        self.last_error = None
        view = view_of_report(report, self.turns_done, self.boot, took_s)
        prepare(view)
        self.plans.put(report.plan_number, report.plan, Made())
        self._view = view
        self._first.set()
        self.events.tell(
            "turn",
            {
                "turn": view.number,
                "plan": str(view.plan_number),
                "steps": len(view.plan.steps),
                "done": report.done,
                "squeezed_vms": len(view.market.squeezed),
                "potential": view.market.potential,
                "swapin_kibps": view.squeeze.swapin_kibps,
                "ballooned_mib": view.squeeze.ballooned_mib,
            },
        )

    def _stumbled(self, error: MarketError) -> None:
        self.turns_failed += 1
        self.last_error = error
        self.events.tell("trouble", problem_of(error))

    def _said(self, kept: Kept) -> None:
        self.events.tell(
            "plan",
            {
                "plan": str(kept.number),
                "origin": kept.made.origin.value,
                "steps": len(kept.plan.steps),
                "approved": len(kept.approved),
                "skipped": len(kept.skipped),
            },
        )

    def _nudge(self) -> None:
        self.turner.nudge()
