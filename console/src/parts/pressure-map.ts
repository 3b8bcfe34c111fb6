/** The pressure map: a tile for each host, coloured by its load and named by what it does. */

import { html, nothing } from "lit";
import { count, memory, price, share } from "../text/format.js";
import { pressureWord } from "../text/words.js";
import { define, Part } from "./element.js";

export interface Tile {
  moid: string;
  name: string;
  cluster: string;
  /** Of what it has for sale; 1 is full. */
  load: number | null;
  price: number | null;
  pressure: string;
  squeezed_mib: number;
  vms: number;
  href: string;
}

/** How warm a host is: the knee of the price is at 90 %. */
export function warmth(load: number | null): number {
  if (load === null || !Number.isFinite(load)) return -1;
  const bounds = [0.3, 0.5, 0.7, 0.9, 1];
  return bounds.filter((bound) => load >= bound).length;
}

const STEPS = ["below 30 %", "30–50 %", "50–70 %", "70–90 %", "90–100 %", "over-committed"];

export class VsmPressureMap extends Part {
  static override properties = { tiles: { attribute: false }, label: { type: String } };

  tiles: readonly Tile[] = [];
  label = "Pressure map";

  protected override render(): unknown {
    const small = this.tiles.length > 80;
    return html`
      <ul class="tiles${small ? " small" : ""}" aria-label=${this.label}>
        ${this.tiles.map((tile) => this.tile(tile, small))}
      </ul>
      <ul class="scale" aria-hidden="true">
        ${STEPS.map((text, step) => html`<li class="warm-${step}"><i></i>${text}</li>`)}
      </ul>
    `;
  }

  private tile(tile: Tile, small: boolean): unknown {
    const word = pressureWord(tile.pressure);
    const text =
      `${tile.name}: ${share(tile.load)} of its memory is sold, ${price(tile.price)} points/MiB, ${word}, ` +
      `${count(tile.vms)} VMs` +
      (tile.squeezed_mib > 0 ? `, ${memory(tile.squeezed_mib)} taken from them` : "");
    return html`<li>
      <a class="tile warm-${warmth(tile.load)}" href=${tile.href} title=${text} aria-label=${small ? text : nothing}>
        ${small
          ? ""
          : html`<b>${tile.name}</b><span class="load">${share(tile.load)}</span>
              <span class="state">${word}</span>`}
      </a>
    </li>`;
  }

}

define("vsm-pressure-map", VsmPressureMap);

declare global {
  interface HTMLElementTagNameMap {
    "vsm-pressure-map": VsmPressureMap;
  }
}
