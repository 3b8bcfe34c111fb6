"""No name, address or id of an estate is left in what is shared, whatever the estate is."""

import json
import string
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.assessments import assessed, question_of
from tests.rvtools_files import Cluster, Estate, Host, Vm, sheets_of, write_xlsx
from vsphere_market.assess import Names, anonymised, compare
from vsphere_market.estate import Snapshot
from vsphere_market.estate.rvtools import read_rvtools
from vsphere_market.report import document, page, write_report

#: Long enough to be nobody's accident: six letters of an alphabet that no word of the page uses.
WORD = st.text("qxzjkvw", min_size=6, max_size=9)
HARD = st.sampled_from(["<b>{}</b>", "{}.corp.local", "{} (old)", "{}'s", 'a"{}', "{}|x", "{}"])
KEY = b"a key of thirty-two characters.."


@st.composite
def estates(draw: st.DrawFn) -> Estate:
    words = iter(draw(st.lists(WORD, min_size=24, max_size=24, unique=True)))

    def name() -> str:
        return draw(HARD).format(next(words))

    clusters = [Cluster(name(), "domain-c9431") for _ in range(1)]
    hosts = [Host(name(), f"host-94{n}31", clusters[0].name, 65_536, own=2000) for n in range(2)]
    vms = []
    for n in range(draw(st.integers(3, 7))):
        size = draw(st.sampled_from([4096, 16_384, 32_768]))
        vms.append(
            Vm(
                name(),
                f"vm-94{n}31",
                draw(st.sampled_from(hosts)).name,
                size,
                draw(st.integers(10, size)),
                consumed=draw(st.integers(100, size)),
                ballooned=draw(st.sampled_from([0, 700])),
                swapped=draw(st.sampled_from([0, 300])),
                limit=draw(st.sampled_from([-1, size // 2])),
                reservation=draw(st.sampled_from([0, size])),
                latency=draw(st.sampled_from(["normal", "high"])),
                on=draw(st.booleans()),
                folder=next(words) if n < 2 else "Folder",
                owner=next(words) if n < 2 else "",
                rules="ClusterAntiAffinityRuleSpec",
                rule_names="zzjqrule",
                hidden=n == 0 and draw(st.booleans()),
            )
        )
    return Estate(
        server=f"{next(words)}.internal",
        uuid="9cf1b0aa-77e1-4d7b-8f6f-aa5512ddc101",
        datacenter=next(words),
        clusters=clusters,
        hosts=hosts,
        vms=vms,
    )


def secrets_of(made: Estate, snapshot: Snapshot) -> set[str]:
    """Every original string that could tell whose estate it is."""
    found = {made.server, made.uuid, made.datacenter, "zzjqrule"}
    for table in (snapshot.clusters, snapshot.hosts, snapshot.pools, snapshot.datastores):
        found |= {*table.moid, *table.name}
    vms = snapshot.vms
    found |= {*vms.moid, *vms.name, *vms.instance_uuid, *vms.folder}
    found |= {word for row in vms.custom_attributes for word in row}
    found |= {vm.folder for vm in made.vms} | {vm.owner for vm in made.vms}
    found |= {vm.name for vm in made.vms} | {host.name for host in made.hosts}
    common = {"", "Folder", "Resources", "(not in the export)", "(1 VM not in the export)"}
    # What is left of a name when a page escapes it must be gone too.
    found |= {
        "".join(letter for letter in part if letter in "qxzjkvw")
        for name in found
        for part in name.split(".")
    }
    return {word for word in found - common if len(word) >= 6}


@settings(max_examples=40)
@given(made=estates())
def test_nothing_of_the_original_is_left(made: Estate) -> None:
    with tempfile.TemporaryDirectory() as told:
        folder = Path(told)
        snapshot = read_rvtools(write_xlsx(folder / "in.xlsx", sheets_of(made)))
        names = Names(KEY)
        hidden = assessed(snapshot, names)
        files = write_report(folder / "out.html", hidden, compare(hidden, hidden))
        written = {file.name: file.read_text(encoding="utf-8") for file in files}
    assert len(written) == 4
    for original in secrets_of(made, snapshot):
        for file, content in written.items():
            assert original not in content, (original, file)
            assert original not in json.dumps(content), (original, file)


@settings(max_examples=20)
@given(made=estates())
def test_pseudonyms_change_no_number(made: Estate) -> None:
    with tempfile.TemporaryDirectory() as told:
        path = write_xlsx(Path(told) / "in.xlsx", sheets_of(made))
        snapshot = read_rvtools(path)
    plain, hidden = assessed(snapshot), assessed(snapshot, Names(KEY))
    assert [(item.code, item.memory_mib) for item in plain.findings] == [
        (item.code, item.memory_mib) for item in hidden.findings
    ]
    assert plain.potential == hidden.potential
    assert plain.effect == hidden.effect


@given(st.lists(st.text(string.printable, min_size=1), unique=True, max_size=50))
def test_pseudonyms_are_stable_and_distinct(originals: list[str]) -> None:
    first, second = Names(KEY), Names(KEY)
    told = [first.of("vm", name) for name in originals]
    assert told == [second.of("vm", name) for name in originals]
    assert len(set(told)) == len(told)
    other = Names(b"another key of the same length!!")
    assert not {other.of("vm", name) for name in originals} & set(told)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Names(b"short")


def test_sentences_on_what_is_missing_lose_names() -> None:
    from tests.estates import cluster_row, host_row, snapshot_of, vm_row

    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("esx-secret-1", 65_536)],
        vms=[vm_row("payroll-db", "esx-secret-1", 4096)],
    )
    snapshot = Snapshot(
        **{
            name: getattr(snapshot, name)
            for name in ("taken_at_s", "source", "clusters", "hosts", "pools", "datastores")
        },
        vms=snapshot.vms,
        rules=snapshot.rules,
        missing=("esx-secret-1 gave no counters for payroll-db.",),
    )
    hidden, _ = anonymised(snapshot, question_of(snapshot).rulebook, Names(KEY))
    (line,) = hidden.missing
    assert "secret" not in line
    assert "payroll" not in line
    assert line.endswith(".")
    made = assessed(snapshot, Names(KEY))
    assert "payroll" not in page(made) + json.dumps(document(made))
