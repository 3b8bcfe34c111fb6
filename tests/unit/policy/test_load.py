import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.policies import document, problems_of
from vsphere_market.errors import ExitCode, PolicyError
from vsphere_market.policy import Kind, PolicyProblems, load_policies, parse_policies

OBSERVE = document("observe-only")


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def refused(*paths: Path) -> list[str]:
    with pytest.raises(PolicyProblems) as caught:
        load_policies(paths)
    assert isinstance(caught.value, PolicyError)
    assert caught.value.exit_code is ExitCode.USAGE
    return str(caught.value).splitlines()


def test_a_file_a_list_and_a_folder(tmp_path: Path) -> None:
    one = write(tmp_path / "one.json", document("observe-only", "one"))
    many = write(tmp_path / "many.json", [document("observe-only", n) for n in ("b", "c")])
    write(tmp_path / "tree" / "z.json", document("observe-only", "z"))
    write(tmp_path / "tree" / "deep" / "y.json", document("observe-only", "y"))
    write(tmp_path / "tree" / "notes.txt", "not read")
    write(tmp_path / "tree" / ".git" / "x.json", "not read")
    loaded = load_policies([one, many, tmp_path / "tree"])
    assert [item.name for item in loaded.documents] == ["one", "b", "c", "y", "z"]
    assert loaded.documents[2].where == f"{many}#/1"
    assert loaded.documents[0].where == f"{one}#"


def test_a_file_reached_twice_is_read_once(tmp_path: Path) -> None:
    one = write(tmp_path / "one.json", OBSERVE)
    assert len(load_policies([one, tmp_path, tmp_path / "." / "one.json"]).documents) == 1


def test_no_paths_are_no_policies() -> None:
    assert load_policies([]).documents == ()
    assert load_policies([]).digest == ""


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    write(tmp_path / "one.json", OBSERVE)
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    assert len(load_policies([tmp_path]).documents) == 1


def test_the_digest_is_of_what_is_said(tmp_path: Path) -> None:
    a, b = document("tier", "a", spec={"priority": 2}), document("tier", "b", spec={"priority": 3})
    digest = parse_policies([a, b], "x").digest
    assert (
        parse_policies([{"$schema": "s.json", **b}, dict(reversed(a.items()))], "y").digest
        == digest
    )
    assert parse_policies([a, {**b, "spec": {"priority": 3.5}}], "x").digest != digest
    assert len(digest) == 64


def test_files_that_cannot_be_read_are_all_named(tmp_path: Path) -> None:
    broken = write(tmp_path / "a-broken.json", "{")
    twins = write(tmp_path / "b-twins.json", '{"kind": "tier", "kind": "sizing"}')
    latin = tmp_path / "c-latin.json"
    latin.write_bytes('"Büro"'.encode("latin-1"))
    lines = refused(tmp_path, tmp_path / "gone.json")
    assert len(lines) == 4
    assert lines[0].startswith(f"{broken}: is not JSON: ")
    assert (
        lines[1] == f'{twins}: is not acceptable JSON: the key "kind" is there twice in one object.'
    )
    assert lines[2] == f"{latin}: is not UTF-8 text (byte 2)."
    assert lines[3] == f"{tmp_path / 'gone.json'}: there is no such file. Check the path."


def test_an_empty_folder_is_a_mistake(tmp_path: Path) -> None:
    (line,) = refused(tmp_path)
    assert line.startswith(f"{tmp_path}: this folder has no *.json file. ")


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (line,) = refused(tmp_path / "pipe.json")
    assert line == f"{tmp_path / 'pipe.json'}: is no regular file."


def test_a_null_byte_in_a_path() -> None:
    (line,) = refused(Path("a\0b"))
    assert "\\x00" in line


def test_large_deep_and_crowded_files_are_refused(tmp_path: Path) -> None:
    large = write(tmp_path / "large.json", " " * (5 << 20))
    deep = write(tmp_path / "deep.json", "[" * 500 + "]" * 500)
    deepest = write(tmp_path / "deepest.json", "[" * 200_000)
    crowded = write(tmp_path / "crowded.json", "[" + "0," * 250_000 + "0]")
    assert refused(large) == [f"{large}: is larger than 4 MiB, so it is no policy file."]
    assert refused(deep) == [f"{deep}: is nested more than 64 levels deep."]
    assert "nested too deeply" in refused(deepest)[0]
    assert refused(crowded) == [f"{crowded}: holds more than 200000 values."]


def test_too_many_documents() -> None:
    (line,) = problems_of(*[document("observe-only", str(at)) for at in range(2001)])
    assert line == "the policies: are 2001 documents, more than 2000."


def test_problems_beyond_a_hundred_are_counted() -> None:
    lines = problems_of(*range(150))
    assert len(lines) == 101
    assert lines[-1] == "… and 50 more."


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (7, "#/0: a policy document is an object, this is 7."),
        ([], "#/0: a policy document is an object, this is a list."),
        (
            document("teir", spec={}),
            '#/0/kind: unknown kind "teir". Did you mean "tier"?',
        ),
        (
            document("zzz"),
            '#/0/kind: unknown kind "zzz". Known kinds: ' + ", ".join(Kind) + ".",
        ),
        (
            {**OBSERVE, "kind": ["tier"]},
            "#/0/kind: unknown kind a list. Known kinds: " + ", ".join(Kind) + ".",
        ),
        (
            {**OBSERVE, "apiVersion": "v1"},
            '#/0/apiVersion: is "v1". Write "vsphere-market/v1".',
        ),
        (
            {"kind": "observe-only", "name": "x"},
            '#/0/apiVersion: is missing. Write "vsphere-market/v1".',
        ),
        (
            document("tier", spec={"priorty": 1}),
            '#/0/spec/priorty: "priorty" is not known here (in a document of kind tier). '
            'Did you mean "priority"?',
        ),
        (
            document("tier", spec={"guaranteePct": 101}),
            "#/0/spec/guaranteePct: must be at most 100, is 101.",
        ),
        (
            document("tier", spec={"priority": "high"}),
            '#/0/spec/priority: must be a number, is "high".',
        ),
        (
            document("tier", spec={"priority": True}),
            "#/0/spec/priority: must be a number, is true.",
        ),
        (
            document("tier"),
            '#/0: "spec" is missing. What these VMs are worth. A setting that is left out is not '
            "decided by this document.",
        ),
        (
            document("automation", spec={"modes": {"migrate": "auto"}}),
            '#/0/spec/modes/migrate: "auto" is none of off, recommend, approve, automatic. '
            'Did you mean "automatic"?',
        ),
        (
            document("exclusion", selector={"name": "x"}, precedence=1),
            '#/0/precedence: "precedence" is not known here (in a document of kind exclusion). '
            "Known here: $schema, apiVersion, kind, name, description, selector, spec.",
        ),
        (
            document("observe-only", selector={"tag": "gold"}),
            '#/0/selector/tag: "gold" is not category:tag, for example tier:gold.',
        ),
        (
            document("observe-only", selector={"any": [{"name": 3}]}),
            "#/0/selector/any/0/name: must be a text in quotes or a list, is 3.",
        ),
        (
            document("observe-only", selector={"name": []}),
            "#/0/selector/name: must not be an empty list.",
        ),
        (document("observe-only", "a\n"), '#/0/name: "a\\n" is not a name without '),
        (
            document("sizing", spec={"minGiB": 8, "maxGiB": 4}),
            "#/0/spec/minGiB: is above maxGiB (8 GiB and 4 GiB). Swap them, or leave one out.",
        ),
        (
            document("sizing", spec={"stepGiB": 0.1}),
            "#/0/spec/stepGiB: is 102.4 MiB; vSphere sizes VMs in multiples of 4 MiB. ",
        ),
        (
            document("ballooning", spec={"minCapPct": 50, "maxCapPct": 40}),
            "#/0/spec/minCapPct: is above maxCapPct (0.5 and 0.4 of the size). ",
        ),
        (
            document("observe-only", selector={"not": {"sizeGiB": {"min": 4, "max": 2}}}),
            "#/0/selector/not/sizeGiB: no size is at least 4 GiB and at most 2 GiB. ",
        ),
        (
            document("capacity", spec={"reservePct": 5, "failoverHosts": 1}),
            "#/0/spec/failoverHosts: stands beside reservePct, ",
        ),
        (
            document("capacity", selector={"name": "esx"}, spec={"exclude": True}),
            '#/0/selector/name: "name" is not known here (in a document of kind capacity). ',
        ),
        (
            document("placement", selector={"name": "x"}, spec={"rule": "run-on"}),
            '#/0/spec: "hosts" is missing. Run-on and not-on need to know which hosts.',
        ),
        (
            document(
                "placement",
                selector={"name": "x"},
                spec={"rule": "keep-apart", "hosts": {"host": "x"}},
            ),
            "#/0/spec/hosts: a rule keep-apart is not about certain hosts. ",
        ),
        (
            document("disruption-budget", spec={"windowMinutes": 5}),
            "#/0/spec: needs 2 settings or more. ",
        ),
        (
            document("disruption-budget", spec={"windowMinutes": 5, "per": "estate"}),
            "#/0/spec: says no bound. ",
        ),
    ],
)
def test_says_what_is_wrong_where_and_what_to_do(wrong: Any, sentence: str) -> None:
    (line,) = problems_of(wrong)
    # Some sentences are long, and only their beginning is written down here.
    assert line.startswith("test.json" + sentence)


def test_everything_wrong_is_said_at_once() -> None:
    lines = problems_of(
        document("teir"),
        document("tier", "x", spec={"priority": -1, "colour": "gold"}),
        document("tier", "x", spec={"priority": 1}),
        {},
    )
    assert [line.partition(": ")[0] for line in lines] == [
        "test.json#/0/kind",
        "test.json#/1/spec/colour",
        "test.json#/1/spec/priority",
        "test.json#/2/name",
        "test.json#/3/apiVersion",
        "test.json#/3",
    ]


def test_a_long_text_is_not_repeated_at_length() -> None:
    (line,) = problems_of(document("tier", spec={"priority": "x" * 100_000}))
    assert len(line) < 200


def test_controls_and_lone_surrogates_are_escaped() -> None:
    lines = problems_of(document("tier", spec={"\ud800\x1b[31m": 1}))
    assert "\\ud800\\x1b[31m" in lines[0]
    "".join(lines).encode()
