"""``serve`` and ``tokens`` as a user types them."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.cli import ROOT, command, vm


def test_tokens_are_made_listed_and_ended(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    made = vm(
        "tokens", "create", "grafana", "--role", "viewer", "--tokens", file, "--format", "json"
    )
    assert made.code == 0, made.err
    secret = made.json["token"]
    assert secret.startswith("vsm_") and secret not in file.read_text()
    assert "not shown again" in made.err
    listed = vm("tokens", "list", "--tokens", file, "--format", "json")
    assert [(item["name"], item["role"]) for item in listed.json] == [("grafana", "viewer")]
    assert secret not in listed.out
    ended = vm("tokens", "revoke", "grafana", "--tokens", file)
    assert ended.code == 0 and "no longer valid" in ended.err
    vm("tokens", "revoke", "grafana", "--tokens", file).failed_with(64, "is no token")
    vm("tokens", "create", "", "--tokens", file).failed_with(64, "needs a name")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--listen", "nowhere"], "HOST:PORT"),
        (["--listen", "0.0.0.0:0"], "--tls-cert"),
        (["--tls-cert", "none.pem"], "go together"),
        (["--interval", "soon"], "span of time"),
    ],
)
def test_what_cannot_be_served(hot: Path, options: list[str], words: str) -> None:
    vm("serve", "--plant", hot, *options).failed_with(64, words)


def test_no_loop_on_a_file(tmp_path: Path, hot: Path) -> None:
    snapshot = tmp_path / "snapshot.json"
    assert vm("snapshot", "--plant", hot, "-o", snapshot).code == 0
    vm("serve", "--snapshot", snapshot, "--loop", "--listen", "127.0.0.1:0").failed_with(
        64, "no loop can act"
    )


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, hot: Path) -> None:
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    process = subprocess.Popen(
        command("serve", "--plant", hot, "--listen", "127.0.0.1:0"),
        cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(4)]
        url = re.findall(r"https://127\.0\.0\.1:\d+", lines[0])[0]
        secret = re.findall(r"vsm_[\w-]+", lines[2])[0]
        assert "ends with this program" in lines[3]
        trusted = tmp_path / "state" / "vsphere-market" / "service" / "certificate.pem"
        context = ssl.create_default_context(cafile=str(trusted))
        with httpx.Client(
            base_url=url, verify=context, timeout=60.0,
            headers={"authorization": f"Bearer {secret}"},
        ) as client:  # fmt: skip
            found = client.get("/v1/session").json()
        assert found["role"] == "admin"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
