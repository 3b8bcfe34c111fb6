"""The built console in git: made from these sources, small, and fit for a strict policy."""

import gzip
import json
import re
from pathlib import Path

import pytest

from tools import console_build
from tools.console_build import OUTPUT, RECORD, SOURCES, BuildError, built_files, record_now

BUILD = "run `python tools/console_build.py build` and commit the result"
#: What the whole console may weigh, compressed as it is sent.
MOST_BYTES = 500_000


def test_what_is_in_git_was_built_from_these_sources() -> None:
    assert RECORD.read_text("utf-8") == record_now(), BUILD


def test_the_whole_console_is_small() -> None:
    packed = sum(len(gzip.compress(path.read_bytes(), 6)) for path in built_files())
    assert packed < MOST_BYTES


def pages() -> list[Path]:
    return [path for path in built_files() if path.suffix == ".html"]


def test_there_is_a_page_for_each_place() -> None:
    assert [path.name for path in pages()] == ["index.html", "plugin.html"]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_pages_hold_no_script_or_style_of_their_own(page: Path) -> None:
    text = page.read_text("utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    for attributes, body in re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL):
        assert 'src="' in attributes
        assert not body.strip()


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_pages_ask_nobody_else(page: Path) -> None:
    """Everything is beside the page, whatever path it is served at; but for the Client's SDK."""
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page.read_text("utf-8"))
    assert addresses
    foreign = [address for address in addresses if not address.startswith("./")]
    assert foreign == (["/api/ui/htmlClientSdk.js"] if page.name == "plugin.html" else [])
    for address in addresses:
        if address.startswith("./"):
            assert (OUTPUT / address).is_file()


def test_the_clients_sdk_comes_before_anything_else() -> None:
    text = (OUTPUT / "plugin.html").read_text("utf-8")
    first = re.search(r"<script[^>]*>", text)
    assert first is not None
    assert first[0] == '<script src="/api/ui/htmlClientSdk.js">'


def test_styles_ask_nobody_else() -> None:
    for path in built_files():
        if path.suffix == ".css":
            for address in re.findall(r"url\(([^)]*)\)", path.read_text("utf-8")):
                assert (path.parent / address.strip("\"'")).is_file(), address


def test_the_lock_of_npm_names_no_registry() -> None:
    text = (SOURCES / "package-lock.json").read_text("utf-8")
    assert '"resolved"' not in text
    assert "omit-lockfile-registry-resolved=true" in (SOURCES / ".npmrc").read_text("utf-8")
    packages = json.loads(text)["packages"]
    unhashed = [name for name, item in packages.items() if name and "integrity" not in item]
    # What a package brings along inside itself is covered by that package's own hash.
    assert [name for name in unhashed if not packages[name].get("inBundle")] == []


def test_every_dependency_has_one_version() -> None:
    package = json.loads((SOURCES / "package.json").read_text("utf-8"))
    for name, wanted in {**package["dependencies"], **package["devDependencies"]}.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", wanted), name


def test_every_dependency_has_its_reason() -> None:
    reasons = (console_build.ROOT / "docs" / "dependencies.md").read_text("utf-8")
    package = json.loads((SOURCES / "package.json").read_text("utf-8"))
    for name in {**package["dependencies"], **package["devDependencies"]}:
        assert f"\n| {name} | " in reasons, name


def program(folder: Path, version: str) -> Path:
    script = folder / "node"
    script.write_text(f"#!/bin/sh\necho {version}\n")
    script.chmod(0o755)
    return script


def test_a_node_that_is_too_old_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = program(tmp_path, "v18.20.0")
    assert console_build.version_of(str(old)) == (18, 20, 0)
    assert console_build.usable(str(old)) is None
    monkeypatch.setenv("NODE", str(old))
    with pytest.raises(BuildError, match=r"is no Node 20\.19 or later"):
        console_build.find_node()


def test_a_node_without_npm_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = program(tmp_path, "v24.1.0")
    assert console_build.usable(str(new)) is None
    monkeypatch.setenv("NODE", str(tmp_path / "none"))
    with pytest.raises(BuildError):
        console_build.find_node()


def test_a_change_of_the_build_is_noticed(tmp_path: Path) -> None:
    fresh = tmp_path / "console"
    for path in built_files():
        target = fresh / path.relative_to(OUTPUT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    assert console_build.differences(fresh) == []
    (fresh / "index.html").write_text("other")
    (fresh / "mark.svg").unlink()
    (fresh / "new.js").write_text("")
    assert console_build.differences(fresh) == ["index.html", "mark.svg", "new.js"]
    assert record_now(fresh) != record_now()
