/** Columns of hosts and VMs, the same wherever they are listed. */

import type { HostPrice as Host } from "../api/schema.js";
import { href } from "../app/route.js";
import type { Column } from "../parts/table.js";
import { count, memory, percent, price, rate, share } from "../text/format.js";
import { causeShort, pressureTone, pressureWord } from "../text/words.js";

/** A row of the VM table: the columns of VM_FIELDS. */
export interface Vm {
  moid: string;
  name: string;
  host: string | null;
  host_name: string | null;
  cluster_name: string | null;
  power: string;
  running: boolean;
  cause: string;
  hurts: boolean;
  price: number | null;
  size_mib: number | null;
  working_set_mib: number | null;
  taken_mib: number | null;
  swap_in_kibps: number | null;
  latency_pct: number | null;
}

export function hostColumns(withCluster: boolean): Column<Host>[] {
  const columns: Column<Host>[] = [
    {
      key: "name",
      label: "Host",
      width: "minmax(140px, 2fr)",
      sortable: true,
      cell: (host) => ({ text: host.name, href: href(["hosts", host.moid]) }),
    },
    {
      key: "cluster_name",
      label: "Cluster",
      width: "minmax(110px, 1fr)",
      sortable: true,
      minor: true,
      cell: (host) => host.cluster_name ?? "none",
    },
    {
      key: "price",
      label: "Price, points/MiB",
      width: "minmax(132px, 1fr)",
      end: true,
      sortable: true,
      title: "What one more MiB of load costs the market here",
      cell: (host) => price(host.price),
    },
    {
      key: "load",
      label: "Sold",
      width: "minmax(110px, 1fr)",
      end: true,
      sortable: true,
      title: "Working sets and a quarter of idle memory, as a share of what the host has for sale",
      cell: (host) => ({
        text: share(host.load),
        bar: host.load ?? 0,
        tone: (host.load ?? 0) >= 1 ? "bad" : (host.load ?? 0) >= 0.9 ? "warn" : "none",
      }),
    },
    {
      key: "pressure",
      label: "Pressure",
      width: "minmax(112px, 1fr)",
      sortable: true,
      cell: (host) => ({ text: pressureWord(host.pressure), tone: pressureTone(host.pressure), pill: true }),
    },
    {
      key: "ballooned_mib",
      label: "Ballooned",
      width: "minmax(92px, 1fr)",
      end: true,
      sortable: true,
      cell: (host) => memory(host.ballooned_mib),
    },
    {
      key: "swapped_mib",
      label: "Swapped",
      width: "minmax(92px, 1fr)",
      end: true,
      sortable: true,
      cell: (host) => memory(host.swapped_mib),
    },
    {
      key: "swap_kibps",
      label: "Swap rate",
      width: "minmax(96px, 1fr)",
      end: true,
      sortable: true,
      minor: true,
      cell: (host) => rate(host.swap_kibps),
    },
    {
      key: "usable_mib",
      label: "For sale",
      width: "minmax(92px, 1fr)",
      end: true,
      sortable: true,
      minor: true,
      title: "Memory that the host sells: what it has, less VMkernel, reclaim threshold and reserve",
      cell: (host) => memory(host.usable_mib),
    },
    { key: "vms", label: "VMs", width: "70px", end: true, sortable: true, cell: (host) => count(host.vms) },
  ];
  return withCluster ? columns : columns.filter((column) => column.key !== "cluster_name");
}

export function vmColumns(with_: { host: boolean; cluster: boolean }): Column<Vm>[] {
  const columns: Column<Vm>[] = [
    {
      key: "name",
      label: "VM",
      width: "minmax(140px, 2fr)",
      sortable: true,
      cell: (vm) => ({ text: vm.name, href: href(["vms", vm.moid]) }),
    },
    {
      key: "host_name",
      label: "Host",
      width: "minmax(110px, 1fr)",
      sortable: true,
      cell: (vm) => (vm.host ? { text: vm.host_name ?? vm.host, href: href(["hosts", vm.host]) } : "none"),
    },
    {
      key: "cluster_name",
      label: "Cluster",
      width: "minmax(110px, 1fr)",
      sortable: true,
      minor: true,
      cell: (vm) => vm.cluster_name ?? "none",
    },
    {
      key: "cause",
      label: "Short of memory",
      width: "minmax(178px, 1.4fr)",
      sortable: true,
      title: "Why the VM is short of memory",
      cell: (vm) =>
        vm.cause === "none"
          ? vm.running
            ? "no"
            : { text: "switched off" }
          : { text: causeShort(vm.cause), tone: vm.hurts ? "bad" : "warn", pill: true },
    },
    {
      key: "size_mib",
      label: "Size",
      width: "minmax(80px, 1fr)",
      end: true,
      sortable: true,
      cell: (vm) => memory(vm.size_mib),
    },
    {
      key: "working_set_mib",
      label: "Works with",
      width: "minmax(104px, 1fr)",
      end: true,
      sortable: true,
      title: "Working set: what hurts when taken away",
      cell: (vm) => ({
        text: memory(vm.working_set_mib),
        bar: vm.working_set_mib !== null && vm.size_mib ? vm.working_set_mib / vm.size_mib : 0,
      }),
    },
    {
      key: "taken_mib",
      label: "Taken",
      width: "minmax(84px, 1fr)",
      end: true,
      sortable: true,
      title: "Ballooned, swapped and compressed memory",
      cell: (vm) => memory(vm.taken_mib),
    },
    {
      key: "swap_in_kibps",
      label: "Swap-in",
      width: "minmax(92px, 1fr)",
      end: true,
      sortable: true,
      minor: true,
      cell: (vm) => rate(vm.swap_in_kibps),
    },
    {
      key: "latency_pct",
      label: "Waits",
      width: "minmax(76px, 1fr)",
      end: true,
      sortable: true,
      title: "Share of time that the VM waits for memory",
      cell: (vm) => percent(vm.latency_pct),
    },
    {
      key: "price",
      label: "Price here",
      width: "minmax(96px, 1fr)",
      end: true,
      sortable: true,
      minor: true,
      title: "Points for a MiB on its host",
      cell: (vm) => price(vm.price),
    },
  ];
  return columns.filter(
    (column) => (with_.host || column.key !== "host_name") && (with_.cluster || column.key !== "cluster_name"),
  );
}

/** What the VM table asks the service for. */
export const VM_FIELDS = [
  "moid",
  "name",
  "host",
  "host_name",
  "cluster_name",
  "power",
  "running",
  "cause",
  "hurts",
  "price",
  "size_mib",
  "working_set_mib",
  "taken_mib",
  "swap_in_kibps",
  "latency_pct",
].join(",");
