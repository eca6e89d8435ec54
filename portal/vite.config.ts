import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where `npm run dev` finds the server: `FLEET_SERVER=https://fleet.example.org npm run dev`. */
const server = process.env.FLEET_SERVER ?? "http://localhost:5000";

export default defineConfig({
  plugins: [react()],
  build: { target: "es2022", assetsInlineLimit: 0, chunkSizeWarningLimit: 900 },
  server: { proxy: { "/api": { target: server, changeOrigin: true, secure: false } } },
});
