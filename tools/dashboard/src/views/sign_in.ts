// Signing in.
import { ApiError, signIn } from "../api";
import { h } from "../dom";

export function signInPage(why: string, done: () => void): HTMLElement {
  const user = h("input", {
    id: "user",
    name: "user",
    autocomplete: "username",
    required: true,
    autocapitalize: "none",
    spellcheck: "false",
  });
  const password = h("input", {
    id: "password",
    name: "password",
    type: "password",
    autocomplete: "current-password",
    required: true,
  });
  const fault = h("p", { class: "fault", role: "alert" }, why);
  const button = h("button", { type: "submit", class: "primary" }, "Sign in");
  const form = h(
    "form",
    {
      class: "sign-in",
      onsubmit: async (event: Event) => {
        event.preventDefault();
        button.disabled = true;
        fault.textContent = "";
        try {
          await signIn(user.value, password.value);
          done();
        } catch (error) {
          fault.textContent = error instanceof ApiError ? error.message : String(error);
          password.value = "";
          password.focus();
        }
        button.disabled = false;
      },
    },
    h("h1", {}, "Potline"),
    h("div", { class: "field" }, h("label", { for: "user" }, "User"), user),
    h("div", { class: "field" }, h("label", { for: "password" }, "Password"), password),
    fault,
    button,
  );
  queueMicrotask(() => user.focus());
  return h("main", { class: "sign-in-page" }, form);
}
