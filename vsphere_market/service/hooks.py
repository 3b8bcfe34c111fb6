"""What an alert starts: a plan for the part of the estate that it is about, for people to see.

Never a plan for everything, never an execution. The same alert, told again, starts nothing more; an
alert on a part for which a plan was made a moment ago is content with that one; one that is
cancelled takes its plan back, unless somebody has approved a part of it already.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from enum import StrEnum

from vsphere_market.control.scoping import Scope
from vsphere_market.errors import MarketError
from vsphere_market.service.alerts import Alert, Status, alert_of, scope_of
from vsphere_market.service.jobs import JobState
from vsphere_market.service.plans import Origin
from vsphere_market.service.problems import HttpProblem
from vsphere_market.service.state import Service
from vsphere_market.service.words import Document

#: Alerts that are remembered.
_MOST = 2000
#: A plan that was made so short a while ago is good enough for another alert, seconds of ours.
_FRESH_S = 120.0


class Answered(StrEnum):
    """What came of an alert."""

    #: It started a plan.
    PLANNING = "planning"
    #: A plan for it is there, or on its way.
    KNOWN = "known"
    #: Nothing can be done about it.
    IGNORED = "ignored"
    #: It was taken back.
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Heard:
    """An alert that is remembered.

    Attributes:
        alert: as it was last told.
        scope: of its plan.
        job: that makes its plan, "" for none.
    """

    alert: Alert
    scope: Scope
    job: str


class AlertDesk:
    """Takes alerts in.

    Args:
        service: what plans are made with.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._heard: OrderedDict[str, Heard] = OrderedDict()

    def take(self, document: object, who: str) -> Document:
        """Take in what came.

        Raises:
            HttpProblem: it is no alert, nothing is known of the estate yet, or too much waits.
        """
        alert = alert_of(document)
        if alert is None:
            raise HttpProblem(
                422,
                "no-alert",
                "the body is no alert: it names no alert, no resource or no kind of resource",
                cure="use the template in docs/integrations/operations.md",
            )
        with self._lock:
            answered, heard, why = self._take(alert, who)
            self._heard[alert.id] = heard
            self._heard.move_to_end(alert.id)
            while len(self._heard) > _MOST:
                self._heard.popitem(last=False)
        self._service.counts.alert(answered.value)
        found: Document = {
            "alert": alert.id,
            "result": answered.value,
            "why": why or None,
            "job": heard.job or None,
            "plan": self._plan_of(heard),
            "scope": {
                "vms": list(heard.scope.vms),
                "hosts": list(heard.scope.hosts),
                "clusters": list(heard.scope.clusters),
            },
        }
        self._service.events.tell("alert", found)
        return found

    def _take(self, alert: Alert, who: str) -> tuple[Answered, Heard, str]:
        known = self._heard.get(alert.id)
        if alert.status is Status.CANCELLED:
            heard = known or Heard(alert, Scope(), "")
            return Answered.CANCELLED, replace(heard, alert=alert), self._take_back(heard, who)
        if known is not None and known.alert.status is Status.ACTIVE and self._good(known):
            return Answered.KNOWN, replace(known, alert=alert), ""
        scope, why = scope_of(alert, self._service.view().snapshot)
        if scope.whole:
            # An empty scope would be the whole estate: that is never planned for an alert.
            return Answered.IGNORED, Heard(alert, scope, ""), why
        for other in self._heard.values():
            if other.scope == scope and other.job and self._good(other):
                return Answered.KNOWN, Heard(alert, scope, other.job), ""
        note = f"alert {alert.id}: {alert.definition or 'no definition'} on {alert.resource}"
        job = self._service.plan(who, scope, note[:500], Origin.ALERT)
        return Answered.PLANNING, Heard(alert, scope, job.id), ""

    def _good(self, heard: Heard) -> bool:
        """Its plan is on its way, or was made a moment ago."""
        if not heard.job:
            return False
        try:
            job = self._service.jobs.get(heard.job)
        except HttpProblem:
            return False
        if job.state is JobState.FAILED:
            return False
        if not job.over:
            return True
        # Alerts come by our time, however quickly that of a simulation goes by.
        return time.monotonic() - (job.over_since_s or 0.0) < _FRESH_S

    def _plan_of(self, heard: Heard) -> str | None:
        if not heard.job:
            return None
        try:
            location = self._service.jobs.get(heard.job).location
        except HttpProblem:
            return None
        return location.rsplit("/", 1)[-1] if location else None

    def _take_back(self, heard: Heard, who: str) -> str:
        """Skip every step of the alert's plan, unless somebody has approved one of them."""
        number = self._plan_of(heard)
        if number is None:
            return ""
        # Another alert that still holds may be about the same plan.
        for other in self._heard.values():
            same = other.job == heard.job and other.alert.id != heard.alert.id
            if same and other.alert.status is Status.ACTIVE:
                return "another alert still needs its plan"
        try:
            kept = self._service.plans.get(number)
            if kept.approved or kept.executions:
                return "its plan stays: somebody approved a part of it"
            for step in kept.plan.steps:
                if step.id not in self._service.plans.get(number).skipped:
                    self._service.plans.skip(number, step.id, who, "the alert was cancelled")
        except MarketError as error:
            return error.what
        return "its plan was taken back"
