"""The real vCenter behind the port: connection, inventory, counters and tasks by pyVmomi.

The only room that speaks to a vCenter. Gives snapshots and task handles in the project's own
nouns; no pyVmomi object leaves it. To connect::

    target = target_from("vcenter.example.com", user="market@vsphere.local")
    credentials = credentials_for(target, prompt=getpass)
    with PyVmomiVCenter(target, credentials) as vcenter:
        snapshot = vcenter.observe()
"""

from vsphere_market.adapter.counters import CounterSettings
from vsphere_market.adapter.credentials import Credentials, credentials_for
from vsphere_market.adapter.session import Timeouts
from vsphere_market.adapter.target import Target, TlsMode, target_from
from vsphere_market.adapter.vcenter import AdapterSettings, PyVmomiVCenter
from vsphere_market.secret import Secret

__all__ = [
    "AdapterSettings",
    "CounterSettings",
    "Credentials",
    "PyVmomiVCenter",
    "Secret",
    "Target",
    "Timeouts",
    "TlsMode",
    "credentials_for",
    "target_from",
]
