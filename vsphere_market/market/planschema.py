"""What a plan file looks like: the declaration behind its reader and its published JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from vsphere_market.estate.shapes import (
    Field,
    Flag,
    ListOf,
    Number,
    Record,
    Shape,
    Tagged,
    Text,
    Time,
    Whole,
    published,
)
from vsphere_market.market.plan import PLAN_FORMAT, Reason
from vsphere_market.policy import Mode
from vsphere_market.port import ActionKind, PoolSetting, Rest
from vsphere_market.port.documents import IN_SERVICE, OFF, ON

PLAN_SCHEMA_ID = "urn:vsphere-market:plan:1"
#: Modes that a step of a plan can have, as they are written.
MODES: Mapping[str, Mode] = {mode.name.lower(): mode for mode in Mode if mode is not Mode.OFF}

_ENTITY = Record(
    {
        "moid": Field(Text(least=1), "Managed object id."),
        "name": Field(Text(), "Name."),
    }
)
_POOLS = Field(
    Record(
        {
            "from": Field(_ENTITY, "The resource pool it leaves."),
            "to": Field(_ENTITY, "The resource pool it joins."),
        }
    ),
    "For a move into another cluster; absent within one, where a VM stays in its pool.",
    required=False,
)
_MOVE = Record(
    {
        "subject": Field(_ENTITY, "The VM."),
        "from": Field(_ENTITY, "The host it leaves."),
        "to": Field(_ENTITY, "The host it goes to."),
        "pools": _POOLS,
    }
)
_QUOTE = Record(
    {
        "host": Field(_ENTITY, "The seller."),
        "price": Field(Number(), "Marginal price of memory there before the trade, points/MiB."),
        "quote": Field(Number(), "Rise of the potential when the VM lives there, points."),
        "refused": Field(
            Text(tuple(Reason)), "Why the trade is not allowed; absent if it is.", required=False
        ),
    }
)
_EVIDENCE = Record(
    {
        "name": Field(Text(), "What the number is."),
        "value": Field(Number()),
        "unit": Field(Text()),
    }
)
_REFUSAL = Record(
    {
        "subject": Field(_ENTITY, "The VM, host, pool or cluster."),
        "reason": Field(Text(tuple(Reason)), "Why, for machines."),
        "sentence": Field(Text(), "Why, for people."),
    }
)
_OUTLOOK = Record(
    {
        "host": Field(_ENTITY),
        "price_before": Field(Number(), "Marginal price of its memory now, points/MiB."),
        "price_after": Field(Number(), "The same after the plan."),
        "load_before": Field(Number(), "Memory load over usable memory now, 1 is full."),
        "load_after": Field(Number(), "The same after the plan."),
    }
)
_ORIGIN = Record(
    {
        "source": Field(Text(), "Kind of the snapshot's source."),
        "name": Field(Text(), "Its name."),
        "instance_uuid": Field(Text(), "vCenter's identity; empty if unknown."),
        "taken_at": Field(Time(), "When the snapshot was taken."),
        "policies": Field(Text(), "Digest of the policies; empty for none."),
        "engine": Field(Text(), "Version of the program."),
    },
    "What the plan was made from; it is applied to nothing else.",
)
_CERTIFICATE = Record(
    {
        "potential_before": Field(Number(), "The market's cost as the estate stands, points."),
        "potential_after": Field(Number(), "The same after every step."),
        "lower_bound": Field(Number(), "No placement of these VMs costs less."),
        "gap_pct": Field(Number(low=0), "How far potential_after is above the bound, percent."),
        "breaches_before": Field(
            Whole(low=0),
            "Violations of mandatory rules as the estate stands; in no potential, and before it.",
            required=False,
        ),
        "breaches_after": Field(Whole(low=0), "The same after every step.", required=False),
    },
    "What the plan is worth, and how much better any placement could be.",
)


def _change_shape(kind: ActionKind) -> dict[str, Field]:
    """The members that say what an action of a kind changes."""
    match kind:
        case ActionKind.MIGRATE:
            ends = _from_to(_ENTITY, "The host it leaves.", "The host it goes to.")
            return {**ends, "pools": _POOLS}
        case ActionKind.MIGRATE_STORAGE:
            return _from_to(_ENTITY, "The datastore it leaves.", "The datastore it goes to.")
        case ActionKind.SHARES:
            return _from_to(Whole(low=1), "The shares expected now.", "The shares that are set.")
        case ActionKind.ENABLE_HOT_ADD:
            return {"from": Field(Flag(), "Always false."), "to": Field(Flag(), "Always true.")}
        case ActionKind.STOP:
            hard = Field(Flag(), "Power it off, instead of asking its guest to shut down.")
            return {**_states((ON,), (OFF,)), "hard": hard}
        case ActionKind.START:
            host = Field(_ENTITY, "Where; absent if vCenter chooses.", required=False)
            return {**_states((OFF,), (ON,)), "host": host}
        case ActionKind.POOL:
            amount = Whole(low=0, nullable=True)
            setting = Field(Text(tuple(PoolSetting)), "Of the pool's memory allocation.")
            said = "MiB, or a number for shares; null is no limit."
            return {"setting": setting, **_from_to(amount, f"Expected now: {said}", f"Set: {said}")}
        case ActionKind.SUSPEND_HOST:
            return _states((IN_SERVICE,), tuple(Rest))
        case ActionKind.PROVISION_HOST:
            return _states(tuple(Rest), (IN_SERVICE,))
        case ActionKind.DRS:
            return {
                "key": Field(Text(least=1), "The recommendation's key."),
                "moves": Field(ListOf(_MOVE), "The migrations that it consists of."),
            }
        case ActionKind.LIMIT | ActionKind.BALLOON_CAP:
            return _amounts(nullable=True)
        case ActionKind.RESERVATION | ActionKind.HOT_ADD | ActionKind.RESIZE:
            return _amounts(nullable=False)
        case _:
            assert_never(kind)


def _amounts(*, nullable: bool) -> dict[str, Field]:
    amount = Whole(low=0, nullable=nullable)
    return _from_to(amount, "The value expected now, MiB.", "The value that is set, MiB.")


def _from_to(shape: Shape, before: str, after: str) -> dict[str, Field]:
    return {"from": Field(shape, before), "to": Field(shape, after)}


def _states(before: tuple[str, ...], after: tuple[str, ...]) -> dict[str, Field]:
    return {
        "from": Field(Text(before), "The state expected now."),
        "to": Field(Text(after), "The state that it is brought to."),
    }


def _step_shape(kind: ActionKind) -> Record:
    return Record(
        {
            "id": Field(Text(least=1), "Unique within the plan."),
            "kind": Field(Text((kind.value,))),
            "subject": Field(_ENTITY, "The VM, host, pool or cluster."),
            **_change_shape(kind),
            "wave": Field(Whole(low=1), "Steps of one wave may run at the same time."),
            "depends_on": Field(ListOf(Text()), "Earlier steps that must have succeeded."),
            "saving": Field(Number(), "Fall of the potential by this step, points."),
            "disruption": Field(Number(low=0), "What it costs to do it, points."),
            "mode": Field(Text(tuple(MODES)), "How far policy lets it go by itself."),
            "reason": Field(Text(), "Why, in one sentence."),
            "evidence": Field(ListOf(_EVIDENCE), "The numbers behind it.", required=False),
            "mends": Field(
                Whole(low=1),
                "Breaches of mandatory rules fewer after it; absent for none.",
                required=False,
            ),
            "together": Field(
                ListOf(Text()), "The other steps of a group that pays as a whole.", required=False
            ),
            "quotes": Field(ListOf(_QUOTE), "Best quotes, its own host first.", required=False),
        }
    )


PLAN_SHAPE = Record(
    {
        "$schema": Field(Text(), "For editors.", required=False),
        "format": Field(Text((PLAN_FORMAT,)), "Which format, in which version."),
        "created_at": Field(Time(), "Time at the source when it was decided."),
        "expires_at": Field(Time(), "It is not carried out after this time."),
        "made_from": Field(_ORIGIN),
        "certificate": Field(_CERTIFICATE),
        "steps": Field(
            ListOf(Tagged("kind", {kind.value: _step_shape(kind) for kind in ActionKind})),
            "In order; each feasible in the state that its predecessors leave.",
        ),
        "refusals": Field(ListOf(_REFUSAL), "What might have been expected, and why not."),
        "hosts": Field(ListOf(_OUTLOOK), "Hosts before and after the plan.", required=False),
    }
)


def plan_schema() -> dict[str, Any]:
    """The published JSON Schema (2020-12) of a plan file."""
    return published(PLAN_SHAPE, PLAN_SCHEMA_ID, "vsphere-market plan")
