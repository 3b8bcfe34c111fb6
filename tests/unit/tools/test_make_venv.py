"""tools/make_venv.sh: which interpreter is taken, and what is said when none will do."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[3] / "tools" / "make_venv.sh"


def add_python(folder: Path, name: str, version: tuple[int, int], *, complete: bool = True) -> None:
    """Put an interpreter into `folder` that says it is of `version`, and logs what it creates."""
    folder.mkdir(exist_ok=True)
    disguise = f"import sys; sys.version_info = ({version[0]}, {version[1]}, 0, 'final', 0)"
    if not complete:
        disguise += "; sys.modules['ensurepip'] = None"
    program = folder / name
    program.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = -c ]; then exec {sys.executable} -c "{disguise}; $2"; fi\n'
        f'echo "{name} $*" >>"{folder}/log"\n'
        f'exec {sys.executable} "$@" --without-pip\n'
    )
    program.chmod(0o755)


def make_venv(
    tmp_path: Path, *, python: str | None = None
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run the script with nothing but tmp_path/bin and the shell's tools on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    for tool in ("cat", "rm", "mkdir"):
        if not (folder / tool).exists():
            (folder / tool).symlink_to(Path("/bin") / tool)
    environment = {"PATH": str(folder)}
    if python is not None:
        environment["PYTHON"] = python
    done = subprocess.run(
        ["/bin/sh", str(SCRIPT), "env"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    log = folder / "log"
    return done, log.read_text().splitlines() if log.exists() else []


def test_python3_is_taken_where_it_is_new_enough(tmp_path: Path) -> None:
    add_python(tmp_path / "bin", "python3", (3, 12))
    add_python(tmp_path / "bin", "python3.14", (3, 14))
    done, log = make_venv(tmp_path)
    assert done.returncode == 0, done.stderr
    assert log == ["python3 -m venv env"]
    assert (tmp_path / "env" / ".made").read_text() == f"{tmp_path.resolve()}\n"


def test_the_newest_is_taken_where_python3_is_too_old(tmp_path: Path) -> None:
    add_python(tmp_path / "bin", "python3", (3, 9))
    add_python(tmp_path / "bin", "python3.11", (3, 11))
    add_python(tmp_path / "bin", "python3.13", (3, 13))
    _, log = make_venv(tmp_path)
    assert log == ["python3.13 -m venv env"]


def test_a_version_with_wheels_comes_before_a_later_one(tmp_path: Path) -> None:
    add_python(tmp_path / "bin", "python3", (3, 15))
    add_python(tmp_path / "bin", "python3.12", (3, 12))
    assert make_venv(tmp_path)[1] == ["python3.12 -m venv env"]
    (tmp_path / "bin" / "python3.12").unlink()
    (tmp_path / "bin" / "log").unlink()
    (tmp_path / "env" / "bin" / "python").unlink()
    assert make_venv(tmp_path)[1] == ["python3 -m venv env"]


def test_a_python_that_cannot_make_environments_is_passed_over(tmp_path: Path) -> None:
    add_python(tmp_path / "bin", "python3", (3, 13), complete=False)
    add_python(tmp_path / "bin", "python3.11", (3, 11))
    assert make_venv(tmp_path)[1] == ["python3.11 -m venv env"]


def test_the_missing_package_is_named(tmp_path: Path) -> None:
    add_python(tmp_path / "bin", "python3", (3, 12), complete=False)
    done, log = make_venv(tmp_path)
    assert done.returncode == 1
    assert "sudo apt-get install python3.12-venv" in done.stderr
    assert log == []
    assert not (tmp_path / "env").exists()


def test_without_a_new_enough_python_the_sentence_says_what_there_is(tmp_path: Path) -> None:
    done, _ = make_venv(tmp_path)
    assert done.returncode == 1
    assert "no Python 3.11 or later on the PATH (python3 is: none)" in done.stderr
    add_python(tmp_path / "bin", "python3", (3, 9))
    done, _ = make_venv(tmp_path)
    assert done.returncode == 1
    assert "(python3 is: 3.9)" in done.stderr


def test_a_named_python_is_taken_or_refused(tmp_path: Path) -> None:
    add_python(tmp_path / "bin", "python3", (3, 12))
    add_python(tmp_path / "bin", "mine", (3, 11))
    add_python(tmp_path / "bin", "old", (3, 10))
    done, log = make_venv(tmp_path, python="old")
    assert done.returncode == 1
    assert "PYTHON=old is not a Python 3.11 or later" in done.stderr
    assert log == []
    assert make_venv(tmp_path, python="mine")[1] == ["mine -m venv env"]


def test_a_working_environment_is_kept(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "note").touch()
    (tmp_path / "env" / "bin").mkdir()
    (tmp_path / "env" / "bin" / "python").symlink_to(sys.executable)
    done, log = make_venv(tmp_path)
    assert done.returncode == 0, done.stderr
    assert log == []
    assert (tmp_path / "env" / "note").exists()


def test_a_moved_environment_is_made_anew(tmp_path: Path) -> None:
    add_python(tmp_path / "bin", "python3", (3, 12))
    programs = tmp_path / "env" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    (tmp_path / "env" / ".made").write_text("/elsewhere\n")
    (tmp_path / "env" / ".dev").touch()
    done, log = make_venv(tmp_path)
    assert done.returncode == 0, done.stderr
    assert log == ["python3 -m venv env"]
    assert not (tmp_path / "env" / ".dev").exists()
