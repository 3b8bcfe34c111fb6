/** Words for what the service names by a short key. */

import type { Tone } from "../parts/table.js";

const PRESSURE: Record<string, [string, Tone]> = {
  calm: ["calm", "good"],
  full: ["over-sold", "warn"],
  ballooning: ["ballooning", "warn"],
  swapping: ["swapping", "bad"],
  unknown: ["no counters", "none"],
};

export function pressureWord(key: string): string {
  return PRESSURE[key]?.[0] ?? plain(key);
}

export function pressureTone(key: string): Tone {
  return PRESSURE[key]?.[1] ?? "none";
}

const KINDS: Record<string, string> = {
  migrate: "Move",
  limit: "Limit",
  reservation: "Reservation",
  "hot-add": "Hot-add",
  "balloon-cap": "Balloon cap",
  "drs-recommendation": "DRS advice",
  "enable-hot-add": "Allow hot-add",
  "migrate-storage": "Move storage",
  "pool-allocation": "Pool",
  "provision-host": "Wake host",
  "suspend-host": "Suspend host",
};

export function kindWord(key: string): string {
  return KINDS[key] ?? capital(plain(key));
}

const CAUSES: Record<string, string> = {
  none: "nothing squeezes it",
  limit: "limit too low",
  "host-overcommit": "host over-committed",
  "guest-full": "guest is full",
  "stale-swap": "old swap",
  "balloon-without-pressure": "left-over balloon",
};

/** A cause in two words, for tables. */
export function causeShort(key: string): string {
  return CAUSES[key] ?? plain(key);
}

const OUTCOMES: Record<string, Tone> = {
  done: "good",
  "already-done": "good",
  "would-do": "info",
  running: "info",
  submitted: "info",
  approved: "info",
  failed: "bad",
  refused: "warn",
  unknown: "warn",
};

export function outcomeTone(key: string): Tone {
  return OUTCOMES[key] ?? "none";
}

/** "host-overcommit" as words. */
export function plain(key: string): string {
  return key.replaceAll(/[-_]/g, " ");
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
