"""Trials as files: what to run, where its result is kept, and whether it is there already."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vsphere_market
from vsphere_market.errors import StorageError
from vsphere_market.plant import EstateSpec, read_estate
from vsphere_market.plant.traces import TraceSet, read_traces
from vsphere_market.policy import NO_POLICIES, PolicySet, load_policies
from vsphere_market.port import Migrate, amounts_of
from vsphere_market.proving.hands import Deed
from vsphere_market.proving.recast import recast
from vsphere_market.proving.roster import Named
from vsphere_market.proving.trial import ALL_KINDS, MIGRATE_ONLY, Outcome, Setup, run

TRIAL_FORMAT = "vsphere-market/trial/1"
#: Rooms and modules whose code decides what a trial gives.
_DECIDING = ("units.py", "estate", "port", "demand", "policy", "market", "plant", "proving")


@dataclass(frozen=True, slots=True)
class Job:
    """A trial, by the files it is made of.

    Attributes:
        estate: the estate file.
        controller: who decides.
        seed: of everything random.
        hours: simulated.
        actions: ``migrate`` or ``all``.
        traces: a recording to put on the estate; None for the estate's own workloads.
        policies: policy files and folders.
        label: what to call the estate; "" for its own name.
        dated: recordings begin when they were recorded, whatever the seed.
        watched_h: hours before them, in which controllers look and may not act.
    """

    estate: Path
    controller: Named
    seed: int
    hours: float
    actions: str = "migrate"
    traces: Path | None = None
    policies: tuple[Path, ...] = ()
    label: str = ""
    dated: bool = False
    watched_h: float = 0.0

    def key(self) -> str:
        """Identifies everything that the result depends on, this program's code included."""
        parts = {
            "estate": _digest(self.estate),
            "beside": [_digest(path) for path in _beside(self.estate)],
            "traces": "" if self.traces is None else _digest(self.traces),
            "policies": [_digest(path) for path in self.policies],
            "controller": self.controller.label,
            "seed": self.seed,
            "hours": self.hours,
            "actions": self.actions,
            "dated": self.dated,
            "watched_h": self.watched_h,
            "code": code_digest(),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def file(self, folder: Path) -> Path:
        """Where its result is kept."""
        name = f"{self.label or self.estate.stem}.{self.controller.label}.{self.actions}"
        slug = re.sub(r"[^A-Za-z0-9.=-]+", "_", name)[:100]
        return folder / f"{slug}.{self.seed}.{self.key()}.json"

    def setup(self) -> Setup:
        """Read the files.

        Raises:
            EstateError, PolicyProblems: one of them is wrong.
        """
        spec, _ = estate_of(self.estate, self.traces)
        return Setup(
            spec=spec,
            controller=self.controller,
            seed=self.seed,
            hours=self.hours,
            kinds=ALL_KINDS if self.actions == "all" else MIGRATE_ONLY,
            policies=_policies(self.policies),
            dated=self.dated,
            watched_h=self.watched_h,
        )


def done(job: Job, folder: Path | None) -> dict[str, Any] | None:
    """The result of an earlier run of the same trial, or None."""
    if folder is None:
        return None
    try:
        found = json.loads(job.file(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # Not there, or cut off when the machine went down: it is run again.
        return None
    return found if isinstance(found, dict) and found.get("format") == TRIAL_FORMAT else None


def perform(job: Job, folder: Path | None) -> dict[str, Any]:
    """Run a trial, and keep its result.

    Raises:
        MarketError: a file is wrong, or the result cannot be written.
    """
    setup = job.setup()
    document = document_of(job, job.label or setup.spec.name, run(setup))
    if folder is not None:
        path = job.file(folder)
        part = path.with_suffix(f".part{os.getpid()}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")
            part.replace(path)
        except OSError as exc:
            raise StorageError(f"the result cannot be written ({exc})", where=str(folder)) from None
    return document


def document_of(job: Job, estate: str, outcome: Outcome) -> dict[str, Any]:
    """A result as it is kept."""
    return {
        "format": TRIAL_FORMAT,
        "engine": vsphere_market.__version__,
        "controller": job.controller.label,
        "estate": estate,
        "seed": job.seed,
        "hours": job.hours,
        "watched_hours": job.watched_h,
        "action_kinds": job.actions,
        **outcome.measures,
        "timing": outcome.timing,
        "series": outcome.series,
        "deeds": [_deed_json(deed) for deed in outcome.deeds],
    }


def _deed_json(deed: Deed) -> dict[str, Any]:
    action = deed.order.action
    entry: dict[str, Any] = {"kind": str(action.kind), "vm": action.subject.name}
    if isinstance(action, Migrate):
        entry |= {"from": action.source.name, "to": action.target.name}
    else:
        entry["from"], entry["to"] = amounts_of(action)
    entry["ended_s"] = deed.ended_s
    if not deed.good:
        entry["why"] = deed.why
    return entry


@functools.lru_cache(maxsize=8)
def estate_of(estate: Path, traces: Path | None) -> tuple[EstateSpec, tuple[str, ...]]:
    """An estate with its recording, and sentences on what was mended or decided by rule."""
    spec = read_estate(estate)
    if traces is None:
        return spec, ()
    return recast(spec, _traces(traces), str(traces))


@functools.lru_cache(maxsize=2)
def _traces(path: Path) -> TraceSet:
    return read_traces(path)


@functools.lru_cache(maxsize=4)
def _policies(paths: tuple[Path, ...]) -> PolicySet:
    return load_policies(paths) if paths else NO_POLICIES


@functools.cache
def code_digest() -> str:
    """Identifies the code that decides what a trial gives."""
    root = Path(vsphere_market.__file__).parent
    total = hashlib.sha256()
    for name in _DECIDING:
        place = root / name
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file() and path.suffix in (".py", ".npz"):
                total.update(path.relative_to(root).as_posix().encode())
                total.update(path.read_bytes())
    total.update((root / "control" / "memory.py").read_bytes())
    return total.hexdigest()


def _beside(estate: Path) -> list[Path]:
    """Recordings beside an estate, which it may name."""
    return sorted(
        path
        for path in estate.parent.iterdir()
        if path.name.endswith((".npz", ".csv", ".csv.gz", ".parquet")) and path.is_file()
    )


def _digest(path: Path) -> str:
    if path.is_dir():
        inside = "".join(_digest(item) for item in sorted(path.rglob("*.json")))
        return hashlib.sha256(inside.encode()).hexdigest()
    try:
        stat = path.stat()
        return _content(path, stat.st_mtime_ns, stat.st_size)
    except OSError:
        # Whoever reads the file says what is wrong with it.
        return ""


@functools.lru_cache(maxsize=256)
def _content(path: Path, _changed: int, _size: int) -> str:
    """Digest of a file, worked out once for each of its states."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
