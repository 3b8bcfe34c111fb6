/** From the market's documents to pictures. Nothing here touches the page. */

import type { ClusterMarket } from "../api/schema.js";
import type { Plot, Series } from "../parts/chart.js";
import { memory, points, price } from "../text/format.js";

const MIB_PER_GIB = 1024;
/** More lines than this cannot be told apart. */
const LINES = 8;

type HostSeries = ClusterMarket["series"]["hosts"][number];

/** The hosts that are drawn: all of few, the dearest of many; the dearest now first. */
export function shownHosts(market: ClusterMarket): HostSeries[] {
  const last = (host: HostSeries) => host.price.findLast((value) => value !== null) ?? 0;
  return [...market.series.hosts].sort((a, b) => last(b) - last(a)).slice(0, LINES);
}

export function pricesPlot(market: ClusterMarket): Plot | null {
  const { at_s: x, hosts } = market.series;
  if (x.length === 0) return null;
  const series: Series[] = shownHosts(market).map((host, index) => ({
    label: host.name,
    color: `--vsm-series-${index + 1}`,
    values: host.price,
    format: price,
    step: true,
  }));
  if (hosts.length > LINES) {
    series.push({
      label: "the middle of all hosts",
      color: "--vsm-series-quiet",
      values: x.map((_, index) => middle(hosts.map((host) => host.price[index] ?? null))),
      format: price,
      step: true,
      dash: true,
    });
  }
  return { x, series, log: true, yLabel: "points/MiB", yFormat: price };
}

/** The median of what is known. */
export function middle(values: readonly (number | null)[]): number | null {
  const known = values.filter((value): value is number => value !== null).sort((a, b) => a - b);
  const half = Math.floor(known.length / 2);
  if (known.length === 0) return null;
  return known.length % 2 ? (known[half] ?? null) : ((known[half - 1] ?? 0) + (known[half] ?? 0)) / 2;
}

export function potentialPlot(market: ClusterMarket): Plot | null {
  const { at_s: x, before, after, lower_bound: bound } = market.potential;
  if (x.length === 0) return null;
  return {
    x,
    log: true,
    yLabel: "points",
    yFormat: points,
    series: [
      { label: "now", color: "--vsm-series-4", values: before, format: points, step: true },
      { label: "after the plan", color: "--vsm-series-1", values: after, format: points, step: true },
      { label: "no placement below", color: "--vsm-series-quiet", values: bound, format: points, step: true, dash: true },
    ],
  };
}

/**
 * Supply rises with the price; demand is what is paid where VMs live now, the dearest first. Both are
 * put on one axis of amounts.
 */
export function supplyPlot(market: ClusterMarket): Plot {
  const supply = market.supply.filter(complete);
  const demand = market.demand.filter(complete);
  const { price: even, load_mib: total } = market.equilibrium;
  const amounts = [
    ...new Set([0, ...supply.map((item) => item.load_mib), ...demand.map((item) => item.load_mib), ...(total === null ? [] : [total])]),
  ].sort((a, b) => a - b);
  return {
    x: amounts.map((amount) => amount / MIB_PER_GIB),
    xFormat: (gib) => memory(gib * MIB_PER_GIB),
    xLabel: "memory sold, GiB",
    yLabel: "points/MiB",
    yFormat: price,
    log: true,
    lines: [
      ...(even === null ? [] : [{ value: even, label: `even price ${price(even)}`, axis: "y" as const }]),
      ...(total === null ? [] : [{ value: total / MIB_PER_GIB, label: `${memory(total)} demanded`, axis: "x" as const }]),
    ],
    series: [
      {
        label: "supply: offered up to this price",
        color: "--vsm-series-1",
        values: amounts.map((amount) => interpolated(supply, amount)),
        format: price,
        width: 2,
      },
      {
        label: "demand: paid now, the dearest first",
        color: "--vsm-series-4",
        values: amounts.map((amount) => stepAt(demand, amount)),
        format: price,
        step: true,
        width: 2,
      },
    ],
  };
}

interface PointOf {
  load_mib: number;
  price: number;
}

function complete<T extends { load_mib: number | null; price: number | null }>(item: T): item is T & PointOf {
  return item.load_mib !== null && item.price !== null;
}

/** On a line through points that rise; null beyond them. */
export function interpolated(points: readonly PointOf[], amount: number): number | null {
  const next = points.findIndex((item) => item.load_mib >= amount);
  const high = points[next];
  if (!high) return null;
  const low = points[next - 1];
  if (!low || high.load_mib === amount) return high.load_mib === amount ? high.price : null;
  const part = (amount - low.load_mib) / (high.load_mib - low.load_mib);
  return low.price + part * (high.price - low.price);
}

/** Price of the piece of a falling stair that an amount lies on; each piece ends at its own sum. */
export function stepAt(stair: readonly PointOf[], amount: number): number | null {
  const at = stair.find((item) => amount < item.load_mib);
  if (at) return at.price;
  const last = stair.at(-1);
  return last?.load_mib === amount ? last.price : null;
}
