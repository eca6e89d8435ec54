import { Button } from "@fluentui/react-components";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, body, use, type Schemas } from "../api";
import { Copyable, Empty, Go, Page, Problem, Section, When } from "../parts/basics";
import { type Column, DataTable } from "../parts/DataTable";
import { counted } from "../parts/format";
import { fixed } from "../parts/rows";
import { useTalk } from "../parts/talk";
import { useMay } from "../session";

type Letter = Schemas["DeadLetter"];

/** Messages that were given up: nothing is lost, each can be sent again. */
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
  const retryAll = async () => {
    const { sent } = await body(api.POST("/api/dead-letters/retry", {}));
    await queries.invalidateQueries();
    talk.tell(`${counted(sent, "message")} on the way again`, { text: "What fails as before comes back here." });
  };
  const forget = async (letter: Letter) => {
    if (!(await talk.ask({ title: "Forget this message?", text: "What it was about stays; nobody is told of it any more.", action: "Forget it" }))) return;
    await api.DELETE("/api/dead-letters/{id}", { params: { path: { id: letter.id } } });
    setOpen(null);
    await queries.invalidateQueries();
  };
  const columns: Column<Letter>[] = [
    { id: "died", name: "Given up", width: "150px", narrow: false, cell: (letter) => <When at={letter.diedAt} /> },
    { id: "what", name: "What", narrow: true, width: "minmax(180px, 2fr)", cell: (letter) => (letter.alertId ? <Go to="/alerts/$id" params={{ id: letter.alertId }}>{letter.alertTitle}</Go> : <span className="mono">{letter.queue}</span>) },
    { id: "alerter", name: "To", width: "140px", cell: (letter) => letter.alerter },
    { id: "reason", name: "Why", narrow: true, width: "minmax(260px, 3fr)", cell: (letter) => <button type="button" className="linkish" title={letter.reason} onClick={() => setOpen(letter)}>{letter.reason || "no reason was given"}</button> },
    { id: "deliveries", name: "Attempts", width: "90px", cell: (letter) => letter.deliveries },
    ...(mayRetry ? [{ id: "retry", name: "Actions", width: "120px", cell: (letter: Letter) => <Button size="small" onClick={() => void retry(letter).catch(talk.fail)}>Send again</Button> }] : []),
  ];
  return (
    <Page title="Dead letters" under="Messages that were given up, and batches of lines that could not be processed. They stay until they are tried again, or forgotten." actions={mayRetry && (letters.data?.items.length ?? 0) > 1 && <Button onClick={() => void retryAll().catch(talk.fail)}>Send all again</Button>}>
      <Problem of={letters.error} retry={() => void letters.refetch()} />
      {open && (
        <Section title="Message" actions={<>{mayRetry && <><Button size="small" appearance="primary" onClick={() => void retry(open).catch(talk.fail)}>Send again</Button><Button size="small" onClick={() => void forget(open).catch(talk.fail)}>Forget…</Button></>}<Button size="small" onClick={() => setOpen(null)}>Close</Button></>}>
          <p style={{ margin: 0 }}>{open.reason}</p>
          <Copyable name="the message" text={open.message} />
        </Section>
      )}
      {!letters.error && <DataTable name="Dead letters" columns={columns} rows={{ ...fixed(letters.data?.items ?? []), isLoading: letters.isPending, isFetching: letters.isPending }} rowKey={(letter) => letter.id} noun={["message", "messages"]} empty={<Empty title="Everything was delivered">What an alerter refuses, or cannot take for more than a day, ends up here, and so do batches of lines that could not be processed.</Empty>} />}
    </Page>
  );
}
