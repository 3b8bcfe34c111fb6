/** From a form to what is supposed, and to a sentence about it. */

import type { Whatif } from "../api/schema.js";
import { decimal, plural } from "../text/format.js";

export type Question = "outlook" | "headroom" | "place";

/** What a form says, as the service wants it. */
export function suppose(form: FormData, ask: Question): Whatif {
  const text = (name: string) => {
    const value = form.get(name);
    return typeof value === "string" ? value.trim() : "";
  };
  const number = (name: string) => Number(text(name) || 0);
  return {
    ask,
    cluster: text("cluster"),
    lose: text("lose") ? [text("lose")] : [],
    maintenance: text("maintenance") ? [text("maintenance")] : [],
    add_hosts: number("add_hosts"),
    add_vms: number("add_vms"),
    size_gib: text("size_gib") ? number("size_gib") : null,
    grow_pct: number("grow_pct"),
  };
}

export function words(wanted: Whatif): string {
  const parts = [
    ...(wanted.lose ?? []).map((name) => `${name} fails`),
    ...(wanted.maintenance ?? []).map((name) => `${name} enters maintenance`),
    wanted.add_hosts ? `${plural(wanted.add_hosts, "host")} ${wanted.add_hosts === 1 ? "is" : "are"} added` : "",
    wanted.add_vms
      ? `${plural(wanted.add_vms, "VM")}${wanted.size_gib ? ` of ${decimal(wanted.size_gib)} GiB` : ""} ${wanted.add_vms === 1 ? "is" : "are"} added`
      : "",
    wanted.grow_pct ? `demand ${wanted.grow_pct > 0 ? "grows" : "falls"} by ${decimal(Math.abs(wanted.grow_pct))} %` : "",
  ].filter(Boolean);
  return parts.join(" and ") || "nothing changes";
}

