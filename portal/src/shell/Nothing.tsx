import { Button } from "@fluentui/react-components";
import { useRouter } from "@tanstack/react-router";
import { Fault } from "../api";
import { Empty, Go, Page, Problem } from "../parts/basics";

/** There is no such page. */
export function NotFound() {
  return <Page title="Not found"><Empty title="There is nothing at this address" action={<Go to="/">To the dashboard</Go>}>It may have been renamed or removed. Ctrl-K finds nodes, queries, packs, tags and rules by name.</Empty></Page>;
}

/** A page that broke: what happened, and a way on. */
export function Broken({ error, reset }: { error: unknown; reset?: () => void }) {
  const router = useRouter();
  const isOld = error instanceof TypeError && /import/i.test(error.message);
  return (
    <Page title="This page did not open">
      {isOld ? <Empty title="The server has a newer portal" action={<Button appearance="primary" onClick={() => location.reload()}>Load it</Button>}>This page was made by an older one.</Empty>
        : <Problem of={error} retry={() => { reset?.(); void router.invalidate(); }} />}
    </Page>
  );
}

/** What the server said about one thing: that there is none, that it is not for you, or a fault. */
export function Lacking({ of, what, retry }: { of: unknown; what: string; retry?: () => void }) {
  if (of instanceof Fault && of.status === 404) return <Empty title={`There is no such ${what}`} action={<Go to="/">To the dashboard</Go>}>{of.message}</Empty>;
  if (of instanceof Fault && of.status === 403) return <Empty title="Not for your role">{of.message} An admin can give you another one.</Empty>;
  return <Problem of={of} {...(retry ? { retry } : {})} />;
}
