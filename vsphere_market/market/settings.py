"""The market's constants. Every one has a sentence, and a place where it was settled."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MarketSettings:
    """Constants of the economy; potentials are in "MiB at price 1", called points.

    Attributes:
        idle_share: κ, what a MiB of idle memory weighs against one of working set: the idle
            memory tax seen from the seller's side (a quarter, as DRS up to 6.7 counts it).
        knee: u*, the load up to which price is 1/(1-u)²; its tangent continues it beyond.
        balloon_from: load of the footprint over usable memory at which ballooning is priced in.
        balloon_slope: how fast that surcharge's price rises per unit of load.
        balloon_most: but it is never more: a MiB of idle memory that is ballooned costs the same
            whether its host lacks a tenth or a half, so it is worth a move to a host that has
            memory to spare and not to one that would balloon it as well.
        swap_from: the same for memory that no balloon could free, which would be swapped.
        swap_slope: swapping is far dearer than ballooning.
        cpu_weight: weight of CPU against memory; CPU guards memory trades.
        vcpus_per_core: virtual CPUs that share a core without waiting for each other to speak of.
        vcpu_slope: how fast the price of a virtual CPU rises beyond that, per unit of load.
        vcpu_weight: weight of virtual CPUs against memory.
        network_weight: weight of network throughput against memory.
        storage_weight: weight of throughput through storage adapters against memory.
        rule_penalty: points for each pair or placement that breaks a soft rule; mandatory ones have
            no price, and come first.
        move_cost: points for each MiB copied over a network of ``move_speed_mbps``, at priority
            1. A trade must lower the price of what it moves by about this much.
        move_fixed: points for any migration, however small.
        no_return_s: a VM does not go back to a host that it was moved away from within this time.
            Demand that swings between two hosts is served by one of them, not by moves. A week,
            as long as demand is remembered: what would take it back was known when it left.
        landing_cost: points for each MiB that a migration brings to a host that has nothing free,
            so that others there have to give it up at once, when all that they hold is worked with.
        landing_from: up to this share of the target's memory pinned, balloons find enough that is
            idle and landing costs nothing more; from there it rises to its full cost.
        discount: a host is worth moving to only if its quote is lower than the present one by
            this share, where all of the quote stands on remembered hours. Counters are noisy, and
            on full hosts a little noise is many points.
        discount_now: the same where all of it stands on the last minutes: whether they are a burst
            or a load nobody can tell. In between it goes by the present's weight in the quote.
        comfort_price: a VM whose leaving would free no more a MiB of what it takes than this, on
            a host that asks no surcharge (``hurdle.pressed``), is content if it breaks no rule,
            and looks for no other host: it is what a host asks at four fifths of its load. What
            it would save below that nobody notices, copying it somebody does.
        comfort_now: the same where all of what is known of demand is the last minutes, by the
            present's weight in between: what a host asks at 87 % of its load. What is not pressing
            can wait until somebody has seen whether it stays.
        move_speed_mbps: the speed that ``move_cost`` is quoted for.
        change_cost: points for a change of limit, reservation or balloon cap.
        grow_cost: points for each MiB added to a VM: hot-added memory is never given back.
        restart_fixed: points for stopping any VM, at priority 1.
        restart_cost: points for each MiB of working set of a VM that is stopped: its service is
            away, and what it had in memory has to be built up anew.
        absent_cost: points for each MiB of size of a VM that is off and wanted on: about the price
            of a host at four fifths of its load, for half of that size.
        paging_cost: points for each MiB that a balloon holds of a guest that pages.
        shares_cost: points for each MiB of a VM that would lose it to siblings that matter less.
        slow_swap_cost: points for each MiB/s to or from swap and each millisecond of latency.
        request_cost: points for each request that waits in a datastore: half of what one of swap
            costs, which a guest cannot do without.
        side_by_side: requests that a datastore serves at once; what waits beyond them queues.
        storage_cost: points for each MiB that moves to another datastore.
        host_rent: points for each MiB of a host that is awake and could rest: as if a host below
            half of its load, where a MiB costs four, were not worth keeping on.
        switch_cost: points for putting a host to rest, or waking it.
        guest_full: a guest that uses this share of its memory is a candidate for growth.
        guest_target: growth aims at this share.
        guest_idle: a guest that never uses this share of its memory is a candidate for less.
        shrink_confidence: less confidence in what is remembered of a VM, and it is not shrunk; a
            half is a week of samples.
        grow_most: a VM grows by at most this share of its size in one plan: what a guest will
            use is known only when it has it, and what is added is never given back.
        guarantee_weight: points for each MiB of a guarantee that is not backed.
        guarantee_band: a reservation this close to its guarantee is left alone.
        look_ahead: when single moves end further than this share of the cost from what nothing
            could be below, exchanges are looked for that lead nearer; they take longer to find.
        minimum_saving: trades that save less than this share of the potential per VM of the
            cluster are noise.
        plan_life_s: a plan older than this has expired.
        migrations_per_host: planned concurrency, in and out both counted.
        migrations_at_once: planned concurrency over all hosts.
    """

    idle_share: float = 0.25
    knee: float = 0.9
    balloon_from: float = 0.97
    balloon_slope: float = 800.0
    balloon_most: float = 32.0
    swap_from: float = 0.9
    swap_slope: float = 8000.0
    cpu_weight: float = 0.25
    vcpus_per_core: float = 4.0
    vcpu_slope: float = 100.0
    vcpu_weight: float = 0.25
    network_weight: float = 0.25
    storage_weight: float = 0.25
    rule_penalty: float = 20_000.0
    move_cost: float = 8.0
    move_fixed: float = 1024.0
    no_return_s: float = 604_800.0
    landing_cost: float = 300.0
    landing_from: float = 0.6
    discount: float = 0.15
    discount_now: float = 0.5
    comfort_price: float = 25.0
    comfort_now: float = 60.0
    move_speed_mbps: float = 10_000.0
    change_cost: float = 256.0
    grow_cost: float = 4.0
    restart_fixed: float = 16_384.0
    restart_cost: float = 8.0
    absent_cost: float = 16.0
    paging_cost: float = 32.0
    shares_cost: float = 1.0
    slow_swap_cost: float = 1000.0
    request_cost: float = 2000.0
    side_by_side: float = 32.0
    storage_cost: float = 1.0
    host_rent: float = 4.0
    switch_cost: float = 65_536.0
    guest_full: float = 0.88
    guest_idle: float = 0.5
    shrink_confidence: float = 0.5
    guest_target: float = 0.75
    grow_most: float = 0.25
    guarantee_weight: float = 8.0
    guarantee_band: float = 0.25
    minimum_saving: float = 0.001
    look_ahead: float = 0.005
    plan_life_s: float = 1800.0
    migrations_per_host: int = 2
    migrations_at_once: int = 8
