"""What the product is made of, and whether any of it is known to be vulnerable.

    python tools/supply_chain.py sbom --output build/sbom.cdx.json
    python tools/supply_chain.py audit

``sbom`` writes a CycloneDX bill of materials of the run-time lock, with the hash of every file that
may be installed, and of the packages that are built into the console, if there are any.

``audit`` asks an advisory database about every pin of the run-time and the development lock: PyPI's
first, OSV's if that tells nothing. It ends with 0 when all is well, 1 when something is vulnerable,
75 when some pins could not be asked about, because no database can be reached from here; it names
them, since "not asked" is not "not vulnerable".
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("runtime.txt", "dev.txt")
#: Built into the wheel; its lock is npm's.
CONSOLE = ROOT / "console" / "package-lock.json"
TRY_LATER = 75


@dataclass(slots=True)
class Audited:
    """What an advisory database said.

    Attributes:
        clean: pins that it knows, and nothing against them.
        vulnerable: ``name version`` -> ids of advisories, with the versions that mend them.
        skipped: ``name version`` -> why it was not asked about.
    """

    clean: set[str] = field(default_factory=set)
    vulnerable: dict[str, list[str]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def audit(locks: Sequence[Path], service: Sequence[str]) -> Audited:
    """Ask one database about every pin of ``locks``."""
    found = Audited()
    for lock in locks:
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "pip_audit", "--requirement", str(lock)),
                    *("--disable-pip", "--progress-spinner", "off", "--timeout", "10"),
                    *("--format", "json", "--output", str(report), *service),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            text = report.read_text(encoding="utf-8") if report.exists() else ""
        if not text:
            why = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            found.skipped.update(dict.fromkeys(_pins(lock), why[:200]))
            continue
        for one in json.loads(text)["dependencies"]:
            _sort_in(one, found)
    return found


def _sort_in(one: dict[str, Any], found: Audited) -> None:
    if "skip_reason" in one:
        found.skipped[one["name"]] = one["skip_reason"]
        return
    pin = f"{one['name']} {one['version']}"
    if one["vulns"]:
        found.vulnerable[pin] = [
            f"{each['id']} (mended in {', '.join(each['fix_versions']) or 'no version yet'})"
            for each in one["vulns"]
        ]
    else:
        found.clean.add(pin)


def _pins(lock: Path) -> list[str]:
    lines = lock.read_text(encoding="utf-8").splitlines()
    return [line.split(" ")[0].replace("==", " ") for line in lines if "==" in line.split(" ")[0]]


def run_audit(locks: Sequence[Path], services: Sequence[Sequence[str]]) -> int:
    """Ask one database after the other until one tells something; the exit code."""
    found = Audited()
    for service in services:
        found = audit(locks, service)
        if found.clean or found.vulnerable:
            break
    for pin, advisories in sorted(found.vulnerable.items()):
        print(f"vulnerable: {pin}: {'; '.join(advisories)}")
    if found.skipped:
        some = ", ".join(sorted(found.skipped)[:5])
        why = next(iter(found.skipped.values()))
        print(f"not asked about: {len(found.skipped)} packages ({some}, …): {why}")
    asked = len(found.clean) + len(found.vulnerable)
    print(f"{asked} packages asked about, {len(found.vulnerable)} vulnerable")
    if found.vulnerable:
        return 1
    if found.skipped:
        print("no advisory database answers for all of them from here; run it again where one does")
        return TRY_LATER
    return 0


def write_sbom(output: Path) -> int:
    """Write the bill of materials; how many components it has."""
    output.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements"),
            *("--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application"),
            *("--of", "JSON", "--output-reproducible", "--output-file", str(output)),
            str(ROOT / "requirements" / "runtime.txt"),
        ],
        check=True,
        capture_output=True,
    )
    document = json.loads(output.read_text(encoding="utf-8"))
    if CONSOLE.exists():
        document["components"] += _npm(json.loads(CONSOLE.read_text(encoding="utf-8")))
    # The description is the lock's line once more; the hashes are kept where they belong.
    for component in document["components"]:
        component.pop("description", None)
    output.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return len(document["components"])


def _npm(lock: dict[str, Any]) -> list[dict[str, Any]]:
    """The packages of npm's lock that are not for development only."""
    found = []
    for path, one in lock.get("packages", {}).items():
        name = path.rpartition("node_modules/")[2]
        if not name or one.get("dev"):
            continue
        purl = f"pkg:npm/{name.replace('@', '%40')}@{one['version']}"
        found.append(
            {
                "type": "library",
                "name": name,
                "version": one["version"],
                "purl": purl,
                "bom-ref": purl,
            }
        )
    return found


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    commands = parser.add_subparsers(dest="command", required=True)
    sbom = commands.add_parser("sbom", help="write the bill of materials")
    sbom.add_argument("--output", type=Path, default=ROOT / "build" / "sbom.cdx.json")
    audited = commands.add_parser("audit", help="ask about known vulnerabilities")
    audited.add_argument("--osv-url", default="", help="ask this OSV server alone")
    audited.add_argument("--lock", type=Path, action="append", help="instead of the project's")
    chosen = parser.parse_args()
    if chosen.command == "sbom":
        count = write_sbom(chosen.output)
        print(f"{chosen.output}: {count} components")
        return 0
    services: list[list[str]] = [["--vulnerability-service", "pypi"]]
    services.append(["--vulnerability-service", "osv"])
    if chosen.osv_url:
        services = [["--vulnerability-service", "osv", "--osv-url", chosen.osv_url]]
    locks = chosen.lock or [ROOT / "requirements" / name for name in LOCKS]
    return run_audit(locks, services)


if __name__ == "__main__":
    raise SystemExit(main())
