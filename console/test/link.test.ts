import { afterEach, describe, expect, it, vi } from "vitest";
import { eventOf, events, Link, pause, Problem, type ServerEvent } from "../src/api/link.js";

const login = {
  credentials: "same-origin" as const,
  headers: () => ({ "vmware-api-session-id": "token" }),
  changes: () => ({ "x-csrf-token": "c" }),
};

function answer(body: unknown, status = 200): Response {
  return new Response(body === null ? null : JSON.stringify(body), { status });
}

function stubbed(...answers: (Response | Error)[]) {
  const mock = vi.fn<typeof fetch>();
  for (const item of answers) {
    if (item instanceof Error) mock.mockRejectedValueOnce(item);
    else mock.mockResolvedValueOnce(item);
  }
  vi.stubGlobal("fetch", mock);
  vi.stubGlobal("location", { host: "vc.example.com" });
  return mock;
}

afterEach(() => vi.unstubAllGlobals());

describe("requests", () => {
  it("goes below the base, leaves out empty filters, and says who asks", async () => {
    const mock = stubbed(answer({ ok: 1 }));
    const link = new Link("https://vc.example.com/plugins/x/", login);
    await link.get("/v1/vms", { query: { search: "a b", cluster: "", host: undefined, limit: 5 } });
    const [address, init] = mock.mock.calls[0] ?? [];
    expect(address).toBe("https://vc.example.com/plugins/x/v1/vms?search=a+b&limit=5");
    expect(init?.headers).toMatchObject({ "vmware-api-session-id": "token" });
    expect(init?.headers).not.toHaveProperty("x-csrf-token");
  });

  it("sends the CSRF token with changes only", async () => {
    const mock = stubbed(answer({}));
    await new Link("https://x/", login).post("/v1/stop", { reason: "r" });
    expect(mock.mock.calls[0]?.[1]?.headers).toMatchObject({ "x-csrf-token": "c" });
    expect(mock.mock.calls[0]?.[1]?.body).toBe('{"reason":"r"}');
  });

  it("turns a problem document into what, where and cure", async () => {
    stubbed(answer({ type: "urn:vsphere-market:problem:stale", what: "it expired", where: "plan 3", cure: "plan anew", status: 409 }, 409));
    const problem = await new Link("https://x/", login).get("/v1/plans/3").catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(Problem);
    expect(problem).toMatchObject({ what: "it expired", where: "plan 3", cure: "plan anew", status: 409, code: "stale" });
  });

  it("survives answers that are no documents, and a service that is gone", async () => {
    stubbed(new Response("<html>", { status: 502 }), new TypeError("refused"));
    const link = new Link("https://x/", login);
    await expect(link.get("/v1/estate")).rejects.toMatchObject({ status: 502 });
    await expect(link.get("/v1/estate")).rejects.toMatchObject({ what: "The service does not answer", status: 0 });
  });

  it("notices that nobody is logged in any more", async () => {
    stubbed(answer({}, 401));
    const link = new Link("https://x/", login);
    link.onLoggedOut = vi.fn();
    await expect(link.get("/v1/estate")).rejects.toBeInstanceOf(Problem);
    expect(link.onLoggedOut).toHaveBeenCalledOnce();
  });

  it("takes 204 for an answer without a document", async () => {
    stubbed(answer(null, 204));
    await expect(new Link("https://x/", login).send("/v1/session", { method: "DELETE" })).resolves.toBeUndefined();
  });
});

function streamOf(...pieces: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(control) {
      for (const piece of pieces) control.enqueue(new TextEncoder().encode(piece));
      control.close();
    },
  });
}

describe("server-sent events", () => {
  it("puts together what came in pieces", async () => {
    const found: ServerEvent[] = [];
    const stream = streamOf("retry: 2000\n\nid: a-1\nevent: tu", 'rn\ndata: {"turn":', "2}\n\n: still here\n\n", "id: a-2\r\ndata: x\r\n\r\n");
    for await (const event of events(stream)) found.push(event);
    expect(found).toEqual([
      { type: "turn", id: "a-1", data: { turn: 2 } },
      { type: "message", id: "a-2", data: "x" },
    ]);
  });

  it("joins lines of data and ignores comments", () => {
    expect(eventOf(": hello")).toBeNull();
    expect(eventOf("data: a\ndata: b")?.data).toBe("a\nb");
  });

  it("opens a broken stream again where it ended", async () => {
    const stop = new AbortController();
    vi.useFakeTimers();
    const mock = stubbed(new Response(streamOf("id: a-7\nevent: turn\ndata: 1\n\n")), new Response(streamOf("event: turn\ndata: 2\n\n")));
    const told: unknown[] = [];
    const states: boolean[] = [];
    const done = new Link("https://x/", login).listen(
      "/v1/events",
      (event) => {
        told.push(event.data);
        if (told.length === 2) stop.abort();
      },
      stop.signal,
      (open) => states.push(open),
    );
    await vi.advanceTimersByTimeAsync(1500);
    await done;
    vi.useRealTimers();
    expect(told).toEqual([1, 2]);
    expect(mock.mock.calls[1]?.[1]?.headers).toMatchObject({ "last-event-id": "a-7" });
    expect(states).toEqual([true, false, true, false]);
  });

  it("does not insist where it may not listen", async () => {
    stubbed(answer({ what: "no" }, 403));
    await expect(
      new Link("https://x/", login).listen("/v1/events", () => undefined, new AbortController().signal),
    ).rejects.toMatchObject({ status: 403 });
  });

  it("pauses no longer than wanted", async () => {
    const stop = new AbortController();
    const waiting = pause(60_000, stop.signal);
    stop.abort();
    await expect(waiting).resolves.toBeUndefined();
  });
});
