"""The real Prometheus: reads our rules, scrapes a live service, and answers the dashboard."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.service_http import Listening, listening
from tools.system_parts import ensure
from vsphere_market.control.sources import SourceOptions, open_source
from vsphere_market.service.metrics import MEDIA_TYPE
from vsphere_market.service.roles import Role

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus" / "vsphere-market.rules.yml"
CONFIG = ROOT / "deploy" / "prometheus" / "prometheus.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "vsphere-market.json"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    """The demo, as ``serve --plant demo`` serves it."""
    source = open_source(SourceOptions(plant="demo"))
    with listening(tmp_path_factory.mktemp("demo"), source=source, speed=1.0) as found:
        yield found


@pytest.fixture(scope="module")
def prometheus(server: Listening, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that scrapes it by the shipped configuration; gives its URL."""
    program = str(ensure("prometheus")["prometheus"])
    folder = tmp_path_factory.mktemp("prometheus")
    secret = folder / "token"
    secret.write_text(server.secret(Role.VIEWER))
    config = yaml.safe_load(CONFIG.read_text())
    job = config["scrape_configs"][0]
    job["scrape_interval"] = "1s"
    job["authorization"]["credentials_file"] = str(secret)
    job["tls_config"]["ca_file"] = str(server.shown.certificate)
    job["static_configs"][0]["targets"] = [f"127.0.0.1:{server.server.address.port}"]
    config["global"] = {"evaluation_interval": "1s"}
    config["rule_files"] = [str(RULES)]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    port = free_port()
    command = [
        program,
        f"--config.file={path}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(url: str, path: str, **params: str) -> Any:
    """Ask Prometheus, which takes a moment to begin."""
    return httpx.get(f"{url}/api/v1/{path}", params=params, timeout=10.0).json()["data"]


def until(url: str, query: str) -> list[dict[str, Any]]:
    ends = time.monotonic() + 60.0
    while True:
        try:
            found: list[dict[str, Any]] = ask(url, "query", query=query)["result"]
        except (httpx.HTTPError, KeyError, ValueError):
            found = []
        if found:
            return found
        assert time.monotonic() < ends, f"Prometheus never had an answer to {query}"
        time.sleep(0.3)


def promtool(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    program = str(ensure("prometheus")["promtool"])
    return subprocess.run(
        [program, *arguments], input=text, capture_output=True, text=True, check=False
    )


def test_promtool_finds_nothing_wrong_with_the_rules() -> None:
    done = promtool("check", "rules", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    assert f"{len(rules)} rules found" in done.stdout
    assert "VsphereMarketCannotCure" in {rule["alert"] for rule in rules}


def test_promtool_finds_nothing_wrong_with_the_metrics(server: Listening) -> None:
    answer = server.client(Role.VIEWER).get("/metrics")
    assert answer.headers["content-type"] == MEDIA_TYPE
    done = promtool("check", "metrics", text=answer.text)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alert_on_what_the_market_cannot_cure(tmp_path: Path) -> None:
    """By promtool's own test of rules: it fires for a refusal, not for one that only waits."""
    cases = [("no-cure", True), ("hot-add-disabled", True), ("settling", False)]
    document = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {
                        "series": f'vsphere_market_uncured_vms{{instance="a",reason="{reason}"}}',
                        "values": "2x60",
                    }
                ],
                "alert_rule_test": [
                    {
                        "eval_time": "45m",
                        "alertname": "VsphereMarketCannotCure",
                        "exp_alerts": [{"exp_labels": {"severity": "warning", "instance": "a"}}]
                        if fires
                        else [],
                    }
                ],
            }
            for reason, fires in cases
        ],
    }
    rules = yaml.safe_load(RULES.read_text())
    for rule in rules["groups"][0]["rules"]:
        rule.pop("annotations")
    bare = tmp_path / "rules.yml"
    bare.write_text(yaml.safe_dump(rules))
    document["rule_files"] = [str(bare)]
    path = tmp_path / "test.yml"
    path.write_text(yaml.safe_dump(document))
    done = promtool("test", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_live_service_is_scraped(server: Listening, prometheus: str) -> None:
    assert until(prometheus, 'up{job="vsphere-market"} == 1')
    price = until(prometheus, 'vsphere_market_host_price_points_per_mebibyte{host_name="esx-01"}')
    assert price[0]["metric"]["cluster_name"] == "production"
    assert price[0]["metric"]["dc_name"] == "DC"
    shown = server.client().get("/v1/prices").json()["hosts"]
    wanted = next(item["price"] for item in shown if item["name"] == "esx-01")
    assert float(price[0]["value"][1]) == pytest.approx(wanted)
    vms = until(prometheus, "count(vsphere_market_vm_taken_bytes)")
    assert float(vms[0]["value"][1]) == len(
        server.client().get("/v1/vms", params={"squeezed": True}).json()["items"]
    )


def test_prometheus_loads_the_rules(prometheus: str) -> None:
    until(prometheus, "up == 1")
    rules = [rule for group in ask(prometheus, "rules")["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in rules} >= {"VsphereMarketCannotCure", "VsphereMarketSwapping"}
    ends = time.monotonic() + 60.0
    while any(rule["health"] == "unknown" for rule in rules):
        assert time.monotonic() < ends
        time.sleep(0.3)
        rules = [rule for group in ask(prometheus, "rules")["groups"] for rule in group["rules"]]
    assert {rule["health"] for rule in rules} == {"ok"}, rules


def test_the_dashboard_asks_for_what_there_is(server: Listening, prometheus: str) -> None:
    """Every expression parses in Prometheus, and every metric in it is one of ours."""
    until(prometheus, "up == 1")
    until(prometheus, "vsphere_market_plan_steps")
    dashboard = json.loads(DASHBOARD.read_text())
    text = server.client(Role.VIEWER).get("/metrics").text
    ours = set(re.findall(r"^# TYPE (\S+)", text, flags=re.MULTILINE))
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(expressions) > 15
    for expression in expressions:
        names = set(re.findall(r"vsphere_market_[a-z_]+", expression))
        assert names and names <= ours, (expression, names - ours)
        filled = expression.replace("$instance", ".*").replace("$cluster", ".*")
        assert ask(prometheus, "query", query=filled)["resultType"] in ("vector", "scalar")
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    for rule in rules:
        names = set(re.findall(r"vsphere_market_[a-z_]+", rule["expr"]))
        assert names <= ours, (rule["alert"], names - ours)
