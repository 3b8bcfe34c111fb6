"""Events over a real server: they come as things happen, and nothing is missed on coming back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service_http import Listening, listening
from vsphere_market.service import events
from vsphere_market.service.roles import Role
from vsphere_market.service.settings import Limits


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Listening]:
    limits = Limits(reads_per_s=1e6, writes_per_s=1e6, failures_per_min=1e6, streams=2)
    with listening(tmp_path, limits=limits) as found:
        yield found


def read(lines: Iterator[str]) -> dict[str, Any]:
    """The next event; comments and pauses are passed over."""
    found: dict[str, Any] = {}
    for line in lines:
        if not line and "event" in found:
            return found
        name, _, value = line.partition(": ")
        if name in ("id", "event"):
            found[name] = value
        elif name == "data":
            found["data"] = json.loads(value)
    raise AssertionError("the stream ended")


def wait_for(lines: Iterator[str], name: str) -> dict[str, Any]:
    while True:
        found = read(lines)
        if found["event"] == name:
            return found


def test_what_happens_is_told_as_it_happens(server: Listening) -> None:
    client = server.client(Role.OPERATOR)
    with client.stream("GET", "/v1/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        job = client.post("/v1/plans", json={}).json()
        made = wait_for(lines, "job")
        assert made["data"]["id"] == job["id"]
        plan = wait_for(lines, "plan")["data"]["plan"]
        client.post(f"/v1/plans/{plan}/approve", json={})
        assert wait_for(lines, "plan")["data"]["approved"] > 0
        client.post(f"/v1/plans/{plan}/apply", json={})
        step = wait_for(lines, "execution.step")["data"]
        assert step["plan"] == plan and step["text"]
        while True:
            execution = wait_for(lines, "execution")["data"]
            if execution["state"] not in ("starting", "running"):
                break
        assert execution["state"] == "done" and execution["good"] == execution["total"]


def test_who_comes_back_gets_what_was_missed(server: Listening) -> None:
    client = server.client(Role.OPERATOR)
    with client.stream("GET", "/v1/events") as stream:
        lines = stream.iter_lines()
        next(lines)
        client.post("/v1/stop", json={"reason": "first"})
        last = wait_for(lines, "stop")
    client.post("/v1/stop", json={"reason": "second"})
    client.delete("/v1/stop")
    with client.stream("GET", "/v1/events", headers={"last-event-id": last["id"]}) as stream:
        lines = stream.iter_lines()
        assert wait_for(lines, "stop")["data"]["reason"] == "second"
        assert wait_for(lines, "stop")["data"]["stopped"] is False
    with client.stream("GET", "/v1/events", params={"after": last["id"]}) as stream:
        assert wait_for(stream.iter_lines(), "stop")["data"]["reason"] == "second"


@pytest.mark.parametrize("last", ["otherrun-3", "nonsense", "-", "otherrun-99999999"])
def test_who_missed_too_much_is_told_to_begin_anew(server: Listening, last: str) -> None:
    client = server.client(Role.VIEWER)
    with client.stream("GET", "/v1/events", headers={"last-event-id": last}) as stream:
        assert read(stream.iter_lines())["event"] == "reset"


def test_silence_is_broken_by_a_heartbeat(
    server: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.05)
    with server.client(Role.VIEWER).stream("GET", "/v1/events") as stream:
        for line in stream.iter_lines():
            if line == ": still here":
                return
    raise AssertionError("no heartbeat came")


def test_only_so_many_may_listen(server: Listening) -> None:
    client = server.client(Role.VIEWER)
    with client.stream("GET", "/v1/events") as one, client.stream("GET", "/v1/events") as two:
        # Held, since a client that lets go of its lines lets go of the stream.
        lines = one.iter_lines(), two.iter_lines()
        assert [next(item) for item in lines] == ["retry: 2000"] * 2
        refused = client.get("/v1/events", timeout=5.0)
        assert refused.status_code == 503 and refused.headers["retry-after"]


def test_the_end_of_the_service_ends_the_streams(tmp_path: Path) -> None:
    with listening(tmp_path) as found:
        client = found.client(Role.VIEWER)
        stream = client.stream("GET", "/v1/events")
        lines = stream.__enter__().iter_lines()
        next(lines)
    try:
        assert all(not line.startswith("event: trouble") for line in lines)
    except httpx.HTTPError:
        pass
    finally:
        stream.__exit__(None, None, None)
