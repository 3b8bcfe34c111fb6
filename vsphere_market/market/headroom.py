"""How many more VMs fit, when that runs out, and where a new one should live.

A *typical* VM is the running one nearest to the medians of its cluster (``whatif.typical``). VMs
like it are placed one after the other, each where it is quoted least, and counted twice: until the
price on the host that would take the next one passes the *comfort price*, and until no host has
room for what no balloon can free.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vsphere_market.market.changes import AddVms
from vsphere_market.market.curves import DelayCurve
from vsphere_market.market.diagnosis import host_entity
from vsphere_market.market.eligibility import ROOM_REASONS
from vsphere_market.market.engine import Question
from vsphere_market.market.enlarge import with_more_vms
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.plan import Reason
from vsphere_market.market.settle import Settlement, reachable
from vsphere_market.market.whatif import typical
from vsphere_market.port import Entity
from vsphere_market.units import FloatArray

#: The load at which a host's price is the comfort price, unless told otherwise: 25 points a MiB.
COMFORT_LOAD = 0.8
#: Counting stops here when a cluster is very empty.
MOST = 10_000
#: Hours of history that a trend needs: the same hours of two days are compared.
DAY = 24
#: So many whole days show a trend with an interval.
LEAST_DAYS = 7


@dataclass(frozen=True, slots=True)
class Profile:
    """What a typical VM takes, MiB.

    Attributes:
        like: the VM that it was taken from.
        size_mib: configured memory.
        memory_mib: of the memory good now: working set, a quarter of idle, overhead.
        footprint_mib: all that it would hold.
        pinned_mib: what no balloon can free.
    """

    like: Entity
    size_mib: float
    memory_mib: float
    footprint_mib: float
    pinned_mib: float


@dataclass(frozen=True, slots=True)
class Headroom:
    """What still fits into a cluster.

    Attributes:
        cluster: its name.
        profile: the typical VM; None where no VM with counters runs, and then nothing is counted.
        comfortable: so many more before the price passes ``comfort_price`` wherever they go.
        possible: so many more before no host has room.
        limited_by: which room ends it; None where counting stopped at :data:`MOST`.
        comfort_price: points for one more MiB of working set.
        growth_mib_per_day: of the running VMs' demand; NaN where too little is remembered.
        days: until growth has used up what ``comfortable`` VMs would; +inf when it does not grow,
            NaN when it is not known.
        days_early: the same if it grows as fast as it may, nine times out of ten; NaN if unknown.
        days_late: the same if it grows as slowly as it may.
        basis: what the growth is known from, in words.
    """

    cluster: str
    profile: Profile | None
    comfortable: int
    possible: int
    limited_by: Reason | None
    comfort_price: float
    growth_mib_per_day: float
    days: float
    days_early: float
    days_late: float
    basis: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What a host asks for a new VM.

    Attributes:
        host: the host.
        cluster: its cluster's name.
        price: points for one more MiB there now.
        quote: points that the VM would cost the market there.
        price_after: points for one more MiB with the VM there.
        refused: why it cannot live there, or None.
    """

    host: Entity
    cluster: str
    price: float
    quote: float
    price_after: float
    refused: Reason | None


def comfort(question: Question, load: float = COMFORT_LOAD) -> float:
    """The price of a host at a load, points for one more MiB of working set."""
    return float(DelayCurve(question.settings.knee).price(np.array([load]))[0])


def headroom(
    question: Question, cluster: int, comfort_price: float | None = None, size_mib: float = math.nan
) -> Headroom:
    """What still fits into a cluster.

    Args:
        question: the estate.
        cluster: row of the cluster.
        comfort_price: what one more MiB may cost at most; None for :func:`comfort`.
        size_mib: of the VM to count; NaN for the typical one's.
    """
    wanted = comfort(question) if comfort_price is None else comfort_price
    name = question.snapshot.clusters.name[cluster]
    growth = growth_of(question, cluster)
    try:
        like = typical(question, cluster)
    except ValueError:
        return Headroom(
            name, None, 0, 0, None, wanted, growth.mid, math.nan, math.nan, math.nan, growth.basis
        )
    larger, rows = with_more_vms(question, like, 1, size_mib)
    ledger, vm = larger.ledger(), int(rows[0])
    profile = _profile(ledger, vm, like)
    comfortable, possible, limit = _count(ledger, vm, wanted)
    spare = comfortable * profile.memory_mib
    return Headroom(
        cluster=name,
        profile=profile,
        comfortable=comfortable,
        possible=possible,
        limited_by=limit,
        comfort_price=wanted,
        growth_mib_per_day=growth.mid,
        days=_lasts(spare, growth.mid),
        days_early=_lasts(spare, growth.high),
        days_late=_lasts(spare, growth.low),
        basis=growth.basis,
    )


def _lasts(spare_mib: float, growth: float) -> float:
    if math.isnan(growth):
        return math.nan
    return spare_mib / growth if growth > 0.0 else math.inf


@dataclass(frozen=True, slots=True)
class Growth:
    """How much a cluster's VMs want more each day, MiB; NaN where it is not known.

    Attributes:
        mid: most likely.
        low: as slow as it may be, nine times out of ten between this …
        high: … and this.
        basis: what it is known from.
    """

    mid: float
    low: float
    high: float
    basis: str


def growth_of(question: Question, cluster: int) -> Growth:
    """The trend of a cluster's demand.

    From the daily peaks of the last weeks where a week at least is remembered: the median slope
    between any two days, with the interval that Sen (1968) gives it from the number of days. Else
    from the same hours of two days, without any interval. Who is new since counts as growth.
    """
    ledger = question.ledger()
    hosts = question.snapshot.hosts
    here = ledger.host_of >= 0
    here[here] = hosts.cluster[ledger.host_of[here]] == cluster
    days = question.demand.sizing.days[here]
    # Today is not over.
    total = np.nansum(days[:, 1:], axis=0)
    seen = np.isfinite(days[:, 1:]).any(axis=0)
    count = int(seen.sum())
    if count >= LEAST_DAYS:
        slopes = _slopes(-np.flatnonzero(seen).astype(np.float64), total[seen])
        # The statistic's standard deviation when there is no trend, times 1.645 for 90 %.
        width = 1.645 * math.sqrt(count * (count - 1) * (2 * count + 5) / 18.0)
        last = len(slopes) - 1
        low = int(np.clip(round((len(slopes) - width) / 2) - 1, 0, last))
        high = int(np.clip(round((len(slopes) + width) / 2), 0, last))
        return Growth(
            float(np.median(slopes)),
            float(slopes[low]),
            float(slopes[high]),
            f"daily peaks of {count} days",
        )
    curve = question.demand.curve
    # Column 0 is the present, the others are the hours remembered, newest first.
    if curve.shape[1] < 1 + 2 * DAY:
        return Growth(math.nan, math.nan, math.nan, "less than two days of history")
    hourly = curve[here, 1 : 1 + 2 * DAY].sum(axis=0)
    grown = float(hourly[:DAY].mean() - hourly[DAY:].mean())
    return Growth(grown, math.nan, math.nan, "the same hours of two days")


def _slopes(at: FloatArray, values: FloatArray) -> FloatArray:
    """Slopes between any two points, rising order; ``at`` are different times."""
    first, second = np.triu_indices(len(at), k=1)
    slopes: FloatArray = np.sort((values[first] - values[second]) / (at[first] - at[second]))
    return slopes


def advise(question: Question, change: AddVms) -> tuple[Advice, ...]:
    """What every host of a cluster asks for one new VM: the cheapest first, refusals last.

    Raises:
        ValueError: no VM runs there that could be taken as an example.
    """
    like = typical(question, change.cluster)
    larger, rows = with_more_vms(question, like, 1, change.size_mib)
    ledger, vm = larger.ledger(), int(rows[0])
    hosts = np.flatnonzero(larger.snapshot.hosts.cluster == change.cluster)
    settlement = Settlement.of(ledger)
    quotes = settlement.quotes(ledger.taken[vm], hosts)
    fits = settlement.fits(ledger.needs[vm], hosts)
    able = reachable(ledger, rows)[0]
    price = ledger.host_price()
    found = []
    for at, host in enumerate(hosts.tolist()):
        refused: Reason | None = None
        if not ledger.supply.fit[host]:
            refused = Reason.HOST_UNFIT
        elif not able[host]:
            refused = Reason.NO_NETWORK if _blind(ledger, vm, host) else Reason.NO_DATASTORE
        elif not fits[at].all():
            refused = ROOM_REASONS[int(np.argmin(fits[at]))]
        found.append(
            Advice(
                host=host_entity(ledger, host),
                cluster=larger.snapshot.clusters.name[change.cluster],
                price=float(price[host]),
                quote=float(quotes[at]),
                price_after=_price(ledger, settlement.load[host] + ledger.taken[vm], host),
                refused=refused,
            )
        )
    found.sort(key=lambda item: (item.refused is not None, item.quote, item.host.name))
    return tuple(found)


def _count(ledger: Ledger, vm: int, wanted: float) -> tuple[int, int, Reason | None]:
    """How many fit comfortably, and at all, and what ends it."""
    settlement = Settlement.of(ledger)
    hosts = np.flatnonzero(reachable(ledger, np.array([vm]))[0])
    taken, needs = ledger.taken[vm], ledger.needs[vm]
    comfortable: int | None = None
    quotes = settlement.quotes(taken, hosts)
    for count in range(MOST):
        fits = settlement.fits(needs, hosts)
        roomy = fits.all(axis=1)
        if not roomy.any():
            # What most of the hosts lack.
            lacking = (~fits).sum(axis=0)
            limit = ROOM_REASONS[int(np.argmax(lacking))] if len(hosts) else Reason.HOST_UNFIT
            return count if comfortable is None else comfortable, count, limit
        at = int(np.argmin(np.where(roomy, quotes, np.inf)))
        host = int(hosts[at])
        settlement.put(vm, host)
        if comfortable is None and _price(ledger, settlement.load[host], host) > wanted:
            comfortable = count
        one = hosts[at : at + 1]
        quotes[at] = settlement.quotes(taken, one)[0]
    return MOST if comfortable is None else comfortable, MOST, None


def _price(ledger: Ledger, load: FloatArray, host: int) -> float:
    """All memory goods together, as ``Ledger.host_price`` has it."""
    price = ledger.supply.price(load[None, :], np.array([host]))[0]
    return float(price[ledger.supply.memory].sum())


def _blind(ledger: Ledger, vm: int, host: int) -> bool:
    """The host lacks a network of the VM."""
    seen = frozenset(ledger.snapshot.hosts.networks[host])
    return bool(seen) and not frozenset(ledger.snapshot.vms.networks[vm]) <= seen


def _profile(ledger: Ledger, vm: int, like: int) -> Profile:
    vms = ledger.snapshot.vms
    memory, footprint, pinned = (good.columns.start for good in ledger.supply.goods[:3])
    taken = ledger.taken[vm]
    return Profile(
        like=Entity(vms.moid[like], vms.name[like]),
        size_mib=float(ledger.terms.size[vm]),
        memory_mib=float(taken[memory]),
        footprint_mib=float(taken[footprint]),
        pinned_mib=float(taken[pinned]),
    )
