/** Review of a plan: what it is worth, every step with its reasons, approve and skip. */

import { html, nothing } from "lit";
import { approve, carryOut, finished, getPlan, getPlans, getRefusals, getSteps, makePlan, skip } from "../api/calls.js";
import type { Plan, Refusal, Step } from "../api/schema.js";
import { app } from "../app/app.js";
import { ask, say } from "../app/dialog.js";
import { Live } from "../app/live.js";
import { asProblem, Loader } from "../app/loader.js";
import type { Problem } from "../api/link.js";
import { go, href } from "../app/route.js";
import { figures, link, panel, pill } from "../parts/bits.js";
import { define, Part } from "../parts/element.js";
import { ArrayRows } from "../parts/rows.js";
import { empty, failed, shown } from "../parts/states.js";
import "../parts/table.js";
import type { Tone } from "../parts/table.js";
import { count, percent, plural, points, price, share } from "../text/format.js";
import { at } from "../text/time.js";
import { kindWord } from "../text/words.js";
import { planColumns } from "./plan-columns.js";
import "./step.js";

interface Whole {
  plan: Plan;
  steps: Step[];
  refusals: Refusal[];
  /** There is a newer one. */
  newer: string | null;
}

const STATES: Record<Plan["state"], [string, Tone]> = {
  open: ["open", "info"],
  empty: ["nothing to do", "good"],
  executing: ["being carried out", "info"],
  executed: ["carried out", "good"],
  expired: ["expired", "warn"],
};

export class VsmPlan extends Part {
  static override properties = { plan: { type: String }, chosen: { type: String } };

  /** Id of the plan; "" for the latest. */
  plan = "";
  /** Id of the step whose details are shown. */
  chosen = "";

  private readonly whole = new Loader<Whole>(this, (signal) => this.read(signal));
  protected readonly live = new Live(this, ["plan", "turn", "execution"], () => void this.whole.run());
  private problem: Problem | undefined;
  private working = "";
  private asked = "";

  override willUpdate(): void {
    if (!this.whole.busy && this.asked !== this.plan) void this.whole.run(true);
    this.asked = this.plan;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.asked = this.plan;
    void this.whole.run();
  }

  private async read(signal: AbortSignal): Promise<Whole> {
    const latest = (await getPlans(1, signal)).items[0]?.id ?? "";
    // A plan that is being looked at stays, even if the market has made a newer one since.
    const wanted = this.plan ? this.plan : (this.whole.value?.plan.id ?? latest);
    const [plan, steps, refusals] = await Promise.all([
      getPlan(wanted, signal),
      getSteps(wanted, signal),
      getRefusals(wanted, signal),
    ]);
    return { plan, steps: steps.items, refusals: refusals.items, newer: latest === plan.id ? null : latest };
  }

  protected override render(): unknown {
    return html`<div class="view">
      ${this.problem ? failed(this.problem) : nothing} ${shown(this.whole, (whole) => this.review(whole), "Reading the plan")}
    </div>`;
  }

  private review(whole: Whole): unknown {
    const { plan, steps } = whole;
    const [word, tone] = STATES[plan.state];
    const chosen = steps.find((step) => step.id === this.chosen) ?? steps[0];
    return html`
      <div class="title">
        <h1>Plan ${plan.id}</h1>
        ${pill(word, tone)} ${plan.origin === "loop" ? nothing : pill(plan.origin === "alert" ? "for an alert" : `for ${plan.who ?? "somebody"}`)}
        <span class="push">${this.buttons(whole)}</span>
        <p class="lead">
          Made ${at(plan.created_at)}, good until ${at(plan.expires_at)}.
          ${plan.note ? html`“${plan.note}” ` : nothing}${whole.newer
            ? html`The market has a newer one: ${link(href(["plan", whole.newer]), `plan ${whole.newer}`)}.`
            : nothing}
        </p>
      </div>
      ${this.running(plan)}
      ${figures(
        [
          { label: "Potential now", value: points(plan.certificate.potential_before), note: "points: the cost of pressure" },
          {
            label: "After the plan",
            value: points(plan.certificate.potential_after),
            note: this.fall(plan),
            tone: "good",
          },
          {
            label: "No placement below",
            value: points(plan.certificate.lower_bound),
            note: `the bound; gap ${percent(plan.certificate.gap_pct)}`,
          },
          ...(plan.certificate.breaches_before
            ? [
                {
                  label: "Breaches of mandatory rules",
                  value: `${count(plan.certificate.breaches_before)} → ${count(plan.certificate.breaches_after ?? 0)}`,
                  note: "they come before all points",
                },
              ]
            : []),
          {
            label: "Steps",
            value: count(plan.steps),
            note: Object.entries(plan.kinds)
              .map(([kind, number]) => `${number} ${kindWord(kind).toLowerCase()}`)
              .join(", "),
          },
          {
            label: "Approved",
            value: `${count(plan.approved)} of ${count(plan.steps)}`,
            note: [
              plan.skipped ? `${count(plan.skipped)} skipped` : "",
              plan.recommended ? `${count(plan.recommended)} only recommended by policy` : "",
            ]
              .filter(Boolean)
              .join(", "),
          },
        ],
        "What the plan is worth",
      )}
      ${steps.length
        ? html`<div class="split">
            ${panel(
              "Steps",
              html`<vsm-table
                label="Steps of the plan"
                .columns=${planColumns()}
                .source=${new ArrayRows(steps)}
                .rows=${16}
                .opens=${true}
                .current=${(row: unknown) => row === chosen}
                @vsm-open=${(event: CustomEvent<Step>) => {
                  this.chosen = event.detail.id;
                }}
              ></vsm-table>`,
              { flush: true, note: "In the order in which they would be done; each is possible in the state that its predecessors leave." },
            )}
            ${chosen
              ? html`<vsm-step
                  .step=${chosen}
                  .open=${plan.state === "open"}
                  .working=${this.working}
                  @vsm-approve=${() => void this.approve([chosen.id])}
                  @vsm-skip=${() => void this.skip(chosen)}
                ></vsm-step>`
              : nothing}
          </div>`
        : empty("Nothing to do", "The market has no trade that is worth its disturbance.")}
      ${this.hosts(plan)} ${this.refused(whole.refusals, plan.refusals)}
    `;
  }

  private fall(plan: Plan): string {
    const { potential_before: before, potential_after: after } = plan.certificate;
    if (before === null || after === null || before <= 0) return "";
    const less = (100 * (before - after)) / before;
    return less >= 0 ? `${percent(less)} less` : `${percent(-less)} more, for mandatory rules`;
  }

  private running(plan: Plan): unknown {
    const last = plan.executions.at(-1);
    if (!last) return nothing;
    return html`<div class="callout ${plan.state === "executing" ? "" : "good"}">
      <p class="grow">${plan.state === "executing" ? "It is being carried out now." : "It was carried out."}</p>
      ${link(href(["executions", last]), "Watch the execution")}
    </div>`;
  }

  private buttons(whole: Whole): unknown {
    const { plan } = whole;
    const busy = this.working !== "";
    const approver = app().may("approver");
    const operator = app().may("operator");
    return html`
      ${approver
        ? html`<cds-button size="sm" action="outline" ?disabled=${busy} @click=${() => void this.anew()}>
            ${this.working === "plan" ? "Planning …" : "Plan anew"}
          </cds-button>`
        : nothing}
      ${approver && plan.state === "open" && plan.pending > 0
        ? html`<cds-button size="sm" action="outline" ?disabled=${busy} @click=${() => void this.approve(null)}>
            Approve all ${count(plan.pending)}
          </cds-button>`
        : nothing}
      ${operator && plan.state === "open" && plan.approved > 0
        ? html`<cds-button size="sm" ?disabled=${busy} @click=${() => void this.execute(plan)}>
            Carry out ${plural(plan.approved, "approved step")}
          </cds-button>`
        : nothing}
    `;
  }

  private hosts(plan: Plan): unknown {
    const changed = plan.hosts.filter((host) => host.load_before !== host.load_after);
    if (!changed.length) return nothing;
    return panel(
      "What it does to the hosts",
      html`<div class="scroll" tabindex="0" role="region" aria-label="Hosts before and after">
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">Host</th>
              <th scope="col" class="end">Price, points/MiB</th>
              <th scope="col" class="end">after</th>
              <th scope="col" class="end">Sold</th>
              <th scope="col" class="end">after</th>
            </tr>
          </thead>
          <tbody>
            ${changed.map(
              (host) =>
                html`<tr>
                  <th scope="row">${link(href(["hosts", host.host.moid]), host.host.name)}</th>
                  <td class="end num">${price(host.price_before)}</td>
                  <td class="end num">${price(host.price_after)}</td>
                  <td class="end num">${share(host.load_before)}</td>
                  <td class="end num">${share(host.load_after)}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>`,
    );
  }

  private refused(refusals: readonly Refusal[], total: number): unknown {
    if (!refusals.length) return nothing;
    return panel(
      "What is not done, and why",
      html`<div class="scroll" tabindex="0" role="region" aria-label="Refusals">
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">Of</th>
              <th scope="col">Why not</th>
            </tr>
          </thead>
          <tbody>
            ${refusals.map((item) => html`<tr><th scope="row">${item.subject.name}</th><td>${item.sentence}</td></tr>`)}
          </tbody>
        </table>
      </div>`,
      total > refusals.length ? { note: `The first ${count(refusals.length)} of ${count(total)}.` } : {},
    );
  }

  private async approve(steps: string[] | null): Promise<void> {
    await this.work("approve", async (plan) => approve(plan, steps));
  }

  private async skip(step: Step): Promise<void> {
    const why = await ask({
      heading: `Skip step ${step.id}?`,
      text: `${step.text}. Steps that need it are skipped with it.`,
      label: "Why, for the others",
      action: "Skip",
    });
    if (why !== null) await this.work("skip", async (plan) => skip(plan, step.id, why));
  }

  private async execute(plan: Plan): Promise<void> {
    const sure = await say({
      heading: `Carry out ${plural(plan.approved, "step")}?`,
      text: html`<p>
          Before every step vCenter's state is compared with what the plan expects; a step that does not fit any more is
          left out. It can be stopped at any time.
        </p>`,
      action: "Carry out",
    });
    if (!sure) return;
    await this.work("execute", async (id) => {
      const execution = await carryOut(id, false);
      go(href(["executions", execution.id]));
    });
  }

  private async anew(): Promise<void> {
    await this.work("plan", async () => {
      const job = await makePlan({}, "");
      const done = await finished(job, new AbortController().signal);
      const id = done.location?.split("/").pop() ?? "";
      go(href(["plan", id]));
    });
  }

  private async work(name: string, act: (plan: string) => Promise<unknown>): Promise<void> {
    const plan = this.whole.value?.plan.id;
    if (!plan || this.working) return;
    this.working = name;
    this.requestUpdate();
    try {
      await act(plan);
      this.problem = undefined;
      await this.whole.run();
    } catch (error) {
      this.problem = asProblem(error);
    } finally {
      this.working = "";
      this.requestUpdate();
    }
  }
}

define("vsm-plan", VsmPlan);
