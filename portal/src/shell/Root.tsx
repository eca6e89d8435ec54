import { Outlet } from "@tanstack/react-router";
import { TalkProvider } from "../parts/talk";

export const Root = () => <TalkProvider><Outlet /></TalkProvider>;
