"""``doctor``: what would keep the product from working, each finding with its cure."""

from __future__ import annotations

from vsphere_market.cli.options import SourceArgs, format_options, source_options, with_options
from vsphere_market.cli.report import Format
from vsphere_market.errors import ExitCode

#: Findings in the order in which they matter.
_ORDER = ("error", "warning", "info", "ok")


@with_options(source=source_options, how=format_options)
def doctor(source: SourceArgs, how: Format) -> int:
    """Look at connection, certificate, privileges, clocks, counters, vMotion, DRS and HA.

    Ends with 1 when something is found that keeps the product from working.
    """
    from vsphere_market.cli import words
    from vsphere_market.cli.render import busy, show
    from vsphere_market.cli.report import Report, Table

    with source.open() as opened, busy(f"examining {opened.label}"):
        findings = opened.checkup()
    findings = sorted(findings, key=lambda item: _ORDER.index(item.severity.value))
    wrong = [item for item in findings if item.severity.value == "error"]
    table = Table(
        f"{opened.label}: {words.counted(len(findings), 'finding')}, "
        f"{words.counted(len(wrong), 'error')}",
        words.FINDING_COLUMNS,
        words.finding_rows(findings),
        empty="Nothing was found.",
    )
    document = {
        "source": opened.label,
        "findings": [
            {
                "severity": item.severity.value,
                "code": item.code,
                "subject": item.subject,
                "what": item.what,
                "cure": item.cure,
            }
            for item in findings
        ],
    }
    show(Report(document, [table], table), how)
    return ExitCode.FAILED if wrong else ExitCode.OK
