"""The shape of the tree: modules stay small, and the tests mirror the package."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "vsphere_market"
LONGEST_MODULE = 450
LARGEST_FILE_KIB = 1024


def test_modules_are_short_enough_to_be_read_at_once() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    assert lengths, f"no module found under {PACKAGE}"
    too_long = [
        f"{name} has {length} lines, {length - LONGEST_MODULE} too many: split it by subject"
        for name, length in sorted(lengths.items())
        if length > LONGEST_MODULE
    ]
    assert not too_long, "\n".join([f"modules have at most {LONGEST_MODULE} lines", *too_long])


def test_unit_tests_mirror_the_rooms() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir()} | {"tools", "benchmarks"}
    folders = {
        path.name
        for path in (ROOT / "tests" / "unit").iterdir()
        if path.is_dir() and any(path.rglob("*.py"))
    }
    strangers = sorted(folders - rooms)
    assert not strangers, (
        f"tests/unit/ has {', '.join(strangers)}, but vsphere_market/ has no such room: "
        "unit tests lie in a folder named as the room that they test"
    )


def test_every_folder_with_modules_is_a_package() -> None:
    loose = sorted(
        {
            path.parent.relative_to(ROOT).as_posix()
            for path in PACKAGE.rglob("*.py")
            if not (path.parent / "__init__.py").is_file()
        }
    )
    assert not loose, f"no __init__.py in {', '.join(loose)}: a wheel and the checks would miss it"


def test_nothing_large_is_kept_by_mistake() -> None:
    git = shutil.which("git")
    assert git, "git is needed to know which files are kept"
    told = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    kept = [ROOT / name for name in told.stdout.decode().split("\0") if name]
    assert len(kept) > 500, "git does not list the tree"
    large = [
        path.relative_to(ROOT).as_posix()
        for path in kept
        if path.is_file() and path.stat().st_size > 1024 * LARGEST_FILE_KIB
    ]
    assert not large, f"larger than {LARGEST_FILE_KIB} KiB: {', '.join(large)}"
