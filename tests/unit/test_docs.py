"""The pages: links lead somewhere, commands exist, paths exist, and numbers are the code's."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from vsphere_market.adapter.faults import FAULTS, Means
from vsphere_market.adapter.privileges import NEEDED
from vsphere_market.adapter.session import Timeouts
from vsphere_market.cli.app import app
from vsphere_market.executor.breakers import LONGEST_REST
from vsphere_market.executor.settings import Settings
from vsphere_market.journal.retention import Retention
from vsphere_market.market.settings import MarketSettings
from vsphere_market.port import ActionKind
from vsphere_market.port.kinds import KINDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "mocks").glob("*.md"))
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(?:console|sh)\n(.*?)^```", re.DOTALL | re.MULTILINE)
IN_BACKTICKS = re.compile(r"`([^`\n]+)`")
#: Folders whose paths are written from the root of the repository.
TOP = ("vsphere_market/", "tests/", "docs/", "mocks/", "policies/", "tools/", "requirements/")
SAFETY = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors that a forge makes of a page's headings."""
    text = without_code(page.read_text(encoding="utf-8"))
    heads = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)
    assert not broken, f"{name_of(page)} links to what is not there: {', '.join(broken)}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_paths_in_backticks_exist(page: Path) -> None:
    absent = []
    for text in IN_BACKTICKS.findall(without_code(page.read_text(encoding="utf-8"))):
        path = text.split("::")[0].rstrip("/")
        if not text.startswith(TOP) or re.search(r"[*<>…\s{]", path):
            continue
        if not (ROOT / path).exists():
            absent.append(text)
    assert not absent, f"{name_of(page)} names what is not there: {', '.join(absent)}"


# ---------------------------------------------------------------- commands


def command_lines() -> Iterator[tuple[str, str]]:
    """Each command line of the program in a console block, with its page."""
    for page in PAGES:
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            for line in block.splitlines():
                words = line.removeprefix("$ ")
                if not line.startswith("$ ") or "vsphere-market " not in words:
                    continue
                program = words.split()[0]
                if program.rsplit("/", 1)[-1] == "vsphere-market":
                    yield name_of(page), words
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for words in IN_BACKTICKS.findall(readme):
        if words.startswith("vsphere-market "):
            yield "README.md", words


@pytest.mark.parametrize(("page", "line"), sorted(set(command_lines())))
def test_commands_parse(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    at = next((at for at, word in enumerate(words) if word in ("|", ">", "&", "&&", ";")), None)
    words = words[:at]
    command: object = typer.main.get_command(app)
    path = "vsphere-market"
    while words and hasattr(command, "commands"):
        if words[0] in ("--help", "--version") or words[0].startswith(("--install-", "--show-")):
            return
        assert words[0] in command.commands, f"{page}: {path} has no verb {words[0]}: {line}"
        command = command.commands[words[0]]
        path += f" {words.pop(0)}"
    known = {name for parameter in getattr(command, "params", ()) for name in parameter.opts} | {
        "--help",
        "-h",
    }
    used = [word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    strange = [option for option in used if option not in known]
    assert not strange, f"{page}: {path} has no {', '.join(strange)}: {line}"


# ---------------------------------------------------------------- numbers


def row(text: str) -> str:
    """What the table of limits says about something."""
    found = re.search(rf"^\| {re.escape(text)} \| (.+?) \|$", SAFETY, flags=re.MULTILINE)
    assert found is not None, f"docs/safety.md has no row {text!r}"
    return found[1]


def test_what_showing_takes_is_told() -> None:
    from vsphere_market.adapter.showing import KEY, PRIVILEGES, TASK_LABEL

    told = SAFETY.partition("## What is seen in vCenter")[2].partition("## ")[0]
    for text in (*PRIVILEGES, KEY):
        assert f"`{text}`" in told
    assert f"*{TASK_LABEL}*" in told


def test_trust_thresholds_are_those_of_the_code() -> None:
    from vsphere_market.control.trust import Thresholds

    asked = Thresholds()
    running = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    for text in (
        f"| {asked.shadow_days:g} days and {asked.shadow_decisions} decisions in shadow |",
        f"| {asked.recommend_days:g} days and {asked.recommend_decisions} decisions |",
        f"{asked.approve_done} steps done; at most {asked.failed_most_pct:g} % of steps failed",
        f"{asked.judged} forecasts judged after an hour, {asked.load_within_pct:g} % of them "
        f"within {asked.band_points:g} points; {asked.not_worse_pct:g} % of the VMs",
        f"The last {asked.days:g} days count.",
    ):
        assert text in running, text


def test_limits_are_those_of_the_code() -> None:
    settings, market = Settings(), MarketSettings()
    limits, retry, deadlines = settings.limits, settings.retry, settings.deadlines
    assert row("migrations of one host at a time, in and out together") == str(
        limits.migrations_per_host
    )
    assert row("migrations at a time") == str(limits.migrations)
    assert row("setting changes at a time") == str(limits.reconfigurations)
    assert row("steps of one execution") == str(limits.steps)
    assert row("failed migrations of a host before it is left alone") == str(limits.host_failures)
    assert row("failures in a row before the execution ends") == str(limits.failures_in_a_row)
    rest_s = limits.rest_s
    alone = f"{rest_s / 60:g} minutes, doubling to {LONGEST_REST * rest_s / 3600:g} hours"
    assert row("a VM on which an action failed is left alone by `run`") == alone
    # vSphere queues what is above its own limits: 4 migrations at 1 Gb/s, per host and network.
    assert limits.migrations_per_host <= 4 and limits.migrations <= 8
    hours = f"{deadlines.execution_s / 3600:g} hours after the execution began"
    assert row("no step begins later than") == hours
    tries = f"{retry.attempts}, within {retry.overall_s / 60:g} minutes"
    assert row("tries of one step after transient faults") == tries
    pauses = f"{retry.first_s:g} s, doubling to {retry.longest_s:g} s"
    assert row("pauses between them") == pauses
    assert row("deadline of a setting change") == f"{deadlines.reconfigure_s / 60:g} minutes"
    migration = f"{deadlines.migrate_base_s / 60:g} minutes and {deadlines.slack:g} times the "
    assert row("deadline of a migration") == migration + "reckoned copying time"
    outage = f"waited for {settings.outage.overall_s / 60:g} minutes"
    assert row("vCenter unreachable in the middle of work") == outage
    assert row("growth of a VM in one plan") == f"{100 * market.grow_most:g} % of its size"
    plan_life = f"expires {market.plan_life_s / 60:g} minutes after it was made"
    assert plan_life in SAFETY
    assert f"kept for {Retention().audit_s / 86_400:g} days" in SAFETY


def test_cooldown_is_that_of_the_schema() -> None:
    page = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
    found = re.search(r"^\| `cooldownMinutes` \| (\d+) \|", page, flags=re.MULTILINE)
    assert found is not None
    told = row("pause between migrations of the same VM")
    assert told == f"{found[1]} minutes, unless policy says otherwise"


def test_numbers_of_other_pages() -> None:
    trouble = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    assert f"plans live {MarketSettings().plan_life_s / 60:g} minutes" in trouble
    assert f"first contact is given {Timeouts().probe_s:g} seconds" in trouble
    assert "a plan lives half an hour" in (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    assert MarketSettings().plan_life_s == 1800


@pytest.mark.parametrize("kind", ActionKind)
def test_privileges_are_those_that_are_asked_for(kind: ActionKind) -> None:
    found = re.search(rf"^\| `{kind.value}` \| .+ \| (.+) \|$", SAFETY, flags=re.MULTILINE)
    assert found is not None, f"docs/safety.md has no row for {kind.value}"
    assert tuple(IN_BACKTICKS.findall(found[1])) == NEEDED[kind]


@pytest.mark.parametrize("kind", ActionKind)
def test_kinds_are_as_they_are_declared(kind: ActionKind) -> None:
    one = KINDS[kind]
    told = (one.preconditions, one.precheck.value, one.verification, one.compensation)
    assert f"| `{kind.value}` | {' | '.join((*told, one.disruption))} |" in SAFETY
    faults = [
        ", ".join(f"`{name}`" for name in names) or "–"
        for names in (one.transient, one.stale, one.final)
    ]
    assert f"| `{kind.value}` | {' | '.join(faults)} |" in SAFETY
    needed = {name for names in one.elsewhere.values() for name in names}
    assert all(f"`{name}`" in SAFETY for name in needed)


@pytest.mark.parametrize("kind", ActionKind)
def test_declared_faults_are_judged_as_declared(kind: ActionKind) -> None:
    one = KINDS[kind]
    declared = {Means.RETRY: one.transient, Means.REREAD: one.stale, Means.GIVE_UP: one.final}
    for means, names in declared.items():
        assert {FAULTS[name].means for name in names} <= {means}, names


def test_readme_says_what_the_limits_are() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    limits = Settings().limits
    words = {1: "one", 2: "two", 4: "four", 8: "eight"}
    assert f"{words[limits.migrations_per_host]} migrations per host" in readme
    assert f"{words[limits.migrations]} in all" in readme
