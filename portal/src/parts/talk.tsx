import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Toast, ToastBody, ToastFooter, ToastTitle, Toaster, useId, useToastController,
} from "@fluentui/react-components";
import { createContext, useCallback, useContext, useMemo, useRef, useState, type ReactNode } from "react";

interface Told {
  /** What can be done now: a link to it, or a way back. */
  footer?: ReactNode;
  undo?: () => Promise<unknown>;
  intent?: "success" | "error" | "info" | "warning";
  text?: string;
}

interface Asked {
  title: string;
  text: ReactNode;
  /** What the button does, in words: "Delete the node". */
  action: string;
  danger?: boolean;
}

interface Talk {
  tell: (title: string, more?: Told) => void;
  fail: (fault: unknown) => void;
  ask: (question: Asked) => Promise<boolean>;
}

const TalkContext = createContext<Talk | null>(null);

/** Toasts that say what happened, and questions before what cannot be undone. */
export function useTalk(): Talk {
  return useContext(TalkContext)!;
}

export function TalkProvider({ children }: { children: ReactNode }) {
  const toaster = useId("toaster");
  const { dispatchToast, dismissToast } = useToastController(toaster);
  const [asked, setAsked] = useState<Asked | null>(null);
  const answer = useRef<(yes: boolean) => void>(() => {});
  const made = useRef(0);

  const tell = useCallback((title: string, more: Told = {}) => {
    const toastId = `toast-${made.current++}`;
    const undo = more.undo;
    dispatchToast(
      <Toast>
        <ToastTitle action={undo ? <Button size="small" appearance="transparent" onClick={() => { dismissToast(toastId); void undo().then(() => tell("Undone"), fail); }}>Undo</Button> : null}>{title}</ToastTitle>
        {more.text && <ToastBody>{more.text}</ToastBody>}
        {more.footer && <ToastFooter>{more.footer}</ToastFooter>}
      </Toast>,
      { toastId, intent: more.intent ?? "success", timeout: more.intent === "warning" ? 20_000 : undo ? 10_000 : more.intent === "error" ? 12_000 : 5_000, pauseOnHover: true },
    );
  }, []);
  const fail = useCallback((fault: unknown) => tell("This did not work", { intent: "error", text: fault instanceof Error ? fault.message : String(fault) }), [tell]);
  const ask = useCallback((question: Asked) => {
    setAsked(question);
    return new Promise<boolean>((resolve) => {
      answer.current = resolve;
    });
  }, []);
  const close = (yes: boolean) => {
    setAsked(null);
    answer.current(yes);
  };

  return (
    <TalkContext.Provider value={useMemo(() => ({ tell, fail, ask }), [tell, fail, ask])}>
      {children}
      <Toaster toasterId={toaster} position="bottom-end" shortcuts={{ focus: (event) => event.ctrlKey && event.key === "m" }} />
      <Dialog open={asked !== null} modalType="alert" onOpenChange={(_, data) => !data.open && close(false)}>
        <DialogSurface>
          <DialogBody>
            <DialogTitle>{asked?.title}</DialogTitle>
            <DialogContent>{asked?.text}</DialogContent>
            <DialogActions>
              <Button appearance="secondary" onClick={() => close(false)}>Cancel</Button>
              <Button appearance="primary" className={asked?.danger ? "danger" : ""} onClick={() => close(true)}>{asked?.action}</Button>
            </DialogActions>
          </DialogBody>
        </DialogSurface>
      </Dialog>
    </TalkContext.Provider>
  );
}
