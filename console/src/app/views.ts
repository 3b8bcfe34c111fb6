/** Which view an address shows. Those that are not needed at once are loaded when they are. */

import { html, type TemplateResult } from "lit";
import { empty } from "../parts/states.js";
import type { Route } from "./route.js";

type Load = () => Promise<unknown>;

const LOADS: Record<string, Load> = {
  "": () => import("../views/overview.js"),
  clusters: () => import("../views/cluster.js"),
  executions: () => import("../views/execution.js"),
  history: () => import("../views/history.js"),
  hosts: () => import("../views/lists.js"),
  plan: () => import("../views/plan.js"),
  policies: () => import("../views/policies.js"),
  thing: () => import("../views/thing.js"),
  vms: () => import("../views/lists.js"),
  whatif: () => import("../views/whatif.js"),
};

let asked = false;

/** The other views' code, once there is time: they must also open when the service has gone. */
function restSoon(): void {
  if (asked) return;
  asked = true;
  setTimeout(() => {
    for (const load of Object.values(LOADS)) void load().catch(() => undefined);
  }, 300);
}

/** The view of an address; its code comes when it comes. */
export function viewOf(route: Route): TemplateResult {
  const [first = "", second = ""] = route.parts;
  const thing = second && (first === "hosts" || first === "vms");
  const load = LOADS[thing ? "thing" : first];
  void load?.().then(restSoon);
  switch (first) {
    case "":
      return html`<vsm-overview></vsm-overview>`;
    case "clusters":
      return html`<vsm-cluster .cluster=${second}></vsm-cluster>`;
    case "hosts":
      return thing
        ? html`<vsm-thing .thing=${second}></vsm-thing>`
        : html`<vsm-hosts .query=${route.query}></vsm-hosts>`;
    case "vms":
      return thing ? html`<vsm-thing .thing=${second}></vsm-thing>` : html`<vsm-vms .query=${route.query}></vsm-vms>`;
    case "plan":
      return html`<vsm-plan .plan=${second} .chosen=${route.query.get("step") ?? ""}></vsm-plan>`;
    case "executions":
      return html`<vsm-execution .execution=${second}></vsm-execution>`;
    case "history":
      return html`<vsm-history .query=${route.query}></vsm-history>`;
    case "policies":
      return html`<vsm-policies .query=${route.query}></vsm-policies>`;
    case "whatif":
      return html`<vsm-whatif .query=${route.query}></vsm-whatif>`;
    case "card":
      return card(route.parts[1] ?? "", route.parts[2] ?? "");
    default:
      return html`<div class="view">
        <h1>There is no such page</h1>
        ${empty("The address leads nowhere", html`<a href="#/">Back to the overview</a>`)}
      </div>`;
  }
}

/** A card of the vSphere Client's Summary. */
export function card(kind: string, moid: string): TemplateResult {
  if (kind === "clusters") {
    void LOADS["clusters"]?.();
    return html`<vsm-cluster .cluster=${moid} .card=${true}></vsm-cluster>`;
  }
  void LOADS["thing"]?.();
  return html`<vsm-thing .thing=${moid} .card=${true}></vsm-thing>`;
}
