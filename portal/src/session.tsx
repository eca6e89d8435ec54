import { createContext, useContext } from "react";
import type { Schemas } from "./api";

const ranks = { viewer: 0, operator: 1, admin: 2 } as const;
export type RoleName = keyof typeof ranks;

export const SessionContext = createContext<Schemas["Session"] | null>(null);

/** Who uses the page. */
export function useSession(): Schemas["Session"] {
  const known = useContext(SessionContext);
  if (!known) throw new Error("Nobody is signed in.");
  return known;
}

/** Whether they may do what a role may. The server decides; this only hides what it would refuse. */
export function useMay(role: RoleName): boolean {
  return ranks[useSession().role as RoleName] >= ranks[role];
}
