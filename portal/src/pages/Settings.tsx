import { SearchBox, Switch } from "@fluentui/react-components";
import { useState } from "react";
import { use, type Schemas } from "../api";
import { Empty, Page, Problem } from "../parts/basics";
import { type Column, DataTable } from "../parts/DataTable";
import { fixed } from "../parts/rows";

const columns: Column<Schemas["Setting"]>[] = [
  { id: "key", name: "Setting", narrow: true, width: "minmax(260px, 2fr)", cell: (one) => <span className="mono">{one.key}</span> },
  { id: "value", name: "Value", narrow: true, width: "minmax(180px, 2fr)", cell: (one) => (one.value === null || one.value === "" ? <span className="muted">not set</span> : <span className="mono" title={one.value}>{one.value}</span>) },
  { id: "source", name: "From", width: "160px", cell: (one) => <span className={one.source === "default" ? "muted" : ""}>{one.source}</span> },
];

/** The settings as they hold. They are set where the server is started. */
export function SettingsPage() {
  const settings = use.useQuery("get", "/api/settings", { params: { query: { take: 500 } } });
  const [text, setText] = useState("");
  const [isSet, setSet] = useState(false);
  const wanted = text.trim().toLowerCase();
  const shown = (settings.data?.items ?? []).filter((one) => (!isSet || one.source !== "default") && (one.key.toLowerCase().includes(wanted) || (one.value ?? "").toLowerCase().includes(wanted)));
  return (
    <Page title="Settings" under="As they hold now, each with where it was set. They are changed by the environment, a file or the command line; the README lists them.">
      <Problem of={settings.error} retry={() => void settings.refetch()} />
      <DataTable name="Settings" columns={columns} rows={{ ...fixed(shown), isLoading: settings.isPending, isFetching: settings.isPending }} rowKey={(one) => one.key} noun={["setting", "settings"]} empty={<Empty title="No setting is like that" />}
        tools={<><SearchBox placeholder="Find a setting" aria-label="Find a setting" value={text} onChange={(_, data) => setText(data.value)} /><Switch label="Only those that were set" checked={isSet} onChange={(_, data) => setSet(data.checked)} /></>} />
    </Page>
  );
}
