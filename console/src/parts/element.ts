/** What the console's own elements have in common: no shadow, so that one style sheet serves all. */

import { LitElement } from "lit";

export class Part extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }
}

/** Register an element once. */
export function define(name: string, element: CustomElementConstructor): void {
  if (!customElements.get(name)) customElements.define(name, element);
}

let counter = 0;

/** An id that no other element has, for labels. */
export function freshId(stem: string): string {
  counter += 1;
  return `${stem}-${counter}`;
}
