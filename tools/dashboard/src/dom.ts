// Elements without a framework: h() makes one, keyed() keeps a list of them in step with rows.

export type Child = Node | string | number | null | undefined | false | Child[];
type Attributes = Record<string, unknown>;

function append(parent: Node, child: Child): void {
  if (Array.isArray(child)) for (const one of child) append(parent, one);
  else if (child instanceof Node) parent.appendChild(child);
  else if (child !== null && child !== undefined && child !== false)
    parent.appendChild(document.createTextNode(String(child)));
}

/** `on...` are listeners; true and false set and leave out an attribute; the rest are attributes. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value as EventListener);
    else if (value !== false && value !== undefined && value !== null)
      element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

/** Writes only what has changed, so that what is selected or read aloud stays. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string | null): void {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

export interface Part<Row> {
  element: HTMLElement;
  update(row: Row): void;
  /** When it is taken out of its list. */
  close?(): void;
}

/** A list in `parent` whose elements live as long as their keys: the one with the focus keeps it. */
export function keyed<Row>(
  parent: HTMLElement,
  key: (row: Row) => string,
  make: (row: Row) => Part<Row>,
): (rows: Row[]) => void {
  const parts = new Map<string, Part<Row>>();
  return (rows) => {
    const gone = new Set(parts.keys());
    let at = parent.firstElementChild;
    for (const row of rows) {
      const name = key(row);
      let part = parts.get(name);
      if (!part) parts.set(name, (part = make(row)));
      gone.delete(name);
      part.update(row);
      if (part.element === at) at = at.nextElementSibling;
      else parent.insertBefore(part.element, at);
    }
    for (const name of gone) {
      const part = parts.get(name)!;
      part.element.remove();
      part.close?.();
      parts.delete(name);
    }
  };
}

/** A table with a caption for who hears it, and cells that say their heading where they stand as cards on a phone. */
export function table(
  caption: string,
  headings: string[],
  attributes: Attributes = {},
): { element: HTMLTableElement; body: HTMLTableSectionElement } {
  const body = h("tbody");
  const element = h(
    "table",
    attributes,
    h("caption", { class: "unseen" }, caption),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        headings.map((text) => h("th", { scope: "col" }, text)),
      ),
    ),
    body,
  );
  return { element, body };
}

export function cell(heading: string, ...children: Child[]): HTMLTableCellElement {
  return h("td", { "data-heading": heading }, ...children);
}
