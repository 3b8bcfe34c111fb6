/** All hosts, and all VMs: 40,000 of them are looked through page by page. */

import { html, nothing, type PropertyValues } from "lit";
import { getEstate, getHosts, getVms } from "../api/calls.js";
import type { Estate, HostPrice } from "../api/schema.js";
import type { Problem } from "../api/link.js";
import { Live } from "../app/live.js";
import { asProblem, Loader } from "../app/loader.js";
import { go, href } from "../app/route.js";
import { define, Part } from "../parts/element.js";
import { PagedRows } from "../parts/rows.js";
import { failed } from "../parts/states.js";
import type { Column, SortState } from "../parts/table.js";
import "../parts/table.js";
import { count, plural } from "../text/format.js";
import { causeShort } from "../text/words.js";
import { hostColumns, VM_FIELDS, vmColumns, type Vm } from "./columns.js";

const PAGE = 200;

/** What hosts and VMs have in common: filters in the address, sorting and pages by the service. */
abstract class List<T> extends Part {
  static override properties = { query: { attribute: false } };

  /** Filters, as the address has them. */
  query = new URLSearchParams();

  protected abstract readonly what: string;
  protected abstract readonly path: string[];
  protected abstract readonly firstSort: SortState;
  protected rows: PagedRows<T> | undefined;
  protected version = 0;
  protected problem: Problem | undefined;
  protected loaded = false;
  protected readonly live = new Live(this, ["turn"], () => this.load(this.rows?.inSight), 1000);
  private typing: ReturnType<typeof setTimeout> | undefined;

  protected abstract columns(): Column<T>[];
  protected abstract filters(): unknown;
  protected abstract page(offset: number, limit: number, signal: AbortSignal): Promise<{ items: T[]; total: number }>;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.rows?.stop();
    clearTimeout(this.typing);
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("query")) this.load();
  }

  protected get sort(): SortState {
    const text = this.query.get("sort");
    if (!text) return this.firstSort;
    return text.startsWith("-") ? { key: text.slice(1), order: "descending" } : { key: text, order: "ascending" };
  }

  protected get sortText(): string {
    return `${this.sort.order === "descending" ? "-" : ""}${this.sort.key}`;
  }

  /** Ask anew, first for what is in sight; what is shown stays until the answer is there. */
  private load(inSight: readonly [number, number] = [0, 1]): void {
    const mine: PagedRows<T> = new PagedRows<T>(
      async (offset, limit, signal) => {
        const got = await this.page(offset, limit, signal);
        return { total: got.total, rows: got.items };
      },
      (problem) => {
        this.problem = problem === undefined ? undefined : asProblem(problem);
        this.loaded = true;
        if (problem === undefined && this.waiting === mine) {
          this.rows?.stop();
          this.rows = mine;
          this.waiting = undefined;
        }
        this.version += 1;
        this.requestUpdate();
      },
      PAGE,
    );
    this.waiting?.stop();
    this.waiting = mine;
    mine.want(...inSight);
  }

  private waiting: PagedRows<T> | undefined;

  /** Another filter or order: the address says which, so that it can be shared. */
  protected change(changes: Record<string, string>): void {
    const now = Object.fromEntries(this.query);
    go(href(this.path, { ...now, ...changes }));
  }

  protected type(name: string, event: Event): void {
    const text = (event.target as HTMLInputElement).value;
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.change({ [name]: text }), 250);
  }

  protected override render(): unknown {
    const rows = this.rows;
    return html`<div class="view fill">
      <div class="title">
        <h1>${this.what}</h1>
        <span class="soft" role="status">${rows ? count(rows.length) : ""}</span>
      </div>
      <div class="tools">${this.filters()}</div>
      ${this.problem ? failed(this.problem, () => this.load()) : nothing}
      <section class="panel" aria-label=${this.what} aria-busy=${this.loaded ? "false" : "true"}>
        ${rows || this.loaded
          ? html`<vsm-table
              .label=${this.what}
              .columns=${this.columns()}
              .source=${(rows ?? new PagedRows<T>(() => Promise.resolve({ total: 0, rows: [] }), () => undefined))}
              .sort=${this.sort}
              .version=${this.version}
              .rows=${200}
              empty=${this.query.size ? "Nothing fits the filters." : "There is nothing here."}
              @vsm-sort=${(event: CustomEvent<SortState>) =>
                this.change({ sort: `${event.detail.order === "descending" ? "-" : ""}${event.detail.key}` })}
            ></vsm-table>`
          : html`<div class="loading" role="status">
              <cds-progress-circle size="lg" status="info" aria-label="Loading"></cds-progress-circle><span>Reading …</span>
            </div>`}
      </section>
    </div>`;
  }

  protected search(label: string): unknown {
    return html`<label class="field"
      >${label}<input
        type="search"
        maxlength="200"
        .value=${this.query.get("find") ?? ""}
        @input=${(event: Event) => this.type("find", event)}
    /></label>`;
  }

  protected choices(name: string, label: string, options: readonly (readonly [string, string])[]): unknown {
    const chosen = this.query.get(name) ?? "";
    return html`<label class="field"
      >${label}<select @change=${(event: Event) => this.change({ [name]: (event.target as HTMLSelectElement).value })}>
        ${options.map(([value, text]) => html`<option value=${value} ?selected=${value === chosen}>${text}</option>`)}
      </select></label
    >`;
  }

  protected readonly clusters = new Loader<Estate>(this, getEstate);

  override connectedCallback(): void {
    super.connectedCallback();
    void this.clusters.run();
  }

  protected clusterChoice(): unknown {
    const clusters = this.clusters.value?.clusters ?? [];
    const chosen = this.query.get("cluster") ?? "";
    if (clusters.length < 2 && !chosen) return nothing;
    return this.choices("cluster", "Cluster", [
      ["", "all"],
      ...clusters.map((cluster) => [cluster.moid, cluster.name] as const),
    ]);
  }
}

export class VsmHosts extends List<HostPrice> {
  protected readonly what = "Hosts";
  protected readonly path = ["hosts"];
  protected readonly firstSort: SortState = { key: "price", order: "descending" };
  private readonly shown = hostColumns(true);

  protected columns(): Column<HostPrice>[] {
    return this.shown;
  }

  protected filters(): unknown {
    return html`${this.search("Find a host")} ${this.clusterChoice()}`;
  }

  protected async page(offset: number, limit: number, signal: AbortSignal): Promise<{ items: HostPrice[]; total: number }> {
    const query = {
      search: this.query.get("find") ?? undefined,
      cluster: this.query.get("cluster") ?? undefined,
      sort: this.sortText,
      offset,
      limit,
    };
    return getHosts(query, signal);
  }
}

const CAUSES = ["host-overcommit", "limit", "guest-full", "stale-swap", "balloon-without-pressure"];

export class VsmVms extends List<Vm> {
  protected readonly what = "Virtual machines";
  protected readonly path = ["vms"];
  protected readonly firstSort: SortState = { key: "name", order: "ascending" };
  private readonly shown = vmColumns({ host: true, cluster: true });

  protected columns(): Column<Vm>[] {
    return this.shown;
  }

  protected filters(): unknown {
    return html`
      ${this.search("Find a VM")} ${this.clusterChoice()}
      ${this.choices("squeezed", "Short of memory", [
        ["", "all VMs"],
        ["yes", "only those"],
        ["no", "only others"],
      ])}
      ${this.choices("cause", "Why", [["", "any cause"], ...CAUSES.map((cause) => [cause, causeShort(cause)] as const)])}
      ${this.query.size
        ? html`<cds-button size="sm" action="flat" @click=${() => go(href(["vms"]))}>Clear filters</cds-button>`
        : nothing}
      <span class="push note">${this.rows ? plural(this.rows.length, "VM") : ""}</span>
    `;
  }

  protected async page(offset: number, limit: number, signal: AbortSignal): Promise<{ items: Vm[]; total: number }> {
    const squeezed = this.query.get("squeezed");
    const query = {
      search: this.query.get("find") ?? undefined,
      cluster: this.query.get("cluster") ?? undefined,
      host: this.query.get("host") ?? undefined,
      cause: this.query.get("cause") ?? undefined,
      squeezed: squeezed === "yes" ? true : squeezed === "no" ? false : undefined,
      sort: this.sortText,
      fields: VM_FIELDS,
      offset,
      limit,
    };
    return getVms<Vm>(query, signal);
  }
}

define("vsm-hosts", VsmHosts);
define("vsm-vms", VsmVms);
