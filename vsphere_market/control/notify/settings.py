"""Channels from a JSON file. Secrets are named there, never written there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vsphere_market.control.notify.channels import (
    Channel,
    Limits,
    Mail,
    Secret,
    Style,
    Tls,
    Webhook,
)
from vsphere_market.control.notify.events import USUAL, EventKind
from vsphere_market.errors import InputError

FORMAT = "vsphere-market/notify/1"
_COMMON = {"kind", "name", "events", "perHour"}
_WEBHOOK = _COMMON | {"url", "style", "headers", "caFile"}
_MAIL = _COMMON | {"host", "port", "tls", "user", "password", "from", "to", "caFile"}
_PORTS = {Tls.STARTTLS: 587, Tls.TLS: 465, Tls.NONE: 25}


def read_settings(path: Path, environ: Mapping[str, str] = os.environ) -> tuple[Channel, ...]:
    """The channels that a file names.

    Args:
        path: the file.
        environ: where secrets may be.

    Raises:
        InputError: it is no such file, a secret is written in it, or cannot be found.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise InputError(f"cannot be read ({exc.strerror})", where=str(path)) from None
    except ValueError as exc:
        raise InputError(f"is not JSON ({exc})", where=str(path)) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(
            "holds no channels for notices",
            where=str(path),
            cure=f'begin with "format": "{FORMAT}"',
        )
    found = document.get("channels")
    if not isinstance(found, list) or not found:
        raise InputError("names no channel", where=f"{path}#/channels", cure="add one")
    channels = []
    for number, one in enumerate(found):
        channels.append(_Reader(one, f"{path}#/channels/{number}", path.parent, environ).channel())
    return tuple(channels)


class _Reader:
    """Reads one channel, and says where it is wrong."""

    def __init__(self, value: Any, where: str, folder: Path, environ: Mapping[str, str]) -> None:
        self._where, self._folder, self._environ = where, folder, environ
        if not isinstance(value, dict):
            raise self._wrong("", "is no JSON object")
        self._value: dict[str, Any] = value

    def channel(self) -> Channel:
        kind = self._value.get("kind")
        if kind == "webhook":
            self._only(_WEBHOOK)
            return self._webhook()
        if kind == "smtp":
            self._only(_MAIL)
            return self._mail()
        raise self._wrong("/kind", f"{kind!r} is no kind of channel", "write webhook or smtp")

    def _webhook(self) -> Webhook:
        headers = self._value.get("headers", {})
        if not isinstance(headers, dict):
            raise self._wrong("/headers", "is no JSON object")
        url = self._secret("url", plain=True)
        parts = urlsplit(url())
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme not in (("https", "http") if local else ("https",)) or not parts.hostname:
            raise self._wrong("/url", "is no https:// address")
        return Webhook(
            self._limits(),
            url,
            self._choice("style", Style, Style.JSON),
            {name: self._secret_of(value, f"/headers/{name}") for name, value in headers.items()},
            self._file("caFile"),
        )

    def _mail(self) -> Mail:
        tls = self._choice("tls", Tls, Tls.STARTTLS)
        to = self._value.get("to")
        if not isinstance(to, list) or not to or not all(_address(one) for one in to):
            raise self._wrong("/to", "is no list of mail addresses")
        sender = self._value.get("from")
        if not _address(sender):
            raise self._wrong("/from", "is no mail address")
        user = self._text("user", "")
        if user and tls is Tls.NONE:
            raise self._wrong(
                "/tls", "would send the password unprotected", "write starttls or tls"
            )
        return Mail(
            self._limits(),
            self._text("host"),
            self._whole("port", _PORTS[tls]),
            str(sender),
            tuple(str(one) for one in to),
            tls,
            user,
            self._secret("password") if user else (lambda: ""),
            self._file("caFile"),
        )

    # ------------------------------------------------------------ the parts

    def _limits(self) -> Limits:
        events = self._value.get("events")
        if events is None:
            kinds = USUAL
        else:
            known = {kind.value for kind in EventKind}
            if not isinstance(events, list) or not events or not set(map(str, events)) <= known:
                raise self._wrong(
                    "/events", "names what is no event", f"there are {', '.join(sorted(known))}"
                )
            kinds = frozenset(EventKind(one) for one in events)
        name = self._text("name", str(self._value["kind"]))
        return Limits(name, kinds, self._whole("perHour", 20))

    def _only(self, known: set[str]) -> None:
        for name in self._value:
            if name not in known:
                raise self._wrong(
                    f"/{name}", "is not known here", f"there are {', '.join(sorted(known))}"
                )

    def _text(self, name: str, default: str | None = None) -> str:
        value = self._value.get(name, default)
        if not isinstance(value, str) or (default is None and not value):
            raise self._wrong(f"/{name}", "is missing, or no text")
        return value

    def _whole(self, name: str, default: int) -> int:
        value = self._value.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 65536:
            raise self._wrong(f"/{name}", "is no whole number from 1 up")
        return value

    def _choice(self, name: str, kind: Any, default: Any) -> Any:
        value = self._value.get(name, default.value)
        if value not in {one.value for one in kind}:
            words = " or ".join(one.value for one in kind)
            raise self._wrong(f"/{name}", f"{value!r} is not known", f"write {words}")
        return kind(value)

    def _file(self, name: str) -> str:
        text = self._text(name, "")
        if not text:
            return ""
        path = self._folder / text
        if not path.is_file():
            raise self._wrong(f"/{name}", f"there is no file {path}")
        return str(path)

    def _secret(self, name: str, *, plain: bool = False) -> Secret:
        value = self._value.get(name)
        if plain and isinstance(value, str):
            return lambda: value
        return self._secret_of(value, f"/{name}")

    def _secret_of(self, value: Any, where: str) -> Secret:
        """``{"env": NAME}`` or ``{"file": PATH}``; looked up anew each time."""
        if isinstance(value, str):
            raise self._wrong(
                where, "is a secret, which must not stand in this file",
                'write {"env": "NAME"} or {"file": "PATH"}',
            )  # fmt: skip
        if not isinstance(value, dict) or len(value) != 1 or not set(value) <= {"env", "file"}:
            raise self._wrong(where, "is missing", 'write {"env": "NAME"} or {"file": "PATH"}')
        ((how, place),) = value.items()
        environ, path = self._environ, self._folder / str(place)

        def look() -> str:
            if how == "env":
                return environ.get(str(place), "")
            try:
                return path.read_text(encoding="utf-8").strip()
            except OSError:
                return ""

        if not look():
            what = f"the variable {place} is empty" if how == "env" else f"{path} cannot be read"
            raise self._wrong(where, what)
        return look

    def _wrong(self, where: str, what: str, cure: str = "") -> InputError:
        return InputError(what, where=f"{self._where}{where}", cure=cure)


def _address(value: Any) -> bool:
    return isinstance(value, str) and "@" in value[1:-1] and not set(value) & set("\r\n,;")
