import { FluentProvider } from "@fluentui/react-components";
import { MutationCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Fault } from "./api";
import "./app.css";
import { router } from "./router";
import { useSystemTheme } from "./theme";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What was refused will be refused again; what could not be asked may be asked soon.
      retry: (count, fault) => !(fault instanceof Fault && fault.status < 500) && count < 3,
      staleTime: 2_000,
      refetchOnWindowFocus: true,
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
  mutationCache: new MutationCache({
    // Whatever was written: what is on the screen is read again.
    onSuccess: () => void queries.invalidateQueries({ refetchType: "active" }),
  }),
});

function App() {
  const { theme, name } = useSystemTheme();
  return (
    <FluentProvider theme={theme} className={`root ${name}`}>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </FluentProvider>
  );
}

createRoot(document.getElementById("root")!).render(<StrictMode><App /></StrictMode>);
