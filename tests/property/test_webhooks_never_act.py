"""Whatever comes as an alert: nothing is carried out, and no plan is made for everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.service_app import Served, finished, served
from vsphere_market.service.roles import Role

HERE = "/v1/webhooks/operations"
#: Names and kinds that are there, and others.
names = st.sampled_from(["hot-01", "calm-01", "esx-1", "main", "nowhere", "$RESOURCE_NAME"])
kinds = st.sampled_from(
    ["VirtualMachine", "HostSystem", "ClusterComputeResource", "Datastore", "World", ""]
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=10,
)
members = {
    "alert_id": st.text(min_size=1, max_size=8),
    "resource_name": names,
    "resource_kind": kinds,
    "status": st.sampled_from(["ACTIVE", "NEW", "Cancelled", "CANCELED", "?", "$ALERT_STATUS"]),
    "cancel_time": st.one_of(st.none(), st.integers(-1, 10), st.text(max_size=4)),
}
legacy = {
    "alertId": members["alert_id"],
    "resourceName": names,
    "resourceKind": kinds,
    "status": members["status"],
    "cancelDate": members["cancel_time"],
}
alerts: st.SearchStrategy[Any] = st.one_of(
    st.fixed_dictionaries(members),
    st.fixed_dictionaries(legacy),
    st.fixed_dictionaries({}, optional={**members, **legacy, "steps": anything, "scope": anything}),
    anything,
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("hooks")
    with served(folder) as found:
        yield found


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=alerts, method=st.sampled_from(["POST", "PUT"]), tail=st.sampled_from(["", "/a1"]))
def test_no_alert_ever_acts(service: Served, body: Any, method: str, tail: str) -> None:
    client = service.client(Role.APPROVER)
    answer = client.request(method, HERE + tail, json=body)
    if answer.status_code == 422:
        assert answer.json()["cure"]
    else:
        assert answer.status_code == (201 if method == "POST" else 202), answer.text
        found = answer.json()
        planned = found["result"] in ("planning", "known")
        scope = found["scope"]
        assert planned == (found["job"] is not None) or found["result"] == "cancelled"
        if planned:
            assert scope["hosts"] or scope["clusters"] or scope["vms"]
            job = finished(client, f"/v1/jobs/{found['job']}")
            plan = client.get(job["location"]).json()
            assert plan["origin"] == "alert"
            assert plan["scope"]["hosts"] or plan["scope"]["clusters"] or plan["scope"]["vms"]
            assert plan["approved"] == 0 and plan["executions"] == []
    assert service.service.executions.all() == []
    assert not service.service.journal.steps()
