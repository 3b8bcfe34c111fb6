"""Every operation of the published document refuses whom it must. A new one cannot escape."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount

from tests.service_app import HOST, URL, Served
from vsphere_market.service.app import document_of
from vsphere_market.service.roles import ROLES, Role
from vsphere_market.service.routing import GuardedRoute
from vsphere_market.service.sessions import COOKIE

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield method.upper(), path, operation


@pytest.fixture(scope="module")
def document(shared: Served) -> dict[str, Any]:
    return document_of(shared.application.api)


@pytest.fixture(scope="module")
def guarded(document: dict[str, Any]) -> list[tuple[str, str, Role]]:
    """Method, path with something in each brace, and role of every guarded operation."""
    found = [
        (method, _filled(path), ROLES[operation["x-required-role"]])
        for method, path, operation in operations(document)
        if operation["x-required-role"] != "nobody"
    ]
    assert len(found) > 40
    return found


def _filled(path: str) -> str:
    for name in ("plan", "step", "cluster", "subject", "execution", "job", "token", "alert"):
        path = path.replace(f"{{{name}}}", "1")
    assert "{" not in path, path
    return path


def ask(client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
    """Ask with a body that is no JSON: who is refused is refused before anybody reads it."""
    content = None if method in ("GET", "HEAD") else b"{"
    return client.request(method, path, content=content, **more)


def problem(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, (answer.request.method, answer.url, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert found["type"] == f"urn:vsphere-market:problem:{code}", found
    assert found["status"] == status
    assert found["detail"][-1] in ".?!"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def leaves(routes: Iterable[Any]) -> Iterator[Any]:
    """Routes, with those of routers that others include."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from leaves(included.routes)


def test_no_route_of_the_application_is_missing_from_the_document(
    shared: Served, document: dict[str, Any]
) -> None:
    """What the tests below go through is all that there is, but for the console's files."""
    told = {(method, path) for method, path, _ in operations(document)}
    found = set()
    for route in leaves(shared.application.api.routes):
        if isinstance(route, Mount):
            assert route.name == "console", route
            continue
        assert isinstance(route, APIRoute), route
        assert route.methods
        found |= {(method, route.path) for method in route.methods}
        operation = document["paths"][route.path]
        for method in route.methods:
            open_to_all = operation[method.lower()]["x-required-role"] == "nobody"
            assert open_to_all or isinstance(route, GuardedRoute), route.path
    assert found == told


def test_the_consoles_files_are_only_read(shared: Served) -> None:
    client = shared.client(None)
    for path in ("/", "/index.html", "/plugin.json", "/nothing.js"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert client.request(method, path).status_code in (404, 405), (method, path)


def test_every_operation_names_its_role(document: dict[str, Any]) -> None:
    nobody = set()
    for method, path, operation in operations(document):
        role = operation["x-required-role"]
        assert role == "nobody" or role in ROLES, (method, path)
        if role == "nobody":
            nobody.add((method, path))
    assert nobody == {
        ("POST", "/v1/session"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/openapi.json"),
    }


def test_every_change_takes_more_than_a_viewer(document: dict[str, Any]) -> None:
    """Only what changes nothing in the estate, and nothing for others, is a viewer's."""
    harmless = {"log_in", "log_out", "create_whatif", "validate_policies"}
    for method, path, operation in operations(document):
        if method != "GET" and operation["operationId"] not in harmless:
            assert ROLES[operation["x-required-role"]] > Role.VIEWER, (method, path)


def test_no_token(shared: Served, guarded: list[tuple[str, str, Role]]) -> None:
    client = shared.client(None)
    for method, path, _ in guarded:
        answer = ask(client, method, path)
        problem(answer, 401, "no-token")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header",
    [
        "Bearer vsm_00000000_nothing",
        "Bearer ",
        "bearer",
        "Basic dXNlcjpwYXNz",
        "Basic %%%",
        "Digest x",
        "Bearer \xff",
    ],
)
def test_a_wrong_token(shared: Served, guarded: list[tuple[str, str, Role]], header: str) -> None:
    client = shared.client(None)
    for method, path, _ in guarded:
        given = {b"authorization": header.encode("latin-1")}
        problem(ask(client, method, path, headers=given), 401, "no-token")


def test_a_cookie_or_session_of_nobody(
    shared: Served, guarded: list[tuple[str, str, Role]]
) -> None:
    client = shared.client(None)
    for method, path, _ in guarded:
        for given in ({"cookie": f"{COOKIE}=nothing"}, {"vmware-api-session-id": "nothing"}):
            problem(ask(client, method, path, headers=given), 401, "no-token")


def test_a_role_that_does_not_reach(shared: Served, guarded: list[tuple[str, str, Role]]) -> None:
    tried = 0
    for method, path, role in guarded:
        for lower in Role:
            if lower < role:
                problem(ask(shared.client(lower), method, path), 403, "role")
                tried += 1
    assert tried > 20


def test_a_foreign_page(shared: Served, guarded: list[tuple[str, str, Role]]) -> None:
    for origin in ("https://evil.example.com", "http://127.0.0.1:8443", "null", "https://["):
        client = shared.client(Role.ADMIN, origin=origin)
        for method, path, _ in guarded:
            problem(ask(client, method, path), 403, "wrong-origin")


def test_another_host(shared: Served, guarded: list[tuple[str, str, Role]]) -> None:
    """A name that an attacker points at this machine is not ours."""
    client = shared.client(Role.ADMIN, host="rebound.example.com:8443")
    for method, path, _ in guarded:
        problem(ask(client, method, path), 403, "wrong-host")


def logged_in(shared: Served, role: Role) -> tuple[httpx.Client, str]:
    client = shared.client(None)
    answer = client.post("/v1/session", json={"token": shared.secrets[role]})
    assert answer.status_code == 201, answer.text
    cookie = answer.headers["set-cookie"]
    for part in ("HttpOnly", "Secure", "SameSite=Strict", "Path=/"):
        assert part in cookie
    client.headers["cookie"] = cookie.partition(";")[0]
    return client, answer.json()["csrf_token"]


def test_a_change_by_cookie_without_its_csrf_token(
    shared: Served, guarded: list[tuple[str, str, Role]]
) -> None:
    client, csrf = logged_in(shared, Role.ADMIN)
    for method, path, _ in guarded:
        if method in ("GET", "HEAD"):
            continue
        problem(ask(client, method, path), 403, "no-origin")
        own = {"origin": URL}
        problem(ask(client, method, path, headers=own), 403, "no-csrf-token")
        wrong = {**own, "x-csrf-token": csrf[:-1]}
        problem(ask(client, method, path, headers=wrong), 403, "no-csrf-token")


def test_a_cookie_with_its_csrf_token_may(shared: Served) -> None:
    client, csrf = logged_in(shared, Role.APPROVER)
    assert client.get("/v1/session").json()["csrf_token"] == csrf
    given = {"origin": URL, "x-csrf-token": csrf}
    body: dict[str, Any] = {"documents": []}
    assert client.post("/v1/policies/validate", json=body, headers=given).status_code == 200
    assert client.delete("/v1/session", headers=given).status_code == 204
    problem(client.get("/v1/session"), 401, "no-token")


def test_a_token_as_the_password_of_basic(shared: Served) -> None:
    """Operations' legacy plug-in knows no other way."""
    answer = shared.client(None).get(
        "/v1/session", auth=("operations", shared.secrets[Role.VIEWER])
    )
    assert answer.json()["role"] == "viewer"


def test_what_is_open_tells_nothing(shared: Served) -> None:
    client = shared.client(None)
    assert client.get("/healthz").json() == {"status": "ok"}
    assert set(client.get("/readyz").json()) == {"status", "turn", "age_s"}
    text = json.dumps(client.get("/openapi.json").json())
    assert "esx-1" not in text and HOST not in text
    problem(client.get("/nothing"), 404, "not-found")
    problem(client.post("/healthz"), 405, "wrong-method")


def test_a_paths_other_spelling_is_no_way_round(shared: Served) -> None:
    client = shared.client(None)
    for path in ("//v1/estate", "/V1/estate", "/v1/../v1/estate", "/%76%31/estate", "/v1", "/v1/"):
        assert client.get(path).status_code in (401, 404), path
