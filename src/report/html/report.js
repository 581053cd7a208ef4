// What the page of a report does: charts come when they are seen, a case is drawn when it is opened, and the
// table of everything is filtered, sorted, shown page by page and saved. Its data is the island of the page;
// every text becomes a text node, never markup.
"use strict";
(() => {
  const island = JSON.parse(document.getElementById("island").textContent);
  const { element } = Charts;
  const { number, csv, download } = Figures;
  const ROWS = 100; // rows of a table at once

  // ---- figures -----------------------------------------------------------------------------------------

  const point = ([x, y, low, high]) => (low === undefined ? { x, y } : { x, y, interval: [low, high] });
  const whole = (figure) => ({ ...figure, layers: figure.layers.map((layer) => ({ ...layer, points: layer.points.map(point) })) });

  function charts(figures, group) {
    const places = figures.map((figure) => {
      const place = element("div", { class: figure.y.names.length > 0 || figure.x.names.length > 8 ? "slot wide" : "slot" });
      Charts.lazy(place, () => whole(figure), { group, heading: "h4" });
      return place;
    });
    return element("div", { class: "charts" }, ...places);
  }

  for (const place of document.querySelectorAll("[data-run]")) {
    Charts.lazy(place, () => whole(island.figures.run[Number(place.dataset.run)]), { group: "run" });
  }

  // ---- numbers as people read them ---------------------------------------------------------------------

  const BYTES = [[1073741824, "GiB"], [1048576, "MiB"], [1024, "KiB"], [1, "B"]];
  const SECONDS = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"]];
  const SYMBOLS = {
    tokens_per_second: "tok/s", requests_per_second: "/s", joules: "J", tokens_per_joule: "tok/J", usd: "USD",
    tokens_per_second_per_usd_hour: "tok/s per USD/h", watts: "W", celsius: "°C", count: "",
  };
  function show(unit, value) {
    if (value === null) return "–";
    const scaled = (steps) => {
      const [size, name] = steps.find(([size]) => Math.abs(value) >= size) ?? steps.at(value === 0 ? 0 : -1);
      return `${number(value / size)} ${name}`;
    };
    if (unit === "seconds") return scaled(SECONDS);
    if (unit === "bytes") return scaled(BYTES);
    if (unit === "bytes_per_second") return `${number(value / 1e9)} GB/s`;
    if (unit === "ratio") return `${number(value * 100)} %`;
    return `${number(value)} ${SYMBOLS[unit] ?? ""}`.trimEnd();
  }

  // ---- cases -------------------------------------------------------------------------------------------

  const standing = (one) => element("span", { class: `standing ${one.level}` }, element("span", { "aria-hidden": "true" }, one.sign), one.word);
  const cell = (content, kind = "") => element("td", kind ? { class: kind } : {}, content ?? "–");
  const part = (title, ...content) => element("div", {}, element("h3", {}, title), ...content);
  const list = (title, lines, make) => (lines.length === 0 ? [] : [part(title, ...lines.map(make))]);
  const remark = (level, strong, text, aside) => {
    const made = element("div", { class: `remark ${level}` }, ...(strong ? [strong, " "] : []), text);
    if (aside) made.append(element("p", { class: "muted" }, aside));
    return made;
  };

  function table(label, head, rows) {
    for (const row of rows) [...row.cells].forEach((cell, place) => { cell.dataset.name = head[place][0]; });
    const titles = head.map(([name, kind]) => element("th", { scope: "col", ...(kind ? { class: kind } : {}) }, name));
    return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
      element("table", { class: "stack" }, element("thead", {}, element("tr", {}, ...titles)), element("tbody", {}, ...rows)));
  }

  // A row a metric: its main number with the interval, and the percentiles.
  function metrics(place, name) {
    const stats = island.stats.map(([stat]) => stat);
    const needed = island.stats.map(([, needs]) => needs);
    const of = new Map();
    for (const row of island.rows) if (row[0] === place) of.set(row[1], [...(of.get(row[1]) ?? []), row]);
    const rows = [...of].map(([metric, found]) => {
      const [id, title, unit] = island.metrics[metric];
      const stat = (wanted) => found.find((row) => stats[row[2]] === wanted);
      const main = stat("value") ?? stat("p50");
      const text = (row) => (row ? cell(show(unit, row[3]), row[6] < needed[row[2]] ? "number few" : "number") : cell("", "number"));
      const sure = main && main[4] !== null ? `${show(unit, main[4])} … ${show(unit, main[5])}` : "";
      return element("tr", {}, cell(element("span", {}, element("strong", {}, id), element("br"), element("span", { class: "muted" }, title))),
        text(main), cell(sure, "number muted"), text(stat("p90")), text(stat("p95")), text(stat("p99")), text(stat("max")), cell(String(main ? main[6] : 0), "number"));
    });
    const numeric = ["p50 / value", "95 % interval", "p90", "p95", "p99", "max", "n"].map((name) => [name, "number"]);
    return part("Metrics", table(`Metrics of ${name}`, [["metric", ""], ...numeric], rows));
  }

  function facts(pairs) {
    return element("dl", { class: "facts" }, ...pairs.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  }

  // What stands between backticks is code.
  const coded = (text) => element("span", {}, ...text.split("`").map((part, place) => (place % 2 === 1 ? element("code", {}, part) : part)));
  const goal = (one) => element("tr", {}, cell(one.metric), cell(standing(one.standing)), cell(one.value, "number"), cell(one.bound, "number"), cell(one.note || "", "wrap"));
  const verdict = (one) => element("tr", {}, cell(one.metric), cell(standing(one.standing)), cell(one.base, "number"), cell(one.head, "number"), cell(one.moved, "number"), cell(one.why, "wrap"));

  function fill(place, into) {
    const one = island.cases[place];
    const figures = island.figures.cases[place] ?? [];
    const number = (name) => [name, "number"];
    into.append(
      ...list("INVALID, because", one.invalid, (why) => remark("red", null, why)),
      ...list("Alerts", one.alerts, (alert) => remark(alert.standing.level, standing(alert.standing), alert.text)),
      ...list("What to know of these numbers", [...one.doubts, ...one.notes], (doubt) => remark("yellow", null, doubt)),
      ...(figures.length > 0 ? [part("Charts", charts(figures, `case-${place}`))] : []),
      ...(figures.length === 0 && island.left_out > 0 ? [element("p", { class: "muted" }, `The charts of ${island.left_out} cases that stand well were left out to keep this page small; \u201ctokgate plot\u201d draws them.`)] : []),
      metrics(place, one.name),
      ...(one.goals.length > 0 ? [part("Goals", table(`Goals of ${one.name}`, [["metric", ""], ["stands", ""], number("measured"), number("goal"), ["note", ""]], one.goals.map(goal)))] : []),
      ...(one.verdicts.length > 0 ? [part("Against the baseline", table(`Verdicts of ${one.name}`, [["metric", ""], ["verdict", ""], number("baseline"), number("this run"), number("change"), ["why", ""]], one.verdicts.map(verdict)))] : []),
      ...list("Failed requests", one.failures, ([count, what]) => remark("yellow", element("strong", {}, `${count} ×`), what)),
      ...list("Stalls", one.stalls, (line) => element("p", {}, line)),
      ...list("Try", one.advice, ([evidence, suggestion]) => remark("", null, coded(suggestion), evidence)),
      ...list("Answers", one.samples, (sample) => element("pre", { class: "answer", tabindex: "0" }, sample)),
      part("What was measured", facts([...one.facts, ["tests", one.tests.join(", ")]])),
    );
  }

  function drawCase(details) {
    const body = details.lastElementChild;
    if (details.open && body.children.length === 0) fill(Number(details.dataset.case), body);
  }
  const drawn = document.querySelectorAll("details[data-case]");
  for (const details of drawn) {
    details.addEventListener("toggle", () => drawCase(details));
    drawCase(details);
  }

  // A link to a case opens it.
  function arrive() {
    const wanted = document.getElementById(location.hash.slice(1));
    if (wanted?.matches("details.case")) { wanted.open = true; wanted.scrollIntoView(); }
  }
  addEventListener("hashchange", arrive);
  arrive();

  // ---- the table of everything -------------------------------------------------------------------------

  const HEAD = ["case", "metric", "statistic", "value", "interval", "n"];
  const KEYS = [(row) => row[0], (row) => row[1], (row) => row[2], (row) => row[3], (row) => row[4] ?? -Infinity, (row) => row[6]];
  const CSV = ["run_id", "scenario", "machine", "case", "metric", "statistic", "unit", "value", "low", "high", "n"];
  const { run_id, scenario, machine } = island.run ?? {};

  const label = (row) => island.cases[row[0]].label ?? island.cases[row[0]].name;
  const whose = (one) => [one.run_id ?? run_id, one.scenario ?? scenario, one.machine ?? machine, one.name];
  const flat = (row) => [...whose(island.cases[row[0]]), island.metrics[row[1]][0], island.stats[row[2]][0], island.metrics[row[1]][2], ...row.slice(3)];

  function everything(into) {
    let [order, falling, shown] = [null, false, ROWS];
    const used = [...new Set(island.rows.map((row) => row[1]))].sort((a, b) => a - b);
    const text = element("input", { type: "search", placeholder: "part of a case's name", autocomplete: "off" });
    const metric = element("select", {}, element("option", { value: "" }, "all"), ...used.map((place) => element("option", { value: String(place) }, `${island.metrics[place][0]} · ${island.metrics[place][1]}`)));
    const count = element("p", { class: "muted", "aria-live": "polite" });
    const body = element("tbody");
    const more = element("button", { type: "button", class: "button" }, "Show more");
    const heads = HEAD.map((name, place) => {
      const button = element("button", { type: "button" }, name);
      const head = element("th", { scope: "col", ...(place > 2 ? { class: "number" } : {}) }, button);
      button.addEventListener("click", () => {
        falling = order === place ? !falling : place > 2;
        order = place;
        heads.forEach((one) => one.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", falling ? "descending" : "ascending");
        draw();
      });
      return head;
    });

    function chosen() {
      const part = text.value.trim().toLowerCase();
      const rows = island.rows.filter((row) => (metric.value === "" || row[1] === Number(metric.value)) && (part === "" || label(row).toLowerCase().includes(part)));
      return order === null ? rows : rows.toSorted((a, b) => (KEYS[order](a) - KEYS[order](b)) * (falling ? -1 : 1));
    }

    function draw() {
      const rows = chosen();
      body.replaceChildren(...rows.slice(0, shown).map((row) => {
        const [id, , unit] = island.metrics[row[1]];
        const [stat, needs] = island.stats[row[2]];
        const sure = row[4] === null ? "" : `${show(unit, row[4])} … ${show(unit, row[5])}`;
        return element("tr", {}, cell(label(row), "wrap"), cell(id), cell(stat), cell(show(unit, row[3]), row[6] < needs ? "number few" : "number"), cell(sure, "number muted"), cell(String(row[6]), "number"));
      }));
      count.textContent = `${Math.min(shown, rows.length)} of ${rows.length} numbers`;
      more.hidden = shown >= rows.length;
    }

    const again = () => { shown = ROWS; draw(); };
    text.addEventListener("input", again);
    metric.addEventListener("change", again);
    more.addEventListener("click", () => { shown += ROWS * 5; draw(); });
    const save = (name, act) => element("button", { type: "button", class: "button", onclick: act }, name);
    into.append(
      element("div", { class: "filters" }, element("label", {}, "Case", text), element("label", {}, "Metric", metric),
        save("Download as CSV", () => download(`${run_id}.csv`, "text/csv", `${[CSV, ...island.rows.map(flat)].map(csv).join("\r\n")}\r\n`)),
        save("Download as JSON", () => download(`${run_id}.json`, "application/json", JSON.stringify({ ...island, figures: undefined, rows: island.rows.map(flat).map((row) => Object.fromEntries(CSV.map((name, place) => [name, row[place]]))) }, null, 1)))),
      element("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "All numbers" }, element("table", { class: "stack" }, element("thead", {}, element("tr", {}, ...heads)), body)),
      element("p", { class: "row" }, more, count));
    draw();
  }

  document.querySelectorAll("[data-everything]").forEach(everything);

  // ---- tables of the page that can be sorted -----------------------------------------------------------

  for (const sortable of document.querySelectorAll("table.sortable")) {
    const body = sortable.tBodies[0];
    const heads = [...sortable.tHead.rows[0].cells];
    heads.forEach((head, place) => {
      const button = element("button", { type: "button", ...(head.title ? { title: head.title } : {}) }, head.textContent);
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") !== "descending";
        heads.forEach((one) => one.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const value = (row) => row.cells[place].dataset.value;
        const compare = (a, b) => (head.className === "number"
          ? Number(value(a) ?? -Infinity) - Number(value(b) ?? -Infinity)
          : row(a).localeCompare(row(b)));
        const row = (one) => one.cells[place].textContent;
        body.append(...[...body.rows].sort((a, b) => compare(a, b) * (down ? -1 : 1)));
      });
    });
  }

  // On paper nothing opens: few cases are told whole. What waits for an event would come too late.
  addEventListener("beforeprint", () => {
    if (island.cases.length > 10) return;
    document.querySelectorAll("details.case").forEach((one) => { one.open = true; });
    drawn.forEach(drawCase);
    Charts.drawAll();
  });
})();
