import { beforeAll, describe, expect, it } from "vitest";

import { count, evidence, memory, percent, plural, points, price, rate, share, span, UNKNOWN, useLocale } from "../src/text/format.js";

beforeAll(() => useLocale("en"));

/** With the space that no line breaks at. */
const unbroken = (text: string) => text.replaceAll(" ", "\u00a0");

describe("numbers with units", () => {
  it("scales memory by 1024 and says the unit", () => {
    expect(memory(0)).toBe(unbroken("0 MiB"));
    expect(memory(512)).toBe(unbroken("512 MiB"));
    expect(memory(8192)).toBe(unbroken("8 GiB"));
    expect(memory(8448)).toBe(unbroken("8.3 GiB"));
    expect(memory(1024 * 1024 * 3)).toBe(unbroken("3 TiB"));
    expect(memory(126812)).toBe(unbroken("124 GiB"));
  });

  it("never calls what vCenter did not give zero", () => {
    for (const show of [memory, rate, count, share, percent, price, points, span]) {
      expect(show(null)).toBe(UNKNOWN);
      expect(show(undefined)).toBe(UNKNOWN);
      expect(show(Number.NaN)).toBe(UNKNOWN);
    }
  });

  it("shows rates, shares, spans and counts", () => {
    expect(rate(29039)).toBe(unbroken("28.4 MiB/s"));
    expect(share(1.1508)).toBe(unbroken("115 %"));
    expect(percent(2.359)).toBe(unbroken("2.4 %"));
    expect(span(30)).toBe(unbroken("30 s"));
    expect(span(1800)).toBe(unbroken("30 min"));
    expect(span(86_400 * 3)).toBe(unbroken("3 days"));
    expect(count(40000)).toBe("40,000");
    expect(plural(1, "step")).toBe("1 step");
    expect(plural(22, "step")).toBe("22 steps");
  });

  it("keeps three digits of a price, and shortens large sums", () => {
    expect(price(3528.59)).toBe("3,529");
    expect(price(26.59)).toBe("26.6");
    expect(price(2.331)).toBe("2.33");
    expect(points(133_346_318)).toBe(unbroken("133.3 M"));
    expect(points(4_518_284)).toBe(unbroken("4.5 M"));
    expect(points(256)).toBe("256");
  });

  it("reads the unit of evidence", () => {
    expect(evidence(9011.2, "MiB")).toBe(unbroken("8.8 GiB"));
    expect(evidence(0.527, "of usable")).toBe(`${unbroken("53 %")} of usable`);
    expect(evidence(2.2957, "points/MiB")).toBe("2.3 points/MiB");
    expect(evidence(2, "0 high … 4 low")).toBe("soft");
    expect(evidence(1, "hours")).toBe("1 hour");
    expect(evidence(15, "count")).toBe("15");
    expect(evidence(null, "%")).toBe(UNKNOWN);
  });

  it("follows the locale of the Client, and survives one that is none", () => {
    useLocale("de_DE");
    expect(count(40000)).toBe("40.000");
    useLocale("not a locale");
    expect(count(40000)).toBe("40.000");
    useLocale("en");
  });
});
