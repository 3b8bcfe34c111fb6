"""``serve``: the market over HTTP, for the console, workflows and monitoring."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from vsphere_market.cli.options import (
    JournalPlace,
    SourceArgs,
    journal_options,
    policy_options,
    source_options,
    with_options,
)

if TYPE_CHECKING:
    from vsphere_market.service.server import Server
    from vsphere_market.service.state import Service

_ACCESS = "Access"
#: While serving, a request to stop is heard this often, seconds.
_SLICE_S = 0.5
#: The first look at a large estate takes a while; the address is shown at once anyway.
_FIRST_S = 600.0


@with_options(source=source_options, policies=policy_options, journal=journal_options)
def serve(  # noqa: PLR0913, PLR0917 - one parameter per option
    source: SourceArgs,
    policies: tuple[Path, ...],
    journal: JournalPlace | None,
    listen: Annotated[
        str, Option(help="Address and port.", metavar="HOST:PORT", envvar="VSPHERE_MARKET_LISTEN")
    ] = "127.0.0.1:8443",
    interval: Annotated[
        str,
        Option(
            help="From one look at the estate to the next: 30s, 5m, 1h.",
            metavar="SPAN",
            envvar="VSPHERE_MARKET_INTERVAL",
        ),
    ] = "5m",
    loop: Annotated[
        bool,
        Option("--loop", help="Also carry out, unasked, what policies make automatic."),
    ] = False,
    speed: Annotated[
        float,
        Option(help="How much faster than ours a plant's time passes.", min=0.1, max=3600.0),
    ] = 20.0,
    tls_cert: Annotated[
        Path | None,
        Option(
            "--tls-cert",
            help="Certificate with its chain. On loopback one is made when none is given.",
            metavar="PEM",
            rich_help_panel=_ACCESS,
        ),
    ] = None,
    tls_key: Annotated[
        Path | None,
        Option("--tls-key", help="Its private key.", metavar="PEM", rich_help_panel=_ACCESS),
    ] = None,
    name: Annotated[
        list[str] | None,
        Option(
            help="Another name by which callers address it; may be repeated.",
            metavar="NAME",
            rich_help_panel=_ACCESS,
        ),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        Option(
            "--allow-origin",
            help="Another origin whose pages may call; may be repeated.",
            metavar="URL",
            rich_help_panel=_ACCESS,
        ),
    ] = None,
    frame_ancestor: Annotated[
        list[str] | None,
        Option(
            "--frame-ancestor",
            help="An origin that may embed the console, as the vSphere Client does.",
            metavar="URL",
            rich_help_panel=_ACCESS,
        ),
    ] = None,
    tokens: Annotated[
        Path | None,
        Option(
            help="The file of API tokens. By default the user's own.",
            metavar="FILE",
            envvar="VSPHERE_MARKET_TOKENS",
            rich_help_panel=_ACCESS,
        ),
    ] = None,
    reads_per_s: Annotated[
        float,
        Option("--reads-per-s", help="What one caller may ask.", rich_help_panel=_ACCESS, min=0.1),
    ] = 50.0,
    vm_series: Annotated[
        int, Option("--vm-series", help="Squeezed VMs with metrics of their own.", min=0)
    ] = 100,
) -> int:
    """Serve the market over HTTPS: REST, events, metrics, webhooks and the console.

    Looks at the estate on the beat, decides, and writes down. Nothing is carried out but what
    somebody approved and applied through it; with --loop also what policies make automatic.
    """
    from vsphere_market.cli.render import busy, say
    from vsphere_market.cli.sdnotify import SystemdNotifier
    from vsphere_market.cli.verbs.shared import stop_on_signals
    from vsphere_market.cli.words import seconds
    from vsphere_market.control.decide import policies_from
    from vsphere_market.control.sources import SourceKind, session_cloner
    from vsphere_market.service.server import Server, open_socket
    from vsphere_market.service.settings import Limits, ServeSettings, listen_address
    from vsphere_market.service.state import Service
    from vsphere_market.service.tls import identity
    from vsphere_market.service.vcenter import ClientSessions

    host, port = listen_address(listen)
    settings = ServeSettings(
        host=host,
        port=port,
        certificate=tls_cert,
        key=tls_key,
        names=tuple(name or ()),
        origins=tuple(allow_origin or ()),
        frame_ancestors=tuple(frame_ancestor or ()),
        interval_s=seconds(interval, "--interval"),
        loop=loop,
        speed=speed,
        vm_series=vm_series,
        limits=Limits(reads_per_s=reads_per_s),
        tokens=tokens,
    )
    shown = identity(settings)
    wanted = policies_from(policies)
    with (
        source.open() as opened,
        open_socket(settings) as bound,
        stop_on_signals() as cancel,
        Service(opened, wanted, journal, settings) as service,
        Server(
            service,
            bound,
            shown,
            ClientSessions(session_cloner(source.options()))
            if opened.kind is SourceKind.VCENTER
            else None,
        ) as server,
    ):
        say(f"serving {opened.label} at {server.address.url} ({service.stage})")
        if shown.self_made:
            say(f"  its certificate was made here; SHA-256 {shown.fingerprint}")
        _tell_the_way_in(service, server)
        systemd = SystemdNotifier()
        systemd.ready(f"serving {opened.label} at {server.address.url}")
        with busy(f"looking at {opened.label}"):
            waited_s = 0.0
            while not service.wait_ready(_SLICE_S) and not cancel.is_set():
                waited_s += _SLICE_S
                if waited_s >= _FIRST_S or service.last_error is not None:
                    break
        if service.last_error is not None:
            say(f"error: {service.last_error}")
        while server.alive and not cancel.wait(_SLICE_S):
            systemd.feed()
        systemd.stopping()
    return 0


def _tell_the_way_in(service: Service, server: Server) -> None:
    """A way in for whoever sits here; a service without a terminal has its tokens in the file."""
    from vsphere_market.cli.render import is_terminal, say
    from vsphere_market.control.sources import SourceKind
    from vsphere_market.service.roles import Role

    if service.source.kind is SourceKind.PLANT or is_terminal():
        _, secret = service.tokens.lend("this terminal", Role.ADMIN)
        say(f"  open {server.address.url}/#token={secret}")
        say("  that token is an admin's, and ends with this program")
    elif not service.tokens.all():
        say("  nobody can log in yet: `vsphere-market tokens create` makes a token")
