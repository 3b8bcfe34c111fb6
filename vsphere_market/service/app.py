"""The application: routes, errors as problem documents, the console's files, and the gate."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

import vsphere_market
from vsphere_market.errors import MarketError
from vsphere_market.service.access import Access, VCenterSessions
from vsphere_market.service.gate import Gate
from vsphere_market.service.models import Problem
from vsphere_market.service.openapi import downgraded
from vsphere_market.service.pages import Pages
from vsphere_market.service.problems import (
    MEDIA_TYPE,
    HttpProblem,
    problem_bytes,
    problem_of,
    status_of,
)
from vsphere_market.service.routes_desk import desk_routes, login_route
from vsphere_market.service.routes_hooks import hook_routes
from vsphere_market.service.routes_live import live_routes, open_routes
from vsphere_market.service.routes_market import market_routes
from vsphere_market.service.routes_plans import plan_routes
from vsphere_market.service.routing import ROLE_KEY

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from vsphere_market.service.state import Service

#: Where the build of the console puts its files.
CONSOLE = Path(__file__).parent / "console"
_ABOUT = (
    "A memory market for VMware vSphere. Send `Authorization: Bearer TOKEN`; "
    "`vsphere-market tokens create` makes one. Errors are problem documents (RFC 9457) that say "
    "what is wrong, where, and what to do. What takes a while answers 202 with Location and "
    "Retry-After."
)


class Application:
    """The whole service as ASGI.

    Args:
        service: what requests are answered from.
        hosts: values of the Host header that mean us.
        origins: origins of pages that may call.
        vcenter: sessions of vCenter; None where the source is none.
        console: folder with the console's files.
    """

    def __init__(
        self,
        service: Service,
        *,
        hosts: frozenset[str],
        origins: frozenset[str],
        vcenter: VCenterSessions | None = None,
        console: Path = CONSOLE,
    ) -> None:
        settings = service.settings
        self.api = api = api_of(service)
        api.router.routes.append(_Rest(api, Pages(console)))
        access = Access(
            service.tokens,
            service.sessions,
            vcenter,
            hosts=hosts,
            origins=origins,
            limits=settings.limits,
        )
        service.failed_login = access.failed
        self._outer = Gate(
            api,
            access,
            settings.limits.body_bytes,
            settings.frame_ancestors,
            strict=not settings.loopback,
            answered=service.counts.request,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        await self._outer(scope, receive, send)


class _Rest(Mount):
    """Everything that is no address of the interface: the files of the console and the plugin.

    A mount takes whatever is left, a known address with the wrong method among it; that is left to
    the answer 405 here.
    """

    def __init__(self, api: FastAPI, pages: Pages) -> None:
        super().__init__("/", pages, name="console")
        self._others = tuple(api.router.routes)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See ``Mount``."""
        if any(route.matches(scope)[0] is Match.PARTIAL for route in self._others):
            return Match.NONE, {}
        return super().matches(scope)


def api_of(service: Service) -> FastAPI:
    """The application inside the gate; nothing is asked of the service by making it."""
    api = FastAPI(
        title="vsphere-market",
        version=vsphere_market.__version__,
        description=_ABOUT,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        license_info={"name": "Apache-2.0"},
    )
    for router in (
        login_route(service),
        market_routes(service),
        plan_routes(service),
        desk_routes(service),
        live_routes(service),
        hook_routes(service),
        open_routes(service, lambda: document_bytes(api)),
    ):
        api.include_router(router)
    api.add_exception_handler(MarketError, _market_error)
    api.add_exception_handler(RequestValidationError, _wrong_request)
    api.add_exception_handler(HTTPException, _http_error)
    return api


# ---------------------------------------------------------------- the document


@lru_cache(maxsize=4)
def document_bytes(api: FastAPI) -> bytes:
    """The OpenAPI document as it is sent."""
    return json.dumps(document_of(api), ensure_ascii=False).encode()


def document_of(api: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, in version 3.0.3."""
    made = api.openapi()
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.setdefault("Problem", _problem_schema(schemas))
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "vcenter": {"type": "apiKey", "in": "header", "name": "vmware-api-session-id"},
    }
    problem = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for path in made["paths"].values():
        for operation in path.values():
            if ROLE_KEY not in operation or "security" not in operation:
                operation["security"] = [{"token": []}, {"vcenter": []}]
            for status, answer in operation["responses"].items():
                if status == "422":
                    answer.clear()
                    answer |= {"description": "The request is wrong.", **problem}
                elif status.startswith(("4", "5")):
                    answer.get("content", {}).pop("application/json", None)
    return downgraded(made)


def _problem_schema(schemas: dict[str, Any]) -> dict[str, Any]:
    made = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, found in made.pop("$defs", {}).items():
        schemas.setdefault(name, found)
    return made


# ---------------------------------------------------------------- errors


def _problem(error: MarketError, request: Request) -> Response:
    status, _ = status_of(error)
    headers = error.headers if isinstance(error, HttpProblem) else None
    body = problem_bytes(problem_of(error, request.url.path))
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def _market_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, MarketError)
    return _problem(error, request)


def _wrong_request(request: Request, error: Exception) -> Response:
    """Something of the wrong form, in the first place that is wrong."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first.get("loc", ()))
    more = len(error.errors()) - 1
    what = str(first.get("msg", "is wrong")).rstrip(".")
    if more:
        what += f" (and {more} more)"
    return _problem(
        HttpProblem(
            422,
            "wrong-request",
            what[:1].lower() + what[1:],
            where=where[:200],
            cure="/openapi.json says what is expected",
        ),
        request,
    )


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = {
        404: ("not-found", "there is nothing at this address"),
        405: ("wrong-method", "this address does not take that method"),
    }
    code, what = known.get(error.status_code, ("wrong-request", str(error.detail)))
    return _problem(
        HttpProblem(
            error.status_code,
            code,
            what,
            where=f"{request.method} {request.url.path}"[:200],
            cure="/openapi.json lists what there is",
            headers=dict(error.headers or {}),
        ),
        request,
    )
