// Alerts: those of the run that is looked at as they come, and those that are stored; filtered, and the same one
// again only after a while.
"use strict";
globalThis.Alerts = (() => {
  const { at, element, plain, chosen, choose, options, standing, when } = Text;
  const SHOWN = 30;
  let live = [];
  let stored = [];

  const words = { yellow: "warning", red: "critical" };
  const same = (alert) => JSON.stringify([alert.rule, alert.of, alert.case]);

  function unified() {
    const all = [...live.map((alert) => ({ ...alert, run: null })), ...stored.map((alert) => ({
      rule: alert.rule, category: alert.category, level: alert.level, of: alert.about, message: alert.message,
      advice: alert.advice, case: alert.case_id, raised_us: alert.raised_us, run: alert.run_id,
      model: alert.model ?? "",
    }))];
    const once = new Map();
    for (const alert of all) {
      const key = `${same(alert)} ${alert.raised_us}`;
      if (!once.has(key) || alert.model !== "") once.set(key, alert);
    }
    return [...once.values()].sort((a, b) => a.raised_us - b.raised_us);
  }

  // The same again within the cooldown is counted with the first, unless it is worse.
  function cooled(alerts, seconds) {
    const kept = [];
    const last = new Map();
    const rank = { green: 0, yellow: 1, red: 2 };
    for (const alert of alerts) {
      const before = last.get(same(alert));
      if (before && alert.raised_us - before.raised_us < seconds * 1e6 && rank[alert.level] <= rank[before.level]) {
        before.again += 1;
        continue;
      }
      const one = { ...alert, again: 0 };
      last.set(same(alert), one);
      kept.push(one);
    }
    return kept.reverse();
  }

  function wanted(alert) {
    const [level, category, model] = ["level", "category", "model"].map(chosen);
    return (level === "" || alert.level === level || (level === "yellow" && alert.level === "red"))
      && (category === "" || alert.category === category) && (model === "" || alert.model === model);
  }

  function row(alert) {
    const again = alert.again > 0 ? ` · ${alert.again} more of these` : "";
    const where = [alert.case, alert.model, alert.run ?? "this run", when(alert.raised_us)].filter((part) => part !== "").join(" · ");
    const head = element("div", { class: "row" }, standing(alert.level, words[alert.level] ?? alert.level), element("strong", {}, `${alert.category}: ${alert.rule.replaceAll("_", " ")}`));
    return element("div", { class: `remark ${alert.level === "red" ? "red" : "yellow"}` }, head, element("p", {}, alert.message), element("p", { class: "muted" }, alert.advice), element("p", { class: "muted" }, where + again));
  }

  function draw() {
    const all = unified();
    const names = [...new Set(all.map((alert) => alert.model).filter((name) => name !== ""))].sort();
    options(at("model"), [["", "all"], ...names.map((name) => [name, plain(name)])], chosen("model"));
    const shown = cooled(all.filter(wanted), Number(chosen("cooldown") || 300));
    const more = shown.length > SHOWN ? [element("p", { class: "muted" }, `and ${shown.length - SHOWN} more`)] : [];
    const none = all.length === 0 ? "Nothing was worth an alert." : "No alert is left by these filters.";
    const rows = shown.length === 0 ? [element("p", { class: "muted" }, none)] : shown.slice(0, SHOWN).map(row);
    at("alert-list").replaceChildren(...rows, ...more);
  }

  const FILTERS = ["level", "category", "model", "cooldown"];

  // Shows what the address says that was chosen; the models are not known before there are alerts.
  function read() {
    for (const name of FILTERS) if (name !== "model") at(name).value = name === "cooldown" ? chosen(name) || "300" : chosen(name);
  }

  function listen() {
    read();
    for (const name of FILTERS) {
      const list = at(name);
      list.addEventListener("change", () => { choose(name, name === "cooldown" && list.value === "300" ? "" : list.value); draw(); });
    }
  }

  const setLive = (alerts) => { live = alerts; draw(); };
  const setStored = (alerts) => { stored = alerts; draw(); };
  return { setLive, setStored, listen, read, draw };
})();
