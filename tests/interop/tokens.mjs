// Tokens as jose sees them: the key set fetched by it, the type, issuer and audience checked by it.

import { readFileSync } from "node:fs";
import { createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify } from "jose";

const [url, made] = [process.argv[2], JSON.parse(readFileSync(process.argv[3], "utf8"))];
const AUDIENCE = "https://flows.example.com";

function check(name, holds) {
  console.log(holds ? "ok  " : "FAIL", name);
}

/** Whether the library refuses with just this error, about this claim. */
async function refused(name, expected, claim, act) {
  try {
    await act();
    check(`${name}: no error`, false);
  } catch (error) {
    check(`${name}: ${error.code}`, error instanceof expected && (!claim || error.claim === claim));
  }
}

async function minted(form) {
  const authorization = `Basic ${btoa(`${made.key_id}:${made.key}`)}`;
  const body = new URLSearchParams({ grant_type: "client_credentials", ...form });
  const answer = await fetch(`${url}/oauth/token`, { method: "POST", headers: { authorization }, body });
  return (await answer.json()).access_token;
}

const metadata = await (await fetch(`${url}/.well-known/oauth-authorization-server`)).json();
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));
const wanted = { issuer: url, audience: AUDIENCE, typ: "at+jwt", requiredClaims: ["sub", "client_id", "jti", "iat", "exp"] };
const token = await minted({ audience: AUDIENCE });

const { payload, protectedHeader } = await jwtVerify(token, keys, wanted);
check("jose accepts it, for whom it is", payload.sub === made.user_id && payload.client_id === made.key_id);
check("jose sees its tenant and position", payload.tenant === made.tenant_id && payload.seq > 0);
check("its type is at+jwt", protectedHeader.typ === "at+jwt");
check("its key is Ed25519", ["EdDSA", "Ed25519"].includes(decodeProtectedHeader(token).alg));
const { JWTClaimValidationFailed, JWSSignatureVerificationFailed, JOSEAlgNotAllowed, JWKSNoMatchingKey } = errors;
const verify = (shown, other) => jwtVerify(shown, keys, { ...wanted, ...other });
await refused("jose refuses another audience", JWTClaimValidationFailed, "aud", () => verify(token, { audience: url }));
await refused("jose refuses another issuer", JWTClaimValidationFailed, "iss", () => verify(token, { issuer: "https://other.example" }));
await refused("jose refuses another type", JWTClaimValidationFailed, "typ", () => verify(token, { typ: "jwt" }));
await refused("jose takes no other algorithm", JOSEAlgNotAllowed, null, () => verify(token, { algorithms: ["RS256"] }));
const [head, body, signature] = token.split(".");
const forged = Buffer.from(JSON.stringify({ ...payload, role: "administrator", scope: "all" })).toString("base64url");
await refused("jose refuses a changed payload", JWSSignatureVerificationFailed, null, () => verify(`${head}.${forged}.${signature}`));
const header = JSON.parse(Buffer.from(head, "base64url"));
const other = Buffer.from(JSON.stringify({ ...header, kid: "A".repeat(43) })).toString("base64url");
await refused("jose knows no key of another name", JWKSNoMatchingKey, null, () => verify(`${other}.${body}.${signature}`));

// What is asked for twice is not sent twice.
const first = await fetch(metadata.jwks_uri);
const again = await fetch(metadata.jwks_uri, { headers: { "if-none-match": first.headers.get("etag") } });
check("the key set is a JWK Set, with a tag", first.headers.get("content-type").startsWith("application/jwk-set+json") && again.status === 304);
