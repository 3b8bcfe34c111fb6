"""The standard table: what is summed up, and what the page says, of results made up for it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from benchmarks import closed_loop, hosted
from benchmarks.closed_page import Row, figure, geometric, kind_of, out_of_reach, page, summary
from vsphere_market.plant import read_estate

ROOT = Path(__file__).resolve().parents[3]


def trial(
    controller: str, seed: int, pain: float, moved: float = 0.0, **more: Any
) -> dict[str, Any]:
    return {
        "controller": controller, "setting": more.pop("setting", controller), "seed": seed,
        "pain": pain, "moved_gib": moved, "moves": round(moved), "swapin_gib": 1.5,
        "balloon_gib_hours": 10.0, "violations": 0, "went_back": 0, "within_cooldown": 0,
        "other_actions": 0,
    } | more  # fmt: skip


def entry(estate: str, kind: str, *trials: dict[str, Any]) -> dict[str, Any]:
    return {
        "estate": estate, "kind": kind, "about": "why it hurts", "hours": 12.0,
        "actions": "migrate", "trials": list(trials), "tuning": [],
    }  # fmt: skip


CURABLE = entry(
    "a",
    "curable",
    *(trial("none", seed, 100.0) for seed in (1, 2)),
    *(trial("drs", seed, 8.0, 40.0, setting="drs:level=4") for seed in (1, 2)),
    *(trial("threshold", seed, 9.0, 1.0) for seed in (1, 2)),
    *(trial("oracle", seed, 1.0, 1.0) for seed in (1, 2)),
    *(trial("market", seed, 2.0, 10.0) for seed in (1, 2)),
)
QUIET = entry("b", "quiet", trial("none", 1, 0.0), trial("market", 1, 0.0))
WORSE = entry("c", "grace", trial("none", 1, 10.0), trial("market", 1, 11.0, went_back=2))


def test_ratios_are_against_the_rival_with_the_least_pain_and_no_yardstick() -> None:
    total = summary([CURABLE, QUIET])
    assert total["rows"] == [
        {
            "estate": "a", "over_nothing": 0.02, "best_rival": "drs",
            "over_best_rival": 0.25, "moved_over_best_rival": 0.25,
            "least_over_best_rival": 0.125,
        }
    ]  # fmt: skip
    assert total["geometric_mean"]["over_best_rival"] == 0.25
    assert total["worse_than_nothing"] == []


def test_the_least_that_anybody_left_is_told() -> None:
    # Of 8 the oracle leaves 1, and our placement, where it is there at once, a quarter.
    total = summary([CURABLE, CURABLE | {"estate": "d", "beamed": [0.25, 0.25]}])
    assert [row["least_over_best_rival"] for row in total["rows"]] == [0.125, 0.0312]
    found = {
        "command": "x", "machine": closed_loop.machine(), "seeds": 2,
        "summary": {"migrate": total}, "rows": [CURABLE],
    }  # fmt: skip
    assert "its last placement at once) is 6.24 % of the best rival's pain." in page(found)


def test_where_nobody_can_halve_a_rivals_pain_is_told_apart() -> None:
    # The market leaves a quarter of the rival's pain, or all of it.
    near = CURABLE | {"beamed": [1.0, 2.0, 1.5]}
    tied = [t | {"pain": 8.0} if t["controller"] == "market" else t for t in CURABLE["trials"]]
    hopeless = CURABLE | {"estate": "d", "trials": tied, "beamed": [5.0, 7.0, 5.0]}
    # Worse at once than in motion: that shows nothing, and the row counts.
    restless = CURABLE | {"estate": "f", "trials": tied, "beamed": [9.0]}
    total = summary([near, hopeless, restless])
    # Of a row without that figure nothing is said.
    more = summary([near, hopeless, restless, CURABLE | {"estate": "g"}])
    assert more["in_reach"] == total["in_reach"]
    assert [row["beamed_over_best_rival"] for row in total["rows"]] == [0.1875, 0.625, 1.125]
    assert [out_of_reach(row) for row in total["rows"]] == [False, True, False]
    assert total["in_reach"] == {"over_best_rival": 0.5, "moved_over_best_rival": 0.25}
    found = {
        "command": "x", "machine": closed_loop.machine(), "seeds": 2,
        "summary": {"migrate": total}, "rows": [near, hopeless, restless],
    }  # fmt: skip
    text = page(found)
    assert "anybody's reach (a, f) it leaves 50.0 % of it and copies 25.0 % of the GiB" in text
    assert "would still have left, of the best rival's pain: d 62.5 %." in text
    plain = found | {"summary": {"migrate": summary([CURABLE])}, "rows": [CURABLE]}
    assert "anybody's" not in page(plain)


def test_a_row_may_be_watched_first() -> None:
    row = Row("skewed", 12, "x", 24)
    what = closed_loop.comparison(row, "migrate", 2, 12.0)
    assert what.watched_h == 24
    unwatched = CURABLE | {"estate_sha256": closed_loop._sha256(what.estate)}
    watched = [unwatched | {"watched_hours": 24.0}]
    machine = {"commit": "abc1234"}
    assert closed_loop.earlier({"machine": machine, "rows": [unwatched]}, what) is None
    assert closed_loop.earlier({"machine": machine, "rows": watched}, what) is not None
    text = page(
        {
            "command": "x", "machine": closed_loop.machine(), "seeds": 2,
            "summary": {"migrate": summary(watched)}, "rows": watched,
        }
    )  # fmt: skip
    assert "12 hours after 24 in which controllers may only look: why it hurts" in text


def test_a_rival_that_copies_nothing_is_not_compared_by_what_it_copies() -> None:
    row = entry(
        "a", "curable", trial("none", 1, 100.0), trial("drs", 1, 10.0),
        trial("market", 1, 1.0, 20.0),
    )  # fmt: skip
    total = summary([row])
    assert "moved_over_best_rival" not in total["rows"][0]
    found = {
        "command": "x", "machine": closed_loop.machine(), "seeds": 1,
        "summary": {"migrate": total}, "rows": [row],
    }  # fmt: skip
    assert "10.0 % of the pain of drs, which copies nothing." in page(found)


def test_rivals_that_only_place_compete_where_all_may_be_done() -> None:
    both = closed_loop.with_placers(
        [
            CURABLE,
            entry(
                "a", "grace", trial("none", 1, 100.0), trial("rightsizing", 1, 100.0),
                trial("market", 1, 1.0),
            ) | {"actions": "all"},
        ]
    )  # fmt: skip
    assert both[0] == CURABLE
    assert [t["controller"] for t in both[1]["trials"]] == [
        "none", "rightsizing", "drs", "drs", "threshold", "threshold", "oracle", "oracle", "market",
    ]  # fmt: skip
    assert both[1]["kind"] == "curable"


def test_defeats_are_named_with_estate_and_seed() -> None:
    total = summary([CURABLE, WORSE])
    assert total["grace_over_nothing"] == 1.1
    assert total["worse_than_nothing"] == [
        {"estate": "c", "seed": 1, "pain": 11.0, "pain_of_nothing": 10.0}
    ]
    assert total["went_back"] == 2


def test_an_action_where_nothing_hurts_is_counted() -> None:
    busy = entry("b", "quiet", trial("none", 1, 0.0), trial("market", 1, 0.0, 3.0))
    assert summary([busy])["acted_when_quiet"] == 3


def test_the_page_says_what_was_measured_and_how() -> None:
    found = {
        "command": "python -m benchmarks.closed_loop --seeds 2",
        "machine": closed_loop.machine(),
        "seeds": 2,
        "summary": {"migrate": summary([CURABLE, WORSE])},
        "rows": [CURABLE, WORSE],
    }
    text = page(found)
    assert "$ python -m benchmarks.closed_loop --seeds 2" in text
    assert "leaves 2.00 % of the pain of doing nothing" in text
    assert "| a | drs | level=4 | 8.00 (8.00–8.00) |" in text
    assert "worse than doing nothing on c seed 1 (11.0 against 10.0, +10.0 %)" in text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.01234, "0.0123"), (12.34, "12.3"), (1234.5, "1,234")]
)
def test_figures_have_three_digits_and_no_exponent(value: float, text: str) -> None:
    assert figure(value) == text


def test_a_geometric_mean_of_nothing_is_nothing() -> None:
    assert geometric([]) is None
    assert geometric([0.25, 1.0]) == 0.5


def test_rows_can_be_chosen_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no row has the estate nowhere; there are balanced"):
        closed_loop.main(["--estates", "nowhere", "--to", str(tmp_path)])
    for row in closed_loop.ROWS:
        assert (ROOT / "mocks" / "estates" / f"{row.estate}.json").is_file()


def test_a_row_is_run_kept_and_written(tmp_path: Path) -> None:
    arguments = [
        "--quick", "--estates", "skewed", "--seeds", "1", "--actions", "all", "--jobs", "1",
        "--keep", str(tmp_path / "kept"), "--to", str(tmp_path),
    ]  # fmt: skip
    plan = closed_loop.planned(_parsed(arguments))
    assert plan.hours == 3.0 and not plan.tuned
    short = closed_loop.Plan(plan.rows, 1, ("all",), False, plan.keep, 1, hours=0.1)
    entries = closed_loop.measure(short)
    assert [trial["controller"] for trial in entries[0]["trials"]] == [
        "none", "rightsizing", "oracle", "market",
    ]  # fmt: skip
    assert len(list((tmp_path / "kept").glob("*.json"))) == 4
    assert closed_loop.measure(short) == entries
    nothing_run = dataclasses.replace(short, jobs=0)
    assert closed_loop.measure(nothing_run) == entries
    # A row that is not finished is left out.
    assert closed_loop.measure(dataclasses.replace(nothing_run, seeds=2)) == []


def test_what_was_written_by_hand_stays(tmp_path: Path) -> None:
    (tmp_path / "results.md").write_text(f"old\n{closed_loop.BY_HAND}\n\nMine.\n", encoding="utf-8")
    closed_loop.main(
        ["--estates", "skewed", "--finished", "--keep", str(tmp_path), "--to", str(tmp_path)]
    )
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert text.startswith("# Results")
    assert text.endswith(f"\n{closed_loop.BY_HAND}\n\nMine.\n")


@pytest.mark.parametrize(
    ("nothing", "oracle", "drs", "market", "kind"),
    [
        (0.05, 0.05, 0.05, 0.05, "quiet"),
        (100.0, 50.0, 100.0, 100.0, "curable"),
        (100.0, 90.0, 40.0, 100.0, "curable"),
        # What the market does has no say.
        (100.0, 90.0, 90.0, 1.0, "grace"),
    ],
)
def test_the_sort_of_a_row_follows_from_doing_nothing_oracle_and_rivals(
    nothing: float, oracle: float, drs: float, market: float, kind: str
) -> None:
    pains = {"none": nothing, "oracle": oracle, "drs": drs, "market": market}
    trials = [trial(name, seed, pain) for name, pain in pains.items() for seed in (1, 2)]
    assert kind_of(trials) == kind


def test_the_estate_of_recorded_vms_is_what_its_maker_prints() -> None:
    path = ROOT / "mocks" / "estates" / "hosted.json"
    assert path.read_text(encoding="utf-8") == hosted.text()
    spec = read_estate(path)
    vms = spec.clusters[0].vms
    assert len(vms) == 240
    # Over-committed by what is configured, not by what is touched.
    assert 2.2 < sum(vm.memory_mib for vm in vms) / (hosted.HOSTS * hosted.HOST_GIB * 1024) < 2.3


def _parsed(arguments: list[str]) -> Any:
    return closed_loop.parser().parse_args(arguments)


def test_rivals_of_an_earlier_table_are_taken_where_estate_hours_and_seeds_are_the_same() -> None:
    what = closed_loop.comparison(Row("skewed", 12, "x"), "migrate", 2, 12.0)
    old = {
        "machine": {"commit": "abc1234"},
        "rows": [CURABLE | {"estate_sha256": closed_loop._sha256(what.estate)}],
    }
    found = closed_loop.earlier(old, what)
    assert found is not None
    ours = entry("a", "", trial("market", 1, 3.0), trial("market", 2, 3.0))
    row = closed_loop.joined(ours, found)
    assert [t["pain"] for t in row["trials"] if t["controller"] == "market"] == [3.0, 3.0]
    assert [t for t in row["trials"] if t["controller"] == "drs"] == CURABLE["trials"][2:4]
    assert (row["kind"], row["rivals_of"]) == ("curable", "abc1234")
    text = page(
        {
            "command": "x", "machine": closed_loop.machine(), "seeds": 2,
            "summary": {"migrate": summary([row])}, "rows": [row],
        }
    )  # fmt: skip
    assert "some trials of theirs are older: `abc1234` on a." in text

    for other in (
        dataclasses.replace(what, hours=24.0),
        dataclasses.replace(what, seeds=(1, 2, 3)),
        dataclasses.replace(what, actions="all"),
        dataclasses.replace(what, estate=what.estate.with_name("tiny.json")),
    ):
        assert closed_loop.earlier(old, other) is None
    assert closed_loop.earlier(None, what) is None
