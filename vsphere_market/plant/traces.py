"""Recorded workloads: files of evenly spaced shares of memory, one series per VM."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from vsphere_market.plant.document import Node
from vsphere_market.plant.workload import Series

#: Series that come with the package, by the name estates use.
_SHIPPED = Path(__file__).parent / "traces"


class TraceLibrary:
    """Trace files by name: those of the package, and files beside an estate.

    A file is a NumPy archive of ``labels`` (V,), ``step_s``, ``working`` and ``footprint``
    (V, samples), the last two as 0 to 254 per 254 of the VM's size; 255 is "off".
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._loaded: dict[str, dict[str, Series]] = {}

    def series(self, node: Node, source: str, label: str) -> Series:
        """One VM of a file."""
        found = self._load(node, source)
        if label not in found:
            raise node.error(f"{source} has no VM {label}", f"it has {', '.join(found)}", at="vm")
        return found[label]

    def nth(self, node: Node, source: str, turn: int) -> Series:
        """The VM whose turn it is, round and round."""
        found = list(self._load(node, source).values())
        return found[turn % len(found)]

    def _load(self, node: Node, source: str) -> dict[str, Series]:
        if source not in self._loaded:
            path = _SHIPPED / f"{source}.npz"
            if not path.is_file() and self._folder is not None:
                path = self._folder / source
            if not path.is_file():
                raise node.error(
                    f"{source} is no trace", "name bitbrains or an .npz beside the estate",
                    at="trace",
                )  # fmt: skip
            try:
                self._loaded[source] = read_series(path)
            except (OSError, KeyError, ValueError, zipfile.BadZipFile) as exc:
                raise node.error(f"{source} is no trace file: {exc}", at="trace") from None
        return self._loaded[source]


def read_series(path: Path) -> dict[str, Series]:
    """All series of a trace file by label."""
    with np.load(path, allow_pickle=False) as archive:
        step_s = float(archive["step_s"])
        labels = [str(label) for label in archive["labels"]]
        working, footprint = archive["working"], archive["footprint"]
    return {
        label: Series(step_s, _shares(working[row]), _shares(footprint[row]))
        for row, label in enumerate(labels)
    }


def _shares(codes: np.ndarray) -> np.ndarray:
    shares = codes.astype(np.float64) / 254.0
    shares[codes == 255] = np.nan
    return shares
