"""What is shipped for running it: units, container file, and the wheel's share/."""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


def _unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((DEPLOY / "systemd" / name).read_text(encoding="utf-8"))
    return parser


def test_units_run_as_nobody_in_particular_and_hold_no_password() -> None:
    units = sorted((DEPLOY / "systemd").glob("*.service"))
    assert units
    for path in units:
        service = _unit(path.name)["Service"]
        assert service["DynamicUser"] == "yes"
        assert service["ProtectSystem"] == "strict"
        assert service["CapabilityBoundingSet"] == ""
        assert service["RestartPreventExitStatus"].split() == ["64", "77"]
        text = path.read_text(encoding="utf-8")
        assert "GOVC_PASSWORD=" not in text
        assert "GOVC_PASSWORD_FILE=%d/" in text
    example = (DEPLOY / "systemd" / "environment.example").read_text(encoding="utf-8")
    assert "PASSWORD" not in example


def test_the_container_file_copies_what_is_there_and_runs_as_a_user() -> None:
    text = (DEPLOY / "container" / "Containerfile").read_text(encoding="utf-8")
    copied = [
        name
        for line in re.findall(r"^COPY (?!--from)(.+)$", text, flags=re.MULTILINE)
        for name in line.split()[:-1]
    ]
    assert copied
    for name in copied:
        assert (ROOT / name).exists(), f"{name} is copied, but is not there"
    assert "--require-hashes" in text
    users = re.findall(r"^USER (.+)$", text, flags=re.MULTILINE)
    assert users
    assert users[-1] not in ("root", "0")


def test_what_the_wheel_puts_into_share_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shared = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert "deploy/man/vsphere-market.1" in shared
    for name in shared:
        assert (ROOT / name).is_file(), f"{name} is shipped, but is not there"
