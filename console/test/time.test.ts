import { describe, expect, it } from "vitest";
import { at, moment, shortAt, zone } from "../src/text/time.js";

describe("times with their zone", () => {
  it("always names the zone", () => {
    expect(at("2026-03-02T10:00:00Z")).toBe("2026-03-02 10:00 UTC");
    expect(at(1772445605, true)).toBe("2026-03-02 10:00:05 UTC");
  });

  it("leaves the date out on the same day only", () => {
    const now = new Date("2026-03-02T23:00:00Z");
    expect(shortAt("2026-03-02T10:00:00Z", now)).toBe("10:00 UTC");
    expect(shortAt("2026-03-01T10:00:00Z", now)).toBe("2026-03-01 10:00 UTC");
  });

  it("has no time for nothing, and none for nonsense", () => {
    expect(at(null)).toBe("–");
    expect(at("soon")).toBe("–");
    expect(moment("")).toBeNull();
  });

  it("writes offsets of half hours", () => {
    const offset = (minutes: number) => ({ getTimezoneOffset: () => minutes });
    expect(zone(offset(-330))).toBe("UTC+5:30");
    expect(zone(offset(480))).toBe("UTC−8");
    expect(zone(offset(0))).toBe("UTC");
  });
});
