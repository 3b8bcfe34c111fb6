"""Reading policy files: everything that can be checked without an estate, in two stages.

First the bones (is it an object, which version, which kind, is the name taken), then the schema of
the kind, then what no schema can say. All problems of all files are collected before any is
reported. Files are bounded in size, depth and number, and nothing but these files is opened.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vsphere_market.errors import PolicyError
from vsphere_market.estate.files import read_json
from vsphere_market.policy.documents import (
    Document,
    PolicySet,
    digest_of,
    parse_document,
)
from vsphere_market.policy.messages import schema_findings
from vsphere_market.policy.problems import (
    did_you_mean,
    error,
    pointer,
    quote,
    refuse_errors,
)
from vsphere_market.policy.schedule import bad_dates
from vsphere_market.policy.schema import API_VERSION, Kind
from vsphere_market.policy.sense import document_findings
from vsphere_market.port import Finding

#: A policy file of more bytes is refused unread. Two hundred documents make about 100 KB.
MAX_FILE_BYTES = 4 << 20
#: Deeper nesting is refused; a selector of a dozen levels needs 30.
MAX_DEPTH = 64
#: More values (objects, lists, texts, numbers) in one file are refused.
MAX_VALUES = 200_000
MAX_FILES = 2_000
MAX_DOCUMENTS = 2_000
#: What the names of policy test files end with.
TEST_SUFFIX = ".test.json"


@dataclass(frozen=True, slots=True)
class RawDocument:
    """One document as parsed JSON. ``where`` is its file and JSON pointer."""

    value: Any
    where: str


def load_policies(paths: Sequence[Path]) -> PolicySet:
    """Read policy files, and every ``*.json`` below the folders among ``paths``.

    A file named twice is read once. A file holds one document or a list of documents.

    Raises:
        PolicyProblems: with everything that is wrong in any of the files.
    """
    findings: list[Finding] = []
    raws: list[RawDocument] = []
    for path in _files(paths, findings):
        raws.extend(_read(path, findings))
    return _policy_set(raws, findings)


def parse_policies(document: Any, where: str) -> PolicySet:
    """The same for one parsed JSON text; ``where`` names it in findings.

    Raises:
        PolicyProblems: with everything that is wrong.
    """
    findings: list[Finding] = []
    raws = _documents(document, where, findings)
    return _policy_set(raws, findings)


def _policy_set(raws: Sequence[RawDocument], findings: list[Finding]) -> PolicySet:
    if len(raws) > MAX_DOCUMENTS:
        what = f"are {len(raws)} documents, more than {MAX_DOCUMENTS}"
        findings.append(error("too-many", "the policies", what))
        raws = ()
    names: dict[str, str] = {}
    documents: list[Document] = []
    valid: list[Mapping[str, Any]] = []
    for raw in raws:
        problems = list(_bones(raw, names))
        kind = _kind(raw.value)
        if kind is not None:
            # The version was looked at above; here it is given, so that it is not reported twice.
            assumed = {**raw.value, "apiVersion": API_VERSION}
            problems.extend(schema_findings(kind, assumed, raw.where))
        if not problems:
            problems.extend(
                error("wrong-form", f"{raw.where}/spec{at}", "the calendar has no such date")
                for at in bad_dates(raw.value.get("spec", {}))
            )
        if not problems:
            document = parse_document(raw.value, raw.where)
            problems.extend(document_findings(document))
            documents.append(document)
            valid.append(raw.value)
        findings.extend(problems)
    refuse_errors(findings)
    return PolicySet(tuple(documents), digest_of(valid), tuple(findings))


def _files(paths: Sequence[Path], findings: list[Finding]) -> Iterator[Path]:
    """The files to read, folders searched, in order and each once."""
    seen: set[Path] = set()
    for path in paths:
        if "\0" in str(path):
            findings.append(error("unreadable", str(path), "is no path of a file"))
            continue
        try:
            found = sorted(_below(path)) if path.is_dir() else [path]
        except OSError as exc:
            findings.append(error("unreadable", str(path), f"cannot be read ({exc.strerror})"))
            continue
        if not found:
            cure = "name a file, or a folder with policy files"
            findings.append(error("no-files", str(path), "this folder has no *.json file", cure))
        for file in found:
            real = Path(os.path.realpath(file))
            if real not in seen:
                seen.add(real)
                if len(seen) > MAX_FILES:
                    what = f"has more than {MAX_FILES} files"
                    findings.append(error("too-many", str(path), what))
                    return
                yield file


def _below(folder: Path) -> Iterator[Path]:
    """All ``*.json`` of a folder and its folders, without hidden ones (``.git``) and tests."""
    for at, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            if name.endswith(".json") and not name.startswith(".") and not is_test(name):
                yield Path(at) / name


def is_test(name: str) -> bool:
    """A file of that name holds tests of policies, which lie beside them and are none."""
    return name.endswith(TEST_SUFFIX)


def _raise(problem: OSError) -> None:
    raise problem


def _read(path: Path, findings: list[Finding]) -> list[RawDocument]:
    try:
        if path.exists() and not path.is_file():
            raise PolicyError("is no regular file", where=str(path))
        if path.is_file() and path.stat().st_size > MAX_FILE_BYTES:
            what = f"is larger than {MAX_FILE_BYTES >> 20} MiB, so it is no policy file"
            raise PolicyError(what, where=str(path))
        document = read_json(path, PolicyError)
    except PolicyError as exc:
        findings.append(error("unreadable", exc.where, exc.what, exc.cure))
        return []
    except OSError as exc:
        findings.append(error("unreadable", str(path), f"cannot be read ({exc.strerror})"))
        return []
    return _documents(document, str(path), findings)


def _documents(document: Any, where: str, findings: list[Finding]) -> list[RawDocument]:
    """Split a file into its documents, if it is of a size that can be checked."""
    problem = _oversize(document)
    if problem:
        findings.append(error("too-large", where, problem))
        return []
    if isinstance(document, list):
        return [RawDocument(item, f"{where}#{pointer(at)}") for at, item in enumerate(document)]
    return [RawDocument(document, f"{where}#")]


def _oversize(document: Any) -> str:
    """Why a document is too deep or too large, or "". Does not recurse itself."""
    level, values = [document], 0
    for _ in range(MAX_DEPTH):
        values += len(level)
        if values > MAX_VALUES:
            return f"holds more than {MAX_VALUES} values"
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        level = below
        if not level:
            return ""
    return f"is nested more than {MAX_DEPTH} levels deep"


def _kind(value: Any) -> Kind | None:
    """The kind of a document, None where there is no such thing."""
    kind = value.get("kind") if isinstance(value, dict) else None
    return Kind(kind) if isinstance(kind, str) and kind in set(Kind) else None


def _bones(raw: RawDocument, names: dict[str, str]) -> Iterator[Finding]:
    """What must be right before a schema can be chosen; takes the document's name."""
    value, where = raw.value, raw.where
    if not isinstance(value, dict):
        yield error("wrong-type", where, f"a policy document is an object, this is {quote(value)}")
        return
    version, kind, name = (value.get(key) for key in ("apiVersion", "kind", "name"))
    if version != API_VERSION:
        what = f"is {quote(version)}" if "apiVersion" in value else "is missing"
        yield error("api-version", f"{where}/apiVersion", what, f'write "{API_VERSION}"')
    known = [item.value for item in Kind]
    if _kind(value) is not None:
        pass
    elif "kind" not in value:
        cure = f"write one of {', '.join(known)}"
        yield error("missing", where, '"kind" is missing', cure)
    else:
        near = did_you_mean(kind, known) if isinstance(kind, str) else ""
        cure = near or f"known kinds: {', '.join(known)}"
        yield error("unknown-kind", f"{where}/kind", f"unknown kind {quote(kind)}", cure)
    if isinstance(name, str):
        if name in names:
            what = f"another document has the name {quote(name)} too, at {names[name]}"
            yield error("same-name", f"{where}/name", what, "give each its own name")
        names.setdefault(name, where)
