import { Button, Title2 } from "@fluentui/react-components";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import { api, body, type Schemas } from "../api";
import { Empty, Loading, Section, When } from "../parts/basics";
import { counted, span } from "../parts/format";
import { Lacking } from "../shell/Nothing";

/** What a machine's own user may know: what it is asked, by whom, why, and how much it said. */
export function DevicePage() {
  const { token } = useParams({ strict: false }) as { token: string };
  const found = useInfiniteQuery({
    queryKey: ["device", token], retry: false, initialPageParam: undefined as string | undefined, getNextPageParam: (last: Schemas["Device"]) => last.next ?? undefined,
    queryFn: ({ pageParam, signal }) => body(api.GET("/device/{token}", { params: { path: { token }, query: { after: pageParam } }, signal })),
  });
  const device = found.data?.pages[0];
  const asked = found.data?.pages.flatMap((page) => page.asked) ?? [];
  useEffect(() => {
    document.title = device ? `${device.displayName} · what is asked of it` : "Your machine · Fleet";
  }, [device]);
  return (
    <main className="plainpage">
      <div className="row"><img src="/icon.svg" alt="" width={40} height={40} /><Title2 as="h1">{device ? device.displayName : "Your machine"}</Title2></div>
      {found.error ? <Section>{(found.error as { status?: number }).status === 404 ? <Empty title="This link leads nowhere">It may be an old one. Those who look after your machine can give you another.</Empty> : <Lacking of={found.error} what="machine" retry={() => void found.refetch()} />}</Section> : !device ? <Loading lines={8} /> : (
        <>
          <p style={{ margin: 0, maxWidth: "65ch" }}>Your organization looks after this machine with osquery, a program that answers questions about it: which programs run, which updates are there. This page shows what it is asked. It cannot change anything on the machine, and nobody sees your screen or your keys.</p>
          <Section title="Asked by a person">
            {asked.length === 0 ? <span className="muted">Nobody has asked this machine anything.</span> : (
              <ul className="timeline">
                {asked.map((one, i) => (
                  <li key={i}>
                    <span className="muted"><When at={one.askedAt} /></span>
                    <div>
                      <strong>{one.description || "A question"}</strong> <span className="muted">by {one.by}{one.reason ? `: ${one.reason}` : ""}</span>
                      <div className="muted">{one.status === "done" ? `It answered with ${counted(one.rows ?? 0, "row")}.` : one.status === "failed" ? "It could not answer." : one.status === "expired" ? "It did not answer in time." : "It has not answered yet."}</div>
                      <details><summary>The question as osquery reads it</summary><pre tabIndex={0}>{one.sql}</pre></details>
                    </div>
                  </li>
                ))}
              </ul>
            )}
            {found.hasNextPage && <div><Button onClick={() => void found.fetchNextPage()} disabled={found.isFetchingNextPage}>Earlier ones</Button></div>}
          </Section>
          <Section title="Asked again and again">
            {device.schedule.length === 0 ? <span className="muted">Nothing is asked by schedule.</span> : (
              <ul className="timeline">
                {device.schedule.map((one) => (
                  <li key={one.name}>
                    <span className="muted">every {span(one.interval)}</span>
                    <div><strong>{one.description || one.name}</strong><details><summary>The question as osquery reads it</summary><pre tabIndex={0}>{one.sql}</pre></details></div>
                  </li>
                ))}
              </ul>
            )}
          </Section>
        </>
      )}
    </main>
  );
}
