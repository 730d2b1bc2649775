// The shell: signing in, navigation by role, the state of the connection, and which page is shown.
import { allowed, currentSession, onEnd, signOut } from "./api";
import { h, setAttribute, setText } from "./dom";
import { moment, span } from "./format";
import * as live from "./live";
import * as plant from "./plant";
import { travelBar, travelButton } from "./travel";
import type { View } from "./view";
import { alarmsView } from "./views/alarms";
import { anomaliesView } from "./views/anomalies";
import { auditView } from "./views/audit";
import { kpisView } from "./views/kpis";
import { overview } from "./views/overview";
import { potView } from "./views/pot";
import { rulesView } from "./views/rules";
import { signInPage } from "./views/sign_in";
import { usersView } from "./views/users";
import "./style.css";

const app = document.getElementById("app")!;

interface Page {
  path: string;
  label: string;
  may?: "report" | "admin";
  make(): View;
}

const pages: Page[] = [
  { path: "/", label: "Potlines", make: overview },
  { path: "/alarms", label: "Alarms", make: alarmsView },
  { path: "/anomalies", label: "Anomalies", make: anomaliesView },
  { path: "/kpis", label: "KPIs", make: kpisView },
  { path: "/rules", label: "Rules", make: rulesView },
  { path: "/audit", label: "Audit", may: "report", make: auditView },
  { path: "/users", label: "Users", may: "admin", make: usersView },
];

const roles = ["operator", "engineer", "manager", "executive", "admin"];

// ---- Light and dark ----

const themes = ["auto", "light", "dark"];

function setTheme(theme: string): void {
  setAttribute(document.documentElement, "data-theme", theme === "auto" ? null : theme);
  localStorage.setItem("potline.theme", theme);
  document.dispatchEvent(new Event("potline-theme"));
}

function themeButton(): HTMLElement {
  const text = () => `Theme: ${localStorage.getItem("potline.theme") ?? "auto"}`;
  const button = h(
    "button",
    {
      type: "button",
      class: "quiet",
      onclick: () => {
        const at = themes.indexOf(localStorage.getItem("potline.theme") ?? "auto");
        setTheme(themes[(at + 1) % themes.length]!);
        setText(button, text());
      },
    },
    text(),
  );
  return button;
}

// ---- The state of the connection ----

function banner(): { element: HTMLElement; status: HTMLElement; update(): void } {
  const element = h("p", { class: "banner", role: "alert", hidden: true }),
    status = h("span", { class: "status" });
  return {
    element,
    status,
    update() {
      const { link, since, why, newest } = live.connection();
      const old = newest ? ` The newest data are of ${moment(newest)}.` : "";
      const text = {
        connecting: "",
        live: "",
        lost: `Connection lost at ${moment(since)}: what is shown is old.${old} ${why} Trying again …`,
        silent: `No new data for ${span(live.engineNow() - newest)}: what is shown is old.${old}`,
      }[link];
      setText(element, text);
      element.hidden = text === "";
      setText(
        status,
        {
          connecting: "connecting …",
          live: newest ? `live · data of ${moment(newest)}` : "live · no data yet",
          lost: "connection lost",
          silent: "no new data",
        }[link],
      );
      setAttribute(status, "data-link", link);
      setAttribute(document.documentElement, "data-link", link);
    },
  };
}

// ---- The shell ----

function makeView(): { view: View; path: string } {
  const path = decodeURIComponent(location.hash.replace(/^#/, "")) || "/";
  const pot = /^\/pot\/(.+)$/.exec(path);
  if (pot) return { view: potView(pot[1]!), path: "/" };
  const page = pages.find((one) => one.path === path && (!one.may || allowed(one.may))) ?? pages[0]!;
  return { view: page.make(), path: page.path };
}

/** Of this user: alarms whose owner is a role or @user are told to those alone, all others to who operates. */
function isMine(alarm: Record<string, any>): boolean {
  const { user, role } = currentSession()!,
    owner = String(alarm.owner ?? "");
  if (owner.startsWith("@")) return owner.slice(1) === user;
  if (roles.includes(owner)) return owner === role;
  return ["operator", "engineer", "admin"].includes(role);
}

function notify(alarm: Record<string, any>): void {
  if (!isMine(alarm)) return;
  if ("Notification" in window && Notification.permission === "granted" && document.hidden)
    new Notification(`${alarm.priority}: ${alarm.message || alarm.alarm}`, { tag: alarm.alarm, body: alarm.action });
}

function shell(leave: () => void): () => void {
  const { user, role } = currentSession()!;
  const stop = new AbortController(),
    state = banner(),
    back = travelBar();
  const heading = h("h1", { tabindex: "-1" }),
    content = h("div", { class: "content" });
  const count = h("span", { class: "count", role: "img", hidden: true });
  const links = pages
    .filter((page) => !page.may || allowed(page.may))
    .map((page) => ({ page, link: h("a", { href: `#${page.path}` }, page.label, page.path === "/alarms" && count) }));
  const main = h("main", { id: "main" }, heading, content);
  const out = h("button", { type: "button", class: "quiet", onclick: () => void signOut().then(leave) }, "Sign out");
  app.replaceChildren(
    h(
      "a",
      {
        class: "skip",
        href: "#main",
        onclick: (event: Event) => {
          event.preventDefault();
          heading.focus();
        },
      },
      "To the content",
    ),
    h(
      "header",
      { class: "bar" },
      h("strong", { class: "brand" }, "Potline"),
      h(
        "nav",
        { "aria-label": "Pages" },
        links.map(({ link }) => link),
      ),
      h("div", { class: "who" }, state.status, h("span", {}, `${user} (${role})`), travelButton(), themeButton(), out),
    ),
    state.element,
    back.element,
    main,
  );

  let shown: View | null = null;
  function navigate(focus: boolean): void {
    shown?.close?.();
    const { view, path } = makeView();
    shown = view;
    setText(heading, view.title);
    document.title = `${view.title} – Potline`;
    content.replaceChildren(view.element);
    for (const { page, link } of links) setAttribute(link, "aria-current", page.path === path ? "page" : null);
    paint();
    if (focus) heading.focus();
    scrollTo(0, 0);
  }
  function paint(): void {
    state.update();
    back.update();
    const unseen = plant.currentAlarms.filter(plant.isUnseen).length;
    count.hidden = unseen === 0;
    setText(count, String(unseen));
    setAttribute(count, "aria-label", `${unseen} not acknowledged`);
    shown?.update();
  }
  const moved = () => navigate(true),
    travelled = () => navigate(false);
  document.addEventListener("potline-travel", travelled);
  const unwatch = live.watch(paint),
    unhear = plant.onRaised(notify);
  addEventListener("hashchange", moved);
  live.start(stop.signal);
  plant.start(stop.signal);
  navigate(false);
  return () => {
    stop.abort();
    unwatch();
    unhear();
    shown?.close?.();
    removeEventListener("hashchange", moved);
    document.removeEventListener("potline-travel", travelled);
    setAttribute(document.documentElement, "data-link", null);
  };
}

let end = () => {};

function show(why = ""): void {
  end();
  end = () => {};
  if (currentSession()) end = shell(() => show());
  else {
    document.title = "Sign in – Potline";
    app.replaceChildren(signInPage(why, () => show()));
  }
}

setTheme(localStorage.getItem("potline.theme") ?? "auto");
onEnd((why) => show(why));
show();
