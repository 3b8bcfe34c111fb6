"""The lock files fit the declared dependencies, and plain pip can install them from anywhere."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RENEW = "run 'make lock UPGRADE='"

# Which lock holds which declared dependencies.
DECLARED = {
    "runtime.txt": PYPROJECT["project"]["dependencies"],
    "dev.txt": PYPROJECT["project"]["dependencies"] + PYPROJECT["dependency-groups"]["dev"],
    **{
        f"{name}.txt": PYPROJECT["dependency-groups"][name]
        for name in ("build", "go", "node", "parts", "lock")
    },
}


def pins(lock: Path) -> dict[str, list[Requirement]]:
    """Return what `lock` pins; one name may be pinned once per range of Python versions."""
    found: dict[str, list[Requirement]] = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            requirement = Requirement(line.removesuffix("\\").strip())
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def version(pin: Requirement) -> str:
    return str(pin.specifier).removeprefix("==")


def test_every_lock_is_known_here() -> None:
    assert {lock.name for lock in LOCKS} == set(DECLARED)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_lock_names_no_index_and_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.findall(r"^\s*-(?!-hash=sha256:)\S+", text, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_pin_is_exact_and_has_hashes(lock: Path) -> None:
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock.read_text(encoding="utf-8")):
        if block.startswith("#"):
            continue
        assert re.match(r"\S+==\S+", block), block.splitlines()[0]
        assert "--hash=sha256:" in block, block.splitlines()[0]


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_lock_satisfies_what_is_declared(name: str) -> None:
    locked = pins(ROOT / "requirements" / name)
    for text in DECLARED[name]:
        wanted = Requirement(text)
        found = locked.get(canonicalize_name(wanted.name))
        assert found, f"requirements/{name} lacks {wanted.name}: {RENEW}"
        for pin in found:
            assert wanted.specifier.contains(version(pin)), f"{pin} is not {text}: {RENEW}"


@pytest.mark.parametrize("name", ["runtime.txt", "build.txt", "parts.txt"])
def test_locks_that_share_an_environment_agree(name: str) -> None:
    development = pins(ROOT / "requirements" / "dev.txt")
    for package, found in pins(ROOT / "requirements" / name).items():
        if package in development or name == "runtime.txt":
            versions = {version(pin) for pin in development.get(package, [])}
            assert {version(pin) for pin in found} == versions, f"{package}: {RENEW}"


def test_every_dependency_has_its_reason() -> None:
    reasons = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    declared = {Requirement(text).name for texts in DECLARED.values() for text in texts}
    silent = sorted(
        name for name in declared if not re.search(rf"^\| {re.escape(name)} \|", reasons, re.M)
    )
    assert not silent, f"docs/dependencies.md says nothing of {', '.join(silent)}"
