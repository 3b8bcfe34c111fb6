"""What one caller may ask, what is written down of it, and jobs that take a while."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.service_app import Served, finished, served
from vsphere_market.service.roles import Role
from vsphere_market.service.settings import Limits

FEW = Limits(
    reads_per_s=0.001,
    writes_per_s=0.001,
    burst_s=3000.0,
    failures_per_min=4.0,
    body_bytes=10_000,
)


def test_who_asks_too_often_is_told_how_long_to_wait(tmp_path: Path) -> None:
    with served(tmp_path, limits=FEW) as found:
        client, other = found.client(Role.OPERATOR), found.client(Role.VIEWER)
        assert [client.get("/v1/stop").status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = client.get("/v1/stop")
        assert refused.headers["content-type"] == "application/problem+json"
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["type"].endswith(":too-often")
        # Changes have a measure of their own, and so have others.
        pulls = [client.post("/v1/stop", json={"reason": "x"}).status_code for _ in range(4)]
        assert pulls == [200, 200, 200, 429]
        assert other.get("/v1/stop").status_code == 200
        # What tells whether it lives is not counted.
        assert {client.get("/healthz").status_code for _ in range(6)} == {200}


def test_whoever_guesses_tokens_has_to_wait_even_with_a_right_one(tmp_path: Path) -> None:
    with served(tmp_path, limits=FEW) as found:
        stranger = found.client(None, authorization="Bearer vsm_00000000_guess")
        answers = [stranger.get("/v1/stop").status_code for _ in range(6)]
        assert answers[0] == 401 and answers[-1] == 429, answers
        assert found.client(Role.ADMIN).get("/v1/stop").status_code == 429


def test_a_body_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with served(tmp_path, limits=FEW) as found:
        answer = found.client().post("/v1/plans", json={"note": "x" * 20_000})
        assert answer.status_code == 413
        assert answer.json()["cure"]


def test_every_change_is_in_the_audit_trail(own: Served) -> None:
    """Each with who made it, and none of them tells a token."""
    client = own.client(Role.ADMIN)

    def do(method: str, path: str, body: Any = None) -> Any:
        answer = client.request(method, path, json=body)
        assert answer.status_code < 300, answer.text
        return answer

    job = finished(client, do("POST", "/v1/plans", {}).headers["location"])
    plan = job["location"]
    do("POST", f"{plan}/approve", {})
    do("POST", f"{plan}/steps/s1/skip", {"why": "not now"})
    do("POST", f"{plan}/steps/s1/approve")
    execution = do("POST", f"{plan}/apply", {"dry_run": True}).headers["location"]
    do("POST", f"{execution}/cancel")
    finished(client, execution)
    finished(client, do("POST", "/v1/snapshots").headers["location"])
    do("POST", "/v1/stop", {"reason": "drill"})
    do("DELETE", "/v1/stop")
    made = do("POST", "/v1/tokens", {"name": "grafana", "role": "viewer"}).json()
    do("DELETE", f"/v1/tokens/{made['id']}")
    alert = {"alert_id": "a", "resource_name": "nobody", "resource_kind": "VirtualMachine"}
    do("POST", "/v1/webhooks/operations", {**alert, "status": "NEW"})
    do("POST", "/v1/session", {"token": own.secrets[Role.VIEWER]})
    trail = client.get("/v1/audit?limit=200")
    rows = trail.json()["items"]
    told = {row["event"].removeprefix("service.") for row in rows}
    assert told >= {
        "plan", "approve", "skip", "apply", "cancel", "refresh", "stop", "stop-released", "token",
        "token-revoked", "alert", "login",
    }  # fmt: skip
    assert trail.json()["intact"] is True
    assert made["token"] not in trail.text
    assert all(secret not in trail.text for secret in own.secrets.values())


def test_a_backtest_has_a_result(shared: Served) -> None:
    client = shared.client(Role.OPERATOR)
    wanted = {"estate": "demo", "controllers": "none", "hours": 0.1}
    job = finished(client, client.post("/v1/backtests", json=wanted).headers["location"])
    assert job["state"] == "done", job
    found = client.get(job["location"]).json()
    assert found["job"]["id"] == job["id"]
    assert "none" in str(found["result"])
    assert client.get(f"/v1/whatifs/{job['id']}").status_code == 404
