/** Where things are at the service: every address of the console is here. */

import { app } from "../app/app.js";
import type {
  ClusterMarket,
  Estate,
  Execution,
  ExecutionPage,
  Explanation,
  History,
  HostPrice,
  Job,
  JobResult,
  OutcomePage,
  Plan,
  PlanPage,
  Policies,
  Prices,
  Refusal,
  Session,
  Step,
  Stop,
  Whatif,
} from "./schema.js";
import { pause, Problem } from "./link.js";

type Signal = AbortSignal | undefined;
const id = encodeURIComponent;

export interface Listed<T> {
  items: T[];
  total: number;
  next: string | null;
}

export const getSession = (signal?: Signal) => app().link.get<Session>("/v1/session", { signal });
export const logIn = (token: string) => app().link.post<Session>("/v1/session", { token });
export const logOut = () => app().link.send("/v1/session", { method: "DELETE" });

export const getEstate = (signal?: Signal) => app().link.get<Estate>("/v1/estate", { signal });
export const getPrices = (signal?: Signal) => app().link.get<Prices>("/v1/prices", { signal });
export const getMarket = (cluster: string, signal?: Signal) =>
  app().link.get<ClusterMarket>(`/v1/clusters/${id(cluster)}/market`, { signal });

export interface Listing {
  search?: string | undefined;
  cluster?: string | undefined;
  host?: string | undefined;
  cause?: string | undefined;
  squeezed?: boolean | undefined;
  running?: boolean | undefined;
  sort?: string | undefined;
  fields?: string | undefined;
  offset?: number | undefined;
  limit?: number | undefined;
}

export const getVms = <T>(wanted: Listing, signal?: Signal) =>
  app().link.get<Listed<T>>("/v1/vms", { query: { ...wanted }, signal });
export const getHosts = (wanted: Listing, signal?: Signal) =>
  app().link.get<Listed<HostPrice>>("/v1/hosts", { query: { ...wanted }, signal });
/** By id or name, of a VM or a host. */
export const explain = (thing: string, signal?: Signal) =>
  app().link.get<Explanation>(`/v1/explanations/${id(thing)}`, { signal });

export const getPlans = (limit: number, signal?: Signal) =>
  app().link.get<PlanPage>("/v1/plans", { query: { limit }, signal });
export const getPlan = (plan: string, signal?: Signal) => app().link.get<Plan>(`/v1/plans/${id(plan)}`, { signal });
export const getSteps = (plan: string, signal?: Signal) =>
  all<Step>(`/v1/plans/${id(plan)}/steps`, { full: true }, signal);
export const getRefusals = (plan: string, signal?: Signal) =>
  app().link.get<Listed<Refusal>>(`/v1/plans/${id(plan)}/refusals`, { query: { limit: 200 }, signal });
export const makePlan = (scope: object, note: string) => app().link.post<Job>("/v1/plans", { scope, note });
export const approve = (plan: string, steps: string[] | null) =>
  app().link.post<Plan>(`/v1/plans/${id(plan)}/approve`, { steps });
export const skip = (plan: string, step: string, why: string) =>
  app().link.post<Plan>(`/v1/plans/${id(plan)}/steps/${id(step)}/skip`, { why });
export const carryOut = (plan: string, dryRun: boolean) =>
  app().link.post<Execution>(`/v1/plans/${id(plan)}/apply`, { dry_run: dryRun });

export const getExecution = (execution: string, signal?: Signal) =>
  app().link.get<Execution>(`/v1/executions/${id(execution)}`, { signal });
export const getExecutions = (signal?: Signal) => app().link.get<ExecutionPage>("/v1/executions", { signal });
export const cancelExecution = (execution: string) =>
  app().link.post<Execution>(`/v1/executions/${id(execution)}/cancel`);

export const getOutcomes = (query: Record<string, string | number | undefined>, signal?: Signal) =>
  app().link.get<OutcomePage>("/v1/outcomes", { query, signal });
export const getHistory = (query: Record<string, string | number | undefined>, signal?: Signal) =>
  app().link.get<History>("/v1/history", { query, signal });
export const getPolicies = (signal?: Signal) => app().link.get<Policies>("/v1/policies", { signal });

export const getWhatif = (job: string, signal?: Signal) =>
  app().link.get<JobResult>(`/v1/whatifs/${id(job)}`, { signal });
export const askWhatif = (wanted: Whatif) => app().link.post<Job>("/v1/whatifs", wanted);

export const getStop = (signal?: Signal) => app().link.get<Stop>("/v1/stop", { signal });
export const pullStop = (reason: string) => app().link.post<Stop>("/v1/stop", { reason });
export const releaseStop = () => app().link.send<Stop>("/v1/stop", { method: "DELETE" });

/** Wait until a job is done; throws the problem it ended with. */
export async function finished(job: Job, signal: AbortSignal, told: (job: Job) => void = () => undefined): Promise<Job> {
  let wait = 300;
  for (;;) {
    const found = await app().link.get<Job>(`/v1/jobs/${id(job.id)}`, { signal });
    told(found);
    if (found.state === "done") return found;
    if (found.state === "failed") {
      const problem = found.problem;
      throw new Problem(problem?.what ?? "It failed", problem?.where ?? "", problem?.cure ?? "", problem?.status ?? 500);
    }
    await pause(wait, signal);
    signal.throwIfAborted();
    wait = Math.min(2000, wait * 1.5);
  }
}

/** All pages of a list that is not too long to be shown. */
async function all<T>(
  path: string,
  query: Record<string, string | number | boolean>,
  signal: Signal,
  most = 5000,
): Promise<Listed<T>> {
  const items: T[] = [];
  let next: string | null = "";
  let total = 0;
  while (next !== null && items.length < most) {
    const page: Listed<T> = await app().link.get<Listed<T>>(path, {
      query: { ...query, limit: 500, cursor: next },
      signal,
    });
    items.push(...page.items);
    total = page.total;
    next = page.next;
  }
  return { items, total, next };
}
