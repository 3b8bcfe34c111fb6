"""The page: one file that needs nothing else, and may be opened from a mail."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from vsphere_market.assess import Assessment, Changes
from vsphere_market.report.data import data_block
from vsphere_market.report.html import Html, tag, text
from vsphere_market.report.sections import causes, pressure, summary
from vsphere_market.report.sections_more import changed, machines, method, plan, whatifs
from vsphere_market.report.words import moment

_ASSETS = Path(__file__).parent / "assets"
_PARTS = (
    ("summary", "In short"),
    ("hosts", "Pressure"),
    ("causes", "Root causes"),
    ("plan", "Plan"),
    ("whatif", "Headroom"),
    ("vms", "VMs"),
    ("method", "Method"),
)


def page(made: Assessment, changes: Changes | None = None) -> str:
    """The whole page as HTML."""
    style = (_ASSETS / "style.css").read_text(encoding="utf-8")
    script = (_ASSETS / "page.js").read_text(encoding="utf-8")
    name = made.snapshot.source.name
    parts = [("changes", "Changes")] if changes is not None else []
    links = [_PARTS[0], *parts, *_PARTS[1:]]
    body = text(
        tag("a", "Skip to the summary", href="#summary", class_="skip"),
        tag(
            "header",
            tag(
                "div",
                tag("p", "Memory assessment", class_="kicker"),
                tag("h1", name),
                tag("p", f"As of {moment(made.snapshot.taken_at_s)}", class_="when"),
            ),
            tag("button", "Dark", type="button", id="theme", aria_pressed="false"),
            class_="top",
        ),
        tag(
            "nav",
            [tag("a", words, href=f"#{ident}") for ident, words in links],
            aria_label="Parts of this page",
        ),
        tag(
            "main",
            summary(made),
            changed(changes, made) if changes is not None else None,
            pressure(made),
            causes(made),
            plan(made),
            whatifs(made),
            machines(made),
            method(made),
        ),
        tag("footer", "Made by vsphere-market, a memory market for VMware vSphere."),
    )
    head = text(
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="robots", content="noindex"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"Memory assessment of {name}"),
        Html(f"<style>{style}</style>"),
    )
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}\n'
        f"{data_block(made)}\n<script>{script}</script></body></html>\n"
    )


def _policy(style: str, script: str) -> str:
    """Nothing may be fetched, sent, framed or run but the style and script of the page itself."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
