"""The published document is kept: schemathesis asks every operation for what it should not say.

Over real HTTPS, with what the document allows and with what it forbids; every answer must be one
that the document tells, in the form that it tells, and none may be an unexpected error.
"""

from __future__ import annotations

import copy
import time
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.service_http import Listening, listening
from vsphere_market.service.app import api_of, document_of
from vsphere_market.service.settings import Limits
from vsphere_market.service.state import Service

PLENTY = Limits(
    reads_per_s=1e9, writes_per_s=1e9, failures_per_min=1e9, jobs=1_000_000, streams=1000
)
#: These two take names of hosts, policies and controllers, of which no schema says which exist.
FREE_TEXT: list[Any] = [positive_data_acceptance]
#: Nothing is asked of a service to write its document.
DOCUMENT = document_of(api_of(cast(Service, None)))
#: The stream of events never ends; test_events.py reads it.
OPERATIONS = [
    (method.upper(), path)
    for path, item in DOCUMENT["paths"].items()
    for method in item
    if path != "/v1/events"
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("contract")
    with listening(folder, limits=PLENTY) as found:
        yield found


@pytest.fixture(scope="module")
def api(server: Listening) -> Any:
    return api_at(server)


def api_at(server: Listening) -> Any:
    # Schemathesis writes links that it infers into what it is given.
    schema = schemathesis.openapi.from_dict(copy.deepcopy(DOCUMENT))
    schema.config.update(base_url=server.url)
    return schema


@pytest.fixture(scope="module")
def secret(server: Listening) -> str:
    return server.secret()


def within_a_tests_patience(case: Case[Any]) -> None:
    """What these two may be asked is bounded, yet takes longer than a test should."""
    if not isinstance(case.body, dict):
        return
    if case.operation.label == "POST /v1/backtests" and "hours" in case.body:
        case.body = {"estate": "demo", "controllers": "none", "hours": 0.1}
    if case.operation.label == "POST /v1/whatifs":
        for name in ("add_vms", "add_hosts"):
            asked = case.body.get(name)
            if isinstance(asked, int) and asked > 20:
                case.body[name] = 20


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda part: part)
def test_every_answer_is_one_that_the_document_tells(
    method: str, path: str, api: Any, server: Listening, secret: str
) -> None:
    operation = api[path][method]
    cases: st.SearchStrategy[Case[Any]] = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )

    @seed(1)
    @settings(
        max_examples=6,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def ask(case: Case[Any]) -> None:
        within_a_tests_patience(case)
        case.call_and_validate(
            headers={"Authorization": f"Bearer {secret}"},
            verify=str(server.shown.certificate),
            timeout=30,
            excluded_checks=FREE_TEXT if path in ("/v1/whatifs", "/v1/backtests") else [],
        )

    ask()


#: What a person, or a workflow, goes through; the operations that links lead to are among them.
ROAD = r"^/v1/(estate|plans|jobs|executions)"


def test_links_are_followed_at_random(api: Any, server: Listening, secret: str) -> None:
    """Schemathesis goes by the links in any order, and no answer is one that nobody told."""
    seen: Counter[tuple[str, int]] = Counter()
    trust = str(server.shown.certificate)
    machine: Any = api.include(path_regex=ROAD).as_state_machine()

    class Following(machine):  # type: ignore[misc]
        def get_call_kwargs(self, case: Case[Any]) -> dict[str, Any]:
            return {"headers": {"Authorization": f"Bearer {secret}"}, "verify": trust}

        def after_call(self, response: Any, case: Case[Any]) -> None:
            seen[case.operation.label, response.status_code] += 1

    def reached() -> bool:
        return any("{" in label and status == 200 for label, status in seen)

    # Which links a walk takes depends on what the service has come to; most lead to an object.
    for examples in (12, 48):
        machine.run.__func__(
            Following,
            settings=settings(
                max_examples=examples,
                stateful_step_count=6,
                deadline=None,
                database=None,
                derandomize=True,
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
            ),
        )
        if reached():
            break
    assert reached(), sorted(seen.items())
    assert not [key for key in seen if key[1] >= 500]


@pytest.fixture
def fresh(tmp_path: Path) -> Any:
    """A service whose stop switch no other test has pulled."""
    with listening(tmp_path, limits=PLENTY) as found:
        yield found


def test_who_follows_the_links_comes_from_a_wish_to_an_execution(fresh: Listening) -> None:
    """Nothing is known to this test but the names of operations and what the document links."""
    api, server, secret = api_at(fresh), fresh, fresh.secret()
    known = {
        operation["operationId"]: (method.upper(), path, operation)
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
    }
    trust = str(server.shown.certificate)

    def ask(name: str, given: dict[str, str], body: Any = None) -> Any:
        method, path, _ = known[name]
        more = {} if body is None else {"body": body, "media_type": "application/json"}
        case = api[path][method].Case(path_parameters=given, **more)
        answer = case.call_and_validate(
            headers={"Authorization": f"Bearer {secret}"}, verify=trust, timeout=30
        )
        return answer.status_code, given, answer.json()

    def follow(name: str, came: str, found: Any, body: Any = None) -> Any:
        status, path, document = found
        link = known[came][2]["responses"][str(status)]["links"][name]
        given = {}
        for parameter, expression in link["parameters"].items():
            if expression.startswith("$request.path."):
                given[parameter] = path[expression.removeprefix("$request.path.")]
                continue
            value = document
            for part in expression.removeprefix("$response.body#/").split("/"):
                value = value[int(part)] if isinstance(value, list) else value[part]
            given[parameter] = value
        return ask(name, given, body)

    begun = ask("create_plan", {}, {"note": "by links"})
    ends = time.monotonic() + 60.0
    while (job := follow("get_job", "create_plan", begun))[2]["state"] in ("queued", "running"):
        assert time.monotonic() < ends, job
        time.sleep(0.05)
    assert job[2]["location"] == f"/v1/plans/{job[2]['plan']}"
    plan = follow("get_plan", "get_job", job)
    follow("list_refusals", "get_plan", plan)
    steps = follow("list_steps", "get_plan", plan)
    follow("get_step", "list_steps", steps)
    approved = follow("approve_step", "list_steps", steps)
    assert approved[0] == 200 and approved[2]["approved"] > 0
    execution = follow("apply_plan", "approve_step", approved, {"dry_run": True})
    assert execution[0] == 202
    assert follow("cancel_execution", "apply_plan", execution)[0] == 202
    assert follow("get_execution", "apply_plan", execution)[2]["id"] == execution[2]["id"]
    skipped = follow("skip_step", "list_steps", steps, {"why": "not today"})
    assert skipped[0] in (200, 409)


def test_every_link_leads_to_an_operation_and_names_its_parameters() -> None:
    """A link that leads nowhere would never be followed, and nobody would notice."""
    taken = {
        operation["operationId"]: {
            item["name"] for item in operation.get("parameters", ()) if item["in"] == "path"
        }
        for item in DOCUMENT["paths"].values()
        for operation in item.values()
    }
    links = [
        link
        for item in DOCUMENT["paths"].values()
        for operation in item.values()
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert len(links) > 20
    for link in links:
        assert set(link["parameters"]) == taken[link["operationId"]], link
