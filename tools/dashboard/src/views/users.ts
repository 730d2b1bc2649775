// Users and their roles, for admins.
import { change, currentSession, list, part, type Row } from "../api";
import { ask } from "../dialog";
import { cell, h, keyed, setText, table, type Part } from "../dom";
import { moment } from "../format";
import type { View } from "../view";

const roles = ["operator", "engineer", "manager", "executive", "admin"];

function userRow(again: () => Promise<void>): (row: Row) => Part<Row> {
  return (first) => {
    let role = first.role;
    const name = first.user as string,
      told = h("span"),
      since = h("span"),
      changed = h("span");
    const own = name === currentSession()?.user;
    const run = (act: () => Promise<unknown>) => async () => {
      await act();
      await again();
    };
    const buttons = h(
      "div",
      { class: "buttons" },
      h(
        "button",
        {
          type: "button",
          hidden: own,
          "aria-label": `Role of ${name}`,
          onclick: () =>
            void ask({
              title: `Role of ${name}`,
              fields: [{ name: "role", label: "Role", type: "select", choices: roles, value: role }],
              confirm: "Set",
              run: (values) => run(() => change("PUT", `/users/${part(name)}`, { role: values.role }))(),
            }),
        },
        "Role…",
      ),
      h(
        "button",
        {
          type: "button",
          "aria-label": `Password of ${name}`,
          onclick: () =>
            void ask({
              title: `New password of ${name}`,
              text: own ? "You have to sign in again." : "Sessions of the user end.",
              fields: [
                {
                  name: "password",
                  label: "Password",
                  type: "password",
                  required: true,
                  hint: "8 characters at least.",
                },
              ],
              confirm: "Set",
              run: (values) =>
                run(() => change("PUT", `/users/${part(name)}/password`, { password: values.password }))(),
            }),
        },
        "Password…",
      ),
      h(
        "button",
        {
          type: "button",
          hidden: own,
          class: "grave",
          "aria-label": `Remove ${name}`,
          onclick: () =>
            void ask({
              title: `Remove ${name}`,
              text: "The user's sessions end. What the user did stays in the audit.",
              confirm: "Remove",
              grave: true,
              run: run(() => change("DELETE", `/users/${part(name)}`)),
            }),
        },
        "Remove…",
      ),
    );
    return {
      element: h(
        "tr",
        {},
        cell("User", name),
        cell("Role", told),
        cell("Since", since),
        cell("Password of", changed),
        cell("", buttons),
      ),
      update(row) {
        role = row.role;
        setText(told, row.role);
        setText(since, moment(row.created));
        setText(changed, moment(row.password_changed));
      },
    };
  };
}

export function usersView(): View {
  const { element, body } = table("Users", ["User", "Role", "Since", "Password of", "Actions"], { class: "cards" });
  const fault = h("p", { class: "fault", role: "alert" });
  const put = keyed<Row>(body, (row) => row.user, userRow(read));
  async function read(): Promise<void> {
    put(await list("/users"));
  }
  const add = h(
    "button",
    {
      type: "button",
      class: "primary",
      onclick: () =>
        void ask({
          title: "A new user",
          fields: [
            { name: "user", label: "Name", required: true },
            { name: "role", label: "Role", type: "select", choices: roles, value: "operator" },
            { name: "password", label: "Password", type: "password", required: true, hint: "8 characters at least." },
          ],
          confirm: "Add",
          run: async (values) => {
            await change("POST", "/users", values);
            await read();
          },
        }),
    },
    "Add a user…",
  );
  void read().catch((error) => setText(fault, error.message));
  return {
    title: "Users",
    element: h("div", {}, h("div", { class: "tools" }, add), fault, h("div", { class: "scroll" }, element)),
    update: () => {},
  };
}
