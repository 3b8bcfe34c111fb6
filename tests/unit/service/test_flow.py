"""From a look at the prices to a trade that was carried out, and what is refused on the way."""

from __future__ import annotations

import dataclasses
import math
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.roads import automatic, policies
from tests.service_app import Served, file_source, finished, served
from tests.unit.market.test_bills import nested
from vsphere_market.control.explain import explain_vm_row
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.offers import best_move
from vsphere_market.market.trades import Move
from vsphere_market.market.view import StoreView
from vsphere_market.port import Action, Entity, Migrate, TaskHandle
from vsphere_market.service import models
from vsphere_market.service.billing import bills_page
from vsphere_market.service.marketdocs import prices_document
from vsphere_market.service.roles import Role


def made_plan(client: httpx.Client, **wanted: Any) -> dict[str, Any]:
    answer = client.post("/v1/plans", json=wanted)
    assert answer.status_code == 202, answer.text
    job = finished(client, answer.headers["location"])
    assert job["state"] == "done", job
    plan: dict[str, Any] = client.get(job["location"]).json()
    return plan


def test_a_trade_is_approved_carried_out_and_remembered(own: Served) -> None:
    client = own.client(Role.OPERATOR)
    before = client.get("/v1/estate").json()
    assert before["squeezed_vms"] > 0
    plan = made_plan(client, note="for the test")
    assert plan["state"] == "open" and plan["steps"] > 0
    assert (plan["who"], plan["note"], plan["origin"]) == ("operator", "for the test", "request")
    here = f"/v1/plans/{plan['id']}"
    approved = client.post(f"{here}/approve", json={}).json()
    assert approved["approved"] == plan["steps"] and approved["pending"] == 0
    answer = client.post(f"{here}/apply", json={})
    assert answer.status_code == 202 and answer.headers["retry-after"]
    done = finished(client, answer.headers["location"])
    assert done["state"] == "done", done
    assert done["good"] == done["total"] == plan["steps"]
    assert client.get(here).json()["state"] == "executed"
    outcomes = client.get("/v1/outcomes", params={"plan": plan["id"]}).json()["items"]
    assert {item["outcome"] for item in outcomes} == {"done"}
    told = [row["event"] for row in own.client().get("/v1/audit").json()["items"]]
    for event in ("service.plan", "service.approve", "approval", "service.apply"):
        assert event in told, told
    assert own.client().get("/v1/audit").json()["intact"] is True


def test_nothing_is_carried_out_that_nobody_approved(own: Served) -> None:
    client = own.client(Role.OPERATOR)
    plan = made_plan(client)
    refused = client.post(f"/v1/plans/{plan['id']}/apply", json={})
    assert refused.status_code == 409
    assert refused.json()["type"].endswith(":nothing-approved")
    assert client.get("/v1/executions").json()["items"] == []


def test_a_skipped_step_is_left_out_with_all_that_need_it(own: Served) -> None:
    client = own.client(Role.OPERATOR)
    plan = made_plan(client)
    here = f"/v1/plans/{plan['id']}"
    steps = client.get(f"{here}/steps").json()["items"]
    first = steps[0]["id"]
    needing = {first}
    for step in steps:
        if needing & set(step["depends_on"]):
            needing.add(step["id"])
    client.post(f"{here}/approve", json={})
    skipped = client.post(f"{here}/steps/{first}/skip", json={"why": "not today"}).json()
    assert skipped["skipped"] == len(needing)
    again = {item["id"]: item for item in client.get(f"{here}/steps").json()["items"]}
    assert {name for name, item in again.items() if item["approval"] == "skipped"} == needing
    assert again[first]["approval_why"] == "not today"
    assert again[first]["approval_by"] == "operator"


def test_a_step_is_approved_with_what_it_needs(own: Served) -> None:
    client = own.client(Role.APPROVER)
    plan = made_plan(client)
    here = f"/v1/plans/{plan['id']}"
    steps = client.get(f"{here}/steps").json()["items"]
    last = next(item for item in reversed(steps) if item["depends_on"] or item is steps[0])
    client.post(f"{here}/steps/{last['id']}/approve")
    again = {item["id"]: item for item in client.get(f"{here}/steps").json()["items"]}
    assert again[last["id"]]["approval"] == "approved"
    assert all(again[name]["approval"] == "approved" for name in last["depends_on"])


def test_while_the_switch_is_pulled_nothing_is_carried_out(own: Served) -> None:
    client = own.client(Role.OPERATOR)
    plan = made_plan(client)
    here = f"/v1/plans/{plan['id']}"
    client.post(f"{here}/approve", json={})
    pulled = own.client(Role.APPROVER).post("/v1/stop", json={"reason": "fire drill"}).json()
    assert pulled["stopped"] and pulled["reason"] == "fire drill"
    refused = client.post(f"{here}/apply", json={})
    assert refused.status_code == 409 and refused.json()["type"].endswith(":stopped")
    assert own.client(Role.APPROVER).delete("/v1/stop").status_code == 403
    assert client.delete("/v1/stop").json()["stopped"] is False
    assert client.post(f"{here}/apply", json={"dry_run": True}).status_code == 202


def test_a_dry_run_changes_nothing(own: Served) -> None:
    client = own.client(Role.OPERATOR)
    plan = made_plan(client)
    here = f"/v1/plans/{plan['id']}"
    client.post(f"{here}/approve", json={})
    answer = client.post(f"{here}/apply", json={"dry_run": True})
    done = finished(client, answer.headers["location"])
    assert {item["outcome"] for item in done["steps"]} == {"would-do"}
    assert own.service.source.port.observe().vms.limit_mib.min() > 0


def test_what_policy_only_recommends_cannot_be_approved(tmp_path: Path) -> None:
    with served(tmp_path, policies=policies(automatic("recommend"))) as found:
        client = found.client(Role.OPERATOR)
        plan = made_plan(client)
        assert plan["recommended"] == plan["steps"] > 0
        for path in ("approve", "steps/s1/approve"):
            refused = client.post(f"/v1/plans/{plan['id']}/{path}", json={})
            assert refused.status_code == 409, path
        assert client.get(f"/v1/plans/{plan['id']}").json()["approved"] == 0


def test_a_scoped_plan_acts_within_its_scope_only(own: Served) -> None:
    client = own.client(Role.APPROVER)
    squeezed = client.get("/v1/vms", params={"squeezed": True}).json()["items"]
    chosen = squeezed[0]["moid"]
    plan = made_plan(client, scope={"vms": [chosen]})
    assert plan["scope"]["vms"] == [chosen]
    steps = client.get(f"/v1/plans/{plan['id']}/steps").json()["items"]
    assert {item["subject"]["moid"] for item in steps} <= {chosen}
    whole = made_plan(client)
    assert whole["steps"] > plan["steps"]
    unknown = client.post("/v1/plans", json={"scope": {"hosts": ["host-nowhere"]}})
    assert unknown.status_code == 404 and "host-nowhere" in unknown.json()["detail"]


def test_a_file_is_looked_at_but_never_acted_on(tmp_path: Path) -> None:
    hosts = [host_row("h1", 65_536), host_row("h2", 65_536)]
    vms = [vm_row(f"vm-{at}", "h1", 16_384, active_mib=9000, ballooned_mib=2000) for at in range(8)]
    snapshot = snapshot_of(clusters=[cluster_row()], hosts=hosts, vms=vms)
    with served(tmp_path, source=file_source(snapshot)) as found:
        client = found.client(Role.OPERATOR)
        assert client.get("/v1/estate").json()["stage"] == "file"
        plan = made_plan(client)
        assert plan["steps"] > 0
        client.post(f"/v1/plans/{plan['id']}/approve", json={})
        refused = client.post(f"/v1/plans/{plan['id']}/apply", json={})
        assert refused.status_code == 409 and "is a file" in refused.json()["detail"]


def test_what_is_in_the_plan_is_told_as_the_plan_has_it(tmp_path: Path) -> None:
    """Alone each VM would go to the emptier host; the plan sends some of them to the other one."""
    hosts = [host_row("h1", 65_536), host_row("h2", 65_536), host_row("h3", 62_000)]
    vms = [vm_row(f"vm-{at}", "h1", 16_384, active_mib=9000, ballooned_mib=2000) for at in range(8)]
    snapshot = snapshot_of(clusters=[cluster_row()], hosts=hosts, vms=vms)
    with served(tmp_path, source=file_source(snapshot)) as found:
        client = found.client(Role.VIEWER)
        plan = found.service.view().plan
        ledger = found.service.view().frame.question.ledger()
        eligibility = Eligibility(ledger, np.zeros(len(vms), dtype=np.bool_))
        elsewhere = 0
        for step in plan.steps:
            if not isinstance(step.action, Migrate):
                continue
            best = best_move(ledger, eligibility, snapshot.vms.row(step.action.vm.moid)).trade
            assert best is not None and isinstance(best.what, Move)
            elsewhere += snapshot.hosts.moid[best.what.target] != step.action.target.moid
            told = client.get(f"/v1/explanations/{step.action.vm.moid}").json()
            (offer,) = [one for one in told["offers"] if one["kind"] == "migrate"]
            assert offer["chosen"] and offer["text"] == told["steps"][0]["text"]
            assert offer["text"].endswith(step.action.target.name)
            assert offer["saving"] == pytest.approx(step.saving)
        assert elsewhere


def test_what_was_said_outlives_the_memory_of_the_desk(own: Served) -> None:
    client = own.client(Role.OPERATOR)
    plan = made_plan(client, note="kept")
    client.post(f"/v1/plans/{plan['id']}/steps/s1/approve")
    own.service.plans._at_hand.clear()
    again = client.get(f"/v1/plans/{plan['id']}").json()
    assert again["approved"] >= 1
    assert (again["note"], again["origin"]) == ("kept", "request")


def test_whatif_and_refresh_are_jobs(own: Served) -> None:
    client = own.client(Role.OPERATOR)
    answer = client.post("/v1/whatifs", json={"lose": ["esx-2"]})
    job = finished(client, answer.headers["location"])
    assert job["location"] == f"/v1/whatifs/{job['id']}"
    result = client.get(job["location"]).json()["result"]
    assert result["then"]["potential"] >= 0
    nothing = client.post("/v1/whatifs", json={})
    assert nothing.status_code == 400 and "nothing is supposed" in nothing.json()["detail"]
    turn = client.get("/v1/estate").json()["turn"]
    answer = client.post("/v1/snapshots")
    assert finished(client, answer.headers["location"])["state"] == "done"
    assert client.get("/v1/snapshots/latest").json()["turn"] > turn


def test_a_cancelled_execution_begins_nothing_more_and_leaves_no_step_in_doubt(
    own: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = own.client(Role.OPERATOR)
    plan = made_plan(client)
    here = f"/v1/plans/{plan['id']}"
    client.post(f"{here}/approve", json={})
    port = own.service.source.port
    real, sent = port.submit, list[Action]()

    def submit(action: Action) -> TaskHandle:
        sent.append(action)
        if len(sent) == 1:
            (running,) = client.get("/v1/executions").json()["items"]
            told = client.post(f"/v1/executions/{running['id']}/cancel").json()
            assert told["cancelling"]
        return real(action)

    monkeypatch.setattr(port, "submit", submit)
    done = finished(client, client.post(f"{here}/apply", json={}).headers["location"])
    assert done["state"] == "cancelled", done
    assert len(sent) == 1 < plan["steps"]
    outcomes = [item["outcome"] for item in done["steps"]]
    assert set(outcomes) <= {"done", "cancelled"} and outcomes.count("cancelled") >= 1, done
    assert "service.cancel" in [
        row["event"] for row in own.client().get("/v1/audit").json()["items"]
    ]


def test_an_explanation_tells_all_that_the_command_line_tells(shared: Served) -> None:
    """Cause with its numbers, since when, cures with their prices, and what would flip a no."""
    client = shared.client(Role.VIEWER)
    view = shared.service.view()
    with view.locked():
        row = view.market.squeezed[0].row
        told = explain_vm_row(
            view.frame, row, shared.service.journal, plan=view.plan, ledger=view.ledger
        )
    found = client.get(f"/v1/explanations/{told.vm.moid}").json()
    assert told.diagnosis is not None and told.since is not None
    assert found["because"] == told.diagnosis.because
    assert found["since"]["looks"] == told.since.looks >= 1
    assert found["since"]["at"].endswith("Z")
    assert [(item["text"], item["whole"], item["sentence"]) for item in found["cures"]] == [
        (cure.words, cure.whole, cure.verdict) for cure in told.cures
    ]
    assert found["cures"]
    assert [(item["kind"], item["lever"]) for item in found["flips"]] == [
        (flip.kind.value, flip.lever.value) for flip in told.flips
    ]
    assert found["flips"]
    for item, flip in zip(found["flips"], told.flips, strict=True):
        assert item["now"] == (flip.now if math.isfinite(flip.now) else None)
        assert item["lever_words"] and item["unit"] == flip.unit
    assert [item["name"] for item in found["outside"]] == [
        item.name for item in told.diagnosis.outside
    ]
    host = client.get(f"/v1/explanations/{told.host.name}").json()
    assert (host["thing"], host["since"], host["cures"], host["flips"]) == ("host", None, [], [])


def test_a_bill_is_told_as_data_and_adds_up(shared: Served) -> None:
    client = shared.client(Role.VIEWER)
    view = shared.service.view()
    rows = client.get("/v1/vms", params={"limit": 1000, "sort": "-bill"}).json()["items"]
    assert [row["bill"] for row in rows] == sorted((row["bill"] for row in rows), reverse=True)
    paid = client.get(f"/v1/explanations/{rows[0]['moid']}").json()["paid"]
    assert paid["bill"]["total"] == pytest.approx(rows[0]["bill"])
    assert paid["bill"]["total"] == pytest.approx(
        sum(paid["bill"][part] for part in ("goods", "limit", "pool"))
    )
    assert sum(item["value"] for item in paid["goods"]) == pytest.approx(paid["bill"]["goods"])
    assert {item["unit"] for item in paid["goods"]} == {"points"}
    squeezed = client.get("/v1/prices").json()["squeezed"][0]
    (same,) = [row for row in rows if row["moid"] == squeezed["vm"]["moid"]]
    assert squeezed["bill"] == pytest.approx(same["bill"])
    assert 0 <= squeezed["limit_bill"] <= squeezed["bill"]
    for one in ("application", "pool"):
        page = client.get("/v1/bills", params={"by": one}).json()
        assert page["bill"]["total"] == pytest.approx(float(view.bills.total.sum()))
        totals = [item["bill"]["total"] for item in page["items"]]
        assert totals == sorted(totals, reverse=True)
        assert all(0 <= item["share"] <= 1 for item in page["items"])
    of_apps = client.get("/v1/bills").json()["items"]
    for app in of_apps:
        inside = [row for row in rows if row["application"] == app["name"]]
        assert sum(row["bill"] for row in inside) == pytest.approx(app["bill"]["total"])
        assert app["dearest"][0]["moid"] == max(inside, key=lambda row: row["bill"])["moid"]
    alone = sum(row["bill"] for row in rows if row["application"] is None)
    whole = client.get("/v1/bills").json()["bill"]["total"]
    assert alone + sum(app["bill"]["total"] for app in of_apps) == pytest.approx(whole)


def test_datastores_that_tell_their_latency_are_priced(shared: Served) -> None:
    assert shared.client(Role.VIEWER).get("/v1/prices").json()["datastores"] == []
    view = shared.service.view()
    store = StoreView(Entity("ds-1", "nearline"), 12.5, 0.96, 2300.0, 158.0, math.nan, 31.0)
    busy = dataclasses.replace(view, market=dataclasses.replace(view.market, stores=(store,)))
    document = prices_document(busy)
    assert models.Prices.model_validate(document).datastores[0].hours == 31
    assert document["datastores"] == [
        {
            "moid": "ds-1", "name": "nearline", "price": 12.5, "load": 0.96, "iops": 2300.0,
            "latency_ms": 158.0, "free_mib": None, "hours": 31,
        }
    ]  # fmt: skip


def test_the_bill_of_a_pool_names_those_within_pools_of_it(shared: Served) -> None:
    view, asked = shared.service.view(), nested()
    frame = dataclasses.replace(view.frame, snapshot=asked.snapshot, question=asked)
    page = bills_page(dataclasses.replace(view, frame=frame), "pool", "", 10, "")
    assert sorted(item["name"] for item in page["items"]) == ["all", "dev"]
    for item in page["items"]:
        assert item["vms"] == 2
        assert {one["name"] for one in item["dearest"]} == {"vm-1", "vm-2"}


def test_bills_come_page_by_page_and_by_name(shared: Served) -> None:
    client = shared.client(Role.VIEWER)
    every = client.get("/v1/bills", params={"by": "pool"}).json()
    first = client.get("/v1/bills", params={"by": "pool", "limit": 1}).json()
    assert first["items"] == every["items"][:1]
    if every["total"] > 1:
        more = {"by": "pool", "limit": 1, "cursor": first["next"]}
        assert client.get("/v1/bills", params=more).json()["items"] == every["items"][1:2]
    assert client.get("/v1/bills", params={"search": "no such thing"}).json()["total"] == 0
    assert client.get("/v1/bills", params={"cursor": "x"}).status_code == 404
    assert client.get("/v1/bills", params={"by": "weather"}).status_code == 422


def test_what_is_not_there_is_looked_for_in_lists(shared: Served) -> None:
    answer = shared.client(Role.VIEWER).get("/v1/explanations/0000000000")
    assert answer.status_code == 404
    assert "/v1/vms" in answer.json()["cure"]


def test_times_are_the_sources_own(own: Served) -> None:
    """A plant's clock is not ours: jobs and executions go by the same as all else."""
    client = own.client(Role.OPERATOR)
    before = own.service.clock.now_s()
    plan = made_plan(client)
    client.post(f"/v1/plans/{plan['id']}/approve", json={})
    answer = client.post(f"/v1/plans/{plan['id']}/apply", json={"dry_run": True})
    done = finished(client, answer.headers["location"])
    job = client.get("/v1/jobs").json()["items"][0]
    after = own.service.clock.now_s()
    for text in (job["created_at"], job["ended_at"], done["started_at"], done["ended_at"]):
        assert before - 1 <= datetime.fromisoformat(text).timestamp() <= after + 1
