/** A plan being carried out, as it happens. */

import { html, nothing, type TemplateResult } from "lit";
import { cancelExecution, getExecution } from "../api/calls.js";
import type { Execution, StepProgress } from "../api/schema.js";
import type { Problem } from "../api/link.js";
import { app, type News } from "../app/app.js";
import { say } from "../app/dialog.js";
import { Live } from "../app/live.js";
import { asProblem, Loader } from "../app/loader.js";
import { href } from "../app/route.js";
import { link, panel, pill } from "../parts/bits.js";
import { define, Part } from "../parts/element.js";
import { failed, sentence, shown } from "../parts/states.js";
import type { Tone } from "../parts/table.js";
import { percent, plural } from "../text/format.js";
import { at } from "../text/time.js";
import { outcomeTone, plain } from "../text/words.js";

const STATES: Record<Execution["state"], [string, Tone]> = {
  starting: ["checking", "info"],
  running: ["running", "info"],
  done: ["done", "good"],
  failed: ["failed", "bad"],
  cancelled: ["cancelled", "warn"],
};

export class VsmExecution extends Part {
  static override properties = { execution: { type: String } };

  execution = "";
  private readonly found = new Loader<Execution>(this, (signal) => getExecution(this.execution, signal));
  protected readonly live = new Live(this, ["execution", "execution.step"], (news) => this.hear(news), 0);
  private problem: Problem | undefined;
  private asked = "";

  override willUpdate(): void {
    if (this.asked === this.execution) return;
    this.asked = this.execution;
    void this.found.run(true);
  }

  /** Steps report themselves; at the beginning and the end all is read. */
  private hear(news: News): void {
    const data = news.data as Partial<StepProgress> & { execution?: string; id?: string };
    const value = this.found.value;
    if (news.name === "execution.step" && value && data.execution === value.id) {
      value.steps = value.steps.map((step) => (step.step === data.step ? { ...step, ...data } : step));
      value.ended = value.steps.filter((step) => step.outcome !== null).length;
      this.requestUpdate();
    } else if (news.name === "reset" || data.id === this.execution) {
      void this.found.run();
    }
  }

  protected override render(): unknown {
    return html`<div class="view">
      ${this.problem ? failed(this.problem) : nothing}
      ${shown(this.found, (execution) => this.whole(execution), "Reading the execution")}
    </div>`;
  }

  private whole(execution: Execution): TemplateResult {
    const [word, tone] = STATES[execution.state];
    const over = execution.ended_at !== null;
    const part = execution.total ? (100 * execution.ended) / execution.total : 0;
    return html`
      <div class="title">
        <h1>Execution of plan ${execution.plan}</h1>
        ${pill(execution.cancelling ? "being cancelled" : word, tone)} ${execution.dry_run ? pill("dry run") : nothing}
        <span class="push">
          ${!over && app().may("operator")
            ? html`<cds-button size="sm" status="danger" action="outline" ?disabled=${execution.cancelling} @click=${() => void this.cancel()}
                >Cancel</cds-button
              >`
            : nothing}
        </span>
        <p class="lead">
          Begun by ${execution.who} at ${at(execution.started_at, true)}${over ? `, ended ${at(execution.ended_at, true)}` : ""};
          ${link(href(["plan", execution.plan]), "the plan")}.
        </p>
      </div>
      <div class="progress" role="progressbar" aria-label="Steps that have ended" aria-valuemin="0" aria-valuemax=${execution.total} aria-valuenow=${execution.ended}>
        <progress max="100" value=${part} aria-hidden="true"></progress>
        <span class="num">${execution.ended} of ${plural(execution.total, "step")}</span>
      </div>
      ${execution.problem
        ? html`<div class="callout bad"><p class="grow">${sentence(execution.problem.what)} ${execution.problem.cure}</p></div>`
        : nothing}
      ${over && execution.state === "done"
        ? html`<div class="callout good">
            <p class="grow"><b>All steps ended well.</b> The market looks again; what is left to do, if anything, is in the next plan.</p>
            ${link(href([]), "Back to the overview")}
          </div>`
        : nothing}
      ${panel(
        "Steps",
        html`<table class="plain">
          <thead>
            <tr>
              <th scope="col">Step</th>
              <th scope="col">What</th>
              <th scope="col">Progress</th>
              <th scope="col">Task of vCenter</th>
            </tr>
          </thead>
          <tbody>
            ${execution.steps.map((step) => row(step))}
          </tbody>
        </table>`,
      )}
    `;
  }

  private async cancel(): Promise<void> {
    const sure = await say({
      heading: "Cancel the execution?",
      text: "Nothing more is begun. Tasks that vCenter can still cancel are cancelled; the others end as they would.",
      action: "Cancel the execution",
      danger: true,
    });
    if (!sure) return;
    try {
      await cancelExecution(this.execution);
      this.problem = undefined;
    } catch (error) {
      this.problem = asProblem(error);
    }
    void this.found.run();
  }
}

function row(step: StepProgress): TemplateResult {
  const waiting = step.outcome === null && step.progress_pct === 0;
  return html`<tr>
    <td>${step.step}</td>
    <td>${step.text}${step.sentence ? html`<div class="note">${sentence(step.sentence)}</div>` : nothing}</td>
    <td>
      ${step.outcome
        ? pill(plain(step.outcome), outcomeTone(step.outcome))
        : waiting
          ? html`<span class="soft">waits</span>`
          : html`<progress max="100" value=${step.progress_pct} aria-label=${`Progress of ${step.step}`}></progress>
              <span class="num small">${percent(step.progress_pct, 0)}</span>`}
    </td>
    <td class="soft">${step.task ?? ""}</td>
  </tr>`;
}

define("vsm-execution", VsmExecution);
