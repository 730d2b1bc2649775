// The part of dashboard_test.py (and dashboard_crowd_test.py) that is in the browser.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const modules = process.env.MODULES;
const { chromium } = await import(`${modules}/playwright-core/index.mjs`);
const axe = readFileSync(`${modules}/axe-core/axe.min.js`, "utf8");
const setting = JSON.parse(process.argv[2]);
const PATIENCE = 30_000;
const PAGES = {
  operator: ["/", "/alarms", "/anomalies", "/kpis", "/rules"],
  executive: ["/", "/alarms", "/anomalies", "/kpis", "/rules"],
  engineer: ["/", "/alarms", "/anomalies", "/kpis", "/rules", "/audit"],
  manager: ["/", "/alarms", "/anomalies", "/kpis", "/rules", "/audit"],
  admin: ["/", "/alarms", "/anomalies", "/kpis", "/rules", "/audit", "/users"],
};
const ALARM = "high@line1.pot02.voltage";
const moments = {}; // when something was seen, to look back to

// ---- The plant, which the other program is ----

const replies = createInterface({ input: process.stdin })[
  Symbol.asyncIterator
]();

async function plant(what, ...given) {
  process.stdout.write(JSON.stringify({ do: what, with: given }) + "\n");
  return JSON.parse((await replies.next()).value).answer;
}

async function until(what, why) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await what();
    if (found) return found;
    assert(Date.now() < end, why);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// ---- Browsing ----

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: process.getuid() === 0 ? ["--no-sandbox"] : [],
});
const faults = []; // of consoles and scripts
const hosts = new Set();
let cutOff = false; // a refused connection is told by the browser, and is what is tested then

mkdirSync(setting.screenshots, { recursive: true });

function mind(page) {
  page.on("console", (message) => {
    const busy = message.text().includes("503"); // of many at once: the page comes again
    if (message.type() === "error" && !cutOff && !busy)
      faults.push(`${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) => faults.push(error.stack));
  page.on("request", (request) => hosts.add(new URL(request.url()).host));
}

async function open({ width = 1280, height = 800, scheme = "light" } = {}) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    colorScheme: scheme,
    viewport: { width, height },
    reducedMotion: "reduce",
  });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  mind(page);
  const answer = await page.goto(setting.url);
  const policy = answer.headers()["content-security-policy"];
  assert(
    policy.includes("default-src 'none'") && !policy.includes("unsafe"),
    policy,
  );
  return page;
}

async function signIn(page, role) {
  await page.fill("#user", role === "admin" ? "admin" : `u-${role}`);
  await page.fill(
    "#password",
    role === "admin" ? setting.password : setting.userPassword,
  );
  await page.keyboard.press("Enter");
  await page.waitForSelector(".pot");
}

async function as(role, options) {
  const page = await open(options);
  await signIn(page, role);
  return page;
}

async function go(page, path) {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, path);
  await page.waitForFunction((hash) => location.hash === `#${hash}`, path);
}

async function shoot(page, name) {
  await page.screenshot({
    path: `${setting.screenshots}/${name}.png`,
    fullPage: true,
  });
}

const tile = (asset) => `.pot[href="#/pot/${asset}"]`;

async function confirm(page, fields, button) {
  for (const [name, value] of Object.entries(fields)) {
    const field = page.locator(`dialog [name="${name}"]`);
    if ((await field.evaluate((element) => element.tagName)) === "SELECT")
      await field.selectOption(value);
    else await field.fill(value);
  }
  await page
    .locator("dialog")
    .getByRole("button", { name: button, exact: true })
    .click();
  await page.waitForSelector("dialog", { state: "detached" });
}

// ---- What is tested ----

async function wrongPassword() {
  const page = await open();
  await page.fill("#user", "u-operator");
  await page.fill("#password", "not this one");
  cutOff = true; // a refusal is told on the console too
  await page.keyboard.press("Enter");
  await page.waitForFunction(() =>
    document.querySelector(".fault").textContent.includes("wrong"),
  );
  cutOff = false;
  assert.equal(await page.inputValue("#password"), "");
  await shoot(page, "sign-in-light");
  await page.context().close();
}

/** What each sees; the buttons are those that the engine lets the role press. */
async function sees(role) {
  const page = await as(role);
  const links = await page
    .locator("nav a")
    .evaluateAll((all) => all.map((one) => one.getAttribute("href").slice(1)));
  assert.deepEqual(links, PAGES[role], role);
  await go(page, "/rules");
  await page.waitForSelector("text=limit");
  const limits = await page
    .getByRole("button", { name: "Change limit of high" })
    .isVisible();
  assert.equal(
    limits,
    ["engineer", "manager", "admin"].includes(role),
    `${role}: thresholds`,
  );
  await go(page, "/pot/line1.pot01");
  await page.waitForSelector(".signals tbody tr");
  await page.waitForSelector("text=No set point has come yet.");
  await page.waitForTimeout(1100); // a round of painting
  const operates = ["operator", "engineer", "admin"].includes(role);
  assert.equal(
    await page.getByRole("button", { name: "Override…" }).isVisible(),
    operates,
    `${role}: override`,
  );
  await go(page, "/users"); // who may not sees the potlines instead
  await page.waitForFunction(
    (title) => document.querySelector("h1").textContent === title,
    role === "admin" ? "Users" : "Potlines",
  );
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForSelector("#user");
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await page.context().close();
}

async function threshold() {
  const page = await as("manager");
  await go(page, "/rules");
  await page.getByRole("button", { name: "Change limit of high" }).click();
  await confirm(page, { value: "5", reason: "summer" }, "Set");
  await page.waitForSelector('td[data-heading="Value"]:has-text("5 V")');
  const [limit] = (await plant("api", "/rules/high/parameters")).filter(
    (row) => row.param === "limit",
  );
  assert.equal(limit.value, 5);
  await go(page, "/audit");
  await page.waitForSelector('td[data-heading="Reason"]:has-text("summer")');
  await page.context().close();
}

/** From the sample to what is seen: printed, for how long it takes is the machine's too. */
async function breach(page) {
  const sent = await plant("set", "line1.pot02.voltage", 9);
  await page.waitForSelector(
    `${tile("line1.pot02")}[data-alarm="high"][data-unseen]`,
  );
  console.log(`a breach is seen after ${Math.round(Date.now() - sent)} ms`);
  await page.waitForSelector(`${tile("line1.pot02")} .value:has-text("9.00")`);
  await shoot(page, "map-alarm-light");
  moments.breach = await nextSecond();
}

async function acknowledge(page) {
  await page
    .locator("aside")
    .getByRole("button", { name: `Acknowledge ${ALARM}` })
    .click();
  await page.waitForSelector(
    `${tile("line1.pot02")}[data-alarm="high"]:not([data-unseen])`,
  );
  const alarm = await plant("api", `/alarms/${ALARM}`);
  assert.deepEqual([alarm.state, alarm.user], ["acknowledged", "u-operator"]);
}

/** From a detector's verdict to the ticket that somebody closes: what it rests on, whose it is, and what it was. */
async function tickets(page) {
  await plant("hum", "line2.pot01.hum");
  await until(
    async () => (await plant("api", "/events?kind=ticket.opened")).length > 0,
    "no ticket is opened",
  );
  await page.waitForSelector("text=1 ticket is to be done.");
  await page.waitForSelector(`${tile("line2.pot01")} .flag:has-text("ticket")`);
  await go(page, "/pot/line2.pot01");
  await page.waitForSelector("li:has-text('@line2.pot01')");
  await go(page, "/anomalies");
  const card = page.locator(".ticket");
  await card.first().waitFor();
  const [told] = await plant("api", "/tickets?state=all");
  const ticket = await plant("api", `/tickets/${told.ticket}`);
  assert.match(told.ticket, /@line2\.pot01/);
  assert.equal(ticket.action, "look at the busbar joints");
  await page.waitForSelector(
    `.ticket p:text-is("Hum: ${ticket.explanation}.")`,
  );
  await page.waitForSelector(
    '.ticket > p:text-is("What to do: look at the busbar joints")',
  );
  assert.match(
    await card.first().innerText(),
    /score 0\.\d+ \(an alarm from 0\.5 on\)/,
  );
  await card.getByText("What it rests on").click();
  await page.waitForSelector(".evidence meter");
  await page.waitForSelector(".evidence canvas");
  await until(
    async () =>
      Number(
        /^(\d+) points/.exec(
          await page.locator(".evidence .trend .hint").textContent(),
        )?.[1],
      ) > 100,
    "what the ticket rests on is not drawn",
  );
  await page.waitForSelector(".evidence .changes li:has-text('ticket opened')");
  await page.waitForSelector(
    '.evidence button[aria-pressed="true"]:has-text("Live")',
  );
  await shoot(page, "ticket-light");
  await axed(page, "a ticket");
  await page.waitForSelector('td[data-heading="Found by"]:has-text("each")');
  const [anomaly] = await plant("api", "/anomalies");
  const [began, over] = [anomaly.start, anomaly.end].map((time) =>
    time.slice(0, "2026-01-01T00:00:00".length),
  );
  const when = over === "" ? "since" : over === began ? "at" : "to"; // an instant has one time
  await page.waitForSelector(
    `td[data-heading="When"] :text-matches("(^| )${when} ")`,
  );
  await page.getByRole("button", { name: `Take it ${told.ticket}` }).click();
  await page.waitForSelector(".ticket .state:has-text('to u-operator')");
  moments.assigned = await nextSecond();
  await page.getByRole("button", { name: `Resolved… ${told.ticket}` }).click();
  await confirm(page, { reason: "a joint was loose" }, "Resolved");
  await page.waitForSelector("text=Nothing is to be done.");
  await page.getByRole("button", { name: "All tickets" }).click();
  await page.waitForSelector(
    ".ticket:has-text('What it was: a joint was loose')",
  );
  const closed = await plant("api", `/tickets/${told.ticket}`);
  assert.deepEqual(
    [closed.state, closed.assignee, closed.user],
    ["resolved", "u-operator", "u-operator"],
  );
  const executive = await as("executive");
  await go(executive, "/anomalies");
  await executive.getByRole("button", { name: "All tickets" }).click();
  await executive.waitForSelector(".ticket");
  assert.equal(await executive.locator(".ticket button:visible").count(), 0);
  await executive.context().close();
  await go(page, "/");
}

/** New alarms are told by the browser while nobody looks at the page, each to those whose it is. */
async function notifications() {
  const told = async (role) => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    context.setDefaultTimeout(PATIENCE);
    await context.addInitScript(() => {
      window.told = [];
      window.Notification = class {
        static permission = "granted";
        constructor(title, options) {
          window.told.push(`${title} | ${options.tag} | ${options.body}`);
        }
      };
      Object.defineProperty(document, "hidden", { get: () => true });
    });
    const page = await context.newPage();
    mind(page);
    await page.goto(setting.url);
    await signIn(page, role);
    await page.waitForSelector('.status[data-link="live"]');
    return page;
  };
  const [operator, manager, executive] = await Promise.all(
    ["operator", "manager", "executive"].map(told),
  );
  await until(
    async () =>
      (
        await Promise.all(
          [operator, manager, executive].map((page) =>
            page.evaluate(
              () =>
                !document
                  .querySelector("aside .summary")
                  .textContent.includes("…"),
            ),
          ),
        )
      ).every(Boolean),
    "alarms are not loaded",
  );
  await plant("set", "line2.pot02.voltage", 9);
  await plant("set", "line2.pot02.bath_temp", 1100);
  const heard = (page, count) =>
    until(async () => {
      const texts = await page.evaluate(() => window.told);
      return texts.length >= count && texts;
    }, "nobody is told");
  const [first] = await heard(operator, 1);
  assert.match(first, /^high: .* \| high@line2\.pot02\.voltage \| look at it$/);
  const [second] = await heard(manager, 1);
  assert.match(second, /hot@line2\.pot02\.bath_temp/);
  assert.equal((await operator.evaluate(() => window.told)).length, 1);
  assert.equal((await manager.evaluate(() => window.told)).length, 1);
  assert.deepEqual(await executive.evaluate(() => window.told), []);
  await plant("set", "line2.pot02.voltage", 4.24);
  await plant("set", "line2.pot02.bath_temp", 964);
  for (const page of [operator, manager, executive])
    await page.context().close();
}

async function shelve(page) {
  await go(page, "/alarms");
  await page.getByRole("button", { name: `Shelve… ${ALARM}` }).click();
  await shoot(page, "shelve-light");
  await confirm(
    page,
    { duration: "4h", reason: "sensor is being changed" },
    "Shelve",
  );
  await page.getByRole("button", { name: "Shelved or suppressed" }).click();
  await page.waitForSelector("text=sensor is being changed");
  assert.equal((await plant("api", `/alarms/${ALARM}`)).state, "shelved");
  await page.getByRole("button", { name: `Unshelve ${ALARM}` }).click();
  await page.waitForSelector("text=No alarms.");
  await go(page, "/");
}

async function twin(page) {
  await plant(
    "field",
    "line1.pot03",
    "bath_wall",
    [0, 0.08, 0.2, 0.45],
    [952, 930, 610, 290],
  );
  await plant("tell", "line1.pot03.twin.ledge", 83);
  await go(page, "/pot/line1.pot03");
  await page.waitForSelector(
    'svg[aria-label="Side wall at the bath\'s level: 8.3 cm of ledge on 36.7 cm of lining"]',
  );
  await shoot(page, "pot-twin-light");
  await plant(
    "field",
    "line1.pot01",
    "temperature",
    [0, 0.1, 0.4],
    [960, 930, 420.5],
  );
  await until(
    async () =>
      (await plant("api", "/profiles?asset=line1.pot01")).length === 1,
    "the field is not in the lake",
  );
  await go(page, "/pot/line1.pot01");
  await page.waitForSelector(
    'svg[aria-label="temperature from 960 at 0 m to 420.5 at 0.4 m"]',
  );
}

async function approve(page) {
  await plant("wish", "line1.pot01.acd_set", 44);
  await go(page, "/");
  await page.waitForSelector("text=1 set point waits for approval");
  await go(page, "/pot/line1.pot01");
  await page.waitForSelector(
    '.recommendations li:has-text("Because: less resistance")',
  );
  await shoot(page, "pot-recommendation-light");
  await page.getByRole("button", { name: "Approve…" }).click();
  await confirm(page, {}, "Approve");
  const point = await until(async () => {
    const [one] = await plant("api", "/setpoints?tag=line1.pot01.acd_set");
    return one.passed === 44 && one;
  }, "the set point does not pass");
  assert.equal(point.state, "leased");
  await page.waitForSelector('td[data-heading="State"]:has-text("leased")');
  moments.approved = await nextSecond();
  // What changed is for an operator too, who may not read the audit.
  const band = async (text) => {
    await page.getByRole("button", { name: "10 min", exact: true }).click();
    return (await page.locator(".changes").textContent()).includes(text);
  };
  await until(() => band("guard approve · line1.pot01.acd_set"), "no approval");
  await until(() => band("move · line1.pot01.acd_set · 44"), "no move");
  await until(() => band("rules set · high.limit"), "no limit");
  const [graph] = await plant("api", "/graphs");
  await until(
    () => band(`graph ${graph.hash.slice(0, 8)} · ${graph.how}`),
    `no version of the graph: ${JSON.stringify(graph)}`,
  );
}

/** What the optimiser says is told where the guard only advises, too. */
async function advice(page) {
  await plant(
    "advise",
    "line1.pot03",
    "anode distance 44.0 -> 43.5 mm; 52 kWh/t less (0.38 %)",
  );
  await go(page, "/pot/line1.pot03");
  await page.waitForSelector(
    "text=Anode distance 44.0 → 43.5 mm; 52 kWh/t less (0.38 %).",
  );
  await page.waitForSelector(
    "text=/ ago\\. The next is due at .* \\(every 1h\\)/",
  );
  await plant("hold", "line1.pot02", "it is not believed yet");
  await go(page, "/pot/line1.pot02");
  await page.waitForSelector(
    "text=/No advice yet, .*: it is not believed yet\\./",
  );
}

async function mode(page) {
  await page.getByRole("button", { name: "Mode…" }).click();
  assert.deepEqual(
    await page.locator('dialog [name="mode"] option').allTextContents(),
    ["manual", "advise"],
  );
  await confirm(
    page,
    { scope: "line1.pot01", mode: "advise", reason: "it moves too much" },
    "Set",
  );
  await page.waitForSelector('td[data-heading="Mode"]:has-text("advise")');
  assert.equal(
    (await plant("api", "/setpoints/line1.pot01.acd_set")).mode,
    "advise",
  );
  await page.getByRole("button", { name: "Mode…" }).click();
  const dialog = page.locator("dialog");
  await dialog.locator('[name="reason"]').fill("once more");
  await dialog.getByRole("button", { name: "Set", exact: true }).click();
  await page.waitForSelector(
    "dialog >> text=The mode is advise already: nothing is changed.",
  );
  await dialog.getByRole("button", { name: "Cancel" }).click();
}

/** Of what is not there nothing can be overridden. */
async function nobody(page) {
  await go(page, "/pot/line9.pot99");
  await page.waitForSelector("text=There is no line9.pot99");
  assert.equal(await page.locator("main button:visible").count(), 0);
}

async function override(page) {
  await page.getByRole("button", { name: "Override…" }).click();
  await page
    .locator("dialog")
    .getByRole("button", { name: "Override now" })
    .click(); // refused: no reason
  assert(await page.locator("dialog").isVisible());
  await confirm(
    page,
    { scope: "line1", reason: "crew at the pot" },
    "Override now",
  );
  await page.waitForSelector("text=Overridden (line1) by u-operator");
  await shoot(page, "pot-override-light");
  assert.equal(
    (await plant("api", "/overrides/line1")).reason,
    "crew at the pot",
  );
  assert(
    !(await page
      .getByRole("button", { name: "Release override…" })
      .isVisible()),
    "an operator cannot let go",
  );
  await go(page, "/");
  await page.waitForSelector(`${tile("line1.pot01")} .flag:has-text("OVR")`);
  await page.waitForSelector(
    'aside li:has-text("Override of Line 1, by u-operator since")',
  );
  moments.override = await nextSecond();
  const manager = await as("manager");
  await go(manager, "/pot/line1.pot01");
  await manager.getByRole("button", { name: "Release override…" }).click();
  await confirm(manager, { reason: "done" }, "Release");
  await manager.context().close();
  await page.waitForSelector(`${tile("line1.pot01")} .flag:not([data-kind])`, {
    state: "attached",
  });
  assert.deepEqual(await plant("api", "/overrides"), []);
}

/** A whole second that has passed, for the field of a time has no parts of them. */
async function nextSecond() {
  const second = Math.ceil(Date.now() / 1000) * 1000;
  await until(() => Date.now() > second + 200, "time does not pass");
  return second;
}

async function lookAt(page, time) {
  const local = new Date(time - new Date(time).getTimezoneOffset() * 60_000);
  const open = (await page.locator(".travel").isVisible())
    ? "Time…"
    : "Look back…";
  await page.getByRole("button", { name: open }).click();
  await confirm(page, { time: local.toISOString().slice(0, 19) }, "Show");
  await page.waitForSelector(".travel:has-text('As it was at')");
}

/** Values, alarms, set points and overrides as they were, nothing to be pressed, and back. */
async function lookBack(page) {
  const pot = tile("line1.pot02");
  await plant("set", "line1.pot02.voltage", 4.31);
  await go(page, "/");
  await page.waitForSelector(`${pot} .value:has-text("4.31")`);
  await lookAt(page, moments.breach);
  await page.waitForSelector(`${pot}[data-alarm="high"]`);
  await page.waitForSelector(`${pot} .value:has-text("9.00")`);
  await shoot(page, "past-light");
  await axed(page, "looking back");
  await lookAt(page, moments.override);
  await page.waitForSelector(`${tile("line1.pot01")} .flag:has-text("OVR")`);
  await go(page, "/pot/line1.pot01");
  await page.waitForSelector("text=Overridden (line1) by u-operator");
  await page.waitForSelector('td[data-heading="State"]:has-text("withdrawn")');
  for (const name of ["Override…", "Mode…", "Release override…"])
    assert(!(await page.getByRole("button", { name }).isVisible()), name);
  await lookAt(page, moments.approved);
  await page.waitForSelector('td[data-heading="Stands"]:has-text("44")');
  const at = new Date(moments.approved).toISOString();
  const [point] = await plant("api", `/setpoints?at=${at}`);
  assert.deepEqual([point.stands, point.state], [44, "leased"]);
  assert.deepEqual(await plant("api", `/overrides?at=${at}`), []);
  await go(page, "/kpis");
  await page.waitForSelector("text=The day that ended at");
  const line = page.locator(".cards-of-lines section", { hasText: "Line 1" });
  await until(
    async () =>
      (
        await line.locator("tr", { hasText: "Energy" }).first().textContent()
      ).includes("13250"),
    "key figures of the time are not shown",
  );
  await page.getByRole("button", { name: "Shift" }).click();
  await page.waitForSelector("text=There is no shift that had ended by then");
  await lookAt(page, moments.assigned);
  await go(page, "/anomalies");
  await page.waitForSelector(".ticket .state:has-text('to u-operator')");
  assert.equal(
    await page.locator(".ticket .buttons button:visible").count(),
    0,
  );
  await page.getByRole("button", { name: "Back to now" }).click();
  await page.waitForSelector(".travel", { state: "hidden" });
  await go(page, "/");
  await page.waitForSelector(`${pot} .value:has-text("4.31")`);
}

/** Key figures over time, as they are kept: each period against its target and the week before. */
async function figuresOverTime(page) {
  const card = page.locator(".card", { hasText: "Energy, kWh/t" });
  await until(
    async () =>
      (await card.locator(".hint").textContent()).startsWith(
        "13250 in the one",
      ),
    "the last day is not told",
  );
  assert.match(await card.locator(".hint").textContent(), /target 13500/);
  assert.equal(await card.locator("canvas").count(), 1);
  const told = await plant(
    "api",
    `/sensors/line1.kpi.day.kwh_per_t/trend?zone=gold&points=100&from=${new Date(Date.now() - 40 * 86_400_000).toISOString()}&to=${new Date().toISOString()}`,
  );
  assert.deepEqual(
    told.map((row) => row.mean),
    Array.from({ length: 20 }, (_, day) => 13_440 - 10 * day),
  );
  // Under the pointer the legend tells the last day and the one a week before it.
  const plot = card.locator(".u-over");
  await until(async () => {
    const box = await plot.boundingBox();
    if (!box) return false; // it is being drawn anew
    const { width, height } = box;
    await plot.hover({
      position: { x: width - 2 - Math.random(), y: height / 2 },
    });
    return /value:?\s*13250\s*a week before:?\s*13320\s*target:?\s*13500/.test(
      await card.locator(".u-legend").textContent(),
    );
  }, "the chart does not tell the last day");
  await shoot(page, "kpis-trend-light");
}

/** The figures of the day so far, and whether there is less than an hour of data: nothing is written of it then. */
async function dayOf(asset) {
  const rows = await plant("api", `/kpis/production?period=day&asset=${asset}`);
  const one = (name) => rows.find((row) => row.figure === name);
  const { value, from, to } = one("covered");
  return {
    one,
    early: value * (Date.parse(to) - Date.parse(from)) < 3_600_000,
  };
}

/** A figure of the day so far as it is to be written; what nobody measures is none. */
async function told(asset, figure) {
  const { one, early } = await dayOf(asset);
  const { value } = one(figure);
  return early || value === null ? "–" : value.toFixed(2);
}

/** Beside the map, and on a pot's page. */
async function today(page) {
  await go(page, "/");
  await page.waitForSelector(
    (await dayOf("plant")).early
      ? ".today div:has-text('too early')"
      : ".today div:has-text('target 13500')",
  );
  await until(
    async () =>
      (
        await page
          .locator(".today div", { hasText: "Throughput" })
          .locator(".value")
          .textContent()
      ).startsWith(await told("plant", "throughput")),
    "the plant's day is not what the API tells",
  );
  await go(page, "/pot/line1.pot01");
  const row = page.locator(".own-figures tr", { hasText: "Anode effects" });
  await until(
    async () =>
      (await row.locator(".value").textContent()) ===
      (await told("line1.pot01", "anode_effects")),
    "the pot's day is not what the API tells",
  );
  await plant("set", "line3.pot01.voltage", 4.2); // of a pot that is new
  await plant("set", "line3.pot01.current", 180);
  await go(page, "/pot/line3.pot01");
  await page.waitForSelector(
    ".own-figures tr:has-text('Energy') td:has-text('– too early')",
  );
}

/** Key figures and their targets are what the API tells. */
async function figures(page) {
  // Newer than the day that the engine itself tells of, where one has ended within the last hour.
  const last = moments.approved - 1_000;
  for (let day = 0; day < 20; day++)
    await plant(
      "tell",
      "line1.kpi.day.kwh_per_t",
      13_440 - 10 * day,
      last - (19 - day) * 86_400_000,
    );
  await go(page, "/kpis");
  const effects = await until(
    async () =>
      (await plant("api", "/kpis/production?asset=line1&period=day")).find(
        (row) => row.figure === "anode_effects" && row.value !== null,
      ),
    "there are no figures",
  );
  assert.equal(effects.target, 0.1);
  const row = page
    .locator(".cards-of-lines section", { hasText: "Line 1" })
    .locator("tr", { hasText: "Anode effects" })
    .first();
  await page.waitForSelector('td[data-heading="Target"]:has-text("0.1")');
  await until(
    async () =>
      (await row.locator(".value").textContent()) ===
      (await told("line1", "anode_effects")),
    "the figure is not shown",
  );
  await page.getByRole("button", { name: "Shift" }).click(); // the graph tells none by shift
  await page.waitForSelector("text=There are no key figures by shift");
  await page.getByRole("button", { name: "Day", exact: true }).click();
  await page.waitForSelector('td[data-heading="Target"]:has-text("0.1")');
  await page.getByLabel("Over time: of what").selectOption("line1");
  await figuresOverTime(page);
}

/** Every signal of every pot, on the pot's page and on the map, is what the API tells. */
async function numbers(page) {
  for (const asset of setting.pots) {
    await go(page, `/pot/${asset}`);
    await page.waitForFunction(
      (title) => document.querySelector("h1").textContent === title,
      asset.replace("line", "Line ").replace(".pot0", ", Pot "),
    );
    for (const [name, places] of [
      ["voltage", 2],
      ["bath temp", 1],
    ]) {
      const path = `/sensors/${asset}.${name.replace(" ", "_")}/samples?from=${new Date(Date.now() - 3000).toISOString()}`;
      const sample = await until(
        async () => (await plant("api", path)).at(-1),
        `${asset} has samples`,
      );
      const row = page.locator(".signals tr", {
        has: page.getByRole("button", { name, exact: true }),
      });
      await until(
        async () =>
          (await row.locator(".value").textContent()) ===
          sample.value.toFixed(places),
        `${asset} ${name}`,
      );
      assert.equal(await row.locator("td").nth(2).textContent(), "good");
      assert.match(
        await row.locator("td").nth(3).textContent(),
        /^\d+(\.\d)? s$/,
      );
      await page.waitForSelector(".trend .hint:has-text('points')");
    }
  }
  await go(page, "/kpis");
  const losses = (await plant("api", "/kpis/losses")).filter(
    (row) => row.tag === "*",
  );
  await page.getByText("The engine: what became of every sample").click(); // who runs it sees it at once
  await page.waitForSelector(
    `td[data-heading="Source"]:has-text("${losses[0].source}")`,
  );
}

/** The parts of a range are those of its samples: as many, with the same least and greatest. */
async function parts() {
  const time = (ago) => new Date(Date.now() - ago).toISOString();
  const path = "/sensors/line1.pot02.voltage",
    range = `from=${time(12_000)}&to=${time(2000)}`;
  await until(async () => {
    const samples = await plant("api", `${path}/samples?${range}&limit=1000`),
      told = await plant("api", `${path}/trend?${range}&points=7`);
    const values = samples.map((row) => row.value);
    return (
      told.length > 0 &&
      told.length <= 7 &&
      told.reduce((sum, row) => sum + row.count, 0) === values.length &&
      Math.max(...told.map((row) => row.max)) === Math.max(...values) &&
      Math.min(...told.map((row) => row.min)) === Math.min(...values)
    );
  }, "a trend is not what its samples are");
  const { status } = await plant(
    "api",
    `${path}/trend?from=${time(0)}&to=${time(1000)}`,
  );
  assert.equal(status, 422);
}

async function trend(page) {
  await parts();
  await go(page, "/pot/line1.pot02");
  await page.waitForSelector(".trend canvas");
  const points = () =>
    page.evaluate(() =>
      Number(
        /^(\d+) points/.exec(
          document.querySelector(".trend .hint").textContent,
        )?.[1] ?? 0,
      ),
    );
  await until(async () => (await points()) > 5, "a trend has points");
  await page.getByRole("button", { name: "1 h" }).click();
  await page.waitForSelector("text=means over 6.0 s");
  await page.getByRole("button", { name: "7 d" }).click();
  await page.waitForSelector("text=means over 17 min");
  await page.getByRole("button", { name: "1 h" }).click();
  await page.waitForSelector("text=means over 6.0 s");
  await page.getByRole("button", { name: "Zoom in" }).click();
  await page.getByRole("button", { name: "Earlier" }).click();
  await page.waitForSelector('button[aria-pressed="false"]:has-text("Live")');
  await page.getByRole("button", { name: "Live" }).click();
  await page.waitForSelector('button[aria-pressed="true"]:has-text("Live")');
  await page.waitForSelector(".changes li:has-text('alarm raised')");
}

/** A token that is over is renewed without a word; a session that somebody has ended is not. */
async function session() {
  const page = await as("executive");
  const refresh = () =>
    page.evaluate(
      () => JSON.parse(sessionStorage.getItem("potline.session")).refresh,
    );
  const first = await refresh();
  await page.evaluate(() =>
    sessionStorage.setItem(
      "potline.session",
      JSON.stringify({
        ...JSON.parse(sessionStorage.getItem("potline.session")),
        expires: 0,
      }),
    ),
  );
  await page.reload();
  await page.waitForSelector(".pot");
  await until(
    async () => (await refresh()) !== first,
    "the token is not renewed",
  );
  cutOff = true;
  await plant("end", "u-executive");
  await page.waitForSelector(".fault:has-text('signed out')");
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await page.context().close();
  cutOff = false;
}

async function keyboard() {
  const page = await as("operator");
  await page.keyboard.press("Tab");
  assert.equal(
    await page.evaluate(() => document.activeElement.className),
    "skip",
  );
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  assert.equal(
    await page.evaluate(() => document.activeElement.getAttribute("href")),
    "#/pot/line1.pot01",
  );
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.waitForFunction(
    () =>
      document.querySelector("h1").textContent === "Line 1, Pot 2" &&
      document.activeElement.tagName === "H1",
  );
  await page.context().close();
}

async function axed(page, what) {
  const found = await page.evaluate(
    `${axe}; axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] })`,
  );
  const grave = found.violations.filter((one) =>
    ["serious", "critical"].includes(one.impact),
  );
  assert.deepEqual(
    grave.map(
      (one) =>
        `${one.id}: ${one.nodes
          .map((node) => `${node.html} ${node.failureSummary}`)
          .slice(0, 3)
          .join(" | ")}`,
    ),
    [],
    what,
  );
}

/** Names, roles, contrast: nothing serious on any page; nothing beyond the edge of a phone. */
async function looks(scheme, width) {
  const page = await as("admin", { scheme, width, height: 800 });
  const what = `${scheme}-${width}`;
  for (const path of [...PAGES.admin, "/pot/line1.pot02"]) {
    await go(page, path);
    await page.waitForTimeout(1200); // a round of painting
    const over = await page.evaluate(
      () => document.documentElement.scrollWidth - innerWidth,
    );
    assert(over <= 0, `${path} ${what}: ${over} px too wide`);
    const name = path === "/" ? "map" : path.split("/")[1];
    await shoot(page, `${name}-${what}`);
    await axed(page, `${path} ${what}`);
  }
  await page.context().close();
}

async function stale(page) {
  await go(page, "/");
  await plant("silence", true);
  await page.waitForSelector(".banner:has-text('No new data')");
  await page.waitForSelector(
    `${tile("line2.pot03")}[data-stale] .value[data-standing="stale"]`,
  );
  await shoot(page, "stale-light");
  await plant("silence", false);
  await page.waitForSelector(".banner", { state: "hidden" });
  await page.waitForSelector(
    `${tile("line2.pot03")} .value[data-standing="good"]`,
  );
}

async function lost(page) {
  cutOff = true;
  await plant("stop");
  await page.waitForSelector(".banner:has-text('Connection lost')");
  await page.waitForSelector(
    `${tile("line2.pot03")} .value[data-standing="stale"]`,
  );
  await shoot(page, "lost-light");
  await plant("start");
  await page.waitForSelector('.status[data-link="live"]');
  await page.waitForSelector(".banner", { state: "hidden" });
  await page.waitForSelector(
    `${tile("line2.pot03")} .value[data-standing="good"]`,
  );
  assert.equal(
    await page.locator("#user").count(),
    0,
    "who was signed in stays it",
  );
  cutOff = false;
}

/** All that a first visit fetches, compressed. */
async function weight() {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  let bytes = 0;
  await cdp.send("Network.enable");
  cdp.on("Network.loadingFinished", (event) => {
    bytes += event.encodedDataLength;
  });
  await page.goto(setting.url);
  await page.waitForSelector("#user");
  const paint = await page.evaluate(
    () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
  );
  console.log(
    `a first visit: ${(bytes / 1000).toFixed(0)} kB, painted after ${paint?.toFixed(0)} ms`,
  );
  assert(bytes > 10_000 && bytes < 300_000, `${bytes} bytes`);
  await context.close();
}

/** From samples whose value is their time (s, within a hundred) to the frame in which a pot shows it, ms. */
async function paints(count) {
  const page = await as("admin");
  await page.waitForTimeout(2000); // what is there already
  const delays = await page.evaluate(
    (most) =>
      new Promise((done) => {
        const found = [],
          value = [...document.querySelectorAll(".pot .value")].at(-1);
        const note = () => {
          found.push(
            ((Date.now() / 1000 - Number(value.textContent) + 100) % 100) *
              1000,
          );
          if (found.length === most) done(found);
        };
        new MutationObserver(() =>
          requestAnimationFrame(() => setTimeout(note)),
        ).observe(value, {
          characterData: true,
          childList: true,
          subtree: true,
        });
      }),
    count,
  );
  console.log(JSON.stringify(delays));
  await browser.close();
  process.exit(0);
}

if (setting.paints) await paints(setting.paints);
let failed = 0;
try {
  const step = async (name, run) => {
    const began = Date.now();
    await run();
    console.log(`${name}: ${((Date.now() - began) / 1000).toFixed(1)} s`);
  };
  await step("weight", weight);
  await step("wrong password", wrongPassword);
  await step("roles", () => Promise.all(setting.roles.map(sees)));
  await step("threshold", threshold);
  const page = await as("operator");
  for (const test of [
    breach,
    acknowledge,
    trend,
    numbers,
    shelve,
    tickets,
    twin,
    approve,
    mode,
    override,
    advice,
    nobody,
    figures,
    today,
    lookBack,
  ])
    await step(test.name, () => test(page));
  await step("notifications", notifications);
  await step("session", session);
  await step("keyboard", keyboard);
  const looked = setting.long
    ? [
        ["light", 1280],
        ["light", 360],
        ["dark", 1280],
        ["dark", 360],
      ]
    : [
        ["light", 1280],
        ["dark", 360],
      ].slice(setting.brief ? 1 : 0);
  await step("looks", () =>
    Promise.all(looked.map(([scheme, width]) => looks(scheme, width))),
  );
  await step("stale", () => stale(page));
  await step("lost", () => lost(page));
  assert.deepEqual(faults, [], "consoles");
  assert.deepEqual([...hosts], [new URL(setting.url).host], "other hosts");
} catch (error) {
  failed = 1;
  console.log(String(error.stack));
  for (const context of browser.contexts())
    for (const page of context.pages())
      await page
        .screenshot({ path: `${setting.screenshots}/failed.png` })
        .catch(() => {});
  console.log(faults.join("\n"));
}
await browser.close();
process.exit(failed);
