import { SearchBox } from "@fluentui/react-components";
import { api, body } from "../api";
import { Empty, Page } from "../parts/basics";
import { ExportMenu } from "../parts/Export";
import { useCursor } from "../parts/rows";
import { useAddress, useSearchText } from "../search";
import { Choice } from "./Nodes";
import { severities, StatusRows } from "./parts/StatusRows";
import { TimeRange } from "./parts/TimeRange";

/** What agents say of themselves, over all nodes. */
export function StatusLogsPage() {
  const at = useAddress();
  const [text, setText] = useSearchText();
  const filter = { q: at.one("q") || undefined, node: at.one("node") || undefined, tag: at.one("tag") || undefined, from: at.one("from") || undefined, to: at.one("to") || undefined, severity: at.one("severity") ? Number(at.one("severity")) : undefined };
  const rows = useCursor(["status-logs", filter], (after, signal) => body(api.GET("/api/status-logs", { params: { query: { ...filter, take: 200, after } }, signal })), { refetchInterval: 30_000 });
  return (
    <Page title="Status logs" under="What osquery says of itself: warnings, errors, and queries that it refused to run." actions={<ExportMenu path="/api/status-logs/export" query={filter} />}>
      <div className="row end">
        <SearchBox placeholder="Message" aria-label="Search messages" value={text} onChange={(_, data) => setText(data.value)} />
        <Choice label="At least" single many={at.many("severity")} options={severities.map((name, i) => [String(i), name])} onChange={(severity) => at.set({ severity })} />
        <TimeRange from={at.one("from")} to={at.one("to")} onChange={(range) => at.set(range)} />
      </div>
      <StatusRows rows={rows} empty={<Empty title="No such lines">Agents send them when something goes wrong.</Empty>} />
    </Page>
  );
}
