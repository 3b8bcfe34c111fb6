"""However a command ends: one clear sentence, the documented code, and nothing changed."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path

import pytest

from tests.cli import process, vm
from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.roads import automatic, write_json
from vsphere_market.cli import frame
from vsphere_market.errors import ExitCode, OutcomeUnknown, UnreachableError
from vsphere_market.estate import Snapshot, write_snapshot


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prices"], ["no source was named", "--vcenter", "demo"]),
        (["prices", "--plant", "a", "--snapshot", "b"], ["different sources"]),
        (["prices", "--plant", "dmeo"], ["Did you mean demo?"]),
        (["prices", "--snapshot", "/nowhere/s.json"], ["there is no such file"]),
        (["prices", "--vcenter", "user:secret@vc"], ["holds a password", "GOVC_PASSWORD"]),
        (["prices", "--vcenter", "vc"], ["no user was named"]),
        (["prices", "--vcenter", "vc", "--pin", "x", "--insecure"], ["contradict"]),
        (["frobnicate"], ["frobnicate", "--help"]),
        (["plan", "--frobnicate"], ["--frobnicate", "vsphere-market plan --help"]),
        (["plan", "--format", "xml"], ["xml"]),
        (["apply"], ["PLAN"]),
        (["apply", "/nowhere/plan.json", "--plant", "demo"], ["there is no such file"]),
        (["run", "--snapshot", "s", "--interval", "1 fortnight"], ["no span of time"]),
        (["plan", "--plant", "demo", "-p", "/nowhere"], ["/nowhere"]),
        (["history", "--journal", "/nowhere/j.db"], ["no journal"]),
        (["history", "--limit", "0"], ["--limit"]),
    ],
    ids=" ".join,
)
def test_wrong_usage(arguments: list[str], words: list[str]) -> None:
    ended = vm(*arguments)
    ended.failed_with(ExitCode.USAGE, *words)
    assert ended.out == ""
    assert "secret" not in ended.err


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"format": "something/else"}', '{"a": 1, "a": 2}']
)
def test_a_corrupt_snapshot(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(text)
    for verb in ("prices", "plan"):
        vm(verb, "--snapshot", path).failed_with(ExitCode.USAGE, str(path))


def test_a_snapshot_that_was_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "s.json.gz"
    whole = gzip.compress(b"x" * 10_000 + os.urandom(1000))
    path.write_bytes(whole[:-20])
    vm("prices", "--snapshot", path).failed_with(ExitCode.USAGE, "cut short")


def test_a_snapshot_with_one_wrong_value_names_it(hot: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    vm("snapshot", "--plant", hot, "-o", path)
    document = json.loads(path.read_text())
    document["vms"][3]["size_mib"] = "large"
    write_json(path, document)
    vm("prices", "--snapshot", path).failed_with(ExitCode.USAGE, f"{path}#/vms/3/size_mib")


def test_a_bad_policy_names_file_and_place(hot: Path, tmp_path: Path) -> None:
    bad = write_json(tmp_path / "bad.json", automatic("automatc"))
    for verb in (["plan"], ["run", "--once"], ["prices"], ["explain", "hot-01"]):
        ended = vm(*verb, "--plant", hot, "-p", bad)
        assert ended.code == ExitCode.USAGE
        assert f"{bad}#/spec/mode" in ended.err
        assert 'did you mean "automatic"' in ended.err.lower()
        assert ended.out == ""


def test_all_problems_of_policies_are_told_at_once(hot: Path, tmp_path: Path) -> None:
    bad = write_json(tmp_path / "bad.json", [automatic("x"), {**automatic("y"), "name": "two"}])
    ended = vm("plan", "--plant", hot, "-p", bad)
    assert ended.err.count("/spec/mode") == 2


def test_a_corrupt_plan_and_one_of_another_version(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("[1, 2")
    vm("apply", path, "--plant", "demo", "--yes").failed_with(ExitCode.USAGE, "not JSON")
    write_json(path, {"format": "vsphere-market/plan/7"})
    vm("apply", path, "--plant", "demo", "--yes").failed_with(ExitCode.USAGE, "#/format")


def test_a_plan_that_expired(hot: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    vm("plan", "--plant", hot, "-o", path)
    document = json.loads(path.read_text())
    document["created_at"], document["expires_at"] = "2026-01-01T00:00:00Z", "2026-01-01T00:30:00Z"
    write_json(path, document)
    for more in (["--yes"], ["--dry-run"]):
        ended = vm("apply", path, "--plant", hot, *more)
        ended.failed_with(ExitCode.TRY_LATER, "expired", "make a new plan".capitalize())


def test_a_plan_for_another_estate(hot: Path, limited: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    vm("plan", "--plant", hot, "-o", path)
    vm("apply", path, "--plant", limited, "--yes").failed_with(ExitCode.TRY_LATER, "not from")


def test_a_snapshot_cannot_be_acted_on(hot: Path, tmp_path: Path) -> None:
    snapshot, plan = tmp_path / "s.json", tmp_path / "plan.json"
    vm("snapshot", "--plant", hot, "-o", snapshot)
    vm("plan", "--snapshot", snapshot, "-o", plan)
    for verb in (["apply", plan, "--yes"], ["run", "--once"], ["doctor"]):
        vm(*verb, "--snapshot", snapshot).failed_with(ExitCode.USAGE, "cannot be acted on")


def test_a_file_that_cannot_be_written(hot: Path) -> None:
    for verb in ("plan", "snapshot"):
        ended = vm(verb, "--plant", hot, "-o", "/nowhere/file.json")
        ended.failed_with(ExitCode.USAGE, "/nowhere/file.json", "cannot be written")


def empty() -> Snapshot:
    return snapshot_of()


def one_disconnected() -> Snapshot:
    """Two good hosts, one that is away with its VMs, and one VM without counters."""
    return snapshot_of(
        clusters=[cluster_row()],
        hosts=[
            host_row("host-1", 65536),
            host_row("host-2", 65536),
            host_row("host-3", 65536, connection="disconnected"),
        ],
        vms=[
            *(vm_row(f"vm-{n}", "host-1", 8192, active_mib=6000) for n in range(10)),
            vm_row("away", "host-3", 8192, connection="disconnected"),
            {
                "moid": "mute",
                "name": "mute",
                "host": "host-2",
                "cluster": "domain-c1",
                "size_mib": 4096,
            },
        ],
    )


def test_an_empty_inventory(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    write_snapshot(path, empty())
    for verb in ("prices", "plan"):
        ended = vm(verb, "--snapshot", path)
        assert ended.code == 0
        assert "the inventory is empty" in ended.err
    vm("explain", "any", "--snapshot", path).failed_with(ExitCode.USAGE, "inventory is empty")


def test_a_disconnected_host_and_a_vm_without_counters(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    write_snapshot(path, one_disconnected())
    view = vm("prices", "--snapshot", path, "--format", "json").json
    hosts = {host["host"]: host for host in view["hosts"]}
    assert hosts["host-3"]["fit"] is False
    plan = vm("plan", "--snapshot", path, "--format", "json").json
    assert plan["steps"]
    touched = {step["subject"]["name"] for step in plan["steps"]}
    assert not touched & {"away", "mute"}
    assert "host-3" not in {
        step["to"]["name"] for step in plan["steps"] if step["kind"] == "migrate"
    }
    refused = {item["subject"]["name"]: item["reason"] for item in plan["refusals"]}
    assert refused["mute"] == "no-counters"
    told = vm("explain", "mute", "--snapshot", path).out
    assert "no memory counters" in told
    assert vm("explain", "away", "--snapshot", path).code == 0


# ---------------------------------------------------------------- what should not happen


def test_what_should_not_happen_is_one_sentence_with_the_details_elsewhere(
    monkeypatch: pytest.MonkeyPatch, a_home_of_its_own: Path
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise KeyError("s3cret-password")

    monkeypatch.setattr(frame, "app", broken)
    ended = vm("prices")
    ended.failed_with(ExitCode.FAILED, "should not happen", "KeyError", "--debug")
    assert "s3cret" not in ended.err
    path = re.search(r"the details are in (\S+\.log)", ended.err)
    assert path is not None
    assert "s3cret-password" in Path(path[1]).read_text()
    assert "Traceback" in vm("prices", "--debug").err


def test_no_place_for_the_details_is_no_second_error(
    monkeypatch: pytest.MonkeyPatch, a_home_of_its_own: Path
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(frame, "app", broken)
    (a_home_of_its_own / "state").write_text("a file where a folder should be")
    ended = vm("prices")
    assert ended.code == ExitCode.FAILED
    assert "could not be written down" in ended.err


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (UnreachableError("is away", where="vc"), ExitCode.UNREACHABLE),
        (OutcomeUnknown("was lost", where="vm"), ExitCode.FAILED),
        (KeyboardInterrupt(), 130),
    ],
)
def test_other_endings(monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int) -> None:
    def ending(*_args: object, **_kwargs: object) -> None:
        raise raised

    monkeypatch.setattr(frame, "app", ending)
    ended = vm("prices")
    assert ended.code == code
    assert ended.err.count("\n") == 1


def test_debug_shows_where_an_error_came_from() -> None:
    ended = vm("prices", "--debug")
    assert ended.code == ExitCode.USAGE
    assert "Traceback" in ended.err
    assert ended.err.rstrip().splitlines()[-1].startswith("error: no source was named")


# ---------------------------------------------------------------- as a process


def test_a_process_ends_with_the_same_codes(a_home_of_its_own: Path) -> None:
    assert process("version").code == 0
    process("prices").failed_with(64, "no source was named")
    process("nonsense").failed_with(64, "nonsense")
    assert process().code == 0


def test_a_plan_and_its_application_as_processes(hot: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    planned = process("plan", "--plant", hot, "-o", path, "--detailed-exitcode")
    assert planned.code == 2, planned.err
    assert "\x1b" not in planned.out
    refused = process("apply", path, "--plant", hot)
    refused.failed_with(64, "nobody is here to say yes")
    done = process("apply", path, "--plant", hot, "--yes", "--format", "json")
    assert done.code == 0, done.err
    assert done.json["succeeded"] is True


def test_a_reader_that_goes_away_is_no_error(hot: Path) -> None:
    import subprocess

    from tests.cli import ROOT, command

    line = " ".join(f"'{part}'" for part in command("prices", "--plant", str(hot)))
    done = subprocess.run(
        ["sh", "-c", f"{line} | head -c 1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_names_that_the_terminal_cannot_show(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    nasty = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("host-1", 65536, name="esx\x1b[31m-ünï|*")],
        vms=[],
    )
    write_snapshot(path, nasty)
    ascii_only = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    for how in ("table", "markdown", "csv", "json"):
        ended = process("prices", "--snapshot", path, "--format", how, env=ascii_only)
        assert ended.code == 0, ended.err
        if how in ("table", "markdown"):
            assert "\x1b" not in ended.out


def test_help_is_quick_and_complete() -> None:
    top = process("--help")
    for verb in (
        "demo", "doctor", "snapshot", "prices", "plan", "apply", "run", "explain", "history",
        "policies", "version",
    ):  # fmt: skip
        assert verb in top.out
        assert process(verb, "--help").code == 0 if verb in ("plan", "run") else True
    assert "69 vCenter unreachable" in re.sub(r"\s+", " ", top.out)
