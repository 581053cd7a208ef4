// Looks at the live page of a run as it goes on, in Chromium: it shows what its process tells, asks only its own
// server, can be used by everybody, and says that a run was interrupted. Leaves a picture of each screen.
//
//   node tests/browser/live.mjs PROGRAM CHROMIUM MODULES PICTURES
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { SCREENS, start } from "./common.mjs";

const [program, chromium, modules, pictures] = process.argv.slice(2).map((name) => path.resolve(name));
const PATIENCE = 60_000; // milliseconds that anything may take
const HOSTILE = "<img src=x onerror=alert(1)>\u202e"; // what a server may call its model
const work = fs.mkdtempSync(path.join(os.tmpdir(), "tokgate-live-"));
const children = [];
process.on("exit", () => {
  children.forEach((child) => child.kill("SIGKILL"));
  fs.rmSync(work, { recursive: true, force: true });
});

function ours(...words) {
  const child = spawn(program, words, { cwd: work, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.resume();
  children.push(child);
  return child;
}

// The address that a server says that it listens on.
function address(child) {
  return new Promise((found, failed) => {
    let said = "";
    const look = (bytes) => {
      said += bytes;
      const url = /http:\/\/[0-9.:]+/.exec(said);
      if (url) found(url[0]);
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    setTimeout(() => failed(new Error(`no address in: ${said}`)), PATIENCE).unref();
  });
}

const target = await address(ours("mock-server", "--port", "0", "--model", HOSTILE, "--ttft-ms", "40", "--itl-ms", "8", "--jitter", "0.2"));
fs.writeFileSync(path.join(work, "live.toml"), `schema = 1
[target]
driver = "openai"
base_url = "${target}/v1"
[[case]]
name = "chat"
kind = "generation"
dataset = { prompt_tokens = 32, output_tokens = 16 }
workload = { concurrency = 4, duration_s = 600, warmup = 4 }
goals = { "ttft.p95" = "< 500 ms" }
`);
const run = ours("run", "live.toml", "--results-dir", "results", "--epochs", "1");
const begun = Date.now();
while (!fs.existsSync(path.join(work, "results", "live"))) {
  assert.ok(run.exitCode === null && Date.now() - begun < PATIENCE, "the run did not begin");
  await new Promise((next) => { setTimeout(next, 50); });
}
const server = await address(ours("serve", "--port", "0", "--results-dir", "results"));

fs.mkdirSync(pictures, { recursive: true });
const { check, opened, usable, end } = await start(chromium, modules);
const looked = (url, screen, act) => opened(`${server}${url}`, screen, (asked) => asked.startsWith(`${server}/`) || asked.startsWith("data:"), act);
const going = (page) => page.getByText("measuring").first().waitFor({ timeout: PATIENCE });

for (const screen of SCREENS) {
  await check(`a run that goes on is seen, and can be looked at by everybody (${screen.name})`, () => looked("/", screen, async (page) => {
    await going(page);
    await page.locator("figure.chart").first().waitFor({ timeout: PATIENCE });
    assert.ok((await page.locator("#title").textContent()).includes("Running"));
    assert.equal(await page.locator("main img").count(), 0);
    assert.ok(!/[\u202a-\u202e]/.test(await page.locator("body").innerText()));
    await page.screenshot({ path: path.join(pictures, `live-${screen.name.replace(", ", "-")}.png`), fullPage: true });
    return usable(page);
  }));
}

await check("numbers go on without a click", () => looked("/", SCREENS[0], async (page) => {
  await going(page);
  const ended = async () => Number(/[\d,]+/.exec(await page.locator("#requests").innerText())[0].replaceAll(",", ""));
  const before = await ended();
  await page.waitForFunction((before) => Number(/[\d,]+/.exec(document.getElementById("requests").innerText)[0].replaceAll(",", "")) > before, before, { timeout: PATIENCE });
}));

await check("what is chosen stands in the address, and comes back from it", () => looked("/", SCREENS[0], async (page) => {
  await going(page);
  await page.locator("#level").selectOption("red");
  assert.ok(page.url().includes("level=red"), page.url());
  await page.reload();
  assert.equal(await page.locator("#level").inputValue(), "red");
}));

await check("the way back leads to what was chosen before", () => looked("/", SCREENS[0], async (page) => {
  await going(page);
  await page.locator("#level").selectOption("red");
  await page.locator("#level").selectOption("yellow");
  await page.goBack();
  assert.equal(await page.locator("#level").inputValue(), "red");
  await page.goBack();
  assert.equal(await page.locator("#level").inputValue(), "");
}));

await check("a run that was killed is said to be interrupted", () => looked("/", SCREENS[0], async (page) => {
  await going(page);
  run.kill("SIGKILL");
  await page.getByText("Interrupted").first().waitFor({ timeout: PATIENCE });
  await page.screenshot({ path: path.join(pictures, "live-interrupted.png") });
}));

await end();
