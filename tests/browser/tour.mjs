#!/usr/bin/env node
// Takes a picture of the tour, of what its commands left in a folder: tests/tour.rs calls it where the page has one.
//
//   CHROMIUM=... MODULES=... PICTURES=... node tests/browser/tour.mjs NAME FOLDER PORT
import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [name, folder, port] = process.argv.slice(2);
const { CHROMIUM, MODULES, PICTURES } = process.env;
const DESKTOP = { viewport: { width: 1180, height: 760 } };
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const light = (screen) => ({ ...screen, colorScheme: "light" });
const dark = (screen) => ({ ...screen, colorScheme: "dark" });

// What a command printed: its last `lines`, from the last line that begins as `from` says.
const terminal = (lines, from) => ({ lines, from });

const TAKEN = {
  quick: terminal(45, "quick/retrieval_performance"),
  "quick-page": { page: newest, screen: light(DESKTOP), height: 1500 },
  server: terminal(40, "concurrency/concurrency/concurrency=4"),
  live: { live: true, screen: dark(DESKTOP), height: 1000 },
  "live-phone": { live: true, screen: light(PHONE) },
  watch: terminal(24),
  regressed: { page: newest, screen: light(DESKTOP), height: 900 },
  forest: { page: newest, screen: light({ viewport: { width: 1180, height: 1600 } }), element: "#charts figure.chart" },
  "regressed-phone": { page: newest, screen: dark(PHONE) },
  "side-by-side": { page: () => path.join(folder, "results/reports/side-by-side.html"), screen: light(DESKTOP), height: 1500 },
  latencies: { file: "results/plots/latency-distribution-ttft.png" },
  concurrency: { file: "results/plots/impact-concurrency-throughput-concurrency.png" },
  questions: terminal(30),
};

// The page that was written last.
function newest() {
  const reports = path.join(folder, "results/reports");
  const pages = fs.readdirSync(reports).filter((file) => file.endsWith(".html") && file !== "side-by-side.html");
  return path.join(reports, pages.sort().at(-1));
}

// Text with colours as elements of a page.
function coloured(text) {
  const COLOURS = { 31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#76e3ea" };
  let style = {};
  return text.split(/(\u001b\[[0-9;]*m)/).map((part) => {
    const codes = /^\u001b\[([0-9;]*)m$/.exec(part);
    if (!codes) {
      const css = `${style.colour ? `color:${style.colour};` : ""}${style.bold ? "font-weight:700;" : ""}${style.dim ? "opacity:.65;" : ""}`;
      const safe = part.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
      return css ? `<span style="${css}">${safe}</span>` : safe;
    }
    const numbers = codes[1].split(";").map(Number);
    if (numbers[0] === 38) style.colour = "#8b949e";
    else for (const number of numbers) {
      if (number === 0) style = {};
      else if (number === 1) style.bold = true;
      else if (number === 2) style.dim = true;
      else if (number === 22) style = { ...style, bold: false, dim: false };
      else if (number === 39) style.colour = undefined;
      else if (COLOURS[number]) style.colour = COLOURS[number];
    }
    return "";
  }).join("");
}

const bare = (line) => line.replaceAll(/\u001b\[[0-9;]*m/g, "");

function printed({ lines, from }) {
  const all = fs.readFileSync(path.join(folder, "told"), "utf8").trimEnd().split("\n");
  const begin = from ? all.findLastIndex((line) => bare(line).startsWith(from)) : 0;
  assert.ok(begin >= 0, `nothing begins as ${from}`);
  const text = coloured(all.slice(begin).slice(0, lines).join("\n"));
  return `<!doctype html><meta charset="utf-8"><style>body{margin:0;background:#0d1117}pre{margin:0;padding:18px 22px;
    color:#e6edf3;font:14px/1.45 "DejaVu Sans Mono",monospace;display:inline-block}</style><pre>${text}</pre>`;
}

async function take(browser, what, out) {
  const context = await browser.newContext({ reducedMotion: "reduce", ...(what.screen ?? { viewport: { width: 1280, height: 800 } }) });
  const page = await context.newPage();
  if (what.lines) {
    await page.setContent(printed(what));
    await page.locator("pre").screenshot({ path: out });
  } else if (what.live) {
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.getByText("measuring").first().waitFor({ timeout: 60_000 });
    await page.waitForTimeout(6000);
  } else {
    await page.goto(pathToFileURL(what.page()).href);
    await page.evaluate(() => Charts.drawAll());
    await page.waitForTimeout(400);
  }
  if (what.element) {
    await page.locator(what.element).first().screenshot({ path: out });
  } else if (!what.lines) {
    const { width, height } = what.screen.viewport;
    await page.screenshot({ path: out, fullPage: true, clip: { x: 0, y: 0, width, height: what.height ?? height } });
  }
  await context.close();
}

const what = TAKEN[name];
assert.ok(what, `nothing is said of how ${name} is taken`);
const out = path.join(PICTURES, `${name}.png`);
if (what.file) {
  fs.copyFileSync(path.join(folder, what.file), out);
} else {
  const { chromium } = createRequire(`${path.resolve(MODULES)}/`)("playwright-core");
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  await take(browser, what, out);
  await browser.close();
}
