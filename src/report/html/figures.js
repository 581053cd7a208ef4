// A figure of `src/figure` as it is serialised: its words, its numbers as text, its ends, its rows. Draws nothing.
"use strict";
globalThis.Figures = (() => {
  const plain = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
  const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
  function number(value) {
    if (value === null || value === undefined || !Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(2);
    return size >= 10000 ? whole.format(value) : plain.format(value);
  }
  const unit = (axis) => (axis.unit === "" ? "" : ` ${axis.unit}`);
  const named = (axis) => axis.names.length > 0;
  const titled = (axis) => (axis.unit === "" || named(axis) ? axis.label : `${axis.label} (${axis.unit})`);
  const shown = (axis, value) => (named(axis) ? axis.names[Math.round(value)] ?? "" : number(value) + unit(axis));
  const short = (text, most) => (text.length <= most ? text : `${text.slice(0, Math.ceil(most * 0.55))}…${text.slice(text.length - Math.floor(most * 0.45) + 1)}`);

  // Both ends of what a layer covers along an axis.
  function ends(figure, layers, along, within) {
    let [low, high] = [Infinity, -Infinity];
    const log = figure[along].scale === "logarithmic";
    const around = named(figure.y) ? "x" : "y";
    for (const layer of layers) {
      for (const point of layer.points) {
        if (within && (point.x < within[0] || point.x > within[1])) continue;
        const values = [point[along], ...(along === around && point.interval ? point.interval : [])];
        if (along === "y" && layer.mark === "bars" && !log) values.push(0);
        for (const value of values) {
          if (!Number.isFinite(value) || (log && value <= 0)) continue;
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
      }
    }
    return low <= high ? [low, high] : null;
  }

  // How wide a bar is: the least distance to the next one, by ratio on a logarithmic axis.
  function step(layer, log) {
    const far = (point, before) => (log ? point.x / before.x : point.x - before.x);
    const gaps = layer.points.slice(1).map((point, index) => far(point, layer.points[index])).filter((gap) => gap > (log ? 1 : 0));
    return gaps.length > 0 ? Math.min(...gaps) : log ? 1.5 : 1;
  }

  // Where an axis begins and ends: what it shows, with air, with the straight lines that are near.
  function range(figure, layers, along, within) {
    const axis = figure[along];
    if (named(axis)) return [-0.6, axis.names.length - 0.4];
    let [low, high] = ends(figure, layers, along, within) ?? ends(figure, figure.layers, along) ?? [0, 1];
    const spread = high - low;
    const forest = along === "x" && named(figure.y);
    if (forest) [low, high] = [Math.min(low, 0), Math.max(high, 0)];
    for (const line of figure.lines.filter((line) => line.across === along)) {
      if (axis.scale === "logarithmic" ? line.at > 0 && line.at < high * 20 && line.at > low / 20
        : line.at <= high + Math.max(spread, Math.abs(high)) && line.at >= low - Math.max(spread, Math.abs(low))) {
        [low, high] = [Math.min(low, line.at), Math.max(high, line.at)];
      }
    }
    const bars = along === "x" && !forest && layers.find((layer) => layer.mark === "bars");
    if (bars) {
      const wide = step(bars, axis.scale === "logarithmic");
      return axis.scale === "logarithmic" ? [low / wide, high * wide] : [low - wide * 0.7, high + wide * 0.7];
    }
    if (axis.scale === "logarithmic") {
      return low === high ? [low / 2, high * 2] : [low / (high / low) ** 0.04, high * (high / low) ** 0.06];
    }
    if (along === "x" && !forest) {
      const air = (high - low || Math.abs(high) || 1) * 0.02;
      return [low >= 0 && low - air < 0 ? low - air / 2 : low - air, high + air];
    }
    const air = (high - low || Math.abs(high) || 1) * 0.08;
    const ground = along === "y" && low >= 0 && low < high * 0.6;
    return [ground ? 0 : low - air, high + air];
  }

  // What is to be seen, for who does not see it.
  function finding(figure) {
    const of = (layer) => {
      const forest = named(figure.y);
      const [value, place] = forest ? ["x", "y"] : ["y", "x"];
      const points = layer.points.filter((point) => Number.isFinite(point[value]));
      if (points.length === 0) return `${layer.name}: no points`;
      if (points.length === 1) return `${layer.name}: ${shown(figure[value], points[0][value])} at ${shown(figure[place], points[0][place])}`;
      const by = (better) => points.reduce((best, point) => (better(point[value], best[value]) ? point : best));
      const [low, high] = [by((a, b) => a < b), by((a, b) => a > b)];
      const at = (point) => `${shown(figure[value], point[value])} at ${shown(figure[place], point[place])}`;
      return `${layer.name}: ${points.length} points, lowest ${at(low)}, highest ${at(high)}`;
    };
    const lines = figure.lines.map((line) => `line ${line.label} at ${shown(figure[line.across], line.at)}`);
    return `${figure.title}: ${titled(figure.y)} over ${titled(figure.x)}. ${[...figure.layers.map(of), ...lines].join(". ")}.`;
  }

  function rows(figure) {
    const cell = (axis, value) => (named(axis) ? axis.names[Math.round(value)] ?? "" : value);
    return figure.layers.flatMap((layer) => layer.points.map((point) => [layer.name, cell(figure.x, point.x), cell(figure.y, point.y), point.interval?.[0] ?? null, point.interval?.[1] ?? null]));
  }

  const columns = (figure) => ["what", titled(figure.x), titled(figure.y), "interval from", "to"];

  // What hides or reorders text, as `tokgate export` spells it out.
  const HIDDEN = /[\p{Cc}\u{ad}\u{61c}\u{180e}\u{200b}-\u{200f}\u{2028}-\u{202e}\u{2060}-\u{206f}\u{feff}\u{fff9}-\u{fffd}\u{e0000}-\u{e007f}]/gu;
  const spelled = (text) => text.replace(HIDDEN, (one) => `\\u{${one.codePointAt(0).toString(16)}}`);

  // One line of a CSV file; a text that a spreadsheet would compute stays text.
  function csv(cells) {
    return cells.map((cell) => {
      if (cell === null || cell === undefined) return "";
      if (typeof cell === "number") return String(cell);
      const plain = cell.replace(/[^\n\t]+/g, spelled);
      const text = /^[=+\-@\t\r]/.test(plain) ? `'${plain}` : plain;
      return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    }).join(",");
  }

  function download(name, type, text) {
    const link = document.createElement("a");
    link.download = name;
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
  return { number, unit, named, titled, shown, short, step, range, finding, rows, columns, spelled, csv, download };
})();
