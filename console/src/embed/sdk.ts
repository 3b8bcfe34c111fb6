/** What the vSphere Client's SDK (`htmlClientSdk.js`) offers a remote plugin, as far as it is used. */

export interface ContextObject {
  /** `urn:vmomi:VirtualMachine:vm-12:SERVER-GUID` */
  id: string;
}

export interface ClientTheme {
  name: string;
}

export interface HtmlClientSdk {
  initialize(done: () => void): void;
  isInitialized?(): boolean;
  getProxiedPluginServerOrigin?(): string;
  app: {
    getContextObjects(): ContextObject[];
    getSessionInfo(done: (info: { sessionToken: string }) => void): void;
    getTheme(): ClientTheme;
    getClientLocale?(): string;
    navigateTo?(options: { targetViewId: string; objectId?: string }): void;
  };
  event: {
    onThemeChanged(told: (theme: ClientTheme) => void): void;
    onGlobalRefresh(told: () => void): void;
  };
}

/** The SDK, if this page was loaded by a vSphere Client. */
export function clientSdk(): HtmlClientSdk | undefined {
  return (window as unknown as { htmlClientSdk?: HtmlClientSdk }).htmlClientSdk;
}

const PLACES: Readonly<Record<string, string>> = {
  ClusterComputeResource: "clusters",
  HostSystem: "hosts",
  VirtualMachine: "vms",
};

/** The kind and managed object id of a context object; null where it is of no kind that has a view. */
export function objectOf(context: ContextObject | undefined): { place: string; moid: string } | null {
  const [urn, scheme, type, moid] = (context?.id ?? "").split(":");
  const place = PLACES[type ?? ""];
  return urn === "urn" && scheme === "vmomi" && place && moid ? { place, moid } : null;
}

/** Where the plugin's server is reached from this page: below the proxy of vCenter. */
export function serverBase(sdk: HtmlClientSdk, page: string): string {
  const origin = sdk.getProxiedPluginServerOrigin?.() ?? "";
  // Older clients do not tell; there the page itself came by the same way.
  const base = origin ? new URL(origin.endsWith("/") ? origin : `${origin}/`, page) : new URL("./", page);
  base.search = "";
  base.hash = "";
  return base.href;
}

/** A session token, fresh for each request: the client renews it. */
export function sessionToken(sdk: HtmlClientSdk): Promise<string> {
  return new Promise((done) => sdk.app.getSessionInfo((info) => done(info.sessionToken)));
}
