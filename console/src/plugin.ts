/** The console inside the vSphere Client: a view of the object that is selected there, or a card. */

import "./styles/all.css";
import { render } from "lit";
import { getSession } from "./api/calls.js";
import { Problem } from "./api/link.js";
import { begin } from "./app/app.js";
import { asProblem } from "./app/loader.js";
import { href, parseRoute } from "./app/route.js";
import "./app/shell.js";
import { force, startTheme } from "./app/theme.js";
import { card } from "./app/views.js";
import { startClarity } from "./clarity.js";
import { clientSdk, objectOf, serverBase, sessionToken, type ClientTheme, type HtmlClientSdk } from "./embed/sdk.js";
import { failed } from "./parts/states.js";
import { useLocale } from "./text/format.js";

function themed(theme: ClientTheme): void {
  force(theme.name.toLowerCase().includes("dark") ? "dark" : "light");
}

function trouble(problem: Problem): void {
  render(failed(problem, () => location.reload()), document.body);
}

async function start(sdk: HtmlClientSdk): Promise<void> {
  themed(sdk.app.getTheme());
  sdk.event.onThemeChanged(themed);
  useLocale(sdk.app.getClientLocale?.() ?? navigator.language);
  const route = parseRoute(location.hash);
  const asCard = route.parts[0] === "card";
  const app = begin(
    serverBase(sdk, location.href),
    {
      credentials: "same-origin",
      headers: async () => ({ "vmware-api-session-id": await sessionToken(sdk) }),
      changes: () => ({}),
    },
    asCard ? "card" : "client",
  );
  sdk.event.onGlobalRefresh(() => app.tell("reset", {}));
  app.session = await getSession();
  const selected = objectOf(sdk.app.getContextObjects()[0]);
  if (asCard) {
    const box = document.createElement("main");
    document.body.replaceChildren(box);
    render(card(selected?.place ?? "", selected?.moid ?? ""), box);
    return;
  }
  if (selected && route.parts.length === 0) location.hash = href([selected.place, selected.moid]).slice(1);
  document.body.replaceChildren(document.createElement("vsm-shell"));
}

startTheme();
startClarity();
const sdk = clientSdk();
if (sdk) {
  sdk.initialize(() => {
    start(sdk).catch((error: unknown) => trouble(asProblem(error)));
  });
} else {
  trouble(
    new Problem(
      "This page belongs into the vSphere Client",
      location.pathname,
      "Open the Market view of a cluster, host or VM there, or the console itself at the service's address.",
    ),
  );
}
