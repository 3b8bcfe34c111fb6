"""The console's and the plugin's files, read once and sent from memory, compressed.

Names of built files change with what is in them, so browsers may keep those for good; pages and
manifests are asked for again each time, which costs a 304.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from vsphere_market.service.clientplugin import plugin_files
from vsphere_market.service.routing import accepts_gzip

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_KINDS: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".zip": "application/zip",
}
#: These are compressed already.
_DENSE = frozenset({".png", ".woff2", ".zip"})
_FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Page:
    """A file as it is sent.

    Attributes:
        kind: its media type.
        body: as it is.
        packed: with gzip; b"" where that is not worth it.
        etag: changes with the body.
        cache: how long browsers may keep it.
    """

    kind: str
    body: bytes
    packed: bytes
    etag: str
    cache: str


class Pages:
    """An ASGI application that serves the files.

    Args:
        folder: with the built console; may be missing, and then only the plugin's files are there.
    """

    def __init__(self, folder: Path) -> None:
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in _KINDS
        }
        self._pages = {
            name: _page(name, body) for name, body in {**files, **plugin_files()}.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        request = Request(scope, receive)
        # A mounted application is told the whole path, and where it is mounted.
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        page = self._pages.get(path or "index.html")
        if page is None:
            raise HTTPException(404)
        if request.method not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"allow": "GET, HEAD"})
        await self._answer(request, page)(scope, receive, send)

    def _answer(self, request: Request, page: Page) -> Response:
        headers = {"etag": page.etag, "cache-control": page.cache, "vary": "Accept-Encoding"}
        if page.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        body = page.body
        if page.packed and accepts_gzip(request.headers.get("accept-encoding", "")):
            body = page.packed
            headers["content-encoding"] = "gzip"
        return Response(body, media_type=page.kind, headers=headers)


def _page(name: str, body: bytes) -> Page:
    suffix = Path(name).suffix
    packed = b"" if suffix in _DENSE else gzip.compress(body, 9, mtime=0)
    return Page(
        kind=_KINDS[suffix],
        body=body,
        packed=packed if len(packed) < len(body) else b"",
        etag=f'"{hashlib.sha256(body).hexdigest()[:24]}"',
        cache=_FOR_GOOD if name.startswith("assets/") else "no-cache",
    )
