import { describe, expect, it } from "vitest";
import { objectOf, serverBase, sessionToken, type HtmlClientSdk } from "../src/embed/sdk.js";

const sdk = (origin?: string): HtmlClientSdk => ({
  initialize: (done) => done(),
  ...(origin === undefined ? {} : { getProxiedPluginServerOrigin: () => origin }),
  app: {
    getContextObjects: () => [],
    getSessionInfo: (done) => done({ sessionToken: "s-1" }),
    getTheme: () => ({ name: "light" }),
  },
  event: { onThemeChanged: () => undefined, onGlobalRefresh: () => undefined },
});

describe("inside the vSphere Client", () => {
  it("knows the objects that have a view", () => {
    expect(objectOf({ id: "urn:vmomi:VirtualMachine:vm-12:aa-bb" })).toEqual({ place: "vms", moid: "vm-12" });
    expect(objectOf({ id: "urn:vmomi:HostSystem:host-9:aa-bb" })).toEqual({ place: "hosts", moid: "host-9" });
    expect(objectOf({ id: "urn:vmomi:ClusterComputeResource:domain-c8:aa" })).toEqual({ place: "clusters", moid: "domain-c8" });
    expect(objectOf({ id: "urn:vmomi:Datastore:datastore-1:aa" })).toBeNull();
    expect(objectOf({ id: "nonsense" })).toBeNull();
    expect(objectOf(undefined)).toBeNull();
  });

  it("reaches its server below vCenter's proxy", () => {
    const page = "https://vc.example.com/plugins/market/1/plugin.html?locale=en_US#/card";
    expect(serverBase(sdk("https://vc.example.com/plugins/market/1"), page)).toBe("https://vc.example.com/plugins/market/1/");
    expect(serverBase(sdk(), page)).toBe("https://vc.example.com/plugins/market/1/");
    expect(serverBase(sdk("/plugins/market/1/"), page)).toBe("https://vc.example.com/plugins/market/1/");
  });

  it("asks for the session's token", async () => {
    await expect(sessionToken(sdk())).resolves.toBe("s-1");
  });
});
