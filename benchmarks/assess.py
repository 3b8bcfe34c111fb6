"""How long an assessment takes, and what it needs: an RVTools export of 10,000 VMs to a report.

    python benchmarks/assess.py [--vms N] [--json FILE] [--limit-s S] [--limit-mib M]

Makes an export as RVTools 4.7 would (all of its columns, shared strings), runs ``assess`` on it in
a process of its own, and prints seconds, the largest resident memory and the size of the page.
Ends with 1 when a limit is passed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.rvtools_files import estate, sheets_of, write_xlsx  # noqa: E402 - the path comes first

#: Runs the command line, and says on its last line what the process needed.
_CHILD = """
import json, resource, sys, time
started = time.monotonic()
from pathlib import Path
from vsphere_market.estate.rvtools import read_rvtools
read_rvtools(Path(sys.argv[1]))
reading = time.monotonic() - started
used = resource.getrusage(resource.RUSAGE_SELF)
before = used.ru_utime + used.ru_stime
started = time.monotonic()
from vsphere_market.cli.frame import run
code = run(["assess", "--rvtools", sys.argv[1], "-o", sys.argv[2]])
seconds = time.monotonic() - started
used = resource.getrusage(resource.RUSAGE_SELF)
cpu = used.ru_utime + used.ru_stime - before
print(json.dumps([code, reading, seconds, cpu, used.ru_maxrss / 1024]), file=sys.stderr)
"""


def measure(vms: int) -> dict[str, Any]:
    """Make an export, assess it, and give the figures."""
    with tempfile.TemporaryDirectory() as told:
        folder = Path(told)
        made = estate(vms)
        export = write_xlsx(folder / "export.xlsx", sheets_of(made))
        page = folder / "report.html"
        environment = os.environ | {"XDG_DATA_HOME": told, "HOME": told, "PYTHONPATH": str(ROOT)}
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, str(export), str(page)],
            capture_output=True,
            text=True,
            env=environment,
            cwd=ROOT,
            check=True,
        )
        whole = time.monotonic() - started
        code, reading, seconds, cpu, peak = json.loads(done.stderr.splitlines()[-1])
        if code != 0:
            raise SystemExit(done.stderr)
        report = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
        return {
            "vms": vms,
            "hosts": len(made.hosts),
            "clusters": len(made.clusters),
            "export_mb": export.stat().st_size / 1e6,
            "reading_s": reading,
            "assess_s": seconds,
            "assess_cpu_s": cpu,
            "both_in_one_process_s": whole,
            "peak_rss_mib": peak,
            "page_mb": page.stat().st_size / 1e6,
            "json_mb": page.with_suffix(".json").stat().st_size / 1e6,
            "findings": len(report["findings"]),
            "steps": len(report["plan"]["steps"]),
            "python": platform.python_version(),
            "cpus": os.cpu_count(),
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--vms", type=int, default=10_000)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--limit-s", type=float, default=20.0)
    parser.add_argument("--limit-mib", type=float, default=1024.0)
    parser.add_argument("--limit-page-mb", type=float, default=5.0)
    options = parser.parse_args(arguments)
    figures = measure(options.vms)
    for name, value in figures.items():
        print(f"{name:24} {value:,.2f}" if isinstance(value, float) else f"{name:24} {value}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    passed = {
        "assess_s": figures["assess_s"] > options.limit_s,
        "peak_rss_mib": figures["peak_rss_mib"] > options.limit_mib,
        "page_mb": figures["page_mb"] > options.limit_page_mb,
    }
    for name in (name for name, over in passed.items() if over):
        print(f"{name} is above its limit", file=sys.stderr)
    return 1 if any(passed.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
