/** One step with everything behind it: reason, numbers, quotes; and the two buttons. */

import { html, nothing } from "lit";
import type { Quote, Step } from "../api/schema.js";
import { app } from "../app/app.js";
import { href } from "../app/route.js";
import { facts, link, pill } from "../parts/bits.js";
import { define, Part } from "../parts/element.js";
import { sentence } from "../parts/states.js";
import { evidence, points, price } from "../text/format.js";
import { at } from "../text/time.js";
import { kindWord } from "../text/words.js";
import { approvalCell } from "./plan-columns.js";

export class VsmStep extends Part {
  static override properties = {
    step: { attribute: false },
    open: { type: Boolean },
    working: { type: String },
  };

  step: Step | null = null;
  /** The plan can still be changed. */
  open = false;
  working = "";

  protected override render(): unknown {
    const step = this.step;
    if (!step) return nothing;
    const state = approvalCell(step);
    return html`<section class="panel step" aria-labelledby="step-heading">
      <header>
        <h2 id="step-heading">Step ${step.id}: ${kindWord(step.kind)}</h2>
        ${pill(state.text, state.tone ?? "none", state.title)}
      </header>
      <div class="body">
        <p class="what">${link(this.address(step), step.subject.name)}: ${step.text.replace(/^[^:]*:\s*/, "")}</p>
        <p>${sentence(step.reason)}</p>
        ${this.buttons(step)}
        ${step.approval_by
          ? html`<p class="note">
              ${step.approval === "approved" ? "Approved" : "Skipped"} by ${step.approval_by}, ${at(step.approval_at)}${step.approval_why
                ? `: ${step.approval_why}`
                : ""}
            </p>`
          : nothing}
        <h3>Worth</h3>
        ${facts([
          ["Saves", `${points(step.saving)} points`],
          ["Costs", `${points(step.disruption)} points of disturbance`],
          ["Policy", MODES[step.mode]],
          ...(step.depends_on.length ? [["Only after", step.depends_on.join(", ")] as const] : []),
        ])}
        ${step.evidence?.length
          ? html`<h3>Numbers behind it</h3>
              ${facts(step.evidence.map((item) => [item.name, evidence(item.value, item.unit)] as const))}`
          : nothing}
        ${step.quotes?.length ? html`<h3>Quotes of the hosts</h3>${quotesTable(step.quotes)}` : nothing}
      </div>
    </section>`;
  }

  private address(step: Step): string {
    return href([step.subject.moid.startsWith("host") ? "hosts" : "vms", step.subject.moid]);
  }

  private buttons(step: Step): unknown {
    if (!this.open || !app().may("approver") || step.approval === "recommended") return nothing;
    const busy = this.working !== "";
    return html`<div class="buttons">
      ${step.approval === "approved"
        ? nothing
        : html`<cds-button size="sm" ?disabled=${busy} @click=${() => this.dispatchEvent(new CustomEvent("vsm-approve"))}
            >Approve</cds-button
          >`}
      ${step.approval === "skipped"
        ? nothing
        : html`<cds-button
            size="sm"
            action="outline"
            ?disabled=${busy}
            @click=${() => this.dispatchEvent(new CustomEvent("vsm-skip"))}
            >Skip</cds-button
          >`}
    </div>`;
  }
}

const MODES: Record<Step["mode"], string> = {
  off: "off",
  recommend: "only recommends it",
  approve: "asks for approval",
  automatic: "lets it be done automatically",
};

/** What each host asks for the VM; refusals say why. */
export function quotesTable(quotes: readonly Quote[]): unknown {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Table of quotes">
    <table class="plain">
      <thead>
        <tr>
          <th scope="col">Host</th>
          <th scope="col" class="end">Price, points/MiB</th>
          <th scope="col" class="end">Quote, points</th>
        </tr>
      </thead>
      <tbody>
        ${quotes.map(
          (quote) =>
            html`<tr class=${quote.home ? "home" : ""}>
              <th scope="row">
                ${link(href(["hosts", quote.host.moid]), quote.host.name)}${quote.home ? html` <span class="note">lives here</span>` : nothing}
                ${quote.sentence ? html`<div class="note">${sentence(quote.sentence)}</div>` : nothing}
              </th>
              <td class="end num">${price(quote.price)}</td>
              <td class="end num">${points(quote.quote)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

define("vsm-step", VsmStep);
