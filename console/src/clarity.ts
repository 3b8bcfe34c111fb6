/** The parts of Clarity that the console uses; each costs bytes, so none is loaded in passing. */

import "@cds/core/alert/register.js";
import "@cds/core/button/register.js";
import "@cds/core/icon/register.js";
import "@cds/core/progress-circle/register.js";
import { ClarityIcons } from "@cds/core/icon/icon.service.js";
import { checkIcon } from "@cds/core/icon/shapes/check.js";
import { clusterIcon } from "@cds/core/icon/shapes/cluster.js";
import { cogIcon } from "@cds/core/icon/shapes/cog.js";
import { contractIcon } from "@cds/core/icon/shapes/contract.js";
import { dashboardIcon } from "@cds/core/icon/shapes/dashboard.js";
import { historyIcon } from "@cds/core/icon/shapes/history.js";
import { hostIcon } from "@cds/core/icon/shapes/host.js";
import { logoutIcon } from "@cds/core/icon/shapes/logout.js";
import { stopIcon } from "@cds/core/icon/shapes/stop.js";
import { tasksIcon } from "@cds/core/icon/shapes/tasks.js";
import { vmIcon } from "@cds/core/icon/shapes/vm.js";
import { calculatorIcon } from "@cds/core/icon/shapes/calculator.js";

/**
 * Clarity's buttons answer each click by clicking a hidden native button, which they hide with an
 * inline style: a strict content security policy forbids that, and outside of forms it does nothing.
 * A click whose default is prevented is left alone; our own handlers hear it all the same.
 */
function quietButtons(): void {
  document.addEventListener(
    "click",
    (event) => {
      if (event.target instanceof Element && event.target.closest("cds-button")) event.preventDefault();
    },
    { capture: true },
  );
}

export function startClarity(): void {
  quietButtons();
  ClarityIcons.addIcons(
    calculatorIcon,
    checkIcon,
    clusterIcon,
    cogIcon,
    contractIcon,
    dashboardIcon,
    historyIcon,
    hostIcon,
    logoutIcon,
    stopIcon,
    tasksIcon,
    vmIcon,
  );
}
