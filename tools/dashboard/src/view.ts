// What a page is to the shell.
export interface View {
  title: string;
  element: HTMLElement;
  /** Called once a second, and when something has come; only writes what has changed. */
  update(): void;
  close?(): void;
}
