"""Plans and their executions: make, look through, approve, skip, carry out, cancel."""

from __future__ import annotations

import math
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Request, Response

from vsphere_market.control.scoping import Scope
from vsphere_market.errors import UsageError
from vsphere_market.journal import Filter, PlanRecord
from vsphere_market.service import models, models_plans
from vsphere_market.service.jobs import RETRY_AFTER_S
from vsphere_market.service.plandocs import (
    plan_document,
    record_document,
    refusal_page,
    step_document,
    step_page,
)
from vsphere_market.service.plans import Kept
from vsphere_market.service.problems import HttpProblem, missing
from vsphere_market.service.roles import Role
from vsphere_market.service.routing import (
    Routes,
    accepted,
    caller_of,
    done,
    fresh,
    guarded,
    shelved,
)
from vsphere_market.service.state import Service
from vsphere_market.service.words import Document

PlanId = Annotated[str, Path(max_length=20)]
StepId = Annotated[str, Path(max_length=40)]
#: Where an answer has its own id, for links of the document.
_ID = "$response.body#/id"
RunId = Annotated[str, Path(max_length=40)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[str, Query(max_length=40)]


def plan_routes(service: Service) -> APIRouter:  # noqa: PLR0915 - one function per route
    """The routes of this module."""
    router = guarded()
    routes = Routes(router, "plans")

    def shown(kept: Kept) -> Document:
        running = service.executions.running(kept.number)
        return plan_document(kept, expired=service.plans.expired(kept), running=running)

    def list_plans(
        request: Request,
        limit: Limit = 50,
        before: Annotated[int | None, Query(ge=1, le=2**53, description="Older than it.")] = None,
        made_for: Annotated[str, Query(max_length=20, description="request, alert or loop.")] = "",
    ) -> Response:
        """Plans, the newest first."""
        found, more = _older(service, before, limit, made_for)
        now_s = service.clock.now_s()
        items = []
        for record in found:
            kept = service.plans.get(str(record.id)) if record.steps else None
            items.append(record_document(record, kept, expired=now_s > record.expires_s))
        total = len(items)
        return fresh(
            request,
            {"items": items, "total": total, "next": str(found[-1].id) if more else None},
        )

    def create_plan(
        request: Request, wanted: Annotated[models_plans.PlanWanted, Body()]
    ) -> Response:
        """Make a plan of a fresh look at the estate. Changes nothing there."""
        caller = caller_of(request)
        scope = Scope(
            tuple(wanted.scope.vms), tuple(wanted.scope.hosts), tuple(wanted.scope.clusters)
        )
        try:
            job = service.plan(caller.name, scope, wanted.note)
        except UsageError as error:
            raise missing(error.what, error.where[:200], error.cure) from None
        return accepted(job.document(), f"/v1/jobs/{job.id}", RETRY_AFTER_S)

    async def get_plan(request: Request, plan: PlanId) -> Response:
        """A plan: certificate, counts, hosts before and after."""
        kept = await service.plans.find(plan)
        running = service.executions.running(kept.number)
        expired = service.plans.expired(kept)
        return await shelved(
            request,
            kept.shelf,
            ("plan", expired, running),
            lambda: plan_document(kept, expired=expired, running=running),
        )

    async def list_steps(
        request: Request,
        plan: PlanId,
        limit: Limit = 100,
        cursor: Cursor = "",
        full: Annotated[bool, Query(description="With quotes and evidence.")] = False,
    ) -> Response:
        """A plan's steps in order, page by page."""
        kept = await service.plans.find(plan)
        key = ("steps", limit, cursor, full)
        return await shelved(
            request,
            kept.shelf,
            key,
            lambda: step_page(kept, cursor, limit, full=full).document(),
        )

    def get_step(request: Request, plan: PlanId, step: StepId) -> Response:
        """One step with its quotes and the numbers behind it."""
        kept = service.plans.get(plan)
        return fresh(request, step_document(kept, kept.step(step), full=True))

    async def list_refusals(
        request: Request,
        plan: PlanId,
        reason: Annotated[str, Query(max_length=60)] = "",
        limit: Limit = 100,
        cursor: Cursor = "",
    ) -> Response:
        """What a plan does not do, and why, page by page."""
        kept = await service.plans.find(plan)
        key = ("refusals", reason, limit, cursor)
        return await shelved(
            request,
            kept.shelf,
            key,
            lambda: refusal_page(kept, reason, cursor, limit).document(),
        )

    def approve_plan(
        request: Request, plan: PlanId, wanted: Annotated[models_plans.Approve, Body()]
    ) -> Response:
        """Approve steps; nothing is carried out yet."""
        caller = caller_of(request)
        kept = service.plans.approve(plan, wanted.steps, caller.name)
        service.audit(caller, "approve", {"plan": kept.number, "steps": wanted.steps})
        return done(shown(kept))

    def approve_step(request: Request, plan: PlanId, step: StepId) -> Response:
        """Approve one step, and what it needs."""
        caller = caller_of(request)
        kept = service.plans.approve(plan, [step], caller.name)
        service.audit(caller, "approve", {"plan": kept.number, "steps": [step]})
        return done(shown(kept))

    def skip_step(
        request: Request,
        plan: PlanId,
        step: StepId,
        wanted: Annotated[models_plans.Skip, Body()],
    ) -> Response:
        """Skip one step, and what needs it."""
        caller = caller_of(request)
        kept = service.plans.skip(plan, step, caller.name, wanted.why)
        service.audit(caller, "skip", {"plan": kept.number, "step": step, "why": wanted.why})
        return done(shown(kept))

    def apply_plan(
        request: Request, plan: PlanId, wanted: Annotated[models_plans.Apply, Body()]
    ) -> Response:
        """Carry out the approved steps of a plan."""
        caller = caller_of(request)
        kept = service.plans.get(plan)
        if not service.source.live:
            raise HttpProblem(
                409,
                "only-a-file",
                f"{service.source.label} is a file, which cannot be acted on",
                cure="serve a vCenter or a plant instead",
            )
        if service.plans.expired(kept):
            raise HttpProblem(
                409, "stale", "the plan has expired", where=f"plan {plan}", cure="make a new plan"
            )
        execution = service.executions.start(kept, caller.name, dry_run=wanted.dry_run)
        service.plans.executed(kept.number, execution.id)
        service.audit(
            caller,
            "apply",
            {"plan": kept.number, "execution": execution.id, "dry_run": wanted.dry_run},
        )
        location = f"/v1/executions/{execution.id}"
        return accepted(service.executions.get(execution.id), location, RETRY_AFTER_S)

    def list_executions(request: Request) -> Response:
        """Executions of this run of the service, the newest first."""
        items = service.executions.all()
        return fresh(request, {"items": items, "total": len(items), "next": None})

    def get_execution(request: Request, execution: RunId) -> Response:
        """How an execution goes, step by step."""
        return fresh(request, service.executions.get(execution))

    def cancel_execution(request: Request, execution: RunId) -> Response:
        """Stop an execution: nothing more is begun, what runs is watched to its end."""
        caller = caller_of(request)
        document = service.executions.cancel(execution)
        service.audit(caller, "cancel", {"execution": execution})
        return accepted(document, f"/v1/executions/{execution}", RETRY_AFTER_S)

    viewer, approver, operator = Role.VIEWER, Role.APPROVER, Role.OPERATOR
    shapes = models_plans
    one, part = "/v1/plans/{plan}", "/v1/plans/{plan}/steps/{step}"
    job = {"get_job": {"job": _ID}}
    step = {"plan": "$request.path.plan", "step": "$response.body#/items/0/id"}
    running = {"execution": _ID}
    routes.add(
        "GET", "/v1/plans", viewer, list_plans, shapes.PlanPage, may=(400, 422),
        leads={"get_plan": {"plan": "$response.body#/items/0/id"}},
    )  # fmt: skip
    routes.add(
        "POST",
        "/v1/plans",
        approver,
        create_plan,
        models.Job,
        status=202,
        may=(404, 422),
        leads=job,
    )
    routes.add(
        "GET", one, viewer, get_plan, shapes.Plan, may=(404, 422),
        leads={
            name: {"plan": _ID}
            for name in ("list_steps", "list_refusals", "approve_plan", "apply_plan")
        },
    )  # fmt: skip
    routes.add(
        "GET", f"{one}/steps", viewer, list_steps, shapes.StepPage, may=(400, 404, 422),
        leads=dict.fromkeys(("get_step", "approve_step", "skip_step"), step),
    )  # fmt: skip
    routes.add("GET", part, viewer, get_step, shapes.Step, may=(404, 422))
    routes.add(
        "GET", f"{one}/refusals", viewer, list_refusals, shapes.RefusalPage, may=(400, 404, 422)
    )
    routes.add(
        "POST", f"{one}/approve", approver, approve_plan, shapes.Plan, may=(400, 404, 409, 422),
        leads={"apply_plan": {"plan": _ID}},
    )  # fmt: skip
    routes.add(
        "POST", f"{part}/approve", approver, approve_step, shapes.Plan, may=(404, 409, 422),
        leads={"apply_plan": {"plan": _ID}},
    )  # fmt: skip
    routes.add("POST", f"{part}/skip", approver, skip_step, shapes.Plan, may=(400, 404, 409, 422))
    routes.add(
        "POST", f"{one}/apply", operator, apply_plan, shapes.Execution, status=202,
        may=(400, 404, 409, 422), leads={"get_execution": running, "cancel_execution": running},
    )  # fmt: skip
    routes.add("GET", "/v1/executions", viewer, list_executions, shapes.ExecutionPage)
    routes.add(
        "GET", "/v1/executions/{execution}", viewer, get_execution, shapes.Execution,
        may=(404, 422), leads={"cancel_execution": running},
    )  # fmt: skip
    routes.add(
        "POST", "/v1/executions/{execution}/cancel", operator, cancel_execution, shapes.Execution,
        status=202, may=(404, 422), leads={"get_execution": running},
    )  # fmt: skip
    return router


def _older(
    service: Service, before: int | None, limit: int, made_for: str
) -> tuple[list[PlanRecord], bool]:
    """So many plans older than a number, newest first, and whether there are more."""
    found: list[PlanRecord] = []
    until_s = None
    while True:
        records = service.plans.records(Filter(until_s=until_s, limit=limit + 1))
        for record in records:
            if before is not None and record.id >= before:
                continue
            if found and record.id >= found[-1].id:
                continue
            if made_for and service.plans.get(str(record.id)).made.origin.value != made_for:
                continue
            found.append(record)
            if len(found) > limit:
                return found[:limit], True
        if len(records) <= limit:
            return found, False
        last_s = records[-1].created_s
        # Plans of the same instant must not be lost between two questions.
        until_s = (
            last_s
            if until_s == math.nextafter(last_s, math.inf)
            else math.nextafter(last_s, math.inf)
        )
