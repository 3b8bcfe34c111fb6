"""From a snapshot to a decision: policies, demand and memory put together into one question."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from vsphere_market.control.failures import sparing
from vsphere_market.control.memory import (
    Memory,
    cooling,
    longest_span_s,
    observed,
    recall,
    resting_stores,
    settling,
    without_echo,
)
from vsphere_market.demand import DemandHistory, estimate_demand, usual_storage
from vsphere_market.estate import Snapshot
from vsphere_market.journal import Journal
from vsphere_market.market import MarketSettings, MarketView, Plan, Question, look, make_plan
from vsphere_market.policy import NO_POLICIES, PolicySet, Rulebook, compile_rulebook, load_policies
from vsphere_market.port import Finding


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Everything that a decision stands on.

    Attributes:
        snapshot: the estate.
        policies: the documents.
        findings: what is doubtful about them.
        memory: what was remembered; its history knows this snapshot already.
        question: what the market is asked.
        now_s: Unix time at the source.
    """

    snapshot: Snapshot
    policies: PolicySet
    findings: tuple[Finding, ...]
    memory: Memory
    question: Question
    now_s: float

    @property
    def rulebook(self) -> Rulebook:
        """The effective settings."""
        return self.question.rulebook

    @property
    def history(self) -> DemandHistory:
        """Working sets of the last days."""
        return self.memory.history


def policies_from(paths: Sequence[Path]) -> PolicySet:
    """Read policy files and folders; none gives the defaults.

    Raises:
        PolicyProblems: with everything that is wrong with them.
    """
    return load_policies(paths) if paths else NO_POLICIES


def frame(
    snapshot: Snapshot,
    policies: PolicySet,
    *,
    now_s: float,
    journal: Journal | None = None,
    settings: MarketSettings | None = None,
    failing: Collection[str] = (),
) -> Frame:
    """Put a question together.

    Args:
        snapshot: the estate now.
        policies: what the business wants.
        now_s: Unix time at the source.
        journal: what is remembered; None for nothing. Only read.
        settings: the market's constants; None for the defaults.
        failing: managed object ids of VMs that are left alone, because actions on them failed.

    Raises:
        PolicyProblems: policies contradict each other or the estate.
        StorageError, BusyError: the journal cannot be read.
    """
    compiled = compile_rulebook(policies, snapshot, now_s)
    rulebook = sparing(compiled.rulebook, snapshot, failing)
    settings = settings or MarketSettings()
    memory = recall(journal, snapshot, now_s, longest_span_s(rulebook, settings))
    if memory.grown:
        snapshot = without_echo(snapshot, memory.grown)
    observed(memory, snapshot)
    question = Question(
        snapshot=snapshot,
        demand=estimate_demand(
            snapshot,
            memory.history,
            sizes=memory.sizes,
            storage=usual_storage(snapshot, memory.storage, memory.copied),
        ),
        rulebook=rulebook,
        settings=settings,
        cooling=cooling(snapshot, rulebook, memory.moves, now_s),
        past=tuple(memory.moves),
        settling=settling(snapshot, memory.grown, now_s),
        resting_stores=resting_stores(snapshot, memory.copied, now_s),
        now_s=now_s,
    )
    return Frame(snapshot, policies, compiled.findings, memory, question, now_s)


def decide(frame_: Frame) -> Plan:
    """Let the market trade."""
    return make_plan(frame_.question, frame_.now_s)


def view(frame_: Frame) -> MarketView:
    """See the market without trading."""
    return look(frame_.question)
