import { Button, SearchBox, Tab, TabList } from "@fluentui/react-components";
import { DismissRegular, FlashRegular } from "@fluentui/react-icons";
import { useNavigate } from "@tanstack/react-router";
import { api, body, type Schemas } from "../api";
import { Empty, Go, Num, Page, State, When } from "../parts/basics";
import { type Column, DataTable } from "../parts/DataTable";
import { useCursor } from "../parts/rows";
import { useAddress, useSearchText } from "../search";
import { useMay } from "../session";
import { Choice } from "./Nodes";
import { CampaignSchedules } from "./parts/CampaignSchedules";

type Campaign = Schemas["Campaign"];

const columns: Column<Campaign>[] = [
  { id: "what", name: "Asked", narrow: true, width: "minmax(260px, 4fr)", cell: (one) => <Go to="/campaigns/$id" params={{ id: one.id }}>{one.description || <span className="mono">{one.sql}</span>}</Go> },
  { id: "status", name: "Status", narrow: true, width: "110px", cell: (one) => <State of={one.status === "active" && !one.includeLater && one.counts.done + one.counts.failed + one.counts.expired >= one.counts.targeted ? "complete" : one.status} /> },
  { id: "targeted", name: "Targeted", width: "90px", cell: (one) => <Num of={one.counts.targeted} /> },
  { id: "done", name: "Answered", width: "90px", cell: (one) => <Num of={one.counts.done} /> },
  { id: "failed", name: "Failed", width: "80px", cell: (one) => <Num of={one.counts.failed} /> },
  { id: "expired", name: "Expired", width: "80px", cell: (one) => <Num of={one.counts.expired} /> },
  { id: "by", name: "By", width: "120px", cell: (one) => one.createdBy },
  { id: "at", name: "When", width: "140px", cell: (one) => <When at={one.createdAt} /> },
];

export function CampaignsPage() {
  const at = useAddress();
  const navigate = useNavigate();
  const isOperator = useMay("operator");
  const [text, setText] = useSearchText();
  const isSchedules = at.one("tab") === "schedules";
  const filter = { q: at.one("q") || undefined, status: at.one("status") || undefined, schedule: at.one("schedule") || undefined };
  const rows = useCursor(["campaigns", filter], (after, signal) => body(api.GET("/api/campaigns", { params: { query: { ...filter, take: 100, after } }, signal })), { refetchInterval: 10_000 });
  return (
    <Page title="Campaigns" under="Questions that were asked of machines, newest first." actions={isOperator && <Button appearance="primary" icon={<FlashRegular />} onClick={() => void navigate({ to: "/live" })}>Live query</Button>}>
      <TabList selectedValue={isSchedules ? "schedules" : "campaigns"} onTabSelect={(_, data) => at.set({ tab: data.value === "schedules" ? "schedules" : undefined, schedule: undefined })} aria-label="Campaigns">
        <Tab value="campaigns">Campaigns</Tab><Tab value="schedules">Schedules</Tab>
      </TabList>
      {isSchedules ? <CampaignSchedules /> : <DataTable name="Campaigns" id="campaigns" columns={columns} rows={rows} rowKey={(one) => one.id} noun={["campaign", "campaigns"]}
        tools={<>{filter.schedule && <Button onClick={() => at.set({ schedule: undefined })} icon={<DismissRegular />}>Runs of one schedule</Button>}<SearchBox placeholder="Text, SQL or person" aria-label="Find a campaign" value={text} onChange={(_, data) => setText(data.value)} /><Choice label="Status" single many={at.many("status")} options={["waiting", "active", "cancelled", "expired"].map((one) => [one, one])} onChange={(status) => at.set({ status })} /></>}
        empty={filter.q || filter.status || filter.schedule ? <Empty title="No campaign is like that" /> : <Empty title="Nobody has asked anything yet" action={isOperator && <Go to="/live">Ask now</Go>}>A live query asks every machine, or some, and shows their rows as they come.</Empty>} />}
    </Page>
  );
}
