"""tools/build_sim.py: which Go is taken, and what is said when none will do."""

from pathlib import Path

import pytest

from tools import build_sim
from tools.build_sim import BuildError, build, find_go, parse_version, wanted_version


def made_up_go(folder: Path, version: str, *, exit_code: int = 0) -> str:
    """Write a program that answers `go version` and, for `go build`, notes its arguments."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "go"
    program.write_text(
        "#!/bin/sh\n"
        f'[ "$1" = version ] && {{ echo "go version go{version} linux/amd64"; exit 0; }}\n'
        f'echo "$GOTOOLCHAIN $*" >>"{folder}/log"\nexit {exit_code}\n'
    )
    program.chmod(0o755)
    return str(program)


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine without Go; the list notes each attempt to install the wheel."""
    attempts: list[str] = []
    monkeypatch.delenv("GO", raising=False)
    monkeypatch.setattr(build_sim, "go_from_wheel", lambda: None)
    monkeypatch.setattr(build_sim, "install_wheel", lambda: attempts.append("wheel"))
    return attempts


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.27rc1 darwin/arm64", (1, 27)),
        ("go 1.24", (1, 24)),
        ("go 1.26.0 // comment", (1, 26, 0)),
        ("no version here", None),
    ],
)
def test_versions_are_read(text: str, version: tuple[int, ...] | None) -> None:
    assert parse_version(text) == version


def test_go_mod_is_read() -> None:
    text = "module x\n\ngo 1.25.3\n\ntoolchain go1.26.8\n\nrequire github.com/x/go v1.99.0\n"
    assert wanted_version(text) == (1, 25, 3)
    with pytest.raises(BuildError, match="no line that starts with 'go '"):
        wanted_version("module x\n")


def test_go_on_the_path_is_taken_if_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_wheel: list[str]
) -> None:
    go = made_up_go(tmp_path, "1.26.8")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert find_go((1, 26)) == go
    assert find_go((1, 26, 8)) == go
    assert no_wheel == []


def test_wheel_is_installed_where_go_on_the_path_is_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_wheel: list[str]
) -> None:
    made_up_go(tmp_path / "old", "1.19.8")
    new = made_up_go(tmp_path / "wheel", "1.27.3")
    monkeypatch.setenv("PATH", str(tmp_path / "old"), prepend=":")
    monkeypatch.setattr(build_sim, "go_from_wheel", lambda: new if no_wheel else None)
    assert find_go((1, 26)) == new
    assert no_wheel == ["wheel"]
    assert find_go((1, 26)) == new
    assert no_wheel == ["wheel"], "an installed wheel is not installed again"


def test_a_lock_that_is_too_old_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_wheel: list[str]
) -> None:
    old = made_up_go(tmp_path, "1.27.3")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(build_sim, "go_from_wheel", lambda: old if no_wheel else None)
    with pytest.raises(BuildError, match=r"is of version 1\.27\.3.*needs 1\.99.*make lock"):
        find_go((1, 99))


def test_a_named_go_is_taken_or_refused_never_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_wheel: list[str]
) -> None:
    monkeypatch.setenv("GO", made_up_go(tmp_path, "1.26.8"))
    assert find_go((1, 26)) == str(tmp_path / "go")
    with pytest.raises(BuildError, match=r"of version 1\.26\.8.*needs 1\.27"):
        find_go((1, 27))
    monkeypatch.setenv("GO", "/nowhere/go")
    with pytest.raises(BuildError, match="of version unknown"):
        find_go((1, 26))
    assert no_wheel == []


def test_build_never_lets_go_download_a_toolchain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_wheel: list[str]
) -> None:
    monkeypatch.setenv("GO", made_up_go(tmp_path / "bin", "1.26.8"))
    source = tmp_path / "source"
    source.mkdir()
    (source / "go.mod").write_text("module x\n\ngo 1.26\n")
    output = tmp_path / "out"
    build(source, output)
    lines = (tmp_path / "bin" / "log").read_text().splitlines()
    assert lines == [
        f"local build -trimpath -buildvcs=false -o {output}/ ./cmd/...",
        "local vet ./...",
        "local test ./...",
    ]
    assert no_wheel == []


def test_what_does_not_compile_or_is_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build_sim.main(["--source", str(tmp_path), "--output", str(tmp_path / "out")]) == 1
    assert "go.mod is missing" in capsys.readouterr().err
    (tmp_path / "go.mod").write_text("module x\n\ngo 1.26\n")
    monkeypatch.setenv("GO", made_up_go(tmp_path / "bin", "1.26.8", exit_code=2))
    assert build_sim.main(["--source", str(tmp_path), "--output", str(tmp_path / "out")]) == 1
    assert "'go build' failed" in capsys.readouterr().err
