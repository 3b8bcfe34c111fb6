/** What all views share: the way to the service, who is there, and news of what has changed. */

import { Link, type Login } from "../api/link.js";

export type RoleWord = "viewer" | "approver" | "operator" | "admin";
const ROLES: RoleWord[] = ["viewer", "approver", "operator", "admin"];

export interface Session {
  name: string;
  role: RoleWord;
  way: string;
}

/** Where the console runs. */
export type Place = "standalone" | "client" | "card";

/** Fired on `window` for each event of the service; `detail` is a News. */
export const NEWS = "vsm-news";

export interface News {
  name: string;
  data: unknown;
}

export class App {
  session: Session | undefined;
  readonly link: Link;

  constructor(
    base: string,
    login: Login,
    readonly place: Place,
  ) {
    this.link = new Link(base, login);
  }

  /** Whether the one who is there may do what a role may. */
  may(role: RoleWord): boolean {
    const has = this.session ? ROLES.indexOf(this.session.role) : -1;
    return has >= ROLES.indexOf(role);
  }

  tell(name: string, data: unknown): void {
    window.dispatchEvent(new CustomEvent<News>(NEWS, { detail: { name, data } }));
  }
}

let current: App | undefined;

/** The console begins. */
export function begin(base: string, login: Login, place: Place): App {
  current = new App(base, login, place);
  return current;
}

/** The one there is. */
export function app(): App {
  if (!current) throw new Error("the console has not begun");
  return current;
}
