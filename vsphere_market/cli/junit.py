"""JUnit's XML, which every CI shows: one test case per check, one failure per sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from vsphere_market.errors import InputError


@dataclass(frozen=True, slots=True)
class JunitCase:
    """One check: the file it is about, its name, its failures, and how long it took."""

    group: str
    name: str
    failures: Sequence[str] = ()
    seconds: float = 0.0


def write_junit(path: Path, suite: str, cases: Iterable[JunitCase]) -> None:
    """Write the results of one run.

    Raises:
        InputError: the file cannot be written.
    """
    cases = list(cases)
    failed = sum(1 for case in cases if case.failures)
    counts = {"tests": str(len(cases)), "failures": str(failed), "errors": "0", "skipped": "0"}
    spent = f"{sum(case.seconds for case in cases):.3f}"
    root = ElementTree.Element("testsuites", {"name": suite, **counts, "time": spent})
    groups: dict[str, list[JunitCase]] = {}
    for case in cases:
        groups.setdefault(case.group, []).append(case)
    for group, members in groups.items():
        wrong = sum(1 for case in members if case.failures)
        part = ElementTree.SubElement(
            root,
            "testsuite",
            {
                "name": _clean(group),
                **counts,
                "tests": str(len(members)),
                "failures": str(wrong),
                "time": f"{sum(case.seconds for case in members):.3f}",
            },
        )
        for case in members:
            element = ElementTree.SubElement(
                part,
                "testcase",
                {
                    "classname": _clean(group),
                    "name": _clean(case.name),
                    "time": f"{case.seconds:.3f}",
                },
            )
            if case.failures:
                failure = ElementTree.SubElement(
                    element, "failure", {"message": _clean(case.failures[0])}
                )
                failure.text = _clean("\n".join(case.failures))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as problem:
        raise InputError(
            f"cannot be written ({problem.strerror})", where=str(path), cure="choose another place"
        ) from None


def _clean(text: str) -> str:
    """Text without what XML cannot hold; a policy's name may hold anything."""
    return "".join(
        char if char in "\n\t" or char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )
