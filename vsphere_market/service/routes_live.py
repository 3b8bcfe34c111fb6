"""What goes on: events as they happen, and what monitors ask: health, readiness, metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import StreamingResponse

from vsphere_market.service import models
from vsphere_market.service.events import too_many
from vsphere_market.service.metrics import (
    MEDIA_TYPE,
    exposition,
    market_metrics,
    service_metrics,
)
from vsphere_market.service.ready import ready
from vsphere_market.service.roles import Role
from vsphere_market.service.routing import JSON, ROLE_KEY, Routes, guarded
from vsphere_market.service.state import Service

_STREAM = "text/event-stream"


def live_routes(service: Service) -> APIRouter:
    """The routes of this module that take a role."""
    router = guarded()
    routes = Routes(router, "live")

    async def stream_events(
        request: Request,
        after: Annotated[str, Query(max_length=40, description="As Last-Event-ID.")] = "",
    ) -> Response:
        """Server-sent events: turn, plan, job, execution, execution.step, stop, trouble, reset."""
        if service.events.full():
            raise too_many()
        last = request.headers.get("last-event-id", "") or after
        return StreamingResponse(
            service.events.stream(last[:40]),
            media_type=_STREAM,
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    def get_metrics(request: Request) -> Response:
        """Metrics for Prometheus."""
        del request
        view = service.latest
        jobs = service.jobs.all()
        facts = {
            "ready": float(view is not None),
            "stopped": float(service.stopped()),
            "executing": float(service.executions.running() is not None),
            "event_streams": float(service.events.readers),
            "jobs_open": float(sum(not job.over for job in jobs)),
        }
        if view is not None:
            facts["snapshot_age_seconds"] = service.clock.now_s() - view.snapshot.taken_at_s
        turns = {"done": service.turns_done, "failed": service.turns_failed}
        body = exposition(service_metrics(service.counts, facts, turns))
        if view is not None:
            body += view.metrics(
                lambda: exposition(market_metrics(view, service.settings.vm_series))
            )
        return Response(body, media_type=MEDIA_TYPE, headers={"cache-control": "no-store"})

    routes.add(
        "GET",
        "/metrics",
        Role.VIEWER,
        get_metrics,
        None,
        extra={200: {"description": "Metrics.", "content": {"text/plain": {"schema": _TEXT}}}},
    )
    routes.add(
        "GET",
        "/v1/events",
        Role.VIEWER,
        stream_events,
        None,
        may=(422,),
        extra={200: {"description": "Events.", "content": {_STREAM: {"schema": _TEXT}}}},
    )
    return router


_TEXT = {"type": "string"}


def open_routes(service: Service, document: Callable[[], bytes]) -> APIRouter:
    """Routes that anybody may ask; they tell nothing of the estate.

    Args:
        service: the service.
        document: the OpenAPI document.
    """
    router = APIRouter()

    def status() -> str:
        if service.latest is None:
            return "starting" if service.last_error is None else "failing"
        return "ok" if service.last_error is None else "failing"

    async def get_health() -> Response:
        """It lives."""
        return Response(ready({"status": "ok"}).body, media_type=JSON)

    async def get_readiness() -> Response:
        """Whether the estate has been looked at, and how long ago."""
        view = service.latest
        age_s = None if view is None else service.clock.now_s() - view.snapshot.taken_at_s
        body = ready(
            {
                "status": status(),
                "turn": view.number if view else None,
                "age_s": None if age_s is None else round(age_s, 1),
            }
        ).body
        return Response(body, status_code=200 if view else 503, media_type=JSON)

    async def get_openapi() -> Response:
        """This document."""
        return Response(document(), media_type=JSON, headers={"cache-control": "no-cache"})

    nobody = {ROLE_KEY: "nobody", "security": []}
    for path, answer, shape in (
        ("/healthz", get_health, models.Health),
        ("/readyz", get_readiness, models.Readiness),
        ("/openapi.json", get_openapi, None),
    ):
        router.add_api_route(
            path,
            answer,
            methods=["GET"],
            response_model=shape,
            responses={503: {"model": models.Readiness}} if path == "/readyz" else {},
            tags=["live"],
            operation_id=answer.__name__,
            summary=(answer.__doc__ or "").splitlines()[0],
            openapi_extra=nobody,
        )
    return router
