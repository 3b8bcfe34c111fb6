"""Assessments of made-up estates, for the tests of findings and of the report."""

from pathlib import Path
from typing import Any

import numpy as np

from tests.rvtools_files import Estate, estate, sheets_of, write_xlsx
from vsphere_market.assess import Assessment, Names, anonymised, assess
from vsphere_market.demand import estimate_demand
from vsphere_market.estate import Snapshot
from vsphere_market.estate.rvtools import read_rvtools
from vsphere_market.market import MarketSettings, Question, make_plan
from vsphere_market.policy import default_rulebook


def question_of(snapshot: Snapshot, **rules: Any) -> Question:
    """What the market is asked about a snapshot, without history."""
    calm = np.zeros(len(snapshot.vms), dtype=np.bool_)
    rulebook = default_rulebook(snapshot)
    return Question(snapshot, estimate_demand(snapshot), rulebook, MarketSettings(**rules), calm)


def assessed(snapshot: Snapshot, names: Names | None = None) -> Assessment:
    """A snapshot's assessment, under pseudonyms where names are given."""
    question = question_of(snapshot)
    if names is not None:
        hidden, rulebook = anonymised(snapshot, question.rulebook, names)
        question = Question(hidden, question.demand, rulebook, question.settings, question.cooling)
    return assess(question, make_plan(question, snapshot.taken_at_s))


def snapshot_of_estate(folder: Path, made: Estate | None = None, vms: int = 120) -> Snapshot:
    """The snapshot of an export that is written and read."""
    sheets = sheets_of(made or estate(vms))
    return read_rvtools(write_xlsx(folder / "export.xlsx", sheets))
