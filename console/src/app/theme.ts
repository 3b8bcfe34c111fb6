/** Light or dark: the vSphere Client's choice inside it, else the user's, else the system's. */

export type Theme = "light" | "dark";
export type Choice = Theme | "system";

const KEY = "vsphere-market.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
let forced: Theme | undefined;

/** Fired on `window` when the theme has changed: canvases have to be drawn anew. */
export const THEME_CHANGED = "vsm-theme";

export function choice(): Choice {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system";
  }
}

export function choose(wanted: Choice): void {
  try {
    if (wanted === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, wanted);
  } catch {
    // No storage: the choice lasts as long as the page.
  }
  apply();
}

/** The vSphere Client says which. */
export function force(theme: Theme): void {
  forced = theme;
  apply();
}

export function theme(): Theme {
  if (forced) return forced;
  const chosen = choice();
  if (chosen !== "system") return chosen;
  return system.matches ? "dark" : "light";
}

function apply(): void {
  document.documentElement.setAttribute("cds-theme", theme());
  document.documentElement.dataset["theme"] = theme();
  window.dispatchEvent(new CustomEvent(THEME_CHANGED));
}

/** Begin, and follow the system. */
export function startTheme(): void {
  system.addEventListener("change", apply);
  apply();
}

/** A colour or other token as it stands now. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
