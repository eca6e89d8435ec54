import { useRef, useState } from "react";

/** Work that is not begun again while it goes on: a second click makes nothing twice. */
export function useRunning(): [boolean, (work: () => Promise<unknown>) => void] {
  const [isRunning, setRunning] = useState(false);
  const running = useRef(false);
  return [isRunning, (work) => {
    if (running.current) return;
    running.current = true;
    setRunning(true);
    void work().finally(() => {
      running.current = false;
      setRunning(false);
    });
  }];
}
