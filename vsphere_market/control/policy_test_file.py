"""Files with tests of policies: given this estate, expect these settings and these actions.

``NAME.test.json`` lies beside the policies it is about. docs/policies.md shows one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vsphere_market.errors import InputError
from vsphere_market.estate import Snapshot, read_snapshot, seconds_from_text, snapshot_from_json
from vsphere_market.estate.files import read_json
from vsphere_market.policy import TEST_SUFFIX, PolicySet, load_policies, parse_policies
from vsphere_market.policy.effective import HOST_KEYS, VM_KEYS
from vsphere_market.policy.problems import did_you_mean, printable
from vsphere_market.port import ActionKind

_TABLES = ("clusters", "hosts", "pools", "datastores", "vms", "rules")
_FILE = {"$schema", "about", "policies", "snapshot", "estate", "defaults", "cases"}
_CASE = {
    "name", "at", "settings", "hosts", "actions", "only", "never", "counts", "refusals", "problem",
    "moved",
}  # fmt: skip
_ACTION = {"kind", "vm", "to", "from", "toGiB", "fromGiB", "mode"}
_REFUSAL = {"subject", "reason"}
_MOVED = {"vm", "from", "to", "minutesAgo"}
#: Of all these the ones that are numbers.
_AMOUNTS = {"toGiB", "fromGiB", "minutesAgo"}
#: The time of an estate in a test that says none: a Monday morning.
_TAKEN_AT = "2026-11-23T08:00:00Z"


@dataclass(frozen=True, slots=True)
class Case:
    """One expectation, or several that belong together.

    Attributes:
        name: for people.
        at_s: Unix time for which schedules are evaluated; None for the snapshot's.
        settings: VM name -> setting -> value, or an object with ``value`` and ``from``.
        hosts: the same for hosts.
        actions: what the plan must hold; None when nothing is said about it.
        only: it holds nothing else.
        never: VM names, or forms of action, that the plan must not hold.
        counts: kind of action -> how many steps of it the plan must hold, ``min`` and ``max``.
        refusals: ``subject`` and ``reason`` that the plan must hold.
        problem: part of the sentence with which the policies must be refused.
        moved: migrations that were done before.
    """

    name: str
    at_s: float | None
    settings: Mapping[str, Mapping[str, Any]]
    hosts: Mapping[str, Mapping[str, Any]]
    actions: Sequence[Mapping[str, Any]] | None
    only: bool
    never: Sequence[str | Mapping[str, Any]]
    counts: Mapping[str, Mapping[str, int]]
    refusals: Sequence[Mapping[str, Any]]
    problem: str
    moved: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """A file of tests, read."""

    path: Path
    about: str
    policies: PolicySet
    snapshot: Snapshot
    cases: tuple[Case, ...]


def files_of_tests(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The test files among and below ``paths``.

    Raises:
        InputError: there are none, or a path cannot be read.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            below = path.rglob(f"*{TEST_SUFFIX}")
            found += sorted(file for file in below if not _hidden(file.relative_to(path)))
        elif path.exists():
            found.append(path)
        else:
            raise InputError("there is no such file or folder", where=str(path))
    if not found:
        raise InputError(
            f"there is no file *{TEST_SUFFIX}",
            where=", ".join(map(str, paths)),
            cure=f"write NAME{TEST_SUFFIX} beside your policies; docs/policies.md shows one",
        )
    return tuple(dict.fromkeys(found))


def read_test(path: Path) -> PolicyTest:
    """Read a file of tests with the policies and the estate that it names.

    Raises:
        InputError: it, or the snapshot, is no such file.
        PolicyProblems: the policies are wrong by themselves.
    """
    document = read_json(_regular(path), InputError)
    _closed(document, _FILE, str(path))
    about = document.get("about", "")
    cases = document.get("cases")
    if not isinstance(cases, list) or not cases:
        cure = "a test that expects nothing proves nothing"
        raise InputError("must be a list of cases", where=f"{path}#/cases", cure=cure)
    return PolicyTest(
        path=path,
        about=str(about),
        policies=_policies(path, document.get("policies")),
        snapshot=_estate(path, document),
        cases=tuple(_case(item, f"{path}#/cases/{at}", at) for at, item in enumerate(cases)),
    )


def expected_problems(path: Path) -> tuple[str, ...]:
    """The problems that a file of tests expects, of policies that cannot even be loaded."""
    document = read_json(_regular(path), InputError)
    cases = document.get("cases") if isinstance(document, dict) else None
    return tuple(
        str(item["problem"])
        for item in (cases if isinstance(cases, list) else ())
        if isinstance(item, dict) and item.get("problem")
    )


def _regular(path: Path) -> Path:
    """The path, if it is no device or pipe, from which reading might never end.

    Raises:
        InputError: it is one, or no path at all.
    """
    if "\0" in str(path):
        raise InputError("is no path of a file", where=printable(str(path)))
    try:
        odd = path.exists() and not path.is_file()
    except OSError as exc:
        raise InputError(f"cannot be read ({exc.strerror})", where=printable(str(path))) from None
    if odd:
        raise InputError("is no regular file", where=str(path), cure="name a file")
    return path


def _policies(path: Path, named: Any) -> PolicySet:
    """The policies under test: files beside the test, or documents in it."""
    files = [path.name.removesuffix(TEST_SUFFIX) + ".json"] if named is None else named
    if isinstance(files, list) and files and all(isinstance(name, str) for name in files):
        return load_policies([path.parent / name for name in files])
    if isinstance(files, list) and files and all(isinstance(item, dict) for item in files):
        return parse_policies(files, f"{path}#/policies")
    raise InputError("must be a list of files, or of documents", where=f"{path}#/policies")


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _estate(path: Path, document: Mapping[str, Any]) -> Snapshot:
    file, rows = document.get("snapshot"), document.get("estate")
    if (file is None) == (rows is None):
        cure = "snapshot names a file beside this one, estate holds the tables themselves"
        raise InputError("give either snapshot or estate", where=str(path), cure=cure)
    if isinstance(file, str):
        return read_snapshot(_regular(path.parent / file))
    _closed(rows, {*_TABLES, "taken_at"}, f"{path}#/estate")
    assert isinstance(rows, dict)
    defaults = document.get("defaults", {})
    _closed(defaults, set(_TABLES), f"{path}#/defaults")
    for name, base in defaults.items():
        if not isinstance(base, dict):
            raise InputError("must be an object", where=f"{path}#/defaults/{name}")
    tables = {
        name: [
            # null takes a default away.
            {key: value for key, value in (base | row).items() if value is not None}
            for row in _objects(rows[name], f"{path}#/estate/{name}")
        ]
        for name in _TABLES
        if name in rows
        for base in (defaults.get(name, {}),)
    }
    whole = {
        "format": "vsphere-market/snapshot/1",
        "taken_at": rows.get("taken_at", _TAKEN_AT),
        "source": {"kind": "file", "name": path.name},
        **tables,
    }
    return snapshot_from_json(whole, where=f"{path}#/estate")


def _case(item: Any, where: str, at: int) -> Case:
    _closed(item, _CASE, where)
    if not item.keys() - {"name", "at", "moved"}:
        raise InputError("expects nothing, so it proves nothing", where=where)
    settings = _settings(item.get("settings", {}), VM_KEYS, f"{where}/settings")
    hosts = _settings(item.get("hosts", {}), HOST_KEYS, f"{where}/hosts")
    actions = item.get("actions")
    if actions is not None:
        actions = list(_forms(actions, _ACTION, f"{where}/actions"))
    never = item.get("never", [])
    if not isinstance(never, list):
        raise InputError("must be a list", where=f"{where}/never")
    for place, form in enumerate(never):
        if not isinstance(form, str):
            _form(form, _ACTION, f"{where}/never/{place}")
    counts = _settings(item.get("counts", {}), ("min", "max"), f"{where}/counts")
    _closed(counts, {kind.value for kind in ActionKind}, f"{where}/counts")
    for kind, bounds in counts.items():
        if not all(isinstance(bound, int) for bound in bounds.values()):
            raise InputError("must be whole numbers", where=f"{where}/counts/{kind}")
    return Case(
        name=str(item.get("name", f"case {at + 1}")),
        at_s=_instant(item["at"], f"{where}/at") if "at" in item else None,
        settings=settings,
        hosts=hosts,
        actions=actions,
        only=bool(item.get("only", False)),
        never=never,
        counts=counts,
        refusals=list(_forms(item.get("refusals", []), _REFUSAL, f"{where}/refusals")),
        problem=str(item.get("problem", "")),
        moved=list(_forms(item.get("moved", []), _MOVED, f"{where}/moved")),
    )


def _instant(said: Any, where: str) -> float:
    try:
        return seconds_from_text(str(said))
    except ValueError:
        cure = "write it as 2026-11-23T22:00:00+01:00"
        raise InputError("must be a time with its offset", where=where, cure=cure) from None


def _settings(said: Any, known: Sequence[str], where: str) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(said, dict):
        raise InputError("must be an object of names", where=where)
    for name, wanted in said.items():
        _closed(wanted, set(known), f"{where}/{name}")
    return said


def _forms(said: Any, known: set[str], where: str) -> Iterator[Mapping[str, Any]]:
    for at, form in enumerate(_objects(said, where)):
        _form(form, known, f"{where}/{at}")
        yield form


def _form(said: Any, known: set[str], where: str) -> None:
    """Refuse values that are neither a name nor, where one is due, an amount."""
    _closed(said, known, where)
    for key, value in said.items():
        amount = key in _AMOUNTS
        if not isinstance(value, (int, float, type(None)) if amount else str):
            kind = "a number" if amount else "a text"
            raise InputError(f"must be {kind}", where=f"{where}/{key}")


def _objects(said: Any, where: str) -> list[dict[str, Any]]:
    if not isinstance(said, list) or not all(isinstance(item, dict) for item in said):
        raise InputError("must be a list of objects", where=where)
    return said


def _closed(said: Any, known: set[str], where: str) -> None:
    """Refuse what is no object, and keys that nobody would look at."""
    if not isinstance(said, dict):
        raise InputError("must be an object", where=where)
    for key in said:
        if key not in known:
            cure = did_you_mean(key, known) or f"known here: {', '.join(sorted(known))}"
            raise InputError(f'"{key}" is not known here', where=where, cure=cure)
