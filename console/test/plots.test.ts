import { describe, expect, it } from "vitest";
import type { ClusterMarket } from "../src/api/schema.js";
import { interpolated, middle, potentialPlot, pricesPlot, shownHosts, stepAt, supplyPlot } from "../src/views/plots.js";

function market(hosts: (number | null)[][]): ClusterMarket {
  return {
    turn: 1,
    cluster: { moid: "domain-c1", name: "production" },
    series: {
      at_s: hosts[0]?.map((_, index) => 1_772_445_600 + 300 * index) ?? [],
      hosts: hosts.map((price, index) => ({ moid: `host-${index}`, name: `esx-${index}`, price, load: [], ballooned_mib: [] })),
    },
    potential: { at_s: [], before: [], after: [], lower_bound: [] },
    supply: [
      { load_mib: 0, price: 1 },
      { load_mib: 100, price: 4 },
      { load_mib: 130, price: 500 },
    ],
    demand: [
      { load_mib: 40, price: 90, host: "esx-1" },
      { load_mib: 70, price: 3, host: "esx-0" },
      { load_mib: 80, price: null, host: "esx-2" },
    ],
    equilibrium: { load_mib: 70, usable_mib: 100, price: 3.1 },
  };
}

describe("prices over time", () => {
  it("draws the dearest of many hosts, and the middle of all", () => {
    const many = market(Array.from({ length: 20 }, (_, index) => [index, index === 3 ? null : 100 + index]));
    const plot = pricesPlot(many);
    expect(shownHosts(many).map((host) => host.name)).toEqual(["esx-19", "esx-18", "esx-17", "esx-16", "esx-15", "esx-14", "esx-13", "esx-12"]);
    expect(plot?.series).toHaveLength(9);
    expect(plot?.series.at(-1)?.values).toEqual([9.5, 110]);
  });

  it("draws all of few, and nothing of none", () => {
    expect(pricesPlot(market([[1, 2]]))?.series.map((item) => item.label)).toEqual(["esx-0"]);
    expect(pricesPlot(market([[]]))).toBeNull();
    expect(potentialPlot(market([[1]]))).toBeNull();
  });

  it("knows the middle", () => {
    expect(middle([3, null, 1, 2])).toBe(2);
    expect(middle([1, 4])).toBe(2.5);
    expect(middle([null])).toBeNull();
  });
});

describe("supply and demand", () => {
  it("puts both on one axis, and leaves out what has no price", () => {
    const plot = supplyPlot(market([[1]]));
    expect(plot.x.map((gib) => gib * 1024)).toEqual([0, 40, 70, 100, 130]);
    expect(plot.series[0]?.values.map((value) => Number(value?.toFixed(6)))).toEqual([1, 2.2, 3.1, 4, 500]);
    expect(plot.series[1]?.values).toEqual([90, 3, 3, null, null]);
    expect(plot.lines?.map((line) => line.value)).toEqual([3.1, 70 / 1024]);
    expect(plot.xFormat?.(2)).toBe("2\u00a0GiB");
  });

  it("interpolates only between points", () => {
    const line = [
      { load_mib: 0, price: 1 },
      { load_mib: 10, price: 2 },
    ];
    expect(interpolated(line, 5)).toBe(1.5);
    expect(interpolated(line, 11)).toBeNull();
    expect(interpolated([], 0)).toBeNull();
    expect(stepAt([], 0)).toBeNull();
  });
});
