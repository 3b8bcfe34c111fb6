"""Routes that each name the role they need, checked before a request's body is looked at.

A route without a role cannot be declared, and the published document says which role it is; tests
go through that document, so that a new route cannot escape them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from vsphere_market.service.models import Problem
from vsphere_market.service.problems import MEDIA_TYPE, HttpProblem
from vsphere_market.service.ready import Ready, Shelf, ready
from vsphere_market.service.roles import ROLES, Caller, Role

ROLE_KEY = "x-required-role"
JSON = "application/json"

#: What every guarded operation may answer besides its own.
_COMMON = {
    401: "Nobody has logged in.",
    403: "The role does not reach, or the page that asks is a foreign one.",
    429: "Too many requests.",
    503: "Not ready, or too much is going on.",
}
_MORE = {
    400: "The request is wrong.",
    404: "There is no such thing.",
    409: "Not as things stand.",
    413: "Too large.",
    422: "The request is wrong.",
    502: "vCenter cannot be used.",
}


class GuardedRoute(APIRoute):
    """A route that asks for the caller's role before anything else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See ``APIRoute``."""
        inner = super().get_route_handler()
        needed = ROLES[(self.openapi_extra or {})[ROLE_KEY]]

        async def handle(request: Request) -> Response:
            caller = caller_of(request)
            if caller.role < needed:
                raise HttpProblem(
                    403,
                    "role",
                    f"that takes the role {needed.word}, and {caller.name} is {caller.role.word}",
                    where=f"{request.method} {request.url.path}",
                    cure="log in with a token of that role, or ask somebody who has one",
                )
            return await inner(request)

        return handle


def caller_of(request: Request) -> Caller:
    """Who calls.

    Raises:
        HttpProblem: nobody has logged in.
    """
    caller = getattr(request.state, "caller", None)
    if not isinstance(caller, Caller):
        raise HttpProblem(401, "no-token", "nobody has logged in", cure="send a token")
    return caller


@dataclass(frozen=True, slots=True)
class Routes:
    """Declares routes. Each answers with bytes that it made itself: see :func:`reply`.

    Attributes:
        router: where they go.
        tag: under which the document lists them.
    """

    router: APIRouter
    tag: str

    def add(  # noqa: PLR0913 - one call declares a route completely
        self,
        method: str,
        path: str,
        role: Role,
        answer: Callable[..., Any],
        shape: type[BaseModel] | None,
        *,
        status: int = 200,
        may: tuple[int, ...] = (),
        begun: bool = True,
        extra: dict[int | str, dict[str, Any]] | None = None,
        leads: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Declare one route.

        Args:
            method: ``GET`` or another.
            path: with parameters in braces.
            role: that it takes.
            answer: the handler; its first line of documentation is the summary.
            shape: of a good answer, None for none.
            status: of a good answer.
            may: other statuses that it may answer with, besides those of all routes.
            begun: with 202, the answer says where to ask for the rest.
            extra: more about answers, for the document.
            leads: operations that a good answer leads to -> their parameters as OpenAPI's runtime
                expressions, ``{"get_job": {"job": "$response.body#/id"}}``.
        """
        problem = {"content": {MEDIA_TYPE: {"schema": {"$ref": _PROBLEM}}}}
        known = {**_COMMON, **{code: _MORE[code] for code in sorted({*may, 413})}}
        responses: dict[int | str, dict[str, Any]] = {
            code: {"description": text, **problem} for code, text in known.items()
        }
        if method == "GET":
            responses[304] = {"description": "It has not changed."}
        if status == 202 and begun:
            responses[202] = {
                "description": "Begun. Ask again at Location.",
                "headers": {
                    "Location": {"schema": {"type": "string"}, "description": "Where to ask."},
                    "Retry-After": {
                        "schema": {"type": "integer"},
                        "description": "Seconds until it is worth asking.",
                    },
                },
            }
        if leads:
            links = {
                name: {"operationId": name, "parameters": dict(parameters)}
                for name, parameters in leads.items()
            }
            responses[status] = {**responses.get(status, {}), "links": links}
        for code, more in (extra or {}).items():
            responses[code] = {**responses.get(code, {}), **more}
        self.router.add_api_route(
            path,
            answer,
            methods=[method],
            status_code=status,
            response_model=shape,
            responses=responses,
            tags=[self.tag],
            operation_id=answer.__name__,
            summary=(answer.__doc__ or "").strip().splitlines()[0],
            openapi_extra={ROLE_KEY: role.word},
            route_class_override=GuardedRoute,
        )


_PROBLEM = f"#/components/schemas/{Problem.__name__}"


def guarded() -> APIRouter:
    """A router of guarded routes."""
    return APIRouter(route_class=GuardedRoute)


# ---------------------------------------------------------------- answers


def reply(request: Request, found: Ready, *, headers: dict[str, str] | None = None) -> Response:
    """An answer to a question: 304 where the asker has it already, compressed where they can."""
    given = {"etag": found.etag, "cache-control": "no-cache", "vary": "Accept-Encoding"}
    given |= headers or {}
    if _matches(request.headers.get("if-none-match", ""), found.etag):
        return Response(status_code=304, headers=given)
    body = found.body
    if found.packed and accepts_gzip(request.headers.get("accept-encoding", "")):
        body = found.packed
        given["content-encoding"] = "gzip"
    return Response(body, media_type=JSON, headers=given)


async def shelved(
    request: Request, shelf: Shelf, key: Hashable, make: Callable[[], Any]
) -> Response:
    """An answer from a shelf; one that is not there yet is made in a thread."""
    found = shelf.peek(key)
    if found is None:
        found = await to_thread.run_sync(shelf.get, key, make)
    return reply(request, found)


def fresh(request: Request, document: Any) -> Response:
    """An answer that was made just for this question."""
    return reply(request, ready(document))


def done(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer to a change."""
    found = ready(document)
    return Response(found.body, status_code=status, media_type=JSON, headers=headers)


def accepted(document: Any, location: str, seconds: int) -> Response:
    """202: begun; where to ask, and when it is worth it."""
    return done(document, 202, {"location": location, "retry-after": str(seconds)})


def accepts_gzip(header: str) -> bool:
    """Whether an asker takes gzip (RFC 9110)."""
    for part in header.split(","):
        coding, _, parameters = part.strip().partition(";")
        if coding.strip().lower() in ("gzip", "*"):
            return parameters.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _matches(header: str, etag: str) -> bool:
    """Whether If-None-Match names this entity; weakly, as for reads."""
    if not header:
        return False
    tags = {part.strip().removeprefix("W/") for part in header.split(",")}
    return "*" in tags or etag in tags
