import { describe, expect, it } from "vitest";
import { href, parseRoute } from "../src/app/route.js";

describe("addresses", () => {
  it("goes there and back, whatever the names hold", () => {
    const address = href(["vms", "vm/1 ?#%"], { find: "a&b=c", sort: "", cluster: null });
    const route = parseRoute(address);
    expect(route.parts).toEqual(["vms", "vm/1 ?#%"]);
    expect([...route.query]).toEqual([["find", "a&b=c"]]);
  });

  it("takes nothing for the overview", () => {
    expect(parseRoute("").parts).toEqual([]);
    expect(parseRoute("#/").parts).toEqual([]);
    expect(href([])).toBe("#/");
  });

  it("takes a broken escape as it stands", () => {
    expect(parseRoute("#/vms/%E0%A4%A").parts).toEqual(["vms", "%E0%A4%A"]);
  });
});
