"""The command line's frame: one handler that turns every ending into a sentence and a code."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import typer

from vsphere_market.cli.app import app
from vsphere_market.cli.render import say
from vsphere_market.errors import ExitCode, MarketError

PROGRAM = "vsphere-market"
#: What a shell reports for a program that was ended by Ctrl-C; typer's own answer to it.
INTERRUPTED = 130
#: Of typer's vendored or real click: every wrong usage, and every error that it words itself.
_WRONG_USAGE: type[Exception] = typer.BadParameter.__mro__[1]
_WORDED: type[Exception] = typer.BadParameter.__mro__[2]


def main() -> NoReturn:
    """The console script."""
    arguments = sys.argv[1:]
    _prepare("--debug" in arguments)
    sys.exit(run(arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command line, and give its exit code."""
    debug = "--debug" in arguments
    try:
        given = list(arguments) or ["--help"]
        code = app(args=given, prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except MarketError as error:
        return _market_error(error, debug)
    except _WRONG_USAGE as error:
        return _usage_error(error)
    except _WORDED as error:
        say(f"error: {error}")
        return ExitCode.FAILED
    except typer.Abort:
        say("error: stopped before it was done.")
        return ExitCode.FAILED
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        return _broken_pipe()
    except Exception as error:  # noqa: BLE001, RUF100 - the last belt: nobody is shown a traceback
        return _unexpected(error, debug)
    return _interrupted() if code == INTERRUPTED else int(code or 0)


def _market_error(error: MarketError, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    lines = str(error).splitlines() or [""]
    say(f"error: {lines[0]}")
    for line in lines[1:]:
        say(f"       {line}")
    return error.exit_code


def _usage_error(error: Exception) -> int:
    """Wrong options and arguments, worded by typer."""
    words = getattr(error, "format_message", lambda: str(error))()
    # What typer's parser says of itself tells a user nothing.
    words = words.replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else PROGRAM
    words = words if words.endswith((".", "?", "!")) else f"{words}."
    say(f"error: {words} `{path} --help` tells more.")
    return ExitCode.USAGE


def _interrupted() -> int:
    say("stopped: interrupted from the keyboard")
    return INTERRUPTED


def _broken_pipe() -> int:
    """Whoever read our output has gone; nothing is wrong with us. Python must not complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return ExitCode.OK


def _unexpected(error: Exception, debug: bool) -> int:
    details = traceback.format_exc()
    if debug:
        sys.stderr.write(details)
        say("error: this should not happen. Please report it.")
        return ExitCode.FAILED
    # The message itself is left to the file: nobody knows what it holds.
    kind = type(error).__name__
    try:
        where = f"the details are in {_keep(details)}"
    except OSError as problem:
        where = f"and the details could not be written down ({problem.strerror})"
    say(f"error: this should not happen ({kind}): {where}. Add --debug to see them here.")
    return ExitCode.FAILED


def _keep(details: str) -> Path:
    """Write a traceback where the system keeps programs' logs."""
    import time

    import platformdirs

    folder = platformdirs.user_log_path("vsphere-market", appauthor=False)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = time.strftime("error-%Y%m%dT%H%M%SZ", time.gmtime())
    path = folder / f"{name}-{os.getpid()}.log"
    path.write_text(details, encoding="utf-8")
    return path


def _prepare(debug: bool) -> None:
    """Set up what belongs to the process: logging, and streams that take any name."""
    level = logging.DEBUG if debug else logging.WARNING
    logging.basicConfig(
        level=level,
        stream=sys.stderr,
        format="%(asctime)s %(name)s: %(message)s" if debug else "%(levelname)s: %(message)s",
    )
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is no reason to fail.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
