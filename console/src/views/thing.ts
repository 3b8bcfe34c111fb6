/** One VM or one host: why it is as it is, what the market offers it, and what was done. */

import { html, nothing, type TemplateResult } from "lit";
import { explain } from "../api/calls.js";
import type { Cure, Explanation, Flip, Offer, Paid, PastAction, Since, Step } from "../api/schema.js";
import { app } from "../app/app.js";
import { Live } from "../app/live.js";
import { Loader } from "../app/loader.js";
import { href } from "../app/route.js";
import { facts, figures, link, panel, pill } from "../parts/bits.js";
import "../parts/chart.js";
import type { Plot } from "../parts/chart.js";
import { define, Part } from "../parts/element.js";
import { empty, sentence, shown } from "../parts/states.js";
import { count, evidence, memory, percent, plural, points, price, rate, share } from "../text/format.js";
import { at } from "../text/time.js";
import { capital, causeShort, kindWord, outcomeTone, plain, pressureTone, pressureWord } from "../text/words.js";
import { quotesTable } from "./step.js";

export class VsmThing extends Part {
  static override properties = { thing: { type: String }, card: { type: Boolean } };

  /** Managed object id, or a name. */
  thing = "";
  /** As a card of the vSphere Client's Summary. */
  card = false;

  private readonly found = new Loader<Explanation>(this, (signal) => explain(this.thing, signal));
  protected readonly live = new Live(this, ["turn"], () => void this.found.run());
  private asked = "";

  override willUpdate(): void {
    if (this.asked === this.thing) return;
    this.asked = this.thing;
    void this.found.run(true);
  }

  protected override render(): unknown {
    const view = (found: Explanation) =>
      this.card ? summaryCard(found) : found.thing === "vm" ? vmView(found) : hostView(found);
    const missing = this.found.problem && !this.found.value;
    return html`<div class=${this.card ? "card-view" : "view"}>
      ${missing ? html`<h1 class="visually-hidden">${this.thing}</h1>` : nothing}
      ${shown(this.found, view, "Asking why")}
    </div>`;
  }
}

function number(found: Explanation, name: string): number | null {
  return found.numbers.find((item) => item.name === name)?.value ?? null;
}

function verdict(found: Explanation): TemplateResult {
  const tone = found.diagnosis ? (found.diagnosis.hurts ? "bad" : "warn") : "good";
  const next = found.steps[0];
  return html`<div class="callout ${tone}">
    <p class="grow">
      <b>${found.headline}</b> ${found.because ? sentence(`That is because ${found.because}`) : nothing}
      ${found.since ? sinceWhen(found.since) : nothing} ${next ? html`In the plan: ${describe(found.steps)}.` : nothing}
    </p>
    ${next ? link(href(["plan"], { step: next.id }), "Review it in the plan") : nothing}
  </div>`;
}

/** "It has been so since … (4 looks in a row)." */
function sinceWhen(since: Since): string {
  const known = since.at_least ? ", as long as it is remembered" : "";
  return `It has been so since ${at(since.at)} (${plural(since.looks, "look")} in a row${known}).`;
}

function describe(steps: readonly Step[]): string {
  return steps
    .slice(0, 2)
    .map((step) => step.text)
    .join(", then ")
    .concat(steps.length > 2 ? ` and ${count(steps.length - 2)} more` : "");
}

function vmView(found: Explanation): TemplateResult {
  const diagnosis = found.diagnosis;
  return html`
    <div class="title">
      <h1>${found.subject.name}</h1>
      ${diagnosis ? pill(causeShort(diagnosis.cause), diagnosis.hurts ? "bad" : "warn") : pill("has what it needs", "good")}
      <p class="lead">
        Virtual machine ${found.host ? html`on ${link(href(["hosts", found.host.moid]), found.host.name)}` : "on no host"}
      </p>
    </div>
    ${verdict(found)}
    ${figures(
      [
        { label: "Size", value: memory(number(found, "size")) },
        { label: "Works with", value: memory(number(found, "working set")), note: `confidence ${share(found.confidence)}` },
        { label: "Ballooned", value: memory(number(found, "ballooned")) },
        { label: "Swapped", value: memory(number(found, "swapped")) },
        { label: "Swap-in", value: rate(number(found, "swap-in")), tone: (number(found, "swap-in") ?? 0) > 0 ? "bad" : "none" },
        { label: "Waits for memory", value: percent(number(found, "memory latency")) },
        { label: "Price here", value: price(found.market?.price), note: "points for a MiB" },
        { label: "Pays", value: points(found.paid?.bill.total), note: "points, for all it takes" },
      ],
      "Figures of the VM",
    )}
    <div class="columns">
      ${panel("What the market offers", offersTable(found.offers), {
        note: "Every kind of trade, judged at the same prices.",
      })}
      ${panel("Quotes of the hosts", found.quotes.length ? quotesTable(found.quotes) : empty("No host quotes for it"), {
        note: "What its living there would cost everybody, in points; the cheapest host wins if the move is worth it.",
      })}
      ${evidencePanel(found)} ${found.diagnosis ? curesPanel(found.cures) : nothing} 
      ${flipsPanel(found.flips.filter((flip) => !flip.taken))} ${flipsPanel(found.flips.filter((flip) => flip.taken))}
      ${billPanel(found.paid)} ${numbersPanel(found)} ${settingsPanel(found)}
    </div>
    ${refusalsPanel(found)} ${actionsPanel(found.actions)}
  `;
}

function hostView(found: Explanation): TemplateResult {
  const market = found.market;
  const plot = samplesPlot(found);
  return html`
    <div class="title">
      <h1>${found.subject.name}</h1>
      ${market ? pill(pressureWord(market.pressure), pressureTone(market.pressure)) : nothing}
      <p class="lead">
        Host${market?.cluster
          ? html` of ${link(href(["clusters", market.cluster]), market.cluster_name ?? market.cluster)}`
          : ", in no cluster"}
      </p>
    </div>
    ${market && !market.fit
      ? html`<div class="callout warn">
          <p class="grow">It takes no VMs: not connected, resting, excluded, or closed by HA or vSAN.</p>
        </div>`
      : nothing}
    ${market
      ? figures(
          [
            { label: "Price", value: price(market.price), note: "points for a MiB" },
            {
              label: "Sold",
              value: share(market.load),
              note: `of ${memory(market.usable_mib)} for sale`,
              tone: (market.load ?? 0) >= 1 ? "bad" : (market.load ?? 0) >= 0.9 ? "warn" : "none",
            },
            { label: "Its VMs would hold", value: share(market.footprint), note: "of that, if nobody squeezed them" },
            { label: "Ballooned", value: memory(market.ballooned_mib) },
            { label: "Swapped", value: memory(market.swapped_mib) },
            { label: "Swap rate", value: rate(market.swap_kibps), tone: (market.swap_kibps ?? 0) > 0 ? "bad" : "none" },
            { label: "VMs", value: count(market.vms) },
          ],
          "Figures of the host",
        )
      : nothing}
    <div class="columns">
      ${panel(
        "Price over time",
        plot
          ? html`<vsm-chart .plot=${plot} label=${`Price of ${found.subject.name} over time`} .height=${200}></vsm-chart>`
          : empty("The journal has no samples of it yet"),
      )}
      ${panel(
        "What its price is made of",
        found.price_parts.length
          ? facts(found.price_parts.map((item) => [item.name, evidence(item.value, item.unit)] as const))
          : empty("It sells nothing"),
      )}
      ${panel("Its VMs", tenantsTable(found), { note: "The largest first." })}
      ${panel(
        "What the market would do here",
        found.steps.length ? stepsTable(found.steps) : empty("Nothing", "No trade with this host is worth its disturbance."),
      )}
      ${numbersPanel(found)} ${settingsPanel(found)}
    </div>
    ${actionsPanel(found.actions)}
  `;
}

function samplesPlot(found: Explanation): Plot | null {
  if (!found.samples.length) return null;
  const samples = [...found.samples].sort((a, b) => a.at.localeCompare(b.at));
  return {
    x: samples.map((item) => Date.parse(item.at) / 1000),
    yLabel: "points/MiB",
    yFormat: price,
    log: true,
    series: [
      { label: "Price", color: "--vsm-series-1", values: samples.map((item) => item.price), format: price, fill: true, step: true },
    ],
  };
}

function offersTable(offers: readonly Offer[]): TemplateResult {
  return html`<table class="plain">
    <thead>
      <tr>
        <th scope="col">Kind</th>
        <th scope="col">Verdict</th>
        <th scope="col" class="end">Saves</th>
        <th scope="col" class="end">Costs</th>
      </tr>
    </thead>
    <tbody>
      ${offers.map(
        (offer) =>
          html`<tr>
            <th scope="row">${kindWord(offer.kind)}${offer.chosen ? html`<br />${pill("in the plan", "info")}` : nothing}</th>
            <td>${offer.text ? html`${offer.text}<br />` : nothing}<span class="note">${sentence(offer.sentence)}</span></td>
            <td class="end num">${points(offer.saving)}</td>
            <td class="end num">${points(offer.disruption)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** What guest and host show at the same time: the cause is where they agree. */
function evidencePanel(found: Explanation): unknown {
  if (!found.inside.length && !found.outside.length) return nothing;
  const told = (side: Explanation["inside"]) => facts(side.map((item) => [item.name, evidence(item.value, item.unit)] as const));
  return panel(
    "What shows it",
    html`<h3>Its guest</h3>
      ${told(found.inside)}
      <h3>Its host</h3>
      ${told(found.outside)}`,
  );
}

function curesPanel(cures: readonly Cure[]): TemplateResult {
  return panel(
    "What would cure it",
    cures.length
      ? html`<table class="plain">
          <thead>
            <tr>
              <th scope="col">Cure</th>
              <th scope="col">Cures</th>
              <th scope="col" class="end">Saves</th>
              <th scope="col" class="end">Costs</th>
            </tr>
          </thead>
          <tbody>
            ${cures.map(
              (cure) =>
                html`<tr>
                  <th scope="row">${capital(cure.text)}<div class="note">${sentence(cure.sentence)}</div></th>
                  <td>${cure.whole ? "wholly" : "in part"}</td>
                  <td class="end num">${points(cure.saving)}</td>
                  <td class="end num">${points(cure.disruption)}</td>
                </tr>`,
            )}
          </tbody>
        </table>`
      : empty("Nothing here would cure it"),
    { note: "The cheapest first. People have to do what no action of the market can." },
  );
}

/** What the VM pays, for what, and the bill of the application that it is a part of. */
function billPanel(paid: Paid | null): unknown {
  if (!paid) return nothing;
  const lines: [string, unknown][] = [
    ...paid.goods.filter((item) => item.value).map((item): [string, unknown] => [item.name, points(item.value)]),
    ...(paid.bill.limit ? [["its own memory limit", points(paid.bill.limit)] as [string, unknown]] : []),
    ...(paid.bill.pool ? [["limits of resource pools", points(paid.bill.pool)] as [string, unknown]] : []),
    ["in all", points(paid.bill.total)],
  ];
  const whole = paid.application_bill;
  if (whole && paid.application)
    lines.push([`all of ${paid.application} (${plural(paid.application_vms, "running VM")})`, points(whole.total)]);
  return panel("What it pays", facts(lines), { note: "Points at the prices of now, for every good that it takes and for limits." });
}

function flipsPanel(flips: readonly Flip[]): unknown {
  if (!flips.length) return nothing;
  const taken = flips.some((flip) => flip.taken);
  return panel(
    taken ? "What would change what is in the plan" : "What would change a refusal",
    html`<table class="plain">
      <thead>
        <tr>
          <th scope="col">Kind</th>
          <th scope="col">${taken ? "It would not be done if" : "It would be done if"}</th>
          <th scope="col" class="end">Is now</th>
          <th scope="col" class="end">Would be</th>
        </tr>
      </thead>
      <tbody>
        ${flips.map(
          (flip) =>
            html`<tr>
              <th scope="row">${kindWord(flip.kind)}</th>
              <td>${flip.lever_words}</td>
              <td class="end num">${flipped(flip.now, flip)}</td>
              <td class="end num">${flipped(flip.needed, flip)}</td>
            </tr>`,
        )}
      </tbody>
    </table>`,
    { note: `The least that does, one at a time: just before it the answer is still ${taken ? "yes" : "no"}.` },
  );
}

function flipped(value: number | null, flip: Flip): string {
  if (value === null) return flip.lever === "limit" ? "none" : evidence(value, flip.unit);
  return flip.unit === "points" ? points(value) : flip.unit === "MiB" ? memory(value) : `${price(value)} a MiB`;
}

function tenantsTable(found: Explanation): TemplateResult {
  if (!found.tenants.length) return empty("No VM runs here");
  return html`<div class="scroll" tabindex="0" role="region" aria-label="VMs of the host">
    <table class="plain">
      <thead>
        <tr>
          <th scope="col">VM</th>
          <th scope="col" class="end">Works with</th>
          <th scope="col" class="end">Would hold</th>
          <th scope="col" class="end">Taken</th>
          <th scope="col">Short of memory</th>
        </tr>
      </thead>
      <tbody>
        ${found.tenants.map(
          (tenant) =>
            html`<tr>
              <th scope="row">${link(href(["vms", tenant.vm.moid]), tenant.vm.name)}</th>
              <td class="end num">${memory(tenant.working_set_mib)}</td>
              <td class="end num">${memory(tenant.footprint_mib)}</td>
              <td class="end num">${memory(tenant.taken_mib)}</td>
              <td>${tenant.cause === "none" ? "no" : causeShort(tenant.cause)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function stepsTable(steps: readonly Step[]): TemplateResult {
  return html`<ul class="lines">
    ${steps.map((step) => html`<li>${link(href(["plan"], { step: step.id }), step.text)}<div class="note">${sentence(step.reason)}</div></li>`)}
  </ul>`;
}

function numbersPanel(found: Explanation): TemplateResult {
  return panel(
    "Numbers behind it",
    facts(found.numbers.map((item) => [item.name, evidence(item.value, item.unit)] as const)),
    { note: "As vCenter gave them; what it did not give is left out." },
  );
}

function settingsPanel(found: Explanation): TemplateResult {
  return panel(
    "Policy in effect",
    found.settings.length
      ? html`<table class="plain">
          <thead>
            <tr>
              <th scope="col">Setting</th>
              <th scope="col">Value</th>
              <th scope="col">Decided by</th>
            </tr>
          </thead>
          <tbody>
            ${found.settings.map(
              (item) =>
                html`<tr>
                  <th scope="row">${item.name}</th>
                  <td>${item.value}</td>
                  <td>${item.source || html`<span class="soft">the default</span>`}${item.place ? html`<div class="note">${item.place}</div>` : nothing}${item.note
                      ? html`<div class="note">${item.note}</div>`
                      : nothing}</td>
                </tr>`,
            )}
          </tbody>
        </table>`
      : empty("No policy says anything about it"),
  );
}

function refusalsPanel(found: Explanation): unknown {
  if (!found.refusals.length) return nothing;
  return panel(
    "What is not done, and why",
    html`<ul class="lines">
      ${found.refusals.map((item) => html`<li>${sentence(item.sentence)}</li>`)}
    </ul>`,
  );
}

/** What was done, newest first, with what came of it. */
export function actionsPanel(actions: readonly PastAction[]): TemplateResult {
  return panel(
    "Last trades",
    actions.length
      ? html`<table class="plain">
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">What</th>
              <th scope="col">Outcome</th>
            </tr>
          </thead>
          <tbody>
            ${actions.map(
              (item) =>
                html`<tr>
                  <td class="num">${at(item.ended_at ?? item.started_at)}</td>
                  <td>${item.text}${item.dry_run ? html` ${pill("dry run")}` : nothing}</td>
                  <td>
                    ${pill(plain(item.outcome ?? item.state), outcomeTone(item.outcome ?? item.state))}
                    ${item.sentence ? html`<div class="note">${sentence(item.sentence)}</div>` : nothing}
                  </td>
                </tr>`,
            )}
          </tbody>
        </table>`
      : empty("Nothing was done yet"),
  );
}

/** What fits into a card of the Client: the verdict, four figures, and the way on. */
function summaryCard(found: Explanation): TemplateResult {
  const market = found.market;
  const target = href([found.thing === "vm" ? "vms" : "hosts", found.subject.moid]);
  const pairs: [string, unknown][] =
    found.thing === "vm"
      ? [
          ["Works with", memory(number(found, "working set"))],
          ["Taken from it", memory(found.diagnosis?.taken_mib ?? 0)],
          ["Price here", `${price(market?.price)} points/MiB`],
          ["Cheapest quote", cheapest(found)],
          ["Last trade", found.actions[0] ? `${found.actions[0].text} (${plain(found.actions[0].outcome ?? found.actions[0].state)})` : "none"],
        ]
      : [
          ["Price", `${price(market?.price)} points/MiB`],
          ["Sold", `${share(market?.load)} of ${memory(market?.usable_mib)}`],
          ["Ballooned", memory(market?.ballooned_mib)],
          ["Swapped", memory(market?.swapped_mib)],
        ];
  const tone = found.thing === "vm" ? (found.diagnosis ? (found.diagnosis.hurts ? "bad" : "warn") : "good") : pressureTone(market?.pressure ?? "");
  return html`
    <p class="card-head">
      ${pill(found.thing === "vm" ? (found.diagnosis ? causeShort(found.diagnosis.cause) : "has what it needs") : pressureWord(market?.pressure ?? ""), tone)}
    </p>
    <p>${found.headline}</p>
    ${found.steps.length ? html`<p>In the plan: ${describe(found.steps)}.</p>` : nothing} ${facts(pairs)}
    ${app().place === "card" ? nothing : link(target, "All about it")}
  `;
}

function cheapest(found: Explanation): string {
  const open = found.quotes.filter((quote) => quote.quote !== null && !quote.refused);
  const best = open.reduce<(typeof open)[number] | undefined>(
    (low, quote) => (low === undefined || (quote.quote ?? 0) < (low.quote ?? 0) ? quote : low),
    undefined,
  );
  return best ? `${best.home ? "its own host" : best.host.name}, ${points(best.quote)} points` : "none";
}

define("vsm-thing", VsmThing);
