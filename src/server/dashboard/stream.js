// Asks this server: with the token where it has one, and for events as they come. The browser's own reader of
// events sends no header, so that this one reads them from the answer; it comes back where it was.
"use strict";
globalThis.Stream = (() => {
  const KEPT = "tokgate-token";
  const RETRY = 1500; // milliseconds until it comes back
  const SILENT = 40000; // milliseconds without a byte: the server sends one each 15 seconds
  class Locked extends Error {}
  class Absent extends Error {}

  const token = () => sessionStorage.getItem(KEPT);
  const keep = (text) => sessionStorage.setItem(KEPT, text);
  const forget = () => sessionStorage.removeItem(KEPT);
  const headers = () => (token() ? { authorization: `Bearer ${token()}` } : {});

  async function answer(path, more = {}, signal) {
    const told = await fetch(path, { headers: { ...headers(), ...more }, cache: "no-store", signal });
    if (told.status === 401) throw new Locked();
    if (told.status === 404) throw new Absent();
    if (!told.ok) throw new Error(`the server answers ${told.status}`);
    return told;
  }
  const ask = async (path) => (await answer(path)).json();

  // The events of a text as it grows; gives back what is not a whole event yet.
  function events(text, take) {
    const parts = text.split("\n\n");
    const rest = parts.pop();
    for (const part of parts) {
      const one = { event: "message", id: null, data: [] };
      for (const row of part.split("\n")) {
        const colon = row.indexOf(":");
        if (colon <= 0) continue;
        const [name, value] = [row.slice(0, colon), row.slice(colon + 1).replace(/^ /, "")];
        if (name === "data") one.data.push(value);
        else if (name === "event" || name === "id") one[name] = value;
      }
      if (one.data.length > 0) take(one.event, one.id, JSON.parse(one.data.join("\n")));
    }
    return rest;
  }

  async function once(path, last, take, signal) {
    const silent = new AbortController();
    let alarm = null;
    const alive = () => { clearTimeout(alarm); alarm = setTimeout(() => silent.abort(), SILENT); };
    alive();
    try {
      const told = await answer(path, last === null ? {} : { "last-event-id": last }, AbortSignal.any([signal, silent.signal]));
      if (told.status === 204) return "over";
      take("open", null, null);
      const reader = told.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return "again";
        alive();
        text = events(text + value, take);
      }
    } finally {
      clearTimeout(alarm);
    }
  }

  // Follows a run until it is over or somebody says stop: `on` is told `open`, `snapshot`, `tick`, `missed`,
  // `lost`, `locked`, `absent`.
  function follow(run, on) {
    const stop = new AbortController();
    const path = `/v1/live/${encodeURIComponent(run)}/events`;
    (async () => {
      let last = null;
      let over = false;
      const take = (event, id, data) => {
        if (stop.signal.aborted) return;
        if (id !== null) last = id;
        on(event, data);
        over = Boolean((event === "tick" ? data.run : event === "snapshot" ? data : null)?.end);
      };
      while (!stop.signal.aborted && !over) {
        try {
          if ((await once(path, last, take, stop.signal)) === "over") return;
        } catch (error) {
          if (stop.signal.aborted) return;
          if (error instanceof Locked) return on("locked");
          if (error instanceof Absent) return on("absent");
        }
        if (!over && !stop.signal.aborted) {
          on("lost");
          await new Promise((done) => setTimeout(done, RETRY));
        }
      }
    })();
    return () => stop.abort();
  }

  return { ask, answer, follow, keep, forget, token, Locked, Absent };
})();
