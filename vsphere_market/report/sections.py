"""The page's first half: headline numbers, summary, pressure, root causes."""

from __future__ import annotations

from vsphere_market.assess import (
    Assessment,
    ClusterState,
    Finding,
    HostState,
    Level,
    Statement,
    Strain,
)
from vsphere_market.assess.words import amount, counted, per_cent
from vsphere_market.report.charts import Bar, bars, legend
from vsphere_market.report.html import Html, Part, table, tag, text
from vsphere_market.report.words import (
    BASES,
    LEVELS,
    STRAIN_MEANINGS,
    STRAINS,
    short_names,
)

#: Rows of a finding that stand in the page itself; all are in the table of VMs and in the files.
ROWS_SHOWN = 10
#: Clusters of the chart and host tiles; the fullest come first and the rest is in the table.
CLUSTERS_SHOWN = 60


#: What a link to each part of the page says.
_SEE = {
    "finding": "see the rows",
    "hosts": "see the hosts",
    "clusters": "see the clusters",
    "plan": "see the plan",
    "whatif": "see the clusters",
    "vms": "see the VMs",
    "method": "see why",
}


def target_of(statement_target: str) -> str:
    """The part of the page that a statement counts."""
    kind, _, code = statement_target.partition(":")
    return f"#finding-{code}" if kind == "finding" else f"#{kind}"


def section(ident: str, title: str, *parts: Part, intro: Part = None) -> Html:
    """A part of the page with a heading that can be linked to."""
    lead = tag("p", intro, class_="intro") if intro else None
    return tag(
        "section",
        tag("h2", title, id=f"{ident}-title"),
        lead,
        *parts,
        id=ident,
        aria_labelledby=f"{ident}-title",
    )


def summary(made: Assessment) -> Html:
    """Headline numbers and sentences, each linked to what it counts."""
    effect = made.effect
    ballooned = sum(host.ballooned_mib for host in made.hosts)
    swapped = sum(host.swapped_mib for host in made.hosts)
    room = [found for found in made.findings if found.level is Level.ROOM]
    tiles = []
    if made.hosts:
        tiles += [
            _tile(
                f"{effect.short_before:,}",
                f"of {counted(len(made.hosts), 'host')} short of memory",
                "#hosts",
                bad=effect.short_before > 0,
            ),
            _tile(
                amount(effect.over_before_mib),
                "sold beyond what hosts have",
                "#hosts",
                bad=effect.over_before_mib > 0,
            ),
        ]
    tiles += [
        _tile(
            amount(ballooned),
            "ballooned away from VMs",
            "#vms",
            bad=ballooned > 0,
            state="ballooned",
        ),
        _tile(amount(swapped), "swapped out by hosts", "#vms", bad=swapped > 0, state="swapped"),
    ]
    if room:
        tiles.append(
            _tile(
                amount(room[0].memory_mib),
                f"to be had: {room[0].title.lower().replace('vms', 'VMs')}",
                f"#finding-{room[0].code}",
                bad=False,
            )
        )
    lines = [_statement(line) for line in made.statements]
    return section(
        "summary",
        "In short",
        tag("div", tiles, class_="tiles"),
        tag("ul", lines, class_="statements"),
    )


def _tile(number: str, words: str, target: str, *, bad: bool, state: str | None = None) -> Html:
    return tag(
        "a",
        tag("strong", number),
        tag("span", words),
        href=target,
        class_="tile bad" if bad else "tile",
        data_state=state,
    )


def _statement(line: Statement) -> Html:
    mark = {"good": "✓", "bad": "!", "plain": "·"}[line.tone]
    label = {"good": "good: ", "bad": "needs attention: ", "plain": ""}[line.tone]
    return tag(
        "li",
        tag("span", mark, class_="tone", aria_hidden="true"),
        tag(
            "span",
            tag("span", label, class_="sr") if label else None,
            line.text,
            " ",
            tag(
                "a",
                _SEE[line.target.partition(":")[0]],
                href=target_of(line.target),
                class_="trace",
            ),
        ),
        class_=line.tone,
    )


def pressure(made: Assessment) -> Html:
    """Chart of clusters, map of hosts, and the table behind both."""
    if not made.hosts:
        return section(
            "hosts", "Pressure", tag("p", "The source tells nothing of hosts.", class_="intro")
        )
    names = made.snapshot.clusters.name
    ranked = sorted(
        (cluster for cluster in made.clusters if cluster.usable_mib > 0),
        key=lambda cluster: -cluster.footprint_mib / cluster.usable_mib,
    )
    chart = bars(
        [_bar(names[cluster.row], cluster, made) for cluster in ranked[:CLUSTERS_SHOWN]],
        caption="Memory of each cluster: used, held and what is for sale",
    )
    more = len(ranked) - CLUSTERS_SHOWN
    return section(
        "hosts",
        "Where memory is pressed",
        tag("h3", "Clusters", id="clusters"),
        legend(
            ("used", "in use now"),
            ("held", "held but idle"),
            ("over", "sold beyond what there is"),
            ("mark", "what is left when the largest host fails"),
        ),
        chart,
        tag("p", f"{more:,} emptier clusters are in the table of headroom below.")
        if more > 0
        else None,
        tag("h3", "Hosts"),
        tag(
            "p",
            "Each tile is a host with what it has sold, in per cent of what it has for sale. "
            "Choose one to see its VMs.",
            class_="intro",
        ),
        _strain_legend(),
        tag(
            "div",
            tag("span", "Show hosts"),
            tag("button", "as they are", type="button", id="when-now", aria_pressed="true"),
            tag("button", "after the plan", type="button", id="when-after", aria_pressed="false"),
            class_="switch",
            role="group",
            aria_label="Show hosts as they are or after the plan",
        ),
        tag("div", _tiles(made, ranked), class_="map"),
        _host_table(made),
        intro="What VMs would hold if nobody squeezed them, against what hosts have for sale: "
        "physical memory less the VMkernel's own and what ESXi keeps free. Above 100 % ESXi "
        "takes memory back by balloon, and by swap where balloons do not suffice.",
    )


def _bar(name: str, cluster: ClusterState, made: Assessment) -> Bar:
    usable = cluster.usable_mib
    held, used = cluster.footprint_mib / usable, cluster.working_mib / usable
    mark = None
    if cluster.loss is not None:
        mark = (cluster.loss.spare_mib + cluster.footprint_mib) / usable
    hard = sum(
        1
        for host in made.hosts
        if host.cluster == cluster.row and host.strain in (Strain.SHORT, Strain.SWAPS)
    )
    word, _ = STRAINS[cluster.strain]
    return Bar(
        name,
        used,
        held,
        mark,
        f"{per_cent(held)}" + (f", {counted(hard, 'host')} short" if hard else ""),
        f"{name}: {amount(cluster.working_mib)} in use and {amount(cluster.footprint_mib)} held of "
        f"{amount(usable)} for sale on {counted(cluster.open_hosts, 'host')}; worst host: {word}",
    )


def _strain_legend() -> Html:
    entries = [
        tag(
            "li",
            tag("span", sign, class_=f"chip {word}", aria_hidden="true"),
            tag("b", word),
            f" {STRAIN_MEANINGS[strain]}",
        )
        for strain, (word, sign) in STRAINS.items()
    ]
    return tag("ul", entries, class_="legend strains")


def _tiles(made: Assessment, ranked: list[ClusterState]) -> list[Html]:
    names = made.snapshot.clusters.name
    groups = [(names[cluster.row], cluster.row) for cluster in ranked]
    groups += [("without a cluster", -1)]
    shown = []
    for name, row in groups:
        mine = [host for host in made.hosts if host.cluster == row]
        if not mine:
            continue
        tiles = [_host_tile(made, host) for host in mine]
        shown.append(tag("div", tag("h4", name), tag("div", tiles, class_="hosts"), class_="group"))
    return shown


def _host_tile(made: Assessment, host: HostState) -> Html:
    name = made.snapshot.hosts.name[host.row]
    word, sign = STRAINS[host.strain]
    share = round(100 * host.footprint_mib / max(host.usable_mib, 1.0))
    title = (
        f"{name}: {word}. {counted(host.vms, 'VM')} would hold {amount(host.footprint_mib)} of "
        f"{amount(host.usable_mib)}; {amount(host.ballooned_mib)} ballooned, "
        f"{amount(host.swapped_mib)} swapped. After the plan: "
        f"{round(100 * host.footprint_after_mib / max(host.usable_mib, 1.0))} %, "
        f"{STRAINS[host.strain_after][0]}."
    )
    return tag(
        "a",
        tag("span", sign, class_="sign"),
        tag("span", f"{share}", class_="share"),
        href="#vms",
        class_=f"host {word}",
        title=title,
        aria_label=title,
        data_host=host.row,
    )


def _host_table(made: Assessment) -> Html:
    ranked = sorted(made.hosts, key=lambda host: (-host.price, host.row))
    names, clusters = short_names(made.snapshot.hosts.name), made.snapshot.clusters.name
    rows = [
        (
            tag(
                "a",
                names[host.row],
                href="#vms",
                data_host=host.row,
                title=made.snapshot.hosts.name[host.row],
            ),
            clusters[host.cluster] if host.cluster >= 0 else "–",
            strain_word(host.strain),
            f"{host.vms:,}",
            amount(host.usable_mib),
            amount(host.working_mib),
            amount(host.footprint_mib),
            per_cent(host.footprint_mib / max(host.usable_mib, 1.0)),
            amount(host.ballooned_mib),
            amount(host.swapped_mib),
            amount(host.reserved_mib),
            f"{host.price:,.1f}",
            f"{host.price_after:,.1f}",
        )
        for host in ranked
    ]
    heads = (
        "Host",
        "Cluster",
        "State",
        "VMs",
        "For sale",
        "In use",
        "Would hold",
        "Sold",
        "Ballooned",
        "Swapped",
        "Reserved",
        "Price",
        "Price after",
    )
    return tag(
        "details",
        tag("summary", f"Every host in numbers ({len(rows):,})"),
        table(heads, rows, right=range(3, 13)),
        tag(
            "p",
            "Price: what one more MiB of working set costs the estate there, in points; 1 on an "
            "empty host, and steeply more as it fills.",
            class_="fine",
        ),
    )


def causes(made: Assessment) -> Html:
    """Root causes by level, each with its rows."""
    parts: list[Html] = []
    nth = 0
    for level, (title, intro) in LEVELS.items():
        mine = [found for found in made.findings if found.level is level]
        if not mine:
            continue
        largest = mine[0].memory_mib
        cards = []
        for found in mine:
            nth += 1
            cards.append(_card(made, found, nth, largest))
        parts.append(
            text(
                tag("h3", title, class_=f"level {level.value}"),
                tag("p", intro, class_="intro"),
                tag("div", cards, class_="cards"),
            )
        )
    if not parts:
        parts.append(tag("p", "Nothing was found."))
    return section(
        "causes",
        "Root causes, by the memory they affect",
        *parts,
        intro="Each cause says how its memory is counted, and every row behind it can be shown. "
        "A VM may be counted under several causes, so they do not add up to a total.",
    )


def _card(made: Assessment, found: Finding, nth: int, largest: float) -> Html:
    word, meaning = BASES[found.basis]
    if found.basis.value != "setting" and not made.instant:
        meaning = meaning.replace(" of one instant; watch it for longer", " and their history")
        meaning = meaning.replace(" of one instant", " and their history")
    rows = [
        (
            made.snapshot.table(row.table).name[row.row],  # type: ignore[attr-defined]
            amount(row.mib),
            row.note,
        )
        for row in found.rows[:ROWS_SHOWN]
    ]
    share = found.memory_mib / largest if largest > 0 else 0.0
    kind = {"vms": "VM", "hosts": "host", "clusters": "cluster", "pools": "pool"}[
        found.rows[0].table
    ]
    more = len(found.rows) - len(rows)
    shown = (
        tag(
            "a",
            "Show all of them in the table of VMs",
            href="#vms",
            data_finding=found.code,
        )
        if kind == "VM"
        else None
    )
    behind = tag(
        "details",
        tag("summary", f"How it is counted, and the {counted(len(found.rows), 'row')} behind it"),
        tag("p", f"Counted: {found.counted}. How sure: {word}, {meaning}. ", shown),
        table((kind if kind == "VM" else kind.capitalize(), "Memory", "Numbers"), rows, right=(1,)),
        tag("p", f"… and {more:,} more; all are in the CSV and JSON files.", class_="fine")
        if more > 0
        else None,
    )
    meter = tag(
        "svg",
        tag("rect", x=0, y=0, width=100, height=6, class_="rail"),
        tag("rect", x=0, y=0, width=round(max(100 * share, 1.0), 1), height=6, class_="fill"),
        viewBox="0 0 100 6",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
    return tag(
        "article",
        tag(
            "header",
            tag("h4", f"{nth}. {found.title}", id=f"finding-{found.code}"),
            tag("span", word, class_="badge", title=meaning),
        ),
        tag(
            "div",
            tag("strong", amount(found.memory_mib)),
            meter,
            tag("span", counted(len(found.rows), kind), class_="fine"),
            class_="measure",
        ),
        tag(
            "div",
            tag("p", found.what),
            tag("p", found.why, class_="why"),
            tag("p", tag("b", "Cure: "), found.cure, class_="cure"),
            class_="told",
        ),
        behind,
        class_=f"card {found.level.value}",
    )


def strain_word(strain: Strain) -> Html:
    """A strain as a chip and its word."""
    word, sign = STRAINS[strain]
    return text(tag("span", sign, class_=f"chip {word}"), f" {word}")
