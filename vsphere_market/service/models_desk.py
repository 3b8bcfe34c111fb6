"""Shapes of the desk: login, tokens, policies, the past."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, SecretStr

from vsphere_market.service.models import Entity, Number, Page, PolicyFinding, Shape, Time
from vsphere_market.service.models_plans import PastAction, Scope
from vsphere_market.service.tokens import NAME


class Login(Shape):
    """A token to log in with."""

    token: SecretStr = Field(min_length=1, max_length=200)


class Pull(Shape):
    """Why everything is stopped."""

    reason: str = Field(default="", max_length=500)


#: A name with something in it.
Named = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S")]
RoleWord = Literal["viewer", "approver", "operator", "admin"]


class TokenWanted(Shape):
    """What token is wanted."""

    name: str = Field(pattern=NAME)
    role: RoleWord = "viewer"
    days: float = Field(default=90.0, gt=0, le=3650)


class Token(Shape):
    """An API token without its secret."""

    id: str
    name: str
    role: RoleWord
    created_at: Time
    expires_at: Time


class NewToken(Token):
    """A new API token: the only time that its secret is shown."""

    token: str


class TokenPage(Page):
    """API tokens."""

    items: list[Token]


class PolicyDocument(Shape):
    """A policy document in force."""

    name: str
    kind: str
    where: str
    description: str


class Policies(Shape):
    """The policy documents in force."""

    digest: str | None
    documents: list[PolicyDocument]
    findings: list[PolicyFinding]


class Documents(Shape):
    """Policy documents to check."""

    documents: list[dict[str, Any]] = Field(max_length=2000)


class Validated(Shape):
    """What a check of policies found."""

    documents: int
    valid: bool
    findings: list[PolicyFinding]


class OutcomePage(Page):
    """What was carried out, or tried."""

    items: list[PastAction]


class Decision(Shape):
    """A step as it was decided."""

    plan: str
    at: Time
    step: str
    kind: str
    subject: Entity
    from_: str | int | None = Field(alias="from")
    to: str | int | None
    wave: int
    saving: Number
    disruption: Number
    mode: str
    reason: str


class PastRefusal(Shape):
    """What was not done, and why."""

    plan: str
    at: Time
    subject: Entity
    reason: str
    sentence: str


class History(Shape):
    """What was decided and what was refused."""

    decisions: list[Decision]
    refusals: list[PastRefusal]


class AuditRow(Shape):
    """A row of the audit trail; its body is JSON."""

    id: int
    at: Time
    event: str
    body: str


class Audit(Shape):
    """The audit trail."""

    items: list[AuditRow]
    intact: bool
    seal: str
    next: str | None


class TemplateAlert(BaseModel):
    """An alert as our template for the webhook plug-in makes it; further members are ignored."""

    alert_id: Named
    resource_name: Named
    resource_kind: Named
    status: str = ""
    definition: str = ""
    criticality: str = ""
    cancel_time: str | int | None = None


class LegacyAlert(BaseModel):
    """An alert as the legacy REST plug-in sends it; further members are ignored."""

    alertId: Named  # noqa: N815 - its own names
    resourceName: Named  # noqa: N815
    resourceKind: Named  # noqa: N815
    status: str = ""
    alertName: str = ""  # noqa: N815
    criticality: str = ""
    cancelDate: str | int | None = None  # noqa: N815


class AlertTaken(Shape):
    """What came of an alert."""

    alert: str
    result: Literal["planning", "known", "ignored", "cancelled"]
    why: str | None
    job: str | None
    plan: str | None
    scope: Scope
