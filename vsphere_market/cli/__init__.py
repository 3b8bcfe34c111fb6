"""The terminal: one small module per verb, which calls ``control`` and shows what comes back.

Data goes to stdout, everything for people to stderr. Exit codes: ``errors.ExitCode``.
"""

import os
from typing import NoReturn

from vsphere_market.threads import one_unless_told


def main() -> NoReturn:
    """The console script ``vsphere-market``."""
    # Before anything loads numpy, which the verbs do.
    one_unless_told(os.environ)
    from vsphere_market.cli.frame import main as start

    start()
