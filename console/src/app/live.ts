/** Keep a view in step with the service: run something whenever one of these events comes. */

import type { ReactiveController, ReactiveControllerHost } from "lit";
import { NEWS, type News } from "./app.js";

export class Live implements ReactiveController {
  private timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param names of events; "reset" always counts.
   * @param act what to do; several events at once are one.
   * @param ms how long to gather them.
   */
  constructor(
    host: ReactiveControllerHost,
    private readonly names: readonly string[],
    private readonly act: (news: News) => void,
    private readonly ms = 250,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    window.addEventListener(NEWS, this.hear);
  }

  hostDisconnected(): void {
    window.removeEventListener(NEWS, this.hear);
    clearTimeout(this.timer);
  }

  private readonly hear = (event: Event) => {
    const news = (event as CustomEvent<News>).detail;
    if (news.name !== "reset" && !this.names.includes(news.name)) return;
    if (this.ms === 0) {
      this.act(news);
      return;
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.act(news), this.ms);
  };
}
