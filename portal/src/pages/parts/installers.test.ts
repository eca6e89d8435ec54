import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { installer } from "./installers";

const certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

test("the line for Linux writes the three files as they are, the secret for root alone", () => {
  const folder = mkdtempSync(join(tmpdir(), "fleet-")) + "/it's here/";
  const line = installer({ name: "linux", title: "Linux", folder, flags: ["--tls_hostname=fleet.example.org:443", "--pack_delimiter=/"], needs: [] }, { certificate }, "s3cret'$(id)");
  // What needs root and a service is left to the machine.
  execFileSync("sh", ["-c", `sudo() { if [ "$1" = systemctl ]; then return 0; fi; "$@"; }; ${line}`]);
  expect(readFileSync(folder + "enroll-secret", "utf8")).toBe("s3cret'$(id)\n");
  expect(statSync(folder + "enroll-secret").mode & 0o777).toBe(0o600);
  expect(readFileSync(folder + "fleet.crt", "utf8")).toBe(certificate);
  expect(readFileSync(folder + "osquery.flags", "utf8")).toBe("--tls_hostname=fleet.example.org:443\n--pack_delimiter=/\n");
});

test("without a certificate of the server's own none is written", () =>
  expect(installer({ name: "darwin", title: "macOS", folder: "/var/osquery/", flags: ["--a=b"], needs: [] }, { certificate: null }, "s")).not.toContain("fleet.crt"));

test("the line for Windows is one line of PowerShell that quotes what it writes", () => {
  const line = installer({ name: "windows", title: "Windows", folder: "C:\\Program Files\\osquery\\", flags: ["--a=it's"], needs: [] }, { certificate }, "s");
  expect(line).not.toContain("\n");
  expect(line).toContain("-Path 'C:\\Program Files\\osquery\\osquery.flags' -Value @('--a=it''s')");
});
