"""The whole thing on an embedded plant: a hot estate, why it is hot, the trades, and after.

Nothing is staged: the plant is the same that judges the market elsewhere, and the loop is the one
that ``run`` runs. It goes on until a fresh look at the estate leaves nothing to do.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vsphere_market.control.cycle import CycleReport, Road, one_cycle
from vsphere_market.control.decide import policies_from
from vsphere_market.control.sources import estate_path
from vsphere_market.journal import open_journal
from vsphere_market.plant.recorder import Pressure
from vsphere_market.plant.vcenter import PlantVCenter

#: Policies of the demo: everything is done without asking, some VMs matter more.
DEMO_POLICIES = Path(__file__).parent / "demo_policies.json"
_INTERVAL_S = 300.0
#: Looks at the estate: at least half an hour's, and no more than two hours'.
_LEAST_CYCLES = 7
_MOST_CYCLES = 24


@dataclass(frozen=True, slots=True)
class Gauge:
    """How much the estate really suffers; the plant's own truth, over the last five minutes.

    Attributes:
        stall_pct: mean share of time that VMs spent waiting for memory.
        stall_worst_pct: the same of the VM that waited most.
        ballooned_mib: in balloons.
        swapped_mib: swapped by hosts.
        compressed_mib: compressed by hosts, before compression.
        swapin_kibps: rate of swap-in.
        swapout_kibps: rate of swap-out.
    """

    stall_pct: float
    stall_worst_pct: float
    ballooned_mib: float
    swapped_mib: float
    compressed_mib: float
    swapin_kibps: float
    swapout_kibps: float


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One look at the estate.

    Attributes:
        minute: simulated minutes since the beginning.
        gauge: the truth at that time.
        report: what the loop saw, decided and did.
    """

    minute: float
    gauge: Gauge
    report: CycleReport


@dataclass(frozen=True, slots=True, eq=False)
class Demo:
    """A demo that is over.

    Attributes:
        estate: name of the estate.
        about: what it shows, for people.
        moments: the looks at it, oldest first; the last one left nothing to do, unless
            ``replan_steps`` says otherwise.
        after: the truth at the end.
        steps_done: steps that were carried out.
        replan_steps: steps of the last plan, made from a fresh look after everything was done.
    """

    estate: str
    about: str
    moments: tuple[Moment, ...]
    after: Gauge
    steps_done: int
    replan_steps: int

    @property
    def before(self) -> Gauge:
        """The truth before anything was done."""
        return self.moments[0].gauge

    @property
    def first(self) -> CycleReport:
        """The first look, decision and execution."""
        return self.moments[0].report


def run_demo(estate: str = "demo", watch: Callable[[Moment], None] | None = None) -> Demo:
    """Run the demo.

    Args:
        estate: an estate file, or the name of one that is shipped.
        watch: told of each look as it is over.

    Raises:
        EstateError: there is no such estate.
    """
    plant = PlantVCenter.from_file(estate_path(estate))
    spec = plant.world.spec
    begin_s = plant.clock.now_s()
    moments: list[Moment] = []
    with (
        tempfile.TemporaryDirectory(prefix="vsphere-market-demo-") as folder,
        open_journal(Path(folder) / "journal.db") as journal,
    ):
        road = Road(plant, journal, policies_from([DEMO_POLICIES]), who="demo")
        while len(moments) < _MOST_CYCLES:
            gauge = _gauge(plant.pressure())
            now_s = plant.clock.now_s()
            report = one_cycle(road, len(moments) + 1, kind="demo")
            moments.append(Moment((now_s - begin_s) / 60.0, gauge, report))
            if watch is not None:
                watch(moments[-1])
            if len(moments) >= _LEAST_CYCLES and not report.plan.steps:
                break
            plant.step_to(now_s + _INTERVAL_S)
    return Demo(
        estate=spec.name,
        about=spec.about,
        moments=tuple(moments),
        after=_gauge(plant.pressure()),
        steps_done=sum(moment.report.done for moment in moments),
        replan_steps=len(moments[-1].report.plan.steps),
    )


def _gauge(pressure: Pressure) -> Gauge:
    return Gauge(
        stall_pct=pressure.stall_pct,
        stall_worst_pct=pressure.stall_worst_pct,
        ballooned_mib=pressure.ballooned_mib,
        swapped_mib=pressure.swapped_mib,
        compressed_mib=pressure.compressed_mib,
        swapin_kibps=pressure.swapin_kibps,
        swapout_kibps=pressure.swapout_kibps,
    )
