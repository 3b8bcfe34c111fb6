"""Root causes: by which mechanism a VM is short of memory or a host is pressed, with evidence.

``docs/design/causes.md`` has the rules in the order in which they are asked. What curing it would
cost is in ``cures``, since when it lasts in ``control.causes``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsphere_market.market.bills import bills_of
from vsphere_market.market.causes import CAUSE_WORDS, OVERSOLD, Cause, Pressure
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.plan import Evidence
from vsphere_market.market.pools import limiting_pools
from vsphere_market.port import Entity
from vsphere_market.units import BoolArray, FloatArray, gib_text

#: Less than this share of a VM's size taken away is not worth a word.
NOTICEABLE_SHARE = 0.005
#: A VM is far too large when even so many times its working set leave much of it unused …
SPARE_FACTOR = 4.0
#: … which is this share of its size, at least.
SPARE_SHARE = 0.25
#: So many VMs behind a cause are named in a sentence.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class VmDiagnosis:
    """One VM that is short of memory.

    Attributes:
        row: row in the snapshot's VM table.
        vm: the VM.
        host: its host.
        cause: by which mechanism.
        because: the cause with the VM's own numbers, in one sentence.
        taken_mib: ballooned + swapped + compressed.
        swap_in_kibps: swap-in and decompression.
        latency_pct: NaN if unknown.
        hurts: pages come back from swap now, or its guest is short: not only a figure.
        inside: what its guest shows, known figures only.
        outside: what its host shows, likewise.
        behind: rows of the VMs that are behind it (they hoard, or are far too large), the
            largest part first.
        pool: row of the resource pool that limits it, -1 for none.
        bill: points that it pays, for goods and for limits (``bills``).
        limit_bill: what of it is for the limit that squeezes it, its own or a pool's.
    """

    row: int
    vm: Entity
    host: Entity
    cause: Cause
    because: str
    taken_mib: float
    swap_in_kibps: float
    latency_pct: float
    hurts: bool
    inside: tuple[Evidence, ...] = ()
    outside: tuple[Evidence, ...] = ()
    behind: tuple[int, ...] = ()
    pool: int = -1
    bill: float = 0.0
    limit_bill: float = 0.0


@dataclass(frozen=True, slots=True)
class HostDiagnosis:
    """What presses one host.

    Attributes:
        row: row in the snapshot's host table.
        host: the host.
        pressure: how hard.
        causes: each mechanism at work there with the memory it is about, MiB, the largest first;
            empty when there is none.
        because: all of it in words, "" when there is nothing to say.
    """

    row: int
    host: Entity
    pressure: Pressure
    causes: tuple[tuple[Cause, float], ...]
    because: str


@dataclass(frozen=True, slots=True, eq=False)
class Surplus:
    """What VMs hold without need, and who is short of it; MiB.

    Attributes:
        over: (H,) what each host has sold beyond what it has; 0 where it has enough.
        free: (H,) what it has beyond what it has sold.
        hoarded: (V,) reserved and not used: nobody else can have it.
        spare: (V,) held beyond four times the working set by VMs that are far too large.
    """

    over: FloatArray
    free: FloatArray
    hoarded: FloatArray
    spare: FloatArray


def surplus(ledger: Ledger) -> Surplus:
    """Look for memory that is bound without being used."""
    terms = ledger.terms
    footprint = ledger.supply.goods[1].columns.start
    sold = ledger.load[:, footprint] - ledger.supply.usable
    every = np.arange(len(ledger.host_of))
    working = ledger.working(every, terms)
    reserved = np.where(ledger.locked, terms.size, np.minimum(terms.reservation, terms.size))
    held = np.minimum(terms.footprint, terms.limit)
    hoarded = np.maximum(np.minimum(reserved, held) - working, 0.0)
    spare = held - SPARE_FACTOR * working
    spare = np.where(spare >= SPARE_SHARE * terms.size, spare, 0.0)
    counted = ledger.ours & (terms.size > 0)
    return Surplus(
        over=np.maximum(sold, 0.0),
        free=np.maximum(-sold, 0.0),
        hoarded=np.where(counted, hoarded, 0.0),
        spare=np.where(counted, np.maximum(spare, 0.0), 0.0),
    )


def diagnose(ledger: Ledger) -> tuple[VmDiagnosis, ...]:
    """Every VM that is short of memory, the most hurt first."""
    return _Doctor(ledger).vms()


def diagnose_hosts(
    ledger: Ledger, squeezed: tuple[VmDiagnosis, ...] | None = None
) -> tuple[HostDiagnosis, ...]:
    """What presses each host, in the order of the table.

    Args:
        ledger: the market's state.
        squeezed: ``diagnose(ledger)``, where the caller has it already.
    """
    return _Doctor(ledger).hosts(diagnose(ledger) if squeezed is None else squeezed)


def full_guests(ledger: Ledger) -> BoolArray:
    """(V,) VMs whose guests use all they were given, whether or not a limit is behind it."""
    full = ledger.demand.wanted >= ledger.settings.guest_full * ledger.terms.size
    found: BoolArray = ledger.ours & full & (ledger.terms.size > 0)
    return found


def squeezed_by_limit(ledger: Ledger) -> BoolArray:
    """(V,) VMs whose own memory limit is below what they hold."""
    terms = ledger.terms
    found: BoolArray = ledger.ours & (terms.limit < terms.size)
    found &= terms.footprint > ledger.settings.balloon_from * terms.limit
    return found


class _Doctor:
    """One look at a ledger: what all diagnoses need is worked out once."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        vms = ledger.snapshot.vms
        self.surplus = surplus(ledger)
        self.rates = np.nan_to_num(vms.swap_in_kibps) + np.nan_to_num(vms.decompress_kibps)
        self.full = ledger.demand.wanted >= ledger.settings.guest_full * ledger.terms.size
        self.taken = ledger.demand.taken > NOTICEABLE_SHARE * ledger.terms.size
        self.limited = squeezed_by_limit(ledger)
        self.pools = limiting_pools(ledger)
        self.bills = bills_of(ledger)
        hosts = len(ledger.snapshot.hosts)
        self._hoarded, self._spare = (
            np.bincount(
                ledger.host_of[ledger.host_of >= 0],
                weights=column[ledger.host_of >= 0],
                minlength=hosts,
            )
            for column in (self.surplus.hoarded, self.surplus.spare)
        )

    def vms(self) -> tuple[VmDiagnosis, ...]:
        ledger = self.ledger
        latency = np.nan_to_num(ledger.snapshot.vms.latency_pct)
        squeezed = self.taken | (self.rates > 0) | (latency > 0)
        found = []
        for row in np.flatnonzero(ledger.ours & (squeezed | self.full)).tolist():
            cause = self._cause(row)
            if cause is not Cause.NONE:
                found.append(self._diagnosis(row, cause))
        found.sort(key=lambda item: (-item.hurts, -item.swap_in_kibps, -item.taken_mib, item.row))
        return tuple(found)

    def hosts(self, squeezed: tuple[VmDiagnosis, ...]) -> tuple[HostDiagnosis, ...]:
        ledger = self.ledger
        count = len(ledger.snapshot.hosts)
        parts: list[dict[Cause, list[float]]] = [{} for _ in range(count)]
        for item in squeezed:
            mine = parts[int(ledger.host_of[item.row])]
            mine.setdefault(item.cause, []).append(item.taken_mib)
        return tuple(self._host(host, parts[host]) for host in range(count))

    # -- one VM --------------------------------------------------------------------------------

    def _cause(self, row: int) -> Cause:
        vms = self.ledger.snapshot.vms
        host = int(self.ledger.host_of[row])
        taken = bool(self.taken[row])
        if self.limited[row]:
            return Cause.LIMIT
        if self.pools[row] >= 0 and (taken or self.rates[row] > 0):
            return Cause.POOL_LIMIT
        if taken and self.surplus.over[host] > 0:
            return self._oversold(row, host)
        if self.full[row]:
            return Cause.GUEST_FULL
        if not taken:
            return Cause.STALE_SWAP if self.rates[row] > 0 else Cause.NONE
        swapped = np.nan_to_num(vms.swapped_mib[row]) + np.nan_to_num(vms.compressed_mib[row])
        ballooned = np.nan_to_num(vms.ballooned_mib[row])
        return Cause.STALE_SWAP if swapped >= ballooned else Cause.BALLOON_WITHOUT_PRESSURE

    def _oversold(self, row: int, host: int) -> Cause:
        """Which of the three: what others bind without need must make up for all that is short."""
        short = self.surplus.over[host]
        if self._hoarded[host] - self.surplus.hoarded[row] >= short:
            return Cause.RESERVATION_HOARDING
        if not self.surplus.spare[row] and self._spare[host] >= short:
            return Cause.IDLE_NEIGHBOURS
        return Cause.HOST_OVERCOMMIT

    def _diagnosis(self, row: int, cause: Cause) -> VmDiagnosis:
        ledger, vms = self.ledger, self.ledger.snapshot.vms
        host = int(ledger.host_of[row])
        behind = self._behind(row, host, cause)
        for_limit = self._for_limit(row, cause)
        latency = float(vms.latency_pct[row])
        return VmDiagnosis(
            row=row,
            vm=Entity(vms.moid[row], vms.name[row]),
            host=host_entity(ledger, host),
            cause=cause,
            because=self._because(row, host, cause, behind),
            taken_mib=float(ledger.demand.taken[row]),
            swap_in_kibps=float(self.rates[row]),
            latency_pct=latency,
            hurts=bool(self.rates[row] > 0 or latency > 0 or cause is Cause.GUEST_FULL),
            inside=_known(
                ("wanted by its guest", float(ledger.demand.wanted[row]), "MiB"),
                ("size", float(ledger.terms.size[row]), "MiB"),
                ("guest paging", float(vms.guest_swap_kibps[row]), "KiB/s"),
                ("memory latency", latency, "%"),
                ("ballooned", float(vms.ballooned_mib[row]), "MiB"),
            ),
            outside=_known(
                ("swapped", float(vms.swapped_mib[row]), "MiB"),
                ("compressed", float(vms.compressed_mib[row]), "MiB"),
                ("swap-in", float(vms.swap_in_kibps[row]), "KiB/s"),
                ("balloon target", float(vms.balloon_target_mib[row]), "MiB"),
                ("its host has sold too much", float(self.surplus.over[host]), "MiB"),
                ("its host has unsold", float(self.surplus.free[host]), "MiB"),
                ("memory state", float(ledger.snapshot.hosts.memory_state[host]), "0 high … 4 low"),
            ),
            behind=behind,
            pool=int(self.pools[row]) if cause is Cause.POOL_LIMIT else -1,
            bill=float(self.bills.total[row]),
            limit_bill=for_limit,
        )

    def _for_limit(self, row: int, cause: Cause) -> float:
        """What of its bill a VM pays for the limit that squeezes it."""
        match cause:
            case Cause.LIMIT:
                return float(self.bills.limit[row])
            case Cause.POOL_LIMIT:
                return float(self.bills.pool[row])
            case _:
                return 0.0

    def _paid(self, row: int, cause: Cause) -> str:
        part, total = self._for_limit(row, cause), float(self.bills.total[row])
        return f"{part:,.0f} of the {total:,.0f} points that it pays are for that limit"

    def _behind(self, row: int, host: int, cause: Cause) -> tuple[int, ...]:
        if cause is Cause.RESERVATION_HOARDING:
            part = self.surplus.hoarded
        elif cause is Cause.IDLE_NEIGHBOURS:
            part = self.surplus.spare
        else:
            return ()
        there = np.flatnonzero((self.ledger.host_of == host) & (part > 0))
        there = there[there != row]
        return tuple(there[np.argsort(-part[there], kind="stable")].tolist())

    def _because(self, row: int, host: int, cause: Cause, behind: tuple[int, ...]) -> str:
        ledger, vms = self.ledger, self.ledger.snapshot.vms
        terms, demand = ledger.terms, ledger.demand
        name = host_entity(ledger, host).name
        taken, wanted = gib_text(demand.taken[row]), gib_text(demand.wanted[row])
        over, free = gib_text(self.surplus.over[host]), gib_text(self.surplus.free[host])
        match cause:
            case Cause.LIMIT:
                return (
                    f"its limit of {gib_text(terms.limit[row])} is below the "
                    f"{gib_text(terms.footprint[row])} that it would hold, so {taken} is taken "
                    f"from it, whatever {name} has free ({free}); {self._paid(row, cause)}"
                )
            case Cause.POOL_LIMIT:
                pools, pool = ledger.snapshot.pools, int(self.pools[row])
                return (
                    f"resource pool {pools.name[pool]} may hold "
                    f"{gib_text(pools.limit_mib[pool])} and its VMs want more, so {taken} is "
                    f"taken from it, whatever {name} has free ({free}); {self._paid(row, cause)}"
                )
            case Cause.RESERVATION_HOARDING:
                part = gib_text(float(self.surplus.hoarded[list(behind)].sum()))
                return (
                    f"{name} has sold {over} more than it has, while {self._names(behind)} "
                    f"reserve {part} that they do not use and nobody else may have"
                )
            case Cause.IDLE_NEIGHBOURS:
                part = gib_text(float(self.surplus.spare[list(behind)].sum()))
                return (
                    f"{name} has sold {over} more than it has, while {self._names(behind)} hold "
                    f"{part} beyond four times what they use"
                )
            case Cause.HOST_OVERCOMMIT:
                return (
                    f"{name} has sold {over} more than it has, and the VMs there use it or share "
                    f"it alike; {taken} is taken from this one"
                )
            case Cause.GUEST_FULL:
                return (
                    f"its guest wants {wanted} of {gib_text(terms.size[row])}; {name} takes "
                    "nothing from it that would explain it"
                )
            case Cause.STALE_SWAP:
                old = np.nan_to_num(vms.swapped_mib[row]) + np.nan_to_num(vms.compressed_mib[row])
                return (
                    f"{gib_text(old)} of it was swapped or compressed in earlier pressure; {name} "
                    f"has {free} unsold now, and pages come back when they are touched"
                )
            case Cause.BALLOON_WITHOUT_PRESSURE:
                return (
                    f"its balloon holds {taken} though {name} has {free} unsold; it deflates "
                    "as the guest asks for memory"
                )
            case Cause.NONE:
                return ""

    def _names(self, rows: tuple[int, ...]) -> str:
        names = [self.ledger.snapshot.vms.name[row] for row in rows[:_NAMED]]
        more = len(rows) - len(names)
        if more:
            names.append(f"{more} more")
        return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" and {names[-1]}"

    # -- one host ------------------------------------------------------------------------------

    def _host(self, host: int, parts: dict[Cause, list[float]]) -> HostDiagnosis:
        over = float(self.surplus.over[host])
        sums = {cause: sum(taken) for cause, taken in parts.items() if cause not in OVERSOLD}
        texts = []
        if over > 0:
            texts.append(
                f"over-committed: its VMs would hold {gib_text(over)} more than it has for sale"
            )
            sums[self._worst(host, parts)] = over
            for mib, words in (
                (self._hoarded[host], "is reserved there and not used"),
                (self._spare[host], "is held by VMs far larger than they need"),
            ):
                if mib >= over:
                    texts.append(f"{gib_text(float(mib))} {words}")
        for cause, taken in sorted(parts.items(), key=lambda item: (-len(item[1]), item[0])):
            if not (cause in OVERSOLD and over > 0):
                count = len(taken)
                texts.append(f"{count} VM{'s' if count > 1 else ''}: {CAUSE_WORDS[cause]}")
        return HostDiagnosis(
            row=host,
            host=host_entity(self.ledger, host),
            pressure=pressure(self.ledger, host),
            causes=tuple(sorted(sums.items(), key=lambda item: (-item[1], item[0]))),
            because="; ".join(texts),
        )

    def _worst(self, host: int, parts: dict[Cause, list[float]]) -> Cause:
        """The kind of over-commitment that most of its VMs suffer from; plain where none does."""
        seen = {cause: len(taken) for cause, taken in parts.items() if cause in OVERSOLD}
        return max(seen, key=lambda cause: seen[cause]) if seen else Cause.HOST_OVERCOMMIT


def pressure(ledger: Ledger, host: int) -> Pressure:
    """How hard a host is pressed."""
    hosts, vms = ledger.snapshot.hosts, ledger.snapshot.vms
    if not ledger.supply.open[host] and not ledger.supply.fit[host]:
        return Pressure.UNKNOWN
    here = ledger.host_of == host
    rates = hosts.swap_in_kibps[host] + hosts.swap_out_kibps[host]
    if np.isnan(rates):
        rates = np.nan_to_num(vms.swap_in_kibps[here]).sum()
        rates += np.nan_to_num(vms.swap_out_kibps[here]).sum()
    footprint = ledger.supply.goods[1].columns.start
    over = ledger.load[host, footprint] > ledger.supply.usable[host]
    if rates > 0:
        return Pressure.SWAPPING
    if over and np.nan_to_num(vms.ballooned_mib[here]).sum() > 0:
        return Pressure.BALLOONING
    return Pressure.FULL if over else Pressure.CALM


def host_entity(ledger: Ledger, host: int) -> Entity:
    """A host as machines and people know it."""
    hosts = ledger.snapshot.hosts
    return Entity(hosts.moid[host], hosts.name[host]) if host >= 0 else Entity("", "")


def _known(*numbers: tuple[str, float, str]) -> tuple[Evidence, ...]:
    return tuple(Evidence(name, value, unit) for name, value, unit in numbers if np.isfinite(value))
