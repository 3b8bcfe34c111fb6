/** uPlot in the console's clothes: theme, size, units, a legend and the numbers as a table. */

import { html, nothing, type PropertyValues } from "lit";
import uPlot from "uplot";
import { THEME_CHANGED, token } from "../app/theme.js";
import { count } from "../text/format.js";
import { at } from "../text/time.js";
import { define, Part } from "./element.js";

export interface Series {
  label: string;
  /** A token of the palette: "--vsm-series-1". */
  color: string;
  /** One value for each x; null where there is none. */
  values: readonly (number | null)[];
  format: (value: number) => string;
  dash?: boolean;
  /** The area below is tinted. */
  fill?: boolean;
  /** Steps instead of straight lines: prices and sums that hold until they change. */
  step?: boolean;
  width?: number;
}

export interface Plot {
  /** Unix seconds, or amounts when `xFormat` is given. */
  x: readonly number[];
  series: readonly Series[];
  /** Absent for times; ticks show the plain number, whose unit the label names. */
  xFormat?: (value: number) => string;
  xLabel?: string;
  yLabel: string;
  yFormat: (value: number) => string;
  log?: boolean;
  yMin?: number;
  /** A level worth knowing, for example a bound. */
  lines?: readonly { value: number; label: string; axis: "x" | "y" }[];
}

export class VsmChart extends Part {
  static override properties = {
    plot: { attribute: false },
    label: { type: String },
    height: { type: Number },
  };

  plot: Plot | null = null;
  /** What the picture shows, in a sentence: for people who cannot see it. */
  label = "";
  height = 220;

  private chart: uPlot | null = null;
  private readonly sizes = new ResizeObserver(() => this.resize());
  private readonly redraw = () => this.draw();

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener(THEME_CHANGED, this.redraw);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener(THEME_CHANGED, this.redraw);
    this.sizes.disconnect();
    this.chart?.destroy();
    this.chart = null;
  }

  protected override render(): unknown {
    const plot = this.plot;
    if (!plot || plot.x.length === 0) return nothing;
    return html`
      <div class="chart" role="img" aria-label=${this.label}></div>
      <ul class="legend">
        ${plot.series.map(
          (series) =>
            html`<li data-color=${series.color} class=${series.dash ? "dashed" : ""}>
              <i aria-hidden="true"></i>${series.label}
            </li>`,
        )}
      </ul>
      <details class="numbers">
        <summary>Numbers</summary>
        <div class="scroll" tabindex="0" role="region" aria-label="Numbers of the chart">${this.numbers(plot)}</div>
      </details>
    `;
  }

  private numbers(plot: Plot): unknown {
    // The newest first; a long series is thinned out, and the picture has the rest.
    const every = Math.max(1, Math.ceil(plot.x.length / 60));
    const rows = plot.x.map((_, index) => index).filter((index) => (plot.x.length - 1 - index) % every === 0);
    if (!plot.xFormat) rows.reverse();
    const x = plot.xFormat ?? ((value: number) => at(value));
    return html`<table class="plain">
      <thead>
        <tr>
          <th scope="col">${plot.xLabel ?? "Time"}</th>
          ${plot.series.map((series) => html`<th scope="col" class="end">${series.label}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (index) =>
            html`<tr>
              <th scope="row">${x(plot.x[index] ?? 0)}</th>
              ${plot.series.map((series) => {
                const value = series.values[index];
                return html`<td class="end">${value === null || value === undefined ? "–" : series.format(value)}</td>`;
              })}
            </tr>`,
        )}
      </tbody>
    </table>`;
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("plot") || changed.has("height")) this.draw();
    for (const item of this.querySelectorAll<HTMLElement>(".legend li")) {
      item.style.setProperty("--color", `var(${item.dataset["color"] ?? ""})`);
    }
  }

  private get box(): HTMLElement | null {
    return this.querySelector<HTMLElement>(".chart");
  }

  private resize(): void {
    const box = this.box;
    if (this.chart && box && box.clientWidth > 0 && box.clientWidth !== this.chart.width) {
      this.chart.setSize({ width: box.clientWidth, height: this.height });
    }
  }

  private draw(): void {
    const box = this.box;
    this.chart?.destroy();
    this.chart = null;
    const plot = this.plot;
    if (!box || !plot) return;
    const ink = token("--vsm-ink-soft");
    const line = token("--vsm-line-soft");
    const font = `12px ${token("--cds-global-typography-font-family") || "sans-serif"}`;
    const grid: uPlot.Axis.Grid = { stroke: line, width: 1 };
    const axis = { stroke: ink, font, grid, ticks: { stroke: line, width: 1, size: 4 }, labelFont: font };
    const x = plot.xFormat;
    const options: uPlot.Options = {
      width: Math.max(200, box.clientWidth),
      height: this.height,
      legend: { show: false },
      cursor: { points: { size: 6 }, drag: { x: false, y: false } },
      padding: [10, 22, 0, 0],
      scales: {
        // One moment alone would stretch the axis over years.
        x: { time: !x, ...(plot.x.length === 1 && !x ? { range: around(plot.x[0] ?? 0) } : {}) },
        y: {
          // uPlot declares this enumeration for the compiler alone: at run time there is only the number.
          // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment
          ...(plot.log ? { distr: 3 } : {}),
          range: (_chart, low, high) => ranged(plot, low, high),
        },
      },
      axes: [
        {
          ...axis,
          size: x && plot.xLabel ? 30 : 40,
          space: 76,
          ...(x ? { values: (_: uPlot, splits: number[]) => splits.map((value) => count(value)) } : { values: times }),
          ...(plot.xLabel && x ? { label: plot.xLabel, labelSize: 18 } : {}),
        },
        {
          ...axis,
          size: 64,
          label: plot.yLabel,
          labelSize: 18,
          values: (_: uPlot, splits: (number | null)[]) =>
            splits.map((value) => (value === null ? "" : plot.yFormat(value))),
        },
      ],
      series: [
        {},
        ...plot.series.map((series): uPlot.Series => {
          const color = token(series.color);
          return {
            label: series.label,
            stroke: color,
            width: series.width ?? 1.5,
            points: { show: plot.x.length === 1 },
            ...(series.dash ? { dash: [5, 4] } : {}),
            ...(series.fill ? { fill: `color-mix(in srgb, ${color} 14%, transparent)` } : {}),
            ...(series.step && uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
          };
        }),
      ],
      plugins: [tooltip(plot), levels(plot)],
    };
    const data = [plot.x, ...plot.series.map((series) => series.values)] as unknown as uPlot.AlignedData;
    this.chart = new uPlot(options, data, box);
    this.sizes.disconnect();
    this.sizes.observe(box);
  }
}

/** Ten minutes before and after. */
function around(at: number): [number, number] {
  return [at - 600, at + 600];
}

function ranged(plot: Plot, low: number, high: number): [number, number] {
  if (plot.log) {
    const safe = (value: number, other: number) => (Number.isFinite(value) && value > 0 ? value : other);
    return [10 ** Math.floor(Math.log10(safe(low, 1))), 10 ** Math.ceil(Math.log10(safe(high, 10) * 1.05))];
  }
  const from = plot.yMin ?? low;
  const to = Number.isFinite(high) ? high : from + 1;
  const top = to > from ? to + (to - from) * 0.08 : from + 1;
  return [from, top];
}

/** Ticks of the time axis: the time, and the date where a day begins. */
function times(_chart: uPlot, splits: number[]): string[] {
  let before = "";
  return splits.map((value) => {
    const [day = "", clock = ""] = at(value).split(" ");
    const first = day !== before;
    before = day;
    return first ? `${clock}\n${day}` : clock;
  });
}

function tooltip(plot: Plot): uPlot.Plugin {
  let box: HTMLElement;
  return {
    hooks: {
      init: (chart) => {
        box = document.createElement("div");
        box.className = "chart-tip";
        box.hidden = true;
        chart.over.append(box);
        chart.over.addEventListener("mouseleave", () => (box.hidden = true));
      },
      setCursor: (chart) => {
        const index = chart.cursor.idx;
        const x = index === null || index === undefined ? undefined : plot.x[index];
        if (x === undefined || index === null || index === undefined || (chart.cursor.left ?? -1) < 0) {
          box.hidden = true;
          return;
        }
        const head = document.createElement("b");
        head.textContent = plot.xFormat ? plot.xFormat(x) : at(x);
        const lines = plot.series.flatMap((series) => {
          const value = series.values[index];
          if (value === null || value === undefined) return [];
          const item = document.createElement("span");
          item.style.setProperty("--color", `var(${series.color})`);
          item.textContent = `${series.label}  ${series.format(value)}`;
          return [item];
        });
        box.replaceChildren(head, ...lines.slice(0, 12));
        box.hidden = lines.length === 0;
        const left = chart.cursor.left ?? 0;
        const wide = chart.over.clientWidth;
        box.style.transform = left > wide / 2 ? `translate(calc(${left - 12}px - 100%), 4px)` : `translate(${left + 12}px, 4px)`;
      },
    },
  };
}

function levels(plot: Plot): uPlot.Plugin {
  return {
    hooks: {
      draw: (chart) => {
        const ratio = devicePixelRatio;
        const { ctx, bbox } = chart;
        ctx.save();
        ctx.strokeStyle = token("--vsm-ink");
        ctx.fillStyle = token("--vsm-ink");
        ctx.setLineDash([4 * ratio, 4 * ratio]);
        ctx.lineWidth = ratio;
        ctx.font = `${12 * ratio}px ${token("--cds-global-typography-font-family") || "sans-serif"}`;
        for (const level of plot.lines ?? []) {
          const place = chart.valToPos(level.value, level.axis, true);
          ctx.beginPath();
          if (level.axis === "y") {
            if (place < bbox.top || place > bbox.top + bbox.height) continue;
            ctx.moveTo(bbox.left, place);
            ctx.lineTo(bbox.left + bbox.width, place);
            ctx.textAlign = "right";
            ctx.fillText(level.label, bbox.left + bbox.width - 6 * ratio, place - 5 * ratio);
          } else {
            if (place < bbox.left || place > bbox.left + bbox.width) continue;
            ctx.moveTo(place, bbox.top);
            ctx.lineTo(place, bbox.top + bbox.height);
            const right = place > bbox.left + bbox.width / 2;
            ctx.textAlign = right ? "right" : "left";
            ctx.fillText(level.label, place + (right ? -6 : 6) * ratio, bbox.top + 14 * ratio);
          }
          ctx.stroke();
        }
        ctx.restore();
      },
    },
  };
}

define("vsm-chart", VsmChart);

declare global {
  interface HTMLElementTagNameMap {
    "vsm-chart": VsmChart;
  }
}
