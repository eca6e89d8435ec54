import createClient, { type Middleware } from "openapi-fetch";
import createHooks from "openapi-react-query";
import type { components, paths } from "./schema.js";

/** The API's types by their names: `Schemas["Node"]`. */
export type Schemas = components["schemas"];

/** What the server says when it refuses: its problem (RFC 9457), with what to do. */
export class Fault extends Error {
  readonly status: number;
  readonly title: string;
  readonly fields: Schemas["FieldError"][];
  readonly requestId: string | undefined;

  constructor(status: number, problem: Partial<Schemas["Problem"]>) {
    const fields = problem.errors ?? [];
    super(problem.detail || fields.map((field) => field.message).join(" ") || problem.title || `The server answered ${status}.`);
    this.status = status;
    this.title = problem.title ?? "The server refused";
    this.fields = fields;
    this.requestId = problem.requestId ?? undefined;
  }

  /** What is wrong with one member of the body, by its name. */
  of(member: string): string | undefined {
    return this.fields.find((field) => field.path === member || field.path.startsWith(member + "[") || field.path.startsWith(member + "."))?.message;
  }
}

/** What is wrong with one member of the body that was sent, if that was why it was refused. */
export const faultOf = (fault: unknown, member: string) => (fault instanceof Fault ? fault.of(member) : undefined);

/** Called when the server no longer knows who asks. */
export const session = { ended: () => {} };

/** Whether the last call reached the server. */
export const reach = {
  isLost: false,
  watchers: new Set<() => void>(),
  tell(isLost: boolean) {
    if (reach.isLost === isLost) return;
    reach.isLost = isLost;
    for (const watcher of reach.watchers) watcher();
  },
};

const manners: Middleware = {
  onRequest({ request }) {
    // Writes by a session carry a header that no other site can set.
    request.headers.set("X-Fleet-Csrf", "1");
    return request;
  },
  onError({ error, request }) {
    if (!request.signal.aborted) reach.tell(true);
    return error instanceof Error ? error : undefined;
  },
  async onResponse({ request, response }) {
    reach.tell(false);
    if (response.ok) return;
    const text = await response.text();
    let problem: Partial<Schemas["Problem"]> = {};
    try {
      problem = JSON.parse(text) as Schemas["Problem"];
    } catch {
      // What stands between may answer in its own words.
    }
    if (response.status === 401 && !/^\/api\/session(\/|$)/.test(new URL(request.url).pathname)) session.ended();
    throw new Fault(response.status, problem);
  },
};

/** Parameters such as `column.NAME` are written out one by one. */
export const api = createClient<paths>({
  baseUrl: "/",
  headers: { Accept: "application/json" },
  querySerializer: { object: { style: "form", explode: true } },
});
api.use(manners);

/** `use.useQuery("get", "/api/nodes/{id}", …)`: the API as hooks. */
export const use = createHooks(api);

/** The body of an answer that has one; faults were thrown already. */
export async function body<T>(call: Promise<{ data?: T }>): Promise<T> {
  return (await call).data as T;
}

/** The body and its version, which a later write names in `If-Match`. */
export async function versioned<T>(call: Promise<{ data?: T; response: Response }>): Promise<{ item: T; etag: string | null }> {
  const { data, response } = await call;
  return { item: data as T, etag: response.headers.get("ETag") };
}

/** Headers of a write that must not undo somebody else's. */
export const ifMatch = (etag: string | null | undefined) => (etag ? { "If-Match": etag } : {});

/** An address with parameters; those that are empty are left out. */
export function address(path: string, query: Record<string, string | number | boolean | undefined | null>): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== null && value !== "") parts.append(name, String(value));
  const text = parts.toString();
  return text ? `${path}?${text}` : path;
}
