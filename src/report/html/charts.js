// Draws any figure with uPlot for axes, zoom and cursor, with a legend, keys and a table. Knows no page: the HTML
// report and the live page both mount figures here. Wants `uPlot`, figures.js and marks.js before it.
//
//   const chart = Charts.mount(element, figure, { group: "a" });  // drawn at once
//   Charts.lazy(element, () => figure, { group: "a" });           // drawn when it comes into view
//   chart.update(figure); chart.destroy();
//
// Charts of one group whose x is the same share cursor and zoom.
"use strict";
globalThis.Charts = (() => {
  const { number, named, titled, shown, short, range, finding, rows, columns, csv, download } = Figures;
  const { LAYERS, LABEL, FONT, color, width, draw } = Marks;
  const ROWS = 100; // rows of a table at once
  const NAMES = 0.42; // share of the width that names have at the left
  const NARROW = 270; // room for names below which they stand above their rows
  const mounted = new Set();

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "class") made.className = value;
      else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }
  // ---- axes ------------------------------------------------------------------------------------------

  // Steps between whole numbers.
  const WHOLE = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((first) => first * 10 ** power)).flat();

  // One to nine times each power of ten between two numbers.
  function decades(low, high) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
      for (let first = 1; first < 10; first += 1) {
        const value = Number(`${first}e${power}`);
        if (value >= low && value <= high) found.push(value);
      }
    }
    return found;
  }

  // Which of them have their number beside them: the fewer, the more there are.
  function worded(splits) {
    const firsts = splits.length > 27 ? [1] : splits.length > 6 ? [1, 2, 5] : [1, 2, 3, 4, 5, 6, 7, 8, 9];
    return (value) => firsts.includes(Math.round(value / 10 ** Math.floor(Math.log10(value) + 1e-9)));
  }

  function axis(figure, along, room) {
    const one = figure[along];
    const most = Math.max(8, Math.floor(room / 7));
    const base = {
      stroke: () => color("muted"), font: FONT, grid: { stroke: () => color("grid"), width: 1 },
      ticks: { stroke: () => color("grid"), width: 1, size: 5 }, gap: 5,
      values: (plot, splits) => splits.map((value) => (value === null ? "" : number(value))),
    };
    if (one.scale === "logarithmic") {
      base.splits = (plot) => decades(plot.scales[along].min, plot.scales[along].max);
      base.filter = (plot, splits) => splits;
      base.values = (plot, splits) => { const told = worded(splits); return splits.map((value) => (told(value) ? number(value) : "")); };
    } else if (!named(one) && figure.layers.every((layer) => layer.points.every((point) => Number.isInteger(point[along])))) {
      base.incrs = WHOLE;
    }
    if (named(one)) {
      base.splits = () => one.names.map((_, index) => index);
      base.values = (plot, splits) => splits.map((value) => short(one.names[value] ?? "", most));
      base.grid = along === "y" ? base.grid : { show: false };
    }
    if (along === "y") {
      base.size = (plot, values) => Math.ceil(width(values ?? [])) + 12;
      if (named(one) && room < NARROW) Object.assign(base, { size: () => 4, values: () => [], ticks: { show: false } });
      return base;
    }
    base.size = 28;
    base.space = 64;
    if (named(one)) {
      const slot = room / Math.max(1, one.names.length);
      if (width(one.names) > slot - 8) {
        const kept = one.names.map((name) => short(name, 26));
        base.values = (plot, splits) => splits.map((value) => kept[value] ?? "");
        base.rotate = 50;
        base.size = Math.ceil(width(kept) * 0.77) + 26;
        base.overhang = Math.max(0, width(kept.slice(0, 1)) * 0.65 - slot / 2 - 22);
      }
    }
    return base;
  }

  // Room above the plot for the labels of standing lines.
  const headroom = (figure) => 8 + LABEL * Math.min(4, figure.lines.filter((line) => line.across === "x").length);

  function options(chart, wide) {
    const { figure } = chart;
    const across = axis(figure, "x", wide - 70);
    const free = !named(figure.x) && !named(figure.y);
    const scale = (along) => ({ time: false, distr: figure[along].scale === "logarithmic" ? 3 : 1, log: 10 });
    const drawn = () => chart.figure.layers.filter((layer, index) => !chart.hidden.has(index));
    return {
      width: wide, height: chart.height(), legend: { show: false }, padding: [headroom(figure), 14, 4, 4 + (across.overhang ?? 0)],
      scales: {
        x: { ...scale("x"), range: (plot, low, high) => [low, high] },
        y: { ...scale("y"), range: (plot) => range(chart.figure, drawn(), "y", free && chart.zoomed ? [plot.scales.x.min, plot.scales.x.max] : null) },
      },
      axes: [across, axis(figure, "y", wide * NAMES)],
      series: [{}, { show: true, scale: "y", points: { show: false }, paths: () => null }],
      cursor: {
        y: false, points: { show: false }, drag: { x: free, y: false, setScale: free, dist: 6 },
        ...(chart.group && free ? { sync: { key: `${chart.group}|${figure.x.label}|${figure.x.unit}|${figure.x.scale}`, scales: ["x", null] } } : {}),
      },
      hooks: {
        draw: [() => draw(chart)],
        setCursor: [() => hover(chart)],
        setScale: [(plot, key) => { if (key === "x") rescaled(chart, plot); }],
      },
    };
  }

  // Of a part that was zoomed into, y shows its own range.
  function rescaled(chart, plot) {
    const { min, max } = plot.scales.x;
    const [low, high] = chart.whole;
    const zoomed = min !== null && (min > low + (high - low) * 1e-9 || max < high - (high - low) * 1e-9);
    const changed = zoomed || chart.zoomed;
    chart.zoomed = zoomed;
    chart.parts.reset.disabled = !zoomed;
    if (changed) plot.setScale("y", { min: null, max: null });
  }

  function zoom(chart, factor) {
    const { plot } = chart;
    const log = chart.figure.x.scale === "logarithmic";
    const [map, back] = log ? [Math.log, Math.exp] : [(value) => value, (value) => value];
    const { min, max } = plot.scales.x;
    const at = plot.cursor.left > 0 ? map(plot.posToVal(plot.cursor.left, "x")) : (map(min) + map(max)) / 2;
    const low = Math.max(map(chart.whole[0]), at - (at - map(min)) * factor);
    const high = Math.min(map(chart.whole[1]), at + (map(max) - at) * factor);
    plot.setScale("x", { min: back(low), max: back(high) });
  }

  // ---- reading values --------------------------------------------------------------------------------

  // The point of a layer that is nearest to a pixel, along the axis that places it.
  function nearest(plot, figure, layer, pixel) {
    const along = named(figure.y) ? "y" : "x";
    let found = null;
    for (const point of layer.points) {
      const away = Math.abs(plot.valToPos(point[along], along) - pixel);
      if (Number.isFinite(away) && (found === null || away < found.away)) found = { point, away };
    }
    return found;
  }

  // What stands at a place of the cursor: the place in words, and a line a layer.
  function reading(chart, pixel) {
    const { plot, figure, hidden } = chart;
    const found = figure.layers.map((layer, index) => ({ index, ...(hidden.has(index) ? {} : nearest(plot, figure, layer, pixel)) })).filter((one) => one.point);
    const reach = named(figure.x) || named(figure.y) ? 40 : 14;
    const best = found.reduce((least, one) => (least === null || one.away < least.away ? one : least), null);
    if (best === null) return null;
    const lines = found.filter((one) => one.away <= Math.max(best.away + 2, reach)).map(({ index, point }) => {
      const [value, whose] = named(figure.y) ? [point.x, figure.x] : [point.y, figure.y];
      const sure = point.interval ? ` [${number(point.interval[0])} … ${number(point.interval[1])}]` : "";
      return { index, text: `${figure.layers[index].name}: ${shown(whose, value)}${sure}` };
    });
    const at = named(figure.y) ? shown(figure.y, best.point.y) : named(figure.x) ? shown(figure.x, best.point.x) : `${figure.x.label} ${shown(figure.x, best.point.x)}`;
    return { at, lines, point: best.point };
  }

  function hover(chart) {
    const { plot, parts } = chart;
    const { left, top } = plot.cursor;
    const forest = named(chart.figure.y);
    const told = left >= 0 ? reading(chart, forest ? top : left) : null;
    parts.tip.hidden = told === null;
    if (told === null) return null;
    parts.tip.replaceChildren(element("strong", {}, told.at), ...told.lines.map((line) => element("span", { class: `key key-${line.index % LAYERS}` }, line.text)));
    const box = plot.over;
    const right = left > box.clientWidth / 2;
    parts.tip.style.left = right ? "auto" : `${box.offsetLeft + left + 14}px`;
    parts.tip.style.right = right ? `${parts.plot.clientWidth - box.offsetLeft - left + 14}px` : "auto";
    parts.tip.style.top = `${box.offsetTop + 6}px`;
    return told;
  }

  // Arrow keys go from point to point of the first layer that is shown.
  function key(chart, event) {
    const { plot, figure, hidden } = chart;
    const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
    if (event.key === "Escape") { plot.setCursor({ left: -10, top: -10 }); reset(chart); return; }
    if (event.key === "+" || event.key === "-") { if (!chart.parts.zoom.hidden) zoom(chart, event.key === "+" ? 0.5 : 2); return; }
    if (!(event.key in moves)) return;
    event.preventDefault();
    const points = figure.layers.filter((layer, index) => !hidden.has(index)).reduce((most, layer) => (layer.points.length > most.length ? layer.points : most), []);
    if (points.length === 0) return;
    chart.at = Math.min(points.length - 1, Math.max(0, (chart.at ?? -1) + moves[event.key]));
    const point = points[chart.at];
    plot.setCursor({ left: plot.valToPos(point.x, "x"), top: plot.valToPos(point.y, "y") });
    const told = hover(chart);
    if (told) chart.parts.live.textContent = `${told.at}. ${told.lines.map((line) => line.text).join("; ")}`;
  }

  // ---- mounting --------------------------------------------------------------------------------------

  function table(figure, into) {
    const all = rows(figure);
    const sure = all.some((row) => row[3] !== null);
    const cut = (row) => (sure ? row : row.slice(0, 3));
    const body = element("tbody");
    const more = element("button", { type: "button", class: "button" });
    const add = () => {
      for (const row of all.slice(body.children.length, body.children.length + ROWS)) {
        body.append(element("tr", {}, ...cut(row).map((cell) => element("td", typeof cell === "string" ? {} : { class: "number" }, typeof cell === "string" ? cell : number(cell)))));
      }
      more.hidden = body.children.length >= all.length;
      more.textContent = `Show more (${body.children.length} of ${all.length} rows)`;
    };
    more.addEventListener("click", add);
    add();
    const save = element("button", { type: "button", class: "button", onclick: () => download(`${figure.id}.csv`, "text/csv", [columns(figure), ...all].map(csv).join("\r\n") + "\r\n") }, "Download as CSV");
    const head = element("thead", {}, element("tr", {}, ...cut(columns(figure)).map((name) => element("th", { scope: "col" }, name))));
    into.append(element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Data of ${figure.title}` }, element("table", {}, head, body)), element("p", { class: "row" }, more, save));
  }

  function legend(chart) {
    const { figure, hidden, parts } = chart;
    const alone = figure.layers.length < 2;
    parts.legend.replaceChildren(...figure.layers.map((layer, index) => {
      const name = element("span", {}, short(layer.name, 60));
      const mark = `key key-${index % LAYERS} mark-${layer.mark}`;
      if (alone) return element("span", { class: mark }, name);
      const button = element("button", { type: "button", class: mark, "aria-pressed": String(!hidden.has(index)), title: layer.name }, name);
      button.addEventListener("click", () => {
        if (!hidden.delete(index)) hidden.add(index);
        button.setAttribute("aria-pressed", String(!hidden.has(index)));
        chart.plot.setScale("y", { min: null, max: null });
        chart.plot.redraw();
      });
      return button;
    }));
  }

  function reset(chart) {
    chart.plot.setScale("x", { min: chart.whole[0], max: chart.whole[1] });
  }

  // The whole data that uPlot holds: where both axes end. The points are drawn by us.
  function bounds(chart) {
    const { figure } = chart;
    chart.whole = range(figure, figure.layers, "x");
    return [chart.whole, range(figure, figure.layers, "y")];
  }

  function build(chart) {
    chart.plot?.destroy();
    chart.zoomed = false;
    const data = bounds(chart);
    chart.plot = new uPlot(options(chart, Math.max(200, chart.parts.plot.clientWidth)), data, chart.parts.plot);
    chart.parts.plot.append(chart.parts.tip);
  }

  function words(chart) {
    const { figure, parts } = chart;
    parts.title.textContent = figure.title;
    parts.above.textContent = named(figure.y) ? "" : titled(figure.y);
    parts.below.textContent = titled(figure.x);
    parts.plot.setAttribute("aria-label", finding(figure));
    parts.notes.replaceChildren(...figure.notes.map((note) => element("li", {}, note)));
    parts.zoom.hidden = named(figure.x) || named(figure.y);
    legend(chart);
  }

  // What two figures must share so that one takes the place of the other without a new drawing.
  const frame = (figure) => JSON.stringify([figure.id, figure.x, figure.y, figure.layers.map((layer) => [layer.name, layer.mark])]);

  function mount(place, figure, { group = "", heading = "h3" } = {}) {
    const button = (label, text, act) => element("button", { type: "button", class: "tool", "aria-label": label, title: label, onclick: act }, text);
    const parts = {
      title: element(heading), legend: element("div", { class: "legend", role: "group", "aria-label": "What is drawn" }),
      above: element("div", { class: "axis-label" }), below: element("div", { class: "axis-label axis-below" }),
      plot: element("div", { class: "plot", tabindex: "0", role: "img" }), tip: element("div", { class: "tip", "aria-hidden": "true", hidden: "" }),
      live: element("p", { class: "sr-only", "aria-live": "polite" }), notes: element("ul", { class: "notes" }),
      reset: button("Show all again", "⟲", () => reset(chart)),
    };
    parts.zoom = element("div", { class: "tools" }, button("Zoom in", "+", () => zoom(chart, 0.5)), button("Zoom out", "−", () => zoom(chart, 2)), parts.reset);
    parts.reset.disabled = true;
    const details = element("details", { class: "data" }, element("summary", {}, "Data as a table"));
    const root = element("figure", { class: "chart" }, element("figcaption", {}, parts.title, parts.zoom), parts.legend, parts.above, parts.plot, parts.below, parts.live, parts.notes, details);
    const chart = {
      figure, parts, group, hidden: new Set(), plot: null, zoomed: false,
      narrow: () => parts.plot.clientWidth * NAMES < NARROW,
      height: () => (named(chart.figure.y) ? Math.max(120, chart.figure.y.names.length * (chart.narrow() ? 44 : 30) + 56) : innerWidth < 600 ? 240 : 290) + (named(chart.figure.x) ? 40 : 0),
      update(next) {
        const same = frame(chart.figure) === frame(next);
        chart.figure = next;
        if (!same) chart.hidden.clear();
        words(chart);
        if (!same) build(chart);
        else { const zoomed = chart.zoomed; chart.plot.setData(bounds(chart), !zoomed); if (zoomed) chart.plot.redraw(false); }
        if (details.open) fill();
      },
      redraw: () => chart.plot.redraw(false, true),
      destroy() { observer.disconnect(); chart.plot.destroy(); mounted.delete(chart); root.remove(); },
    };
    const fill = () => { [...details.children].slice(1).forEach((child) => child.remove()); if (details.open) table(chart.figure, details); };
    details.addEventListener("toggle", fill);
    parts.plot.addEventListener("keydown", (event) => key(chart, event));
    place.replaceChildren(root);
    words(chart);
    build(chart);
    // A finger that moves sideways reads values; one that moves up or down scrolls the page.
    parts.plot.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch") return;
      const box = chart.plot.over.getBoundingClientRect();
      chart.plot.setCursor({ left: event.clientX - box.left, top: event.clientY - box.top });
    });
    let last = parts.plot.clientWidth;
    const observer = new ResizeObserver(() => {
      const now = parts.plot.clientWidth;
      if (now > 0 && now !== last) { last = now; build(chart); }
    });
    observer.observe(parts.plot);
    mounted.add(chart);
    return chart;
  }

  // ---- what waits to be seen ---------------------------------------------------------------------------

  const waiting = new Map();
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) now(entry.target);
  }, { rootMargin: "400px 0px" });

  function now(place) {
    const wanted = waiting.get(place);
    if (!wanted || place.clientWidth === 0) return;
    waiting.delete(place);
    seen.unobserve(place);
    mount(place, wanted.figure(), wanted.options);
  }

  function lazy(place, figure, options) {
    place.classList.add("waits");
    waiting.set(place, { figure, options });
    seen.observe(place);
  }

  // The theme changed: colours are asked for anew.
  const repaint = () => mounted.forEach((chart) => chart.redraw());
  const drawAll = () => [...waiting.keys()].forEach(now);
  return { mount, lazy, repaint, drawAll, element };
})();
