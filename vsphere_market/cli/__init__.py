"""The terminal: one small module per verb, which calls ``control`` and shows what comes back.

Data goes to stdout, everything for people to stderr. Exit codes: ``errors.ExitCode``.
"""

from typing import NoReturn


def main() -> NoReturn:
    """The console script ``vsphere-market``."""
    from vsphere_market.cli.frame import main as start

    start()
