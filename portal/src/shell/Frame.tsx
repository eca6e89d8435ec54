import { Avatar, Button, Menu, MenuDivider, MenuItem, MenuList, MenuPopover, MenuTrigger, MessageBar, MessageBarBody, MessageBarTitle, ProgressBar, Tooltip } from "@fluentui/react-components";
import {
  AlertOffRegular, AlertRegular, ArrowExportRegular, ArchiveRegular, BoardRegular, BookRegular, ChannelShareRegular, ClipboardTaskListLtrRegular, DocumentTextRegular, DesktopRegular, FolderSearchRegular, HeartPulseRegular, HistoryRegular, KeyRegular, MailErrorRegular, NavigationRegular,
  OptionsRegular, PeopleRegular, PersonKeyRegular, PlugConnectedRegular, ScanTextRegular, SearchRegular, SettingsRegular, ShieldTaskRegular, TableRegular, TableSearchRegular, TagRegular, FlashRegular, BoxRegular,
} from "@fluentui/react-icons";
import { useIsFetching, useIsMutating } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef, useState, useSyncExternalStore, type ReactElement } from "react";
import { api, reach } from "../api";
import { useTalk } from "../parts/talk";
import { type RoleName, useMay, useSession } from "../session";
import { Gate } from "./Gate";

const palette = () => import("./Palette");
const Palette = lazy(palette);

interface Entry {
  to: string;
  name: string;
  icon: ReactElement;
  role?: RoleName;
}

/** Where one can go; the palette lists the same. */
export const places: [string, Entry[]][] = [
  ["", [{ to: "/", name: "Dashboard", icon: <BoardRegular /> }]],
  ["Fleet", [
    { to: "/nodes", name: "Nodes", icon: <DesktopRegular /> },
    { to: "/tags", name: "Tags", icon: <TagRegular /> },
    { to: "/enrollment", name: "Enroll", icon: <PlugConnectedRegular />, role: "admin" },
  ]],
  ["Ask", [
    { to: "/live", name: "Live query", icon: <FlashRegular />, role: "operator" },
    { to: "/campaigns", name: "Campaigns", icon: <ChannelShareRegular /> },
    { to: "/carves", name: "File carves", icon: <ArchiveRegular /> },
  ]],
  ["Configuration", [
    { to: "/queries", name: "Queries", icon: <DocumentTextRegular /> },
    { to: "/packs", name: "Packs", icon: <BoxRegular /> },
    { to: "/file-paths", name: "File paths", icon: <FolderSearchRegular /> },
    { to: "/options", name: "Options", icon: <OptionsRegular /> },
  ]],
  ["Results", [
    { to: "/results", name: "Search", icon: <TableSearchRegular /> },
    { to: "/reports", name: "Reports", icon: <TableRegular /> },
    { to: "/status-logs", name: "Status logs", icon: <ScanTextRegular /> },
    { to: "/sinks", name: "Sinks", icon: <ArrowExportRegular /> },
  ]],
  ["Detection", [
    { to: "/alerts", name: "Alerts", icon: <AlertRegular /> },
    { to: "/mutes", name: "Maintenance", icon: <AlertOffRegular /> },
    { to: "/rules", name: "Rules", icon: <ShieldTaskRegular /> },
    { to: "/alerters", name: "Alerters", icon: <ClipboardTaskListLtrRegular /> },
    { to: "/dead-letters", name: "Dead letters", icon: <MailErrorRegular /> },
  ]],
  ["Administration", [
    { to: "/people", name: "People", icon: <PeopleRegular />, role: "admin" },
    { to: "/tokens", name: "API tokens", icon: <KeyRegular /> },
    { to: "/audit", name: "Audit log", icon: <HistoryRegular />, role: "admin" },
    { to: "/health", name: "Health", icon: <HeartPulseRegular /> },
    { to: "/settings", name: "Settings", icon: <SettingsRegular />, role: "admin" },
    { to: "/about", name: "About", icon: <BookRegular /> },
  ]],
];

/** What stands around every page, once it is known who looks at it. */
export function Frame() {
  return <Gate><Framed /></Gate>;
}

function Framed() {
  const [isOpen, setOpen] = useState(false);
  const [isFinding, setFinding] = useState(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const main = useRef<HTMLElement>(null);
  const before = useRef(path);

  useEffect(() => {
    setOpen(false);
    // Who hears the page is told that it is another one.
    if (before.current !== path) main.current?.focus({ preventScroll: true });
    before.current = path;
  }, [path]);
  useEffect(() => {
    // Whoever presses Ctrl-K types on at once.
    void palette();
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setFinding(true);
      }
      if (event.key === "Escape") setOpen(false);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);

  return (
    <>
      <a href="#main" className="skip" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>Skip to the page</a>
      <Busy />
      <div className="frame">
        <header className="topbar">
          <Button className="menu-button" appearance="subtle" icon={<NavigationRegular />} aria-label="Menu" aria-expanded={isOpen} aria-controls="side" onClick={() => setOpen(!isOpen)} />
          <Link to="/" className="brand"><img src="/icon.svg" alt="" />Fleet</Link>
          <span className="space" />
          <Button className="search" icon={<SearchRegular />} onClick={() => setFinding(true)} aria-label="Find anything" aria-keyshortcuts="Control+K"><span className="label">Find anything</span><kbd aria-hidden data-keys="Ctrl K" /></Button>
          <Account />
        </header>
        <nav id="side" className={isOpen ? "side open" : "side"} aria-label="Pages">
          {places.map(([group, entries]) => <Group key={group} name={group} entries={entries} />)}
        </nav>
        <main id="main" className="main" ref={main} tabIndex={-1} style={{ outline: "none" }}><Offline /><Outlet /></main>
      </div>
      {isFinding && <Suspense><Palette onClose={() => setFinding(false)} /></Suspense>}
    </>
  );
}

function Group({ name, entries }: { name: string; entries: Entry[] }) {
  const isOperator = useMay("operator");
  const isAdmin = useMay("admin");
  const shown = entries.filter((entry) => !entry.role || (entry.role === "admin" ? isAdmin : isOperator));
  if (shown.length === 0) return null;
  return (
    <>
      {name && <div className="nav-group">{name}</div>}
      {shown.map((entry) => <Link key={entry.to} to={entry.to} className="nav-link" activeOptions={{ exact: entry.to === "/", includeSearch: false }} activeProps={{ className: "active" }}>{entry.icon}{entry.name}</Link>)}
    </>
  );
}

function Account() {
  const who = useSession();
  const navigate = useNavigate();
  const talk = useTalk();
  const isOpen = who.method === "open";
  const leave = async () => {
    try {
      await api.DELETE("/api/session");
      new BroadcastChannel("fleet.session").postMessage("out");
      // All that this page knows goes with it.
      location.assign("/");
    } catch (fault) {
      talk.fail(fault);
    }
  };
  return (
    <Menu>
      <MenuTrigger disableButtonEnhancement>
        <Tooltip content={`${who.name}, ${who.role}`} relationship="description">
          <Button appearance="transparent" aria-label={`Account of ${who.name}`} icon={<Avatar name={who.name} size={28} color="brand" aria-hidden />} />
        </Tooltip>
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          <MenuItem icon={<PersonKeyRegular />} onClick={() => void navigate({ to: "/account" })}>My account ({who.role})</MenuItem>
          <MenuItem icon={<KeyRegular />} onClick={() => void navigate({ to: "/tokens" })}>API tokens</MenuItem>
          {!isOpen && <MenuDivider />}
          {!isOpen && <MenuItem onClick={() => void leave()}>Sign out</MenuItem>}
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}

/** What is on the page may be old. */
function Offline() {
  const isLost = useSyncExternalStore((changed) => { reach.watchers.add(changed); return () => reach.watchers.delete(changed); }, () => reach.isLost);
  return isLost ? <MessageBar intent="warning" className="offline"><MessageBarBody><MessageBarTitle>The server cannot be reached.</MessageBarTitle> What you see may be old. The page tries again by itself.</MessageBarBody></MessageBar> : null;
}

/** Something takes longer than a second. */
function Busy() {
  const isBusy = useIsFetching({ predicate: (query) => query.state.data === undefined }) + useIsMutating() > 0;
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    if (!isBusy) {
      setLong(false);
      return;
    }
    const timer = setTimeout(() => setLong(true), 1_000);
    return () => clearTimeout(timer);
  }, [isBusy]);
  return isLong ? <div className="busy"><ProgressBar aria-label="Working" thickness="large" /></div> : null;
}
