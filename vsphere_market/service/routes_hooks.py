"""Webhooks: alerts of VMware Aria Operations."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Request, Response

from vsphere_market.service import models_desk
from vsphere_market.service.hooks import AlertDesk
from vsphere_market.service.roles import Role
from vsphere_market.service.routing import Routes, caller_of, done, guarded
from vsphere_market.service.state import Service

Payload = Annotated[
    models_desk.TemplateAlert | models_desk.LegacyAlert,
    Body(description="What our template makes, or the legacy plug-in's body."),
]
AlertId = Annotated[str, Path(max_length=200, description="As the legacy plug-in adds it.")]


def hook_routes(service: Service) -> APIRouter:
    """The routes of this module."""
    router = guarded()
    routes = Routes(router, "webhooks")
    desk = AlertDesk(service)

    def take(request: Request, payload: Payload, status: int) -> Response:
        caller = caller_of(request)
        document = desk.take(payload.model_dump(), caller.name)
        service.audit(caller, "alert", {"alert": document["alert"], "result": document["result"]})
        return done(document, status)

    def take_alert(request: Request, payload: Payload) -> Response:
        """A new alert: starts a plan for the part of the estate that it is about."""
        return take(request, payload, 201)

    def take_alert_by_id(request: Request, alert: AlertId, payload: Payload) -> Response:
        """The same; the id in the path is that of the body."""
        del alert
        return take(request, payload, 201)

    def update_alert(request: Request, payload: Payload) -> Response:
        """News of an alert, or its end."""
        return take(request, payload, 202)

    def update_alert_by_id(request: Request, alert: AlertId, payload: Payload) -> Response:
        """The same; the id in the path is that of the body."""
        del alert
        return take(request, payload, 202)

    here = "/v1/webhooks/operations"
    for method, path, answer, status in (
        ("POST", here, take_alert, 201),
        ("POST", f"{here}/{{alert}}", take_alert_by_id, 201),
        ("PUT", here, update_alert, 202),
        ("PUT", f"{here}/{{alert}}", update_alert_by_id, 202),
    ):
        routes.add(
            method,
            path,
            Role.APPROVER,
            answer,
            models_desk.AlertTaken,
            status=status,
            may=(400, 422),
            begun=False,
        )
    return router
