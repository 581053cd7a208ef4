// Opens the pages that `cargo test --test tokgate -- pages` left, in Chromium: nothing is asked for, nothing
// foreign runs, everybody can use them, large ones open. Says what it measured; asserts no time.
//
//   node tests/browser/pages.mjs FOLDER CHROMIUM MODULES
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { SCREENS, start } from "./common.mjs";

const [folder, chromium, modules] = process.argv.slice(2).map((name) => path.resolve(name));
const LARGEST = 5_000_000; // bytes that are still sent by mail
const { browser, check, opened: openedAt, usable, end } = await start(chromium, modules);

// A page of the folder, which asks for nothing but itself.
function opened(name, screen, act) {
  const url = pathToFileURL(path.join(folder, name)).href;
  return openedAt(url, screen, (asked) => asked === url, act);
}

async function drawEverything(page, most = 6) {
  await page.evaluate((most) => { [...document.querySelectorAll("details.case")].slice(0, most).forEach((one) => { one.open = true; }); }, most);
  await page.waitForTimeout(100);
  await page.evaluate(() => Charts.drawAll());
}

const names = fs.readdirSync(folder).filter((name) => name.endsWith(".html")).sort();
assert.ok(names.length >= 5, `no pages in ${folder}: run the tests first`);

for (const name of names) {
  await check(`${name} is small enough to be sent`, () => {
    const { size } = fs.statSync(path.join(folder, name));
    assert.ok(size < LARGEST, `${size} bytes`);
    return `${(size / 1e6).toFixed(2)} MB`;
  });
  for (const screen of SCREENS) {
    await check(`${name} asks for nothing, fits, and can be used by everybody (${screen.name})`, () => opened(name, screen, async (page) => {
      await drawEverything(page, 3);
      return usable(page);
    }));
  }
}

await check("what somebody named or wrote makes no element", () => opened("hostile.html", SCREENS[0], async (page) => {
  await drawEverything(page, 20);
  const found = await page.evaluate(() => ({
    scripts: document.scripts.length,
    foreign: document.querySelectorAll("img, svg, iframe, object, embed, base, link, form, [onload], [onerror]").length,
    links: [...document.links].filter((link) => !link.getAttribute("href").startsWith("#")).length,
    hidden: /[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069\u200b]/.test(document.body.innerText),
    shown: document.body.innerText.includes("</script><script>alert(1)</script>"),
  }));
  assert.deepEqual(found, { scripts: 7, foreign: 0, links: 0, hidden: false, shown: true });
}));

await check("a page that is changed on its way runs nothing more", () => {
  const changed = path.join(folder, "changed.html");
  const whole = fs.readFileSync(path.join(folder, "usual.html"), "utf8");
  fs.writeFileSync(changed, whole.replace("</body>", "<script>document.title = 'ran'</script><img src=x onerror=\"document.title = 'ran'\"></body>"));
  return browser.newPage().then(async (page) => {
    await page.goto(pathToFileURL(changed).href);
    await page.waitForTimeout(200);
    assert.notEqual(await page.title(), "ran");
    await page.close();
    fs.rmSync(changed);
  });
});

await check("the table of everything is saved whole, as CSV and as JSON", () => opened("usual.html", SCREENS[0], async (page) => {
  const rows = await page.evaluate(() => JSON.parse(document.getElementById("island").textContent).rows.length);
  const saved = async (button) => {
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: button }).click()]);
    return { name: file.suggestedFilename(), text: fs.readFileSync(await file.path(), "utf8") };
  };
  const csv = await saved("Download as CSV");
  const lines = csv.text.trimEnd().split("\r\n");
  assert.equal(lines.length, rows + 1);
  assert.equal(lines[0], "run_id,scenario,machine,case,metric,statistic,unit,value,low,high,n");
  assert.equal(csv.name, "run-1.csv");
  const json = JSON.parse((await saved("Download as JSON")).text);
  assert.equal(json.rows.length, rows);
  assert.equal(json.rows[0].run_id, "run-1");
  return `${rows} numbers`;
}));

await check("what a spreadsheet would compute stays text", () => opened("usual.html", SCREENS[0], async (page) => {
  const line = await page.evaluate(() => Figures.csv(["=1+1", "+1", "-1", "@x", "\tx", "a,\"b\"", -1, null]));
  assert.equal(line, `'=1+1,'+1,'-1,'@x,'\tx,"a,""b""",-1,`);
}));

await check("cases, charts, theme and tables are worked by keys", () => opened("usual.html", SCREENS[0], async (page) => {
  await page.locator("#theme").focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");
  const summary = page.locator("details.case > summary").first();
  await summary.focus();
  const was = await page.evaluate(() => document.querySelector("details.case").open);
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.querySelector("details.case").open), !was);
  await page.evaluate(() => { document.querySelectorAll("details.case").forEach((one) => { one.open = true; }); });
  await page.waitForTimeout(100);
  await page.evaluate(() => Charts.drawAll());
  const plot = page.locator(".plot").first();
  await plot.focus();
  await page.keyboard.press("ArrowRight");
  const figure = page.locator("figure.chart").first();
  assert.notEqual(await figure.locator("[aria-live]").textContent(), "");
  await figure.locator("details.data > summary").click();
  await figure.locator("details.data tbody tr").first().waitFor(); // filled by the event of opening
  await page.getByRole("searchbox").fill("no such case");
  assert.equal(await page.locator("[data-everything] tbody tr").count(), 0);
}));

await check("a layer that is clicked in the legend goes and comes back", () => opened("long.html", SCREENS[0], async (page) => {
  await drawEverything(page);
  const button = page.locator(".legend > button").first();
  await button.click();
  assert.equal(await button.getAttribute("aria-pressed"), "false");
  await button.click();
  assert.equal(await button.getAttribute("aria-pressed"), "true");
}));

await check("a part of a chart is zoomed into, and all charts of the same x with it", () => opened("long.html", SCREENS[0], async (page) => {
  await drawEverything(page);
  const timelines = page.locator("figure.chart", { has: page.locator(".tools button") });
  const zoomed = () => page.locator("button[aria-label='Show all again']:enabled").count();
  await timelines.first().getByRole("button", { name: "Zoom in" }).click();
  assert.ok(await zoomed() >= 1);
  await timelines.first().getByRole("button", { name: "Show all again" }).click();
  assert.equal(await zoomed(), 0);
}));

for (const name of ["usual.html", "large.html"]) {
  await check(`${name} shows its numbers on a phone without being moved sideways`, () => opened(name, SCREENS[2], async (page) => {
    const hidden = await page.evaluate(() => [...document.querySelectorAll("table.stack td")].filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth).length);
    assert.equal(hidden, 0);
  }));
}

await check("on paper every column is seen, and what is folded is told", () => opened("usual.html", SCREENS[0], async (page) => {
  await page.emulateMedia({ media: "print" });
  await page.setViewportSize({ width: 700, height: 1000 }); // about what an A4 sheet has between its margins
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  const cut = await page.evaluate(() => [...document.querySelectorAll(".scroll, .plot")].filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1).map((one) => one.outerHTML.slice(0, 100)));
  assert.deepEqual(cut, []);
  const folded = await page.evaluate(() => [...document.querySelectorAll("details:not(.data, .case) > :not(summary)")].filter((one) => one.offsetHeight === 0).length);
  assert.equal(folded, 0);
  assert.ok(await page.evaluate(() => [...document.querySelectorAll("details.case")].every((one) => one.lastElementChild.offsetHeight > 0)));
}));

await check("without scripts the verdict is still read", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(pathToFileURL(path.join(folder, "usual.html")).href);
  assert.ok((await page.locator("h1").textContent()).includes("REGRESSED"));
  assert.ok(await page.locator("#goals .standing").first().isVisible());
  await context.close();
});

for (const name of ["large.html", "long.html"]) {
  await check(`${name} opens`, () => opened(name, SCREENS[0], async (page) => {
    const ready = await page.evaluate(() => new Promise((tell) => {
      const done = () => requestAnimationFrame(() => setTimeout(() => tell(performance.now()), 0));
      if (document.readyState === "complete") done();
      else addEventListener("load", done);
    }));
    const loaded = await page.evaluate(() => performance.getEntriesByType("navigation")[0].domInteractive);
    const drawn = await page.evaluate(async () => {
      const began = performance.now();
      const details = document.querySelector("details.case:not([open])") ?? document.querySelector("details.case");
      details.open = true;
      await new Promise((next) => { setTimeout(next, 0); });
      details.scrollIntoView();
      Charts.drawAll();
      await new Promise((next) => { requestAnimationFrame(next); });
      return performance.now() - began;
    });
    const filtered = await page.evaluate(() => {
      const began = performance.now();
      const field = document.querySelector("[data-everything] input");
      field.value = "concurrency=4";
      field.dispatchEvent(new Event("input"));
      return performance.now() - began;
    });
    return `interactive after ${loaded.toFixed(0)} ms, still after ${ready.toFixed(0)} ms; a case with its charts ${drawn.toFixed(0)} ms; a filter ${filtered.toFixed(0)} ms`;
  }));
}

await end();
