"""What takes longer than a request: started with 202, asked for until it is over."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import StrEnum

from vsphere_market.errors import MarketError
from vsphere_market.service.problems import HttpProblem, missing, problem_of, unexpected
from vsphere_market.service.words import Document, moment

log = logging.getLogger(__name__)

#: Jobs that are remembered after they have ended.
_KEPT = 500
#: Clients look again after so many seconds.
RETRY_AFTER_S = 2


class JobState(StrEnum):
    """Where a job stands. The last two are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """Something that takes a while.

    Attributes:
        id: names it.
        kind: ``plan``, ``snapshot``, ``whatif`` or ``backtest``.
        who: who asked for it.
        created_s: Unix time by the source's clock.
        state: where it stands.
        started_s: likewise, None before.
        ended_s: likewise.
        over_since_s: when it ended by a clock of ours that only goes forward.
        progress_pct: 0 to 100.
        location: where its result is, once it is done.
        result: the result itself, for those kinds that have no other place.
        problem: why it failed.
    """

    id: str
    kind: str
    who: str
    created_s: float
    state: JobState = JobState.QUEUED
    started_s: float | None = None
    ended_s: float | None = None
    over_since_s: float | None = None
    progress_pct: float = 0.0
    location: str | None = None
    result: Document | None = None
    problem: Document | None = None

    @property
    def plan(self) -> str | None:
        """Id of the plan that it made."""
        made = self.location if self.kind == "plan" else None
        return made.rsplit("/", 1)[-1] if made else None

    @property
    def over(self) -> bool:
        """It will not change any more."""
        return self.state in (JobState.DONE, JobState.FAILED)

    def document(self) -> Document:
        """Without its result, which may be long."""
        return {
            "id": self.id,
            "kind": self.kind,
            "state": self.state.value,
            "who": self.who,
            "created_at": moment(self.created_s),
            "started_at": moment(self.started_s),
            "ended_at": moment(self.ended_s),
            "progress_pct": round(self.progress_pct, 1),
            "location": self.location,
            "plan": self.plan,
            "problem": self.problem,
        }


@dataclass(frozen=True, slots=True)
class Result:
    """What a job came to: a place, or a document that is kept with the job."""

    location: str | None = None
    document: Document | None = None


#: A job's work: told how to report progress in per cent.
Work = Callable[[Callable[[float], None]], Result]


@dataclass(slots=True)
class JobDesk:
    """Runs jobs, a few at a time, in the order in which they came.

    Attributes:
        tell: told the document of a job whenever it changes.
        now_s: the source's clock.
        most: jobs that wait or run; more are refused.
        workers: at a time.
    """

    tell: Callable[[Document], None]
    now_s: Callable[[], float]
    most: int = 20
    workers: int = 2
    _jobs: OrderedDict[str, Job] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pool: ThreadPoolExecutor | None = None

    def start(self, kind: str, who: str, work: Work) -> Job:
        """Take a job in.

        Raises:
            HttpProblem: too many wait already.
        """
        now_s = self.now_s()
        with self._lock:
            if sum(not job.over for job in self._jobs.values()) >= self.most:
                raise HttpProblem(
                    503,
                    "too-many-jobs",
                    f"{self.most} jobs wait already",
                    cure="come back when some are done",
                    headers={"Retry-After": "10"},
                )
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="job")
            job = Job(f"{kind}-{secrets.token_hex(6)}", kind, who, now_s)
            self._jobs[job.id] = job
            self._forget()
            pool = self._pool
        self.tell(job.document())
        pool.submit(self._run, job.id, work)
        return job

    def get(self, wanted: str) -> Job:
        """A job.

        Raises:
            HttpProblem: there is none.
        """
        with self._lock:
            job = self._jobs.get(wanted)
        if job is None:
            raise missing("there is no such job (any more)", wanted[:80])
        return job

    def all(self, kind: str = "") -> list[Job]:
        """Jobs, the newest first."""
        with self._lock:
            found = [job for job in self._jobs.values() if not kind or job.kind == kind]
        return found[::-1]

    def close(self) -> None:
        """Begin nothing more; what runs is waited for."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, number: str, work: Work) -> None:
        self._change(number, state=JobState.RUNNING, started_s=self.now_s())
        try:
            result = work(lambda pct: self._change(number, progress_pct=pct))
        except MarketError as error:
            self._failed(number, error)
        except Exception as error:
            log.exception("job %s failed", number)
            self._failed(number, unexpected(error))
        else:
            kept = f"/v1/{self.get(number).kind}s/{number}"
            self._change(
                number,
                state=JobState.DONE,
                ended_s=self.now_s(),
                over_since_s=time.monotonic(),
                progress_pct=100.0,
                location=result.location or kept,
                result=result.document,
            )

    def _failed(self, number: str, error: MarketError) -> None:
        problem = problem_of(error)
        self._change(
            number,
            state=JobState.FAILED,
            ended_s=self.now_s(),
            over_since_s=time.monotonic(),
            problem=problem,
        )

    def _change(self, number: str, **what: object) -> None:
        with self._lock:
            job = replace(self._jobs[number], **what)  # type: ignore[arg-type]
            self._jobs[number] = job
        self.tell(job.document())

    def _forget(self) -> None:
        over = [job.id for job in self._jobs.values() if job.over]
        for number in over[: max(0, len(over) - _KEPT)]:
            del self._jobs[number]
