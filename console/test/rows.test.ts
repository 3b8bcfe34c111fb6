import { describe, expect, it } from "vitest";
import { ArrayRows, PagedRows, sorted, type PageOf } from "../src/parts/rows.js";

const tick = () => new Promise((done) => setTimeout(done, 0));

function paged(total: number, size: number, kept: number, pause = 0) {
  const asked: number[] = [];
  let changes = 0;
  const signals: AbortSignal[] = [];
  const rows = new PagedRows<number>(
    (offset, limit, signal): Promise<PageOf<number>> => {
      asked.push(offset);
      signals.push(signal);
      const count = Math.max(0, Math.min(limit, total - offset));
      return Promise.resolve({ total, rows: Array.from({ length: count }, (_, index) => offset + index) });
    },
    () => (changes += 1),
    size,
    kept,
    pause,
  );
  return { rows, asked, signals, changed: () => changes };
}

describe("pages of rows", () => {
  it("asks for what is seen, once", async () => {
    const { rows, asked, changed } = paged(40_000, 200, 30);
    rows.want(0, 40);
    rows.want(0, 40);
    expect(rows.at(3)).toBeUndefined();
    await tick();
    expect(asked).toEqual([0]);
    expect(rows.length).toBe(40_000);
    expect(rows.at(3)).toBe(3);
    expect(changed()).toBe(1);
  });

  it("asks for both pages at a border", async () => {
    const { rows, asked } = paged(40_000, 200, 30);
    rows.want(0, 1);
    await tick();
    rows.want(395, 410);
    await tick();
    expect(asked).toEqual([0, 200, 400]);
    expect([rows.at(399), rows.at(400)]).toEqual([399, 400]);
  });

  it("gives up pages that were scrolled past", async () => {
    const { rows, signals } = paged(40_000, 200, 30);
    rows.want(0, 1);
    await tick();
    rows.want(1000, 1020);
    rows.want(30_000, 30_020);
    expect(signals[1]?.aborted).toBe(true);
    expect(signals[2]?.aborted).toBe(false);
    await tick();
    expect(rows.at(1000)).toBeUndefined();
    expect(rows.at(30_000)).toBe(30_000);
  });

  it("asks for few of the pages that somebody drags past, and for the last one", async () => {
    const { rows, asked } = paged(40_000, 200, 30, 30);
    for (let from = 0; from < 20_000; from += 400) rows.want(from, from + 30);
    await tick();
    expect(asked).toEqual([0]);
    await new Promise((done) => setTimeout(done, 60));
    expect(asked).toEqual([0, 19_600]);
    expect(rows.at(19_600)).toBe(19_600);
  });

  it("asks nothing more when it was stopped", async () => {
    const { rows, asked } = paged(40_000, 200, 30, 10);
    rows.want(0, 30);
    rows.want(4000, 4030);
    rows.stop();
    await new Promise((done) => setTimeout(done, 30));
    expect(asked).toEqual([0]);
  });

  it("forgets the pages that were unused longest", async () => {
    const { rows, asked } = paged(40_000, 10, 3);
    for (const from of [0, 10, 20, 0, 30]) {
      rows.want(from, from + 5);
      await tick();
    }
    expect(rows.at(0)).toBe(0);
    expect(rows.at(10)).toBeUndefined();
    expect(asked).toEqual([0, 10, 20, 30]);
  });

  it("tells of a failure, and can ask again", async () => {
    const problems: unknown[] = [];
    let fail = true;
    const rows = new PagedRows<number>(
      () => (fail ? Promise.reject(new Error("down")) : Promise.resolve({ total: 1, rows: [7] })),
      (problem) => problems.push(problem),
      200,
      30,
      0,
      40,
    );
    rows.want(0, 1);
    await tick();
    rows.want(0, 1);
    await tick();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toBeInstanceOf(Error);
    fail = false;
    await new Promise((done) => setTimeout(done, 80));
    expect(rows.at(0)).toBe(7);
  });
});

describe("sorting", () => {
  it("puts what is not known last, either way, and keeps ties in order", () => {
    const rows = [{ v: 2 }, { v: null }, { v: 1 }, { v: 2 }];
    expect(sorted(rows, (row) => row.v, "ascending").map((row) => rows.indexOf(row))).toEqual([2, 0, 3, 1]);
    expect(sorted(rows, (row) => row.v, "descending").map((row) => rows.indexOf(row))).toEqual([0, 3, 2, 1]);
  });

  it("counts in names as people do", () => {
    expect(sorted(["web-10", "web-2"], (row) => row, "ascending")).toEqual(["web-2", "web-10"]);
  });

  it("serves arrays as they are", () => {
    const rows = new ArrayRows(["a", "b"]);
    rows.want();
    expect([rows.length, rows.at(1), rows.at(2)]).toEqual([2, "b", undefined]);
  });
});
