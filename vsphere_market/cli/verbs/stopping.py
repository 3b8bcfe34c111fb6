"""``stop`` and ``resume``: the global stop switch."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from vsphere_market.cli.options import JournalPlace, journal_options, with_options
from vsphere_market.errors import ExitCode


@with_options(journal=journal_options)
def stop(
    journal: JournalPlace | None,
    reason: Annotated[str, Option(help="Why, for the others.", metavar="TEXT")] = "",
) -> int:
    """Stop all that work with this journal: no further step is begun, on any vCenter.

    What is under way in vCenter is watched to its end. Loops go on looking and deciding.
    """
    import time

    from vsphere_market.cli.render import say
    from vsphere_market.cli.verbs.shared import origin, who
    from vsphere_market.journal import Halt, default_path, open_journal

    place = _existing(journal or default_path())
    with open_journal(place) as kept:
        kept.stop(Halt(who(), time.time(), reason), origin())
        say(f"stopped: no further step is begun by anybody who works with {kept.place}")
    return ExitCode.OK


def _existing(place: JournalPlace) -> JournalPlace:
    """A journal that is there: a new one would be heard by nobody.

    Raises:
        JournalError: there is none.
    """
    from vsphere_market.errors import JournalError
    from vsphere_market.journal import journal_exists

    if not journal_exists(place):
        raise JournalError(
            "there is no journal, so nobody would hear it",
            where=str(place),
            cure="name with --journal the one that the loop works with",
        )
    return place


@with_options(journal=journal_options)
def resume(journal: JournalPlace | None) -> int:
    """Let things go on after `stop`."""
    import time

    from vsphere_market.cli.render import say, warn
    from vsphere_market.cli.verbs.shared import origin, who
    from vsphere_market.control.stop import stop_file
    from vsphere_market.journal import default_path, open_journal

    with open_journal(_existing(journal or default_path())) as kept:
        was = kept.resume(who(), time.time(), origin())
    say("nobody had said stop" if was is None else f"was {was.sentence}; things go on now")
    file = stop_file()
    if file is not None and file.exists():
        warn(f"the file {file} still says stop to programs of this user; remove it")
    return ExitCode.OK
