"""The published document is kept: schemathesis asks every operation for what it should not say.

Over real HTTPS, with what the document allows and with what it forbids; every answer must be one
that the document tells, in the form that it tells, and none may be an unexpected error.
"""

from __future__ import annotations

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
    schema = schemathesis.openapi.from_dict(DOCUMENT)
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
