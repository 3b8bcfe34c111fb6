"""Carries a plan out through the vCenter port, step by step, and reports what came of each.

Pre-checks, submits, waits, retries by class of fault and keeps vCenter's concurrency limits. What
happens is told to a recorder that the caller hands in, so this room knows no journal.
"""

from vsphere_market.executor.chains import Drift
from vsphere_market.executor.driver import CancelToken, Progress, execute
from vsphere_market.executor.dryrun import DryRunPort
from vsphere_market.executor.recorder import MemoryRecorder, Recorder
from vsphere_market.executor.recovery import recover
from vsphere_market.executor.result import ExecutionResult
from vsphere_market.executor.revalidate import drift, require_fresh, require_source
from vsphere_market.executor.settings import Backoff, Deadlines, Limits, Polling, Settings
from vsphere_market.executor.words import describe

__all__ = [
    "Backoff",
    "CancelToken",
    "Deadlines",
    "Drift",
    "DryRunPort",
    "ExecutionResult",
    "Limits",
    "MemoryRecorder",
    "Polling",
    "Progress",
    "Recorder",
    "Settings",
    "describe",
    "drift",
    "execute",
    "recover",
    "require_fresh",
    "require_source",
]
