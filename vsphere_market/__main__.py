"""``python -m vsphere_market`` is ``vsphere-market``."""

from vsphere_market.cli import main

main()
