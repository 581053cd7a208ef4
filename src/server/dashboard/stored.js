// What is stored: the runs page by page, one of them with what was said of it against its baseline, and a metric
// over time.
"use strict";
globalThis.Stored = (() => {
  const { at, element, plain, chosen, choose, options, quantity, standing, when, known } = Text;
  const PAGE = 15;
  const DRAWN = 300; // epochs of a trend
  const USUAL = ["ttft.p50", "tok_s", "itl.p50", "e2e.p95", "req_s", "query.p50"];
  let units = new Map();
  let baseline = new Map(); // by case and metric
  let chart = null;

  // ---- runs ------------------------------------------------------------------------------------------

  async function runs(open) {
    const before = chosen("before");
    const page = await Stream.ask(`/v1/runs?limit=${PAGE}${before ? `&cursor=${encodeURIComponent(before)}` : ""}`);
    const head = ["Run", "Scenario", "Machine", "Began", "Cases", "VALID epochs", "Goals"];
    const row = (run) => {
      const link = element("a", { href: `/runs/${encodeURIComponent(run.run_id)}` }, run.run_id);
      link.addEventListener("click", (event) => { event.preventDefault(); open(run.run_id); scrollTo({ top: 0 }); });
      const goals = run.total_targets > 0 ? `${run.targets_met} of ${run.total_targets}` : "–";
      return element("tr", run.run_id === chosen("run") ? { class: "chosen" } : {}, element("td", {}, link), element("td", {}, run.scenario), element("td", {}, run.machine), element("td", {}, when(run.started_us)), element("td", { class: "number" }, run.cases), element("td", { class: "number" }, `${run.valid_epochs} of ${run.epochs}`), element("td", { class: "number" }, goals));
    };
    at("run-list").replaceChildren(page.runs.length === 0 ? element("p", { class: "muted" }, "No run is stored yet: tokgate run quick measures one.") : table(head, page.runs.map(row), "Stored runs", 4));
    at("older").hidden = page.next === null;
    at("older").onclick = () => { choose("before", page.next); runs(open); };
    at("newest").hidden = before === "";
    at("newest").onclick = () => { choose("before", ""); runs(open); };
    return page.runs;
  }

  // A table whose columns are numbers from this one on.
  function table(head, rows, label, numbers) {
    for (const row of rows) [...row.cells].forEach((cell, place) => { cell.dataset.name = head[place]; });
    const names = head.map((name, index) => element("th", { scope: "col", ...(index >= numbers ? { class: "number" } : {}) }, name));
    return element("div", { class: rows.length > 15 ? "scroll tall" : "scroll", tabindex: "0", role: "region", "aria-label": label }, element("table", { class: "wide stack" }, element("thead", {}, element("tr", {}, ...names)), element("tbody", {}, ...rows)));
  }

  // ---- one run against its baseline --------------------------------------------------------------------

  const level = (verdict) => (verdict.startsWith("regressed") || verdict === "missing" ? "red" : verdict.startsWith("improved") || verdict.startsWith("unchanged") || verdict === "held" ? "green" : "yellow");

  function percent(effect) {
    return known(effect) ? `${effect > 0 ? "+" : effect < 0 ? "−" : "±"}${Math.abs(effect * 100).toPrecision(2)} %` : "–";
  }

  // The worst first: by what is said, then by how far it moved.
  const RANK = { red: 0, yellow: 1, green: 2 };
  const worse = (one, other) => RANK[level(one.verdict)] - RANK[level(other.verdict)] || Math.abs(other.effect ?? 0) - Math.abs(one.effect ?? 0);

  function verdicts(cases) {
    const all = cases.flatMap((one) => one.verdicts.map((verdict) => ({ ...verdict, case_id: one.case_id })));
    const rows = all.sort(worse).map((verdict) => {
      const unit = units.get(verdict.metric.split(".")[0]) ?? "";
      const sure = known(verdict.effect_low) && known(verdict.effect_high) ? ` (${percent(verdict.effect_low)} … ${percent(verdict.effect_high)})` : "";
      return element("tr", {}, element("td", {}, verdict.case_id), element("td", {}, verdict.metric), element("td", {}, standing(level(verdict.verdict), verdict.verdict)), element("td", { class: "wrap words" }, verdict.why), element("td", { class: "number" }, quantity(verdict.base, unit)), element("td", { class: "number" }, quantity(verdict.head, unit)), element("td", { class: "number" }, percent(verdict.effect) + sure));
    });
    at("verdicts").hidden = rows.length === 0;
    at("verdicts").replaceChildren(element("h3", {}, "Against the baseline"), element("p", { class: "muted" }, "A change of more than nothing is worse."), table(["Case", "Metric", "Verdict", "Why", "Baseline", "Now", "Change"], rows, "Verdicts", 4));
  }

  async function readBaseline() {
    const told = await Stream.ask("/v1/baseline");
    baseline = new Map(told.metrics.map((one) => [`${one.case_id} ${one.metric}`, one.value]));
  }
  // What the baseline says of a metric of a case; nothing where there is none.
  const baselineOf = (of, metric) => baseline.get(`${of} ${metric}`) ?? null;

  // ---- a metric over time ------------------------------------------------------------------------------

  async function metrics() {
    const { metrics } = await Stream.ask("/v1/metrics");
    units = new Map(metrics.map((metric) => [metric.id, metric.unit]));
    return metrics.flatMap((metric) => (metric.stats.length > 0 ? metric.stats.map((stat) => `${metric.id}.${stat}`) : [metric.id]));
  }

  // In which unit each metric is told.
  async function readUnits() {
    if (units.size === 0) await metrics();
  }

  async function cases() {
    const all = [];
    let cursor = "";
    do {
      const page = await Stream.ask(`/v1/cases?limit=500${cursor}`);
      all.push(...page.cases.map((one) => one.case_id));
      cursor = page.next ? `&cursor=${encodeURIComponent(page.next)}` : "";
    } while (cursor !== "" && all.length < 2000);
    return [...new Set(all)];
  }

  async function trends() {
    const [names, known] = [await cases(), await metrics()];
    const usual = USUAL.filter((metric) => known.includes(metric));
    options(at("trend-case"), [["", "all cases"], ...names.map((name) => [name, plain(name)])], chosen("case"));
    options(at("trend-metric"), [...usual, ...known.filter((metric) => !usual.includes(metric))].map((metric) => [metric, metric]), chosen("metric") || usual[0]);
    at("trend-case").onchange = () => { choose("case", at("trend-case").value); trend(); };
    at("trend-metric").onchange = () => { choose("metric", at("trend-metric").value); trend(); };
    await trend();
  }

  async function trend() {
    const metric = chosen("metric") || at("trend-metric").value;
    const of = chosen("case");
    const page = await Stream.ask(`/v1/history?metric=${encodeURIComponent(metric)}&limit=${DRAWN}${of ? `&case=${encodeURIComponent(of)}` : ""}`);
    const drawn = figure(metric, page);
    if (drawn.layers.length === 0) {
      chart?.destroy();
      chart = null;
      at("trend").replaceChildren(element("p", { class: "muted panel" }, "No VALID epoch says anything of this metric."));
    } else if (chart) chart.update(drawn);
    else {
      const place = Charts.element("div");
      at("trend").replaceChildren(place);
      chart = Charts.mount(place, drawn);
    }
  }

  // Epochs from the oldest to the newest, a layer a case; days count from now.
  function figure(metric, page) {
    const epochs = [...page.epochs].reverse();
    const [factor, unit] = page.unit === "s" ? [1e3, "ms"] : page.unit === "1" ? [100, "%"] : page.unit === "B" ? [2 ** -20, "MiB"] : [1, page.unit === "count" ? "" : page.unit];
    const names = [...new Set(epochs.map((epoch) => epoch.case_id))].slice(0, 8);
    const order = new Map([...new Set(epochs.map((epoch) => epoch.run_id))].map((run, index) => [run, index + 1]));
    const layers = names.map((name) => {
      const own = epochs.filter((epoch) => epoch.case_id === name);
      const runs = [...new Set(own.map((epoch) => epoch.run_id))];
      const points = runs.map((run) => {
        const values = own.filter((epoch) => epoch.run_id === run).map((epoch) => epoch.value * factor);
        const middle = values.reduce((sum, value) => sum + value, 0) / values.length;
        return { x: order.get(run), y: middle, ...(values.length > 1 ? { interval: [Math.min(...values), Math.max(...values)] } : {}) };
      });
      return { name: plain(name), mark: "line", points };
    });
    const more = new Set(epochs.map((epoch) => epoch.case_id)).size - names.length;
    const base = names.length === 1 ? baselineOf(names[0], metric) : null;
    const lines = known(base) ? [{ across: "y", at: base * factor, label: "baseline" }] : [];
    const notes = [`the mean of each run's epochs, with the lowest and the highest; the newest ${epochs.length} epochs`, ...(more > 0 ? [`and ${more} more cases: choose one`] : [])];
    return { id: "trend", title: `${metric} over runs`, x: { label: "run, from the oldest", unit: "", scale: "linear", names: [] }, y: { label: metric, unit, scale: "linear", names: [] }, layers, lines, notes };
  }

  // ---- files -----------------------------------------------------------------------------------------

  return { runs, verdicts, trends, readUnits, readBaseline, baselineOf, table };
})();
