"""The nouns of an estate: columnar, frozen tables, the snapshot of them, and its file format."""

from vsphere_market.estate.snapshot import (
    SNAPSHOT_FORMAT,
    TABLES,
    TAGS_UNREAD,
    Snapshot,
    Source,
)
from vsphere_market.estate.snapshot_file import (
    read_snapshot,
    seconds_from_text,
    snapshot_from_json,
    snapshot_to_json,
    time_text,
    write_snapshot,
)
from vsphere_market.estate.tables import (
    CONNECTED,
    KEEP_APART,
    KEEP_TOGETHER,
    NOT_ON,
    POWERED_ON,
    RUN_ON,
    ClusterTable,
    DatastoreTable,
    HostTable,
    PoolTable,
    RuleTable,
    VmTable,
)

__all__ = [
    "CONNECTED",
    "KEEP_APART",
    "KEEP_TOGETHER",
    "NOT_ON",
    "POWERED_ON",
    "RUN_ON",
    "SNAPSHOT_FORMAT",
    "TABLES",
    "TAGS_UNREAD",
    "ClusterTable",
    "DatastoreTable",
    "HostTable",
    "PoolTable",
    "RuleTable",
    "Snapshot",
    "Source",
    "VmTable",
    "read_snapshot",
    "seconds_from_text",
    "snapshot_from_json",
    "snapshot_to_json",
    "time_text",
    "write_snapshot",
]
