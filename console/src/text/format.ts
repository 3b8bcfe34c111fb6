/** Numbers as people read them: always with a unit, and a dash where vCenter gave nothing. */

/** What stands for a number that is not known. */
export const UNKNOWN = "–";
/** Between a number and its unit, so that no line breaks there. */
const TO = "\u00a0";

/** A number from the service; null is "vCenter did not say". */
export type Amount = number | null | undefined;

let locale = typeof navigator === "undefined" ? "en" : navigator.language;

/** Use another locale for numbers and times, for example the vSphere Client's. */
export function useLocale(wanted: string): void {
  try {
    locale = Intl.getCanonicalLocales(wanted.replace("_", "-"))[0] ?? locale;
  } catch {
    // A locale that the browser does not know: its own stays.
  }
  formats.clear();
}

const formats = new Map<string, Intl.NumberFormat>();

function numbers(digits: number): Intl.NumberFormat {
  const key = String(digits);
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(locale, { maximumFractionDigits: digits });
    formats.set(key, format);
  }
  return format;
}

export function known(value: Amount): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** A count: 40,000. */
export function count(value: Amount): string {
  return known(value) ? numbers(0).format(value) : UNKNOWN;
}

/** A number with at most so many digits after the point. */
export function decimal(value: Amount, digits = 1): string {
  return known(value) ? numbers(digits).format(value) : UNKNOWN;
}

/** "1 step", "2 steps". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

const MEMORY = ["MiB", "GiB", "TiB", "PiB"];

/** Memory, given in MiB. */
export function memory(mib: Amount): string {
  return scaled(mib, MEMORY, "");
}

/** A rate of memory, given in KiB/s. */
export function rate(kibps: Amount): string {
  return scaled(kibps, ["KiB", "MiB", "GiB"], "/s");
}

function scaled(value: Amount, units: readonly string[], suffix: string): string {
  if (!known(value)) return UNKNOWN;
  let amount = value;
  let step = 0;
  while (Math.abs(amount) >= 1024 && step < units.length - 1) {
    amount /= 1024;
    step += 1;
  }
  const digits = step === 0 || Math.abs(amount) >= 100 ? 0 : 1;
  return `${numbers(digits).format(amount)}${TO}${units[step] ?? ""}${suffix}`;
}

/** A share as a percentage; 1 is 100 %. */
export function share(value: Amount, digits = 0): string {
  return known(value) ? `${numbers(digits).format(value * 100)}${TO}%` : UNKNOWN;
}

/** A percentage that is one already. */
export function percent(value: Amount, digits = 1): string {
  return known(value) ? `${numbers(digits).format(value)}${TO}%` : UNKNOWN;
}

/** A price, in points for a MiB: three digits that count. */
export function price(value: Amount): string {
  if (!known(value)) return UNKNOWN;
  const size = Math.abs(value);
  return numbers(size >= 100 ? 0 : size >= 10 ? 1 : 2).format(value);
}

/** Points: large sums are shortened to millions (M) and thousands of millions (G). */
export function points(value: Amount): string {
  if (!known(value)) return UNKNOWN;
  const size = Math.abs(value);
  if (size >= 1e9) return `${numbers(1).format(value / 1e9)}${TO}G`;
  if (size >= 1e6) return `${numbers(1).format(value / 1e6)}${TO}M`;
  return numbers(size >= 100 ? 0 : 1).format(value);
}

/** A span of time, given in seconds. */
export function span(seconds: Amount): string {
  if (!known(seconds)) return UNKNOWN;
  const size = Math.abs(seconds);
  if (size < 1) return `${numbers(1).format(seconds)}${TO}s`;
  if (size < 90) return `${numbers(0).format(seconds)}${TO}s`;
  if (size < 5400) return `${numbers(0).format(seconds / 60)}${TO}min`;
  if (size < 129_600) return `${numbers(1).format(seconds / 3600)}${TO}h`;
  return `${numbers(1).format(seconds / 86_400)}${TO}days`;
}

/** Memory states of ESXi, by their number. */
const STATES = ["high", "clear", "soft", "hard", "low"];

/** What a value of the evidence is, by the unit that comes with it. */
export function evidence(value: Amount, unit: string): string {
  if (unit === "MiB") return memory(value);
  if (unit === "KiB/s") return rate(value);
  if (unit === "%") return percent(value);
  if (unit.startsWith("points")) return `${price(value)} ${unit}`;
  if (unit === "of usable") return `${share(value)} of usable`;
  if (unit === "s") return span(value);
  if (unit.startsWith("0 high")) return STATES[value ?? -1] ?? UNKNOWN;
  if (unit === "count") return count(value);
  if (unit === "hours") return known(value) ? plural(value, "hour") : UNKNOWN;
  return `${decimal(value, 2)}${unit ? ` ${unit}` : ""}`;
}
