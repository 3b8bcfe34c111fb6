"""Applications as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vsphere_market.cli import words
from vsphere_market.cli.report import Column, Report, Table, Text
from vsphere_market.cli.verbs.explainview import plain_json

if TYPE_CHECKING:
    from vsphere_market.control.applications import ApplicationExplanation
    from vsphere_market.estate import Snapshot
    from vsphere_market.market.applications import Application


def applications_report(found: Sequence[Application]) -> Report:
    """All applications, those that hurt first."""
    from vsphere_market.market import CAUSE_WORDS

    table = Table(
        "Applications",
        (
            Column("application", "application"),
            Column("grouped_by", "by", minor=True),
            Column("running", "VMs", right=True),
            Column("hosts", "hosts", right=True, minor=True),
            Column("bill", "bill", words.points, right=True),
            Column("priority", "priority", right=True, minor=True),
            Column("working_mib", "working set", words.memory, right=True),
            Column("footprint_mib", "footprint", words.memory, right=True, minor=True),
            Column("taken_mib", "taken away", words.memory, right=True),
            Column("swap_in_kibps", "comes back at", words.rate, right=True, minor=True),
            Column("latency_pct", "waits", words.percent, right=True),
            Column("hurt", "hurt", right=True),
            Column("cause", "root cause", lambda cause: CAUSE_WORDS[cause], prose=True),
        ),
        [
            (
                one.name,
                one.grouped_by.value,
                one.running,
                one.hosts,
                one.bill,
                one.priority,
                one.working_mib,
                one.footprint_mib,
                one.taken_mib,
                one.swap_in_kibps,
                one.latency_pct,
                one.hurt,
                one.cause,
            )
            for one in found
        ],
        empty="No application is told from tags, vApps or folders here.",
    )
    head = Text(
        "Applications are told from tags of the categories application, app or service, else from "
        "vApps, else from folders. A bill is what their VMs take of every good, at the prices of "
        "their hosts."
    )
    document = {"applications": [_plain(one) for one in found]}
    return Report(document, [head, table], table)


def application_report(found: ApplicationExplanation, snapshot: Snapshot) -> Report:
    """One application."""
    from vsphere_market.market import CAUSE_WORDS

    one, vms = found.application, snapshot.vms
    hosts = snapshot.hosts
    table = Table(
        "Its VMs, the dearest first",
        (
            Column("vm", "VM"),
            Column("host", "host"),
            Column("bill", "bill", words.points, right=True),
            Column("cause", "root cause", prose=True),
        ),
        [
            (
                vms.name[tenant.row],
                hosts.name[vms.host[tenant.row]] if vms.host[tenant.row] >= 0 else "",
                tenant.bill,
                CAUSE_WORDS[tenant.diagnosis.cause] if tenant.diagnosis else "",
            )
            for tenant in one.tenants
        ],
    )
    state = (
        f"{words.counted(one.hurt, 'VM')} of it hurt: {CAUSE_WORDS[one.cause]}."
        if one.hurt
        else "None of its VMs is hurt."
    )
    head = (
        f"{one.name} ({one.grouped_by.value}): {words.counted(one.running, 'running VM')} on "
        f"{words.counted(one.hosts, 'host')} use {words.memory(one.working_mib)}, and pay "
        f"{words.points(one.bill)} points, {words.share(found.share)} of all that is sold. {state}"
    )
    parts: list[Table | Text] = [Text(head, "bold"), table]
    parts.append(
        Table(
            "What the market would do about it",
            words.STEP_COLUMNS,
            [words.step_row(step) for step in found.steps],
            empty="Nothing.",
        )
    )
    parts += [Text(f"Not done for {item.subject.name}: {item.sentence}") for item in found.refusals]
    from vsphere_market.market.planfile import step_to_json

    document = {
        "application": _plain(one),
        "share": found.share,
        "vms": [
            {
                "vm": vms.name[tenant.row],
                "bill": tenant.bill,
                "cause": tenant.diagnosis.cause.value if tenant.diagnosis else None,
                "because": tenant.diagnosis.because if tenant.diagnosis else None,
            }
            for tenant in one.tenants
        ],
        "steps": [step_to_json(step) for step in found.steps],
        "refusals": plain_json(found.refusals),
    }
    return Report(document, parts, table)


def _plain(one: Application) -> dict[str, Any]:
    """An application as JSON, without its VMs."""
    document: dict[str, Any] = plain_json(one)
    del document["tenants"]
    return document | {"vms": len(one.tenants)}
