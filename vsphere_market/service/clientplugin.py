"""The plugin of the vSphere Client as files: manifests, icons, and both in one zip.

The manifest names the console's own pages, so whatever serves the console serves the plugin. Two
versions are made: one for vCenter 8 and later, and a plain one for 7.0, of which a Client takes the
first that it understands (``plugin-multi-manifest.json`` in the zip).
"""

from __future__ import annotations

import copy
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from vsphere_market.errors import InputError

Document = dict[str, Any]

SCHEMA = Path(__file__).parent / "schemas" / "plugin-manifest.json"
MANIFEST_NAME = "plugin.json"
OLDER_NAME = "plugin-7.json"
MULTI_NAME = "plugin-multi-manifest.json"
ZIP_NAME = "plugin.zip"
ICONS_NAME = "plugin-icons.png"
DARK_ICONS_NAME = "plugin-icons-dark.png"
_PAGE = "plugin.html"
_EPOCH = (1980, 1, 1, 0, 0, 0)
#: What the Client draws an icon of.
_TILE = 32

_TEXTS: Mapping[str, str] = {
    "plugin.name": "vSphere Market",
    "view.market": "Memory market",
    "action.plan": "Review the market's plan",
    "action.plan.title": "The market's plan",
}
_ACTION_SIZE = {"width": 1200, "height": 800}


def manifest() -> Document:
    """The manifest for vCenter 8.0 and later."""
    return {
        "manifestVersion": "1.2.0",
        "requirements": {
            "plugin.api.version": "1.2.0",
            "vsphere.client": {"version": "[8.0,)", "environments": ["onprem"]},
            "vcenter.server": {"version": "[8.0,)", "environments": ["onprem"]},
            "proxied.plugin.server.origin.api": "1.0.0",
            "icon.sprite.sheet.theming": "1.0.0",
        },
        "configuration": {"nameKey": "plugin.name", "icon": {"name": "main"}},
        "global": {"view": {"navigationId": "overview", "uri": _PAGE, "navigationVisible": True}},
        "objects": {
            "ClusterComputeResource": _object("cluster"),
            "HostSystem": _object("host"),
            "VirtualMachine": _object("vm"),
        },
        "definitions": {
            "iconSpriteSheet": {
                "uri": ICONS_NAME,
                "definitions": {"main": {"x": 0, "y": 0}},
                "themeOverrides": {
                    "dark": {
                        "uri": DARK_ICONS_NAME,
                        "definitions": {"main": {"x": 0, "y": 0}},
                    }
                },
            },
            "i18n": {
                "locales": ["en-US"],
                "definitions": {key: {"en-US": text} for key, text in _TEXTS.items()},
            },
        },
    }


def older_manifest() -> Document:
    """The manifest for 7.0: the same views, and nothing that came later."""
    made = copy.deepcopy(manifest())
    made["manifestVersion"] = "1.0.0"
    made["requirements"] = {"plugin.api.version": "1.0.0"}
    del made["global"]["view"]["navigationVisible"]
    del made["definitions"]["iconSpriteSheet"]["themeOverrides"]
    return made


def multi_manifest() -> Document:
    """The list of manifests, the newest first."""
    return {"manifestVersion": "1.0.0", "manifests": [MANIFEST_NAME, OLDER_NAME]}


def _object(kind: str) -> Document:
    found: Document = {
        "summary": {"view": {"id": f"{kind}-card", "uri": f"{_PAGE}#/card"}},
        "monitor": {
            "views": [{"navigationId": f"{kind}-market", "labelKey": "view.market", "uri": _PAGE}]
        },
    }
    if kind == "cluster":
        found["menu"] = {
            "actions": [
                {
                    "id": "cluster-plan",
                    "labelKey": "action.plan",
                    "icon": {"name": "main"},
                    "trigger": {
                        "type": "modal",
                        "uri": f"{_PAGE}#/plan",
                        "titleKey": "action.plan.title",
                        "accessibilityTitleKey": "action.plan.title",
                        "size": dict(_ACTION_SIZE),
                    },
                }
            ]
        }
    return found


def check(document: Document) -> None:
    """Whether the Client would read a manifest, as far as is published.

    Raises:
        InputError: it would not; the message says what is wrong and where.
    """
    schema = json.loads(SCHEMA.read_text("utf-8"))
    for problem in Draft202012Validator(schema).iter_errors(document):
        where = "/".join(str(part) for part in problem.absolute_path) or "its top level"
        raise InputError(f"the manifest is wrong: {problem.message[:200]}", where=where)
    texts = document["definitions"]["i18n"]["definitions"]
    locales = document["definitions"]["i18n"]["locales"]
    icons = document["definitions"].get("iconSpriteSheet", {}).get("definitions", {})
    for where, key, value in _walk(document):
        if key.endswith("Key") and value not in texts:
            raise InputError("the manifest names a text that is not defined", where=where)
        if key == "icon" and value["name"] not in icons:
            raise InputError("the manifest names an icon that is not defined", where=where)
    for key, versions in texts.items():
        if set(versions) != set(locales):
            raise InputError("a text is not there in every language", where=key)


def _walk(node: Any, where: str = "") -> Iterator[tuple[str, str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield f"{where}/{key}", key, value
            yield from _walk(value, f"{where}/{key}")
    elif isinstance(node, list):
        for at, value in enumerate(node):
            yield from _walk(value, f"{where}/{at}")


# ---------------------------------------------------------------- files


def plugin_files() -> dict[str, bytes]:
    """The plugin's own files by name; pages, scripts and styles are the console's.

    Raises:
        InputError: a manifest is wrong.
    """
    documents = {MANIFEST_NAME: manifest(), OLDER_NAME: older_manifest()}
    for document in documents.values():
        check(document)
    files = {name: _json(document) for name, document in documents.items()}
    files[ICONS_NAME] = icon_png((0, 114, 163))
    files[DARK_ICONS_NAME] = icon_png((121, 211, 250))
    packed = {MULTI_NAME: _json(multi_manifest()), **files}
    files[ZIP_NAME] = _zip(packed)
    return files


def _json(document: Document) -> bytes:
    return (json.dumps(document, indent=2) + "\n").encode()


def _zip(files: Mapping[str, bytes]) -> bytes:
    """The same bytes for the same files, whenever they are packed."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return made.getvalue()


def icon_png(colour: tuple[int, int, int]) -> bytes:
    """The icon, 32 × 32 pixels on nothing: three columns, each higher than the one before."""
    columns = ((4, 17), (13, 11), (22, 5))
    rows = bytearray()
    for y in range(_TILE):
        rows.append(0)
        for x in range(_TILE):
            inside = any(left <= x < left + 6 and top <= y < 28 for left, top in columns)
            rows += bytes((*colour, 255)) if inside else bytes(4)

    def chunk(kind: bytes, data: bytes) -> bytes:
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = struct.pack(">IIBBBBB", _TILE, _TILE, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(rows), 9))
        + chunk(b"IEND", b"")
    )
