"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const vms = data.vms;
  const count = vms.name.length;
  const ROW = 31, PRINTED = 40;
  const POWER = ["running", "off", "suspended"];

  // What each cause says of each VM: its place in the list of causes, and the memory.
  const causes = Array.from({ length: count }, () => []);
  data.findings.forEach((finding, at) => finding.rows.forEach((row) => causes[row].push(at)));
  const inPlan = new Set(data.steps.map((step) => step[2]));

  // ---------------------------------------------------------------- words

  const gib = (mib) => {
    if (mib === null) return "–";
    const value = mib / 1024;
    return value === 0 ? "0" : value >= 100 ? value.toFixed(0) : value >= 0.05 ? value.toFixed(1) : "<0.1";
  };
  const collate = new Intl.Collator("en", { numeric: true }).compare;
  const host = (row) => (vms.host[row] < 0 ? "–" : data.short[vms.host[row]]);
  const codes = (row) => causes[row].map((at) => data.findings[at].code.replaceAll("-", " ")).join(", ");
  const cluster = (row) => (vms.cluster[row] < 0 ? "–" : data.clusters[vms.cluster[row]]);
  const titles = (row) => causes[row].map((at) => data.findings[at].title).join("; ");

  const amount = (key, title, width, warm) => ({
    title, right: true, width, value: (row) => vms[key][row], show: (row) => gib(vms[key][row]),
    warm: warm && ((row) => vms[key][row] > 0),
  });
  const columns = [
    { title: "VM", width: "14%", value: (row) => vms.name[row], text: true },
    { title: "Cluster", width: "11.5%", value: cluster, text: true },
    { title: "Host", width: "8.5%", value: host, text: true },
    { title: "State", width: "7%", value: (row) => POWER[vms.power[row]], text: true },
    amount("size", "Size", "5.5%"),
    amount("held", "Holds", "5.8%"),
    amount("working", "In use", "6%"),
    amount("ballooned", "Ballooned", "9.6%", true),
    amount("swapped", "Swapped", "8.6%", true),
    amount("reserved", "Reserved", "8.4%"),
    {
      ...amount("limit", "Limit", "5.8%"),
      show: (row) => gib(vms.limit[row]),
      warm: (row) => vms.limit[row] !== null && vms.limit[row] < vms.size[row],
    },
    { title: "Causes", width: "16%", value: codes, text: true, hint: titles },
  ];
  const affected = {
    title: "Affected", right: true, width: "8.2%", value: (row) => memory.get(row) ?? null,
    show: (row) => gib(memory.get(row) ?? null),
  };
  let memory = new Map();
  let printing = false;

  // ---------------------------------------------------------------- what is chosen

  const chosen = { find: "", cluster: "", finding: "", state: "", host: -1 };
  let sorted = { column: columns[7], down: true };
  let rows = [];
  let shown = columns;

  const states = {
    "": () => true,
    on: (row) => vms.power[row] === 0,
    off: (row) => vms.power[row] !== 0,
    ballooned: (row) => vms.ballooned[row] > 0,
    swapped: (row) => vms.swapped[row] > 0,
    limited: (row) => vms.limit[row] !== null,
    reserved: (row) => vms.reserved[row] > 0,
    steps: (row) => inPlan.has(row),
  };
  const haystack = Array.from({ length: count }, (_, row) =>
    [vms.name[row], data.hosts[vms.host[row]] ?? "", cluster(row), data.systems[vms.os[row]]].join("\n").toLowerCase());

  const choose = () => {
    const words = chosen.find.toLowerCase().split(/\s+/).filter(Boolean);
    const finding = data.findings.findIndex((item) => item.code === chosen.finding);
    memory = new Map();
    if (finding >= 0) {
      const item = data.findings[finding];
      item.rows.forEach((row, at) => memory.set(row, item.mib[at]));
    }
    shown = finding >= 0 ? [columns[0], affected, ...columns.slice(1)] : columns;
    if (!shown.includes(sorted.column)) sorted = { column: columns[7], down: true };
    const state = states[chosen.state];
    rows = [];
    for (let row = 0; row < count; row += 1) {
      if (finding >= 0 && !memory.has(row)) continue;
      if (chosen.cluster !== "" && vms.cluster[row] !== Number(chosen.cluster)) continue;
      if (chosen.host >= 0 && vms.host[row] !== chosen.host) continue;
      if (!state(row) || !words.every((word) => haystack[row].includes(word))) continue;
      rows.push(row);
    }
    const { column, down } = sorted;
    const values = new Map(rows.map((row) => [row, column.value(row)]));
    rows.sort((a, b) => {
      const [x, y] = [values.get(a), values.get(b)];
      if (x === y) return a - b;
      if (x === null) return 1; // what is not given comes last, whichever way
      if (y === null) return -1;
      const order = column.text ? collate(x, y) : x - y;
      return (down ? -order : order) || a - b;
    });
    drawHead();
    scroll.scrollTop = 0;
    draw(true);
    say();
  };

  const say = () => {
    const where = chosen.host >= 0 ? ` on ${data.hosts[chosen.host]}` : "";
    const sum = memory.size ? `, ${gib(rows.reduce((all, row) => all + (memory.get(row) ?? 0), 0))} GiB affected` : "";
    byId("vm-count").textContent =
      `${rows.length.toLocaleString("en")} of ${count.toLocaleString("en")} VMs${where}${sum}, ` +
      `by ${sorted.column.title.toLowerCase()}${sorted.down ? ", largest first" : ""}.`;
  };

  // ---------------------------------------------------------------- the table: only what is seen

  const scroll = byId("vm-scroll"), body = byId("vm-rows"), head = byId("vm-head");
  byId("vm-table").setAttribute("aria-rowcount", String(count + 1));

  const drawHead = () => {
    const total = shown.reduce((all, column) => all + parseFloat(column.width), 0);
    head.replaceChildren(...shown.map((column) => {
      const cell = document.createElement("th");
      const button = document.createElement("button");
      const here = column === sorted.column;
      cell.scope = "col";
      cell.style.width = `${(100 * parseFloat(column.width)) / total}%`;
      if (column.right) cell.className = "n";
      cell.setAttribute("aria-sort", here ? (sorted.down ? "descending" : "ascending") : "none");
      if (printing) {
        cell.textContent = column.title;
        return cell;
      }
      button.type = "button";
      button.textContent = column.title + (here ? (sorted.down ? " ▾" : " ▴") : "");
      button.addEventListener("click", () => {
        sorted = { column, down: here ? !sorted.down : !column.text };
        choose();
        head.children[shown.indexOf(column)].firstChild.focus();
      });
      cell.append(button);
      return cell;
    }));
  };

  const line = (row, at) => {
    const made = document.createElement("tr");
    made.setAttribute("aria-rowindex", String(at + 2));
    if (vms.power[row] !== 0) made.className = "off";
    shown.forEach((column) => {
      const cell = document.createElement("td");
      cell.textContent = column.show ? column.show(row) : column.value(row);
      if (column.right) cell.className = "n";
      if (column.warm && column.warm(row)) cell.className += " warm";
      if (column.text) cell.title = column.hint ? column.hint(row) : cell.textContent;
      made.append(cell);
    });
    return made;
  };
  const pad = (height) => {
    const made = document.createElement("tr"), cell = document.createElement("td");
    made.className = "pad";
    made.setAttribute("aria-hidden", "true");
    cell.colSpan = shown.length;
    cell.style.height = `${height}px`;
    made.append(cell);
    return made;
  };

  let first = -1;
  const draw = (anew) => {
    const seen = Math.ceil(scroll.clientHeight / ROW) + 20;
    let from = Math.max(0, Math.floor(scroll.scrollTop / ROW) - 10);
    from -= from % 2;
    if (!anew && from === first) return;
    first = from;
    const until = printing ? Math.min(rows.length, PRINTED) : Math.min(rows.length, from + seen);
    if (printing) from = 0;
    const lines = rows.slice(from, until).map((row, at) => line(row, from + at));
    body.replaceChildren(
      ...(from ? [pad(from * ROW)] : []),
      ...lines,
      ...(until < rows.length && !printing ? [pad((rows.length - until) * ROW)] : []),
    );
  };
  let waiting = false;
  scroll.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(false); });
  }, { passive: true });
  addEventListener("resize", () => draw(true));

  // ---------------------------------------------------------------- controls

  const inCluster = byId("in-cluster");
  const option = (words, value) => {
    const made = document.createElement("option");
    made.textContent = words;
    made.value = value;
    return made;
  };
  inCluster.append(option("all clusters", ""));
  data.clusters.map((name, at) => [name, at]).sort((a, b) => collate(a[0], b[0]))
    .forEach(([name, at]) => inCluster.append(option(name, String(at))));

  const controls = { find: byId("find"), cluster: inCluster, finding: byId("in-finding"), state: byId("in-state") };
  let typing = 0;
  Object.entries(controls).forEach(([key, control]) => control.addEventListener("input", () => {
    chosen[key] = control.value;
    chosen.host = -1;
    if (key === "finding" && control.value) sorted = { column: affected, down: true };
    clearTimeout(typing);
    typing = setTimeout(choose, key === "find" ? 120 : 0);
  }));
  const set = (wanted) => {
    Object.assign(chosen, { find: "", cluster: "", finding: "", state: "", host: -1 }, wanted);
    Object.entries(controls).forEach(([key, control]) => { control.value = chosen[key]; });
    sorted = chosen.finding ? { column: affected, down: true }
      : { column: columns.find((column) => column.title.toLowerCase() === chosen.state) ?? columns[7], down: true };
    choose();
  };
  byId("clear").addEventListener("click", () => set({}));

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-host], a[data-finding], a[data-state]");
    if (!link) return;
    if (link.dataset.host !== undefined) set({ host: Number(link.dataset.host) });
    else if (link.dataset.finding !== undefined) set({ finding: link.dataset.finding });
    else set({ state: link.dataset.state });
    scroll.focus({ preventScroll: true });
  });

  byId("save").addEventListener("click", () => {
    const quoted = (value) => {
      const text = String(value ?? "");
      const harmless = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
      return `"${harmless.replaceAll('"', '""')}"`;
    };
    const lines = [shown.map((column) => quoted(column.title + (column.right ? " MiB" : "")))];
    rows.forEach((row) => lines.push(shown.map((column) => quoted(column.value(row)))));
    const text = "\ufeff" + lines.map((cells) => cells.join(",")).join("\r\n") + "\r\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = "vms.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });

  // ---------------------------------------------------------------- hosts now and after the plan

  const tiles = document.querySelectorAll("a.host");
  const when = (after) => {
    byId("when-now").setAttribute("aria-pressed", String(!after));
    byId("when-after").setAttribute("aria-pressed", String(after));
    tiles.forEach((tile) => {
      const [now, then, stateNow, stateThen] = data.states[Number(tile.dataset.host)];
      const state = after ? stateThen : stateNow;
      tile.className = `host ${state}`;
      tile.querySelector(".share").textContent = after ? then : now;
      tile.querySelector(".sign").textContent = data.marks[state];
    });
  };
  if (byId("when-now")) {
    byId("when-now").addEventListener("click", () => when(false));
    byId("when-after").addEventListener("click", () => when(true));
  }

  // ---------------------------------------------------------------- all steps, when asked for

  const more = document.querySelector("#more-steps button");
  if (more) more.addEventListener("click", () => {
    const target = document.querySelector("#steps tbody");
    const made = document.createDocumentFragment();
    data.steps.slice(target.children.length).forEach((step) => {
      const [wave, kind, vm, from, to, saving, cost, reason] = step;
      const tr = document.createElement("tr");
      const cells = [wave, kind, typeof vm === "string" ? vm : vms.name[vm] ?? "", from, to, saving, cost, reason];
      cells.forEach((value, at) => {
        const td = document.createElement("td");
        td.textContent = value;
        if (at === 0 || at === 5 || at === 6) td.className = "n";
        tr.append(td);
      });
      made.append(tr);
    });
    target.append(made);
    byId("more-steps").remove();
  });

  // ---------------------------------------------------------------- light and dark, paper

  const theme = byId("theme");
  const dark = () => document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const label = () => {
    theme.textContent = dark() ? "Light" : "Dark";
    theme.setAttribute("aria-label", dark() ? "Show in light colours" : "Show in dark colours");
    theme.removeAttribute("aria-pressed");
  };
  theme.addEventListener("click", () => {
    document.documentElement.dataset.theme = dark() ? "light" : "dark";
    label();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  label();

  const folded = [];
  addEventListener("beforeprint", () => {
    document.querySelectorAll("details:not([open])").forEach((item) => { folded.push(item); item.open = true; });
    printing = true;
    drawHead();
    draw(true);
    if (rows.length > PRINTED) byId("vm-count").textContent += ` The first ${PRINTED} are printed; the CSV file holds all.`;
  });
  addEventListener("afterprint", () => {
    folded.splice(0).forEach((item) => { item.open = false; });
    printing = false;
    drawHead();
    draw(true);
    say();
  });

  set({});
  document.documentElement.dataset.ready = "yes";
})();
