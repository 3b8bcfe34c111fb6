/** A table of any length: only the rows in sight exist, and scrolling uses them again. */

import { html, type PropertyValues } from "lit";
import { define, freshId, Part } from "./element.js";
import { ArrayRows, type Order, type RowSource } from "./rows.js";

/** What one cell shows. */
export interface Cell {
  text: string;
  /** Shown when pointed at; the full text unless given. */
  title?: string;
  /** A link within the console. */
  href?: string;
  /** A bar behind the number, 0 to 1. */
  bar?: number;
  /** Its colour, and a mark before the text: never the colour alone. */
  tone?: Tone;
  /** A word in a pill. */
  pill?: boolean;
}

export type Tone = "good" | "info" | "warn" | "bad" | "none";

export interface Column<T> {
  key: string;
  label: string;
  /** Width as CSS's grid has it. */
  width: string;
  cell: (row: T) => Cell | string;
  /** Numbers stand right. */
  end?: boolean;
  sortable?: boolean;
  /** What the heading means. */
  title?: string;
  /** Left out where there is little room. */
  minor?: boolean;
}

export interface SortState {
  key: string;
  order: Order;
}

const ROW = 32;
const SPARE = 6;

/** Fired when a heading is used; `detail` is a SortState. */
export const SORTED = "vsm-sort";
/** Fired when a row is opened by keyboard or pointer; `detail` is the row. */
export const OPENED = "vsm-open";

export class VsmTable<T = unknown> extends Part {
  static override properties = {
    columns: { attribute: false },
    source: { attribute: false },
    sort: { attribute: false },
    label: { type: String },
    rows: { type: Number },
    empty: { type: String },
    version: { attribute: false },
    opens: { type: Boolean },
    current: { attribute: false },
  };

  columns: readonly Column<T>[] = [];
  source: RowSource<T> = new ArrayRows<T>([]);
  sort: SortState | null = null;
  label = "";
  /** So many rows are seen at once, at most. */
  rows = 14;
  empty = "Nothing to show";
  /** Changes when rows have come or changed. */
  version = 0;
  /** Rows can be opened. */
  opens = false;
  /** Whether a row is the one shown elsewhere. */
  current: ((row: T) => boolean) | null = null;

  /** The rows that exist, in the order in which they are seen. */
  private pool: HTMLElement[] = [];
  /** Index of the first of them. */
  private first = 0;
  private active = 0;
  private frame = 0;
  private readonly hint = freshId("table-hint");
  private readonly sizes = new ResizeObserver(() => {
    this.fit();
    this.fill(false);
  });

  protected override render(): unknown {
    const sized = Math.max(1, Math.min(this.rows, this.source.length));
    return html`
      <div
        class="grid"
        role="grid"
        tabindex="0"
        aria-label=${this.label}
        aria-rowcount=${this.source.length + 1}
        aria-colcount=${this.columns.length}
        @keydown=${this.onKey}
        @focus=${() => this.mark(true)}
        @blur=${() => this.mark(false)}
        @scroll=${this.onScroll}
        @click=${this.onClick}
        @mouseover=${this.onOver}
      >
        <div class="grid-head" role="rowgroup">
          <div class="grid-row" role="row" aria-rowindex="1">
            ${this.columns.map((column) => this.head(column))}
          </div>
        </div>
        <div class="grid-body"><div class="grid-rows" role="rowgroup"></div></div>
      </div>
      <div class="grid-empty" ?hidden=${this.source.length > 0} role="status">${this.empty}</div>
      <span id=${this.hint} hidden>${sized}</span>
    `;
  }

  private head(column: Column<T>): unknown {
    const state = this.sort?.key === column.key ? this.sort.order : "none";
    const name = `grid-cell${column.end ? " end" : ""}${column.minor ? " minor" : ""}`;
    if (!column.sortable) {
      return html`<div role="columnheader" class=${name} title=${column.title ?? column.label}>${column.label}</div>`;
    }
    return html`<div role="columnheader" class=${name} aria-sort=${state} title=${column.title ?? column.label}>
      <button type="button" @click=${() => this.onSort(column)}>
        <span>${column.label}</span><span class="sort ${state}" aria-hidden="true"></span>
      </button>
    </div>`;
  }

  protected override updated(changed: PropertyValues): void {
    const grid = this.grid;
    const body = this.body;
    if (changed.has("columns")) {
      this.fit();
      for (const row of this.pool) row.remove();
      this.pool = [];
    }
    const sized = Math.max(1, Math.min(this.rows, this.source.length));
    grid.style.setProperty("--grid-height", `${(sized + 1) * ROW + 2}px`);
    body.style.height = `${this.source.length * ROW}px`;
    if (changed.has("source") && this.active >= this.source.length) this.active = 0;
    this.fill(true);
  }

  /** Columns that can be spared make way where there is no room for all. */
  private fit(): void {
    const grid = this.grid;
    const wide = this.columns.reduce((sum, column) => sum + least(column.width), 0);
    const narrow = grid.clientWidth > 0 && grid.clientWidth < wide;
    const used = this.columns.filter((column) => !narrow || !column.minor);
    grid.classList.toggle("narrow", narrow);
    grid.style.setProperty("--columns", used.map((column) => column.width).join(" "));
    grid.style.setProperty("--grid-width", `${used.reduce((sum, column) => sum + least(column.width), 0)}px`);
  }

  private get grid(): HTMLElement {
    return this.querySelector<HTMLElement>(".grid") ?? this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) this.sizes.observe(this.grid);
  }

  private get body(): HTMLElement {
    return this.querySelector<HTMLElement>(".grid-body") ?? this;
  }

  private get around(): HTMLElement {
    return this.querySelector<HTMLElement>(".grid-rows") ?? this;
  }

  protected override firstUpdated(): void {
    this.sizes.observe(this.grid);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.sizes.disconnect();
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  private readonly onScroll = () => {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.fill(false);
    });
  };

  /**
   * Put rows where they are seen; a row that is there already is left alone unless `anew`.
   *
   * All rows move at once, by the one element around them: a place of its own for each row would
   * make the browser compute the styles of every cell anew, which takes longer than a frame. Who
   * scrolls a little gets the rows that went out at one end back at the other; who drags past
   * thousands gets the same elements with other words in them.
   */
  private fill(anew: boolean): void {
    const grid = this.grid;
    const height = grid.clientHeight || (this.rows + 1) * ROW;
    const first = Math.max(0, Math.floor(grid.scrollTop / ROW) - SPARE);
    const last = Math.min(this.source.length, Math.ceil((grid.scrollTop + height) / ROW) + SPARE);
    this.source.want(first, last);
    const around = this.around;
    const needed = Math.ceil(height / ROW) + 2 * SPARE + 1;
    while (this.pool.length < needed) {
      const row = this.makeRow();
      this.pool.push(row);
      around.append(row);
    }
    const by = first - this.first;
    if (by > 0 && by < this.pool.length) {
      const gone = this.pool.splice(0, by);
      this.pool.push(...gone);
      around.append(...gone);
    } else if (by < 0 && -by < this.pool.length) {
      const gone = this.pool.splice(by);
      this.pool.unshift(...gone);
      around.prepend(...gone);
    }
    this.first = first;
    around.style.transform = `translateY(${first * ROW}px)`;
    this.pool.forEach((row, position) => {
      const index = first + position;
      if (index >= last) {
        if (!row.hidden) hide(row);
        return;
      }
      if (!anew && row.dataset["index"] === String(index) && row.dataset["state"] === "full") return;
      this.write(row, index);
    });
  }

  private makeRow(): HTMLElement {
    const row = document.createElement("div");
    row.className = `grid-row${this.opens ? " opens" : ""}`;
    row.setAttribute("role", "row");
    row.hidden = true;
    for (const column of this.columns) {
      const cell = document.createElement("div");
      cell.className = `grid-cell${column.end ? " end" : ""}${column.minor ? " minor" : ""}`;
      cell.setAttribute("role", "gridcell");
      row.append(cell);
    }
    return row;
  }

  private write(row: HTMLElement, index: number): void {
    const value = this.source.at(index);
    const state = value === undefined ? "waiting" : "full";
    if (row.dataset["index"] !== String(index)) {
      row.dataset["index"] = String(index);
      row.id = `${this.hint}-${index}`;
      row.setAttribute("aria-rowindex", String(index + 2));
    }
    if (row.hidden) row.hidden = false;
    row.classList.toggle("active", index === this.active && document.activeElement === this.grid);
    row.classList.toggle("current", value !== undefined && (this.current?.(value) ?? false));
    if (value !== undefined || row.dataset["state"] !== state) {
      this.columns.forEach((column, position) => {
        const cell = row.children[position] as HTMLElement | undefined;
        if (cell) write(cell, value === undefined ? { text: "…" } : asCell(column.cell(value)), column);
      });
    }
    row.dataset["state"] = state;
  }

  /** What a cell's title is, is asked for only where somebody points: it is long to write 400. */
  private readonly onOver = (event: MouseEvent) => {
    const cell = (event.target as HTMLElement).closest<HTMLElement>(".grid-body .grid-cell");
    const row = cell?.parentElement;
    const column = cell && row ? this.columns[[...row.children].indexOf(cell)] : undefined;
    const value = row && column ? this.source.at(Number(row.dataset["index"])) : undefined;
    if (!cell || !column || value === undefined) return;
    const shown = asCell(column.cell(value));
    cell.title = shown.title ?? shown.text;
  };

  private onSort(column: Column<T>): void {
    const same = this.sort?.key === column.key;
    const order: Order = same
      ? this.sort?.order === "ascending"
        ? "descending"
        : "ascending"
      : column.end
        ? "descending"
        : "ascending";
    this.dispatchEvent(new CustomEvent<SortState>(SORTED, { detail: { key: column.key, order } }));
    this.grid.scrollTop = 0;
  }

  private readonly onKey = (event: KeyboardEvent) => {
    if (event.target !== this.grid) return;
    const page = Math.max(1, Math.floor(this.grid.clientHeight / ROW) - 2);
    const to: Record<string, number> = {
      ArrowDown: this.active + 1,
      ArrowUp: this.active - 1,
      PageDown: this.active + page,
      PageUp: this.active - page,
      Home: 0,
      End: this.source.length - 1,
    };
    const target = to[event.key];
    if (target !== undefined) {
      event.preventDefault();
      this.goTo(Math.max(0, Math.min(this.source.length - 1, target)));
    } else if (event.key === "Enter" || event.key === " ") {
      const value = this.source.at(this.active);
      if (value !== undefined) {
        event.preventDefault();
        this.open(value, this.active);
      }
    }
  };

  private goTo(index: number): void {
    this.active = index;
    const grid = this.grid;
    const top = index * ROW;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top + 2 * ROW > grid.scrollTop + grid.clientHeight) {
      grid.scrollTop = top + 2 * ROW - grid.clientHeight;
    }
    this.fill(true);
    this.mark(true);
  }

  private mark(focused: boolean): void {
    for (const row of this.pool) {
      row.classList.toggle("active", focused && Number(row.dataset["index"]) === this.active && !row.hidden);
    }
    if (focused && this.source.length) this.grid.setAttribute("aria-activedescendant", `${this.hint}-${this.active}`);
    else this.grid.removeAttribute("aria-activedescendant");
  }

  private readonly onClick = (event: MouseEvent) => {
    const target = event.target as HTMLElement;
    if (target.closest("a, button")) return;
    const row = target.closest<HTMLElement>(".grid-body .grid-row");
    const value = row ? this.source.at(Number(row.dataset["index"])) : undefined;
    if (row && value !== undefined) this.open(value, Number(row.dataset["index"]));
  };

  private open(value: T, index: number): void {
    this.active = index;
    this.mark(document.activeElement === this.grid);
    if (!this.opens) {
      this.pool.find((row) => Number(row.dataset["index"]) === index && !row.hidden)
        ?.querySelector<HTMLAnchorElement>("a")
        ?.click();
      return;
    }
    this.dispatchEvent(new CustomEvent<T>(OPENED, { detail: value }));
  }
}

/** The least width of a column as CSS's grid has it: `minmax(84px, 1fr)` or `64px`. */
export function least(width: string): number {
  return Number(/(\d+)px/.exec(width)?.[1] ?? 0);
}

function hide(row: HTMLElement): void {
  row.hidden = true;
  row.removeAttribute("data-index");
  row.removeAttribute("id");
}

function write<T>(cell: HTMLElement, shown: Cell, column: Column<T>): void {
  const name = `grid-cell${column.end ? " end" : ""}${column.minor ? " minor" : ""}${
    shown.tone && shown.tone !== "none" ? ` ${shown.tone}` : ""
  }${shown.bar === undefined ? "" : " meter"}${shown.pill ? " pilled" : ""}`;
  if (cell.className !== name) cell.className = name;
  if (cell.title) cell.title = shown.title ?? shown.text;
  const bar = shown.bar === undefined ? "" : `${Math.round(Math.max(0, Math.min(1, shown.bar)) * 100)}%`;
  if ((cell.dataset["bar"] ?? "") !== bar) {
    cell.dataset["bar"] = bar;
    cell.style.setProperty("--bar", bar || null);
  }
  // The element inside is used again where it is of the right kind; a link that leads nowhere yet
  // is one that waits for its row.
  let inner = cell.firstElementChild as HTMLElement | null;
  if (!inner || (shown.href && inner.tagName !== "A")) {
    inner = document.createElement(shown.href ? "a" : "span");
    // The grid is one stop for the Tab key; Enter follows the link of the row.
    if (shown.href) inner.tabIndex = -1;
    cell.replaceChildren(inner);
  }
  if (inner instanceof HTMLAnchorElement) {
    if (!shown.href) inner.removeAttribute("href");
    else if (inner.getAttribute("href") !== shown.href) inner.setAttribute("href", shown.href);
  }
  const text = inner.firstChild;
  if (!(text instanceof Text)) inner.textContent = shown.text;
  else if (text.data !== shown.text) text.data = shown.text;
}

function asCell(shown: Cell | string): Cell {
  return typeof shown === "string" ? { text: shown } : shown;
}

define("vsm-table", VsmTable);

declare global {
  interface HTMLElementTagNameMap {
    "vsm-table": VsmTable;
  }
}
