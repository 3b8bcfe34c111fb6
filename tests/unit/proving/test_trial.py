"""Trials: the same for the same seed, honest in what they measure, and resumable."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.proving import estate, spec
from vsphere_market.errors import EstateError, StorageError
from vsphere_market.plant import PlantVCenter
from vsphere_market.port import ActionKind, Entity, Migrate, SetMemory
from vsphere_market.proving import jobs as jobs_module
from vsphere_market.proving.backtest import backtest
from vsphere_market.proving.controller import Circumstances, Order
from vsphere_market.proving.foresight import Foresight
from vsphere_market.proving.gauge import repeats
from vsphere_market.proving.hands import Deed
from vsphere_market.proving.jobs import Job, done
from vsphere_market.proving.rivals.ours import Market
from vsphere_market.proving.rivals.rightsizing import Rightsizing
from vsphere_market.proving.roster import parse
from vsphere_market.proving.shift import shifted
from vsphere_market.proving.trial import ALL_KINDS, Outcome, Setup, run, watched


def _setup(controller: str = "drs:level=4", seed: int = 1, **more: Any) -> Setup:
    return Setup(spec(), parse(controller), seed, more.pop("hours", 1.0), **more)


def test_the_same_seed_gives_the_same_outcome() -> None:
    first, second = run(_setup()), run(_setup())
    assert first.measures == second.measures
    assert first.series == second.series
    assert first.deeds == second.deeds


def test_another_seed_gives_another() -> None:
    assert run(_setup(seed=1)).measures["pain"] != run(_setup(seed=2)).measures["pain"]


def test_demand_does_not_hang_on_the_controller() -> None:
    def touched(controller: str) -> Any:
        plant = PlantVCenter(spec(), np.random.default_rng(1))
        future = Foresight.of(plant.world, 3600.0)
        del controller
        return future.working

    assert (touched("none") == touched("drs")).all()


def test_foresight_is_what_then_happens() -> None:
    plant = PlantVCenter(spec(), np.random.default_rng(5))
    future = Foresight.of(plant.world, 1800.0)
    start_s = plant.clock.now_s()
    for minute in range(1, 31):
        plant.clock.sleep(60.0)
        working, _ = future.window(start_s + 60.0 * minute, 60.0)
        assert working[0] == pytest.approx(plant.world.fleet.working)


def test_pain_is_the_plants_own_sum() -> None:
    outcome = run(_setup("none"))
    plant = PlantVCenter(spec(), np.random.default_rng(1))
    plant.clock.sleep(3600.0)
    assert outcome.measures["pain"] == pytest.approx(plant.truth.stall_s.sum() / 3600.0, abs=1e-4)
    assert outcome.measures["pain"] > 0.1
    parts = outcome.measures["pain_guest_paging"] + outcome.measures["pain_moving"]
    assert parts <= outcome.measures["pain"] + 1e-6


def test_a_cure_is_seen_as_one() -> None:
    nothing, market = run(_setup("none")), run(_setup("market"))
    assert market.measures["pain"] < 0.5 * nothing.measures["pain"]
    assert market.measures["moves"] >= 1


def test_only_allowed_kinds_are_ordered() -> None:
    moving = run(_setup("market"))
    everything = run(_setup("market", kinds=ALL_KINDS))
    assert set(moving.measures["actions"]) <= {"migrate"}
    assert everything.measures["violations"] == 0


@pytest.mark.parametrize("name", ["threshold", "drs", "drs7", "hbal", "oracle", "rightsizing"])
def test_every_rival_runs(name: str) -> None:
    outcome = run(_setup(name, kinds=ALL_KINDS))
    assert outcome.measures["decisions"] >= 10
    assert outcome.measures["violations"] == 0


def test_a_recording_begins_on_another_day_with_another_seed() -> None:
    vms = [{"name": "vm", "memory_gib": 4, "workload": {"shapes": [{"kind": "trace"}]}}]
    cluster = {"name": "c", "hosts": [{"name": "h", "memory_gib": 16}], "vms": vms}
    plain = spec(clusters=[cluster])
    offsets = {_offset(shifted(plain, seed)) for seed in range(1, 9)}
    assert len(offsets) > 3
    assert all(offset % 24.0 == 0.0 for offset in offsets)
    assert shifted(spec(), 7) == spec()


def _offset(plan: Any) -> float:
    shape = plan.clusters[0].vms[0].workload.shapes[0]
    return float(shape.numbers["offset_hours"])


# ---------------------------------------------------------------- counting


def _deed(vm: str, source: str, target: str, ended_s: float, *, good: bool = True) -> Deed:
    action = Migrate(Entity(vm, vm), Entity(source, source), Entity(target, target))
    return Deed(Order(action), ended_s - 30.0, ended_s, good, "" if good else "fault")


def test_moves_back_and_moves_too_soon_are_counted() -> None:
    hour = {"v": 3600.0, "w": 3600.0}
    there = _deed("v", "a", "b", 1000.0)
    assert repeats([there, _deed("v", "b", "a", 9000.0)], hour) == (1, 0)
    assert repeats([there, _deed("v", "b", "c", 3000.0)], hour) == (0, 1)
    assert repeats([there, _deed("v", "b", "a", 3000.0)], hour) == (1, 1)
    assert repeats([there, _deed("v", "b", "a", 3000.0, good=False)], hour) == (0, 0)
    assert repeats([there, _deed("w", "b", "a", 3000.0)], hour) == (0, 0)
    # By way of a third host it is no return of the last move.
    assert repeats([there, _deed("v", "b", "c", 9000.0), _deed("v", "c", "a", 19000.0)], hour) == (
        0,
        0,
    )


def test_failures_are_violations_and_what_waited_for_them_is_not() -> None:
    deeds = (
        Deed(Order(SetMemory(Entity("v", "v"), ActionKind.LIMIT, 1, None)), 0.0, 1.0, False, "X"),
        Deed(Order(SetMemory(Entity("v", "v"), ActionKind.LIMIT, 1, None)), 0.0, 1.0, False,
             "predecessor"),
    )  # fmt: skip
    from vsphere_market.proving.gauge import Gauge

    gauge = Gauge(PlantVCenter(spec()), np.ones(6))
    assert gauge.results(deeds, np.full(6, 3600.0))["violations"] == 1


# ---------------------------------------------------------------- files


def _job(folder: Path, controller: str = "none", **more: Any) -> Job:
    path = folder / "estate.json"
    if not path.exists():
        path.write_text(json.dumps(estate()), encoding="utf-8")
    return Job(path, parse(controller), more.pop("seed", 1), more.pop("hours", 0.25), **more)


def test_what_is_there_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = tmp_path / "results"
    jobs = [_job(tmp_path), _job(tmp_path, "drs")]
    first = backtest(jobs, folder=results, workers=1)
    assert len(list(results.glob("*.json"))) == 2

    def fail(setup: Setup) -> Outcome:
        raise AssertionError("nothing is left to run")

    monkeypatch.setattr(jobs_module, "run", fail)
    assert backtest(jobs, folder=results, workers=1) == first
    with pytest.raises(AssertionError):
        backtest([*jobs, _job(tmp_path, seed=2)], folder=results, workers=1)


def test_a_result_cut_off_is_run_again(tmp_path: Path) -> None:
    job = _job(tmp_path)
    backtest([job], folder=tmp_path, workers=1)
    path = job.file(tmp_path)
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole[: len(whole) // 2], encoding="utf-8")
    assert done(job, tmp_path) is None
    backtest([job], folder=tmp_path, workers=1)
    again = json.loads(path.read_text(encoding="utf-8"))
    assert again["pain"] == json.loads(whole)["pain"]


def test_a_changed_estate_is_another_trial(tmp_path: Path) -> None:
    before = _job(tmp_path).key()
    (tmp_path / "estate.json").write_text(json.dumps(estate(seed=4)), encoding="utf-8")
    assert _job(tmp_path).key() != before


@pytest.mark.parametrize("more", [{"seed": 2}, {"hours": 0.5}, {"actions": "all"}])
def test_a_changed_setup_is_another_trial(tmp_path: Path, more: dict[str, Any]) -> None:
    assert _job(tmp_path, **more).key() != _job(tmp_path).key()


def test_processes_give_what_one_process_gives(tmp_path: Path) -> None:
    jobs = [_job(tmp_path, seed=seed) for seed in (1, 2, 3)]
    told: list[int] = []
    alone = backtest(jobs, workers=1)
    spread = backtest(jobs, workers=2, watch=lambda over, total, job: told.append(over))
    for one, other in zip(alone, spread, strict=True):
        assert {**one, "timing": 0} == {**other, "timing": 0}
    assert told == [1, 2, 3]


def test_a_wrong_estate_stops_everything_with_its_sentence(tmp_path: Path) -> None:
    (tmp_path / "estate.json").write_text("{}", encoding="utf-8")
    jobs = [_job(tmp_path, seed=seed) for seed in (1, 2)]
    for workers in (1, 2):
        with pytest.raises(EstateError, match="format"):
            backtest(jobs, workers=workers)


def test_results_that_cannot_be_kept_are_an_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be written"):
        backtest([_job(tmp_path)], folder=blocked, workers=1)


def test_what_is_only_watched_is_not_judged_and_nothing_is_done_in_it() -> None:
    early = run(_setup(hours=1.0))
    late = run(_setup(hours=1.0, watched_h=2.0))
    assert early.deeds and late.deeds
    start_s = spec().start_s + 600.0
    assert min(deed.submitted_s for deed in early.deeds) < start_s + 3600.0
    assert min(deed.submitted_s for deed in late.deeds) >= start_s + 7200.0
    assert late.series["hour"][0] == early.series["hour"][0]
    # Two hours of pain came before; they are not among what it cost.
    idle = run(_setup("none", hours=1.0, watched_h=2.0)).measures
    whole = run(_setup("none", hours=3.0)).measures
    for key in ("pain", "balloon_gib_hours"):
        assert 0.2 < idle[key] / whole[key] < 0.5
    assert late.measures["pain"] < idle["pain"]


def test_the_market_remembers_what_it_watched_and_rightsizing_too() -> None:
    plant = PlantVCenter(spec(), np.random.default_rng(1))
    nobody = Circumstances(ALL_KINDS)
    market = Market(nobody, {})
    # Each of the five that are busy deserves twice what it touches.
    sizes = Rightsizing(margin=1.0)
    watched(plant, market, 7200.0)
    watched(plant, sizes, 3600.0)
    assert plant.truth.seconds == 0.0
    past = market.memory.history.recent(tuple(market.memory.history.rows))
    assert np.isfinite(past).any(axis=0).sum() == 3
    plant.clock.sleep(3600.0)
    # Nothing but what was watched can tell: by now all of them are off.
    quiet = plant.observe()
    quiet = replace(
        quiet,
        vms=quiet.vms.replace(
            active_mib=0.0 * quiet.vms.active_mib, active_peak_mib=0.0 * quiet.vms.active_peak_mib
        ),
    )
    assert len(sizes.decide(quiet, plant.clock.now_s(), ())) == 5


def test_an_oracle_sees_beyond_what_is_watched() -> None:
    setup = _setup("oracle", hours=1.0, watched_h=1.0)
    assert (
        run(setup).measures["pain"] < run(replace(setup, controller=parse("none"))).measures["pain"]
    )


def test_a_trial_that_was_watched_is_another(tmp_path: Path) -> None:
    file = tmp_path / "estate.json"
    file.write_text(json.dumps(estate()), encoding="utf-8")
    job = Job(file, parse("none"), 1, 0.5)
    assert job.key() != replace(job, watched_h=1.0).key()
    assert jobs_module.perform(replace(job, watched_h=1.0), None)["watched_hours"] == 1.0
