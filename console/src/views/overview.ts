/** The estate at a glance: what is squeezed, what the market would do, and where it hurts. */

import { html, nothing } from "lit";
import { getEstate, getPrices } from "../api/calls.js";
import type { Diagnosis as Squeezed, Estate, HostPrice as Host, Prices } from "../api/schema.js";
import { Live } from "../app/live.js";
import { Loader } from "../app/loader.js";
import { href } from "../app/route.js";
import { figures, link, panel, pill } from "../parts/bits.js";
import { define, Part } from "../parts/element.js";
import "../parts/pressure-map.js";
import type { Tile } from "../parts/pressure-map.js";
import { ArrayRows, sorted } from "../parts/rows.js";
import { empty, sentence, shown } from "../parts/states.js";
import type { SortState } from "../parts/table.js";
import "../parts/table.js";
import { count, memory, percent, plural, points, rate } from "../text/format.js";
import { at } from "../text/time.js";
import { hostColumns } from "./columns.js";

export function tileOf(host: Host): Tile {
  return {
    moid: host.moid,
    name: host.name,
    cluster: host.cluster_name ?? "",
    load: host.load,
    price: host.price,
    pressure: host.pressure,
    squeezed_mib: (host.ballooned_mib ?? 0) + (host.swapped_mib ?? 0),
    vms: host.vms,
    href: href(["hosts", host.moid]),
  };
}

export class VsmOverview extends Part {
  private readonly estate = new Loader<Estate>(this, getEstate);
  private readonly prices = new Loader<Prices>(this, getPrices);
  protected readonly live = new Live(this, ["turn"], () => this.ask());
  private sort: SortState = { key: "price", order: "descending" };

  override connectedCallback(): void {
    super.connectedCallback();
    this.ask();
  }

  private ask(): void {
    void this.estate.run();
    void this.prices.run();
  }

  protected override render(): unknown {
    return html`<div class="view">
      ${shown(this.estate, (estate) => this.whole(estate), "Reading the estate")}
      ${this.estate.value ? shown(this.prices, (prices) => this.market(prices), "Reading the prices") : nothing}
    </div>`;
  }

  private whole(estate: Estate): unknown {
    const { squeeze, certificate } = estate;
    return html`
      <div class="title">
        <h1>Overview</h1>
        <p class="lead">
          ${plural(estate.hosts, "host")} and ${plural(estate.vms, "VM")} of ${estate.source.name}, as of
          ${at(estate.taken_at)}.
        </p>
      </div>
      ${advice(estate)}
      ${figures(
        [
          {
            label: "Short of memory",
            value: count(estate.squeezed_vms),
            note: `of ${count(estate.running_vms)} running VMs; ${count(estate.hurting_vms)} suffer`,
            tone: estate.hurting_vms ? "bad" : estate.squeezed_vms ? "warn" : "good",
          },
          { label: "Ballooned", value: memory(squeeze.ballooned_mib) },
          { label: "Swapped", value: memory(squeeze.swapped_mib) },
          {
            label: "Swap-in",
            value: rate(squeeze.swapin_kibps),
            tone: (squeeze.swapin_kibps ?? 0) > 0 ? "bad" : "none",
          },
          {
            label: "Potential",
            value: points(estate.potential),
            note: "points; what pressure costs, as the market counts it",
          },
          {
            label: "After the plan",
            value: points(certificate.potential_after),
            note: `no placement below ${points(certificate.lower_bound)} (gap ${percent(certificate.gap_pct)})`,
          },
        ],
        "The estate in figures",
      )}
      ${estate.missing.length || estate.policy_findings.length
        ? html`<div class="callout warn">
            <div class="grow">
              ${estate.missing.map((what) => html`<p>vCenter does not say: ${what}</p>`)}
              ${estate.policy_findings.map((item) => html`<p><b>${item.where}</b> ${sentence(item.what)} ${item.cure}</p>`)}
            </div>
          </div>`
        : nothing}
    `;
  }

  private market(prices: Prices): unknown {
    const rows = sorted(prices.hosts, (host) => host[this.sort.key as keyof Host] as number | string, this.sort.order);
    return html`
      <div class="columns">
        ${panel(
          "Pressure map",
          prices.hosts.length
            ? html`<vsm-pressure-map .tiles=${sorted(prices.hosts, (host) => host.name, "ascending").map(tileOf)}></vsm-pressure-map>`
            : empty("There are no hosts"),
          { note: "How much of what each host has for sale is sold." },
        )}
        ${panel("Who is short of memory, and why", squeezed(prices), {
          end: prices.squeezed_total ? link(href(["vms"], { squeezed: "yes" }), "All of them") : nothing,
        })}
      </div>
      ${panel(
        "Hosts by price",
        html`<vsm-table
          label="Hosts by price"
          .columns=${hostColumns(true)}
          .source=${new ArrayRows(rows)}
          .sort=${this.sort}
          .rows=${12}
          empty="There are no hosts."
          @vsm-sort=${(event: CustomEvent<SortState>) => {
            this.sort = event.detail;
            this.requestUpdate();
          }}
        ></vsm-table>`,
        { flush: true },
      )}
    `;
  }
}

/** What to do next, in one sentence with one button. */
export function advice(estate: Estate): unknown {
  const gain = gainOf(estate);
  if (estate.plan_steps > 0) {
    return html`<div class="callout ${estate.hurting_vms ? "bad" : "warn"}">
      <p class="grow">
        <b>The market has a plan: ${plural(estate.plan_steps, "step")}.</b>
        ${gain === null ? nothing : html`They take away ${percent(gain, 0)} of the cost of pressure.`} Nothing is done
        before you approve it, unless a policy makes it automatic.
      </p>
      <cds-button size="sm" @click=${() => (location.hash = href(["plan"]).slice(1))}>Review the plan</cds-button>
    </div>`;
  }
  return estate.squeezed_vms
    ? html`<div class="callout warn">
        <p class="grow">
          <b>VMs are short of memory, and the market has no trade that is worth its disturbance.</b>
          ${link(href(["vms"], { squeezed: "yes" }), "See why")}.
        </p>
      </div>`
    : html`<div class="callout good">
        <p class="grow"><b>Nothing to do.</b> No VM is short of memory, and no trade is worth its disturbance.</p>
      </div>`;
}

export function gainOf(estate: Pick<Estate, "certificate">): number | null {
  const { potential_before: before, potential_after: after } = estate.certificate;
  return before === null || after === null || before <= 0 ? null : ((before - after) / before) * 100;
}

/** Squeezed VMs by cause and host: who has one cause on one host is one line. */
function squeezed(prices: Prices): unknown {
  if (!prices.squeezed.length) return empty("No VM is short of memory");
  const groups = new Map<string, Squeezed[]>();
  for (const item of prices.squeezed) {
    const key = `${item.cause} ${item.host?.moid ?? ""}`;
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return html`<div class="scroll" tabindex="0" role="region" aria-label="VMs that are short of memory">
    <table class="plain">
      <thead>
        <tr>
          <th scope="col">Cause</th>
          <th scope="col">VMs</th>
          <th scope="col" class="end">Taken away</th>
        </tr>
      </thead>
      <tbody>
        ${[...groups.values()].map((items) => {
          const [first] = items;
          if (!first) return nothing;
          const host = first.host;
          return html`<tr>
            <td>
              ${pill(first.cause_words, items.some((item) => item.hurts) ? "bad" : "warn")}
              ${host ? html`<div class="small">${link(href(["hosts", host.moid]), host.name)}</div>` : nothing}
            </td>
            <td>
              ${items.slice(0, 4).map((item, index) => html`${index ? ", " : ""}${link(href(["vms", item.vm.moid]), item.vm.name)}`)}
              ${items.length > 4 ? html` and ${count(items.length - 4)} more` : nothing}
            </td>
            <td class="end num">${memory(items.reduce((sum, item) => sum + (item.taken_mib ?? 0), 0))}</td>
          </tr>`;
        })}
      </tbody>
    </table>
  </div>`;
}

define("vsm-overview", VsmOverview);
