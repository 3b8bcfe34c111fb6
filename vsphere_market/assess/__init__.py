"""What is wrong with an estate's memory, what it costs, what would cure it: findings for a report.

Pure: takes a question and its plan, gives an assessment. ``report`` renders it.
"""

from vsphere_market.assess.anonymise import Names, anonymised
from vsphere_market.assess.assessment import assess
from vsphere_market.assess.changes import Change, Changes, Proposal, Trend, compare
from vsphere_market.assess.model import (
    Assessment,
    Basis,
    ClusterState,
    Effect,
    Finding,
    Growth,
    HostLoss,
    HostState,
    Level,
    Row,
    Statement,
    Strain,
)

__all__ = [
    "Assessment",
    "Basis",
    "Change",
    "Changes",
    "ClusterState",
    "Effect",
    "Finding",
    "Growth",
    "HostLoss",
    "HostState",
    "Level",
    "Names",
    "Proposal",
    "Row",
    "Statement",
    "Strain",
    "Trend",
    "anonymised",
    "assess",
    "compare",
]
