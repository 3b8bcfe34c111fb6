"""``whatif``: what becomes of the estate when something changes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from vsphere_market.cli.options import (
    JournalPlace,
    SourceArgs,
    format_options,
    journal_options,
    policy_options,
    source_options,
    with_options,
)
from vsphere_market.cli.report import Format

_CHANGES = "Suppose"
_ASK = "Ask"


@dataclass(frozen=True, slots=True)
class Said:
    """What was said about changes; see ``control.supposing.Supposition``."""

    lose: tuple[str, ...]
    maintenance: tuple[str, ...]
    add_hosts: int
    add_vms: int
    size_gib: float
    grow_pct: float
    memory_factor: float
    refresh: str
    merge: tuple[str, ...]


def change_options(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    lose: Annotated[
        list[str] | None,
        Option(help="A host fails; may be repeated.", metavar="HOST", rich_help_panel=_CHANGES),
    ] = None,
    maintenance: Annotated[
        list[str] | None,
        Option(
            help="A host enters maintenance mode; may be repeated.",
            metavar="HOST",
            rich_help_panel=_CHANGES,
        ),
    ] = None,
    add_hosts: Annotated[
        int, Option(help="So many hosts are added.", metavar="N", rich_help_panel=_CHANGES)
    ] = 0,
    add_vms: Annotated[
        int, Option(help="So many VMs are added.", metavar="N", rich_help_panel=_CHANGES)
    ] = 0,
    size: Annotated[
        float,
        Option(
            help="Size of new VMs; the typical one's unless given.",
            metavar="GIB",
            show_default=False,
            rich_help_panel=_CHANGES,
        ),
    ] = math.nan,
    grow: Annotated[
        float,
        Option(help="Demand grows by this percentage.", metavar="PCT", rich_help_panel=_CHANGES),
    ] = 0.0,
    memory_factor: Annotated[
        float,
        Option(
            help="Hosts have this many times their memory.",
            metavar="FACTOR",
            rich_help_panel=_CHANGES,
        ),
    ] = 1.0,
    refresh: Annotated[
        str,
        Option(
            help="A cluster's hosts are replaced by ones of this memory; 4x1024 for four of them.",
            metavar="[Nx]GIB",
            rich_help_panel=_CHANGES,
        ),
    ] = "",
    merge: Annotated[
        str,
        Option(help="Clusters become one.", metavar="A,B", rich_help_panel=_CHANGES),
    ] = "",
) -> Said:
    """What is supposed."""
    return Said(
        tuple(lose or ()),
        tuple(maintenance or ()),
        add_hosts,
        add_vms,
        size,
        grow,
        memory_factor,
        refresh,
        tuple(name.strip() for name in merge.split(",") if name.strip()),
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked, and about which cluster and policies."""

    other_policies: tuple[Path, ...]
    cluster: str
    headroom: bool
    place: str


def ask_options(
    other_policies: Annotated[
        list[Path] | None,
        Option(
            "--suppose-policies",
            help="Other policies hold than those of --policies; may be repeated.",
            metavar="PATH",
            rich_help_panel=_CHANGES,
        ),
    ] = None,
    cluster: Annotated[
        str,
        Option(help="Which cluster is meant.", metavar="NAME", rich_help_panel=_CHANGES),
    ] = "",
    headroom: Annotated[
        bool, Option("--headroom", help="How many more VMs fit.", rich_help_panel=_ASK)
    ] = False,
    place: Annotated[
        str,
        Option(
            help="Where a new VM should live: its name, and its size unless it is typical.",
            metavar="NAME[:GIB]",
            rich_help_panel=_ASK,
        ),
    ] = "",
) -> Asked:
    """What is asked."""
    return Asked(tuple(other_policies or ()), cluster, headroom, place)


@with_options(
    source=source_options,
    policies=policy_options,
    journal=journal_options,
    how=format_options,
    said=change_options,
    asked=ask_options,
)
def whatif(
    source: SourceArgs,
    policies: tuple[Path, ...],
    journal: JournalPlace | None,
    how: Format,
    said: Said,
    asked: Asked,
) -> None:
    """Suppose hosts, VMs, demand or policies were others, and see prices, pain and the plan.

    Several suppositions hold at once. Nothing is changed, and nothing is written down.
    """
    from vsphere_market.cli.render import busy, show
    from vsphere_market.cli.verbs import whatifview
    from vsphere_market.cli.verbs.shared import warn_of
    from vsphere_market.control.decide import frame, policies_from
    from vsphere_market.control.journals import known_journal
    from vsphere_market.control.supposing import (
        Supposition,
        advice_of,
        changes_of,
        room_left,
        suppose,
    )
    from vsphere_market.errors import UsageError

    today = policies_from(policies)
    refresh_count, refresh_gib = _refreshed(said.refresh)
    newcomer, size_gib = _newcomer(asked.place, said.size_gib)
    wanted = Supposition(
        cluster=asked.cluster,
        policies=policies_from(asked.other_policies) if asked.other_policies else None,
        merge=said.merge,
        memory_factor=said.memory_factor,
        refresh_gib=refresh_gib,
        refresh_count=refresh_count,
        add_hosts=said.add_hosts,
        maintenance=said.maintenance,
        lose=said.lose,
        grow_pct=said.grow_pct,
        add_vms=said.add_vms,
        size_gib=size_gib,
    )
    with source.open() as opened, known_journal(opened, journal) as known:
        with busy(f"reading {opened.label}"):
            taken = opened.observe()
        framed = frame(taken, today, now_s=opened.clock.now_s(), journal=known)
    warn_of(framed)
    if asked.headroom:
        show(whatifview.headroom_report(room_left(framed, wanted)), how)
    elif asked.place:
        show(whatifview.advice_report(advice_of(framed, wanted), newcomer), how)
    elif not changes_of(framed, wanted):
        raise UsageError(
            "nothing is supposed",
            where="whatif",
            cure="give --lose HOST, --add-vms N, --grow PCT or another; or ask --headroom, --place",
        )
    else:
        show(whatifview.outlook_report(suppose(framed, wanted)), how)


def _refreshed(text: str) -> tuple[int, float]:
    """``4x1024`` as four hosts of 1,024 GiB, ``512`` as any number of 512 GiB.

    Raises:
        UsageError: it is neither.
    """
    if not text:
        return 0, math.nan
    count, _, size = text.rpartition("x")
    try:
        return int(count or "0"), float(size)
    except ValueError:
        raise _wrong(
            text, "--refresh", "write 512, or 4x1024 for four hosts of 1,024 GiB"
        ) from None


def _newcomer(text: str, size_gib: float) -> tuple[str, float]:
    """``web-9:16`` as a name and a size; without one it is that of ``--size``.

    Raises:
        UsageError: the size is none.
    """
    name, _, size = text.partition(":")
    try:
        return name, float(size) if size else size_gib
    except ValueError:
        raise _wrong(text, "--place", "write NAME, or NAME:16 for one of 16 GiB") from None


def _wrong(text: str, where: str, cure: str) -> Exception:
    from vsphere_market.errors import UsageError

    return UsageError(f"{text!r} makes no sense", where=where, cure=cure)
