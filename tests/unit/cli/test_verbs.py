"""Every verb on a plant: what it tells, in every format, and the code it ends with."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.cli import vm
from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.roads import automatic, write_json
from vsphere_market.estate import read_snapshot, write_snapshot
from vsphere_market.estate.schema import snapshot_schema
from vsphere_market.market.planfile import read_plan
from vsphere_market.market.planschema import plan_schema

FORMATS = ["table", "json", "csv", "markdown"]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("how", FORMATS)
@pytest.mark.parametrize(
    "arguments",
    [
        ["doctor"],
        ["prices"],
        ["plan"],
        ["explain", "hot-01"],
        ["explain", "esx-1"],
        ["run", "--once"],
        ["policies", "explain", "hot-01"],
    ],
    ids="-".join,
)
def test_every_reading_verb_in_every_format(hot: Path, arguments: list[str], how: str) -> None:
    ended = vm(*arguments, "--plant", hot, "--format", how)
    assert ended.code == 0, ended.err
    match how:
        case "json":
            assert ended.lines if arguments[0] == "run" else ended.json
        case "csv":
            head = next(csv.reader(io.StringIO(ended.out)))
            assert len(head) > 1
            assert all(len(row) == len(head) for row in csv.reader(io.StringIO(ended.out)))
        case "markdown":
            assert "|" in ended.out
        case "table":
            assert "\x1b" not in ended.out
    # What is for people is on stderr, what is data on stdout, and never both.
    assert "error" not in ended.err


def test_prices_name_the_dear_host_first_and_say_why(hot: Path) -> None:
    ended = vm("prices", "--plant", hot, "--format", "json")
    first, second = ended.json["hosts"]
    assert (first["host"], second["host"]) == ("esx-1", "esx-2")
    assert first["price"] > 10 * second["price"]
    assert "over-committed" in first["cause"]
    assert second["cause"] == ""
    assert {item["cause"] for item in ended.json["squeezed"]} == {"host-overcommit"}
    table = rows(vm("prices", "--plant", hot, "--format", "csv").out)
    assert float(table[0]["price"]) == first["price"]
    squeezed = rows(vm("prices", "--plant", hot, "--format", "csv", "--vms", "--all").out)
    assert len(squeezed) == len(ended.json["squeezed"])


def test_long_lists_are_folded_with_a_count(hot: Path) -> None:
    folded = vm("prices", "--plant", "demo")
    everything = vm("prices", "--plant", "demo", "--all")
    assert "more; --all shows them" in folded.out
    assert "more; --all shows them" not in everything.out
    assert len(everything.out) > len(folded.out)


def test_a_snapshot_is_written_read_and_the_same_market(hot: Path, tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    ended = vm("snapshot", "--plant", hot, "-o", path)
    assert ended.code == 0
    assert ended.out == ""
    assert "13 VMs on 2 hosts" in ended.err
    assert len(read_snapshot(path).vms) == 13
    live = vm("prices", "--plant", hot, "--format", "json").json
    later = vm("prices", "--snapshot", path, "--format", "json").json
    assert later["hosts"] == live["hosts"]


def test_a_snapshot_goes_to_stdout_without_a_file(hot: Path) -> None:
    document = vm("snapshot", "--plant", hot).json
    Draft202012Validator(snapshot_schema()).validate(document)


def test_schemas_are_published() -> None:
    assert vm("snapshot", "--schema").json == json.loads(json.dumps(snapshot_schema()))
    assert vm("plan", "--schema").json == json.loads(json.dumps(plan_schema()))
    assert vm("policies", "schema").json["$id"].startswith("urn:vsphere-market:policy")
    assert vm("policies", "schema", "tier").json["title"]
    vm("policies", "schema", "teir").failed_with(64, "teir", "tier")


def test_policy_schemas_can_be_written(tmp_path: Path) -> None:
    ended = vm("policies", "schema", "-o", tmp_path / "schemas")
    assert ended.code == 0
    assert (tmp_path / "schemas" / "tier.schema.json").is_file()


def test_a_plan_is_shown_and_written(hot: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    ended = vm("plan", "--plant", hot, "-o", path)
    assert ended.code == 0
    plan = read_plan(path)
    assert plan.steps
    for part in ("Who is short of memory", "over-committed", "Certificate", "esx-1", "because"):
        assert part in ended.out
    for step in plan.steps:
        assert step.id in ended.out
        assert step.reason in ended.out
    assert str(path) in ended.err
    as_json = vm("plan", "--plant", hot, "--format", "json").json
    assert as_json["steps"] == json.loads(path.read_text())["steps"]


def test_changes_that_are_due_can_be_told_by_the_exit_code(hot: Path, limited: Path) -> None:
    assert vm("plan", "--plant", hot).code == 0
    assert vm("plan", "--plant", hot, "--detailed-exitcode").code == 2


def test_refusals_are_grouped_and_can_be_unfolded(hot: Path, tmp_path: Path) -> None:
    off = write_json(tmp_path / "off.json", automatic("off"))
    ended = vm("plan", "--plant", hot, "-p", off)
    assert "mode-off" in ended.out
    assert "The plan is empty" in ended.out
    everything = vm("plan", "--plant", hot, "-p", off, "--all")
    assert everything.out.count("mode-off") > 1


def test_an_empty_plan_says_that_vms_are_content(tmp_path: Path) -> None:
    at_ease = {"active_mib": 3100.0, "granted_mib": 4096.0}
    rows = [vm_row(f"vm-{at}", "h1", 4096, cluster="c1", **at_ease) for at in range(7)]
    hosts = [host_row(f"h{at}", 32768, cluster="c1") for at in (1, 2)]
    path = tmp_path / "calm.json"
    write_snapshot(path, snapshot_of(clusters=[cluster_row("c1")], hosts=hosts, vms=rows))
    ended = vm("plan", "--snapshot", path)
    assert "The plan is empty: who would cost less elsewhere is content to stay." in ended.out
    (refusal,) = vm("plan", "--snapshot", path, "--format", "json").json["refusals"]
    assert (refusal["subject"]["name"], refusal["reason"]) == ("c1", "content")
    assert refusal["sentence"].startswith("7 of its VMs would cost less elsewhere")
    # On hosts of like load nobody would save anything, and nothing is said of it.
    even = [{**row, "host": f"h{1 + at % 2}"} for at, row in enumerate(rows[:6])]
    write_snapshot(path, snapshot_of(clusters=[cluster_row("c1")], hosts=hosts, vms=even))
    ended = vm("plan", "--snapshot", path)
    assert "The plan is empty: no trade is worth what it disturbs." in ended.out
    assert "content" not in ended.out


def test_a_plan_is_applied(hot: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    vm("plan", "--plant", hot, "-o", path)
    ended = vm("apply", path, "--plant", hot, "--yes", "--format", "json")
    assert ended.code == 0
    assert ended.json["steps_done"] == len(read_plan(path).steps)
    assert {item["outcome"] for item in ended.json["outcomes"]} == {"done"}
    assert "begun" not in ended.out


def test_nobody_says_yes_by_not_being_there(hot: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    vm("plan", "--plant", hot, "-o", path)
    vm("apply", path, "--plant", hot).failed_with(64, "nobody is here to say yes", "--yes")


@pytest.mark.parametrize(("answer", "done"), [("y\n", True), ("no\n", False), ("", False)])
def test_a_person_is_asked(
    hot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, done: bool
) -> None:
    path = tmp_path / "plan.json"
    vm("plan", "--plant", hot, "-o", path)
    monkeypatch.setattr("vsphere_market.cli.render.is_terminal", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    ended = vm("apply", path, "--plant", hot, "--format", "json")
    assert ended.code == 0
    assert "[y/N]" in ended.err
    assert bool(ended.out) == done
    assert ("nothing was done" in ended.err) != done


def test_a_dry_run_says_what_would_be_done(hot: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    vm("plan", "--plant", hot, "-o", path)
    ended = vm("apply", path, "--plant", hot, "--dry-run", "--format", "csv")
    assert ended.code == 0
    assert {row["outcome"] for row in rows(ended.out)} == {"would-do"}


def test_one_step_of_a_plan(hot: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    vm("plan", "--plant", hot, "-o", path)
    ended = vm("apply", path, "--plant", hot, "--yes", "--step", "s1", "--format", "json")
    assert ended.json["steps_done"] == 1
    vm("apply", path, "--plant", hot, "--yes", "--step", "s77").failed_with(64, "no step s77")


def test_the_loop_tells_each_turn(hot: Path, hands_free: Path) -> None:
    ended = vm("run", "--plant", hot, "--cycles", 4, "-p", hands_free, "--format", "json")
    assert ended.code == 0
    turns = ended.lines
    assert [turn["cycle"] for turn in turns] == [1, 2, 3, 4]
    assert turns[0]["done"] == turns[0]["steps"] > 0
    assert turns[0]["ballooned_mib"] > 0
    assert turns[-1]["steps"] == 0
    assert turns[-1]["ballooned_mib"] < 0.1 * turns[0]["ballooned_mib"]
    assert ended.err.count("cycle ") == 4
    assert {item["outcome"] for item in turns[0]["outcomes"]} == {"done"}


def test_without_automatic_policies_nothing_is_touched(hot: Path) -> None:
    ended = vm("run", "--plant", hot, "--cycles", 2, "--format", "json")
    assert ended.code == 0
    assert "no policies" in ended.err
    assert [turn["done"] for turn in ended.lines] == [0, 0]
    assert ended.lines[0]["recommended"] == ended.lines[0]["steps"] > 0


def test_a_shadow_is_told_as_one(hot: Path, hands_free: Path) -> None:
    ended = vm("run", "--plant", hot, "--once", "--shadow", "-p", hands_free, "--format", "json")
    (turn,) = ended.lines
    assert turn["shadow"] and turn["done"] == 0 and turn["steps"] > 0
    assert "would do" in ended.err


def test_patience_is_told(hot: Path, tmp_path: Path) -> None:
    patient = write_json(tmp_path / "patient.json", automatic(persistCycles=2))
    ended = vm("run", "--plant", hot, "--cycles", 2, "-p", patient, "--format", "json")
    first, second = ended.lines
    assert first["done"] == 0
    assert {item["seen"] for item in first["waiting"]} == {1}
    assert "waits: wanted by 1 of 2 cycles" in ended.err
    assert second["done"] > 0
    assert (first["held_back"], first["recommended"]) == (first["steps"], 0)
    # What only the second cycle wants has its own patience to wait for.
    assert second["held_back"] == len(second["waiting"]) == second["steps"] - second["done"]
    assert f"{first['steps']} waiting" in ended.err
    (row,) = rows(vm("run", "--plant", hot, "--once", "-p", patient, "--format", "csv").out)
    assert (row["held_back"], row["recommended"]) == (str(first["steps"]), "0")
    assert "waiting" in vm("run", "--plant", hot, "--once", "-p", patient).out


def test_a_freeze_holds_a_plan_back_that_was_made_before_it(hot: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    vm("plan", "--plant", hot, "-o", path)
    span = {"from": "2000-01-01", "to": "2099-12-31"}
    winter = write_json(tmp_path / "winter.json", {**automatic(freezes=[span]), "name": "winter"})
    for more in (["--yes"], ["--dry-run"]):
        ended = vm("apply", path, "--plant", hot, "-p", winter, *more)
        ended.failed_with(75, "winter.json", 'document "winter" freezes it until 2100-01-01 00:00')
        assert ended.out == ""
    assert vm("apply", path, "--plant", hot, "--yes").code == 0


@pytest.mark.parametrize(
    "arguments",
    [["--once", "--cycles", "3"], ["--interval", "soon"], ["--interval", "0"], ["--cycles", "0"]],
    ids=str,
)
def test_a_beat_that_is_none(hot: Path, arguments: list[str]) -> None:
    vm("run", "--plant", hot, *arguments).failed_with(64)


def test_why_a_limit_is_lifted(limited: Path) -> None:
    document = vm("explain", "squeezed", "--plant", limited, "--format", "json").json
    assert document["cause"] == "limit"
    (step,) = document["steps"]
    assert (step["kind"], step["from"], step["to"]) == ("limit", 6144, None)
    verdicts = {offer["kind"]: offer for offer in document["offers"]}
    assert verdicts["limit"]["chosen"]
    assert verdicts["migrate"]["refused"] and verdicts["hot-add"]["refused"]
    numbers = {item["name"]: item["value"] for item in document["numbers"]}
    assert numbers["limit"] == 6144 and numbers["ballooned"] > 0
    table = vm("explain", "squeezed", "--plant", limited).out
    assert "its memory limit is below what it holds" in table
    assert "lifting the limit does" in table


def test_a_step_is_explained_from_its_plan_file(hot: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    vm("plan", "--plant", hot, "-o", path)
    document = vm("explain", "s1", "--plan", path, "--format", "json").json
    assert document["step"] == json.loads(path.read_text())["steps"][0]
    assert "Quotes" in vm("explain", "s1", "--plan", path).out
    vm("explain", "s1").failed_with(64, "no plan is known")
    vm("explain", "s99", "--plan", path).failed_with(64, "no step")


def test_names_and_ids_and_near_misses(hot: Path) -> None:
    by_name = vm("explain", "hot-01", "--plant", hot, "--format", "json").json
    by_id = vm("explain", by_name["vm"]["moid"], "--plant", hot, "--format", "json").json
    assert by_id == by_name
    vm("explain", "hot-0l", "--plant", hot).failed_with(64, 'Did you mean "hot-')


def test_history_of_a_named_journal(hot: Path, hands_free: Path, tmp_path: Path) -> None:
    journal = tmp_path / "j.db"
    vm("run", "--plant", hot, "--once", "-p", hands_free, "--journal", journal)
    actions = vm("history", "--journal", journal, "--format", "json").json
    assert {item["outcome"] for item in actions} == {"done"}
    one = actions[0]["vm"]
    only = vm("history", "--journal", journal, "--vm", one, "--format", "json").json
    assert {item["vm"] for item in only} == {one}
    kinds = rows(
        vm("history", "decisions", "--journal", journal, "--kind", "migrate", "--format", "csv").out
    )
    assert {row["kind"] for row in kinds} == {"migrate"}
    for what in ("plans", "cycles", "refusals", "decisions"):
        assert vm("history", what, "--journal", journal).code == 0
    checked = vm("history", "verify", "--journal", journal, "--format", "json")
    assert checked.json["intact"] is True
    # The plant's time is long ago.
    none = vm("history", "--journal", journal, "--since", "2h", "--format", "json").json
    assert none == []
    vm("history", "--journal", journal, "--vm", "hto-01").failed_with(64, "hot-01")
    vm("history", "--journal", journal, "--since", "soon").failed_with(64, "no time")
    again = vm("explain", one, "--plant", hot, "--journal", journal, "--format", "json").json
    assert again["actions"][0]["outcome"] == "done"


def test_without_a_journal_history_is_empty() -> None:
    ended = vm("history")
    assert ended.code == 0
    assert "no journal yet" in ended.err
    assert "No actions were found" in ended.out


def test_the_doctor_finds_nothing_wrong_with_a_plant(hot: Path) -> None:
    findings = vm("doctor", "--plant", hot, "--format", "json").json["findings"]
    assert findings
    assert all(item["severity"] != "error" for item in findings)


def test_policies_are_checked_alone_and_against_an_estate(
    hot: Path, hands_free: Path, tmp_path: Path
) -> None:
    assert vm("policies", "validate", hands_free).code == 0
    lost = write_json(tmp_path / "lost.json", {**automatic(), "selector": {"name": "nobody"}})
    assert vm("policies", "validate", lost).code == 0
    doubtful = vm("policies", "validate", lost, "--plant", hot, "--format", "json")
    assert doubtful.code == 0
    assert any("matches no VM" in item["what"] for item in doubtful.json["findings"])
    bad = write_json(tmp_path / "bad.json", {**automatic("automatc")})
    wrong = vm("policies", "validate", bad, "--format", "json")
    assert wrong.code == 64
    assert wrong.json["valid"] is False


def test_effective_policy_names_its_document(hot: Path, hands_free: Path) -> None:
    document: Any = vm(
        "policies", "explain", "hot-01", "--plant", hot, "-p", hands_free, "--format", "json"
    ).json
    modes = {item["name"]: item for item in document["settings"]}
    assert modes["modes.migrate"]["value"] == "automatic"
    assert modes["modes.migrate"]["place"].startswith(str(hands_free))


def test_the_demo_ends_with_one_object() -> None:
    ended = vm("demo", "--format", "json")
    assert ended.code == 0
    (last,) = ended.lines
    for when in ("before", "after"):
        for name in ("stall_pct", "ballooned_mib", "swapped_mib", "swapin_kibps"):
            assert isinstance(last[when][name], int | float)
    assert last["steps_done"] > 0
    assert last["replan_steps"] == 0
    assert last["after"]["ballooned_mib"] < 0.1 * last["before"]["ballooned_mib"]


def test_the_demo_tells_its_story() -> None:
    out = vm("demo").out
    for part in ("1. The estate", "2. What memory costs", "3. What the market", "4. Half an hour"):
        assert part in out
    for part in ("over-committed", "limit", "Certificate", "Before and after", "come to rest"):
        assert part in out


def test_versions() -> None:
    import vsphere_market

    assert vm("version").out.strip() == vsphere_market.__version__
    assert vm("--version").out.strip() == vsphere_market.__version__


# ---------------------------------------------------------------- running it


def test_who_approved_what_is_told(hot: Path, hands_free: Path, tmp_path: Path) -> None:
    journal = tmp_path / "j.db"
    env = {"SSH_CONNECTION": "10.0.0.7 50022 10.0.0.1 22"}
    where = ("--plant", hot, "--journal", journal)
    vm("run", *where, "--once", "-p", hands_free, env=env)
    deeds = vm("history", "audit", "--journal", journal, "--format", "json").json
    assert [deed["event"] for deed in deeds] == ["begin", "approval"]
    approval = deeds[1]
    assert approval["who"] and approval["steps"] and approval["plan"] == 1
    assert approval["body"]["from"]["via"] == "policy", "nobody said yes but the policies"
    assert approval["body"]["from"]["client"] == "10.0.0.7"
    assert len(approval["body"]["from"]["policies"]) > 10
    every = vm("history", "audit", "--event", "any", "--journal", journal, "--format", "json").json
    assert {deed["event"] for deed in every} > {"plan", "intent", "accepted", "outcome", "end"}
    assert "approval" in vm("history", "audit", "--journal", journal).out


def test_the_switch_is_pulled_and_released_by_hand(
    hot: Path, hands_free: Path, tmp_path: Path, a_home_of_its_own: Path
) -> None:
    journal = tmp_path / "j.db"
    run_once = ("run", "--plant", hot, "--journal", journal, "--once", "-p", hands_free)
    vm("stop", "--journal", journal).failed_with(64, "there is no journal, so nobody would hear")
    vm("resume", "--journal", journal).failed_with(64, "there is no journal")
    assert not journal.exists()
    vm(*run_once, "--shadow")
    assert "no further step" in vm("stop", "--reason", "audit", "--journal", journal).err
    (stopped,) = vm(*run_once, "--format", "json").lines
    assert stopped["stopped"].endswith("(audit)") and stopped["done"] == 0
    assert stopped["steps"] > 0 and stopped["outcomes"] == []
    assert "things go on now" in vm("resume", "--journal", journal).err
    assert "nobody had said stop" in vm("resume", "--journal", journal).err
    file = a_home_of_its_own / "state" / "vsphere-market" / "stop"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    (stopped,) = vm(*run_once, "--format", "json").lines
    assert "stop file is there" in stopped["stopped"]
    assert "still says stop" in vm("resume", "--journal", journal).err
    file.unlink()
    (free,) = vm(*run_once, "--format", "json").lines
    assert free["stopped"] is None and free["done"] > 0


def test_forecasts_and_the_scorecard_are_shown(hot: Path, hands_free: Path, tmp_path: Path) -> None:
    journal = tmp_path / "j.db"
    vm("run", "--plant", hot, "--cycles", 3, "-p", hands_free, "--journal", journal)
    long_ago = ("--since", "2026-01-01T00:00", "--journal", journal, "--format", "json")
    judged = vm("outcomes", *long_ago).json
    five = next(one for one in judged if one["kind"] == "migrate" and one["horizon_s"] == 300)
    assert five["steps"] == five["seen"] > 0 and five["not_worse_pct"] == 100.0
    steps = vm("outcomes", "steps", *long_ago).json
    assert {one["state"] for one in steps} == {"seen", "to come"}
    assert vm("outcomes", "--journal", journal).code == 0
    scores = vm(
        "trust", "--as-of", "2026-03-03T00:00", "--journal", journal, "--format", "json"
    ).json
    migrate = next(one for one in scores["scores"] if one["kind"] == "migrate")
    assert (migrate["stage"], migrate["next"], migrate["earned"]) == ("automatic",) * 2 + (False,)
    assert migrate["sentence"].startswith("Automatic without having earned it: ")
    assert scores["thresholds"]["approve_done"] == 20
    vm("trust", "--on", "nowhere", "--journal", journal).failed_with(64, "never seen a vCenter")
    assert "no journal yet" in vm("outcomes").err and "no journal yet" in vm("trust").err


def test_people_are_told_by_a_file_of_channels(hot: Path, tmp_path: Path) -> None:
    from tests.mail_server import mail_server

    with mail_server() as kept:
        channel = {
            "kind": "smtp", "host": "127.0.0.1", "port": kept.port, "tls": "none",
            "from": "market@test.invalid", "to": ["ops@test.invalid"],
        }  # fmt: skip
        path = write_json(
            tmp_path / "notify.json", {"format": "vsphere-market/notify/1", "channels": [channel]}
        )
        assert vm("run", "--plant", hot, "--shadow", "--once", "--notify", path).code == 0
    subjects = [mail["Subject"] for mail in kept.mails]
    assert subjects == [
        "[vsphere-market] The loop on small has begun.",
        "[vsphere-market] The loop on small has ended: its turns are done.",
    ]
    bad = write_json(tmp_path / "bad.json", {"format": "x"})
    vm("run", "--plant", hot, "--once", "--notify", bad).failed_with(64, "holds no channels")


def test_a_password_on_the_command_line_is_refused(hot: Path) -> None:
    secret = "postgresql://market:s3cret@db.test.invalid/j"
    ended = vm("history", "--journal", secret)
    ended.failed_with(64, "--journal: holds a password", "PGPASSWORD")
    assert "s3cret" not in ended.err


def test_a_loop_for_clusters_that_are_not_there(hot: Path, hands_free: Path) -> None:
    ended = vm("run", "--plant", hot, "-p", hands_free, "--once", "--clusters", "mian")
    ended.failed_with(64, "no cluster mian here", 'Did you mean "main"')
    ended = vm("run", "--plant", hot, "-p", hands_free, "--once", "--clusters", "main")
    assert ended.code == 0
