/** Columns of a plan's steps. */

import type { Step } from "../api/schema.js";
import type { Cell, Column } from "../parts/table.js";
import { count, points } from "../text/format.js";
import { kindWord } from "../text/words.js";

export function planColumns(): Column<Step>[] {
  return [
    { key: "id", label: "Step", width: "64px", cell: (step) => step.id },
    { key: "wave", label: "Wave", width: "74px", end: true, minor: true, cell: (step) => count(step.wave) },
    { key: "kind", label: "Kind", width: "110px", cell: (step) => kindWord(step.kind) },
    { key: "text", label: "What", width: "minmax(300px, 3fr)", cell: (step) => step.text },
    {
      key: "saving",
      label: "Saves",
      width: "minmax(84px, 1fr)",
      end: true,
      title: "Fall of the potential, points",
      cell: (step) => points(step.saving),
    },
    {
      key: "disruption",
      label: "Costs",
      width: "minmax(76px, 1fr)",
      end: true,
      minor: true,
      title: "What doing it disturbs, points",
      cell: (step) => points(step.disruption),
    },
    { key: "approval", label: "State", width: "130px", cell: approvalCell },
  ];
}

export function approvalCell(step: Step): Cell {
  switch (step.approval) {
    case "approved":
      return { text: "approved", tone: "good", pill: true, title: said(step) };
    case "skipped":
      return { text: "skipped", pill: true, title: said(step) };
    case "recommended":
      return { text: "recommended", title: "Policy only recommends it: it cannot be approved" };
    default:
      return { text: "waits", tone: "warn", pill: true, title: "It waits for approval" };
  }
}

function said(step: Step): string {
  return [step.approval, step.approval_by ? `by ${step.approval_by}` : "", step.approval_why ?? ""]
    .filter(Boolean)
    .join(" ");
}
