import { Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle } from "@fluentui/react-components";
import { useState, type ReactNode } from "react";
import { faultOf } from "../api";
import { Problem } from "./basics";
import { useRunning } from "./running";

interface Props {
  title: ReactNode;
  /** What the button does: "Save". */
  action: string;
  /** Whether enough is filled in. */
  isReady?: boolean;
  /** Enter in a field does not do it, only the button. */
  byButtonOnly?: boolean;
  isWide?: boolean;
  onClose: () => void;
  /** Does it. The dialog closes when this ends well, and else shows what was refused. */
  onDone: () => Promise<unknown>;
  /** The fields; each can ask what is wrong with a member of the body. */
  children: (wrong: (member: string) => string | undefined) => ReactNode;
}

/** A dialog of fields that are sent together, once at a time. */
export function FormDialog({ title, action, isReady = true, byButtonOnly = false, isWide = false, onClose, onDone, children }: Props) {
  const [fault, setFault] = useState<unknown>(null);
  const [isRunning, run] = useRunning();
  const start = () => run(() => {
    setFault(null);
    return onDone().then(onClose, setFault);
  });
  const parts = (
    <DialogBody>
      <DialogTitle>{title}</DialogTitle>
      <DialogContent className="form">{children((member) => faultOf(fault, member))}<Problem of={fault} /></DialogContent>
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button appearance="primary" disabled={!isReady || isRunning} {...(byButtonOnly ? { onClick: start } : { type: "submit" as const })}>{action}</Button>
      </DialogActions>
    </DialogBody>
  );
  return (
    <Dialog open onOpenChange={(_, data) => !data.open && onClose()}>
      <DialogSurface style={isWide ? { maxWidth: "min(960px, 96vw)", width: "100%" } : undefined}>
        {byButtonOnly ? parts : <form onSubmit={(event) => { event.preventDefault(); start(); }}>{parts}</form>}
      </DialogSurface>
    </Dialog>
  );
}
