/** Whether there may be a session: asking without one would be an error in the browser's log. */

const MARK = "vsphere-market.session";

export function mark(on: boolean): void {
  try {
    if (on) localStorage.setItem(MARK, "1");
    else localStorage.removeItem(MARK);
  } catch {
    // No storage: the login is asked for again when the page is loaded again.
  }
}

export function marked(): boolean {
  try {
    return localStorage.getItem(MARK) === "1";
  } catch {
    return false;
  }
}
