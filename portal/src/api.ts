import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema.js";

/** The API's types by their names: `Schemas["Node"]`. */
export type Schemas = components["schemas"];

/** Writes by a session carry a header that no other site can set. */
const csrf: Middleware = {
  onRequest({ request }) {
    request.headers.set("X-Fleet-Csrf", "1");
    return request;
  },
};

/** The REST API of the server that this page came from. Parameters such as `column.NAME` are written out one by one. */
export const api = createClient<paths>({ baseUrl: "/", querySerializer: { object: { style: "form", explode: true } } });
api.use(csrf);

/** What people may do, as the API spells it. */
export async function whoAmI(): Promise<Schemas["Session"] | null> {
  const { data } = await api.GET("/api/session");
  return data ?? null;
}

/** A page of nodes by status; every member is checked against what the server says it has. */
export async function onlineNodes(take: number): Promise<Schemas["Node"][]> {
  const { data, error } = await api.GET("/api/nodes", { params: { query: { status: "online", sort: "name", take } } });
  if (error) throw new Error(error.detail);
  return data.items;
}
