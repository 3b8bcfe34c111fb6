"""The plugin's manifests are read by what is published of the Client, and name what is there."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from vsphere_market.errors import InputError
from vsphere_market.service.app import CONSOLE
from vsphere_market.service.clientplugin import (
    DARK_ICONS_NAME,
    ICONS_NAME,
    MANIFEST_NAME,
    MULTI_NAME,
    OLDER_NAME,
    ZIP_NAME,
    check,
    manifest,
    older_manifest,
    plugin_files,
)

Make = Callable[[], dict[str, Any]]


def addresses(node: Any) -> set[str]:
    """Every ``uri`` of a manifest, without what comes after the #."""
    if isinstance(node, dict):
        own = {node["uri"].partition("#")[0]} if isinstance(node.get("uri"), str) else set()
        return own.union(*(addresses(item) for item in node.values()))
    if isinstance(node, list):
        return set().union(*(addresses(item) for item in node))
    return set()


@pytest.mark.parametrize("make", [manifest, older_manifest])
def test_a_manifest_names_only_what_is_served(make: Make) -> None:
    check(make())
    served = set(plugin_files()) | {path.name for path in CONSOLE.iterdir()}
    assert addresses(make()) <= served


def test_clusters_hosts_and_vms_have_a_card_and_a_view() -> None:
    objects = manifest()["objects"]
    assert set(objects) == {"ClusterComputeResource", "HostSystem", "VirtualMachine"}
    for found in objects.values():
        assert found["summary"]["view"]["uri"] == "plugin.html#/card"
        assert [view["uri"] for view in found["monitor"]["views"]] == ["plugin.html"]


def test_the_older_one_asks_for_nothing_new() -> None:
    older = older_manifest()
    assert older["manifestVersion"] == "1.0.0"
    assert older["requirements"] == {"plugin.api.version": "1.0.0"}
    assert older["objects"] == manifest()["objects"]


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda m: m.update(_comment="no"), "_comment"),
        (lambda m: m.update(manifestVersion="9.0.0"), "9.0.0"),
        (lambda m: m["configuration"].update(nameKey="no.such"), "not defined"),
        (lambda m: m["configuration"].update(icon={"name": "none"}), "icon"),
        (lambda m: m["definitions"]["i18n"]["locales"].append("de-DE"), "every language"),
        (lambda m: m["objects"].update(Datastore={}), "Datastore"),
        (
            lambda m: m["objects"]["HostSystem"]["monitor"]["views"][0].update(
                uri="https://elsewhere.example.com/"
            ),
            "elsewhere",
        ),
    ],
)
def test_what_the_client_would_refuse_is_refused_here(
    spoil: Callable[[dict[str, Any]], None], word: str
) -> None:
    spoilt = manifest()
    spoil(spoilt)
    with pytest.raises(InputError, match=word):
        check(spoilt)


def test_the_zip_holds_all_of_it_at_its_root_and_is_always_the_same() -> None:
    first, second = plugin_files(), plugin_files()
    assert first[ZIP_NAME] == second[ZIP_NAME]
    with zipfile.ZipFile(io.BytesIO(first[ZIP_NAME])) as archive:
        assert set(archive.namelist()) == {
            MULTI_NAME,
            MANIFEST_NAME,
            OLDER_NAME,
            ICONS_NAME,
            DARK_ICONS_NAME,
        }
        multi = json.loads(archive.read(MULTI_NAME))
        assert multi == {"manifestVersion": "1.0.0", "manifests": [MANIFEST_NAME, OLDER_NAME]}
        assert json.loads(archive.read(MANIFEST_NAME)) == manifest()


def test_the_icon_is_a_png_of_one_tile() -> None:
    for name in (ICONS_NAME, DARK_ICONS_NAME):
        data = plugin_files()[name]
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert data[16:24] == (32).to_bytes(4, "big") * 2
