"""The plan: ordered steps with their reasons, the certificate, and every refusal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from vsphere_market.policy import Mode
from vsphere_market.port import Action, Entity, Start, Stop

PLAN_FORMAT = "vsphere-market/plan/1"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the plan is worth, and how much better any placement could be.

    Attributes:
        potential_before: the market's cost as the estate stands.
        potential_after: the same after every step.
        lower_bound: no placement of the VMs (at the sizes and settings that the plan leaves) has a
            potential below this. See ``docs/design/certificate.md``.
        breaches_before: violations of mandatory rules as the estate stands: pairs of VMs, VMs on
            wrong hosts, VMs and hosts too many. They are in no potential and come before it:
            ``potential_after`` may be higher than before where there are fewer of them.
        breaches_after: the same after every step.
    """

    potential_before: float
    potential_after: float
    lower_bound: float
    breaches_before: int = 0
    breaches_after: int = 0

    @property
    def gap_pct(self) -> float:
        """How far ``potential_after`` is above the bound, in percent of ``potential_after``."""
        if self.potential_after <= 0:
            return 0.0
        return max(0.0, 100.0 * (self.potential_after - self.lower_bound) / self.potential_after)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One number behind a decision: a counter, a price, a setting."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Quote:
    """What it would cost the market to have a VM on a host.

    Attributes:
        host: the seller.
        price: marginal price of memory there before the trade.
        quote: rise of the potential when the VM lives there (for its own host: fall when it left).
        refused: why the trade is not allowed, or None.
    """

    host: Entity
    price: float
    quote: float
    refused: Reason | None


class Reason(StrEnum):
    """Why a trade is not done. Each has one sentence, :data:`SENTENCES`."""

    NOT_WORTH_IT = "not-worth-it"
    CONTENT = "content"
    NOT_DUE = "not-due"
    MODE_OFF = "mode-off"
    FAILED_LATELY = "failed-lately"
    COOLING_DOWN = "cooling-down"
    JUST_LEFT = "just-left"
    SETTLING = "settling"
    PINNED_VM = "pinned-vm"
    NO_COUNTERS = "no-counters"
    VM_NOT_MANAGED = "vm-not-managed"
    HOST_UNFIT = "host-unfit"
    OTHER_CLUSTER = "other-cluster"
    TIED_TO_CLUSTER = "tied-to-cluster"
    NO_NETWORK = "no-network"
    NO_DATASTORE = "no-datastore"
    NO_VMOTION = "no-vmotion"
    NO_EVC = "no-evc"
    NO_VMOTION_LICENCE = "no-vmotion-licence"
    NO_STORAGE_LICENCE = "no-storage-licence"
    NO_HOT_ADD_LICENCE = "no-hot-add-licence"
    NO_ROOM = "no-room"
    NO_RESERVATION_ROOM = "no-reservation-room"
    NO_SWAP_ROOM = "no-swap-room"
    ABOVE_OVERCOMMIT = "above-overcommit"
    BREAKS_RULE = "breaks-rule"
    TAKES_MANY = "takes-many-moves"
    BUDGET_SPENT = "budget-spent"
    HOT_ADD_DISABLED = "hot-add-disabled"
    HOT_ADD_CEILING = "hot-add-ceiling"
    GUEST_CEILING = "guest-ceiling"
    POLICY_MAXIMUM = "policy-maximum"
    POLICY_DIRECTION = "policy-direction"
    POLICY_CAP = "policy-cap"
    NOT_RESIZABLE = "not-resizable"
    LOCKED_TO_SIZE = "locked-to-size"
    TOOLS_NOT_RUNNING = "tools-not-running"
    NO_SWAP_SPACE = "no-swap-space"
    NO_FASTER_STORE = "no-faster-store"
    STORE_BUSY = "store-busy"
    STORE_SETTLING = "store-settling"
    FILES_APART = "files-apart"
    FILES_THERE = "files-there"
    NO_RESTART = "no-restart"
    NO_SHUTDOWN = "no-shutdown"
    NEVER_SHRINK = "never-shrink"
    POLICY_MINIMUM = "policy-minimum"
    LITTLE_HISTORY = "little-history"
    NEEDED_AT_TIMES = "needed-at-times"
    NO_STOP = "no-stop"
    NO_SUSPEND = "no-suspend"
    NO_PROVISION = "no-provision"
    NOT_EMPTIED = "not-emptied"
    SPARE_NEEDED = "spare-needed"
    BUY_MEMORY = "buy-memory"
    NO_CURE = "no-cure"
    NO_OPPOSITE = "no-opposite"
    CHANGED_SINCE = "changed-since"


SENTENCES: dict[Reason, str] = {
    Reason.NOT_WORTH_IT: (
        "No trade saves enough: more than it disturbs, and for a move a share of what staying "
        "costs."
    ),
    Reason.CONTENT: (
        "Living where it is costs no more a MiB than a host at four fifths of its load asks: what "
        "it would save elsewhere nobody would notice, its copying somebody would."
    ),
    Reason.NOT_DUE: "There is nothing of this kind to put right.",
    Reason.MODE_OFF: "Policy turns this kind of action off for this VM.",
    Reason.FAILED_LATELY: "An action on it failed a short while ago, so it is left alone for now.",
    Reason.COOLING_DOWN: "It was moved a short while ago and is left alone for now.",
    Reason.SETTLING: "It was given memory a short while ago; what it will use has yet to show.",
    Reason.JUST_LEFT: "It was moved away from that host within the last week.",
    Reason.PINNED_VM: "It cannot be moved (passthrough device, fault tolerance or latency).",
    Reason.NO_COUNTERS: "vCenter gave no memory counters for it, so its demand is not known.",
    Reason.VM_NOT_MANAGED: "It is a template, not connected, or owned by another product.",
    Reason.HOST_UNFIT: "The host is not connected, resting, excluded, or closed by HA or vSAN.",
    Reason.OTHER_CLUSTER: "The host is in another cluster.",
    Reason.TIED_TO_CLUSTER: "A rule, its resource pool or its reservation holds it in its cluster.",
    Reason.NO_NETWORK: "The host does not see a network of the VM.",
    Reason.NO_DATASTORE: "The host does not see a datastore of the VM.",
    Reason.NO_VMOTION_LICENCE: "The host's licence lacks vMotion (key vmotion).",
    Reason.NO_STORAGE_LICENCE: "The host's licence lacks Storage vMotion (key svmotion).",
    Reason.NO_HOT_ADD_LICENCE: "The host's licence lacks hot-add (key hotplug).",
    Reason.NO_EVC: "The host's CPU lacks features that the VM runs with.",
    Reason.NO_VMOTION: "One of the hosts has no vMotion network.",
    Reason.NO_ROOM: "The host has no room for the memory that could not be ballooned away.",
    Reason.NO_RESERVATION_ROOM: "The host or pool cannot back the reservation.",
    Reason.NO_SWAP_ROOM: "None of its datastores has room for its swap file to grow.",
    Reason.ABOVE_OVERCOMMIT: "The sizes of the host's VMs would pass the ceiling that policy sets.",
    Reason.BREAKS_RULE: "A mandatory placement rule forbids it.",
    Reason.TAKES_MANY: "Mending it takes more moves together than were found to be possible.",
    Reason.BUDGET_SPENT: "A disruption budget is spent: no more migrations for now.",
    Reason.HOT_ADD_DISABLED: "Memory hot-add is not enabled; that takes a power cycle.",
    Reason.HOT_ADD_CEILING: "It has reached its hot-add ceiling.",
    Reason.GUEST_CEILING: "A Linux guest started with less than 3 GB cannot grow past 3 GB.",
    Reason.POLICY_MAXIMUM: "Policy does not allow a larger size.",
    Reason.POLICY_DIRECTION: "Policy lets its size shrink, not grow.",
    Reason.POLICY_CAP: "Policy does not allow a larger balloon.",
    Reason.NOT_RESIZABLE: "Fault tolerance or a passthrough device rules out memory hot-add.",
    Reason.LOCKED_TO_SIZE: "Its reservation is locked to its size and cannot be backed.",
    Reason.TOOLS_NOT_RUNNING: "VMware Tools do not run, so its balloon cannot work.",
    Reason.NO_OPPOSITE: "Nothing takes that back.",
    Reason.CHANGED_SINCE: "It is not as that step left it, so it is let alone.",
    Reason.NO_SWAP_SPACE: "The datastore has no room for it and its swap file.",
    Reason.NO_FASTER_STORE: "No faster datastore is seen by all of its hosts.",
    Reason.STORE_BUSY: "With its requests on top of its own, no faster datastore would be faster.",
    Reason.STORE_SETTLING: "Files were copied from or to its datastore within the last hour.",
    Reason.FILES_APART: "How its files are spread over several datastores is not told.",
    Reason.FILES_THERE: "The faster datastores hold other files of it; they would get mixed up.",
    Reason.NO_RESTART: (
        "That size takes a restart, which policy does not allow; a limit or a forced balloon would "
        "take memory that its guest believes it has, and is never used for that."
    ),
    Reason.NO_SHUTDOWN: "VMware Tools do not run, so its guest cannot be asked to shut down.",
    Reason.NEVER_SHRINK: "Policy lets its size grow, not shrink.",
    Reason.POLICY_MINIMUM: "Policy does not allow a smaller size.",
    Reason.LITTLE_HISTORY: "Too little is remembered of it to take memory away.",
    Reason.NEEDED_AT_TIMES: "It uses little now, and has used more than a smaller size would have.",
    Reason.NO_STOP: "No policy lets it be stopped now.",
    Reason.NO_SUSPEND: "No policy lets the host rest.",
    Reason.NO_PROVISION: "No policy lets the host be woken.",
    Reason.NOT_EMPTIED: "Some VM on the host can go nowhere else.",
    Reason.SPARE_NEEDED: "The other hosts could not lose one of them without it.",
    Reason.BUY_MEMORY: "Every host is full and none is left to wake: memory has to be bought.",
    Reason.NO_CURE: "Every host it may run on is as dear; only more memory would help.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One action of a plan, feasible in the state that its predecessors leave.

    Attributes:
        id: unique within the plan, ``s1``, ``s2`` ….
        action: what is done.
        wave: steps of one wave may run at the same time, wave by wave.
        depends_on: ids of steps that must have succeeded before.
        saving: fall of the potential by this step; negative for some steps of a group.
        disruption: what it costs to do it, in the same currency; below ``saving``, for a group in
            sum, unless it mends a mandatory rule.
        mode: how far policy lets it go by itself.
        reason: one sentence for people.
        evidence: the numbers behind the sentence.
        quotes: for migrations, the best quotes of all hosts, the present one first.
        together: ids of the other steps of its group, which pays only as a whole; () for a step
            that pays by itself.
        mends: by how many breaches of mandatory rules there are fewer after it.
    """

    id: str
    action: Action
    wave: int
    depends_on: tuple[str, ...]
    saving: float
    disruption: float
    mode: Mode
    reason: str
    evidence: tuple[Evidence, ...] = ()
    quotes: tuple[Quote, ...] = ()
    together: tuple[str, ...] = ()
    mends: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that a person might have expected, and why it is not done."""

    subject: Entity
    reason: Reason
    sentence: str


@dataclass(frozen=True, slots=True)
class HostOutlook:
    """A host before the plan and after it.

    Attributes:
        host: the host.
        price_before: marginal price of its memory now.
        price_after: the same after the plan.
        load_before: memory load over usable capacity now, 1 is full.
        load_after: the same after the plan.
    """

    host: Entity
    price_before: float
    price_after: float
    load_before: float
    load_after: float


@dataclass(frozen=True, slots=True)
class Origin:
    """What a plan was made from; ``apply`` refuses to use it on anything else.

    Attributes:
        source: kind of the snapshot's source.
        name: its name.
        instance_uuid: vCenter's identity, "" if unknown.
        taken_at_s: when the snapshot was taken.
        policies: digest of the policies.
        engine: version of this package.
    """

    source: str
    name: str
    instance_uuid: str
    taken_at_s: float
    policies: str
    engine: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A decision of the market, complete with its reasons."""

    created_at_s: float
    expires_at_s: float
    made_from: Origin
    certificate: Certificate
    steps: tuple[Step, ...]
    refusals: tuple[Refusal, ...]
    hosts: tuple[HostOutlook, ...] = ()


def restores(steps: Sequence[Step]) -> dict[str, str]:
    """Starts that end what a stop began: id of the start -> id of the stop that it depends on."""
    stops = {step.id: step.action.vm.moid for step in steps if isinstance(step.action, Stop)}
    found = {}
    for step in steps:
        if isinstance(step.action, Start):
            vm = step.action.vm.moid
            ended = [needed for needed in step.depends_on if stops.get(needed) == vm]
            if ended:
                found[step.id] = ended[-1]
    return found
