"""Two exports of one estate compared."""

from pathlib import Path

from tests.assessments import assessed, snapshot_of_estate
from tests.rvtools_files import Estate, Vm, estate
from vsphere_market.assess import Assessment, Changes, Names, compare


def then_and_now(folder: Path, names: Names | None = None) -> tuple[Assessment, Assessment, Estate]:
    """Then: an estate. Now: one VM grown, one gone, one new, one moved, one limit lifted."""
    old = estate(120)
    then = assessed(snapshot_of_estate(folder, old), names)
    new = estate(120)
    limited = next(vm for vm in new.vms if vm.limit > 0 and vm.on)
    limited.consumed += limited.ballooned + limited.swapped
    limited.limit, limited.ballooned, limited.swapped = -1, 0, 0
    plain = [vm for vm in new.vms if vm.on and vm is not limited and not vm.template]
    plain[0].size *= 2
    plain[1].host = next(host.name for host in new.hosts if host.name != plain[1].host)
    new.vms.remove(plain[2])
    new.vms.append(Vm("brand-new", "vm-77777", plain[0].host, 4096, 500, consumed=4000))
    return then, assessed(snapshot_of_estate(folder, new), names), new


def kinds(changes: Changes) -> dict[str, int]:
    return dict(changes.counts)


def test_what_is_different_is_told(tmp_path: Path) -> None:
    then, now, _ = then_and_now(tmp_path)
    changes = compare(then, now)
    assert kinds(changes) == {"new": 1, "gone": 1, "resized": 1, "moved": 1, "limit": 1}
    assert changes.same_estate
    assert [change.name for change in changes.changes if change.kind == "new"] == ["brand-new"]
    limits = next(trend for trend in changes.trends if trend.target == "finding:limit-below-size")
    assert limits.better
    assert limits.after < limits.before


def test_what_the_market_would_have_done_is_followed_up(tmp_path: Path) -> None:
    then, now, _ = then_and_now(tmp_path)
    changes = compare(then, now)
    assert len(changes.proposals) == len(then.plan.steps)
    outcomes = {proposal.outcome for proposal in changes.proposals}
    assert "open" in outcomes
    lifted = [item for item in changes.proposals if item.kind == "limit" and item.outcome == "done"]
    assert len(lifted) == 1
    assert any("would have taken" in line for line in changes.summary)


def test_the_same_twice_has_no_change(tmp_path: Path) -> None:
    made = assessed(snapshot_of_estate(tmp_path))
    changes = compare(made, made)
    assert kinds(changes) == {}
    assert all(trend.better is None for trend in changes.trends)
    assert {proposal.outcome for proposal in changes.proposals} == {"open"}


def test_two_estates_cannot_be_compared(tmp_path: Path) -> None:
    one = assessed(snapshot_of_estate(tmp_path, estate(30, number=1)))
    two = assessed(snapshot_of_estate(tmp_path, estate(30, number=2, seed=3)))
    changes = compare(one, two)
    assert not changes.same_estate
    assert changes.summary == ("The two files have no VM in common, so nothing can be compared.",)


def test_pseudonyms_compare_like_names(tmp_path: Path) -> None:
    then, now, _ = then_and_now(tmp_path)
    open_ = compare(then, now)
    hidden = compare(*then_and_now(tmp_path, Names(b"k" * 32))[:2])
    assert kinds(hidden) == kinds(open_)
    assert len(hidden.proposals) == len(open_.proposals)
