import { useRef, useState } from "react";
import { Fault, type Schemas } from "../../api";

export interface BackTest {
  isRunning: boolean;
  progress: Schemas["BackTestProgress"] | null;
  result: Schemas["BackTestResult"] | null;
  fault: unknown;
}

/** The lines of an answer, as they come. */
export async function* lines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as never).getReader() as ReadableStreamDefaultReader<string>;
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    rest += value ?? "";
    const whole = rest.split("\n");
    rest = whole.pop()!;
    yield* whole.filter((line) => line !== "");
    if (done) break;
  }
  if (rest !== "") yield rest;
}

/** A back-test: it tells how far it is, and ends when one no longer wants it. */
export function useBackTest(): BackTest & { run: (request: Schemas["BackTestRequest"]) => Promise<void>; stop: () => void } {
  const [state, setState] = useState<BackTest>({ isRunning: false, progress: null, result: null, fault: null });
  const stopping = useRef<AbortController | null>(null);
  const run = async (request: Schemas["BackTestRequest"]) => {
    stopping.current?.abort();
    const mine = (stopping.current = new AbortController());
    setState({ isRunning: true, progress: null, result: null, fault: null });
    try {
      const response = await fetch("/api/rules/backtest", { method: "POST", signal: mine.signal, headers: { "Content-Type": "application/json", "X-Fleet-Csrf": "1" }, body: JSON.stringify(request) });
      if (!response.ok) throw new Fault(response.status, (await response.json().catch(() => ({}))) as Partial<Schemas["Problem"]>);
      for await (const line of lines(response.body!)) {
        const one = JSON.parse(line) as Schemas["BackTestEvent"];
        if (one.error) throw new Error(one.error);
        setState((before) => ({ ...before, progress: one.progress ?? before.progress, result: one.result ?? before.result }));
      }
      setState((before) => ({ ...before, isRunning: false }));
    } catch (fault) {
      if (!mine.signal.aborted) setState((before) => ({ ...before, isRunning: false, fault }));
    }
  };
  return { ...state, run, stop: () => { stopping.current?.abort(); setState((before) => ({ ...before, isRunning: false })); } };
}
