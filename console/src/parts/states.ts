/** Loading, empty and failed: every view says which of them it is in. */

import { html, nothing, type TemplateResult } from "lit";
import type { Problem } from "../api/link.js";
import type { Loader } from "../app/loader.js";

/** What a loader has; its trouble is told above what was there before. */
export function shown<T>(
  loader: Loader<T>,
  view: (value: T) => unknown,
  what = "Loading",
): TemplateResult {
  return html`
    ${loader.problem ? failed(loader.problem, () => void loader.run()) : nothing}
    ${loader.value !== undefined
      ? view(loader.value)
      : loader.problem
        ? nothing
        : html`<div class="loading" role="status">
            <cds-progress-circle size="lg" status="info" aria-label=${what}></cds-progress-circle>
            <span>${loader.patience === undefined ? what : sentence(loader.patience).replace(/\.$/, "")} …</span>
          </div>`}
  `;
}

/** One sentence: what, where, and the cure; and a way to try again. */
export function failed(problem: Problem, again?: () => void): TemplateResult {
  // What is wrong may be said of where it is: "esx-9 is neither a VM nor a host here."
  const about = problem.where && /^(is|are|has|does|needs) /.test(problem.what) ? `${problem.what}.` : "";
  return html`<cds-alert-group status=${problem.status === 403 ? "warning" : "danger"} class="failed">
    <cds-alert aria-label="Problem">
      <span class="problem" role="alert"
        ><b>${about ? `${problem.where} ${about}` : sentence(problem.what)}</b>${problem.where && !about
          ? html` <span>(${problem.where})</span>`
          : nothing}
        ${problem.cure ? html`<span> ${sentence(problem.cure)}</span>` : nothing}</span
      >
      ${again
        ? html`<cds-alert-actions><cds-button action="flat" size="sm" @click=${again}>Try again</cds-button></cds-alert-actions>`
        : nothing}
    </cds-alert>
  </cds-alert-group>`;
}

/** There is nothing, and what to do about it. */
export function empty(title: string, text: unknown = nothing, action: unknown = nothing): TemplateResult {
  return html`<div class="empty">
    <p class="empty-title">${title}</p>
    ${text === nothing ? nothing : html`<p>${text}</p>`} ${action}
  </div>`;
}

/** A sentence begins with a capital letter, unless with a name such as esx-01, and has a full stop. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (!trimmed) return "";
  const named = /^\S*\d/.test(trimmed);
  const whole = named ? trimmed : trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}
