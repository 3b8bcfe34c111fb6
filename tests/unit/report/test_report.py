"""The page and the files beside it: complete, harmless, self-contained."""

import base64
import csv
import dataclasses
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.assessments import assessed, snapshot_of_estate
from tests.rvtools_files import Vm, estate
from vsphere_market.assess import Assessment, compare
from vsphere_market.errors import InputError
from vsphere_market.report import document, page, write_report
from vsphere_market.report.documents import VM_HEADS, findings_csv, vms_csv
from vsphere_market.report.html import Html, tag, text
from vsphere_market.report.words import short_names

EVIL = "</script><img src=x onerror=alert(1)>\"'&"


class Outline(HTMLParser):
    """Ids, links and elements of a page; complains about what is not closed."""

    VOID = frozenset(("meta", "input", "br", "hr", "rect", "line", "path"))

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags.append((tag, told))
        if told.get("id"):
            self.ids.append(str(told["id"]))
        if tag == "a":
            self.links.append(str(told.get("href")))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Assessment:
    told = estate(150)
    told.vms[0].name = EVIL
    told.vms[1].name = '=HYPERLINK("x")'
    told.vms[0].limit = told.vms[0].size // 2
    return assessed(snapshot_of_estate(tmp_path_factory.mktemp("report"), told))


@pytest.fixture(scope="module")
def shown(made: Assessment) -> str:
    return page(made, compare(made, made))


def outline(shown: str) -> Outline:
    found = Outline()
    found.feed(shown)
    found.close()
    return found


def test_every_element_is_closed_and_every_link_leads_somewhere(shown: str) -> None:
    found = outline(shown)
    assert found.open == []
    assert len(set(found.ids)) == len(found.ids)
    assert found.links
    for link in found.links:
        assert link.startswith("#"), f"{link} leaves the page"
        assert link[1:] in found.ids, link


def test_names_are_never_markup(shown: str) -> None:
    assert "<img" not in shown
    assert shown.count("</script>") == 2
    data = json.loads(re.search(r'id="data">(.*?)</script>', shown, re.S)[1])  # type: ignore[index]
    assert EVIL in data["vms"]["name"]


def test_nothing_is_fetched(shown: str) -> None:
    found = outline(shown)
    for name, attributes in found.tags:
        assert name not in ("link", "img", "iframe", "object", "embed", "base", "form")
        assert not attributes.keys() & {"src", "style", "onclick", "onload"}, (name, attributes)
    assert "http://" not in shown
    assert "https://" not in shown
    assert "@import" not in shown
    assert "url(" not in shown


def test_the_policy_allows_the_pages_own_style_and_script_only(shown: str) -> None:
    policy = next(
        str(attributes["content"])
        for name, attributes in outline(shown).tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        inner = re.search(rf"<{kind}>(.*?)</{kind}>", shown, re.S)
        assert inner is not None
        digest = base64.b64encode(hashlib.sha256(inner[1].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_every_finding_is_on_the_page_with_its_rows(made: Assessment, shown: str) -> None:
    ids = outline(shown).ids
    for finding in made.findings:
        assert f"finding-{finding.code}" in ids
        assert text(finding.what) in shown
        assert text(finding.rows[0].note) in shown
    for statement in made.statements:
        assert text(statement.text) in shown
    for line in made.snapshot.missing:
        assert text(line) in shown


def test_the_data_block_holds_every_vm(made: Assessment, shown: str) -> None:
    data = json.loads(re.search(r'id="data">(.*?)</script>', shown, re.S)[1])  # type: ignore[index]
    count = len(made.snapshot.vms)
    assert all(len(column) == count for column in data["vms"].values())
    assert data["vms"]["size"] == [round(size) for size in made.snapshot.vms.size_mib]
    assert len(data["steps"]) == len(made.plan.steps)


def test_json_holds_every_row_behind_every_number(made: Assessment) -> None:
    told = json.loads(json.dumps(document(made, compare(made, made)), allow_nan=False))
    assert told["format"] == "vsphere-market/assessment/1"
    for finding in told["findings"]:
        assert finding["memory_mib"] == pytest.approx(
            sum(row["mib"] for row in finding["rows"]), abs=0.1
        )
    assert len(told["vms"]) == len(made.snapshot.vms)
    assert told["plan"]["certificate"]["lower_bound"] <= told["plan"]["certificate"][
        "potential_after"
    ] * (1 + 1e-9)
    assert told["changes"]["same_estate"]


def test_csv_files_are_complete_and_no_formulas(made: Assessment) -> None:
    rows = list(csv.reader(io.StringIO(vms_csv(made))))
    assert tuple(rows[0]) == VM_HEADS
    assert len(rows) == len(made.snapshot.vms) + 1
    names = [row[1] for row in rows[1:]]
    assert '\'=HYPERLINK("x")' in names
    assert not any(cell[:1] in ("=", "@", "+") for row in rows for cell in row)
    lines = list(csv.reader(io.StringIO(findings_csv(made))))
    assert len(lines) == 1 + sum(len(finding.rows) for finding in made.findings)


def test_files_are_called_like_the_page(made: Assessment, tmp_path: Path) -> None:
    files = write_report(tmp_path / "june.html", made)
    assert [file.name for file in files] == [
        "june.html",
        "june.json",
        "june.vms.csv",
        "june.findings.csv",
    ]
    assert all(file.stat().st_size > 1000 for file in files)
    assert sorted(tmp_path.iterdir()) == sorted(files)


def test_a_place_that_cannot_be_written(made: Assessment, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_report(tmp_path / "nowhere" / "june.html", made)


def test_text_is_escaped_and_markup_is_not() -> None:
    assert tag("p", "<b>", Html("<i>x</i>"), None, ["&"], class_="a", data_x='"') == (
        '<p class="a" data-x="&quot;">&lt;b&gt;<i>x</i>&amp;</p>'
    )
    assert tag("button", "x", disabled=True, hidden=False) == "<button disabled>x</button>"


def test_hosts_lose_a_domain_that_all_share() -> None:
    assert short_names(("a.x.test", "b.x.test")) == ("a", "b")
    assert short_names(("a.x.test", "b.y.test")) == ("a.x.test", "b.y.test")
    assert short_names(("10.0.0.1", "10.0.0.2")) == ("10.0.0.1", "10.0.0.2")
    assert short_names(("a", "b")) == ("a", "b")
    assert short_names(()) == ()


def test_an_estate_without_findings_has_a_page(tmp_path: Path) -> None:
    told = estate(4)
    told.vms = [Vm("calm", "vm-1", told.hosts[0].name, 4096, 1500, consumed=3000)]
    quiet = assessed(snapshot_of_estate(tmp_path, told))
    shown = page(quiet)
    assert "Nothing was found." in shown
    assert "nothing that is worth its disruption" in shown
    assert outline(shown).open == []


def test_what_was_cured_since_has_no_dead_link(made: Assessment, tmp_path: Path) -> None:
    told = estate(150)
    told.vms = told.vms[:1]
    told.vms[0].limit = -1
    quiet = assessed(snapshot_of_estate(tmp_path, told))
    found = outline(page(quiet, compare(made, quiet)))
    assert "Memory limits below the VM" in page(quiet, compare(made, quiet))
    assert all(link[1:] in found.ids for link in found.links)


@pytest.mark.parametrize(
    ("fit", "most", "words"),
    [
        (7, 0, "7 fit, then hosts balloon"),
        (20, 0, "none if one host"),
        (20, 3, "only 3 if one host"),
        (20, 45, "up to 45 with one host kept free"),
    ],
)
def test_growth_is_told_without_contradiction(
    made: Assessment, fit: int, most: int, words: str
) -> None:
    cluster = made.clusters[0]
    assert cluster.growth is not None
    growth = dataclasses.replace(cluster.growth, fit=fit, most=most)
    shown = page(dataclasses.replace(made, clusters=(dataclasses.replace(cluster, growth=growth),)))
    assert words in shown
