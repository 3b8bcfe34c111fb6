/** Addresses within the console: `#/vms/vm-12?find=db`. */

export interface Route {
  /** Parts of the path: ["vms", "vm-12"]. */
  parts: string[];
  query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const text = hash.replace(/^#?\/?/, "");
  const cut = text.indexOf("?");
  const path = cut < 0 ? text : text.slice(0, cut);
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part) parts.push(decoded(part));
  }
  return { parts, query: new URLSearchParams(cut < 0 ? "" : text.slice(cut + 1)) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a place; empty values of the query are left out. */
export function href(
  parts: readonly string[],
  query: Readonly<Record<string, string | number | null | undefined>> = {},
): string {
  const known = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const search = new URLSearchParams(known.map(([name, value]) => [name, String(value)])).toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${search ? `?${search}` : ""}`;
}

/** Go there. In the vSphere Client a base address is set, so that links alone would leave the page. */
export function go(address: string): void {
  location.hash = address.replace(/^#/, "");
}
