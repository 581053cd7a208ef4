// Light or dark: as the system wants it until somebody says otherwise by the button `#theme`. Printed is light.
"use strict";
(() => {
  const root = document.documentElement;
  const words = { auto: "Theme: as the system", light: "Theme: light", dark: "Theme: dark" };
  const next = { auto: "light", light: "dark", dark: "auto" };
  let chosen = "auto";
  // A page of a file or in a strict browser may keep nothing.
  const kept = (act) => { try { return act(); } catch { return null; } };

  function show(theme) {
    if (theme === "auto") root.removeAttribute("data-theme");
    else root.dataset.theme = theme;
    const button = document.querySelector("#theme");
    if (button) {
      button.textContent = { auto: "◐", light: "☀", dark: "☾" }[theme];
      button.setAttribute("aria-label", words[theme]);
      button.title = words[theme];
    }
    globalThis.Charts?.repaint();
  }

  function choose(theme) {
    chosen = theme in next ? theme : "auto";
    show(chosen);
  }

  choose(kept(() => localStorage.getItem("tokgate-theme")) ?? "auto");
  addEventListener("DOMContentLoaded", () => {
    show(chosen);
    document.querySelector("#theme")?.addEventListener("click", () => {
      choose(next[chosen]);
      kept(() => localStorage.setItem("tokgate-theme", chosen));
    });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show(chosen));
  addEventListener("beforeprint", () => { show("light"); globalThis.Charts?.drawAll(); });
  addEventListener("afterprint", () => show(chosen));
})();
