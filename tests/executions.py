"""Random plans and random trouble for them, for the property tests of executor and journal."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.fakes import FakeVCenter, Fate, OnSubmit, OnTask, change, move, plan, step, vcenter
from vsphere_market.market.plan import Plan, Step
from vsphere_market.port import Action, ActionKind, Outcome, OutcomeKind

#: Outcomes that promise that this execution did not do the step, and will not have done it.
NOT_DONE = frozenset(
    {
        OutcomeKind.SKIPPED,
        OutcomeKind.REFUSED,
        OutcomeKind.CANCELLED,
        OutcomeKind.FAILED,
        OutcomeKind.ALREADY_DONE,
    }
)


@st.composite
def plans(draw: st.DrawFn) -> tuple[FakeVCenter, Plan]:
    """A fake vCenter and a plan whose steps fit each other and it."""
    hosts, vms = draw(st.integers(2, 4)), draw(st.integers(1, 5))
    vc = vcenter(hosts, vms)
    where = {vm.moid: vm.host for vm in vc.vms.values()}
    limit: dict[str, int | None] = dict.fromkeys(vc.vms)
    size = dict.fromkeys(vc.vms, 8192)
    steps: list[Step] = []
    wave = 1
    for number in range(1, draw(st.integers(1, 8)) + 1):
        vm = draw(st.sampled_from(sorted(vc.vms)))
        action: Action
        match draw(st.sampled_from((ActionKind.MIGRATE, ActionKind.LIMIT, ActionKind.HOT_ADD))):
            case ActionKind.MIGRATE:
                target = draw(st.sampled_from([h for h in sorted(vc.hosts) if h != where[vm]]))
                action = move(vm, where[vm], target)
                where[vm] = target
            case ActionKind.LIMIT:
                new = draw(st.sampled_from([v for v in (None, 4096, 6144) if v != limit[vm]]))
                action = change(vm, ActionKind.LIMIT, limit[vm], new)
                limit[vm] = new
            case _:
                action = change(vm, ActionKind.HOT_ADD, size[vm], size[vm] + 1024)
                size[vm] += 1024
        wave += draw(st.integers(0, 1))
        # Steps on one setting of one VM need each other, as the market's plans have it.
        needed = {
            old.id for old in steps if (old.action.vm.moid, old.action.kind) == (vm, action.kind)
        }
        if (other := draw(st.integers(0, 2 * number))) in range(1, number):
            needed.add(f"s{other}")
        steps.append(step(number, action, wave=wave, after=sorted(needed)))
    return vc, plan(*steps, lasts_s=1e6)


#: What becomes of one submission: mostly well.
_FATES = st.builds(
    Fate,
    submit=st.one_of(st.just(OnSubmit.TAKEN), st.sampled_from(OnSubmit)),
    task=st.one_of(st.just(OnTask.WELL), st.sampled_from(OnTask)),
    takes_s=st.sampled_from((0.0, 3.0, 40.0, 2000.0)),
)
#: Number of a VM -> what becomes of the submissions for it, in order.
FATES = st.dictionaries(st.integers(1, 5), st.lists(_FATES, max_size=4), max_size=5)


def fates_by_vm(fates: dict[int, list[Fate]]) -> dict[str, list[Fate]]:
    """As :class:`FakeVCenter` takes them; the lists are copied, since it uses them up."""
    return {f"vm-{number}": list(queue) for number, queue in fates.items()}


def check_truth(vc: FakeVCenter, outcomes: list[Outcome]) -> None:
    """What the outcomes say is what happened at the other side: none lost, none done twice."""
    for action in {outcome.action for outcome in outcomes}:
        kinds = [outcome.kind for outcome in outcomes if outcome.action == action]
        done = sum(1 for truth in vc.truth if truth.what == "done" and truth.action == action)
        said, unknown = kinds.count(OutcomeKind.DONE), kinds.count(OutcomeKind.UNKNOWN)
        assert said + unknown + sum(kind in NOT_DONE for kind in kinds) == len(kinds)
        assert said <= done <= said + unknown, f"{action}: {kinds}, but done {done} times"
