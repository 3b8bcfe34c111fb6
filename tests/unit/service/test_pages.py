"""The console's files over HTTP: compressed, cached, and nothing besides."""

from __future__ import annotations

import gzip
import json
import re

import httpx
import pytest

from tests.service_app import Served
from vsphere_market.service.app import CONSOLE


@pytest.fixture
def stranger(shared: Served) -> httpx.Client:
    """Somebody without a token: the pages hold no data."""
    return shared.client(None)


def test_the_console_is_at_the_root(stranger: httpx.Client) -> None:
    answer = stranger.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.content == (CONSOLE / "index.html").read_bytes()
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy


def test_everything_that_pages_name_is_there(stranger: httpx.Client) -> None:
    for page in ("/", "/plugin.html"):
        names = re.findall(r'(?:src|href)="\./([^"]+)"', stranger.get(page).text)
        assert names
        for name in names:
            assert stranger.get(f"/{name}").status_code == 200, name


def test_built_files_are_kept_for_good_and_pages_are_not(stranger: httpx.Client) -> None:
    asset = next(path for path in (CONSOLE / "assets").iterdir() if path.suffix == ".js")
    kept = stranger.get(f"/assets/{asset.name}")
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    page = stranger.get("/index.html")
    assert page.headers["cache-control"] == "no-cache"
    again = stranger.get("/index.html", headers={"if-none-match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_they_come_compressed_to_who_takes_that(stranger: httpx.Client) -> None:
    plain = stranger.get("/", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with stranger.stream("GET", "/", headers={"accept-encoding": "gzip"}) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        raw = b"".join(answer.iter_raw())
    assert gzip.decompress(raw) == plain.content


def test_the_plugins_files_are_there(stranger: httpx.Client) -> None:
    manifest = stranger.get("/plugin.json")
    assert manifest.headers["content-type"] == "application/json"
    assert json.loads(manifest.content)["configuration"]["nameKey"] == "plugin.name"
    assert stranger.get("/plugin.zip").headers["content-type"] == "application/zip"
    assert stranger.get("/plugin-icons.png").headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/assets/",
        "/../settings.py",
        "/%2e%2e/settings.py",
        "/assets/../../app.py",
        "/index.html/",
    ],
)
def test_nothing_else_is(stranger: httpx.Client, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 404, answer.text
    assert answer.json()["cure"]


def test_pages_cannot_be_changed(stranger: httpx.Client) -> None:
    answer = stranger.post("/index.html", json={})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_rows_can_be_left_out(shared: Served) -> None:
    """What a table that is scrolled by hand asks for."""
    client = shared.client()
    whole = [
        row["moid"] for row in client.get("/v1/vms", params={"fields": "moid"}).json()["items"]
    ]
    page = client.get("/v1/vms", params={"fields": "moid", "offset": 2, "limit": 3}).json()
    assert [row["moid"] for row in page["items"]] == whole[2:5]
    assert page["total"] == len(whole)
    beyond = client.get("/v1/vms", params={"offset": 10_000}).json()
    assert (beyond["items"], beyond["next"], beyond["total"]) == ([], None, len(whole))
    hosts = [row["moid"] for row in client.get("/v1/hosts").json()["items"]]
    after = client.get("/v1/hosts", params={"offset": 1}).json()["items"]
    assert [row["moid"] for row in after] == hosts[1:]
