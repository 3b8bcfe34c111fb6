/** Times, always with their zone: an administrator's estate is rarely all in one. */

import { UNKNOWN } from "./format.js";

export type Moment = string | number | null | undefined;

const pad = (value: number) => String(value).padStart(2, "0");

/** The moment as a date, or null. Numbers are Unix seconds. */
export function moment(value: Moment): Date | null {
  if (value === null || value === undefined || value === "") return null;
  const date = new Date(typeof value === "number" ? value * 1000 : value);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** The zone at that moment, as an offset that needs no knowledge of names: "UTC+1". */
export function zone(date: Pick<Date, "getTimezoneOffset">): string {
  const minutes = -date.getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const size = Math.abs(minutes);
  const rest = size % 60 ? `:${pad(size % 60)}` : "";
  return `UTC${minutes < 0 ? "−" : "+"}${Math.floor(size / 60)}${rest}`;
}

/** "2026-03-02 11:00 UTC+1". */
export function at(value: Moment, seconds = false): string {
  const date = moment(value);
  if (!date) return UNKNOWN;
  return `${day(date)} ${clock(date, seconds)} ${zone(date)}`;
}

/** "11:00 UTC+1" on the same day as `now`, else with the date. */
export function shortAt(value: Moment, now: Date, seconds = false): string {
  const date = moment(value);
  if (!date) return UNKNOWN;
  return day(date) === day(now) ? `${clock(date, seconds)} ${zone(date)}` : at(value, seconds);
}

export function day(date: Date): string {
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

export function clock(date: Date, seconds = false): string {
  const text = `${pad(date.getHours())}:${pad(date.getMinutes())}`;
  return seconds ? `${text}:${pad(date.getSeconds())}` : text;
}
