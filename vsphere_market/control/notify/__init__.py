"""Tells people what the loop did: webhooks and mail, without ever holding up the loop."""

from vsphere_market.control.notify.channels import Channel, Failed
from vsphere_market.control.notify.events import Event, EventKind, Notice
from vsphere_market.control.notify.outbox import Outbox
from vsphere_market.control.notify.settings import read_settings
from vsphere_market.control.notify.teller import NotifyingListener

__all__ = [
    "Channel",
    "Event",
    "EventKind",
    "Failed",
    "Notice",
    "NotifyingListener",
    "Outbox",
    "read_settings",
]
