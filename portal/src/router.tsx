import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { Broken, NotFound } from "./shell/Nothing";
import { Frame } from "./shell/Frame";
import { Root } from "./shell/Root";
import { SignedIn } from "./shell/SignedIn";

/** Every state that is worth a link is in the address: texts under the names that the API has for them, lists with commas. */
export type Search = Record<string, string | undefined>;

/** Toasts hold links, so they stand within the router. */
const root = createRootRoute({ component: Root, notFoundComponent: NotFound, errorComponent: Broken });

/** What a machine's own user sees, without signing in. */
const device = createRoute({ getParentRoute: () => root, path: "/device/$token", component: lazyRouteComponent(() => import("./pages/Device"), "DevicePage") });
const link = createRoute({ getParentRoute: () => root, path: "/enroll-link/$token", component: lazyRouteComponent(() => import("./pages/EnrollLink"), "EnrollLinkPage") });

const frame = createRoute({
  getParentRoute: () => root, id: "frame", component: Frame,
  validateSearch: (search: Record<string, unknown>): Search => Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined && value !== "").map(([name, value]) => [name, String(value)])),
});

const at = <Path extends string>(path: Path, load: () => Promise<any>, name: string) => createRoute({ getParentRoute: () => frame, path, component: lazyRouteComponent(load, name) });

const pages = [
  // Where a sign-in by a provider comes back to when it failed. Who is signed in has nothing to do there.
  createRoute({ getParentRoute: () => frame, path: "/sign-in", component: SignedIn }),
  createRoute({ getParentRoute: () => frame, path: "/$", component: NotFound }),
  at("/", () => import("./pages/Dashboard"), "DashboardPage"),
  at("/nodes", () => import("./pages/Nodes"), "NodesPage"),
  at("/nodes/$id", () => import("./pages/Node"), "NodePage"),
  at("/tags", () => import("./pages/Tags"), "TagsPage"),
  at("/tags/$name", () => import("./pages/Tags"), "TagPage"),
  at("/queries", () => import("./pages/Queries"), "QueriesPage"),
  at("/queries/$name", () => import("./pages/Queries"), "QueryPage"),
  at("/packs", () => import("./pages/Packs"), "PacksPage"),
  at("/packs/$name", () => import("./pages/Packs"), "PackPage"),
  at("/file-paths", () => import("./pages/FilePaths"), "FilePathsPage"),
  at("/file-paths/$name", () => import("./pages/FilePaths"), "FilePathPage"),
  at("/options", () => import("./pages/Options"), "OptionsPage"),
  at("/options/$name", () => import("./pages/Options"), "OptionPage"),
  at("/live", () => import("./pages/Live"), "LivePage"),
  at("/campaigns", () => import("./pages/Campaigns"), "CampaignsPage"),
  at("/campaigns/$id", () => import("./pages/Campaign"), "CampaignPage"),
  at("/results", () => import("./pages/Results"), "ResultsPage"),
  at("/status-logs", () => import("./pages/StatusLogs"), "StatusLogsPage"),
  at("/reports", () => import("./pages/Reports"), "ReportsPage"),
  at("/reports/$query", () => import("./pages/Reports"), "ReportPage"),
  at("/carves", () => import("./pages/Carves"), "CarvesPage"),
  at("/carves/$id", () => import("./pages/Carves"), "CarvePage"),
  at("/rules", () => import("./pages/Rules"), "RulesPage"),
  at("/rules/$id", () => import("./pages/Rule"), "RulePage"),
  at("/alerts", () => import("./pages/Alerts"), "AlertsPage"),
  at("/alerts/$id", () => import("./pages/Alerts"), "AlertPage"),
  at("/mutes", () => import("./pages/Mutes"), "MutesPage"),
  at("/alerters", () => import("./pages/Alerters"), "AlertersPage"),
  at("/sinks", () => import("./pages/Sinks"), "SinksPage"),
  at("/dead-letters", () => import("./pages/DeadLetters"), "DeadLettersPage"),
  at("/enrollment", () => import("./pages/Enroll"), "EnrollPage"),
  at("/audit", () => import("./pages/Audit"), "AuditPage"),
  at("/people", () => import("./pages/People"), "PeoplePage"),
  at("/tokens", () => import("./pages/Tokens"), "TokensPage"),
  at("/health", () => import("./pages/Health"), "HealthPage"),
  at("/settings", () => import("./pages/Settings"), "SettingsPage"),
  at("/account", () => import("./pages/Account"), "AccountPage"),
  at("/about", () => import("./pages/About"), "AboutPage"),
] as const;

export const router = createRouter({
  routeTree: root.addChildren([device, link, frame.addChildren(pages)]),
  defaultPreload: "intent",
  defaultPreloadStaleTime: 0,
  scrollRestoration: true,
  defaultNotFoundComponent: NotFound,
  defaultErrorComponent: Broken,
  // Plain names and values, as other tools write them.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const parts = new URLSearchParams();
    for (const [name, value] of Object.entries(search as Search)) if (value !== undefined && value !== "") parts.append(name, value);
    const text = parts.toString();
    return text ? `?${text}` : "";
  },
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
