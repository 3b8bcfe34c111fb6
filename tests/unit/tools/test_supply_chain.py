"""The bill of materials says what the lock says, and the audit tells found from not asked."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
LOCK = "idna==3.6 \\\n    --hash=sha256:{0}\nrich==14.0.0 \\\n    --hash=sha256:{0}\n".format(
    "0" * 64
)


def tool(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "tools" / "supply_chain.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_bill_of_materials_is_the_lock(tmp_path: Path) -> None:
    written = tmp_path / "sbom.json"
    done = tool("sbom", "--output", written)
    assert done.returncode == 0, done.stderr
    document = json.loads(written.read_text())
    assert document["bomFormat"] == "CycloneDX"
    assert document["metadata"]["component"]["name"] == "vsphere-market"
    lock = (ROOT / "requirements" / "runtime.txt").read_text()
    pins = set(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", lock, re.MULTILINE))
    python = [one for one in document["components"] if one["purl"].startswith("pkg:pypi/")]
    assert {(one["name"], one["version"]) for one in python} == pins
    hashes = {
        item["content"]
        for one in python
        for link in one["externalReferences"]
        for item in link.get("hashes", ())
    }
    assert hashes == set(re.findall(r"--hash=sha256:([0-9a-f]{64})", lock))


@pytest.fixture
def osv() -> Iterator[str]:
    """A server that speaks as https://api.osv.dev does, and knows one advisory."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told: dict[str, Any] = {}
            if asked["package"]["name"] == "idna":
                told = {"vulns": [_ADVISORY]}
            data = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


_ADVISORY = {
    "id": "PYSEC-2024-60",
    "aliases": ["CVE-2024-3651"],
    "summary": "Resource exhaustion",
    "affected": [
        {
            "package": {"name": "idna", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.7"}]}],
        }
    ],
}


def test_a_vulnerable_pin_is_named_with_its_cure(tmp_path: Path, osv: str) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(LOCK)
    done = tool("audit", "--lock", lock, "--osv-url", osv)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "vulnerable: idna 3.6: PYSEC-2024-60 (mended in 3.7)" in done.stdout
    assert "2 packages asked about, 1 vulnerable" in done.stdout


def test_no_answer_is_not_called_well(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(LOCK)
    done = tool("audit", "--lock", lock, "--osv-url", "http://127.0.0.1:9/v1/query")
    assert done.returncode == 75, done.stdout + done.stderr
    assert "not asked about: 2 packages (idna 3.6, rich 14.0.0" in done.stdout
    assert "0 packages asked about" in done.stdout
