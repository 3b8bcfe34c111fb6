"""What the standard table says: sums over its rows, and the page that people read."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Not rivals: doing nothing, and who sees the future.
_YARDSTICKS = ("none", "oracle")
_OURS = "market"
#: Pain and GiB below this are taken as this, so that ratios have a meaning; where the best rival
#: copies less, ours is not compared.
LEAST_PAIN, LEAST_GIB = 0.01, 1.0
#: More pain than doing nothing by less than this share is noise of the plant's sampling.
NOISE = 0.002

#: Pain of doing nothing up to which nothing hurts, VM-hours.
QUIET_PAIN = 0.1
#: Share of it that the oracle or a rival must leave at most, to show that a cure exists.
CURED = 0.5
#: Where a placement that is there from the first instant leaves more of the best rival's pain than
#: this, which is the aim, nobody reaches the aim by placement.
HALF = 0.5
_AGAINST = ("over_best_rival", "moved_over_best_rival")
_KINDS = {
    "quiet": "nothing hurts: it tests quiet",
    "curable": "the oracle or a rival shows that a cure exists",
    "grace": "nothing but perhaps the market cures it by these means: it tests grace",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table.

    Attributes:
        estate: name of its file.
        hours: simulated.
        about: why it hurts.
        watched: hours before them, in which controllers look and may not act.
    """

    estate: str
    hours: float
    about: str
    watched: float = 0.0


def kind_of(trials: Sequence[Mapping[str, Any]]) -> str:
    """What sort a row is of: ``quiet``, ``curable`` or ``grace``.

    By what doing nothing leaves, and what the oracle and the rivals leave of that; the market has
    no say in which rows count.
    """
    pain = medians({"trials": [t for t in trials if t["controller"] != _OURS]}, "pain")
    nothing = pain.pop("none")
    if nothing <= QUIET_PAIN:
        return "quiet"
    return "curable" if min(pain.values(), default=nothing) <= CURED * nothing else "grace"


def summary(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sums over rows with the same kind of actions.

    Returns:
        ``rows``: per curable row pain of ours over doing nothing's, over the best rival's and GiB
        moved over that rival's (medians over seeds), and pain of our last placement, there from the
        first instant, over the best rival's; and the least that anybody left there, our placement
        at once and the oracle included, over the same; ``geometric_mean``: of these but the fourth
        over the rows;
        ``in_reach``: of the second and third over rows where the fourth is known and is not
        :func:`out_of_reach`;
        ``grace_over_nothing``: the first of them over the rows that nothing cures;
        ``worse_than_nothing``: estates and seeds where ours left more pain than doing nothing;
        ``went_back``, ``within_cooldown``, ``violations``: counts of ours over all trials;
        ``acted_when_quiet``: actions of ours on rows where nothing hurts.
    """
    rows = []
    for entry in entries:
        if entry["kind"] != "curable":
            continue
        pain = medians(entry, "pain")
        moved = medians(entry, "moved_gib")
        rivals = {name: value for name, value in pain.items()
                  if name not in (*_YARDSTICKS, _OURS)}  # fmt: skip
        best = min(rivals, key=lambda name: (rivals[name], moved[name]), default=None)
        row: dict[str, Any] = {
            "estate": entry["estate"],
            "over_nothing": _ratio(pain[_OURS], pain["none"], LEAST_PAIN),
        }
        if best is not None:
            row |= {
                "best_rival": best,
                "over_best_rival": _ratio(pain[_OURS], pain[best], LEAST_PAIN),
            }
            if moved[best] >= LEAST_GIB:
                row["moved_over_best_rival"] = _ratio(moved[_OURS], moved[best], LEAST_GIB)
            least = min(pain.values())
            if entry.get("beamed"):
                beamed = statistics.median(entry["beamed"])
                row["beamed_over_best_rival"] = _ratio(beamed, pain[best], LEAST_PAIN)
                least = min(least, beamed)
            row["least_over_best_rival"] = _ratio(least, pain[best], LEAST_PAIN)
        rows.append(row)
    ours = [trial for entry in entries for trial in entry["trials"]
            if trial["controller"] == _OURS]  # fmt: skip
    quiet = [trial for entry in entries if entry["kind"] == "quiet" for trial in entry["trials"]
             if trial["controller"] == _OURS]  # fmt: skip
    return {
        "rows": rows,
        "geometric_mean": _means(rows, "over_nothing", *_AGAINST, "least_over_best_rival"),
        "in_reach": _means([row for row in _beamed(rows) if not out_of_reach(row)], *_AGAINST),
        "grace_over_nothing": geometric(
            [
                _ratio(pain[_OURS], pain["none"], LEAST_PAIN)
                for entry in entries
                if entry["kind"] == "grace"
                for pain in [medians(entry, "pain")]
            ]
        ),
        "worse_than_nothing": list(_worse(entries)),
        "went_back": sum(trial["went_back"] for trial in ours),
        "within_cooldown": sum(trial["within_cooldown"] for trial in ours),
        "violations": sum(trial["violations"] for trial in ours),
        "acted_when_quiet": sum(trial["moves"] + trial["other_actions"] for trial in quiet),
    }


def out_of_reach(row: Mapping[str, Any]) -> bool:
    """Nobody can halve the best rival's pain on a row, as far as a beamed placement shows.

    A placement that leaves more when it is there at once than its own trial left shows nothing:
    that was good in motion only.
    """
    return HALF < float(row["beamed_over_best_rival"]) <= float(row["over_best_rival"])


def _beamed(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [row for row in rows if "beamed_over_best_rival" in row]


def _reused(found: Mapping[str, Any]) -> str:
    """A sentence on rivals whose trials were run before."""
    commits: dict[str, list[str]] = {}
    for entry in found["rows"]:
        if "rivals_of" in entry and entry["estate"] not in commits.get(entry["rivals_of"], []):
            commits.setdefault(entry["rivals_of"], []).append(entry["estate"])
    commits.pop(found["machine"]["commit"], None)
    if not commits:
        return ""
    said = "; ".join(f"`{commit}` on {', '.join(estates)}" for commit, estates in commits.items())
    return f" Rivals do not depend on the market; some trials of theirs are older: {said}."


def medians(entry: Mapping[str, Any], key: str) -> dict[str, float]:
    """Median over seeds of each controller."""
    return {
        name: statistics.median(trial[key] for trial in trials)
        for name, trials in _grouped(entry).items()
    }


def geometric(values: Sequence[float]) -> float | None:
    """Geometric mean; None of nothing."""
    if not values:
        return None
    return round(math.exp(statistics.fmean(math.log(value) for value in values)), 4)


def _means(rows: Sequence[Mapping[str, Any]], *keys: str) -> dict[str, float | None]:
    return {key: geometric([row[key] for row in rows if key in row]) for key in keys}


def _ratio(ours: float, theirs: float, least: float) -> float:
    return round(max(ours, least) / max(theirs, least), 4)


def _worse(entries: Sequence[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    for entry in entries:
        groups = _grouped(entry)
        nothing = {trial["seed"]: trial["pain"] for trial in groups.get("none", ())}
        for trial in groups.get(_OURS, ()):
            idle = nothing.get(trial["seed"])
            if idle is not None and trial["pain"] > idle * (1.0 + NOISE) + LEAST_PAIN:
                yield {
                    "estate": entry["estate"], "seed": trial["seed"],
                    "pain": trial["pain"], "pain_of_nothing": idle,
                }  # fmt: skip


def _grouped(entry: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for trial in entry["trials"]:
        groups.setdefault(trial["controller"], []).append(trial)
    return groups


# -- the page ------------------------------------------------------------------------------------


def page(found: Mapping[str, Any]) -> str:
    """``results.md``."""
    machine = found["machine"]
    lines = [
        "# Results",
        "",
        "How controllers compare on the plant: the same estates, the same demand and the same "
        "noise for each, and the same hands (two migrations per host, eight in all). Pain is time "
        "that VMs lost waiting for memory, all causes, in VM-hours, weighted by priority. Figures "
        f"are medians over {found['seeds']} seeds, pain with its range; `setting` is what tuning "
        "chose for a rival on that estate, on other seeds and over six hours (a day, where the "
        "row is of three). The market runs "
        "everywhere with the same constants. A row can be cured where the oracle or a rival leaves "
        f"at most {100 * CURED:.0f} % of the pain of doing nothing; nothing hurts where that is at "
        f"most {QUIET_PAIN:g} VM-hours. The same numbers, and every setting that was tried, are in "
        "[results.json](results.json). These are figures of a model, which is ours.",
        "",
        "```console",
        f"$ {found['command']}",
        "```",
        "",
        f"Run on {machine['processor']}, {machine['system']}, Python {machine['python']}, "
        f"NumPy {machine['numpy']}, vsphere-market {machine['vsphere_market']} at commit "
        f"`{machine['commit']}`. Figures do not depend on the machine's speed.{_reused(found)}",
    ]
    for actions, title in (("migrate", "Placement alone"), ("all", "All kinds of action")):
        entries = [entry for entry in found["rows"] if entry["actions"] == actions]
        if entries:
            lines += ["", f"## {title}", "", *_shown(found["summary"][actions], entries)]
    return "\n".join(lines) + "\n"


def _shown(total: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> list[str]:
    mean = total["geometric_mean"]
    lines = []
    if mean["over_nothing"] is not None:
        lines.append(
            f"* Over the rows that can be cured (geometric means) the market leaves "
            f"{_share(mean['over_nothing'])} of the pain of doing nothing (aim: 5 %)."
        )
    if mean["over_best_rival"] is not None:
        lines.append(
            f"* Against the best rival of each row it leaves {_share(mean['over_best_rival'])} of "
            f"the pain (aim: 50 %)"
            + (
                ""
                if mean["moved_over_best_rival"] is None
                else f" and copies {_share(mean['moved_over_best_rival'])} of the GiB (aim: 50 %)"
            )
            + "."
        )
        lines += [
            f"  * {row['estate']}: {_share(row['over_best_rival'])} of the pain of "
            f"{row['best_rival']}, "
            + (
                f"{_share(row['moved_over_best_rival'])} of its GiB."
                if "moved_over_best_rival" in row
                else "which copies nothing."
            )
            for row in total["rows"]
        ]
        lines.append(
            f"* The least that anybody left on each row (rivals, the oracle, the market"
            f"{', its last placement at once' if _beamed(total['rows']) else ''}) is "
            f"{_share(mean['least_over_best_rival'])} of the best rival's pain."
        )
        lines += _in_reach(total)
    if total["grace_over_nothing"] is not None:
        lines.append(
            "* Over the rows that nothing cures it leaves "
            f"{_share(total['grace_over_nothing'])} of the pain of doing nothing."
        )
    worse = total["worse_than_nothing"]
    lines.append(
        "* On no estate and seed is it worse than doing nothing."
        if not worse
        else "* It is worse than doing nothing on "
        + ", ".join(
            f"{item['estate']} seed {item['seed']} "
            f"({figure(item['pain'])} against {figure(item['pain_of_nothing'])}, "
            f"{100 * (item['pain'] / item['pain_of_nothing'] - 1):+.1f} %)"
            for item in worse
        )
        + "."
    )
    lines.append(
        f"* Over all trials it took {total['acted_when_quiet']} actions where nothing hurts, went "
        f"back to a host just left {total['went_back']} times, moved a VM within its cool-down "
        f"{total['within_cooldown']} times, and broke {total['violations']} rules."
    )
    lines += [
        "",
        "| estate | controller | setting | pain | swap-in GiB | balloon GiB·h | moves | moved GiB "
        "| other actions | violations |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for entry in entries:
        for name, trials in _grouped(entry).items():
            lines.append(_line(entry, name, trials))
    lines += ["", "What the estates test:", ""]
    lines += [
        f"* *{entry['estate']}*, {entry['hours']:g} hours{_after(entry)}: {entry['about']}; "
        f"{_KINDS[entry['kind']]}."
        for entry in entries
    ]
    return lines


def _after(entry: Mapping[str, Any]) -> str:
    watched = entry.get("watched_hours", 0.0)
    return f" after {watched:g} in which controllers may only look" if watched else ""


def _in_reach(total: Mapping[str, Any]) -> list[str]:
    """What holds where somebody could halve the best rival's pain."""
    known, mean = _beamed(total["rows"]), total["in_reach"]
    if mean["over_best_rival"] is None:
        return []
    near = [row["estate"] for row in known if not out_of_reach(row)]
    far = ", ".join(
        f"{row['estate']} {_share(row['beamed_over_best_rival'])}"
        for row in known
        if out_of_reach(row)
    )
    copied = mean["moved_over_best_rival"]
    return [
        f"* Where nothing shows that half of the best rival's pain is out of anybody's reach "
        f"({', '.join(near)}) it "
        f"leaves {_share(mean['over_best_rival'])} of it"
        + ("" if copied is None else f" and copies {_share(copied)} of the GiB")
        + "."
        + (
            " On the others its last placement, had it been there from the first instant and "
            f"without copying, would still have left, of the best rival's pain: {far}."
            if far
            else ""
        )
    ]


def _line(entry: Mapping[str, Any], name: str, trials: Sequence[Mapping[str, Any]]) -> str:
    pain = [trial["pain"] for trial in trials]
    setting = str(trials[0].get("setting", name)).partition(":")[2] or "–"
    cells = [
        entry["estate"],
        name,
        setting,
        f"{figure(statistics.median(pain))} ({figure(min(pain))}–{figure(max(pain))})",
        *(
            figure(statistics.median(trial[key] for trial in trials))
            for key in ("swapin_gib", "balloon_gib_hours", "moves", "moved_gib", "other_actions",
                        "violations")
        ),
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def figure(value: float) -> str:
    """Three digits, without exponents."""
    if value == 0:
        return "0"
    digits = max(2 - math.floor(math.log10(abs(value))), 0)
    return f"{value:,.{digits}f}"


def _share(value: float) -> str:
    return f"{figure(100.0 * value)} %"
