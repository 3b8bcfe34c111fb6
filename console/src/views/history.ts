/** What was decided, done and refused, and what came of it. */

import { html, nothing, type TemplateResult } from "lit";
import { getHistory, getOutcomes, getPlans } from "../api/calls.js";
import type { Decision, PastAction, PastRefusal, PlanEntry } from "../api/schema.js";
import { Live } from "../app/live.js";
import { Loader } from "../app/loader.js";
import { go, href } from "../app/route.js";
import { submitForm } from "../parts/forms.js";
import { panel } from "../parts/bits.js";
import { define, Part } from "../parts/element.js";
import { ArrayRows } from "../parts/rows.js";
import { empty, shown } from "../parts/states.js";
import type { Column } from "../parts/table.js";
import "../parts/table.js";
import { count, percent, plural, points } from "../text/format.js";
import { at } from "../text/time.js";
import { capital, kindWord, outcomeTone, plain } from "../text/words.js";

type Tab = "done" | "decided" | "refused" | "plans";

const TABS: readonly (readonly [Tab, string])[] = [
  ["done", "Done"],
  ["decided", "Decided"],
  ["refused", "Refused"],
  ["plans", "Plans"],
];

interface Past {
  done?: PastAction[];
  decided?: Decision[];
  refused?: PastRefusal[];
  plans?: PlanEntry[];
}

const LIMIT = 500;

export class VsmHistory extends Part {
  static override properties = { query: { attribute: false } };

  query = new URLSearchParams();
  private readonly past = new Loader<Past>(this, (signal) => this.read(signal));
  protected readonly live = new Live(this, ["execution", "turn"], () => void this.past.run(), 1000);
  private asked = "";

  private get tab(): Tab {
    return TABS.find(([key]) => key === this.query.get("what"))?.[0] ?? "done";
  }

  override willUpdate(): void {
    const text = this.query.toString();
    if (this.asked === text && this.past.value) return;
    if (this.asked === text && (this.past.busy || this.past.problem)) return;
    this.asked = text;
    void this.past.run(true);
  }

  private async read(signal: AbortSignal): Promise<Past> {
    const query = {
      vm: this.query.get("vm") ?? undefined,
      host: this.query.get("host") ?? undefined,
      limit: LIMIT,
    };
    switch (this.tab) {
      case "done":
        return { done: (await getOutcomes(query, signal)).items };
      case "decided":
        return { decided: (await getHistory(query, signal)).decisions };
      case "refused":
        return { refused: (await getHistory({ ...query, host: undefined }, signal)).refusals };
      case "plans":
        return { plans: (await getPlans(200, signal)).items };
    }
  }

  protected override render(): unknown {
    return html`<div class="view">
      <div class="title">
        <h1>History</h1>
        <p class="lead">What the journal remembers, the newest first. At most ${count(LIMIT)} entries are shown.</p>
      </div>
      <div class="tools">
        <nav class="tabs" aria-label="What of the history">
          ${TABS.map(
            ([key, text]) =>
              html`<a href=${this.address({ what: key })} aria-current=${key === this.tab ? "page" : "false"}>${text}</a>`,
          )}
        </nav>
        ${this.tab === "plans"
          ? nothing
          : html`<form class="tools push" @submit=${this.filter}>
              <label class="field">VM<input name="vm" maxlength="200" .value=${this.query.get("vm") ?? ""} /></label>
              ${this.tab === "refused"
                ? nothing
                : html`<label class="field">Host<input name="host" maxlength="200" .value=${this.query.get("host") ?? ""} /></label>`}
              <cds-button size="sm" action="outline" type="button" @click=${submitForm}>Find</cds-button>
            </form>`}
      </div>
      ${shown(this.past, (past) => this.table(past), "Asking the journal")}
    </div>`;
  }

  private address(changes: Record<string, string>): string {
    return href(["history"], { ...Object.fromEntries(this.query), ...changes });
  }

  private readonly filter = (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const text = (name: string) => {
      const value = form.get(name);
      return typeof value === "string" ? value.trim() : "";
    };
    go(this.address({ vm: text("vm"), host: text("host") }));
  };

  private table(past: Past): TemplateResult {
    if (past.done) {
      const done = past.done.filter((item) => item.outcome !== "skipped");
      const left = past.done.length - done.length;
      return list("What was carried out", done, actionColumns(), "Nothing was carried out yet", {
        hint: "Approve steps of a plan and carry them out: what came of it stands here then.",
        note: left ? `${plural(left, "step")} of the same plans ${left === 1 ? "was" : "were"} left out and ${left === 1 ? "is" : "are"} not shown.` : "",
      });
    }
    if (past.decided) {
      return list("What was decided", past.decided, decisionColumns(), "Nothing was decided yet");
    }
    if (past.refused) {
      return list("What was refused, and why", past.refused, refusalColumns(), "Nothing was refused");
    }
    return list("Plans", past.plans ?? [], entryColumns(), "No plan was made yet");
  }
}

function list<T>(
  heading: string,
  rows: readonly T[],
  columns: Column<T>[],
  none: string,
  more: { hint?: string; note?: string } = {},
): TemplateResult {
  if (!rows.length) return panel(heading, empty(none, more.hint ?? nothing));
  return panel(
    heading,
    html`<vsm-table
      label=${heading}
      .columns=${columns}
      .source=${new ArrayRows(rows)}
      .rows=${24}
    ></vsm-table>`,
    { flush: true, ...(more.note ? { note: more.note } : {}) },
  );
}

/** What came of it, without the words for what it was, which stand beside it. */
function ending(sentence: string): string {
  return capital(sentence.replace(/^[^:]*: /, ""));
}

function actionColumns(): Column<PastAction>[] {
  return [
    { key: "at", label: "When", width: "200px", cell: (item) => at(item.ended_at ?? item.started_at) },
    { key: "kind", label: "Kind", width: "110px", cell: (item) => kindWord(item.kind) },
    {
      key: "text",
      label: "What",
      width: "minmax(220px, 2fr)",
      cell: (item) => ({ text: item.text, href: href(["vms", item.subject.moid]) }),
    },
    {
      key: "outcome",
      label: "Outcome",
      width: "120px",
      cell: (item) => ({
        text: `${plain(item.outcome ?? item.state)}${item.dry_run ? " (dry run)" : ""}`,
        tone: outcomeTone(item.outcome ?? item.state),
        pill: true,
      }),
    },
    {
      key: "sentence",
      label: "Details",
      width: "minmax(200px, 2fr)",
      minor: true,
      cell: (item) => ({ text: ending(item.sentence), title: item.sentence }),
    },
    {
      key: "plan",
      label: "Plan",
      width: "80px",
      end: true,
      cell: (item) => (item.plan ? { text: item.plan, href: href(["plan", item.plan]) } : "–"),
    },
  ];
}

function decisionColumns(): Column<Decision>[] {
  return [
    { key: "at", label: "When", width: "200px", cell: (item) => at(item.at) },
    { key: "plan", label: "Plan", width: "70px", end: true, cell: (item) => ({ text: item.plan, href: href(["plan", item.plan]) }) },
    { key: "kind", label: "Kind", width: "110px", cell: (item) => kindWord(item.kind) },
    { key: "subject", label: "VM", width: "minmax(140px, 1fr)", cell: (item) => item.subject.name },
    { key: "saving", label: "Saves", width: "90px", end: true, cell: (item) => points(item.saving) },
    { key: "mode", label: "Policy", width: "110px", minor: true, cell: (item) => item.mode },
    { key: "reason", label: "Because", width: "minmax(200px, 3fr)", cell: (item) => item.reason },
  ];
}

function refusalColumns(): Column<PastRefusal>[] {
  return [
    { key: "at", label: "When", width: "200px", cell: (item) => at(item.at) },
    { key: "plan", label: "Plan", width: "70px", end: true, cell: (item) => ({ text: item.plan, href: href(["plan", item.plan]) }) },
    { key: "subject", label: "Of", width: "minmax(140px, 1fr)", cell: (item) => item.subject.name },
    { key: "sentence", label: "Why not", width: "minmax(200px, 3fr)", cell: (item) => item.sentence },
  ];
}

function entryColumns(): Column<PlanEntry>[] {
  return [
    { key: "id", label: "Plan", width: "80px", cell: (item) => ({ text: item.id, href: href(["plan", item.id]) }) },
    { key: "at", label: "Made", width: "200px", cell: (item) => at(item.created_at) },
    { key: "origin", label: "For", width: "minmax(100px, 1fr)", cell: (item) => (item.origin === "loop" ? "the loop" : (item.who ?? item.origin)) },
    { key: "state", label: "State", width: "120px", cell: (item) => ({ text: plain(item.state), pill: true }) },
    { key: "steps", label: "Steps", width: "80px", end: true, cell: (item) => count(item.steps) },
    { key: "approved", label: "Approved", width: "90px", end: true, cell: (item) => count(item.approved) },
    {
      key: "before",
      label: "Potential",
      width: "minmax(100px, 1fr)",
      end: true,
      cell: (item) => points(item.certificate.potential_before),
    },
    {
      key: "after",
      label: "After",
      width: "minmax(90px, 1fr)",
      end: true,
      cell: (item) => points(item.certificate.potential_after),
    },
    { key: "gap", label: "Gap", width: "80px", end: true, minor: true, cell: (item) => percent(item.certificate.gap_pct) },
  ];
}

define("vsm-history", VsmHistory);
