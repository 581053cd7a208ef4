// Words, numbers and elements of the live page. Whatever others wrote goes through `plain` and becomes text, never
// markup.
"use strict";
globalThis.Text = (() => {
  const at = (name) => document.getElementById(name);
  // Control bytes and marks that turn text around are shown by their numbers.
  const plain = (text) => Figures.spelled(String(text ?? ""));
  const element = (name, attributes, ...children) =>
    Charts.element(name, attributes, ...children.map((child) => (child instanceof Node ? child : plain(child))));

  const three = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
  const count = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
  const known = (value) => value !== null && value !== undefined && Number.isFinite(value);
  const digits = (value) => (Math.abs(value) >= 1000 ? count.format(value) : three.format(value));
  function seconds(value) {
    if (!known(value)) return "–";
    const size = Math.abs(value);
    if (size >= 1) return `${digits(value)} s`;
    return size >= 1e-3 || size === 0 ? `${digits(value * 1e3)} ms` : `${digits(value * 1e6)} µs`;
  }
  function bytes(value) {
    if (!known(value)) return "–";
    const step = [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]].find(([size]) => value >= size);
    return step ? `${digits(value / step[0])} ${step[1]}` : `${value} B`;
  }
  const share = (value) => (known(value) ? `${count.format(value * 100)} %` : "–");
  const rate = (value, unit) => (known(value) ? `${digits(value)} ${unit}` : "–");
  // A value of a metric in the unit that the API tells it in.
  function quantity(value, unit) {
    if (!known(value)) return "–";
    if (unit === "s") return seconds(value);
    if (unit === "B") return bytes(value);
    if (unit === "1") return `${three.format(value * 100)} %`;
    return unit === "count" ? digits(value) : `${digits(value)} ${unit}`;
  }
  const clock = (value) => {
    const all = Math.max(0, Math.floor(value));
    const two = (part) => String(part).padStart(2, "0");
    const [hours, rest] = [Math.floor(all / 3600), all % 3600];
    return `${hours > 0 ? `${hours}:` : ""}${two(Math.floor(rest / 60))}:${two(rest % 60)}`;
  };
  const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const time = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
  const when = (us) => day.format(new Date(us / 1000));
  const moment = (us) => time.format(new Date(us / 1000));

  // How something stands: a sign and a word besides the colour.
  const SIGNS = { green: ["✓", "met"], yellow: ["!", "unsure"], red: ["✗", "missed"] };
  function standing(level, words) {
    const [sign, word] = SIGNS[level] ?? ["·", "open"];
    return element("span", { class: `standing ${level in SIGNS ? level : "open"}` }, element("span", { "aria-hidden": "true" }, sign), words ?? word);
  }

  // All that is chosen stands in the address, so that it can be sent to somebody else.
  const query = () => new URLSearchParams(location.search);
  function chosen(name) {
    if (name === "run") {
      const named = location.pathname.match(/^\/runs\/([^/]+)$/);
      if (named) return decodeURIComponent(named[1]);
    }
    return query().get(name) ?? "";
  }
  function choose(name, value) {
    const all = query();
    if (value === "") all.delete(name);
    else all.set(name, value);
    let path = location.pathname;
    if (name === "run") {
      all.delete("run");
      path = value === "" ? "/" : `/runs/${encodeURIComponent(value)}`;
    }
    const rest = all.toString();
    const next = path + (rest ? `?${rest}` : "");
    // The way back leads to what was chosen before.
    if (next !== location.pathname + location.search) window.history.pushState(null, "", next + location.hash);
  }

  // Gives a list of choices the options that there are, and keeps what is chosen.
  function options(list, values, value) {
    const all = values.some(([one]) => one === value) || value === "" ? values : [...values, [value, value]];
    const same = list.options.length === all.length && all.every(([one, words], index) => list.options[index].value === one && list.options[index].textContent === plain(words));
    if (!same) list.replaceChildren(...all.map(([one, words]) => element("option", { value: one }, words)));
    list.value = value;
  }

  return { at, plain, element, known, digits, seconds, bytes, share, rate, quantity, clock, when, moment, standing, chosen, choose, options };
})();
