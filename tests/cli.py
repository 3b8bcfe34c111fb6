"""The command line as a user types it: within this process, or as a process of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from tests.vcsim import Simulator, StockVcsim
from vsphere_market.adapter import PyVmomiVCenter, credentials_for, target_from
from vsphere_market.port import ActionKind, Entity, SetMemory

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its data, which was asked for with ``--format json``."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Its data as one JSON document per line."""
        return [json.loads(line) for line in self.out.splitlines()]

    def failed_with(self, code: int, *words: str) -> None:
        """It ended with that code and one sentence on stderr that has these words."""
        assert self.code == code, (self.code, self.out, self.err)
        errors = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, self.err
        for word in words:
            assert word in errors[0], errors[0]
        assert errors[0].rstrip()[-1] in ".?!`", errors[0]
        assert "Traceback" not in self.err


def vm(*arguments: object, env: Mapping[str, str] | None = None) -> Ended:
    """Run a command within this process, with more in its environment if need be."""
    from vsphere_market.cli.frame import run

    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, env or {}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = run([str(item) for item in arguments])
    return Ended(code, out.getvalue(), err.getvalue())


def command(*arguments: object) -> list[str]:
    """The same as a command line."""
    return [sys.executable, "-m", "vsphere_market", *(str(item) for item in arguments)]


def process(
    *arguments: object, env: Mapping[str, str] | None = None, timeout: float = 100.0
) -> Ended:
    """Run a command as a process of its own, without a terminal."""
    done = subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def reaching(
    simulator: Simulator | StockVcsim, folder: Path, *, password: str | None = None
) -> dict[str, str]:
    """The environment of a user who works with this simulator, with a journal in ``folder``."""
    env = {
        "GOVC_URL": f"{simulator.host}:{simulator.port}",
        "GOVC_USERNAME": simulator.username,
        "GOVC_PASSWORD": simulator.password if password is None else password,
        "VSPHERE_MARKET_JOURNAL": str(folder / "journal.db"),
    }
    if isinstance(simulator, Simulator):
        authority = folder / "authority.pem"
        authority.write_text(simulator.certificate_pem)
        env["GOVC_TLS_CA_CERTS"] = str(authority)
    else:
        env["GOVC_INSECURE"] = "1"
    return env


def limit_vm(env: Mapping[str, str], name: str, mib: int) -> None:
    """Set a VM's memory limit as another administrator would."""
    target = target_from(environ=env)
    with PyVmomiVCenter(target, credentials_for(target, environ=env)) as vcenter:
        vms = vcenter.observe().vms
        subject = Entity(vms.moid[vms.name.index(name)], name)
        task = vcenter.submit(SetMemory(subject, ActionKind.LIMIT, None, mib))
        while not vcenter.poll([task])[0].final:
            vcenter.clock.sleep(0.05)
