import { Button, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger } from "@fluentui/react-components";
import { MoreHorizontalRegular } from "@fluentui/react-icons";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { api, body, type Schemas } from "../../api";
import { Empty, Go, State, When } from "../../parts/basics";
import { type Column, DataTable } from "../../parts/DataTable";
import { usePages } from "../../parts/rows";
import { useTalk } from "../../parts/talk";
import { useMay } from "../../session";

type Schedule = Schemas["CampaignSchedule"];

/** Questions that are asked again and again, with their newest runs. */
export function CampaignSchedules() {
  const mayWrite = useMay("operator");
  const rows = usePages<Schedule>(["campaign-schedules"], (page, take, signal) => body(api.GET("/api/campaign-schedules", { params: { query: { page, take } }, signal })), 30_000);
  const columns: Column<Schedule>[] = [
    { id: "name", name: "Name", narrow: true, width: "minmax(200px, 3fr)", cell: (one) => <Go to="/campaigns" search={{ schedule: one.id }}>{one.name}</Go> },
    { id: "status", name: "Status", narrow: true, width: "110px", cell: (one) => <span title={one.fault ?? undefined}><State of={one.fault ? "failed" : one.enabled ? "active" : "disabled"} /></span> },
    { id: "cron", name: "Times", width: "minmax(160px, 1.5fr)", cell: (one) => <><code>{one.cron}</code> <span className="muted">{one.timeZone}</span></> },
    { id: "next", name: "Next run", width: "150px", cell: (one) => one.next && <When at={one.next} /> },
    { id: "last", name: "Last run", width: "150px", cell: (one) => one.lastRun && (one.lastCampaignId ? <Go to="/campaigns/$id" params={{ id: one.lastCampaignId }}><When at={one.lastRun} /></Go> : <When at={one.lastRun} />) },
    { id: "by", name: "By", width: "100px", cell: (one) => one.createdBy },
    ...(mayWrite ? [{ id: "change", name: "Change", width: "80px", narrow: true, cell: (one: Schedule) => <Change of={one} /> }] : []),
  ];
  return (
    <DataTable name="Schedules" id="campaign-schedules" columns={columns} rows={rows} rowKey={(one) => one.id} noun={["schedule", "schedules"]}
      empty={<Empty title="No question is asked on a schedule" action={mayWrite && <Go to="/live">Make one</Go>}>A live query can be asked once, or at the times of a cron expression. Each run is a campaign of its own.</Empty>} />
  );
}

function Change({ of: one }: { of: Schedule }) {
  const talk = useTalk();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const path = { params: { path: { id: one.id } } };
  const toggle = async () => {
    const { name, sql, targets, cron, timeZone, expiresAfter, reason, includeLater } = one;
    await api.PUT("/api/campaign-schedules/{id}", { ...path, body: { name, sql, targets, cron, timeZone, expiresAfter, reason, includeLater, enabled: !one.enabled } });
    await queries.invalidateQueries();
  };
  const remove = async () => {
    if (!(await talk.ask({ title: `Delete ${one.name}?`, text: "It is not asked any more. Its runs and their answers stay.", action: "Delete" }))) return;
    await api.DELETE("/api/campaign-schedules/{id}", path);
    await queries.invalidateQueries();
    talk.tell(`${one.name} was deleted`);
  };
  return (
    <Menu>
      <MenuTrigger disableButtonEnhancement><Button size="small" appearance="subtle" icon={<MoreHorizontalRegular />} aria-label={`Change ${one.name}`} /></MenuTrigger>
      <MenuPopover>
        <MenuList>
          <MenuItem onClick={() => void toggle().catch(talk.fail)}>{one.enabled ? "Disable" : "Enable"}</MenuItem>
          <MenuItem onClick={() => void navigate({ to: "/live", search: { sql: one.sql } })}>Ask it now</MenuItem>
          <MenuItem onClick={() => void remove().catch(talk.fail)}>Delete…</MenuItem>
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}
