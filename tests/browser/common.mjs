// What the tests of the pages share: a browser, screens, and what no page may do.
import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

export const SCREENS = [
  { name: "desktop, light", viewport: { width: 1440, height: 900 }, colorScheme: "light" },
  { name: "desktop, dark", viewport: { width: 1440, height: 900 }, colorScheme: "dark" },
  { name: "phone, light", viewport: { width: 390, height: 844 }, colorScheme: "light", hasTouch: true, isMobile: true },
  { name: "phone, dark", viewport: { width: 390, height: 844 }, colorScheme: "dark", hasTouch: true, isMobile: true },
];

// A browser, and the checks that were made in it.
export async function start(executablePath, modules) {
  const require = createRequire(`${path.resolve(modules)}/`);
  const { chromium } = require("playwright-core");
  const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  let failed = 0;

  async function check(name, act) {
    try {
      const told = await act();
      console.log(`ok    ${name}${told ? `: ${told}` : ""}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}\n${error.message}`);
    }
  }

  // A page in a screen of its own, with everything that it should not do. `ours` says which requests it may make.
  async function opened(url, screen, ours, act) {
    const { name: _, ...settings } = screen;
    const context = await browser.newContext({ reducedMotion: "reduce", acceptDownloads: true, ...settings });
    const page = await context.newPage();
    const wrong = [];
    page.on("request", (request) => { if (!ours(request.url()) && !request.url().startsWith("blob:")) wrong.push(`asked for ${request.url().slice(0, 200)}`); });
    page.on("dialog", (dialog) => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on("pageerror", (error) => wrong.push(`error: ${error.stack}`));
    page.on("console", (message) => { if (message.type() !== "log") wrong.push(`console: ${message.text()}`); });
    page.on("popup", () => wrong.push("opened a window"));
    try {
      await page.goto(url);
      const told = await act(page);
      assert.deepEqual(wrong, []);
      return told;
    } finally {
      await context.close();
    }
  }

  // It fits into its screen, and axe finds nothing serious; says what else axe found.
  async function usable(page) {
    const { inside, across } = await page.evaluate(() => ({ inside: innerWidth, across: document.documentElement.scrollWidth }));
    assert.ok(across <= inside, `the page is ${across} wide in ${inside}`);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    const told = violations.map((one) => `${one.impact}: ${one.id}: ${one.help}: ${one.nodes[0].html.slice(0, 200)} ${one.nodes[0].failureSummary}`);
    assert.deepEqual(told.filter((one) => /^(serious|critical)/.test(one)), []);
    return violations.map((one) => `${one.impact}: ${one.id}`).join(", ");
  }

  async function end() {
    await browser.close();
    console.log(failed === 0 ? "all pages are as they should be" : `${failed} checks failed`);
    process.exit(failed === 0 ? 0 : 1);
  }

  return { browser, check, opened, usable, end };
}
