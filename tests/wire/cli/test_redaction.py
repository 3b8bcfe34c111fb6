"""No secret shows anywhere: canaries are planted, every verb is run, and everything is searched.

Outputs, errors, logs at their most verbose, tracebacks, plans, snapshots, reports, the journal: all
that the program writes. Verbs end well here, and badly, with secrets from each place that they may
come from.
"""

from __future__ import annotations

import io
import logging
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer

from tests.cli import ROOT, Ended, command, reaching, vm
from tests.roads import automatic, hot_plant, write_json
from tests.vault import Vault, serving
from tests.vcsim import Simulator
from vsphere_market.cli.app import app
from vsphere_market.errors import ExitCode

PASSWORD = "canary-Pa55-w0rd"
WRONG = "canary-wr0ng-w0rd"
TOKEN, SECRET_ID = "hvs.canary-t0ken", "canary-s3cret-id"
CANARIES = (PASSWORD, WRONG, TOKEN, SECRET_ID)


@pytest.fixture(scope="module")
def hot() -> Iterator[Simulator]:
    with Simulator.start(hot_plant().observe(), hold_samples=True, password=PASSWORD) as simulator:
        yield simulator


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """All that any part of the program logs, as --debug shows it."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield said
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def search(folder: Path, *texts: str) -> None:
    """Fail where a canary shows, as it is or as the wire would spell it."""
    spelled = {form for word in CANARIES for form in (word, word.encode().hex())}
    for text in texts:
        assert not [form for form in spelled if form in text], text
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("given-"):
            data = path.read_bytes()
            assert not [form for form in spelled if form.encode() in data], path


def verbs(folder: Path) -> dict[str, list[list[object]]]:
    """Verb -> command lines. Those of a vCenter get it from the environment."""
    plan, snapshot, journal = folder / "plan.json", folder / "estate.json", folder / "journal.db"
    policy = write_json(folder / "policy.json", automatic())
    tokens = folder / "tokens.json"
    return {
        "doctor": [["doctor"]],
        "snapshot": [["snapshot", "-o", snapshot]],
        "prices": [["prices"], ["prices", "--format", "json"]],
        "plan": [["plan", "-p", policy, "-o", plan]],
        "apply": [
            ["apply", plan, "--dry-run", "--journal", journal],
            ["apply", plan, "--yes", "--step", "s1", "--journal", journal],
            ["apply", folder / "absent.json"],
        ],
        "run": [["run", "--once", "-p", policy, "--journal", journal]],
        "explain": [["explain", "esx-1"], ["explain", "nobody"]],
        "whatif": [["whatif", "--lose", "esx-2"]],
        "assess": [["assess", "-o", folder / "report.html"]],
        "history": [["history", "--journal", journal, "--format", "json"]],
        "outcomes": [["outcomes", "--journal", journal]],
        "trust": [["trust", "--journal", journal]],
        "stop": [["stop", "--journal", journal, "--reason", "a test"]],
        "resume": [["resume", "--journal", journal]],
        "operations push": [["operations", "push"]],
        "reclaim": [["reclaim"]],
        "undo": [["undo", "--journal", journal]],
        "plugin manifest": [["plugin", "manifest"]],
        "plugin status": [["plugin", "status"]],
        "plugin register": [["plugin", "register"]],
        "plugin unregister": [["plugin", "unregister"]],
        "vro export": [["vro", "export", "-o", folder / "vro"]],
        "role create": [["role", "create", "--principal", "svc"], ["role", "create", "--dry-run"]],
        "role check": [["role", "check"]],
        "tokens create": [["tokens", "create", "one", "--tokens", tokens]],
        "tokens list": [["tokens", "list", "--tokens", tokens]],
        "tokens revoke": [["tokens", "revoke", "one", "--tokens", tokens]],
        "policies validate": [["policies", "validate", policy]],
        "policies explain": [["policies", "explain", "esx-1", "-p", policy]],
        "policies test": [["policies", "test", folder]],
        "policies diff": [["policies", "diff", policy, policy]],
        "policies schema": [["policies", "schema"]],
        "backtest": [["backtest", "--estate", "absent"]],
        "demo": [["demo", "--estate", "absent"]],
        "version": [["version"]],
    }


def all_verbs() -> set[str]:
    names: set[str] = set()
    for name, verb in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        parts = getattr(verb, "commands", None)
        names |= {f"{name} {part}" for part in parts} if parts else {name}
    return names


def test_every_verb_keeps_its_secrets(hot: Simulator, tmp_path: Path) -> None:
    lines = verbs(tmp_path)
    # Served by a test of its own below.
    assert set(lines) | {"serve"} == all_verbs()
    env = reaching(hot, tmp_path)
    said: list[str] = []
    codes: set[int] = set()
    with everything_logged() as log:
        for verb in lines.values():
            for line in verb:
                debug = () if line[0] in ("version", "vro") else ("--debug",)
                ended = vm(*line, *debug, env=env)
                said += [ended.out, ended.err]
                codes.add(ended.code)
    assert ExitCode.OK in codes and ExitCode.USAGE in codes, "some went well, and some did not"
    assert log.getvalue().count("logged in at") > 5, "it was logged"
    search(tmp_path, log.getvalue(), *said)


def test_verbs_that_are_turned_away_keep_them_too(hot: Simulator, tmp_path: Path) -> None:
    env = {**reaching(hot, tmp_path), "GOVC_PASSWORD": WRONG}
    with everything_logged() as log:
        ended = [vm(verb, "--debug", env=env) for verb in ("doctor", "prices", "plan")]
    assert {one.code for one in ended} == {ExitCode.NOT_PERMITTED}
    search(tmp_path, log.getvalue(), *(one.out + one.err for one in ended))


def test_secrets_from_an_address_a_file_and_vault(hot: Simulator, tmp_path: Path) -> None:
    env = {**reaching(hot, tmp_path), "GOVC_PASSWORD": ""}
    file = tmp_path / "given-password"
    file.write_text(PASSWORD)
    file.chmod(0o400)
    secret = tmp_path / "given-secret-id"
    secret.write_text(SECRET_ID)
    secret.chmod(0o400)
    address = hot.url.replace("://", f"://{hot.username.replace('@', '%40')}:{PASSWORD}@")
    held = {"kv/vcenter": {"password": PASSWORD}}
    with serving(Vault(TOKEN, "market", SECRET_ID, v2=held)) as vault, everything_logged() as log:
        by_vault = {"GOVC_PASSWORD_VAULT": "kv/vcenter", "VAULT_ADDR": vault.url}
        places = [
            ({"GOVC_PASSWORD_FILE": str(file)}, 0),
            ({"GOVC_URL": address}, 0),
            ({**by_vault, "VAULT_TOKEN": TOKEN}, 0),
            (
                {**by_vault, "VAULT_ROLE_ID": "market", "VAULT_SECRET_ID_FILE": str(secret)},
                0,
            ),
            ({**by_vault, "VAULT_TOKEN": WRONG}, ExitCode.NOT_PERMITTED),
            ({"GOVC_PASSWORD": WRONG, "GOVC_PASSWORD_FILE": str(file)}, ExitCode.USAGE),
        ]
        ended: list[Ended] = []
        for place, code in places:
            ended.append(vm("prices", "--debug", env={**env, **place}))
            assert ended[-1].code == code, (place, ended[-1].err)
    search(tmp_path, log.getvalue(), *(one.out + one.err for one in ended))


def test_the_service_keeps_them(hot: Simulator, tmp_path: Path) -> None:
    import os

    env = {**os.environ, **reaching(hot, tmp_path), "HOME": str(tmp_path)}
    out = tmp_path / "given-output"
    with out.open("w") as file:
        child = subprocess.Popen(
            command(
                *("serve", "--listen", "127.0.0.1:0", "--journal", tmp_path / "served.db"),
                *("--tokens", tmp_path / "t.json", "--debug"),
            ),
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            ends = time.monotonic() + 60
            while "logged in at" not in out.read_text() and time.monotonic() < ends:
                assert child.poll() is None, out.read_text()
                time.sleep(0.2)
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(timeout=60)
    text = out.read_text()
    assert "logged in at" in text, text
    search(tmp_path, text)
