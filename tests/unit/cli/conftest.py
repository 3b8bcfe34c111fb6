"""A user with an empty home and no vCenter in the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.roads import LIMITED, automatic, estate, write_json


@pytest.fixture(autouse=True)
def a_home_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(("GOVC_", "VSPHERE_MARKET_", "XDG_")) or name in ("COLUMNS", "NO_COLOR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    return home


@pytest.fixture
def hot(tmp_path: Path) -> Path:
    """An estate file with one over-committed host."""
    return write_json(tmp_path / "small.json", estate())


@pytest.fixture
def limited(tmp_path: Path) -> Path:
    """An estate file with one VM that its limit squeezes."""
    return write_json(tmp_path / "limited.json", estate(LIMITED, name="limited"))


@pytest.fixture
def hands_free(tmp_path: Path) -> Path:
    """A policy file that makes everything automatic."""
    return write_json(tmp_path / "policies.json", [automatic()])
