import { describe, expect, it } from "vitest";
import { suppose, words } from "../src/views/supposing.js";

function form(values: Record<string, string>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(values)) data.set(name, value);
  return data;
}

describe("what is supposed", () => {
  it("reads the form as the service wants it", () => {
    expect(suppose(form({ lose: "esx-05", add_vms: "3", size_gib: "", grow_pct: "12.5" }), "outlook")).toEqual({
      ask: "outlook",
      cluster: "",
      lose: ["esx-05"],
      maintenance: [],
      add_hosts: 0,
      add_vms: 3,
      size_gib: null,
      grow_pct: 12.5,
    });
  });

  it("says it in a sentence", () => {
    expect(words(suppose(form({ lose: "esx-05", add_vms: "1", size_gib: "16" }), "outlook"))).toBe(
      "esx-05 fails and 1 VM of 16 GiB is added",
    );
    expect(words(suppose(form({ grow_pct: "-5" }), "outlook"))).toBe("demand falls by 5 %");
    expect(words(suppose(form({}), "outlook"))).toBe("nothing changes");
  });
});
