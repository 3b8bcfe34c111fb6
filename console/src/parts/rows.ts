/** Where a table takes its rows from: an array, or pages of a service that sorts and filters. */

export interface RowSource<T> {
  readonly length: number;
  /** The row, or undefined while it is under way. */
  at(index: number): T | undefined;
  /** These rows are about to be seen. */
  want(from: number, to: number): void;
}

export class ArrayRows<T> implements RowSource<T> {
  constructor(private readonly rows: readonly T[]) {}

  get length(): number {
    return this.rows.length;
  }

  at(index: number): T | undefined {
    return this.rows[index];
  }

  want(): void {
    // All are there.
  }
}

export interface PageOf<T> {
  total: number;
  rows: readonly T[];
}

/**
 * Pages are fetched as they come into sight; those unused longest are forgotten. Somebody who drags
 * the scroll bar past thousands of rows has a new page in sight at every frame: the first is asked
 * for at once, others no more often than every `pause` milliseconds, and only if still in sight.
 */
export class PagedRows<T> implements RowSource<T> {
  private total: number;
  private seen: readonly [number, number] = [0, 1];
  private restsUntil = -Infinity;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly pages = new Map<number, readonly T[]>();
  private readonly underWay = new Map<number, AbortController>();

  /**
   * @param fetchPage rows from `offset` on, and how many there are in all.
   * @param changed called when rows have come, or could not be had.
   */
  constructor(
    private readonly fetchPage: (offset: number, limit: number, signal: AbortSignal) => Promise<PageOf<T>>,
    private readonly changed: (problem?: unknown) => void,
    private readonly size = 200,
    private readonly kept = 30,
    private readonly pause = 80,
    private readonly afterTrouble = 5000,
  ) {
    this.total = 0;
  }

  get length(): number {
    return this.total;
  }

  at(index: number): T | undefined {
    const page = Math.floor(index / this.size);
    return this.pages.get(page)?.[index - page * this.size];
  }

  /** What was wanted last. */
  get inSight(): readonly [number, number] {
    return this.seen;
  }

  want(from: number, to: number): void {
    this.seen = [from, to];
    const [first, last] = this.pagesInSight();
    for (const [page, request] of this.underWay) {
      if (page < first - 1 || page > last + 1) {
        request.abort();
        this.underWay.delete(page);
      }
    }
    let missing = false;
    for (let page = first; page <= last; page += 1) {
      const held = this.pages.get(page);
      if (held) {
        this.pages.delete(page);
        this.pages.set(page, held);
      } else if (!this.underWay.has(page)) missing = true;
    }
    if (!missing || this.timer !== undefined) return;
    const rest = this.restsUntil - performance.now();
    if (rest <= 0) this.ask();
    else this.timer = setTimeout(() => this.ask(), rest);
  }

  /** No more answers are wanted. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const request of this.underWay.values()) request.abort();
    this.underWay.clear();
  }

  private pagesInSight(): [number, number] {
    const [from, to] = this.seen;
    const first = Math.max(0, Math.floor(from / this.size));
    // Before the first answer nobody knows how many there are.
    const end = this.total > 0 ? Math.min(to, this.total) : to;
    return [first, Math.max(first, Math.floor(Math.max(0, end - 1) / this.size))];
  }

  private ask(): void {
    this.timer = undefined;
    this.restsUntil = performance.now() + this.pause;
    const [first, last] = this.pagesInSight();
    for (let page = first; page <= last; page += 1) {
      if (!this.pages.has(page) && !this.underWay.has(page)) void this.load(page);
    }
  }

  private async load(page: number): Promise<void> {
    const request = new AbortController();
    this.underWay.set(page, request);
    try {
      const got = await this.fetchPage(page * this.size, this.size, request.signal);
      if (request.signal.aborted) return;
      this.total = got.total;
      this.pages.set(page, got.rows);
      for (const oldest of this.pages.keys()) {
        if (this.pages.size <= this.kept) break;
        this.pages.delete(oldest);
      }
      this.changed();
    } catch (error) {
      if (request.signal.aborted) return;
      // What shows the trouble wants the same rows again at once.
      this.restsUntil = performance.now() + this.afterTrouble;
      this.changed(error);
    } finally {
      if (this.underWay.get(page) === request) this.underWay.delete(page);
    }
  }
}

export type Order = "ascending" | "descending";

/** Sort by what a column says; unknown values are last either way. */
export function sorted<T>(
  rows: readonly T[],
  key: (row: T) => number | string | null | undefined,
  order: Order,
): T[] {
  const sign = order === "ascending" ? 1 : -1;
  const missing = (value: unknown) => value === null || value === undefined || Number.isNaN(value);
  return rows
    .map((row, index) => ({ row, index, value: key(row) }))
    .sort((a, b) => {
      if (missing(a.value) || missing(b.value)) {
        return Number(missing(a.value)) - Number(missing(b.value)) || a.index - b.index;
      }
      const order =
        typeof a.value === "string" && typeof b.value === "string"
          ? collator.compare(a.value, b.value)
          : Number(a.value) - Number(b.value);
      return sign * order || a.index - b.index;
    })
    .map((item) => item.row);
}

// "web-2" before "web-10", as administrators number their machines.
const collator = new Intl.Collator("en", { numeric: true });
