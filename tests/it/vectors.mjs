// Asks proofs/verify.mjs about many cases in one process: node vectors.mjs VERIFY.MJS < CASES > REPORTS
// CASES is an array of {files, policy, status, leaf, at, now}: paths, or null; REPORTS the array of what verifyFiles() answers.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { verifyFiles } = await import(pathToFileURL(process.argv[2]).href);
const read = (path) => new Uint8Array(readFileSync(path));
const optional = (path) => (path ? read(path) : null);
const named = (path) => ({ name: path, bytes: read(path) });
const reports = [];
for (const { files, policy, status, leaf, at, now } of JSON.parse(readFileSync(0, "utf8"))) {
  const options = { policy: optional(policy), status: (status ?? []).map(named), leaf: optional(leaf), at: at ?? null, now };
  reports.push(await verifyFiles(files.map(named), options));
}
process.stdout.write(JSON.stringify(reports));
