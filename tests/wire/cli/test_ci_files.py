"""The CI files for users: their commands, exactly as they are written, against stock vcsim.

The program is installed as they say, into a Python of its own, by pip from a wheel that is built
here, since no index has it yet; what it depends on is lent from where the tests run. Stock vcsim
comes through their own line as well, from an archive made here and into a folder of the test's:
neither GitHub nor ``/usr/local/bin`` is for a test.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pip
import pytest
import yaml

from tests.vcsim_process import binary

ROOT = Path(__file__).resolve().parents[3]
CI = ROOT / "docs" / "ci"
PROGRAM = "python -m pip install vsphere-market"
#: What the line for vcsim says, and what it is tried with.
RELEASE = "https://github.com/vmware/govmomi/releases/download/v0.52.0/vcsim_Linux_x86_64.tar.gz"
BIN = "/usr/local/bin"

pytestmark = pytest.mark.wire


class Runner:
    """A CI runner: a checkout, an environment, and steps that share both."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder / "checkout"
        self.folder.mkdir()
        shutil.copytree(ROOT / "policies", self.folder / "policies")
        self.tools = tools = folder / "bin"
        tools.mkdir()
        self.summary = folder / "summary.md"
        home = folder / "home"
        home.mkdir()
        self._environment = {
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "CI": "true",
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "no_proxy": "127.0.0.1",
            "GOMAXPROCS": "2",
            **variables,
        }
        # Ends what the steps leave in the background when it hears no more of us, however we end.
        self._warden = subprocess.Popen(
            ["bash", "-c", 'while read g; do kept="$kept -$g"; done; kill -TERM -- $kept'],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def step(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script as both kinds of CI do, and keep what it left in the background."""
        file = self.folder.parent / "step.sh"
        file.write_text(script)
        with subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(file)],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as shell:
            assert self._warden.stdin is not None
            print(shell.pid, file=self._warden.stdin, flush=True)
            out, _ = shell.communicate(timeout=100)
        return subprocess.CompletedProcess(script, shell.returncode, out)

    def have(self) -> None:
        """Put the program as it is here, and stock vcsim, on the path without installing them."""
        (self.tools / "vcsim").symlink_to(binary("stock-vcsim"))
        (self.tools / "vsphere-market").symlink_to(Path(sys.executable).parent / "vsphere-market")

    def install(self, script: str) -> None:
        """Run the lines that install; see the top of this file for what is lent to them."""
        program, simulator = script.splitlines()
        assert program == PROGRAM
        place = self.folder.parent / "python"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
        (site,) = place.glob("lib/python*/site-packages")
        shutil.copytree(Path(pip.__file__).parent, site / "pip")
        dist = self.folder.parent / "dist"
        build = ("-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w")
        subprocess.run([sys.executable, *build, dist, ROOT], check=True)
        self._environment["PATH"] = f"{place / 'bin'}{os.pathsep}{self._environment['PATH']}"
        for key, value in (("NO_INDEX", "1"), ("NO_DEPS", "1"), ("FIND_LINKS", str(dist))):
            self._environment[f"PIP_{key}"] = value
        done = self.step(program)
        assert done.returncode == 0, done.stdout
        assert (site / "vsphere_market" / "policy" / "schemas" / "tier.json").is_file()
        # Only after pip has looked, which would find the program there, too.
        (site / "lent.pth").write_text(f"{Path(pytest.__file__).parents[1]}\n")
        archive = self.folder.parent / "vcsim.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
            tar.add(binary("stock-vcsim"), "vcsim")
        assert simulator.count(RELEASE) == simulator.count(BIN) == 1
        simulator = simulator.replace(RELEASE, archive.as_uri()).replace(BIN, str(self.tools))
        done = self.step(simulator.replace("| sudo ", "| "))
        assert done.returncode == 0, done.stdout
        where = self.step("command -v vsphere-market vcsim").stdout.split()
        assert where == [str(place / "bin" / "vsphere-market"), str(self.tools / "vcsim")]

    def stop(self) -> None:
        """End what the steps left in the background, by the process groups that we made."""
        assert self._warden.stdin is not None
        self._warden.stdin.close()
        self._warden.wait(timeout=10)
        wait_for_port()


def wait_for_port() -> None:
    """The next simulator wants the port, and must not be taken for the one that is ending."""
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", 8989)) != 0:
                return
        time.sleep(0.05)
    raise AssertionError("a simulator still listens on port 8989")


@contextlib.contextmanager
def runner(folder: Path, variables: Mapping[str, str]) -> Iterator[Runner]:
    # The files name a port, and pytest's workers would meet there.
    with (Path(tempfile.gettempdir()) / "vsphere-market-port-8989.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Who held it before may have been killed, and its simulator be ending.
        wait_for_port()
        one = Runner(folder, variables)
        try:
            yield one
        finally:
            one.stop()


def github() -> tuple[dict[str, str], list[str]]:
    """Environment and commands of the job."""
    job: Any = yaml.safe_load((CI / "github-actions.yml").read_text())["jobs"]["policies"]
    return job["env"], [step["run"] for step in job["steps"] if "run" in step]


def gitlab() -> tuple[dict[str, str], list[str]]:
    job: Any = yaml.safe_load((CI / "gitlab-ci.yml").read_text())["policies"]
    # GitLab runs all lines of a job in one shell.
    return job["variables"], ["\n".join(job["before_script"]), "\n".join(job["script"])]


def check_results(results: Path) -> None:
    assert json.loads((results / "validate.json").read_text())["valid"]
    tested = json.loads((results / "test.json").read_text())
    assert tested["failed"] == 0
    assert tested["passed"] >= 9
    plan = json.loads((results / "plan.json").read_text())
    assert plan["format"].startswith("vsphere-market/plan/")
    for name in ("validate.xml", "test.xml"):
        suites = ElementTree.parse(results / name).getroot()
        assert int(suites.attrib["failures"]) == 0
        assert int(suites.attrib["tests"]) >= 1


def test_what_they_install_is_there_and_runs(tmp_path: Path) -> None:
    variables, (install, *_) = github()
    _, (same, _) = gitlab()
    assert install.replace("| sudo ", "| ").strip() == same
    with runner(tmp_path, variables) as ci:
        ci.install(install.strip())
        done = ci.step("vsphere-market policies validate policies && { vcsim -h || true; }")
        assert done.returncode == 0, done.stdout
        assert "good" in done.stdout and "vcsim" in done.stdout


def test_github_actions(tmp_path: Path) -> None:
    variables, steps = github()
    _, *rest = steps
    with runner(tmp_path, variables) as ci:
        ci.have()
        for script in rest:
            done = ci.step(script)
            assert done.returncode == 0, (script, done.stdout)
        summary = ci.summary.read_text()
        check_results(ci.folder / "results")
    assert "| result | file | case |" in summary
    assert summary.count("## ") >= 3


def test_gitlab(tmp_path: Path) -> None:
    variables, (_, script) = gitlab()
    with runner(tmp_path, variables) as ci:
        ci.have()
        done = ci.step(script)
        assert done.returncode == 0, done.stdout
        check_results(ci.folder / "results")
        assert "| result | file | case |" in (ci.folder / "results" / "test.md").read_text()
        assert (ci.folder / "results" / "plan.md").read_text()


def test_what_is_wrong_fails_the_job_with_its_code(tmp_path: Path) -> None:
    variables, steps = github()
    validate = next(script for script in steps if "policies validate" in script)
    test = next(script for script in steps if "policies test" in script)
    with runner(tmp_path, variables) as ci:
        ci.have()
        file = ci.folder / "policies" / "three-tier.json"
        file.write_text(file.read_text().replace('"priority": 4', '"priority": 3'))
        (ci.folder / "results").mkdir()
        failed = ci.step(test)
        assert failed.returncode == 1
        assert "expected 4" in failed.stdout
        report = ElementTree.parse(ci.folder / "results" / "test.xml").getroot()
        assert int(report.attrib["failures"]) >= 1
        # Without a simulator nobody answers.
        assert ci.step(validate).returncode == 69
        file.write_text(file.read_text().replace('"kind": "tier"', '"kind": "teir"'))
        refused = ci.step(validate.replace('--vcenter "$GOVC_URL"', ""))
        assert refused.returncode == 64
        found = json.loads((ci.folder / "results" / "validate.json").read_text())["findings"]
        assert 'did you mean "tier"?' in [item["cure"] for item in found]
