// Questions before something is changed: what happens, why, and who is asked to confirm.
import { h } from "./dom";

export interface Field {
  name: string;
  label: string;
  value?: string;
  type?: "text" | "number" | "password" | "select" | "datetime-local";
  choices?: string[];
  required?: boolean;
  hint?: string;
}

export interface Question {
  title: string;
  text?: string;
  fields?: Field[];
  confirm: string;
  /** It stops or lets go of something: the button says so. */
  grave?: boolean;
  run(values: Record<string, string>): Promise<unknown>;
}

function input(field: Field, id: string): HTMLElement {
  if (field.type === "select")
    return h(
      "select",
      { id, name: field.name },
      (field.choices ?? []).map((one) => h("option", { value: one, selected: one === field.value }, one)),
    );
  return h("input", {
    id,
    name: field.name,
    type: field.type ?? "text",
    value: field.value ?? "",
    required: field.required ?? false,
    step: field.type === "number" ? "any" : field.type === "datetime-local" ? 1 : null,
    autocomplete: field.type === "password" ? "new-password" : "off",
    "aria-describedby": field.hint ? `${id}-hint` : null,
  });
}

/** True when it was done. */
export function ask(question: Question): Promise<boolean> {
  return new Promise((resolve) => {
    const fault = h("p", { class: "fault", role: "alert" });
    const confirm = h("button", { type: "submit", class: question.grave ? "grave" : "primary" }, question.confirm);
    const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
    const form = h(
      "form",
      { method: "dialog" },
      h("h2", { id: "dialog-title" }, question.title),
      question.text && h("p", {}, question.text),
      (question.fields ?? []).map((field) => {
        const id = `field-${field.name}`;
        return h(
          "div",
          { class: "field" },
          h("label", { for: id }, field.label),
          input(field, id),
          field.hint && h("p", { id: `${id}-hint`, class: "hint" }, field.hint),
        );
      }),
      fault,
      h("div", { class: "buttons" }, cancel, confirm),
    );
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
    let done = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      confirm.disabled = true;
      fault.textContent = "";
      try {
        await question.run(Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)])));
        done = true;
        dialog.close();
      } catch (error) {
        fault.textContent = error instanceof Error ? error.message : String(error);
      }
      confirm.disabled = false;
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(done);
    });
    document.body.append(dialog);
    dialog.showModal();
    ((form.querySelector("input, select") as HTMLElement | null) ?? cancel).focus();
  });
}

/** The reason goes into the audit. */
export const reasonField: Field = { name: "reason", label: "Reason", required: true, hint: "It is kept in the audit." };
