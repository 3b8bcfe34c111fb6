"""The page's second half: the plan, headroom, what changed, every VM, and the method."""

from __future__ import annotations

from vsphere_market.assess import Assessment, Changes, ClusterState, Trend
from vsphere_market.assess.words import amount, counted, per_cent, points
from vsphere_market.port.brief import action_ends
from vsphere_market.report.certificate import proof_of
from vsphere_market.report.html import Html, Part, table, tag, text
from vsphere_market.report.sections import section, strain_word, target_of
from vsphere_market.report.words import KINDS, moment, short_names

#: Steps that stand in the page for paper and for readers without scripts.
STEPS_SHOWN = 15
REFUSALS_SHOWN = 30
#: Changes and proposals that stand in the page.
CHANGES_SHOWN = 60


def plan(made: Assessment) -> Html:
    """What the market would do, what it buys, and the certificate."""
    steps = made.plan.steps
    if not steps:
        body: list[Part] = [tag("p", "The market finds nothing that is worth its disruption.")]
    else:
        body = [_before_after(made), _steps(made)]
    refused = made.plan.refusals
    refusals = (
        tag(
            "details",
            tag("summary", f"What is not done, and why ({len(refused):,})"),
            table(
                ("About", "Why not"),
                [(refusal.subject.name, refusal.sentence) for refusal in refused[:REFUSALS_SHOWN]],
            ),
            tag(
                "p",
                f"… and {len(refused) - REFUSALS_SHOWN:,} more in the JSON file.",
                class_="fine",
            )
            if len(refused) > REFUSALS_SHOWN
            else None,
        )
        if refused
        else None
    )
    return section(
        "plan",
        "What the market would do",
        *body,
        proof_of(made.plan.certificate),
        refusals,
        intro="Hosts sell memory, VMs buy it, prices rise with scarcity. A step is taken only when "
        "what it saves is more than what it disturbs. Nothing has been changed: this is a "
        "proposal made from the file alone.",
    )


def _before_after(made: Assessment) -> Html:
    effect = made.effect
    kinds = ", ".join(f"{number:,} × {KINDS[kind]}" for kind, number in effect.steps.items())
    rows: list[tuple[Part, ...]] = [
        ("Hosts short of memory", f"{effect.short_before:,}", f"{effect.short_after:,}"),
        (
            "Sold beyond what hosts have",
            amount(effect.over_before_mib),
            amount(effect.over_after_mib),
        ),
    ]
    return text(
        tag(
            "div",
            table(("What it buys", "Now", "After the plan"), rows, right=(1, 2)),
            class_="narrow",
        ),
        tag(
            "p",
            f"{counted(len(made.plan.steps), 'step')} ({kinds}); its moves copy "
            f"{amount(effect.copied_mib)} over vMotion networks"
            + (f", and guests are given {amount(effect.grown_mib)}" if effect.grown_mib else "")
            + ". Steps of one wave may run at the same time.",
        ),
    )


def _steps(made: Assessment) -> Html:
    hosts = made.snapshot.hosts.name
    short = dict(zip(hosts, short_names(hosts), strict=True))
    rows = []
    for step in made.plan.steps[:STEPS_SHOWN]:
        before, after = (short.get(end, end) for end in action_ends(step.action))
        rows.append(
            (
                f"{step.wave}",
                KINDS[step.action.kind.value],
                step.action.subject.name,
                before,
                after,
                points(step.saving),
                points(step.disruption),
                step.reason,
            )
        )
    heads = ("Wave", "Kind", "VM", "From", "To", "Saves", "Costs", "Because")
    more = len(made.plan.steps) - len(rows)
    return tag(
        "div",
        tag("h3", "Steps"),
        table(heads, rows, right=(0, 5, 6)),
        tag(
            "p",
            tag("button", f"Show all {len(made.plan.steps):,} steps", type="button"),
            tag(
                "span",
                f" The first {len(rows)} of {len(made.plan.steps):,} are shown.",
                class_="fine",
            ),
            id="more-steps",
        )
        if more > 0
        else None,
        id="steps",
    )


def whatifs(made: Assessment) -> Html:
    """Headroom by cluster, and what would happen if."""
    if not made.clusters:
        return section("whatif", "Headroom", tag("p", "The source tells nothing of clusters."))
    names = made.snapshot.clusters.name
    ranked = sorted(made.clusters, key=lambda cluster: cluster.free_mib)
    rows = [
        (
            names[cluster.row],
            strain_word(cluster.strain),
            f"{cluster.open_hosts:,}",
            f"{cluster.vms:,}",
            amount(cluster.usable_mib),
            amount(cluster.free_mib)
            if cluster.free_mib >= 0
            else tag("b", f"−{amount(-cluster.free_mib)}"),
            _loss(made, cluster),
            _growth(cluster),
        )
        for cluster in ranked
    ]
    heads = (
        "Cluster",
        "Worst host",
        "Hosts",
        "VMs",
        "For sale",
        "Left unsold",
        "If its largest host fails",
        "If 20 usual VMs are added",
    )
    return section(
        "whatif",
        "Headroom, and what if",
        table(heads, rows, right=(2, 3, 4, 5)),
        tag(
            "p",
            "After a failure, VMs start where the market quotes least among hosts that can back "
            "their reservation, the largest reservation first. A usual VM has the median size of "
            "its cluster's running VMs and holds and uses what they do for each GiB of theirs.",
            class_="fine",
        ),
        intro="Left unsold is what VMs would not hold even if nobody squeezed them; below zero the "
        "cluster as a whole has sold too much, and no move can cure that.",
    )


def _loss(made: Assessment, cluster: ClusterState) -> Part:
    loss = cluster.loss
    if loss is None:
        return "its VMs are down: there is no other host"
    name = short_names(made.snapshot.hosts.name)[loss.host]
    if loss.holds and loss.spare_mib >= 0:
        return f"✓ borne: {amount(loss.spare_mib)} left without {name}"
    parts = []
    if loss.stranded:
        parts.append(f"{counted(loss.stranded, 'VM')} of {loss.vms:,} could not start")
    if loss.swap_mib > 0:
        parts.append(f"{amount(loss.swap_mib)} in use would be swapped")
    if loss.spare_mib < 0:
        parts.append(f"{amount(-loss.spare_mib)} short, so it balloons")
    sign = "▲ " if loss.holds else "✖ "
    return tag("span", sign + "; ".join(parts) + f" (without {name})")


def _growth(cluster: ClusterState) -> Part:
    grown = cluster.growth
    if grown is None:
        return "–"
    what = f"{grown.asked} × {amount(grown.size_mib)}: "
    if grown.fit < grown.asked:
        return f"{what}▲ {grown.fit} fit, then hosts balloon {amount(grown.balloon_mib)} more"
    if grown.most >= grown.asked:
        return f"{what}✓ all fit; up to {grown.most:,} with one host kept free"
    kept = f"only {grown.most}" if grown.most else "none"
    return f"{what}◐ all fit, but {kept} if one host is to be kept free"


def changed(changes: Changes, made: Assessment) -> Html:
    """What is different since an earlier file."""
    lead = [tag("p", line) for line in changes.summary]
    if not changes.same_estate:
        return section("changes", "What has changed", *lead)
    rows = [
        (
            _linked(trend, made),
            _measure(trend, trend.before),
            _measure(trend, trend.after),
            {True: "✓ better", False: "▲ worse", None: "same"}[trend.better],
        )
        for trend in changes.trends
    ]
    outcomes = {
        "done": "✓ done since",
        "open": "as before",
        "otherwise": "changed, but not so",
        "gone": "the VM is gone",
    }
    proposals = [
        (proposal.name, proposal.what, outcomes[proposal.outcome], proposal.reason)
        for proposal in changes.proposals[:CHANGES_SHOWN]
    ]
    listed = [
        (change.kind, change.name, change.before or "–", change.after or "–")
        for change in changes.changes[:CHANGES_SHOWN]
    ]
    total = sum(changes.counts.values())
    return section(
        "changes",
        "What has changed",
        *lead,
        table(("Measure", "Then", "Now", ""), rows, right=(1, 2)),
        tag(
            "details",
            tag("summary", f"What the market would have done then ({len(changes.proposals):,})"),
            table(("VM", "Step", "Since then", "Because"), proposals),
        )
        if proposals
        else None,
        tag(
            "details",
            tag("summary", f"Changes of VMs ({total:,})"),
            table(("Change", "VM", "Was", "Is"), listed),
            tag("p", "All that are listed are in the JSON file.", class_="fine")
            if total > len(listed)
            else None,
        )
        if listed
        else None,
        intro=f"Compared with the file of {moment(changes.since_s)}.",
    )


def _linked(trend: Trend, made: Assessment) -> Part:
    """A measure's name, with a link where the page still has what it measures."""
    kind, _, code = trend.target.partition(":")
    if kind == "finding" and made.finding(code) is None:
        return trend.name
    return tag("a", trend.name, href=target_of(trend.target))


def _measure(trend: Trend, value: float) -> str:
    if trend.unit == "MiB":
        return amount(value)
    return f"{points(value)} points" if trend.unit == "points" else f"{value:,.0f}"


def machines(made: Assessment) -> Html:
    """The table of every VM; the script fills it and keeps only what is seen in the page."""
    options = [tag("option", "all causes", value="")]
    options += [
        tag("option", f"{found.title} ({len(found.rows):,})", value=found.code)
        for found in made.findings
        if found.rows[0].table == "vms"
    ]
    quick = [
        tag("option", words, value=value)
        for value, words in (
            ("", "running and off"),
            ("on", "running"),
            ("off", "not running"),
            ("ballooned", "ballooned"),
            ("swapped", "swapped"),
            ("limited", "with a limit"),
            ("reserved", "with a reservation"),
            ("steps", "in the plan"),
        )
    ]
    controls = tag(
        "div",
        tag(
            "label",
            "Search ",
            tag(
                "input",
                type="search",
                id="find",
                placeholder="name, host or system",
                autocomplete="off",
            ),
        ),
        tag("label", "Cluster ", tag("select", id="in-cluster")),
        tag("label", "Cause ", tag("select", options, id="in-finding")),
        tag("label", "State ", tag("select", quick, id="in-state")),
        tag("button", "Clear", type="button", id="clear"),
        tag("button", "Save as CSV", type="button", id="save"),
        class_="controls",
    )
    grid = tag(
        "div",
        tag(
            "table",
            tag("thead", tag("tr", id="vm-head")),
            tag("tbody", id="vm-rows"),
            id="vm-table",
            aria_describedby="vm-count",
        ),
        class_="scroll grid",
        id="vm-scroll",
        tabindex="0",
        role="region",
        aria_label="Table of VMs",
    )
    return section(
        "vms",
        "Every VM",
        controls,
        tag("p", id="vm-count", class_="fine", role="status", aria_live="polite"),
        grid,
        tag(
            "noscript",
            tag("p", "This table needs scripts; the CSV file beside this page holds every VM."),
        ),
        tag(
            "p",
            "Amounts in GiB. Holds: granted, ballooned, swapped and compressed memory together, "
            "what the VM would hold if nobody squeezed it. In use: active memory with "
            f"{per_cent(0.1)} on top. A dash is not given, or no limit.",
            class_="fine",
        ),
    )


def method(made: Assessment) -> Html:
    """How it was done, from what, and how far it can be trusted."""
    snapshot = made.snapshot
    sure = (
        "One instant is not a history. Settings (sizes, limits, reservations, hot-add) are "
        "certain. What hosts have sold is nearly as sure, because VMs seldom give memory back. "
        "What VMs use is a sample of one moment: a VM that sleeps now may be busy at the month's "
        "end, so do not shrink anything by this page alone. Export again at a busy hour, and "
        "compare with --since; or let the market watch a vCenter for some days."
        if made.instant
        else "The counters span several samples or hours, so that peaks of that time are known; "
        "what comes less often is not."
    )
    gaps: Part = (
        tag("ul", [tag("li", line) for line in snapshot.missing])
        if snapshot.missing
        else tag("p", "Nothing was missing.")
    )
    words = (
        (
            "Footprint",
            "what a VM would hold if nobody squeezed it: granted, ballooned, swapped "
            "and compressed memory, at most its size.",
        ),
        ("Working set", "what hurts when it is taken away: active memory and a tenth."),
        (
            "For sale",
            "a host's memory less the VMkernel's use, ESXi's reclaim threshold and what "
            "policy holds back. Where the source gives neither, 1 GiB and 2 % are taken for the "
            "VMkernel, and ESXi's published sliding scale for the threshold.",
        ),
        (
            "Price",
            "1/(1−u)² at load u up to 90 %, then on along its tangent; load counts working "
            "sets, a quarter of idle memory, and overhead.",
        ),
        ("Ballooned", "taken back through the driver in the guest: cheap while it is idle memory."),
        ("Swapped", "written to disk by the host, at random: each page hurts when touched again."),
    )
    source = snapshot.source
    facts = [
        ("Source", f"{source.kind}: {source.name}"),
        ("Taken", moment(snapshot.taken_at_s)),
        (
            "VMs, hosts, clusters",
            f"{len(snapshot.vms):,}, {len(snapshot.hosts):,}, {len(snapshot.clusters):,}",
        ),
        ("vSphere version", source.version or "not given"),
        ("Policies", made.plan.made_from.policies[:16] or "none, defaults"),
        ("Engine", f"vsphere-market {made.plan.made_from.engine}"),
    ]
    return section(
        "method",
        "Method, and how far to trust it",
        tag("p", sure),
        tag("h3", "What the source does not tell"),
        gaps,
        tag("h3", "Words"),
        tag("dl", [text(tag("dt", word), tag("dd", meaning)) for word, meaning in words]),
        tag("h3", "Made from"),
        table(("", ""), facts),
        tag(
            "p",
            "Templates and placeholders of disaster recovery are left out. This page makes no "
            "request to any network, and neither did the program that wrote it.",
            class_="fine",
        ),
    )
