"""Running tests of policies: compile, plan, and compare with what the file expects."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vsphere_market.control.policy_test_file import (
    Case,
    PolicyTest,
    expected_problems,
    files_of_tests,
    read_test,
)
from vsphere_market.demand import estimate_demand
from vsphere_market.estate import Snapshot
from vsphere_market.market import MarketSettings, PastMove, Plan, Question, Step, make_plan
from vsphere_market.policy import PolicyProblems, Rulebook, compile_rulebook
from vsphere_market.policy.effective import Effective, host_setting, vm_setting
from vsphere_market.policy.problems import did_you_mean, quote
from vsphere_market.port import Migrate, SetMemory
from vsphere_market.units import MIB_PER_GIB

#: Two numbers that differ by less are the same.
_CLOSE = 1e-6


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of one case.

    Attributes:
        file: where it stands.
        case: its name.
        failures: a sentence for everything that is not as expected.
        seconds: how long it took.
    """

    file: str
    case: str
    failures: tuple[str, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Everything is as expected."""
        return not self.failures


def run_tests(paths: Sequence[Path]) -> tuple[CaseResult, ...]:
    """Run all test files among and below ``paths``.

    Raises:
        InputError: there are none, or one cannot be read.
    """
    return tuple(result for path in files_of_tests(paths) for result in _run_file(path))


def _run_file(path: Path) -> Iterator[CaseResult]:
    begin = time.perf_counter()
    try:
        test = read_test(path)
    except PolicyProblems as problems:
        # The policies are under test here, not the file.
        wanted = expected_problems(path)
        spent = time.perf_counter() - begin
        failures = tuple(_refused(str(problems), wanted[0] if wanted else ""))
        yield CaseResult(str(path), "policies load", failures, spent)
        return
    for case in test.cases:
        begin = time.perf_counter()
        failures = tuple(_failures(test, case))
        yield CaseResult(str(path), case.name, failures, time.perf_counter() - begin)


def _failures(test: PolicyTest, case: Case) -> Iterator[str]:
    snapshot = test.snapshot
    try:
        rulebook = compile_rulebook(test.policies, snapshot, case.at_s).rulebook
    except PolicyProblems as problems:
        yield from _refused(str(problems), case.problem)
        return
    if case.problem:
        yield f"the policies are accepted; expected is a problem with {quote(case.problem)}"
        return
    for name, wanted in case.settings.items():
        row = _row(snapshot.vms.name, name)
        if row is None:
            yield _unknown("VM", name, snapshot.vms.name)
            continue
        for key, value in wanted.items():
            yield from _compared(f"{key} of {name}", value, vm_setting(rulebook, row, key))
    for name, wanted in case.hosts.items():
        row = _row(snapshot.hosts.name, name)
        if row is None:
            yield _unknown("host", name, snapshot.hosts.name)
            continue
        for key, value in wanted.items():
            yield from _compared(f"{key} of {name}", value, host_setting(rulebook, row, key))
    if case.actions is not None or case.never or case.refusals or case.counts:
        yield from _plan_failures(case, _plan(case, snapshot, rulebook), snapshot)


def _refused(said: str, wanted: str) -> Iterator[str]:
    """What is wrong with policies being refused, given the problem that was expected."""
    if not wanted:
        yield from (f"the policies are refused: {line}" for line in said.splitlines())
    elif wanted.casefold() not in said.casefold():
        yield f"the policies are refused, but not for {quote(wanted)}: {said}"


def _plan(case: Case, snapshot: Snapshot, rulebook: Rulebook) -> Plan:
    now_s = snapshot.taken_at_s if case.at_s is None else case.at_s
    moids = {
        **dict(zip(snapshot.hosts.name, snapshot.hosts.moid, strict=True)),
        **dict(zip(snapshot.vms.name, snapshot.vms.moid, strict=True)),
    }
    past = tuple(
        PastMove(
            moids.get(move.get("vm", ""), ""),
            moids.get(move.get("from", ""), ""),
            moids.get(move.get("to", ""), ""),
            now_s - 60.0 * (move.get("minutesAgo") or 0.0),
        )
        for move in case.moved
    )
    question = Question(
        snapshot=snapshot,
        demand=estimate_demand(snapshot),
        rulebook=rulebook,
        settings=MarketSettings(),
        cooling=np.zeros(len(snapshot.vms), dtype=np.bool_),
        past=past,
        now_s=now_s,
    )
    return make_plan(question, now_s)


def _plan_failures(case: Case, plan: Plan, snapshot: Snapshot) -> Iterator[str]:
    found = [_described(step) for step in plan.steps]
    shown = "; ".join(_shown(form) for form in found) or "nothing"
    for wanted in case.actions or ():
        if not any(_fits(form, wanted) for form in found):
            yield f"no step is {_shown(wanted)}; the plan is: {shown}"
    if case.only:
        for form in found:
            if not any(_fits(form, wanted) for wanted in case.actions or ()):
                yield f"nobody expected the step {_shown(form)}"
    for never in case.never:
        pattern: Mapping[str, Any] = {"vm": never} if isinstance(never, str) else never
        if "vm" in pattern and _row(snapshot.vms.name, pattern["vm"]) is None:
            yield _unknown("VM", pattern["vm"], snapshot.vms.name)
        for form in found:
            if _fits(form, pattern):
                yield f"the step {_shown(form)} must not be"
    kinds = [form["kind"] for form in found]
    for kind, bounds in case.counts.items():
        count = kinds.count(kind)
        if not bounds.get("min", 0) <= count <= bounds.get("max", count):
            bounds_text = " and ".join(f"{key} {value}" for key, value in bounds.items())
            yield f"the plan has {count} steps of kind {kind}, expected {bounds_text}"
    refused = [(item.subject.name, item.reason.value) for item in plan.refusals]
    for refusal in case.refusals:
        pair = (refusal.get("subject"), refusal.get("reason"))
        if pair not in refused:
            told = "; ".join(f"{name}: {reason}" for name, reason in refused) or "none"
            yield f"{pair[0]} is not refused for {pair[1]}; refusals: {told}"


def _described(step: Step) -> Mapping[str, Any]:
    action, mode = step.action, step.mode.name.lower()
    if isinstance(action, Migrate):
        return {
            "kind": action.kind.value,
            "vm": action.subject.name,
            "from": action.source.name,
            "to": action.target.name,
            "mode": mode,
        }
    if not isinstance(action, SetMemory):
        return {"kind": action.kind.value, "vm": action.subject.name, "mode": mode}
    return {
        "kind": action.kind.value,
        "vm": action.subject.name,
        "fromGiB": None if action.from_mib is None else action.from_mib / MIB_PER_GIB,
        "toGiB": None if action.to_mib is None else action.to_mib / MIB_PER_GIB,
        "mode": mode,
    }


def _fits(form: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(key in form and _same(form[key], value) for key, value in wanted.items())


def _shown(form: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {'none' if value is None else value}" for key, value in form.items())


def _compared(what: str, wanted: Any, found: Effective) -> Iterator[str]:
    value, document = wanted, None
    if isinstance(wanted, dict):
        value, document = wanted.get("value", found.value), wanted.get("from")
    by = f"decided by {found.source}" if found.source else "the default"
    if not _same(found.value, value):
        yield f"{what} is {quote(found.value)} ({by}), expected {quote(value)}"
    elif document is not None and document != found.document:
        yield f"{what} is {by}, expected from {quote(document)}"


def _same(found: Any, wanted: Any) -> bool:
    numbers = (int, float)
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, numbers) and isinstance(wanted, numbers):
        return abs(found - wanted) <= _CLOSE * max(1.0, abs(wanted))
    return bool(found == wanted)


def _row(names: Sequence[str], name: str) -> int | None:
    return names.index(name) if name in names else None


def _unknown(thing: str, name: str, known: Sequence[str]) -> str:
    near = did_you_mean(name, known)
    return f"the estate has no {thing} {quote(name)}{'; ' + near if near else ''}"
