"""Tokens and the OAuth endpoints, as PyJWT and Authlib see them."""

import base64
import datetime
import json
import os
import sys
import time

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # The server under test is on loopback.

import jwt
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url

URL, MADE = sys.argv[1], json.load(open(sys.argv[2]))
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"
AUDIENCE = "https://flows.example.com"


def check(name, holds):
    print("ok  " if holds else "FAIL", name)


def refused(name, error, act):
    """Whether the library raises just this."""
    try:
        act()
    except error as raised:
        check(f"{name}: {type(raised).__name__}", True)
    except Exception as raised:  # noqa: BLE001
        check(f"{name}: another error, {raised!r}", False)
    else:
        check(f"{name}: no error", False)


def graphql(query, **given):
    headers = {"Authorization": f"Bearer {MADE['key']}"}
    answer = requests.post(f"{URL}/graphql", json={"query": query, "variables": {"input": given}}, headers=headers)
    body = answer.json()
    assert "errors" not in body, body
    (value,) = body["data"].values()
    return value


def client(name, role, **more):
    """A service account with a key."""
    account = graphql(
        "mutation($input: create_service_account_input!) { create_service_account(input: $input) { id } }",
        tenant_id=MADE["tenant_id"], name=name, role=role,
    )
    return account["id"], graphql(
        "mutation($input: create_api_key_input!) { create_api_key(input: $input) { id key } }",
        user_id=account["id"], name="key", **more,
    )


# The metadata of RFC 8414, found and checked by the library; everything below rests on what it says.
metadata = AuthorizationServerMetadata(requests.get(get_well_known_url(URL, external=True)).json())
for name in (
    "issuer", "token_endpoint", "jwks_uri", "scopes_supported", "grant_types_supported",
    "token_endpoint_auth_methods_supported", "revocation_endpoint", "revocation_endpoint_auth_methods_supported",
    "introspection_endpoint", "introspection_endpoint_auth_methods_supported",
):
    try:
        getattr(metadata, f"validate_{name}")()
        check(f"metadata: {name}", name in metadata)
    except ValueError as error:
        check(f"metadata: {name}: {error}", False)
check("metadata: the issuer is the URL it was found at", metadata["issuer"] == URL)
check("metadata: response_types_supported is there, and empty", metadata["response_types_supported"] == [])
TOKEN = metadata["token_endpoint"]

account, agent = client("agent", "runner", scopes=["flows:run", "flows:read"])
_, verifier = client("verifier", "member")
_, stranger = client("stranger", "runner")


def session(key, method, **more):
    return OAuth2Session(key["id"], key["key"], token_endpoint_auth_method=method, **more)


# client_credentials of RFC 6749, section 4.4, by both ways to show a secret.
for method in ("client_secret_basic", "client_secret_post"):
    check(f"{method} is announced", method in metadata["token_endpoint_auth_methods_supported"])
    with session(agent, method) as library:
        token = library.fetch_token(TOKEN, grant_type="client_credentials")
        check(f"{method}: a Bearer token", token["token_type"] == "Bearer" and 0 < token["expires_in"] <= 900)
        check(f"{method}: its scope is the key's", set(token["scope"].split()) == {"flows:run", "flows:read"})
        answer = library.get(f"{URL}/v1/whoami")
        check(f"{method}: the library uses it", answer.status_code == 200 and answer.json()["id"] == account)
        narrow = library.fetch_token(TOKEN, grant_type="client_credentials", scope="flows:read")
        check(f"{method}: narrowed", narrow["scope"] == "flows:read")
        for name, more, error in (
            ("a scope not held", {"scope": "flows:delete"}, "invalid_scope"),
            ("a relative resource", {"resource": "flows"}, "invalid_target"),
        ):
            try:
                library.fetch_token(TOKEN, grant_type="client_credentials", **more)
                check(f"{method}: {name}: no error", False)
            except OAuthError as raised:
                check(f"{method}: {name}: {raised.error}", raised.error == error)
    try:
        wrong = {"id": agent["id"], "key": stranger["key"]}
        session(wrong, method).fetch_token(TOKEN, grant_type="client_credentials")
        check(f"{method}: another's secret: no error", False)
    except OAuthError as raised:
        check(f"{method}: another's secret: {raised.error}", raised.error == "invalid_client")
try:
    session(agent, "client_secret_basic").fetch_token(TOKEN, grant_type="password", username="a", password="b")
    check("another grant: no error", False)
except OAuthError as raised:
    check(f"another grant: {raised.error}", raised.error == "unsupported_grant_type")

# The token exchange of RFC 8693.
with session(agent, "client_secret_basic") as library:
    exchanged = library.fetch_token(
        TOKEN, grant_type=EXCHANGE, subject_token=agent["key"], subject_token_type=f"{TOKEN_TYPE}access_token",
        audience=AUDIENCE, scope="flows:run",
    )
check("exchange: issued_token_type", exchanged["issued_token_type"] == f"{TOKEN_TYPE}access_token")
check("exchange: scope", exchanged["scope"] == "flows:run")

# PyJWT, by the published key set.
jwks = jwt.PyJWKClient(metadata["jwks_uri"])
SAME = {"algorithms": ["EdDSA"], "issuer": URL, "audience": AUDIENCE}
REQUIRED = {"require": ["iss", "exp", "aud", "sub", "iat", "jti", "client_id"]}  # RFC 9068, section 2.2


def verified(token, **other):
    key = jwks.get_signing_key_from_jwt(token)
    return jwt.decode(token, key.key, options=REQUIRED, **{**SAME, **other})


token = exchanged["access_token"]
claims = verified(token)
check("PyJWT accepts it, for whom it is", claims["sub"] == account and claims["client_id"] == agent["id"])
check("PyJWT sees its scope and tenant", claims["scope"] == "flows:run" and claims["tenant"] == MADE["tenant_id"])
header = jwt.get_unverified_header(token)
check("its type is at+jwt", header["typ"] == "at+jwt")
check("its kid is one of the set", header["kid"] in [key.key_id for key in jwks.get_signing_keys()])
refused("PyJWT refuses another audience", jwt.InvalidAudienceError, lambda: verified(token, audience=URL))
refused("PyJWT refuses another issuer", jwt.InvalidIssuerError, lambda: verified(token, issuer="https://other.example"))
head, payload, signature = token.split(".")
more = {**claims, "scope": "flows:delete"}
forged = base64.urlsafe_b64encode(json.dumps(more).encode()).rstrip(b"=").decode()
refused("PyJWT refuses a changed payload", jwt.InvalidSignatureError, lambda: verified(f"{head}.{forged}.{signature}"))
refused("PyJWT takes no other algorithm", jwt.InvalidAlgorithmError, lambda: verified(token, algorithms=["RS256"]))

# Another signing key takes over soon. Whoever fetches the set before knows it: no library need ask again, and
# PyJWT, which does not ask twice within seconds, verifies its first token.
soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
rotated = graphql(
    "mutation($input: rotate_signing_key_input!) { rotate_signing_key(input: $input) { kid } }",
    active_from=soon.isoformat(),
)
jwks = jwt.PyJWKClient(metadata["jwks_uri"])
check("the next key is published ahead", rotated["kid"] in [key.key_id for key in jwks.get_signing_keys()])
patience = time.monotonic() + 20
with session(agent, "client_secret_post") as library:
    while True:
        second = library.fetch_token(TOKEN, grant_type="client_credentials", audience=AUDIENCE)["access_token"]
        if jwt.get_unverified_header(second)["kid"] == rotated["kid"] or time.monotonic() > patience:
            break
        time.sleep(0.2)
check("and signs when it is said to", jwt.get_unverified_header(second)["kid"] == rotated["kid"])
check("PyJWT knows it already", verified(second)["sub"] == account)
check("and what the first one signed stays good", verified(token)["sub"] == account)

# Introspection of RFC 7662 and revocation of RFC 7009, by the library.
with session(verifier, "client_secret_basic") as asking, session(agent, "client_secret_basic") as owning:
    def seen(shown, **more):
        return asking.introspect_token(metadata["introspection_endpoint"], token=shown, **more).json()

    found = seen(token)
    check("introspection: active", found["active"] is True and found["token_type"] == "Bearer")
    same = ("sub", "client_id", "iss", "exp", "iat", "nbf", "jti", "scope")
    check("introspection: says what the token says", all(found[it] == claims[it] for it in same))
    check("introspection: a key, too", seen(agent["key"], token_type_hint="access_token")["active"] is True)
    check("introspection: exactly inactive", seen("unknown") == {"active": False})
    revocation = metadata["revocation_endpoint"]
    foreign = session(stranger, "client_secret_post").revoke_token(revocation, token=token)
    check("revocation: not by another client", foreign.status_code == 400 and seen(token)["active"] is True)
    answer = owning.revoke_token(revocation, token=token, token_type_hint="access_token")
    check("revocation: 200", answer.status_code == 200)
    check("revocation: it is refused at the next request", seen(token) == {"active": False})
    check("revocation: only that one", seen(second)["active"] is True)
    check("revocation: of what is unknown, 200", owning.revoke_token(revocation, token="x").status_code == 200)
    check("revocation: of the key, with what it minted", owning.revoke_token(revocation, token=agent["key"]).status_code == 200
          and seen(agent["key"]) == seen(second) == {"active": False})
