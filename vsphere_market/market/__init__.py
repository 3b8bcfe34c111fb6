"""The market: prices, quotes, trades, and the plan that comes of them."""

from vsphere_market.market.budgets import PastMove
from vsphere_market.market.causes import CAUSE_WORDS, Cause, Pressure
from vsphere_market.market.diagnosis import (
    HostDiagnosis,
    VmDiagnosis,
    diagnose,
    diagnose_hosts,
)
from vsphere_market.market.engine import Question, clear
from vsphere_market.market.plan import (
    PLAN_FORMAT,
    SENTENCES,
    Certificate,
    Evidence,
    HostOutlook,
    Origin,
    Plan,
    Quote,
    Reason,
    Refusal,
    Step,
)
from vsphere_market.market.planner import make_plan
from vsphere_market.market.settings import MarketSettings
from vsphere_market.market.view import HostView, MarketView, StoreView, look

__all__ = [
    "CAUSE_WORDS",
    "PLAN_FORMAT",
    "SENTENCES",
    "Cause",
    "Certificate",
    "Evidence",
    "HostDiagnosis",
    "HostOutlook",
    "HostView",
    "MarketSettings",
    "MarketView",
    "Origin",
    "PastMove",
    "Plan",
    "Pressure",
    "Question",
    "Quote",
    "Reason",
    "Refusal",
    "Step",
    "StoreView",
    "VmDiagnosis",
    "clear",
    "diagnose",
    "diagnose_hosts",
    "look",
    "make_plan",
]
