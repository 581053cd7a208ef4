// The marks of a figure on the canvas of a plot: bars, lines, dots, rings, intervals, straight lines across.
"use strict";
globalThis.Marks = (() => {
  const { named, short, step } = Figures;
  const LAYERS = 8; // as many as the palette has
  const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]]; // colour is never the only difference
  const BAND_FROM = 60; // points from which on intervals are a band in place of whiskers
  const LABEL = 15; // how far apart labels of lines stand, in pixels
  const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

  // A colour of the style sheet as the canvas wants it: resolved for the theme that is shown.
  function color(name) {
    const probe = document.querySelector("#chart-probe")
      ?? document.body.appendChild(Object.assign(document.createElement("span"), { id: "chart-probe", hidden: true }));
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  }
  const faded = (rgb, alpha) => rgb.replace(/^rgba?\(([^)]*)\)$/, (_, inner) => `rgba(${inner.split(",").slice(0, 3).join(",")}, ${alpha})`);

  // The widest text among these, in pixels.
  const ruler = document.createElement("canvas").getContext("2d");
  function width(texts) {
    ruler.font = FONT;
    return Math.max(0, ...texts.map((text) => ruler.measureText(text ?? "").width));
  }

  function marker(context, kind, x, y, size) {
    context.beginPath();
    if (kind === 1) context.rect(x - size * 0.9, y - size * 0.9, size * 1.8, size * 1.8);
    else if (kind === 2) { context.moveTo(x, y - size * 1.2); context.lineTo(x + size * 1.1, y + size * 0.9); context.lineTo(x - size * 1.1, y + size * 0.9); context.closePath(); }
    else if (kind === 3) { context.moveTo(x, y - size * 1.3); context.lineTo(x + size * 1.3, y); context.lineTo(x, y + size * 1.3); context.lineTo(x - size * 1.3, y); context.closePath(); }
    else context.arc(x, y, size, 0, 2 * Math.PI);
  }

  function whisker(context, ratio, horizontal, at, from, to) {
    const cap = 4 * ratio;
    context.beginPath();
    if (horizontal) { context.moveTo(from, at); context.lineTo(to, at); context.moveTo(from, at - cap); context.lineTo(from, at + cap); context.moveTo(to, at - cap); context.lineTo(to, at + cap); }
    else { context.moveTo(at, from); context.lineTo(at, to); context.moveTo(at - cap, from); context.lineTo(at + cap, from); context.moveTo(at - cap, to); context.lineTo(at + cap, to); }
    context.stroke();
  }

  // The points of a layer that can be drawn, at their pixels.
  function places(plot, figure, layer) {
    const keeps = (axis, value) => Number.isFinite(value) && (axis.scale !== "logarithmic" || value > 0);
    const drawn = layer.points.filter((point) => keeps(figure.x, point.x) && keeps(figure.y, point.y));
    return drawn.map((point) => ({ point, x: plot.valToPos(point.x, "x", true), y: plot.valToPos(point.y, "y", true) }));
  }

  function drawBars(plot, figure, layer, at, slot) {
    const context = plot.ctx;
    const base = figure.y.scale === "logarithmic" ? plot.bbox.top + plot.bbox.height : plot.valToPos(0, "y", true);
    const log = figure.x.scale === "logarithmic";
    const span = named(figure.x) ? 0.72 / slot.of : step(layer, log);
    for (const place of at) {
      const middle = named(figure.x) ? place.point.x - 0.36 + span * (slot.index + 0.5) : place.point.x;
      const sides = log ? [middle / Math.sqrt(span), middle * Math.sqrt(span)] : [middle - span / 2, middle + span / 2];
      const [from, to] = sides.map((side) => plot.valToPos(side, "x", true));
      const gap = Math.min(devicePixelRatio, (to - from) * 0.1);
      context.fillRect(from + gap / 2, Math.min(place.y, base), to - from - gap, Math.abs(base - place.y));
      place.x = (from + to) / 2;
    }
  }

  function drawLine(plot, layer, at) {
    const context = plot.ctx;
    context.beginPath();
    at.forEach((place, index) => {
      if (index === 0) context.moveTo(place.x, place.y);
      else {
        if (layer.mark === "steps") context.lineTo(place.x, at[index - 1].y);
        context.lineTo(place.x, place.y);
      }
    });
    context.stroke();
  }

  function drawIntervals(plot, figure, layer, at, ink) {
    const sure = at.filter((place) => place.point.interval);
    if (sure.length === 0) return;
    const context = plot.ctx;
    const horizontal = named(figure.y);
    const key = horizontal ? "x" : "y";
    const pixel = (value) => plot.valToPos(value, key, true);
    const lower = ([low]) => (figure[key].scale === "logarithmic" && low <= 0 ? plot.bbox.top + plot.bbox.height : pixel(low));
    if (layer.mark === "line" && sure.length >= BAND_FROM) {
      context.fillStyle = faded(ink, 0.18);
      context.beginPath();
      sure.forEach((place) => context.lineTo(place.x, pixel(place.point.interval[1])));
      sure.toReversed().forEach((place) => context.lineTo(place.x, lower(place.point.interval)));
      context.fill();
      return;
    }
    context.strokeStyle = layer.mark === "bars" ? color("ink") : ink;
    context.lineWidth = 1.5 * devicePixelRatio;
    for (const place of sure) {
      whisker(context, devicePixelRatio, horizontal, horizontal ? place.y : place.x, lower(place.point.interval), pixel(place.point.interval[1]));
    }
  }

  function drawLayer(plot, figure, layer, index, slot) {
    const context = plot.ctx;
    const ink = color(`layer-${index % LAYERS}`);
    const at = places(plot, figure, layer);
    const many = at.length > 150;
    context.fillStyle = layer.mark === "bars" ? faded(ink, 0.85) : many && layer.mark === "dots" ? faded(ink, 0.55) : ink;
    context.strokeStyle = ink;
    context.lineWidth = (many ? 1.25 : 2) * devicePixelRatio;
    context.setLineDash(layer.mark === "line" || layer.mark === "steps" ? DASHES[index % DASHES.length].map((one) => one * devicePixelRatio) : []);
    if (layer.mark === "bars") drawBars(plot, figure, layer, at, slot);
    if (layer.mark === "line" || layer.mark === "steps") drawLine(plot, layer, at);
    context.setLineDash([]);
    drawIntervals(plot, figure, layer, at, ink);
    context.fillStyle = many ? faded(ink, 0.55) : ink;
    context.strokeStyle = ink;
    if (layer.mark === "rings") {
      context.lineWidth = 2 * devicePixelRatio;
      at.forEach((place) => { marker(context, 0, place.x, place.y, 5.5 * devicePixelRatio); context.stroke(); });
    }
    if (layer.mark === "dots" || (layer.mark === "line" && at.length <= 80)) {
      const size = (many ? 1.7 : named(figure.y) ? 4.5 : 3.2) * devicePixelRatio;
      at.forEach((place) => { marker(context, index % 4, place.x, place.y, size); context.fill(); });
    }
  }

  // Straight lines across, each with its label: of standing ones above the plot, of lying ones at their end.
  // Those that lie outside are told at the edge.
  function drawLines(plot, figure) {
    const context = plot.ctx;
    const ratio = devicePixelRatio;
    const { left, top, width: wide, height: high } = plot.bbox;
    const taken = [];
    const free = (x, y, long) => {
      let level = y;
      const down = y < top ? -1 : 1;
      while (taken.some((one) => Math.abs(one.y - level) < LABEL * ratio && x < one.x + one.long && one.x < x + long)) level += down * LABEL * ratio;
      taken.push({ x, y: level, long });
      return level;
    };
    context.font = FONT.replace("12px", `${12 * ratio}px`);
    context.lineWidth = 1.5 * ratio;
    for (const line of figure.lines) {
      const axis = figure[line.across];
      if (!Number.isFinite(line.at) || (axis.scale === "logarithmic" && line.at <= 0)) continue;
      const place = plot.valToPos(line.at, line.across, true);
      const standing = line.across === "x";
      const [first, last] = standing ? [left, left + wide] : [top, top + high];
      const inside = place >= first - 1 && place <= last + 1;
      context.strokeStyle = context.fillStyle = color("line");
      if (inside) {
        context.setLineDash([5 * ratio, 4 * ratio]);
        context.beginPath();
        context.moveTo(standing ? place : left, standing ? top : place);
        context.lineTo(standing ? place : left + wide, standing ? top + high : place);
        context.stroke();
        context.setLineDash([]);
      }
      const arrow = inside ? "" : standing ? (place > last ? " →" : " ←") : place < first ? " ↑" : " ↓";
      const label = short(line.label, 44) + arrow;
      const long = context.measureText(label).width + 8 * ratio;
      const wanted = standing ? Math.min(Math.max(place, left), left + wide) : left + wide - long;
      const x = Math.max(left, wanted + long > left + wide ? wanted - long : wanted) + 4 * ratio;
      const y = free(x, standing ? top - 5 * ratio : Math.min(Math.max(place, top + 16 * ratio), top + high - 4 * ratio) - 5 * ratio, long);
      context.lineWidth = 4 * ratio;
      context.strokeStyle = color("panel");
      context.lineJoin = "round";
      context.textAlign = "left";
      context.textBaseline = "alphabetic";
      context.strokeText(label, x, y);
      context.fillText(label, x, y);
      context.lineWidth = 1.5 * ratio;
    }
  }

  // Names of rows above them, where there is no room for them at the left.
  function drawNames(plot, figure) {
    const context = plot.ctx;
    const ratio = devicePixelRatio;
    context.font = FONT.replace("12px", `${12 * ratio}px`);
    context.fillStyle = color("ink");
    context.textAlign = "left";
    context.textBaseline = "alphabetic";
    const most = Math.floor(plot.bbox.width / (6.9 * ratio));
    figure.y.names.forEach((name, row) => context.fillText(short(name, most), plot.bbox.left, plot.valToPos(row, "y", true) - 9 * ratio));
  }

  function draw(chart) {
    const { plot, figure, hidden } = chart;
    const { left, top, width: wide, height: high } = plot.bbox;
    const context = plot.ctx;
    context.save();
    context.beginPath();
    context.rect(left - 6 * devicePixelRatio, 0, wide + 12 * devicePixelRatio, top + high + devicePixelRatio);
    context.clip();
    const bars = figure.layers.filter((layer, index) => layer.mark === "bars" && !hidden.has(index));
    const order = figure.layers.map((layer, index) => index).filter((index) => !hidden.has(index));
    order.sort((a, b) => (figure.layers[a].mark === "rings") - (figure.layers[b].mark === "rings"));
    for (const index of order) {
      const layer = figure.layers[index];
      drawLayer(plot, figure, layer, index, { index: bars.indexOf(layer), of: bars.length });
    }
    drawLines(plot, figure);
    if (named(figure.y) && chart.narrow()) drawNames(plot, figure);
    context.restore();
  }

  return { LAYERS, LABEL, FONT, color, width, draw };
})();
