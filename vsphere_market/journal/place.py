"""Where the journal lies when nobody says otherwise."""

from __future__ import annotations

from pathlib import Path

import platformdirs


def default_path() -> Path:
    """The user's journal, in the folder that the operating system keeps for programs' state."""
    return platformdirs.user_state_path("vsphere-market", appauthor=False) / "journal.db"
