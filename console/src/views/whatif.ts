/** Suppose hosts fail, VMs come or demand grows: what would become of the estate. Changes nothing. */

import { html, nothing, type TemplateResult } from "lit";
import { askWhatif, finished, getEstate, getPrices, getWhatif } from "../api/calls.js";
import type { Entity, Estate, Prices } from "../api/schema.js";
import { Problem } from "../api/link.js";
import { asProblem, Loader } from "../app/loader.js";
import { submitForm } from "../parts/forms.js";
import { figures, panel } from "../parts/bits.js";
import { define, Part } from "../parts/element.js";
import { empty, failed } from "../parts/states.js";
import { count, memory, plural, points, price, share, span } from "../text/format.js";
import { suppose, words, type Question } from "./supposing.js";

interface HostSide {
  host: Entity;
  price: number | null;
  load: number | null;
  balloon_mib: number | null;
  swap_mib: number | null;
}

interface Side {
  potential: number | null;
  lower_bound: number | null;
  running: number;
  hosts: HostSide[];
  squeezed: { vm: Entity; host: Entity; balloon_mib: number | null; swap_mib: number | null }[];
  redundancy: { cluster: string; host: Entity; stranded: number; swap_mib: number | null; holds: boolean }[];
}

interface Outlook {
  now: Side;
  then: Side;
  traded: Side;
  stranded: Entity[];
  stuck: Entity[];
  plan: { steps: { kind: string; subject: Entity; reason: string }[] };
}

interface Headroom {
  cluster: string;
  profile: { like: Entity; size_mib: number | null } | null;
  comfortable: number;
  possible: number;
  comfort_price: number | null;
  days: number | null;
}

interface Quoted {
  host: Entity;
  cluster: string;
  price: number | null;
  quote: number | null;
  price_after: number | null;
  refused: string | null;
}

interface Answer {
  ask: Question;
  headroom?: Headroom[];
  quotes?: Quoted[];
}

export class VsmWhatif extends Part {
  static override properties = { query: { attribute: false } };

  query = new URLSearchParams();
  private readonly estate = new Loader<Estate>(this, getEstate);
  private readonly prices = new Loader<Prices>(this, getPrices);
  private answer: Answer | undefined;
  private asked = "";
  private problem: Problem | undefined;
  private working = false;
  private ended: AbortController | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.estate.run();
    void this.prices.run();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.ended?.abort();
  }

  protected override render(): unknown {
    const hosts = this.prices.value?.hosts ?? [];
    const clusters = this.estate.value?.clusters ?? [];
    const lost = this.query.get("lose") ?? "";
    return html`<div class="view">
      <div class="title">
        <h1>What if</h1>
        <p class="lead">Suppose something, and see prices, pressure and the market's answer. Nothing is changed and nothing written down.</p>
      </div>
      ${this.prices.problem ? failed(this.prices.problem, () => void this.prices.run()) : nothing}
      <form class="panel" @submit=${this.submit} aria-label="What is supposed">
        <div class="body suppose">
          <label class="field"
            >A host fails<select name="lose">
              <option value="">none</option>
              ${hosts.map((host) => html`<option value=${host.name} ?selected=${host.name === lost}>${host.name}</option>`)}
            </select></label
          >
          <label class="field"
            >A host enters maintenance<select name="maintenance">
              <option value="">none</option>
              ${hosts.map((host) => html`<option value=${host.name}>${host.name}</option>`)}
            </select></label
          >
          <label class="field">VMs are added<input name="add_vms" type="number" min="0" max="10000" value="0" /></label>
          <label class="field">of this size, GiB<input name="size_gib" type="number" min="0.1" step="any" placeholder="the usual" /></label>
          <label class="field">Hosts are added<input name="add_hosts" type="number" min="0" max="1000" value="0" /></label>
          <label class="field">Demand grows by, %<input name="grow_pct" type="number" min="-100" max="10000" step="any" value="0" /></label>
          ${clusters.length > 1
            ? html`<label class="field"
                >in cluster<select name="cluster">
                  <option value="">all, or the only one</option>
                  ${clusters.map((cluster) => html`<option value=${cluster.name}>${cluster.name}</option>`)}
                </select></label
              >`
            : nothing}
        </div>
        <div class="body buttons">
          <cds-button size="sm" ?disabled=${this.working} type="button" @click=${submitForm}>${this.working ? "Working it out …" : "Suppose"}</cds-button>
          <cds-button type="button" size="sm" action="outline" ?disabled=${this.working} @click=${() => void this.ask("headroom")}
            >How many more VMs fit?</cds-button
          >
          <cds-button type="button" size="sm" action="outline" ?disabled=${this.working} @click=${() => void this.ask("place")}
            >Where should a new VM live?</cds-button
          >
        </div>
      </form>
      ${this.problem ? failed(this.problem) : nothing}
      <div aria-live="polite" class="view-part">${this.answer ? this.result(this.answer) : nothing}</div>
    </div>`;
  }

  private readonly submit = (event: Event) => {
    event.preventDefault();
    void this.ask("outlook");
  };

  private async ask(what: Question): Promise<void> {
    const form = this.querySelector("form");
    if (!form || this.working) return;
    const wanted = suppose(new FormData(form), what);
    this.ended?.abort();
    const mine = new AbortController();
    this.ended = mine;
    this.working = true;
    this.problem = undefined;
    this.requestUpdate();
    try {
      const job = await askWhatif(wanted);
      await finished(job, mine.signal);
      const found = await getWhatif(job.id, mine.signal);
      this.answer = found.result as unknown as Answer;
      this.asked = words(wanted);
    } catch (error) {
      if (mine.signal.aborted) return;
      this.problem = asProblem(error);
      this.answer = undefined;
    } finally {
      this.working = false;
      this.requestUpdate();
    }
  }

  private result(answer: Answer): unknown {
    if (answer.headroom) return headroomPanel(answer.headroom);
    if (answer.quotes) return quotesPanel(answer.quotes);
    return this.outlook(answer as unknown as Outlook);
  }

  private outlook(seen: Outlook): TemplateResult {
    const swap = (side: Side) => side.hosts.reduce((sum, host) => sum + (host.swap_mib ?? 0), 0);
    const balloon = (side: Side) => side.hosts.reduce((sum, host) => sum + (host.balloon_mib ?? 0), 0);
    const weak = seen.then.redundancy.filter((item) => !item.holds);
    return html`
      <h2>If ${this.asked}</h2>
      ${figures(
        [
          { label: "Potential now", value: points(seen.now.potential), note: "points: the cost of pressure" },
          {
            label: "Then",
            value: points(seen.then.potential),
            tone: (seen.then.potential ?? 0) > (seen.now.potential ?? 0) ? "bad" : "good",
          },
          {
            label: "Then, after trading",
            value: points(seen.traded.potential),
            note: `${plural(seen.plan.steps.length, "step")}; no placement below ${points(seen.then.lower_bound)}`,
          },
          { label: "Would swap", value: memory(swap(seen.then)), note: `after trading ${memory(swap(seen.traded))}`, tone: swap(seen.then) >= 1 ? "bad" : "none" },
          { label: "Would balloon", value: memory(balloon(seen.then)), note: `after trading ${memory(balloon(seen.traded))}` },
          {
            label: "Could not restart",
            value: count(seen.stranded.length),
            note: seen.stranded.slice(0, 3).map((vm) => vm.name).join(", "),
            tone: seen.stranded.length ? "bad" : "none",
          },
        ],
        "What would become of it",
      )}
      ${weak.length
        ? html`<div class="callout warn">
            <p class="grow">
              ${weak.map(
                (item) => html`Cluster <b>${item.cluster}</b> could not lose ${item.host.name} as well: ${plural(item.stranded, "VM")} would find no
                  room${(item.swap_mib ?? 0) >= 1 ? ` and ${memory(item.swap_mib)} would be swapped` : ""}. `,
              )}
            </p>
          </div>`
        : nothing}
      <div class="columns">${panel("Hosts", hostsTable(seen))} ${panel("What the market would do then", stepsOf(seen))}</div>
    `;
  }
}

function hostsTable(seen: Outlook): TemplateResult {
  const now = new Map(seen.now.hosts.map((host) => [host.host.moid, host]));
  const traded = new Map(seen.traded.hosts.map((host) => [host.host.moid, host]));
  const names = [...new Map([...seen.now.hosts, ...seen.then.hosts].map((host) => [host.host.moid, host.host.name]))];
  const then = new Map(seen.then.hosts.map((host) => [host.host.moid, host]));
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Hosts now, then and after trading">
    <table class="plain">
      <thead>
        <tr>
          <th scope="col">Host</th>
          <th scope="col" class="end">Sold now</th>
          <th scope="col" class="end">then</th>
          <th scope="col" class="end">after trading</th>
          <th scope="col" class="end">Price then</th>
          <th scope="col" class="end">Would swap</th>
        </tr>
      </thead>
      <tbody>
        ${names.map(
          ([moid, name]) =>
            html`<tr>
              <th scope="row">${name}</th>
              <td class="end num">${share(now.get(moid)?.load)}</td>
              <td class="end num">${then.has(moid) ? share(then.get(moid)?.load) : "lost"}</td>
              <td class="end num">${share(traded.get(moid)?.load)}</td>
              <td class="end num">${price(then.get(moid)?.price)}</td>
              <td class="end num">${memory(then.get(moid)?.swap_mib)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function stepsOf(seen: Outlook): TemplateResult {
  const { steps } = seen.plan;
  if (!steps.length) return empty("Nothing", "No trade would be worth its disturbance.");
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Steps that the market would take">
    <ul class="lines">
      ${steps.slice(0, 40).map((step) => html`<li><b>${step.subject.name}</b><div class="note">${step.reason}</div></li>`)}
      ${steps.length > 40 ? html`<li class="note">and ${count(steps.length - 40)} more</li>` : nothing}
    </ul>
  </div>`;
}

function headroomPanel(found: readonly Headroom[]): TemplateResult {
  return panel(
    "How many more VMs fit",
    found.length
      ? html`<table class="plain">
          <thead>
            <tr>
              <th scope="col">Cluster</th>
              <th scope="col" class="end">Fit well</th>
              <th scope="col" class="end">Fit at all</th>
              <th scope="col">VMs like</th>
              <th scope="col" class="end">Lasts</th>
            </tr>
          </thead>
          <tbody>
            ${found.map(
              (item) =>
                html`<tr>
                  <th scope="row">${item.cluster}</th>
                  <td class="end num">${count(item.comfortable)}</td>
                  <td class="end num">${count(item.possible)}</td>
                  <td>${item.profile ? `${item.profile.like.name} (${memory(item.profile.size_mib)})` : "none runs"}</td>
                  <td class="end num">${item.days === null ? "not known" : span(item.days * 86_400)}</td>
                </tr>`,
            )}
          </tbody>
        </table>`
      : empty("There is no cluster with hosts"),
    { note: `They fit well as long as one more MiB costs at most ${price(found[0]?.comfort_price)} points where they go.` },
  );
}

function quotesPanel(found: readonly Quoted[]): TemplateResult {
  const best = found.find((item) => item.refused === null);
  return panel(
    "Quotes for a new VM",
    html`<table class="plain">
      <thead>
        <tr>
          <th scope="col">Host</th>
          <th scope="col">Cluster</th>
          <th scope="col" class="end">Quote, points</th>
          <th scope="col" class="end">Price now</th>
          <th scope="col" class="end">with it</th>
          <th scope="col">Refused because</th>
        </tr>
      </thead>
      <tbody>
        ${found.slice(0, 50).map(
          (item) =>
            html`<tr class=${item === best ? "home" : ""}>
              <th scope="row">${item.host.name}</th>
              <td>${item.cluster}</td>
              <td class="end num">${points(item.quote)}</td>
              <td class="end num">${price(item.price)}</td>
              <td class="end num">${price(item.price_after)}</td>
              <td>${item.refused ?? ""}</td>
            </tr>`,
        )}
      </tbody>
    </table>`,
    { note: best ? `It lives cheapest on ${best.host.name}.` : "No host can take it." },
  );
}

define("vsm-whatif", VsmWhatif);
