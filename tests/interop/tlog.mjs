// Proofs as @sigstore/verify sees them: its checks of checkpoints and of Merkle inclusion.

import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// The package keeps them to itself.
const require = createRequire(import.meta.url);
const { verifyCheckpoint } = require("@sigstore/verify/dist/tlog/checkpoint.js");
const { verifyMerkleInclusion } = require("@sigstore/verify/dist/tlog/merkle.js");

const [url, made] = [process.argv[2], JSON.parse(readFileSync(process.argv[3], "utf8"))];

function check(name, holds) {
  console.log(holds ? "ok  " : "FAIL", name);
}

async function get(path) {
  const answer = await fetch(url + path, { headers: { authorization: `Bearer ${made.key}` } });
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`);
  return answer.text();
}

/** A log as the library knows them, out of a verifier key of C2SP signed-note. */
function logOf(verifierKey) {
  const [, name, id, key] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(verifierKey.trim());
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(key, "base64").subarray(1)]);
  const publicKey = createPublicKey({ key: spki, format: "der", type: "spki" });
  return { baseURL: `https://${name}`, logID: Buffer.from(id, "hex"), publicKey };
}

/** A proof of C2SP tlog-proof as an entry of the library's. */
function entryOf(proof) {
  const [head, ...rest] = proof.split("\n\n");
  const [, extra, index, ...hashes] = head.split("\n");
  const inclusionProof = {
    logIndex: index.slice("index ".length),
    hashes: hashes.map((hash) => Buffer.from(hash, "base64")),
    checkpoint: { envelope: rest.join("\n\n") },
  };
  return { canonicalizedBody: Buffer.from(extra.slice("extra ".length), "base64"), inclusionProof };
}

function holds(proof, log) {
  try {
    const entry = entryOf(proof);
    verifyMerkleInclusion(entry, verifyCheckpoint(entry, [log]));
    return true;
  } catch {
    return false;
  }
}

const log = logOf(await get("/tlog/verifier-key"));
const size = Number((await get("/tlog/checkpoint")).split("\n")[1]);
const proofs = await Promise.all(Array.from({ length: size }, (_, index) => get(`/tlog/proof/${index + 1}`)));
check(`each of ${size} proofs is accepted`, size > 3 && proofs.every((proof) => holds(proof, log)));
const [proof] = proofs;
const last = proof.lastIndexOf(" ");
let refused = 0;
let changed = 0;
// The first line is the format's name, and the last character is the end of a line: neither is the library's business.
for (let place = proof.indexOf("extra ") + 6; place < proof.length - 2; place += 3) {
  const twin = proof.slice(0, place) + (proof[place] === "A" ? "B" : "A") + proof.slice(place + 1);
  // Padding bits of base64, which Node does not look at, change no byte.
  if (JSON.stringify(entryOf(twin)) === JSON.stringify(entryOf(proof)) && place < last) continue;
  changed += 1;
  refused += holds(twin, log) ? 0 : 1;
}
check(`each of ${changed} changed twins is refused`, changed > 100 && refused === changed);
const other = logOf("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
check("another log's key is refused", !holds(proof, other));
