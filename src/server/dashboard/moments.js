// The charts of a run as it goes on: figures as `src/figure` writes them, made of the moments that came so far.
"use strict";
globalThis.Moments = (() => {
  const { at, known } = Text;
  const MOST = 900; // moments that the page keeps
  const mounted = new Map();

  const axis = (label, unit) => ({ label, unit, scale: "linear", names: [] });
  // Between these a share lies; each line says what it is.
  const WHOLE = [{ across: "y", at: 0, label: "0 %" }, { across: "y", at: 100, label: "100 %" }];
  const mean = "of requests that ended in the ten seconds before";

  // A layer of the moments where a number is known; `factor` takes it to the unit of the axis.
  function layer(name, run, of, factor = 1, mark = "line") {
    const points = run.points.map((point) => ({ x: (point.at_us - run.started_us) / 1e6, y: of(point) }))
      .filter((point) => known(point.y)).map((point) => ({ x: point.x, y: point.y * factor }));
    return { name, mark, points };
  }

  function figure(id, title, run, y, layers, notes = [], lines = []) {
    return { id, title, x: axis("since the run began", "s"), y, layers: layers.filter((one) => one.points.length > 0), lines, notes };
  }

  // The line of a goal on a number, in milliseconds.
  function goalLines(run, names) {
    return (run.goals ?? []).filter((goal) => names.includes(goal.metric)).map((goal) => {
      const found = goal.bound.match(/^[<≤] ([\d.]+) (µs|ms|s)$/);
      const scale = { "µs": 1e-3, ms: 1, s: 1e3 };
      return found ? { across: "y", at: Number(found[1]) * scale[found[2]], label: `goal ${goal.metric}` } : null;
    }).filter((line) => line !== null);
  }

  function spikes(run, of) {
    const points = (run.spikes ?? []).filter((spike) => spike.of === of).map((spike) => ({ x: (spike.at_us - run.started_us) / 1e6, y: spike.value_s * 1e3 }));
    return { name: "spikes", mark: "rings", points };
  }

  // Two percentiles of a time, in milliseconds, with the spikes of it.
  const pair = (run, of) => [layer("p50", run, (point) => point.recent[of]?.p50, 1e3), layer("p95", run, (point) => point.recent[of]?.p95, 1e3)];

  function figures(run) {
    const ms = axis("time", "ms");
    return [
      figure("ttft", "Time to first token", run, ms, [...pair(run, "ttft_s"), spikes(run, "ttft")], [mean], goalLines(run, ["ttft.p50", "ttft.p95"])),
      figure("itl", "Time between tokens", run, ms, [...pair(run, "itl_s"), spikes(run, "itl")], [mean], goalLines(run, ["itl.p50", "itl.p95"])),
      figure("e2e", "Whole requests", run, ms, [...pair(run, "e2e_s"), spikes(run, "e2e"), spikes(run, "query")], [mean], goalLines(run, ["e2e.p50", "e2e.p95", "query.p50", "query.p95"])),
      figure("tokens", "Output tokens", run, axis("rate", "tok/s"), [layer("output tokens", run, (point) => point.recent.tok_s)], [mean]),
      figure("rate", "Requests", run, axis("rate", "1/s"), [layer("succeeded", run, (point) => (run.alone ? null : point.recent.req_s)), layer("failed", run, (point) => (point.recent.failed > 0 && point.recent.seconds > 0 ? point.recent.failed / point.recent.seconds : null))], [mean]),
      figure("flight", "Requests in flight", run, axis("requests", ""), [layer("in flight", run, (point) => (point.case > 0 ? point.in_flight : null))]),
      figure("busy", "How busy the machine is", run, axis("utilisation", "%"), [layer("CPU", run, (point) => point.telemetry.cpu, 100), layer("GPU", run, (point) => point.telemetry.gpu, 100)], [], WHOLE),
      figure("memory", "Memory in use", run, axis("memory", "GiB"), [layer("host", run, (point) => point.telemetry.memory_bytes, 2 ** -30), layer("GPU", run, (point) => point.telemetry.gpu_memory_bytes, 2 ** -30)]),
      figure("target", "Requests in the target, as it says", run, axis("requests", ""), [layer("running", run, (point) => point.telemetry.requests_running), layer("waiting", run, (point) => point.telemetry.requests_waiting)]),
      figure("cache", "Cache in use, as the target says", run, axis("share", "%"), [layer("cache", run, (point) => point.telemetry.cache_use, 100)], [], WHOLE),
      figure("power", "GPU power", run, axis("power", "W"), [layer("power", run, (point) => point.telemetry.gpu_power_w)]),
    ];
  }

  // Draws what has at least two moments; what has none is not there.
  function draw(run) {
    for (const one of figures(run)) {
      const seen = one.layers.some((layer) => layer.mark === "line" && layer.points.length > 1);
      const chart = mounted.get(one.id);
      if (chart && seen) {
        chart.update(one);
        // What is higher than everything before is seen whole.
        if (!chart.zoomed) chart.plot.setScale("y", { min: null, max: null });
      }
      else if (seen) {
        const place = Charts.element("div", { "data-order": String(figures.order.indexOf(one.id)) });
        const after = [...at("charts").children].find((other) => Number(other.dataset.order) > Number(place.dataset.order));
        at("charts").insertBefore(place, after ?? null);
        mounted.set(one.id, Charts.mount(place, one, { group: "live" }));
      } else if (chart) {
        chart.destroy();
        mounted.delete(one.id);
      }
    }
    [...at("charts").children].filter((place) => place.children.length === 0).forEach((place) => place.remove());
  }
  figures.order = ["ttft", "itl", "e2e", "tokens", "rate", "flight", "busy", "memory", "target", "cache", "power"];

  function clear() {
    mounted.forEach((chart) => chart.destroy());
    mounted.clear();
    at("charts").replaceChildren();
  }

  // Puts new moments behind those that there are, none twice.
  function add(points, more) {
    const last = points.length > 0 ? points[points.length - 1].seq : 0;
    return [...points, ...more.filter((point) => point.seq > last)].slice(-MOST);
  }

  return { draw, clear, add };
})();
