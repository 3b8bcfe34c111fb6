/** The console by itself, as `vsphere-market serve` shows it. */

import "./styles/all.css";
import { getSession, logIn } from "./api/calls.js";
import { Problem } from "./api/link.js";
import type { Session } from "./api/schema.js";
import { begin } from "./app/app.js";
import { LOGGED_IN } from "./app/login.js";
import "./app/login.js";
import { mark, marked } from "./app/mark.js";
import "./app/shell.js";
import { startTheme } from "./app/theme.js";
import { startClarity } from "./clarity.js";
import { failed } from "./parts/states.js";
import { render } from "lit";

let csrf = "";
const app = begin(
  new URL("./", location.href).href.replace(/[?#].*$/, ""),
  {
    credentials: "same-origin",
    headers: () => ({}),
    changes: () => ({ "x-csrf-token": csrf }),
  },
  "standalone",
);

function enter(session: Session): void {
  mark(true);
  csrf = session.csrf_token ?? "";
  app.session = session;
  show("vsm-shell");
}

function show(name: "vsm-shell" | "vsm-login"): void {
  const element = document.createElement(name);
  if (name === "vsm-login") {
    element.addEventListener(LOGGED_IN, (event) => enter((event as CustomEvent<Session>).detail));
  }
  document.body.replaceChildren(element);
}

/**
 * `serve` shows an address that carries a token after the `#`, which browsers send to nobody. It logs
 * in and leaves the address, so that it is in no history and on no screenshot.
 */
async function carried(): Promise<Session | null> {
  const token = /^#token=(\w[\w-]*)$/.exec(location.hash)?.[1];
  if (token === undefined) return null;
  history.replaceState(null, "", location.pathname);
  return logIn(token);
}

async function start(): Promise<void> {
  startTheme();
  startClarity();
  try {
    const session = (await carried()) ?? (marked() ? await getSession() : null);
    if (session) enter(session);
    else show("vsm-login");
  } catch (error) {
    mark(false);
    if (error instanceof Problem && error.status === 401) show("vsm-login");
    else if (error instanceof Problem) render(failed(error, () => location.reload()), document.body);
    else throw error;
  }
  app.link.onLoggedOut = () => {
    mark(false);
    if (app.session) {
      app.session = undefined;
      show("vsm-login");
    }
  };
}

void start();
