// GraphQL over HTTP, as the audit of graphql-http sees it: every audit, for an authenticated caller.

import { readFileSync } from "node:fs";
import { auditServer } from "graphql-http";

const [url, made] = [process.argv[2], JSON.parse(readFileSync(process.argv[3], "utf8"))];

/** The audit shows no credential of its own. */
function authenticated(input, init = {}) {
  return fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${made.key}` } });
}

const results = await auditServer({ url: `${url}/graphql`, fetchFn: authenticated });
for (const { id, name, status, reason } of results) {
  // The statuses are ok, notice (a MAY), warn (a SHOULD) and error (a MUST).
  const passed = status === "ok" || status === "notice";
  console.log(passed ? "ok  " : "FAIL", id, name, status === "ok" ? "" : `(${status}: ${reason})`);
}
if (results.length < 50) throw new Error(`only ${results.length} audits`);
