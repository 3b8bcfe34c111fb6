/** The one way to the service: authentication, problems and event streams. */

/** What went wrong, in the service's own words: what, where and the cure. */
export class Problem extends Error {
  constructor(
    readonly what: string,
    readonly where = "",
    readonly cure = "",
    readonly status = 0,
    readonly code = "",
  ) {
    super(what);
    this.name = "Problem";
  }
}

/** How the console shows who it is. */
export interface Login {
  /** Headers of every request. */
  headers(): Record<string, string> | Promise<Record<string, string>>;
  /** Headers of requests that change something. */
  changes(): Record<string, string>;
  /** Cookies travel only where they are the login. */
  readonly credentials: RequestCredentials;
}

export interface Ask {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  query?: Record<string, string | number | boolean | null | undefined>;
  body?: unknown;
  signal?: AbortSignal | undefined;
  headers?: Record<string, string>;
}

export interface ServerEvent {
  type: string;
  id: string;
  data: unknown;
}

/** Requests to a service at a base address. */
export class Link {
  /** Called once a request is refused for want of a login. */
  onLoggedOut: () => void = () => undefined;

  constructor(
    private readonly base: string,
    public login: Login,
  ) {}

  async get<T>(path: string, ask: Ask = {}): Promise<T> {
    return this.send<T>(path, { ...ask, method: "GET" });
  }

  async post<T>(path: string, body: unknown = {}, ask: Ask = {}): Promise<T> {
    return this.send<T>(path, { ...ask, method: "POST", body });
  }

  async send<T>(path: string, ask: Ask): Promise<T> {
    const response = await this.request(path, ask);
    if (response.status === 204) return undefined as T;
    return (await response.json()) as T;
  }

  /** Send and give the answer as it came; a refusal becomes a Problem. */
  async request(path: string, ask: Ask): Promise<Response> {
    const method = ask.method ?? "GET";
    const headers: Record<string, string> = {
      accept: "application/json",
      ...(await this.login.headers()),
      ...(method === "GET" ? {} : this.login.changes()),
      ...ask.headers,
    };
    const init: RequestInit = { method, headers, credentials: this.login.credentials, cache: "no-cache" };
    if (ask.body !== undefined) {
      headers["content-type"] = "application/json";
      init.body = JSON.stringify(ask.body);
    }
    if (ask.signal) init.signal = ask.signal;
    let response: Response;
    try {
      response = await fetch(this.address(path, ask.query), init);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new Problem(
        "The service does not answer",
        location.host,
        "See whether `vsphere-market serve` runs, then try again.",
      );
    }
    if (response.ok) return response;
    const problem = await problemOf(response);
    if (response.status === 401) this.onLoggedOut();
    throw problem;
  }

  /** Server-sent events until the signal says stop; a broken stream is opened again. */
  async listen(
    path: string,
    told: (event: ServerEvent) => void,
    signal: AbortSignal,
    state: (open: boolean) => void = () => undefined,
  ): Promise<void> {
    let last = "";
    let wait = 1000;
    while (!signal.aborted) {
      try {
        const response = await this.request(path, {
          headers: { accept: "text/event-stream", ...(last ? { "last-event-id": last } : {}) },
          signal,
        });
        state(true);
        wait = 1000;
        for await (const event of events(response.body)) {
          if (event.id) last = event.id;
          told(event);
        }
      } catch (error) {
        if (error instanceof Problem && [401, 403, 404].includes(error.status)) throw error;
      }
      state(false);
      await pause(wait, signal);
      wait = Math.min(wait * 2, 30_000);
    }
  }

  address(path: string, query: Ask["query"] = {}): string {
    const url = new URL(path.replace(/^\//, ""), this.base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, String(value));
    }
    return url.href;
  }
}

/** Wait, but no longer than until the signal. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal?.aborted) {
      done();
      return;
    }
    const timer = setTimeout(finish, ms);
    function finish() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      done();
    }
    signal?.addEventListener("abort", finish);
  });
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    const found = (await response.json()) as Record<string, unknown>;
    const text = (name: string) => (typeof found[name] === "string" ? found[name] : "");
    const code = text("type").split(":").pop() ?? "";
    const what = text("what") || text("detail") || text("title");
    return new Problem(what, text("where"), text("cure"), response.status, code);
  } catch {
    return new Problem(`The service answers with ${response.status}`, "", "Look into its log.", response.status);
  }
}

/** The events of a stream, as the WHATWG's rules have them. */
export async function* events(body: ReadableStream<Uint8Array> | null): AsyncGenerator<ServerEvent> {
  if (!body) return;
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += value;
      const blocks = rest.replace(/\r\n?/g, "\n").split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const event = eventOf(block);
        if (event) yield event;
      }
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

export function eventOf(block: string): ServerEvent | null {
  const event: ServerEvent = { type: "message", id: "", data: null };
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon === 0) continue;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") event.type = value;
    else if (name === "id") event.id = value;
    else if (name === "data") data.push(value);
  }
  if (data.length === 0) return null;
  const text = data.join("\n");
  try {
    event.data = JSON.parse(text) as unknown;
  } catch {
    event.data = text;
  }
  return event;
}
