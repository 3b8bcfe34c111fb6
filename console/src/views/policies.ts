/** The policies in force, what is doubtful about them, and what they come to for one VM or host. */

import { html, nothing, type TemplateResult } from "lit";
import { explain, getPolicies } from "../api/calls.js";
import type { Explanation, Policies } from "../api/schema.js";
import { Live } from "../app/live.js";
import { Loader } from "../app/loader.js";
import { go, href } from "../app/route.js";
import { submitForm } from "../parts/forms.js";
import { link, panel, pill } from "../parts/bits.js";
import { define, Part } from "../parts/element.js";
import { empty, sentence, shown } from "../parts/states.js";
import type { Tone } from "../parts/table.js";
import { plural } from "../text/format.js";

const TONES: Record<string, Tone> = { error: "bad", warning: "warn", info: "info", ok: "good" };

export class VsmPolicies extends Part {
  static override properties = { query: { attribute: false } };

  query = new URLSearchParams();
  private readonly policies = new Loader<Policies>(this, getPolicies);
  private readonly found = new Loader<Explanation>(this, (signal) => explain(this.query.get("of") ?? "", signal));
  protected readonly live = new Live(this, ["turn"], () => void this.policies.run());
  private asked = "";

  override connectedCallback(): void {
    super.connectedCallback();
    void this.policies.run();
  }

  override willUpdate(): void {
    const wanted = this.query.get("of") ?? "";
    if (this.asked === wanted) return;
    this.asked = wanted;
    if (wanted) void this.found.run(true);
    else this.found.value = undefined;
  }

  protected override render(): unknown {
    return html`<div class="view">
      <div class="title">
        <h1>Policies</h1>
        <p class="lead">How far the market may go by itself. They are files, kept where you keep your configuration; here they are read.</p>
      </div>
      <div class="columns">
        ${panel(
          "What holds for a VM or host",
          html`<form class="tools" @submit=${this.submit}>
              <label class="field">VM or host, by name or id<input name="of" required maxlength="200" .value=${this.query.get("of") ?? ""} /></label>
              <cds-button size="sm" type="button" @click=${submitForm}>Show</cds-button>
            </form>
            ${this.asked ? shown(this.found, effective, "Asking") : nothing}`,
          { note: "The effective settings, and which document decided each of them." },
        )}
        ${panel("Documents", shown(this.policies, documents, "Reading the policies"))}
      </div>
    </div>`;
  }

  private readonly submit = (event: Event) => {
    event.preventDefault();
    const value = new FormData(event.target as HTMLFormElement).get("of");
    if (typeof value === "string") go(href(["policies"], { of: value.trim() }));
  };
}

function effective(found: Explanation): TemplateResult {
  return html`<h3>
      ${link(href([found.thing === "vm" ? "vms" : "hosts", found.subject.moid]), found.subject.name)}
    </h3>
    ${found.settings.length
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
                  <td>
                    ${item.source || html`<span class="soft">the default</span>`}${item.place ? html`<div class="note">${item.place}</div>` : nothing}${item.note
                      ? html`<div class="note">${item.note}</div>`
                      : nothing}
                  </td>
                </tr>`,
            )}
          </tbody>
        </table>`
      : empty("Nothing is set for it")}`;
}

function documents(policies: Policies): TemplateResult {
  return html`
    ${policies.findings.length
      ? html`<ul class="lines">
          ${policies.findings.map(
            (item) => html`<li>${pill(item.severity, TONES[item.severity] ?? "none")} <b>${item.where}</b> ${sentence(item.what)} ${item.cure}</li>`,
          )}
        </ul>`
      : nothing}
    ${policies.documents.length
      ? html`<p class="note">${plural(policies.documents.length, "document")}</p>
          <table class="plain">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Kind</th>
                <th scope="col">From</th>
              </tr>
            </thead>
            <tbody>
              ${policies.documents.map(
                (item) =>
                  html`<tr>
                    <th scope="row">${item.name}${item.description ? html`<div class="note">${item.description}</div>` : nothing}</th>
                    <td>${item.kind}</td>
                    <td>${item.where}</td>
                  </tr>`,
              )}
            </tbody>
          </table>`
      : empty(
          "No policies are given",
          html`Everything waits for approval then. <code>vsphere-market serve --policies FOLDER</code> reads policies.`,
        )}
  `;
}

define("vsm-policies", VsmPolicies);
