"""Options that verbs share, each declared once.

A verb names a bundle as a parameter, and :func:`with_options` puts the bundle's options in its
place: ``@with_options(source=source_options)`` turns ``source: SourceArgs`` into ``--vcenter``,
``--snapshot``, ``--rvtools``, ``--plant`` and the rest. Importing this costs nothing: rooms are
opened late.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar, cast

from typer import Option

from vsphere_market.cli.report import Format

if TYPE_CHECKING:
    from vsphere_market.control.sources import OpenSource, SourceOptions
    from vsphere_market.demand import GuestSource
    from vsphere_market.journal import Place

    JournalPlace: TypeAlias = Place
else:
    # The annotations of verbs are read when the program starts; the journal's room is opened late.
    JournalPlace = object

F = TypeVar("F", bound=Callable[..., Any])

_SOURCE = "Source (one of them)"
_TRUST = "vCenter"
_OUTPUT = "Output"


def with_options(**bundles: Callable[..., Any]) -> Callable[[F], F]:
    """Replace parameters of a verb by the options of their bundles; adds ``--debug`` as well.

    Args:
        bundles: parameter name -> function whose parameters are options, and whose result is what
            the verb is given.
    """

    def decorate(verb: F) -> F:
        parts = {
            name: inspect.signature(bundle, eval_str=True).parameters
            for name, bundle in bundles.items()
        }
        own = inspect.signature(verb, eval_str=True).parameters

        def call(**given: Any) -> Any:
            # It is looked for on the whole command line before anything is parsed.
            del given["debug"]
            for name, bundle in bundles.items():
                given[name] = bundle(**{part: given.pop(part) for part in parts[name]})
            return verb(**given)

        merged: list[inspect.Parameter] = []
        for parameter in own.values():
            merged += parts[parameter.name].values() if parameter.name in parts else [parameter]
        merged += inspect.signature(_debug, eval_str=True).parameters.values()
        merged = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in merged]
        functools.update_wrapper(call, verb)
        # typer is to see the merged options, not those of the verb that is wrapped.
        vars(call).pop("__wrapped__")
        vars(call)["__signature__"] = inspect.Signature(merged)
        call.__annotations__ = {item.name: item.annotation for item in merged}
        return cast(F, call)

    return decorate


def _debug(
    debug: Annotated[
        bool,
        Option("--debug", help="Log everything, and show tracebacks.", rich_help_panel=_OUTPUT),
    ] = False,
) -> None:
    """The option that every verb has."""


@dataclass(frozen=True, slots=True)
class SourceArgs:
    """What was said about the source; see ``control.sources.SourceOptions``."""

    vcenter: str
    user: str
    ca_file: Path | None
    pin: str
    insecure: bool
    snapshot: Path | None
    plant: str
    rvtools: Path | None
    guests: Path | None

    def options(self) -> SourceOptions:
        """The same in control's words."""
        from vsphere_market.control.sources import SourceOptions

        return SourceOptions(
            self.vcenter,
            self.user,
            self.ca_file,
            self.pin,
            self.insecure,
            self.snapshot,
            self.plant,
            self.rvtools,
            _guests(self.guests),
        )

    def prompt(self) -> Callable[[str], str] | None:
        """Asks for a password; None where nobody can answer."""
        from vsphere_market.cli.render import is_terminal

        return ask_password if is_terminal() else None

    def open(self) -> OpenSource:
        """Open the source; asks for a password where somebody can answer."""
        from vsphere_market.cli.render import busy
        from vsphere_market.control.sources import open_source

        prompt = self.prompt()
        what = "warming up the plant" if self.plant else f"reading {self.rvtools}"
        with busy(what) if self.plant or self.rvtools else _nothing():
            return open_source(self.options(), environ=os.environ, prompt=prompt)


def source_options(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    vcenter: Annotated[
        str,
        Option(
            help="vCenter to work with: HOST, HOST:PORT or USER@HOST. Also GOVC_URL.",
            metavar="HOST",
            rich_help_panel=_SOURCE,
        ),
    ] = "",
    snapshot: Annotated[
        Path | None,
        Option(help="A snapshot file.", metavar="FILE", rich_help_panel=_SOURCE),
    ] = None,
    rvtools: Annotated[
        Path | None,
        Option(
            help="An RVTools export: the .xlsx, or the folder of CSV files.",
            metavar="FILE",
            rich_help_panel=_SOURCE,
        ),
    ] = None,
    plant: Annotated[
        str,
        Option(
            help="A simulated estate: a file, or the name of one that is shipped (demo).",
            metavar="ESTATE",
            rich_help_panel=_SOURCE,
        ),
    ] = "",
    guests: Annotated[
        Path | None,
        Option(
            help="Guests' own figures: a CSV file with vm, needed_mib, page_in_kibps; or the word "
            "operations, to ask VMware Operations (OPERATIONS_URL …).",
            metavar="FILE",
            envvar="VSPHERE_MARKET_GUESTS",
            rich_help_panel=_SOURCE,
        ),
    ] = None,
    user: Annotated[
        str,
        Option(
            help="Login name. Also GOVC_USERNAME. The password comes from GOVC_PASSWORD, "
            "GOVC_PASSWORD_FILE, GOVC_PASSWORD_VAULT, the keyring, or a prompt.",
            metavar="NAME",
            rich_help_panel=_TRUST,
        ),
    ] = "",
    ca_file: Annotated[
        Path | None,
        Option(
            help="Trust this certificate authority. Also GOVC_TLS_CA_CERTS.",
            metavar="PEM",
            rich_help_panel=_TRUST,
        ),
    ] = None,
    pin: Annotated[
        str,
        Option(
            help="Trust the one certificate with this fingerprint.",
            metavar="SHA256",
            rich_help_panel=_TRUST,
        ),
    ] = "",
    insecure: Annotated[
        bool,
        Option(
            "--insecure",
            help="Do not verify the certificate. Also GOVC_INSECURE.",
            rich_help_panel=_TRUST,
        ),
    ] = False,
) -> SourceArgs:
    """Where the estate is."""
    return SourceArgs(vcenter, user, ca_file, pin, insecure, snapshot, plant, rvtools, guests)


def _guests(given: Path | None) -> Path | GuestSource | None:
    """A file of guests' figures, or Operations."""
    if given != Path("operations"):
        return given
    from vsphere_market.integrations.operations import Operations, OperationsGuests, login_from

    return OperationsGuests(Operations(login_from("")))


def policy_options(
    policies: Annotated[
        list[Path] | None,
        Option(
            "--policies",
            "-p",
            help="Policy file or folder; may be given several times.",
            metavar="PATH",
            envvar="VSPHERE_MARKET_POLICIES",
        ),
    ] = None,
) -> tuple[Path, ...]:
    """What the business wants."""
    return tuple(policies or ())


def journal_options(
    journal: Annotated[
        str,
        Option(
            help="The journal: a file, or postgresql://USER@HOST/DATABASE. By default the user's "
            "own file; that of a plant ends with the command.",
            metavar="PLACE",
            envvar="VSPHERE_MARKET_JOURNAL",
        ),
    ] = "",
) -> JournalPlace | None:
    """Where everything is written down."""
    if not journal:
        return None
    import sys

    from vsphere_market.journal import place_from

    typed = any(word.partition("=")[0] == "--journal" for word in sys.argv)
    said = os.environ.get("VSPHERE_MARKET_JOURNAL")
    return place_from(journal, option=typed or journal != said)


def format_options(
    how: Annotated[
        Format,
        Option(
            "--format",
            help="How data is written to stdout.",
            envvar="VSPHERE_MARKET_FORMAT",
            rich_help_panel=_OUTPUT,
        ),
    ] = Format.TABLE,
) -> Format:
    """How to show it."""
    return how


def ask_password(question: str) -> str:
    """Ask the person at the terminal, without an echo."""
    import getpass

    return getpass.getpass(question)


class _nothing:  # noqa: N801 - reads like contextlib.nullcontext, without importing it
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_exc: object) -> None:
        return None
