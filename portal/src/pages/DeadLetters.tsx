import { Button } from "@fluentui/react-components";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, use, type Schemas } from "../api";
import { Copyable, Empty, Page, Problem, Section, When } from "../parts/basics";
import { type Column, DataTable } from "../parts/DataTable";
import { fixed } from "../parts/rows";
import { useTalk } from "../parts/talk";
import { useMay } from "../session";

type Letter = Schemas["DeadLetter"];

/** Messages that were given up after many attempts: nothing is lost, each can be sent again. */
export function DeadLettersPage() {
  const mayRetry = useMay("operator");
  const talk = useTalk();
  const queries = useQueryClient();
  const [open, setOpen] = useState<Letter | null>(null);
  const letters = use.useQuery("get", "/api/dead-letters", { params: { query: { take: 200 } } }, { refetchInterval: 15_000 });
  const retry = async (letter: Letter) => {
    await api.POST("/api/dead-letters/{id}/retry", { params: { path: { id: letter.id } } });
    setOpen(null);
    await queries.invalidateQueries();
    talk.tell("The message is on its way again", { text: "If it fails as before, it comes back here." });
  };
  const columns: Column<Letter>[] = [
    { id: "died", name: "Given up", width: "150px", narrow: true, cell: (letter) => <When at={letter.diedAt} /> },
    { id: "queue", name: "Queue", width: "140px", cell: (letter) => letter.queue },
    { id: "reason", name: "Why", narrow: true, width: "minmax(260px, 3fr)", cell: (letter) => <button type="button" className="linkish" title={letter.reason} onClick={() => setOpen(letter)}>{letter.reason || "no reason was given"}</button> },
    { id: "deliveries", name: "Attempts", width: "90px", cell: (letter) => letter.deliveries },
    ...(mayRetry ? [{ id: "retry", name: "Actions", width: "120px", cell: (letter: Letter) => <Button size="small" onClick={() => void retry(letter).catch(talk.fail)}>Send again</Button> }] : []),
  ];
  return (
    <Page title="Dead letters" under="Messages that could not be worked on, after many attempts. They stay until they are sent again.">
      <Problem of={letters.error} retry={() => void letters.refetch()} />
      {open && (
        <Section title="Message" actions={<>{mayRetry && <Button size="small" appearance="primary" onClick={() => void retry(open).catch(talk.fail)}>Send again</Button>}<Button size="small" onClick={() => setOpen(null)}>Close</Button></>}>
          <p style={{ margin: 0 }}>{open.reason}</p>
          <Copyable name="the message" text={open.message} />
        </Section>
      )}
      {!letters.error && <DataTable name="Dead letters" columns={columns} rows={{ ...fixed(letters.data?.items ?? []), isLoading: letters.isPending, isFetching: letters.isPending }} rowKey={(letter) => letter.id} noun={["message", "messages"]} empty={<Empty title="Everything was delivered">Alerts whose alerter stays down for long end up here.</Empty>} />}
    </Page>
  );
}
