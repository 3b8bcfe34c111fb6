/** The cluster's Monitor view: prices over time, pressure map, supply and demand, potential and bound. */

import { html, nothing, type TemplateResult } from "lit";
import { getEstate, getMarket, getPrices } from "../api/calls.js";
import type { Cluster, ClusterMarket, Estate, Prices } from "../api/schema.js";
import { Live } from "../app/live.js";
import { Loader } from "../app/loader.js";
import { href } from "../app/route.js";
import { figures, link, panel, pill } from "../parts/bits.js";
import "../parts/chart.js";
import { define, Part } from "../parts/element.js";
import "../parts/pressure-map.js";
import { ArrayRows, sorted } from "../parts/rows.js";
import { empty, failed, shown } from "../parts/states.js";
import type { SortState } from "../parts/table.js";
import "../parts/table.js";
import type { HostPrice as Host } from "../api/schema.js";
import { count, memory, plural, price, share } from "../text/format.js";
import { at } from "../text/time.js";
import { hostColumns } from "./columns.js";
import { advice, tileOf } from "./overview.js";
import { potentialPlot, pricesPlot, shownHosts, supplyPlot } from "./plots.js";

export class VsmCluster extends Part {
  static override properties = { cluster: { type: String }, card: { type: Boolean } };

  cluster = "";
  card = false;

  private readonly estate = new Loader<Estate>(this, getEstate);
  private readonly market = new Loader<ClusterMarket>(this, (signal) => getMarket(this.cluster, signal));
  private readonly prices = new Loader<Prices>(this, getPrices);
  protected readonly live = new Live(this, ["turn"], () => this.ask());
  private sort: SortState = { key: "price", order: "descending" };
  private asked = "";

  override willUpdate(): void {
    if (this.asked === this.cluster) return;
    this.asked = this.cluster;
    this.market.value = undefined;
    this.ask();
  }

  private ask(): void {
    void this.estate.run();
    void this.prices.run();
    if (!this.card) void this.market.run();
  }

  protected override render(): unknown {
    return html`<div class=${this.card ? "card-view" : "view"}>
      ${shown(this.estate, (estate) => this.about(estate), "Reading the cluster")}
    </div>`;
  }

  private about(estate: Estate): unknown {
    const cluster = estate.clusters.find((item) => item.moid === this.cluster || item.name === this.cluster);
    if (!cluster) {
      return empty(
        "The market does not know this cluster",
        `It reads ${estate.source.name}, last at ${at(estate.taken_at)}. A new cluster is there after its next look.`,
      );
    }
    if (this.card) return this.summary(estate, cluster);
    return html`
      <div class="title">
        <h1>${cluster.name}</h1>
        ${cluster.squeezed_vms ? pill(`${plural(cluster.squeezed_vms, "VM")} short of memory`, "warn") : pill("calm", "good")}
        <p class="lead">
          Cluster${cluster.datacenter ? ` in ${cluster.datacenter}` : ""}: ${plural(cluster.hosts, "host")},
          ${plural(cluster.vms, "VM")}, DRS ${cluster.drs ?? "off"}, HA ${cluster.ha ? "on" : "off"}; as of
          ${at(estate.taken_at)}.
        </p>
      </div>
      ${advice(estate)} ${numbers(cluster)}
      ${this.market.problem ? failed(this.market.problem, () => void this.market.run()) : nothing}
      ${this.market.value || !this.market.problem ? shown(this.market, (market) => this.charts(market), "Reading the market") : nothing}
      ${shown(this.prices, (prices) => this.hosts(prices, cluster), "Reading the prices")}
    `;
  }

  private charts(market: ClusterMarket): TemplateResult {
    const prices = pricesPlot(market);
    const potential = potentialPlot(market);
    const clearing = market.equilibrium.price;
    const many = market.series.hosts.length;
    const drawn = shownHosts(market).length;
    return html`<div class="columns">
      ${panel(
        "Prices over time",
        prices
          ? html`<vsm-chart .plot=${prices} label="Prices of the hosts over time, in points for a MiB"></vsm-chart>`
          : empty("No prices yet", "They are drawn from the second look at the estate on."),
        {
          note:
            drawn < many
              ? `The ${drawn} dearest of ${count(many)} hosts, and the middle of all.`
              : "Points for a MiB, on a logarithmic scale.",
        },
      )}
      ${panel(
        "Supply and demand",
        html`<vsm-chart
          .plot=${supplyPlot(market)}
          label="Supply and demand of memory: what is offered and what is paid, by price"
        ></vsm-chart>`,
        {
          note: `What is paid above the even price${clearing === null ? "" : ` of ${price(clearing)} points/MiB`} is what trading can spare; it would be everybody's price if every VM could live on every host.`,
        },
      )}
      ${panel(
        "Potential against its bound",
        potential
          ? html`<vsm-chart .plot=${potential} label="Potential before and after each plan, and the bound that no placement can beat"></vsm-chart>`
          : empty("No plans yet"),
        { note: "Of the whole estate: what pressure costs now, after the plan, and what no placement can beat." },
      )}
      ${panel(
        "Pressure map",
        this.prices.value
          ? html`<vsm-pressure-map
              .tiles=${sorted(inCluster(this.prices.value, this.cluster), (host) => host.name, "ascending").map(tileOf)}
            ></vsm-pressure-map>`
          : nothing,
        { note: "How much of what each host has for sale is sold." },
      )}
    </div>`;
  }

  private hosts(prices: Prices, cluster: Cluster): TemplateResult {
    const rows = sorted(
      inCluster(prices, cluster.moid),
      (host) => host[this.sort.key as keyof Host] as number | string,
      this.sort.order,
    );
    return panel(
      "Hosts by price",
      html`<vsm-table
        label="Hosts of the cluster by price"
        .columns=${hostColumns(false)}
        .source=${new ArrayRows(rows)}
        .sort=${this.sort}
        .rows=${12}
        empty="The cluster has no host."
        @vsm-sort=${(event: CustomEvent<SortState>) => {
          this.sort = event.detail;
          this.requestUpdate();
        }}
      ></vsm-table>`,
      { flush: true, end: link(href(["vms"], { cluster: cluster.moid }), "Its VMs") },
    );
  }

  private summary(estate: Estate, cluster: Cluster): TemplateResult {
    return html`<p>
        ${cluster.squeezed_vms
          ? pill(`${plural(cluster.squeezed_vms, "VM")} short of memory`, "warn")
          : pill("no VM is short of memory", "good")}
      </p>
      <dl class="facts-list">
        <dt>Sold</dt>
        <dd>${share(cluster.load)} of ${memory(cluster.usable_mib)}</dd>
        <dt>Prices</dt>
        <dd>${price(cluster.price_low)} to ${price(cluster.price_high)} points/MiB</dd>
        <dt>The market's plan</dt>
        <dd>${estate.plan_steps ? plural(estate.plan_steps, "step") : "nothing to do"}</dd>
      </dl>`;
  }
}

function inCluster(prices: Prices, cluster: string): Host[] {
  return prices.hosts.filter((host) => host.cluster === cluster || host.cluster_name === cluster);
}

function numbers(cluster: Cluster): TemplateResult {
  return figures(
    [
      {
        label: "Sold",
        value: share(cluster.load),
        note: `of ${memory(cluster.usable_mib)} for sale`,
        tone: (cluster.load ?? 0) >= 1 ? "bad" : (cluster.load ?? 0) >= 0.9 ? "warn" : "none",
      },
      { label: "Its VMs would hold", value: share(cluster.footprint), note: "of that, if nobody squeezed them" },
      { label: "Lowest price", value: price(cluster.price_low), note: "points for a MiB" },
      { label: "Highest price", value: price(cluster.price_high), note: "points for a MiB" },
      {
        label: "Short of memory",
        value: count(cluster.squeezed_vms),
        note: `of ${count(cluster.running_vms)} running VMs`,
        tone: cluster.squeezed_vms ? "warn" : "good",
      },
    ],
    "Figures of the cluster",
  );
}

define("vsm-cluster", VsmCluster);
