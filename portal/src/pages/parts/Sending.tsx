import { MessageBar, MessageBarBody, Switch } from "@fluentui/react-components";
import { State } from "../../parts/basics";

/** A query as it is sent to agents, or is not. */
interface Sent {
  disabled?: boolean;
  forced?: boolean;
  fault?: string | null;
}

/** A word on a query that is not sent, or is sent although the check refuses it. */
export function Sending({ of }: { of: Sent }) {
  if (of.disabled) return <State of="disabled" title={of.fault ?? "Agents do not get it."} />;
  return of.forced ? <State of="forced" title={of.fault ?? undefined} /> : null;
}

/** Why the check refused a query that is kept all the same. */
export function Refused({ of }: { of: Sent }) {
  return (
    <MessageBar intent="warning" layout="multiline">
      <MessageBarBody>{of.forced ? "Agents get this query although the check refuses it" : "Agents do not get this query: the check refuses it"}: {of.fault}</MessageBarBody>
    </MessageBar>
  );
}

/** Whether agents get a query. One that the check refuses can be forced on them. */
export function SendingSwitches({ of, fault, onChange }: { of: Sent; fault?: string | null | undefined; onChange: (changes: { disabled?: boolean; forced?: boolean }) => void }) {
  return (
    <>
      <Switch label="Disabled: keep it, and send it to no agent" checked={of.disabled === true} onChange={(_, data) => onChange({ disabled: data.checked, ...(data.checked ? { forced: false } : {}) })} />
      {(fault || of.forced) && <Switch label="Send it to agents although the check refuses it" checked={of.forced === true} onChange={(_, data) => onChange({ forced: data.checked, ...(data.checked ? { disabled: false } : {}) })} />}
    </>
  );
}
