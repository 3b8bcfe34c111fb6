"""One HTML page of a backtest, with everything in it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from vsphere_market.proving import charts

#: Columns of the summary: key of a result, heading, what it means.
COLUMNS = (
    ("pain", "pain", "VM-hours lost waiting for memory, weighted by priority"),
    ("pain_guest_paging", "of it guests' paging", "VM-hours"),
    ("swapin_gib", "swap-in GiB", "read back from hosts' swap"),
    ("balloon_gib_hours", "balloon GiB·h", "held by balloons, times how long"),
    ("swap_gib_hours", "swap GiB·h", "in hosts' swap, times how long"),
    ("moves", "moves", "migrations that succeeded"),
    ("moved_gib", "moved GiB", "copied by migrations"),
    ("other_actions", "other actions", "changes of size, limit, reservation, balloon cap"),
    ("violations", "violations", "rules broken, reservations unbacked, actions refused or failed"),
    ("went_back", "A→B→A", "moves that took a VM back to where it came from"),
)

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2127;--dim:#5d6772;--paper:#fff;--edge:#d9dee4;
--soft:#f4f6f8}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf2;--dim:#9aa6b2;--paper:#14181d;--edge:#333c46;
--soft:#1c2229}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0 auto;
max-width:1200px;padding:1.2rem}
h1{font-size:1.5rem;margin:.2em 0}h2{font-size:1.2rem;margin:1.8em 0 .3em}
p{margin:.4em 0;max-width:75ch}.dim{color:var(--dim)}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .6rem;border-bottom:1px solid var(--edge);text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{background:var(--soft);font-weight:600}
.grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(440px,100%),1fr));gap:1rem}
figure{margin:0;border:1px solid var(--edge);border-radius:6px;padding:.4rem}
svg{width:100%;height:auto;display:block}svg text{font:11px system-ui,sans-serif;fill:var(--dim)}
svg text.title{font-size:13px;font-weight:600;fill:var(--ink)}
.grid{stroke:var(--edge);stroke-width:1}
.front{fill:none;stroke:var(--dim);stroke-width:1.2;stroke-dasharray:3 3}
.lead{stroke:var(--dim);stroke-width:.7}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1rem;align-items:center}
.key{display:inline-flex;gap:.4rem;align-items:center}.key svg{width:34px;height:12px}
.heat{display:inline-block;width:1.4em;height:1em;border:1px solid var(--edge)}
"""


def page(results: Sequence[Mapping[str, Any]], *, title: str, about: str, command: str = "") -> str:
    """The whole page.

    Args:
        results: of any number of estates, controllers and seeds.
        title: its heading.
        about: a sentence below it.
        command: what gives the same results again.
    """
    light = "".join(f"--s{at}:{pair[0]};" for at, pair in enumerate(charts.COLOURS))
    dark = "".join(f"--s{at}:{pair[1]};" for at, pair in enumerate(charts.COLOURS))
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        groups.setdefault(str(result["estate"]), []).append(result)
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{escape(title)}</title><style>:root{{{light}}}"
        f"@media(prefers-color-scheme:dark){{:root{{{dark}}}}}{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1><p>{escape(about)}</p>",
    ]
    if command:
        parts.append(f'<p class="dim">Made by <code>{escape(command)}</code>.</p>')
    parts += [_estate(name, group) for name, group in groups.items()]
    return "\n".join([*parts, "</body></html>\n"])


def by_controller(
    results: Sequence[Mapping[str, Any]],
) -> dict[str, list[Mapping[str, Any]]]:
    """Results of one estate by controller, in the order in which they came.

    Where the same controllers ran with migrations only and with all actions, these are told apart.
    """
    mixed = len({result["action_kinds"] for result in results}) > 1
    found: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        name = str(result["controller"])
        if mixed and result["action_kinds"] == "all":
            name += ", all actions"
        found.setdefault(name, []).append(result)
    return found


def median(results: Sequence[Mapping[str, Any]], key: str) -> float:
    """The median of a measure over seeds."""
    return float(statistics.median(float(result[key]) for result in results))


def _estate(name: str, results: Sequence[Mapping[str, Any]]) -> str:
    groups = by_controller(results)
    style = {label: at for at, label in enumerate(groups)}
    seeds = sorted({int(result["seed"]) for result in results})
    hours = float(results[0]["hours"])
    watched = float(results[0]["watched_hours"])
    before = f" after {watched:g} in which controllers only looked" if watched else ""
    legend = "".join(charts.swatch(label, at) for label, at in style.items())
    parts = [
        f"<h2>{escape(name)}</h2>",
        f'<p class="dim">{hours:g} simulated hours{before}; medians over {len(seeds)} '
        f"seed{'s' if len(seeds) != 1 else ''} ({', '.join(map(str, seeds))}).</p>",
        _summary(groups),
        f'<p class="legend">{legend}</p><div class="grid2">',
    ]
    plots = (
        ("pain", "Pain: VMs standing still at a time", "VMs"),
        ("balloon_gib", "In balloons", "GiB"),
        ("swap_gib", "In hosts' swap", "GiB"),
        ("moves", "Migrations so far", "moves"),
        ("moved_gib", "Copied by migrations so far", "GiB"),
    )
    for key, title, unit in plots:
        hour = min((group[0]["series"]["hour"] for group in groups.values()), key=len)
        series = [
            charts.Series(label, _middle(group, key)[: len(hour)], style[label])
            for label, group in groups.items()
        ]
        parts.append(f"<figure>{charts.lines(title, unit, hour, series)}</figure>")
    points = [
        charts.Point(label, median(group, "moved_gib"), median(group, "pain"), style[label])
        for label, group in groups.items()
    ]
    title = "What pain costs: less is better both ways"
    parts.append(f"<figure>{charts.scatter(title, ('moved GiB', 'pain'), points)}</figure></div>")
    parts.append(
        "<p>What each host's VMs would hold if nobody squeezed them, as a share of its memory, "
        f'with the first seed:</p>{charts.heat_legend()}<div class="grid2">'
    )
    for label, group in groups.items():
        first = min(group, key=lambda result: int(result["seed"]))["series"]
        parts.append(
            f"<figure>{charts.heat(label, first['hosts'], hours, first['claimed'])}</figure>"
        )
    return "\n".join([*parts, "</div>"])


def _summary(groups: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    head = "".join(
        f'<th title="{escape(meaning)}">{escape(title)}</th>' for _, title, meaning in COLUMNS
    )
    rows = "".join(
        f"<tr><td>{escape(label)}</td>"
        + "".join(f"<td>{_cell(group, key)}</td>" for key, _, _ in COLUMNS)
        + "</tr>"
        for label, group in groups.items()
    )
    return (
        f'<div class="scroll"><table><thead><tr><th>controller</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cell(group: Sequence[Mapping[str, Any]], key: str) -> str:
    values = [float(result[key]) for result in group]
    spread = f"{charts.number(min(values))} to {charts.number(max(values))}"
    return f'<span title="{spread}">{charts.number(statistics.median(values))}</span>'


def _middle(group: Sequence[Mapping[str, Any]], key: str) -> list[float]:
    """The median over seeds at each time."""
    return [float(statistics.median(values)) for values in zip(
        *(result["series"][key] for result in group), strict=False)]  # fmt: skip
