/** One thing asked of the service, with the three states that every view must show. */

import type { ReactiveController, ReactiveControllerHost } from "lit";
import { Problem } from "../api/link.js";

/** Asks when told to, forgets answers that were overtaken, and keeps the last good one. */
export class Loader<T> implements ReactiveController {
  value: T | undefined;
  problem: Problem | undefined;
  busy = false;
  /** Why there is no answer yet although nothing is wrong; it is asked again by itself. */
  patience: string | undefined;
  private current: AbortController | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly ask: (signal: AbortSignal) => Promise<T>,
  ) {
    host.addController(this);
  }

  hostDisconnected(): void {
    clearTimeout(this.timer);
    this.current?.abort();
  }

  /** Ask anew. The last value stays until the new one is there, unless `afresh`. */
  async run(afresh = false): Promise<T | undefined> {
    clearTimeout(this.timer);
    this.current?.abort();
    const mine = new AbortController();
    this.current = mine;
    this.busy = true;
    if (afresh) this.value = undefined;
    this.host.requestUpdate();
    try {
      const value = await this.ask(mine.signal);
      if (mine.signal.aborted) return undefined;
      this.value = value;
      this.problem = undefined;
      this.patience = undefined;
      return value;
    } catch (error) {
      if (mine.signal.aborted) return undefined;
      const problem = asProblem(error);
      // The service has just begun: that is no error, and soon over.
      this.patience = problem.code === "not-ready" ? problem.what : undefined;
      this.problem = this.patience === undefined ? problem : undefined;
      if (this.patience !== undefined) this.timer = setTimeout(() => void this.run(), 1500);
      return undefined;
    } finally {
      if (this.current === mine) {
        this.busy = false;
        this.host.requestUpdate();
      }
    }
  }
}

/** Whatever was thrown, as something that can be shown. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new Problem(`The console has a defect: ${text}`, "", "Reload the page, and report it.");
}
