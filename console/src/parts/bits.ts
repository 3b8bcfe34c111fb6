/** Small pieces that many views share. */

import { html, nothing, type TemplateResult } from "lit";
import type { Tone } from "./table.js";

/** A word in a coloured pill; the word says it all. */
export function pill(text: string, tone: Tone = "none", title = ""): TemplateResult {
  return html`<span class="pill ${tone}" title=${title || nothing}>${text}</span>`;
}

export interface Figure {
  label: string;
  value: string;
  note?: string;
  tone?: Tone;
  text?: boolean;
}

/** A row of the numbers that matter most. */
export function figures(items: readonly Figure[], label: string): TemplateResult {
  return html`<dl class="figures" aria-label=${label}>
    ${items.map(
      (item) =>
        html`<div>
          <dt>${item.label}</dt>
          <dd class="${item.tone ?? ""}${item.text ? " text" : ""}">
            ${item.value}${item.note ? html`<small>${item.note}</small>` : nothing}
          </dd>
        </div>`,
    )}
  </dl>`;
}

/** A panel with a heading. */
export function panel(
  heading: string,
  body: unknown,
  more: { note?: unknown; end?: unknown; flush?: boolean; id?: string } = {},
): TemplateResult {
  const id = more.id ?? heading.toLowerCase().replaceAll(/[^a-z]+/g, "-");
  return html`<section class="panel" aria-labelledby=${id}>
    <header>
      <h2 id=${id}>${heading}</h2>
      ${more.end === undefined ? nothing : html`<span class="push">${more.end}</span>`}
      ${more.note === undefined ? nothing : html`<p class="note">${more.note}</p>`}
    </header>
    <div class=${more.flush ? "flush" : "body"}>${body}</div>
  </section>`;
}

/** Facts as pairs. */
export function facts(pairs: readonly (readonly [string, unknown])[]): TemplateResult {
  return html`<dl class="facts-list">
    ${pairs.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`;
}

/** A link within the console. */
export function link(address: string, text: unknown): TemplateResult {
  return html`<a href=${address}>${text}</a>`;
}
