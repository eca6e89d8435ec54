import {
  Badge, Body1, Button, Link as FluentLink, MessageBar, MessageBarBody, MessageBarTitle, Skeleton, SkeletonItem, Subtitle2, Tag, TagGroup, Title2, Tooltip, type BadgeProps,
} from "@fluentui/react-components";
import { createLink, type LinkComponent } from "@tanstack/react-router";
import { useEffect, useRef, useState, type AnchorHTMLAttributes, type ReactNode, type Ref } from "react";
import { Fault } from "../api";
import { ago, grouped, localTime, utcTime } from "./format";

function Anchor({ ref, ...props }: AnchorHTMLAttributes<HTMLAnchorElement> & { ref?: Ref<HTMLAnchorElement> }) {
  return <FluentLink {...props} ref={ref} inline />;
}
const Routed = createLink(Anchor);

/** A link to another page of the portal. */
export const Go: LinkComponent<typeof Anchor> = (props) => <Routed preload="intent" {...props} />;

/** A page: its title, what can be done, and what it shows. */
export function Page({ title, under, actions, children }: { title: string; under?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Fleet`;
  }, [title]);
  return (
    <div className="page">
      <div className="page-head">
        <div className="page-title">
          <Title2 as="h1" tabIndex={-1} id="page-title">{title}</Title2>
          {under && <div className="muted">{under}</div>}
        </div>
        {actions && <div className="actions">{actions}</div>}
      </div>
      {children}
    </div>
  );
}

/** A part of a page under a heading of its own. */
export function Section({ title, actions, children, className = "" }: { title?: ReactNode; actions?: ReactNode; children: ReactNode; className?: string }) {
  return (
    <section className={`card ${className}`}>
      {(title || actions) && (
        <div className="card-head">
          {title && <Subtitle2 as="h2">{title}</Subtitle2>}
          {actions && <div className="actions">{actions}</div>}
        </div>
      )}
      {children}
    </section>
  );
}

/** A moment: how long ago, with the local time and UTC on hover. */
export function When({ at, plain = false }: { at: string | null | undefined; plain?: boolean }) {
  if (!at) return <span className="muted">never</span>;
  return <time dateTime={at} title={`${localTime(at)} · ${utcTime(at)}`}>{plain ? localTime(at) : ago(at)}</time>;
}

export const Num = ({ of }: { of: number }) => <span className="number">{grouped(of)}</span>;

const colors: Record<string, BadgeProps["color"]> = {
  online: "success", offline: "subtle", silent: "warning", inactive: "subtle", pending: "informative", "never reported": "informative",
  done: "success", failed: "danger", refused: "danger", "no file": "warning", expired: "subtle", sent: "informative", new: "subtle", running: "informative", cancelled: "subtle", waiting: "informative",
  ok: "success", sick: "danger", on: "success",
  open: "danger", acknowledged: "warning", resolved: "success", quiet: "subtle", queued: "informative", skipped: "subtle",
  complete: "success", receiving: "informative", requested: "subtle", delivered: "success", dead: "danger", retrying: "warning", refusing: "danger",
  added: "success", removed: "danger", changed: "warning", snapshot: "informative",
  error: "danger", fatal: "danger", unreadable: "danger", warning: "warning",
  critical: "danger", high: "danger", medium: "warning", low: "informative", info: "subtle",
};

/** A state in one word; the word itself says what the colour does. */
export function State({ of, title }: { of: string; title?: string }) {
  return <Badge appearance="tint" color={colors[of.toLowerCase()] ?? "subtle"} title={title} className="state">{of}</Badge>;
}

/** Tags as they are, each leading to what carries it. */
export function Tags({ of, most = 4 }: { of: readonly string[]; most?: number }) {
  if (of.length === 0) return <span className="muted">none</span>;
  return (
    <span className="tags">
      {of.slice(0, most).map((tag) => <Go key={tag} to="/tags/$name" params={{ name: tag }} className="tag">{tag}</Go>)}
      {of.length > most && <span className="muted" title={of.slice(most).join(", ")}>+{of.length - most}</span>}
    </span>
  );
}

/** Tags that are only read, such as those that a choice was made by. */
export const PlainTags = ({ of }: { of: readonly string[] }) => <TagGroup size="small" aria-label="Tags">{of.map((tag) => <Tag key={tag} size="small">{tag}</Tag>)}</TagGroup>;

/** Nothing is here yet: why, and what the next step is. */
export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <Subtitle2 as="p">{title}</Subtitle2>
      {children && <Body1 as="p" className="muted">{children}</Body1>}
      {action}
    </div>
  );
}

/** What went wrong, in the server's words, and a way to go on. */
export function Problem({ of, retry }: { of: unknown; retry?: () => void }) {
  if (!of) return null;
  const fault = of instanceof Fault ? of : null;
  const isOffline = !fault && of instanceof TypeError;
  return (
    <MessageBar intent="error" layout="multiline" role="alert">
      <MessageBarBody>
        <MessageBarTitle>{fault ? fault.title : isOffline ? "The server cannot be reached" : "This did not work"}</MessageBarTitle>{" "}
        {isOffline ? "Look whether the network and the server are up; the page tries again by itself." : of instanceof Error ? of.message : String(of)}
        {fault?.fields.map((field) => <div key={field.path + field.message}><code>{field.path}</code>: {field.message}</div>)}
        {fault?.requestId && fault.status >= 500 && <div className="muted">Request {fault.requestId}</div>}
        {fault?.status === 412 && <div><Button size="small" onClick={() => location.reload()}>Load what is there now</Button></div>}
        {retry && <div><Button size="small" onClick={retry}>Try again</Button></div>}
      </MessageBarBody>
    </MessageBar>
  );
}

/** What stands where something will be. */
export function Loading({ lines = 4 }: { lines?: number }) {
  return (
    <Skeleton aria-label="Loading" className="loading">
      {Array.from({ length: lines }, (_, i) => <SkeletonItem key={i} size={16} style={{ width: `${90 - ((i * 17) % 50)}%` }} />)}
    </Skeleton>
  );
}

/** One thing and its name, as a line of a list of such. */
export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** Text that can be copied whole. Where the browser does not let pages copy, as over plain http, it is selected for Ctrl-C. */
export function Copyable({ text, name, children }: { text: string; name: string; children?: ReactNode }) {
  const shown = useRef<HTMLPreElement>(null);
  const [came, setCame] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCame("Copied");
    } catch {
      getSelection()?.selectAllChildren(shown.current!);
      setCame("Press Ctrl-C");
    }
  };
  return (
    <div className="copyable">
      <pre tabIndex={0} aria-label={name} ref={shown}>{children ?? text}</pre>
      <Tooltip content={`Copy ${name}`} relationship="label">
        <Button size="small" appearance="subtle" onClick={() => void copy()}><span aria-live="polite">{came || "Copy"}</span></Button>
      </Tooltip>
    </div>
  );
}
