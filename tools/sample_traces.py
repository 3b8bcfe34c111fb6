"""Cut the sample of the Bitbrains trace that the package carries. Needs pyarrow.

    python tools/sample_traces.py trace.parquet vsphere_market/plant/traces/bitbrains.npz

Takes two weeks of August 2013, without any of the recording's fleet-wide gaps, and of the VMs that
ran in them an even sample by working set: sorted by mean active memory, every n-th.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vsphere_market.plant.traces import COLUMNS, TraceSet, from_table, pack

START = datetime.datetime(2013, 8, 5, tzinfo=datetime.UTC)
DAYS = 14
VMS = 80
#: A VM of the sample runs at least this long in the two weeks.
LEAST_HOURS = 24


def main() -> None:
    """Read the arguments and write the archive."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="the trace, as Parquet")
    parser.add_argument("target", type=Path, help="the archive to write, .npz")
    arguments = parser.parse_args()
    parquet = importlib.import_module("pyarrow.parquet")
    begin, end = START.timestamp(), START.timestamp() + DAYS * 86400
    table = parquet.read_table(arguments.source, columns=list(COLUMNS))
    columns = {name: table[name].to_numpy() for name in COLUMNS}
    sizes = from_table(columns, where=str(arguments.source)).size_mib
    within = (columns["ts"] >= begin) & (columns["ts"] < end)
    cut = from_table(
        {name: values[within] for name, values in columns.items()}, where=str(arguments.source)
    )
    sample = even_sample(cut, sizes)
    np.savez_compressed(arguments.target, allow_pickle=False, **pack(sample))
    for note in cut.notes:
        print(note, file=sys.stderr)
    print(f"{len(sample.series)} VMs, {arguments.target.stat().st_size / 1024:.0f} KiB")


def even_sample(cut: TraceSet, sizes: Mapping[str, float]) -> TraceSet:
    """Every n-th VM by mean active memory, as shares of the most each was granted in all months."""
    ran = [
        label
        for label, item in cut.series.items()
        if (~np.isnan(item.working)).sum() * item.step_s >= LEAST_HOURS * 3600
    ]

    def mean_active(label: str) -> float:
        return float(np.nanmean(cut.series[label].working)) * cut.size_mib[label]

    ran.sort(key=mean_active)
    picks = np.unique(np.round(np.linspace(0, len(ran) - 1, VMS)).astype(int))
    # By label, so that neighbours in the file are no neighbours in size.
    chosen = sorted((ran[pick] for pick in picks), key=int)
    series = {}
    for label in chosen:
        item, scale = cut.series[label], cut.size_mib[label] / sizes[label]
        series[label] = type(item)(item.step_s, item.working * scale, item.footprint * scale)
    return TraceSet(series, {label: sizes[label] for label in chosen})


if __name__ == "__main__":
    main()
