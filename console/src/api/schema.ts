// Made by tools/console_types.py from the service's OpenAPI document. Do not edit.

/** The kinds of action; policies give each its own automation mode. */
export type ActionKind = "migrate" | "limit" | "reservation" | "shares" | "hot-add" | "resize" | "enable-hot-add" | "balloon-cap" | "migrate-storage" | "stop" | "start" | "pool-allocation" | "suspend-host" | "provision-host" | "drs-recommendation";

/** What came of an alert. */
export interface AlertTaken {
  alert: string;
  result: "planning" | "known" | "ignored" | "cancelled";
  why: string | null;
  job: string | null;
  plan: string | null;
  scope: Scope;
}

/** How a plan is carried out. */
export interface Apply {
  /** Ask vCenter everything, submit nothing. */
  dry_run?: boolean;
}

/** Which steps are approved. */
export interface Approve {
  /** Ids; what they need is approved with them. null: all that policy allows. */
  steps?: string[] | null;
}

/** The audit trail. */
export interface Audit {
  items: AuditRow[];
  intact: boolean;
  seal: string;
  next: string | null;
}

/** A row of the audit trail; its body is JSON. */
export interface AuditRow {
  id: number;
  /** RFC 3339, UTC, by the source's clock. */
  at: string;
  event: string;
  body: string;
}

/** Which controllers compete, on which shipped estate, for how long. */
export interface Backtest {
  estate?: string;
  controllers?: string;
  seeds?: number;
  hours?: number;
  actions?: "migrate" | "all";
}

/** What somebody pays at the prices of now, points. */
export interface Bill {
  /** null where it is not given. */
  total: number | null;
  /** For every good, at the prices of hosts. */
  goods: number | null;
  /** For memory limits of VMs. */
  limit: number | null;
  /** For limits of resource pools. */
  pool: number | null;
}

/** Who pays, the dearest first; every VM pays in one application at most. */
export interface BillPage {
  total: number;
  /** Cursor of the next page, null on the last. */
  next: string | null;
  items: Payer[];
  /** What all VMs pay. */
  bill: Bill;
}

/** What a plan is worth, and a bound that no placement can beat; points. Mandatory rules are in no potential and come before it: their breaches are counted. */
export interface Certificate {
  /** null where it is not given. */
  potential_before: number | null;
  /** null where it is not given. */
  potential_after: number | null;
  /** null where it is not given. */
  lower_bound: number | null;
  /** null where it is not given. */
  gap_pct: number | null;
  /** Breaches of mandatory rules as the estate stands, null where not remembered. */
  breaches_before: number | null;
  /** The same after every step. */
  breaches_after: number | null;
}

/** A cluster in a few numbers. */
export interface Cluster {
  /** Managed object id, e.g. vm-42. */
  moid: string;
  name: string;
  datacenter: string | null;
  /** DRS automation level, null where DRS is off. */
  drs: string | null;
  ha: boolean;
  hosts: number;
  vms: number;
  running_vms: number;
  squeezed_vms: number;
  /** null where it is not given. */
  usable_mib: number | null;
  /** null where it is not given. */
  load: number | null;
  /** null where it is not given. */
  footprint: number | null;
  /** null where it is not given. */
  price_low: number | null;
  /** null where it is not given. */
  price_high: number | null;
}

/** One cluster's market over time, and its supply and demand now. */
export interface ClusterMarket {
  turn: number;
  cluster: Entity;
  series: PriceSeries;
  potential: PotentialSeries;
  supply: SupplyPoint[];
  demand: DemandPoint[];
  equilibrium: Equilibrium;
}

/** One way out of a VM's shortage, with its price where the market prices it. */
export interface Cure {
  /** The VM or pool that something is done to. */
  subject: Entity;
  /** Of the action, null where people have to do it. */
  kind: string | null;
  text: string;
  /** null where it is not given. */
  saving: number | null;
  /** null where it is not given. */
  disruption: number | null;
  refused: string | null;
  /** By itself it ends the shortage; others only help. */
  whole: boolean;
  /** The verdict. */
  sentence: string;
}

/** A turn of the loop, or a command that read the estate, as the journal knows it. */
export interface Cycle {
  id: number;
  kind: string;
  source: string;
  /** RFC 3339, UTC, by the source's clock. */
  started_at: string;
  /** RFC 3339, UTC, by the source's clock. */
  ended_at: string | null;
  status: string;
  sentence: string;
  vms: number;
  hosts: number;
  /** null where it is not given. */
  ballooned_mib: number | null;
  /** null where it is not given. */
  swapped_mib: number | null;
  /** null where it is not given. */
  swap_in_kibps: number | null;
  /** null where it is not given. */
  swap_out_kibps: number | null;
}

/** A step as it was decided. */
export interface Decision {
  plan: string;
  /** RFC 3339, UTC, by the source's clock. */
  at: string;
  step: string;
  kind: string;
  subject: Entity;
  from: string | number | null;
  to: string | number | null;
  wave: number;
  /** null where it is not given. */
  saving: number | null;
  /** null where it is not given. */
  disruption: number | null;
  mode: string;
  reason: string;
}

/** So much load pays at least that price now. */
export interface DemandPoint {
  /** null where it is not given. */
  load_mib: number | null;
  /** null where it is not given. */
  price: number | null;
  host: string;
}

/** A VM that is short of memory, and why. */
export interface Diagnosis {
  vm: Entity;
  host: Entity | null;
  cause: string;
  cause_words: string;
  /** null where it is not given. */
  taken_mib: number | null;
  /** null where it is not given. */
  swap_in_kibps: number | null;
  /** null where it is not given. */
  latency_pct: number | null;
  hurts: boolean;
  /** Points that it pays. */
  bill: number | null;
  /** What of it is for the limit that squeezes it. */
  limit_bill: number | null;
}

/** Policy documents to check. */
export interface Documents {
  documents: Record<string, unknown>[];
}

/** A managed object as machines and people know it. */
export interface Entity {
  moid: string;
  name: string;
}

/** What the whole load would cost if it were spread evenly. */
export interface Equilibrium {
  /** null where it is not given. */
  load_mib: number | null;
  /** null where it is not given. */
  usable_mib: number | null;
  /** null where it is not given. */
  price: number | null;
}

/** The estate in one page. */
export interface Estate {
  turn: number;
  /** RFC 3339, UTC, by the source's clock. */
  taken_at: string;
  /** RFC 3339, UTC, by the source's clock. */
  now: string;
  source: Source;
  engine: string;
  /** file: only looked at; shadow: decides, and does what is approved; loop: also does what policies make automatic. */
  stage: "file" | "shadow" | "loop";
  interval_s: number;
  stop: Stop;
  /** Id of the execution that goes on. */
  executing: string | null;
  hosts: number;
  vms: number;
  running_vms: number;
  squeezed_vms: number;
  hurting_vms: number;
  causes: Record<string, number>;
  squeeze: Squeeze;
  /** null where it is not given. */
  potential: number | null;
  certificate: Certificate;
  /** Id of the latest turn's plan. */
  plan: string;
  plan_steps: number;
  clusters: Cluster[];
  missing: string[];
  policy_findings: PolicyFinding[];
}

/** A number behind a decision. */
export interface Evidence {
  name: string;
  /** null where it is not given. */
  value: number | null;
  unit: string;
}

/** One carrying-out of a plan. */
export interface Execution {
  id: string;
  plan: string;
  who: string;
  dry_run: boolean;
  state: "starting" | "running" | "done" | "failed" | "cancelled";
  cancelling: boolean;
  /** RFC 3339, UTC, by the source's clock. */
  started_at: string;
  /** RFC 3339, UTC, by the source's clock. */
  ended_at: string | null;
  /** In the journal, once it has ended. */
  number: number | null;
  total: number;
  ended: number;
  good: number;
  steps: StepProgress[];
  problem: Problem | null;
}

/** Executions of this run of the service, the newest first. */
export interface ExecutionPage {
  total: number;
  /** Cursor of the next page, null on the last. */
  next: string | null;
  items: Execution[];
}

/** Why: the numbers, quotes, rules and history behind a VM or a host. */
export interface Explanation {
  turn: number;
  thing: "vm" | "host";
  subject: Entity;
  host: Entity | null;
  headline: string;
  cause: string | null;
  cause_words: string | null;
  /** The cause with the VM's own numbers. */
  because: string | null;
  since: Since | null;
  diagnosis: Diagnosis | null;
  /** What its guest shows. */
  inside: Evidence[];
  /** What its host shows. */
  outside: Evidence[];
  /** null where it is not given. */
  confidence: number | null;
  market: HostPrice | null;
  /** Null for a host. */
  paid: Paid | null;
  numbers: Evidence[];
  price_parts: Evidence[];
  quotes: Quote[];
  offers: Offer[];
  /** The cheapest first. */
  cures: Cure[];
  flips: Flip[];
  steps: Step[];
  refusals: Refusal[];
  tenants: Tenant[];
  settings: Setting[];
  samples: HostMoment[];
  actions: PastAction[];
}

/** The least change of one figure that flips the decision on a kind of action. */
export interface Flip {
  kind: string;
  lever: string;
  lever_words: string;
  /** null for no limit. */
  now: number | null;
  /** null for no limit. */
  needed: number | null;
  unit: "MiB" | "points" | "points/MiB";
  /** It is worth it now, and would not be any more. */
  taken: boolean;
}

/** It lives. */
export interface Health {
  status: "ok" | "starting" | "failing";
}

/** What was decided and what was refused. */
export interface History {
  decisions: Decision[];
  refusals: PastRefusal[];
}

/** What the journal remembers of a host. */
export interface HostMoment {
  /** RFC 3339, UTC, by the source's clock. */
  at: string;
  /** null where it is not given. */
  price: number | null;
  /** null where it is not given. */
  load: number | null;
  /** null where it is not given. */
  consumed_mib: number | null;
  /** null where it is not given. */
  ballooned_mib: number | null;
  /** null where it is not given. */
  swapped_mib: number | null;
  /** null where it is not given. */
  swap_in_kibps: number | null;
}

/** A host before the plan and after it. */
export interface HostOutlook {
  host: Entity;
  /** null where it is not given. */
  price_before: number | null;
  /** null where it is not given. */
  price_after: number | null;
  /** null where it is not given. */
  load_before: number | null;
  /** null where it is not given. */
  load_after: number | null;
}

/** Hosts. */
export interface HostPage {
  total: number;
  /** Cursor of the next page, null on the last. */
  next: string | null;
  items: Record<string, unknown>[];
}

/** A seller. Loads and footprints are shares of what it sells; prices are points per MiB. */
export interface HostPrice {
  /** Managed object id, e.g. vm-42. */
  moid: string;
  name: string;
  cluster: string | null;
  cluster_name: string | null;
  /** null where it is not given. */
  price: number | null;
  /** null where it is not given. */
  load: number | null;
  /** null where it is not given. */
  footprint: number | null;
  /** null where it is not given. */
  usable_mib: number | null;
  pressure: "calm" | "full" | "ballooning" | "swapping" | "unknown";
  /** null where it is not given. */
  ballooned_mib: number | null;
  /** null where it is not given. */
  swapped_mib: number | null;
  /** null where it is not given. */
  swap_kibps: number | null;
  vms: number;
  fit: boolean;
  causes: Record<string, number>;
}

/** One host over time; the columns go with ``at_s``. */
export interface HostSeries {
  /** Managed object id, e.g. vm-42. */
  moid: string;
  name: string;
  price: (number | null)[];
  load: (number | null)[];
  ballooned_mib: (number | null)[];
}

/** Something that takes a while. Ask again until its state is done or failed. */
export interface Job {
  id: string;
  kind: "plan" | "snapshot" | "whatif" | "backtest";
  state: "queued" | "running" | "done" | "failed";
  who: string;
  /** RFC 3339, UTC, by the source's clock. */
  created_at: string;
  /** RFC 3339, UTC, by the source's clock. */
  started_at: string | null;
  /** RFC 3339, UTC, by the source's clock. */
  ended_at: string | null;
  progress_pct: number;
  /** Where its result is, once it is done. */
  location: string | null;
  /** Id of the plan that it made. */
  plan: string | null;
  problem: Problem | null;
}

/** Jobs, the newest first. */
export interface JobPage {
  total: number;
  /** Cursor of the next page, null on the last. */
  next: string | null;
  items: Job[];
}

/** A job and its result, null until it is done. */
export interface JobResult {
  job: Job;
  result: Record<string, unknown> | null;
}

/** An alert as the legacy REST plug-in sends it; further members are ignored. */
export interface LegacyAlert {
  alertId: string;
  resourceName: string;
  resourceKind: string;
  status?: string;
  alertName?: string;
  criticality?: string;
  cancelDate?: string | number | null;
}

/** A token to log in with. */
export interface Login {
  token: string;
}

/** A new API token: the only time that its secret is shown. */
export interface NewToken {
  id: string;
  name: string;
  role: "viewer" | "approver" | "operator" | "admin";
  /** RFC 3339, UTC, by the source's clock. */
  created_at: string;
  /** RFC 3339, UTC, by the source's clock. */
  expires_at: string;
  token: string;
}

/** One kind of action, as it stands for one VM. */
export interface Offer {
  kind: string;
  text: string | null;
  /** null where it is not given. */
  saving: number | null;
  /** null where it is not given. */
  disruption: number | null;
  refused: string | null;
  chosen: boolean;
  sentence: string;
}

/** What a plan was made from. */
export interface Origin {
  source: string;
  name: string;
  instance_uuid: string | null;
  /** RFC 3339, UTC, by the source's clock. */
  taken_at: string;
  policies: string | null;
  engine: string;
}

/** How a step ended. Every step of an execution ends with exactly one of these. */
export type OutcomeKind = "done" | "already-done" | "skipped" | "refused" | "failed" | "cancelled" | "unknown" | "would-do";

/** What was carried out, or tried. */
export interface OutcomePage {
  total: number;
  /** Cursor of the next page, null on the last. */
  next: string | null;
  items: PastAction[];
}

/** What a VM pays, and of which application that is a part. */
export interface Paid {
  bill: Bill;
  /** For each good, the dearest first. */
  goods: Evidence[];
  application: string | null;
  grouped_by: "tag" | "vapp" | "folder" | null;
  application_bill: Bill | null;
  /** So many VMs of the application run. */
  application_vms: number;
}

/** What was done, or tried. */
export interface PastAction {
  execution: number;
  plan: string | null;
  step: string;
  kind: string;
  subject: Entity;
  from: Entity | number | null;
  to: Entity | number | null;
  text: string;
  state: string;
  outcome: string | null;
  cause: string | null;
  sentence: string;
  dry_run: boolean;
  /** RFC 3339, UTC, by the source's clock. */
  started_at: string | null;
  /** RFC 3339, UTC, by the source's clock. */
  ended_at: string | null;
}

/** What was not done, and why. */
export interface PastRefusal {
  plan: string;
  /** RFC 3339, UTC, by the source's clock. */
  at: string;
  subject: Entity;
  reason: string;
  sentence: string;
}

/** An application, or a resource pool, and what its VMs pay. */
export interface Payer {
  name: string;
  /** Of a resource pool. */
  moid: string | null;
  by: "tag" | "vapp" | "folder" | "pool";
  /** So many VMs run in it. */
  vms: number;
  /** So many hosts they are on. */
  hosts: number | null;
  /** So many of its VMs are hurt now. */
  hurt: number | null;
  /** Why the most hurt of them is short of memory. */
  cause: string | null;
  bill: Bill;
  /** Its part of what all VMs pay, 0 to 1. */
  share: number | null;
  /** The VMs that pay most, ten at most. */
  dearest: Entity[];
}

/** A plan. Its steps and refusals have pages of their own. */
export interface Plan {
  id: string;
  state: "open" | "empty" | "executing" | "executed" | "expired";
  /** RFC 3339, UTC, by the source's clock. */
  created_at: string;
  /** RFC 3339, UTC, by the source's clock. */
  expires_at: string;
  origin: "loop" | "request" | "alert";
  who: string | null;
  note: string | null;
  scope: Scope;
  made_from: Origin;
  certificate: Certificate;
  steps: number;
  refusals: number;
  waves: number;
  kinds: Record<string, number>;
  approved: number;
  skipped: number;
  pending: number;
  recommended: number;
  /** null where it is not given. */
  saving: number | null;
  /** null where it is not given. */
  disruption: number | null;
  hosts: HostOutlook[];
  executions: string[];
}

/** A plan in a list. */
export interface PlanEntry {
  id: string;
  state: "open" | "empty" | "executing" | "executed" | "expired";
  /** RFC 3339, UTC, by the source's clock. */
  created_at: string;
  /** RFC 3339, UTC, by the source's clock. */
  expires_at: string;
  origin: "loop" | "request" | "alert";
  who: string | null;
  certificate: Certificate;
  steps: number;
  refusals: number;
  approved: number;
  skipped: number;
}

/** Plans, the newest first. */
export interface PlanPage {
  total: number;
  /** Cursor of the next page, null on the last. */
  next: string | null;
  items: PlanEntry[];
}

/** What plan is wanted. */
export interface PlanWanted {
  scope?: Scope;
  /** What it is for, in your words. */
  note?: string;
}

/** The policy documents in force. */
export interface Policies {
  digest: string | null;
  documents: PolicyDocument[];
  findings: PolicyFinding[];
}

/** A policy document in force. */
export interface PolicyDocument {
  name: string;
  kind: string;
  where: string;
  description: string;
}

/** What is doubtful or wrong about a policy document. */
export interface PolicyFinding {
  severity: "ok" | "info" | "warning" | "error";
  code: string;
  where: string;
  what: string;
  cure: string;
}

/** Certificates of the estate's plans over time, in columns. */
export interface PotentialSeries {
  at_s: number[];
  before: (number | null)[];
  after: (number | null)[];
  lower_bound: (number | null)[];
}

/** Prices over time, in columns. */
export interface PriceSeries {
  /** Unix time, seconds. */
  at_s: number[];
  hosts: HostSeries[];
}

/** The market as it stands: hosts, the dearest first, and who is squeezed the most. */
export interface Prices {
  turn: number;
  /** RFC 3339, UTC, by the source's clock. */
  taken_at: string;
  /** null where it is not given. */
  potential: number | null;
  hosts: HostPrice[];
  /** Of all clusters, the dearest first. */
  datastores: StorePrice[];
  squeezed: Diagnosis[];
  squeezed_total: number;
}

/** An error (RFC 9457): what is wrong, where, and what to do about it. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  /** The whole sentence. */
  detail: string;
  what: string;
  where: string;
  cure: string;
  instance?: string | null;
  findings?: PolicyFinding[] | null;
}

/** Why everything is stopped. */
export interface Pull {
  reason?: string;
}

/** What it would cost the market to have a VM on a host, points. */
export interface Quote {
  host: Entity;
  /** null where it is not given. */
  price: number | null;
  /** null where it is not given. */
  quote: number | null;
  /** It is there now. */
  home: boolean;
  refused: string | null;
  sentence: string | null;
}

/** Whether it can answer. */
export interface Readiness {
  status: "ok" | "starting" | "failing";
  turn: number | null;
  /** Since the estate was looked at, by the source's clock. */
  age_s: number | null;
}

/** Something that a person might have expected, and why it is not done. */
export interface Refusal {
  subject: Entity;
  reason: string;
  sentence: string;
}

/** Refusals. */
export interface RefusalPage {
  total: number;
  /** Cursor of the next page, null on the last. */
  next: string | null;
  items: Refusal[];
}

/** On what a plan may act; all empty is the whole estate. */
export interface Scope {
  vms?: string[];
  hosts?: string[];
  clusters?: string[];
}

/** Who is calling. */
export interface Session {
  name: string;
  role: "viewer" | "approver" | "operator" | "admin";
  way: "token" | "cookie" | "vcenter";
  /** To be sent as X-CSRF-Token with every change. */
  csrf_token: string | null;
}

/** An effective setting, and which document decided it. */
export interface Setting {
  name: string;
  value: string;
  source: string;
  place: string;
  note: string;
}

/** How long a shortage has lasted without a calm look between. */
export interface Since {
  /** RFC 3339, UTC, by the source's clock. */
  at: string;
  looks: number;
  /** Nothing older is known: it may have begun earlier. */
  at_least: boolean;
}

/** Why a step is skipped. */
export interface Skip {
  why?: string;
}

/** A look at the estate. */
export interface Snapshot {
  turn: number;
  /** RFC 3339, UTC, by the source's clock. */
  taken_at: string;
  source: Source;
  hosts: number;
  vms: number;
  clusters: number;
  missing: string[];
}

/** Looks at the estate, the newest first. */
export interface SnapshotPage {
  total: number;
  /** Cursor of the next page, null on the last. */
  next: string | null;
  items: Cycle[];
}

/** Where the estate is read from. */
export interface Source {
  kind: string;
  name: string;
  instance_uuid: string | null;
  version: string | null;
}

/** How much an estate is squeezed, summed over its VMs. */
export interface Squeeze {
  /** null where it is not given. */
  ballooned_mib: number | null;
  /** null where it is not given. */
  swapped_mib: number | null;
  /** null where it is not given. */
  compressed_mib: number | null;
  /** null where it is not given. */
  swapin_kibps: number | null;
  /** null where it is not given. */
  swapout_kibps: number | null;
}

/** One action of a plan, and what was said about it. */
export interface Step {
  id: string;
  kind: string;
  subject: Entity;
  /** Host, or MiB; null: none. */
  from: Entity | number | null;
  /** Host, or MiB; null: none. */
  to: Entity | number | null;
  text: string;
  wave: number;
  depends_on: string[];
  /** null where it is not given. */
  saving: number | null;
  /** null where it is not given. */
  disruption: number | null;
  mode: "off" | "recommend" | "approve" | "automatic";
  reason: string;
  approval: "pending" | "approved" | "skipped" | "recommended";
  approval_by: string | null;
  /** RFC 3339, UTC, by the source's clock. */
  approval_at: string | null;
  approval_why: string | null;
  evidence?: Evidence[] | null;
  quotes?: Quote[] | null;
}

/** Steps, in the order in which they would be done. */
export interface StepPage {
  total: number;
  /** Cursor of the next page, null on the last. */
  next: string | null;
  items: Step[];
}

/** How one step of an execution goes. */
export interface StepProgress {
  step: string;
  text: string;
  progress_pct: number;
  outcome: string | null;
  cause: string | null;
  sentence: string | null;
  task: string | null;
  /** RFC 3339, UTC, by the source's clock. */
  ended_at: string | null;
}

/** The stop switch. While it is pulled, nothing is carried out. */
export interface Stop {
  stopped: boolean;
  who: string | null;
  /** RFC 3339, UTC, by the source's clock. */
  at: string | null;
  reason: string | null;
}

/** A datastore that is known by how it serves requests. */
export interface StorePrice {
  /** Managed object id, e.g. vm-42. */
  moid: string;
  name: string;
  /** Points for one more request a second. */
  price: number | null;
  /** Requests over what it could serve. */
  load: number | null;
  /** null where it is not given. */
  iops: number | null;
  /** null where it is not given. */
  latency_ms: number | null;
  /** null where it is not given. */
  free_mib: number | null;
  /** Remembered hours behind it; 0: the last minutes alone. */
  hours: number;
}

/** So much load would be carried at that price. */
export interface SupplyPoint {
  /** null where it is not given. */
  load_mib: number | null;
  /** null where it is not given. */
  price: number | null;
}

/** An alert as our template for the webhook plug-in makes it; further members are ignored. */
export interface TemplateAlert {
  alert_id: string;
  resource_name: string;
  resource_kind: string;
  status?: string;
  definition?: string;
  criticality?: string;
  cancel_time?: string | number | null;
}

/** A VM as its host sees it. */
export interface Tenant {
  vm: Entity;
  /** null where it is not given. */
  working_set_mib: number | null;
  /** null where it is not given. */
  footprint_mib: number | null;
  /** null where it is not given. */
  taken_mib: number | null;
  cause: string;
}

/** An API token without its secret. */
export interface Token {
  id: string;
  name: string;
  role: "viewer" | "approver" | "operator" | "admin";
  /** RFC 3339, UTC, by the source's clock. */
  created_at: string;
  /** RFC 3339, UTC, by the source's clock. */
  expires_at: string;
}

/** API tokens. */
export interface TokenPage {
  total: number;
  /** Cursor of the next page, null on the last. */
  next: string | null;
  items: Token[];
}

/** What token is wanted. */
export interface TokenWanted {
  name: string;
  role?: "viewer" | "approver" | "operator" | "admin";
  days?: number;
}

/** What a check of policies found. */
export interface Validated {
  documents: number;
  valid: boolean;
  findings: PolicyFinding[];
}

/** VMs, with the columns that were asked for. */
export interface VmPage {
  total: number;
  /** Cursor of the next page, null on the last. */
  next: string | null;
  items: Record<string, unknown>[];
}

/** What is supposed; all of it at once. */
export interface Whatif {
  ask?: "outlook" | "headroom" | "place";
  cluster?: string;
  lose?: string[];
  maintenance?: string[];
  add_hosts?: number;
  add_vms?: number;
  size_gib?: number | null;
  grow_pct?: number;
  memory_factor?: number;
  merge?: string[];
  /** Other policy documents than today's. */
  policies?: Record<string, unknown>[] | null;
}
