"""``assess`` and ``--rvtools`` on the command line."""

import json
from pathlib import Path

import pytest

from tests.rvtools_files import estate, sheets_of, write_csv, write_xlsx
from vsphere_market.cli.frame import run


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An export in the working folder; the user's own data folder is an empty one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("GOVC_URL", "VSPHERE_MARKET_JOURNAL", "VSPHERE_MARKET_POLICIES"):
        monkeypatch.delenv(name, raising=False)
    return write_xlsx(tmp_path / "export.xlsx", sheets_of(estate(120)))


def test_a_report_is_written(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["assess", "--rvtools", str(export), "-o", "june.html"]) == 0
    told = capsys.readouterr()
    assert "Memory limits below the VM's size" in told.out
    assert "wrote june.html and beside it june.json" in told.err
    assert "one instant" in told.err
    for name in ("june.html", "june.json", "june.vms.csv", "june.findings.csv"):
        assert (export.parent / name).stat().st_size > 1000


def test_json_on_stdout_is_the_json_file(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["assess", "--rvtools", str(export), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    kept = json.loads((export.parent / "memory-assessment.json").read_text())
    assert told == kept


def test_an_export_becomes_a_snapshot_for_every_verb(
    export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["snapshot", "--rvtools", str(export), "-o", "s.json.gz"]) == 0
    assert run(["assess", "--snapshot", "s.json.gz", "-o", "b.html", "--format", "json"]) == 0
    from_snapshot = json.loads(capsys.readouterr().out)
    assert run(["assess", "--rvtools", str(export), "-o", "a.html", "--format", "json"]) == 0
    from_export = json.loads(capsys.readouterr().out)
    assert from_snapshot["findings"] == from_export["findings"]
    for verb in ("prices", "plan"):
        assert run([verb, "--rvtools", str(export)]) == 0


def test_a_csv_folder_is_an_export(export: Path) -> None:
    folder = write_csv(export.parent / "csv", sheets_of(estate(30)), "de")
    assert run(["assess", "--rvtools", str(folder)]) == 0


def test_two_exports_are_compared(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheets = sheets_of(estate(119))
    sheets["vMetaData"][1][0][2] = "2026/10/20 09:15:00"
    old = write_xlsx(export.parent / "old.xlsx", sheets, created="")
    assert run(["assess", "--rvtools", str(export), "--since", str(old)]) == 0
    out = capsys.readouterr().out
    assert "34 days lie between the two" in out
    page = (export.parent / "memory-assessment.html").read_text()
    assert 'id="changes"' in page
    assert "What the market would have done then" in page


def test_pseudonyms_are_the_same_every_time(
    export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = []
    for name in ("a.html", "b.html"):
        assert run(["assess", "--rvtools", str(export), "--anonymise", "-o", name]) == 0
        pages.append((export.parent / name).read_text())
    assert pages[0] == pages[1]
    key = export.parent / "home" / "vsphere-market" / "names.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert "example.test" not in pages[0] + capsys.readouterr().out
    other = export.parent / "other.key"
    other.write_text("another secret, long enough")
    arguments = ["assess", "--rvtools", str(export), "--anonymise", "--key", str(other)]
    assert run([*arguments, "-o", "c.html"]) == 0
    assert (export.parent / "c.html").read_text() != pages[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rvtools", "none.xlsx"], "no such file"),
        (["--rvtools", "export.xlsx", "--since", "none.xlsx"], "no such file"),
        (["--rvtools", "export.xlsx", "--snapshot", "x.json"], "different sources"),
        (["--rvtools", "export.xlsx", "--key", "k"], "without --anonymise"),
        (["--rvtools", "export.xlsx", "--anonymise", "--key", "k"], "key for pseudonyms"),
        (["--rvtools", "export.xlsx", "-o", "nowhere/a.html"], "cannot be written"),
        ([], "--rvtools FILE"),
    ],
)
def test_wrong_usage_is_one_sentence_and_64(
    export: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert export.exists()
    assert run(["assess", *arguments]) == 64
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "error:" in line)
    assert words in line


def test_an_export_cannot_be_acted_on(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run", "--rvtools", str(export), "--once", "--yes"]) == 64
    assert "error:" in capsys.readouterr().err
