// The live page: which run is looked at, what it does, and everything beside it.
"use strict";
(() => {
  const { at, element, plain, known, digits, seconds, bytes, share, rate, clock, when, standing, chosen, choose, options } = Text;
  const AGAIN = 5000; // milliseconds between two looks at which runs there are
  let run = null; // what is seen of it
  let name = ""; // which it is
  let leave = () => {};
  let listed = [];
  let stored = null; // what is stored of it

  // ---- who is looked at --------------------------------------------------------------------------------

  const going = { running: "running", ended: "ended", interrupted: "interrupted" };

  function pick() {
    const all = listed.map((one) => [one.run_id, `${going[one.state] ?? one.state}: ${one.scenario}, ${when(one.started_us)}`]);
    const wanted = name;
    const others = all.some(([one]) => one === wanted) || wanted === "" ? [] : [[wanted, wanted]];
    options(at("run"), [...(wanted === "" ? [["", "no run yet"]] : []), ...others, ...all], wanted);
  }

  const freshest = () => listed.find((one) => one.state === "running") ?? listed[0];

  async function look() {
    if (document.hidden) return;
    try {
      listed = (await Stream.ask("/v1/live")).runs;
    } catch (error) {
      if (error instanceof Stream.Locked) lock();
      else line("off", "no answer from the server");
      return;
    }
    const named = chosen("run");
    const fresh = freshest();
    if (named !== "" && named !== name) open(named, false);
    else if (named === "" && fresh && fresh.run_id !== name && (run === null || run.state !== "running")) open(fresh.run_id, false);
    else if (named === "" && !fresh && name === "") nothing();
    pick();
  }

  // The reader went back or forth: to another run, other filters, or only to another part of the page.
  function returned() {
    if (!at("door").hidden) return;
    const wanted = chosen("run") || (freshest()?.run_id ?? "");
    if (wanted === "" && name !== "") close();
    else if (wanted !== name) open(wanted, false);
    Alerts.read();
    Alerts.draw();
    beside();
  }

  // Looks at no run.
  function close() {
    leave();
    leave = () => {};
    Moments.clear();
    [run, name, stored] = [null, "", null];
    at("verdicts").hidden = true;
    bare();
    Alerts.setLive([]);
    nothing();
    pick();
  }

  function open(which, keep = true) {
    leave();
    Moments.clear();
    [run, name, stored] = [null, which, null];
    if (keep) choose("run", which);
    pick();
    leave = Stream.follow(which, on);
    // Of a run whose first case goes on nothing is stored yet.
    const going = listed.find((one) => one.run_id === which);
    at("verdicts").hidden = true;
    if (!going || going.state !== "running" || going.cases.done > 0) readStored(which);
  }

  function on(event, data) {
    if (event === "open") line("on", "live");
    else if (event === "snapshot") show(data);
    else if (event === "tick") show({ ...data.run, points: Moments.add(run?.points ?? [], data.points) });
    else if (event === "missed") line("off", `${data.missed} moments missed`);
    else if (event === "lost") line("off", "connecting again");
    else if (event === "locked") lock();
    else if (event === "absent") { line("on", "stored"); past(); }
  }

  async function readStored(which) {
    try {
      const told = await Stream.ask(`/v1/runs/${encodeURIComponent(which)}`);
      await Stored.readUnits();
      if (which !== name) return;
      stored = told;
      Stored.verdicts(told.cases);
      if (run === null) past();
      else cases();
    } catch {
      at("verdicts").hidden = true; // nothing of it is stored yet
    }
  }

  // ---- how it goes -------------------------------------------------------------------------------------

  function line(way, words) {
    at("line").className = `line ${way}`;
    at("line").textContent = words;
  }

  function show(next) {
    const ended = run !== null && run.end === undefined && next.end !== undefined;
    const done = run !== null && run.cases.done !== next.cases.done;
    run = next;
    hero();
    now();
    tiles();
    goals();
    cases();
    Moments.draw(run);
    Alerts.setLive(run.alerts);
    if (run.state !== "running") line(run.state === "ended" ? "on" : "off", run.state);
    else line("on", "live");
    if (done) readStored(name);
    if (ended || done) beside();
    // Verdicts and documents are written just before the end is told; the index is there by then.
    if (ended) readStored(name);
    document.title = `${run.state === "running" ? "▶ " : ""}${plain(run.scenario)} – tokgate`;
  }

  const CONCLUSIONS = { held: ["green", "✓", "Held"], regressed: ["red", "✗", "Regressed"], inconclusive: ["yellow", "?", "Inconclusive"], invalid: ["red", "!", "Invalid"] };

  function hero() {
    const going = run.alone ? "Watching the machine" : known(run.part) ? `Running part ${plain(run.part)}` : "Running";
    const word = run.state === "running" ? ["green", "▶", going] : run.state === "interrupted" ? ["red", "■", "Interrupted"] : CONCLUSIONS[run.end?.conclusion] ?? ["green", "✓", "Ended"];
    at("hero").className = `panel hero ${word[0]}`;
    at("title").replaceChildren(element("span", { "aria-hidden": "true" }, word[1]), word[2]);
    const took = clock((run.at_us - run.started_us) / 1e6);
    at("what").textContent = `${plain(run.scenario)} on ${plain(run.machine)}, for ${took}, since ${when(run.started_us)}`;
    const { planned, done, unmeasured } = run.cases;
    const grade = run.end ? element("span", {}, `grade ${run.end.grade.toLowerCase()}, exit ${run.end.exit}`) : element("span", {}, unmeasured > 0 ? `cases done, ${unmeasured} not measured` : "cases done");
    at("done").replaceChildren(element("b", {}, known(planned) ? `${done} of ${planned}` : `${done}`), grade);
    if (run.alone) at("done").replaceChildren();
    at("advice").hidden = run.state !== "interrupted";
    const gone = known(run.part) ? "What a worker had is put again by tokgate export --parts FOLDER" : `What was measured is kept. Where it can be gone on with: tokgate run --resume ${plain(run.run_id)}`;
    at("advice").textContent = gone;
  }

  const STAGES = { preparing: "preparing the target", warmup: "warming up", probe: "trying levels of load", measured: "measuring" };

  function now() {
    const { now } = run;
    at("going").hidden = !now || run.state !== "running";
    if (at("going").hidden) return;
    at("case").textContent = plain(now.case);
    at("stage").textContent = `${STAGES[now.stage] ?? now.stage}${now.epochs > 1 ? `, epoch ${Math.max(1, now.epoch)} of ${now.epochs}` : ""}`;
    at("target").textContent = now.platform === "" ? "" : `${plain(now.model)} on ${plain(now.platform)}`;
    const { planned, succeeded, failed, incomplete, in_flight } = now.requests;
    const ended = succeeded + failed + incomplete;
    if (known(planned)) { at("bar").max = planned; at("bar").value = ended; } else at("bar").removeAttribute("value");
    at("bar").hidden = !known(planned);
    const of = known(planned) ? ` of ${digits(planned)}` : "";
    at("requests").replaceChildren(`${digits(ended)}${of} requests, ${digits(in_flight)} in flight, `, failed > 0 ? element("strong", { class: "red" }, `${digits(failed)} failed`) : "none failed");
  }

  function tile(title, value, asides = []) {
    return element("div", { class: "tile" }, element("span", { class: "name" }, title), element("span", { class: "value" }, value), ...asides.filter((aside) => aside !== "").map((aside) => element("span", { class: "aside" }, aside)));
  }

  // How far a number is from the baseline that the server was started with.
  function against(metric, value) {
    const base = run.now ? Stored.baselineOf(run.now.case, metric) : null;
    if (!known(base) || base === 0 || !known(value)) return "";
    const change = (value / base - 1) * 100;
    return `${change >= 0 ? "+" : "−"}${digits(Math.abs(change))} % against the baseline`;
  }

  // The same of a rate, which needs a window of whole requests that is full.
  const FULL_S = 9;
  const paced = (metric, value) => (run.recent.seconds >= FULL_S ? against(metric, value) : "");

  function tiles() {
    const { recent, telemetry } = run;
    const time = (title, metric, seen) => (seen ? [tile(title, seconds(seen.p50), [`p95 ${seconds(seen.p95)}`, against(metric, seen.p50)])] : []);
    const only = (value, made) => (known(value) ? [made()] : []);
    const live = run.state === "running" && run.now ? [
      ...time("TTFT, median", "ttft.p50", recent.ttft_s), ...time("Between tokens", "itl.p50", recent.itl_s), ...time("Whole request", "e2e.p50", recent.e2e_s),
      ...only(recent.tok_s, () => tile("Output tokens", rate(recent.tok_s, "tok/s"), [paced("tok_s", recent.tok_s)])),
      tile("Requests", rate(recent.req_s, "/s"), [recent.failed > 0 ? `${recent.failed} failed` : "none failed", paced("req_s", recent.req_s)]),
    ] : [];
    const machine = run.state === "running" ? [
      ...only(telemetry.cpu, () => tile("CPU", share(telemetry.cpu), known(telemetry.memory_bytes) ? [bytes(telemetry.memory_bytes)] : [])),
      ...only(telemetry.gpu, () => tile("GPU", share(telemetry.gpu), known(telemetry.gpu_memory_bytes) ? [bytes(telemetry.gpu_memory_bytes)] : [])),
      ...only(telemetry.gpu_power_w, () => tile("GPU power", rate(telemetry.gpu_power_w, "W"), known(telemetry.gpu_temperature_c) ? [rate(telemetry.gpu_temperature_c, "°C")] : [])),
      ...only(telemetry.requests_running, () => tile("In the target", digits(telemetry.requests_running), known(telemetry.requests_waiting) ? [`${digits(telemetry.requests_waiting)} waiting`] : [])),
      ...only(telemetry.cache_use, () => tile("Cache in use", share(telemetry.cache_use))),
    ] : [];
    at("tiles").replaceChildren(...live, ...machine);
  }

  function goals() {
    const all = run.goals.length > 0 ? run.goals : run.finished.flatMap((one) => one.goals);
    at("goals").hidden = all.length === 0;
    const several = new Set(all.map((goal) => goal.case)).size > 1;
    at("goal-list").replaceChildren(...all.slice(0, 60).map((goal) => element("li", {}, standing(goal.level), element("span", {}, element("strong", {}, goal.metric), ` ${goal.bound}`), element("span", { class: "muted" }, [goal.shown ?? "", goal.note, several ? goal.case : ""].filter((part) => part !== "").join(" · ")))));
  }

  // ---- its cases ---------------------------------------------------------------------------------------

  // Those that have ended, as the run told them; of one that is only stored, as they are kept.
  function rows() {
    const told = (run?.finished ?? []).map((one) => ({ case: one.case, model: one.model, state: one.why_not ?? (one.valid ? "VALID" : "INVALID"), level: one.why_not ? "red" : one.valid ? "green" : "yellow", attempted: one.attempted, failed: one.failed, req_s: one.req_s, tok_s: one.tok_s, ttft_p50_s: one.ttft_p50_s, e2e_p50_s: one.e2e_p50_s }));
    if (told.length > 0) return told;
    const mean = (epochs, key) => { const all = epochs.map((epoch) => epoch[key]).filter(known); return all.length > 0 ? all.reduce((sum, value) => sum + value, 0) / all.length : null; };
    return (stored?.cases ?? []).map((one) => {
      const epochs = stored.epochs.filter((epoch) => epoch.case_id === one.case_id);
      const valid = one.valid_epochs === one.epochs;
      return { case: one.case_id, model: one.model, state: valid ? "VALID" : `${one.valid_epochs} of ${one.epochs} VALID`, level: valid ? "green" : "yellow", attempted: one.attempted, failed: one.failed, req_s: null, tok_s: mean(epochs, "tok_s"), ttft_p50_s: mean(epochs, "ttft_p50_s"), e2e_p50_s: null };
    });
  }

  function cases() {
    const all = rows();
    const head = ["Case", "Model", "State", "Requests", "Failed", "Requests/s", "Tokens/s", "TTFT p50", "Whole p50"];
    const number = (text) => element("td", { class: "number" }, text);
    const row = (one) => element("tr", {}, element("td", { class: "wrap" }, one.case), element("td", { class: "model", title: plain(one.model) }, one.model), element("td", {}, standing(one.level, one.state)), number(digits(one.attempted)), number(digits(one.failed)), number(known(one.req_s) ? digits(one.req_s) : "–"), number(known(one.tok_s) ? digits(one.tok_s) : "–"), number(seconds(one.ttft_p50_s)), number(seconds(one.e2e_p50_s)));
    at("case-list").replaceChildren(all.length > 0 ? Stored.table(head, all.map(row), "Cases that have ended", 3) : element("p", { class: "muted" }, "No case has ended yet."));
  }

  // A run that nobody tells of any more.
  function past() {
    if (!stored) return;
    at("hero").className = "panel hero";
    at("title").textContent = "Stored run";
    const { run: one } = stored;
    at("what").textContent = `${plain(one.scenario)} on ${plain(one.machine)}, ${when(one.started_us)}`;
    at("done").replaceChildren(element("b", {}, `${one.targets_met} of ${one.total_targets}`), "goals met");
    bare();
    cases();
  }

  // Without what only a run that goes on has.
  function bare() {
    for (const part of ["going", "goals", "advice"]) at(part).hidden = true;
    at("tiles").replaceChildren();
  }

  function nothing() {
    line("on", "waiting for a run");
    at("hero").className = "panel hero";
    at("title").textContent = "Nothing is being measured";
    at("what").textContent = "A run that begins shows here by itself: tokgate run quick measures without any server.";
    at("done").replaceChildren();
    Alerts.draw();
    cases();
  }

  function save(kind) {
    const file = `${name || "tokgate"}.${kind}`;
    const all = rows();
    if (kind === "json") Figures.download(file, "application/json", `${JSON.stringify({ run: name, live: run, stored }, null, 2)}\n`);
    else Figures.download(file, "text/csv", `${[["case", "model", "state", "requests", "failed", "req_s", "tok_s", "ttft_p50_s", "e2e_p50_s"], ...all.map((one) => [one.case, one.model, one.state, one.attempted, one.failed, one.req_s, one.tok_s, one.ttft_p50_s, one.e2e_p50_s])].map(Figures.csv).join("\r\n")}\r\n`);
  }

  // The report as one file: written when a run has ended.
  async function saveReport() {
    const button = at("save-html");
    try {
      const page = await (await Stream.answer(`/v1/runs/${encodeURIComponent(name)}/report`)).text();
      Figures.download(`${name}.html`, "text/html", page);
    } catch (error) {
      button.textContent = error instanceof Stream.Absent ? "No HTML report yet" : "No answer";
      setTimeout(() => { button.textContent = "HTML report"; }, 3000);
    }
  }

  // ---- what stands beside it -----------------------------------------------------------------------------

  let asked = false;
  async function beside() {
    if (asked) return;
    asked = true;
    try {
      await Stored.readBaseline();
      await Stored.runs(open);
      Alerts.setStored((await Stream.ask("/v1/alerts?limit=200")).alerts);
      await Stored.trends();
    } catch (error) {
      if (error instanceof Stream.Locked) lock();
    } finally {
      asked = false;
    }
  }

  function lock() {
    leave();
    at("door-wrong").hidden = !Stream.token();
    Stream.forget();
    at("door").hidden = false;
    at("room").hidden = true;
    line("off", "locked");
  }

  async function begin() {
    at("door").hidden = true;
    at("room").hidden = false;
    await look();
    if (at("room").hidden) return;
    await beside();
  }

  at("door-form").addEventListener("submit", (event) => {
    event.preventDefault();
    Stream.keep(at("token").value.trim());
    at("token").value = "";
    name = "";
    begin();
  });
  at("run").addEventListener("change", () => open(at("run").value));
  at("save-csv").addEventListener("click", () => save("csv"));
  at("save-json").addEventListener("click", () => save("json"));
  at("save-html").addEventListener("click", saveReport);
  addEventListener("popstate", returned);
  document.addEventListener("visibilitychange", () => look());
  Alerts.listen();
  setInterval(() => { if (at("door").hidden) look(); }, AGAIN);
  begin();
})();
