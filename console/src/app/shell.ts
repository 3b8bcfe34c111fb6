/** The frame around every view: who and where, the stop switch, the way to the other views. */

import { html, nothing, type TemplateResult } from "lit";
import { getEstate, getStop, logOut, pullStop, releaseStop } from "../api/calls.js";
import type { Estate, Stop } from "../api/schema.js";
import { failed } from "../parts/states.js";
import { define, Part } from "../parts/element.js";
import { count } from "../text/format.js";
import { at } from "../text/time.js";
import { Problem } from "../api/link.js";
import { app } from "./app.js";
import { asProblem, Loader } from "./loader.js";
import { Live } from "./live.js";
import { mark } from "./mark.js";
import { ask, say } from "./dialog.js";
import { href, parseRoute, type Route } from "./route.js";
import { choice, choose, type Choice } from "./theme.js";
import { viewOf } from "./views.js";

interface Item {
  path: string[];
  text: string;
  icon: string;
  /** First part of the paths that belong to it. */
  of: string;
}

const ITEMS: readonly Item[] = [
  { path: [], text: "Overview", icon: "dashboard", of: "" },
  { path: ["hosts"], text: "Hosts", icon: "host", of: "hosts" },
  { path: ["vms"], text: "Virtual machines", icon: "vm", of: "vms" },
  { path: ["plan"], text: "Plan", icon: "tasks", of: "plan" },
  { path: ["history"], text: "History", icon: "history", of: "history" },
  { path: ["policies"], text: "Policies", icon: "contract", of: "policies" },
  { path: ["whatif"], text: "What if", icon: "calculator", of: "whatif" },
];

export class VsmShell extends Part {
  private route: Route = parseRoute(location.hash);
  private readonly estate = new Loader<Estate>(this, getEstate);
  private readonly stop = new Loader<Stop>(this, getStop);
  protected readonly live = new Live(this, ["turn", "plan", "execution", "stop"], () => this.look(), 400);
  private connected = true;
  private problem: Problem | undefined;
  private readonly ended = new AbortController();

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("hashchange", this.turn);
    this.addEventListener("click", this.follow);
    this.classList.toggle("embedded", app().place === "client");
    this.look();
    void this.listen();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("hashchange", this.turn);
    this.removeEventListener("click", this.follow);
    this.ended.abort();
  }

  private look(): void {
    void this.estate.run();
    void this.stop.run();
  }

  private async listen(): Promise<void> {
    try {
      await app().link.listen(
        "/v1/events",
        (event) => app().tell(event.type, event.data),
        this.ended.signal,
        (open) => {
          // What was missed while the line was down is read anew.
          if (open && !this.connected) app().tell("reset", {});
          if (this.connected !== open) {
            this.connected = open;
            this.requestUpdate();
          }
        },
      );
    } catch (error) {
      if (!this.ended.signal.aborted) {
        this.problem = asProblem(error);
        this.requestUpdate();
      }
    }
  }

  private readonly turn = () => {
    this.route = parseRoute(location.hash);
    this.requestUpdate();
    void this.updateComplete.then(() => {
      const main = this.querySelector<HTMLElement>("main");
      main?.scrollTo(0, 0);
      main?.focus({ preventScroll: true });
      const heading = this.querySelector("h1")?.textContent.trim();
      document.title = heading ? `${heading} · vSphere Market` : "vSphere Market";
    });
  };

  /** Links within the console work below any base address. */
  private readonly follow = (event: MouseEvent) => {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = (event.target as HTMLElement).closest<HTMLAnchorElement>("a[href^='#']");
    if (!link) return;
    event.preventDefault();
    const address = link.getAttribute("href") ?? "#/";
    if (address === "#main") this.querySelector<HTMLElement>("main")?.focus();
    else location.hash = address.slice(1);
  };

  protected override render(): unknown {
    const embedded = app().place === "client";
    return html`
      <a class="skip" href="#main">Skip to the content</a>
      ${embedded ? nothing : this.head()} ${this.bar()} ${embedded ? nothing : this.nav()}
      <main class="main" id="main" tabindex="-1">
        ${this.problem ? html`<div class="view">${failed(this.problem)}</div>` : nothing} ${viewOf(this.route)}
      </main>
    `;
  }

  private head(): TemplateResult {
    const { session } = app();
    const source = this.estate.value?.source;
    return html`<header class="head">
      <a class="brand" href="#/"><img src="./mark.svg" alt="" />vSphere Market</a>
      ${source
        ? html`<span class="source" title="Where the estate is read from"
            >${source.kind === "plant" ? `simulated estate ${source.name}` : source.name}</span
          >`
        : nothing}
      <span class="push"></span>
      <label
        ><span class="visually-hidden">Theme</span>
        <select @change=${(event: Event) => choose((event.target as HTMLSelectElement).value as Choice)}>
          ${(["system", "light", "dark"] as const).map(
            (name) => html`<option value=${name} ?selected=${choice() === name}>Theme: ${name}</option>`,
          )}
        </select>
      </label>
      ${session
        ? html`<span class="who" title="What you may do here depends on your role">${session.name} (${session.role})</span>`
        : nothing}
      <button type="button" @click=${() => void this.leave()}>
        <cds-icon shape="logout" size="sm" inverse></cds-icon>Log out
      </button>
    </header>`;
  }

  private bar(): TemplateResult {
    const stop = this.stop.value;
    const estate = this.estate.value;
    const stage = estate?.stage;
    return html`<div class="bar ${stop?.stopped ? "stopped" : ""}">
      ${app().place === "client" ? this.tabs() : nothing}
      <div class="facts" role="status">
        ${stop?.stopped
          ? html`<span
              ><b>Stopped</b> by ${stop.who ?? "somebody"} at ${at(stop.at)}${stop.reason ? `: ${stop.reason}` : ""}. Nothing is
              carried out.</span
            >`
          : stage
            ? html`<span>${STAGES[stage] ?? stage}</span>`
            : nothing}
        ${estate ? html`<span>Last look ${at(estate.taken_at)}</span>` : nothing}
        ${this.connected ? nothing : html`<span class="warn">No live news: trying to reconnect</span>`}
      </div>
      <span class="push">${this.switch(stop)}</span>
    </div>`;
  }

  private switch(stop: Stop | undefined): unknown {
    if (!stop) return nothing;
    if (stop.stopped) {
      return app().may("operator")
        ? html`<cds-button size="sm" action="outline" @click=${() => void this.release()}>Release the stop</cds-button>`
        : nothing;
    }
    return app().may("approver")
      ? html`<cds-button size="sm" status="danger" action="outline" @click=${() => void this.pull()}>
          <cds-icon shape="stop" size="sm"></cds-icon>Stop everything
        </cds-button>`
      : nothing;
  }

  private nav(): TemplateResult {
    const [first = ""] = this.route.parts;
    const estate = this.estate.value;
    const counts: Record<string, number | undefined> = {
      hosts: estate?.hosts,
      vms: estate?.vms,
      plan: estate?.plan_steps,
    };
    return html`<nav class="nav" aria-label="Views">
      ${ITEMS.map(
        (item) => html`<a
            href=${href(item.path)}
            aria-current=${first === item.of ? (this.route.parts.length < 2 ? "page" : "true") : "false"}
            ><cds-icon shape=${item.icon} size="sm"></cds-icon>${item.text}${counts[item.of] === undefined
              ? nothing
              : html`<span class="count soft">${count(counts[item.of])}</span>`}</a
          >
          ${item.of === "" && estate
            ? estate.clusters.map(
                (cluster) =>
                  html`<a
                    class="sub"
                    href=${href(["clusters", cluster.moid])}
                    aria-current=${first === "clusters" && this.route.parts[1] === cluster.moid ? "page" : "false"}
                    >${cluster.name}</a
                  >`,
              )
            : nothing}`,
      )}
    </nav>`;
  }

  private tabs(): TemplateResult {
    const [first = ""] = this.route.parts;
    const tabs: [string, string][] = [
      [this.home, "Market"],
      [href(["plan"]), "Plan"],
      [href(["history"]), "History"],
      [href(["policies"]), "Policies"],
      [href(["whatif"]), "What if"],
    ];
    return html`<nav class="tabs" aria-label="Views">
      ${tabs.map(
        ([address, text]) =>
          html`<a
            href=${address}
            aria-current=${address === this.home
              ? !["plan", "history", "policies", "whatif"].includes(first)
                ? "page"
                : "false"
              : address === href([first])
                ? "page"
                : "false"}
            >${text}</a
          >`,
      )}
    </nav>`;
  }

  /** In the vSphere Client: the object that was selected there. */
  private readonly home = location.hash || "#/";

  private async pull(): Promise<void> {
    const reason = await ask({
      heading: "Stop everything?",
      text: "Steps that run are cancelled where vCenter allows it, and nothing more is begun, whoever approved it, until the stop is released.",
      label: "Reason, for the others",
      action: "Stop everything",
      danger: true,
    });
    if (reason === null) return;
    await this.change(() => pullStop(reason));
  }

  private async release(): Promise<void> {
    const sure = await say({
      heading: "Release the stop?",
      text: "Approved plans can be carried out again, and automatic policies act again where the loop is on.",
      action: "Release",
    });
    if (sure) await this.change(() => releaseStop());
  }

  private async change(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      this.problem = undefined;
    } catch (error) {
      this.problem = asProblem(error);
    }
    void this.stop.run();
    this.requestUpdate();
  }

  private async leave(): Promise<void> {
    // The stream of events would be refused in the moment between.
    this.ended.abort();
    try {
      await logOut();
    } finally {
      mark(false);
      location.hash = "";
      location.reload();
    }
  }
}

const STAGES: Record<string, string> = {
  file: "A file: it can be looked at, and nothing carried out",
  shadow: "Nothing is carried out before somebody approves it",
  loop: "Automatic policies act by themselves; the rest waits for approval",
};

define("vsm-shell", VsmShell);
