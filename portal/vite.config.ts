import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { compression } from "vite-plugin-compression2";

/** Where `npm run dev` finds the server, unless FLEET_SERVER says otherwise. */
const server = process.env.FLEET_SERVER ?? "https://localhost:8443";

export default defineConfig({
  // The server sends these as they lie there: no request waits for a compressor.
  plugins: [react(), compression({ include: /\.(js|css|svg)$/, threshold: 1000, algorithms: ["gzip", "brotliCompress"] })],
  build: { target: "es2022", assetsInlineLimit: 0, chunkSizeWarningLimit: 900 },
  server: { proxy: Object.fromEntries(["/api", "/healthz"].map((path) => [path, { target: server, changeOrigin: true, secure: false }])) },
});
