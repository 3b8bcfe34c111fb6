"""One life of the program: the real control room, executor, adapter and journal.

A life that may be killed, stopped or kept from writing has a process of its own. Others live in the
campaign's process, which saves a third of their time: the program keeps nothing in memory from one
life to the next (``tests/faults/test_life.py``). Time is the simulator's: sleeping
moves its clock, so that an hour's outage takes no time and every run of a scenario takes the same
way. Nothing else of the program is replaced.
"""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import signal
import sqlite3
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.mutations import MUTATIONS
from tests.faults.troubles import Event, Scenario, Write
from tests.faults.world import POLICIES, meddled_with, plan_of
from tests.vcsim import Simulator
from vsphere_market.adapter import (
    AdapterSettings,
    Credentials,
    PyVmomiVCenter,
    Secret,
    Target,
    Timeouts,
    TlsMode,
    soap,
)
from vsphere_market.control.apply import apply, review
from vsphere_market.control.cycle import Road
from vsphere_market.control.loop import Beat, run_loop
from vsphere_market.errors import MarketError
from vsphere_market.executor import Settings
from vsphere_market.journal import open_journal
from vsphere_market.policy import parse_policies
from vsphere_market.port import Migrate

#: Turns of the loop in one life, and seconds from one to the next.
CYCLES, INTERVAL_S = 3, 120.0
#: How long a request waits for its answer where none hangs, real seconds.
PATIENT_S = 30.0
#: How long a statement waits for a lock, milliseconds: the campaign's locks never go meanwhile.
LOCK_MS = 20


class SimulatedClock:
    """The source's clock, as the adapter's is: it follows vCenter's when that is read.

    Between two readings it goes on by itself, so that a jump of vCenter's clock is noticed as late
    as by the adapter's own.
    """

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._now_s = simulator.now().timestamp()
        #: Told after every sleep.
        self.slept: Callable[[float], None] = lambda _: None

    def now_s(self) -> float:
        return self._now_s

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self._simulator.advance(seconds)
            self._now_s += seconds
            self.slept(self._now_s)

    def measure(self, session: Any) -> float:
        def ask(_content: Any) -> float:
            instance = soap.reference(soap.vim.ServiceInstance, "ServiceInstance", session.stub)
            told: float = instance.CurrentTime().timestamp()
            return told

        self._now_s = session.read(ask)
        return self._now_s

    @property
    def skew_s(self) -> float:
        return 0.0


@dataclass
class Report:
    """What the life has to say, written when it ends by itself."""

    path: Path
    calls: list[str]
    statements: int = 0
    writes: list[int] = field(default_factory=list)
    stopped_at: int | None = None

    def document(self, end: str, detail: str = "") -> dict[str, Any]:
        return {
            "end": end,
            "detail": detail,
            "calls": self.calls,
            "statements": self.statements,
            "writes": self.writes,
            "stopped_at": self.stopped_at,
        }

    def write(self, end: str, detail: str = "") -> None:
        document = self.document(end, detail)
        # Whatever the disk was short of, this is not the program's to write.
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        self.path.write_text(json.dumps(document))


def live(
    simulator: Simulator, scenario: Scenario, folder: Path, number: int, mutation: str = ""
) -> None:
    """Live once, and end the process. ``number`` counts lives from 0; the last ones are calm."""
    report = Report(folder / f"life-{number}.json", [])
    code = 0
    gc.disable()
    try:
        _settle_in(folder, number)
        _live(simulator, scenario, folder, number, report, mutation)
        report.write("done")
    except MarketError as error:
        report.write("error", error.sentence())
        code = 1
    except BaseException:
        report.write("crash", traceback.format_exc())
        code = 2
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


class _HangsError(BaseException):
    """The life takes too long. Nothing of the program may catch it."""


def live_here(
    simulator: Simulator, scenario: Scenario, folder: Path, number: int, patience_s: float
) -> dict[str, Any]:
    """Live once in this process, which must not be :func:`at_risk`; what there is to report."""
    assert not at_risk(scenario, number)
    report = Report(folder / f"life-{number}.json", [])
    kept = soap.Stub.InvokeMethod, sqlite3.connect

    def too_long(*_: object) -> None:
        raise _HangsError

    usual = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, patience_s)
    gc.disable()
    try:
        clock = SimulatedClock(simulator)
        _watch_calls(_Wire(simulator, clock, report, (), scenario.cases))
        _watch_statements(folder / "journal.db", report, ())
        _work(simulator, clock, scenario, folder, number, threading.Event())
    except MarketError as error:
        return report.document("error", error.sentence())
    except _HangsError:
        return report.document("hangs", traceback.format_exc())
    except Exception:
        return report.document("crash", traceback.format_exc())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, usual)
        soap.Stub.InvokeMethod, sqlite3.connect = kept  # type: ignore[method-assign]
        gc.enable()
    return report.document("done")


def at_risk(scenario: Scenario, number: int) -> bool:
    """Whether a life may be killed, stopped or kept from writing."""
    match number:
        case 0:
            return bool(scenario.events or scenario.writes)
        case 1:
            return bool(scenario.second)
    return False


def _settle_in(folder: Path, number: int) -> None:
    log = os.open(folder / f"life-{number}.log", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def _live(
    simulator: Simulator,
    scenario: Scenario,
    folder: Path,
    number: int,
    report: Report,
    mutation: str,
) -> None:
    token = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: token.set())
    events = scenario.events if number == 0 else ()
    writes = scenario.writes if number == 0 else scenario.second if number == 1 else ()
    clock = SimulatedClock(simulator)
    _watch_calls(_Wire(simulator, clock, report, events, scenario.cases))
    _watch_statements(folder / "journal.db", report, writes)
    MUTATIONS[mutation]()
    _work(simulator, clock, scenario, folder, number, token)


def warm_up(simulator: Simulator, scenario: Scenario, folder: Path) -> None:
    """Live once in this process, so that what is forked from it has everything imported."""
    _work(simulator, SimulatedClock(simulator), scenario, folder, 0, threading.Event())


def _work(
    simulator: Simulator,
    clock: SimulatedClock,
    scenario: Scenario,
    folder: Path,
    number: int,
    token: threading.Event,
) -> None:
    """What `apply` and `run` do, without their words."""
    # Only calls of the first life hang; later ones are patient, however busy this machine is.
    port = port_of(simulator, clock, scenario.request_s if number == 0 else PATIENT_S)
    policies = parse_policies([] if scenario.cases else POLICIES, "campaign")
    with port, open_journal(folder / "journal.db") as journal:
        road = Road(
            port,
            journal,
            policies,
            who="campaign",
            execution=Settings(),
            rng=random.Random(f"{scenario.seed}/{number}"),
        )
        if scenario.cases:
            with review(road, plan_of(scenario.cases), cancel=token) as reviewed:
                apply(road, reviewed, cancel=token)
        else:
            run_loop(road, Beat(CYCLES, INTERVAL_S), _Deaf(), cancel=token)


def port_of(
    simulator: Simulator, clock: SimulatedClock, request_s: float = PATIENT_S
) -> PyVmomiVCenter:
    """The adapter, in the simulator's time; ``request_s`` is its patience in real seconds."""
    target = Target(
        host=simulator.host,
        port=simulator.port,
        user=simulator.username,
        tls=TlsMode.INSECURE,
        plain_http=True,
    )
    settings = AdapterSettings(timeouts=Timeouts(probe_s=5.0, request_s=request_s), precheck_s=0.4)
    port = PyVmomiVCenter(target, Credentials(target.user, Secret(simulator.password)), settings)
    port._clock = clock  # type: ignore[assignment]
    return port


class _Deaf:
    """A listener that does not care."""

    def settled(self, results: object) -> None:
        pass

    def turn(self, report: object) -> None:
        pass

    def trouble(self, number: int, error: MarketError) -> None:
        pass

    def missed(self, beats: int) -> None:
        pass


# ---------------------------------------------------------------- what goes wrong on the wire


@dataclass
class _Wire:
    """Makes events happen at calls, and ends outages by the simulated clock."""

    simulator: Simulator
    clock: SimulatedClock
    report: Report
    events: Sequence[Event]
    cases: Sequence[str]
    up_again_s: float | None = None

    def due(self) -> list[Event]:
        """The events of the call that was counted last."""
        calls = self.report.calls
        return [
            event
            for event in self.events
            if event.method in ("", calls[-1])
            and event.call == (calls.count(event.method) if event.method else len(calls)) - 1
        ]

    def before(self, due: Sequence[Event]) -> None:
        for event in due:
            if event.what != "die-after":
                self._happen(event)

    def after(self, due: Sequence[Event]) -> None:
        if any(event.what == "die-after" for event in due):
            _die()

    def slept(self, now_s: float) -> None:
        if self.up_again_s is not None and now_s >= self.up_again_s:
            self.up_again_s = None
            self.simulator.up()

    def _happen(self, event: Event) -> None:
        simulator = self.simulator
        match event.what:
            case "down-drop" | "down-503" | "down-gone":
                simulator.down(event.what.removeprefix("down-"))  # type: ignore[arg-type]
                self.up_again_s = self.clock.now_s() + event.amount
            case "restart":
                # Killed and started again with its database: sessions and open tasks are lost.
                simulator.down("gone")
                simulator.restart()
                self.up_again_s = self.clock.now_s() + event.amount
            case "kill-sessions":
                simulator.kill_sessions()
            case "clock":
                simulator.advance(event.amount)
            case "meddle":
                meddle(simulator, int(event.amount), self.cases)
            case "stop":
                seen = simulator.calls()
                self.report.stopped_at = seen[-1].seq if seen else 0
                os.kill(os.getpid(), signal.SIGTERM)
            case "die":
                _die()


def meddle(simulator: Simulator, number: int, cases: Sequence[str]) -> None:
    """Somebody else puts the VM of a case where no plan wants it."""
    action = meddled_with(number, cases)
    if isinstance(action, Migrate):
        # The rules leave vm-1 two hosts; a vCenter administrator may go beyond them.
        simulator.set_vm(action.vm.moid, host="host-3")
    else:
        simulator.set_vm(action.subject.moid, limit_mib=3333)


def _watch_calls(wire: _Wire) -> None:
    wire.clock.slept = wire.slept
    real = soap.Stub.InvokeMethod

    def invoke(self: Any, mo: Any, info: Any, args: Any, outerStub: Any = None) -> Any:  # noqa: N803
        wire.report.calls.append(str(info.wsdlName))
        due = wire.due()
        wire.before(due)
        try:
            return real(self, mo, info, args, outerStub)
        finally:
            wire.after(due)

    soap.Stub.InvokeMethod = invoke  # type: ignore[method-assign]


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


# ---------------------------------------------------------------- what goes wrong on the disk


def _watch_statements(path: Path, report: Report, writes: Sequence[Write]) -> None:
    """Let troubles begin and end just before statements of the journal's connection."""
    real: Callable[..., sqlite3.Connection] = sqlite3.connect

    def connect(database: Any, *args: Any, **more: Any) -> sqlite3.Connection:
        connection = real(database, *args, **more)
        if str(database).startswith(path.absolute().as_uri() + "?"):
            disk = _Disk(path, connection, real, report, writes)
            connection.execute(f"PRAGMA busy_timeout = {LOCK_MS}")
            for write in writes:
                if write.what == "full":
                    ((pages,),) = connection.execute("PRAGMA page_count").fetchall()
                    most = max(pages, 40) + write.statement
                    connection.execute(f"PRAGMA max_page_count = {most:d}")
            connection.set_trace_callback(disk.before)
        return connection

    sqlite3.connect = connect  # type: ignore[assignment]


class _Disk:
    """The troubles of one connection."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        connect: Callable[..., sqlite3.Connection],
        report: Report,
        writes: Sequence[Write],
    ) -> None:
        self._path, self._connection, self._connect = path, connection, connect
        self._report, self._writes = report, writes
        self._ends: dict[int, Callable[[], None]] = {}
        self._committed = False

    def before(self, statement: str) -> None:
        """SQLite is about to run a statement."""
        number = self._report.statements
        self._report.statements += 1
        reads = statement.lstrip().upper().startswith("SELECT")
        if not reads or self._committed:
            self._report.writes.append(number)
        self._committed = statement == "COMMIT"
        if end := self._ends.pop(number, None):
            end()
        for write in self._writes:
            if write.statement == number and write.what != "full":
                end = self._begin(write)
                if write.count:
                    self._ends[number + write.count] = end

    def _begin(self, write: Write) -> Callable[[], None]:
        match write.what:
            case "die":
                _die()
            case "locked":
                other = self._connect(self._path, isolation_level=None, timeout=1.0)
                try:
                    other.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:
                    # We ourselves are in the middle of writing: nobody else can lock us out.
                    other.close()
                    return lambda: None
                return other.close
            case "io-error":
                return self._short_of_room()
        raise AssertionError(write)

    def _short_of_room(self) -> Callable[[], None]:
        """The files may not grow any more."""
        wal = self._path.with_name(self._path.name + "-wal")
        now = max(one.stat().st_size for one in (self._path, wal) if one.exists())
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (now, most))
        return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
