"""Policies are the trust boundary: whatever a file holds, the answer is a sentence, and soon."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.documents import mutated
from tests.policies import document, shop
from vsphere_market.policy import (
    Kind,
    PolicyProblems,
    PolicySet,
    compile_rulebook,
    finding_text,
    load_policies,
    parse_policies,
    schema_documents,
)
from vsphere_market.policy.messages import MAX_FINDINGS
from vsphere_market.policy.schedule import known_zones

#: What the project promises of any document.
LIMIT_S = 2.0

EXAMPLES = [
    example for kind in Kind for example in schema_documents()[f"{kind}.schema.json"]["examples"]
]

#: Texts with every nuisance of JSON: controls, lone surrogates, directions, half-pointers, globs.
texts = st.one_of(
    st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=20),
    st.sampled_from(["", "~", "/", "~1", "#", "[", "[!", "*" * 50, "\ud800", "\u202e", "\x1b[2J"]),
    st.sampled_from(["apiVersion", "kind", "spec", "selector", "$ref", "tier", "not", "all"]),
)
numbers = st.one_of(
    st.integers(),
    st.sampled_from([10**400, -(10**400), 1e308, 5e-324, float("inf"), -0.0, 2**63]),
    st.floats(allow_nan=False),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=25,
)


def judged(value: Any) -> PolicySet | str:
    """The policies, or the sentences; both in time, and fit to be shown."""
    begin = time.monotonic()
    result: PolicySet | str
    try:
        result = parse_policies(value, "fuzz.json")
        compiled = compile_rulebook(result, shop())
        text = "\n".join(map(finding_text, compiled.findings))
    except PolicyProblems as exc:
        result = text = str(exc)
        assert text
    assert time.monotonic() - begin < LIMIT_S
    text.encode()
    for line in text.splitlines():
        assert line.isprintable()
        assert len(line) < 5000
    return result


@given(values)
@example([[]] * 300)
@example({"kind": {}})
@example(
    {"apiVersion": "vsphere-market/v1", "kind": "tier", "name": "x", "spec": {"priority": 10**400}}
)
def test_any_json_gets_an_answer(value: Any) -> None:
    judged(value)


@given(st.data())
def test_examples_made_wrong_get_an_answer(data: st.DataObject) -> None:
    value: Any = list(EXAMPLES)
    for _ in range(data.draw(st.integers(1, 4))):
        value = data.draw(mutated(value))
    judged(value)


@given(st.sampled_from(EXAMPLES), texts, values)
def test_strange_members_anywhere_get_an_answer(
    whole: dict[str, Any], key: str, value: Any
) -> None:
    for part in ("spec", "selector"):
        inside = whole.get(part, {})
        answer = judged({**whole, part: {**inside, key: value}})
        assert isinstance(answer, str) or key in ("$schema", *inside, *_known(whole["kind"], part))
    judged({**whole, key: value})


def _known(kind: str, part: str) -> set[str]:
    schema = schema_documents()[f"{kind}.schema.json"]
    if part == "spec":
        return set(schema["properties"]["spec"]["properties"])
    return {key for each in schema["$defs"].values() for key in each.get("properties", {})}


@given(st.one_of(st.binary(max_size=200), texts.map(lambda t: t.encode("utf-8", "surrogatepass"))))
@example(b"\xef\xbb\xbf[]")
@example(b"1e999")
@example(b"-")
@example(b'{"a":1,"a":2}')
@example(b"[" * 100_000)
@example(b"9" * 10_000)
@example(b'"\\ud800"')
def test_any_bytes_get_an_answer(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.json"
        path.write_bytes(content)
        begin = time.monotonic()
        try:
            load_policies([path])
        except PolicyProblems as exc:
            str(exc).encode()
        assert time.monotonic() - begin < LIMIT_S


def nested(depth: int, key: str) -> Any:
    selector: Any = {"name": "x"}
    for _ in range(depth):
        selector = {key: selector} if key == "not" else {key: [selector]}
    return document("exclusion", selector=selector)


@pytest.mark.parametrize("key", ["not", "all", "any"])
@pytest.mark.parametrize("depth", [1, 25, 31, 60, 70, 5000])
def test_deep_selectors(key: str, depth: int) -> None:
    answer = judged(nested(depth, key))
    if depth <= 25:
        assert isinstance(answer, PolicySet)
    if depth > 62:
        assert "nested more than 64 levels" in str(answer)


@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * 99 + "*b",
        "*?" * 100,
        "[" * 200,
        "*[!a]" * 40,
        "?" * 200,
        "*" * 200,
        "(a+)+$",
        "(a|a)*b",
        "[a-z]*" * 33,
        "\\" * 200,
        "*[]a]" * 39 + "!",
    ],
)
def test_patterns_cannot_explode(pattern: str) -> None:
    snapshot = shop()
    names = [f"{'a' * 500}{at}" for at in range(len(snapshot.vms))]
    policies = parse_policies(document("exclusion", selector={"name": pattern}), "x")
    hostile = snapshot.vms.replace(name=names)
    begin = time.monotonic()
    compile_rulebook(policies, type(snapshot)(
        snapshot.taken_at_s, snapshot.source, snapshot.clusters, snapshot.hosts, snapshot.pools,
        snapshot.datastores, hostile, snapshot.rules,
    ))  # fmt: skip
    assert time.monotonic() - begin < LIMIT_S


def test_full_documents_are_checked_in_time() -> None:
    names = [f"{at}*{at}" for at in range(1000)]
    conditions = [{"name": names[:20], "not": {"tag": "a:b"}}] * 900
    many = [
        document("exclusion", f"e{at}", selector={"name": names, "any": conditions[: 30 * at]})
        for at in range(5)
    ]
    judged(many)


def test_many_wrong_members_are_reported_in_time() -> None:
    spec = {f"priority{at}": at for at in range(50_000)}
    assert len(str(judged(document("tier", spec=spec))).splitlines()) == MAX_FINDINGS


def test_a_document_opens_nothing() -> None:
    """No file and no connection, whatever paths and addresses a document mentions."""
    schema_documents()
    judged(document("tier", spec={"priority": 1}))
    known_zones()
    opened: list[str] = []
    watching = [True]

    def hook(event: str, _: tuple[Any, ...]) -> None:
        if watching[0] and event.startswith(("open", "socket", "urllib", "subprocess", "os.")):
            opened.append(event)

    sys.addaudithook(hook)
    try:
        for address in ("http://127.0.0.1:9/x.json", "file:///etc/passwd", "/etc/passwd"):
            whole = document("tier", spec={"priority": 2}) | {"$schema": address}
            assert isinstance(judged(whole), PolicySet)
            for key in ("$ref", "$id", "$dynamicRef", "include"):
                assert isinstance(judged(whole | {key: address}), str)
                judged(whole | {"spec": {key: address}, "selector": {key: address}})
            # A time zone is a name in the database or nothing: no path leads anywhere.
            spec = {"mode": "off", "timeZone": address, "schedule": [{"from": "1", "to": "2"}]}
            assert isinstance(judged(document("automation", spec=spec)), str)
        for zone in ("etc/passwd", "Europe/passwd", "localtime", "posixrules", "tzdata.zi"):
            window = {"from": "01:00", "to": "02:00"}
            spec = {"mode": "off", "timeZone": zone, "schedule": [window]}
            assert isinstance(judged(document("automation", spec=spec)), str)
    finally:
        watching[0] = False
    assert opened == []


def test_texts_of_documents_survive_as_json() -> None:
    """The digest takes what a schema takes, lone surrogates in descriptions among it."""
    odd = document("tier", spec={"priority": 1}, description=json.loads('"\\ud800"'))
    assert isinstance(judged(odd), PolicySet)
