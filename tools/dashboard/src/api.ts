// The REST interface as this browser's user: signing in, requests, lists over their pages, pushed rows.

export const BASE = "/industrial-automation/smelting-ops/v1";
const KEPT = "potline.session";

export type Role = "operator" | "engineer" | "manager" | "executive" | "admin";
export type Row = Record<string, any>;

export interface Session {
  user: string;
  role: Role;
  access: string;
  refresh: string;
  expires: number;
}

/** What the engine refuses; status 0: it was not reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

// A tab has a session of its own: refresh tokens are good once, so tabs cannot share one.
let session: Session | null = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
let ended: (why: string) => void = () => {};
let renewal: Promise<void> | null = null;

export function currentSession(): Session | null {
  return session;
}

export function onEnd(listener: (why: string) => void): void {
  ended = listener;
}

function keep(next: Session | null): void {
  session = next;
  if (next) sessionStorage.setItem(KEPT, JSON.stringify(next));
  else sessionStorage.removeItem(KEPT);
}

const may: Record<string, Role[]> = {
  operate: ["operator", "engineer", "admin"],
  limit: ["engineer", "manager", "admin"],
  engineer: ["engineer", "admin"],
  report: ["engineer", "manager", "admin"],
  admin: ["admin"],
};

let looksBack = false;

/** In the past there is nothing to be changed: controls go, pages stay. */
export function setLooksBack(back: boolean): void {
  looksBack = back;
}

/** Whether a control is shown; the engine decides by itself for each request. */
export function allowed(what: keyof typeof may): boolean {
  const reads = what === "report" || what === "admin";
  return session !== null && may[what]!.includes(session.role) && (reads || !looksBack);
}

const ATTEMPTS = 10;

/** Who is told to come back soon does so: nothing has been done yet then. */
async function send(
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const response = await sendOnce(method, path, body, headers, signal);
    const wait = Number(response.headers.get("retry-after") ?? NaN);
    if (response.status !== 503 || !(wait <= 5) || attempt === ATTEMPTS) return response;
    await new Promise((resolve) => setTimeout(resolve, wait * 1000 + Math.random() * 500));
  }
}

async function sendOnce(
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Response> {
  if (body !== undefined) headers["content-type"] = "application/json";
  try {
    return await fetch(path.startsWith(BASE) ? path : BASE + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ?? null,
      cache: "no-store",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "", "The engine cannot be reached.");
  }
}

async function complaint(response: Response): Promise<ApiError> {
  const problem: Row = await response.json().catch(() => ({}));
  const fields = ((problem.errors ?? []) as Row[]).map((one) => `${one.pointer}: ${one.message}`).join("; ");
  const text = fields || problem.detail || problem.title || `The engine answered ${response.status}.`;
  return new ApiError(response.status, problem.code ?? "", text);
}

async function takeToken(body: Row): Promise<void> {
  const response = await send("POST", "/tokens", body, {});
  if (!response.ok) throw await complaint(response);
  const told: Row = await response.json();
  keep({
    user: told.user,
    role: told.role,
    access: told.accessToken,
    refresh: told.refreshToken,
    expires: Date.now() + told.expiresIn * 1000,
  });
}

export function signIn(username: string, password: string): Promise<void> {
  return takeToken({ username, password });
}

export async function signOut(): Promise<void> {
  const old = session;
  keep(null);
  if (old)
    await send("DELETE", "/tokens/current", undefined, { authorization: `Bearer ${old.access}` }).catch(() => {});
}

function renew(): Promise<void> {
  renewal ??= takeToken({ refreshToken: session!.refresh })
    .catch((error) => {
      if (error.status === 401) {
        keep(null);
        ended("You have been signed out: sign in again.");
      }
      throw error;
    })
    .finally(() => (renewal = null));
  return renewal;
}

async function authorized(
  method: string,
  path: string,
  body?: unknown,
  more: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Response> {
  if (!session) throw new ApiError(401, "ERR-4011", "Nobody is signed in.");
  if (session.expires - Date.now() < 60_000) await renew();
  const attempt = () => send(method, path, body, { ...more, authorization: `Bearer ${session!.access}` }, signal);
  let response = await attempt();
  if (response.status === 401) {
    await renew();
    response = await attempt();
  }
  if (!response.ok) throw await complaint(response);
  return response;
}

export async function get(path: string): Promise<any> {
  return (await authorized("GET", path)).json();
}

/** All pages of a list, as far as `most` rows. */
export async function list(path: string, most = 5000): Promise<Row[]> {
  const rows: Row[] = [];
  let next: string | undefined = `${path}${path.includes("?") ? "&" : "?"}limit=1000`;
  while (next && rows.length < most) {
    const response: Response = await authorized("GET", next);
    rows.push(...((await response.json()) as Row[]));
    next = /<([^>]+)>; rel="next"/.exec(response.headers.get("link") ?? "")?.[1];
  }
  return rows;
}

export async function change(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<Row> {
  const response = await authorized(method, path, body);
  return response.status === 204 ? {} : response.json();
}

export const part = encodeURIComponent;

// ---- Pushed rows ----

export interface Listener {
  /** `output` is "" when only one is listened to. */
  row(row: Row, output: string): void;
  event(name: string): void;
  /** Bytes came, or why there are none any more. */
  alive(): void;
  lost(error: unknown): void;
}

const SILENCE = 20_000; // the engine says something every 15 s
const RETRY = [500, 1000, 2000, 5000];

class EventReader {
  private rest = "";
  private name = "";
  private data: string[] = [];
  id = "";

  constructor(private readonly listener: Listener) {}

  /** Half a row of a connection that is no more is not the beginning of the next one. */
  begin(): void {
    this.rest = this.name = "";
    this.data = [];
  }

  take(text: string): void {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop()!;
    for (const line of lines) this.line(line);
  }

  private line(line: string): void {
    if (line === "") this.dispatch();
    else if (line.startsWith("data: ")) this.data.push(line.slice(6));
    else if (line.startsWith("event: ")) this.name = line.slice(7);
    else if (line.startsWith("id: ")) this.id = line.slice(4);
  }

  private dispatch(): void {
    // Rows of several outputs are named after them: NODE.PORT.
    if (this.name && !this.name.includes(".")) this.listener.event(this.name);
    else if (this.data.length) this.listener.row(JSON.parse(this.data.join("\n")), this.name);
    this.name = "";
    this.data = [];
  }
}

async function readEvents(path: string, reader: EventReader, listener: Listener, signal: AbortSignal): Promise<void> {
  const attempt = new AbortController();
  const stop = () => attempt.abort();
  signal.addEventListener("abort", stop);
  let watchdog = setTimeout(stop, SILENCE);
  reader.begin();
  try {
    const headers: Record<string, string> = reader.id ? { "last-event-id": reader.id } : {};
    const response = await authorized("GET", path, undefined, headers, attempt.signal);
    const stream = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await stream.read();
      if (done) throw new ApiError(0, "", "The stream has ended.");
      clearTimeout(watchdog);
      watchdog = setTimeout(stop, SILENCE);
      listener.alive();
      reader.take(value);
    }
  } finally {
    clearTimeout(watchdog);
    signal.removeEventListener("abort", stop);
  }
}

/** Listens until `signal`; begins again behind the last row when the connection is lost. */
export async function listen(path: string, listener: Listener, signal: AbortSignal): Promise<void> {
  const reader = new EventReader(listener);
  for (let failures = 0; !signal.aborted && session;) {
    const began = Date.now();
    try {
      await readEvents(path, reader, listener, signal);
    } catch (error) {
      if (signal.aborted) return;
      listener.lost(error);
    }
    failures = Date.now() - began > 5000 ? 0 : failures + 1;
    await new Promise((resolve) => setTimeout(resolve, RETRY[Math.min(failures, RETRY.length - 1)]));
  }
}
