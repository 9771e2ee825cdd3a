//! The catalogue of codes: what each stable code means, and what to do next. `docs/errors.md` is made from it.

/// One stable code.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub code: &'static str,
    pub family: Family,
    pub meaning: &'static str,
    pub next: &'static str,
}

/// Where a code comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A key or token is not accepted.
    Credential,
    /// The rules say no to a command.
    Rules,
    /// The request is not well formed, or asks too much.
    Request,
    /// The server cannot do it now.
    Server,
    /// A command at the machine met the data folder, or the line itself is wrong.
    Machine,
}

impl Family {
    pub const ALL: [Self; 5] = [Self::Credential, Self::Rules, Self::Request, Self::Server, Self::Machine];

    /// The word for it in listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Rules => "rules",
            Self::Request => "request",
            Self::Server => "server",
            Self::Machine => "machine",
        }
    }

    /// Where its codes are met.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Credential => "A key or token is not accepted",
            Self::Rules => "The rules say no",
            Self::Request => "The request is not well formed",
            Self::Server => "The server cannot do it now",
            Self::Machine => "At the machine, and on the command line",
        }
    }
}

/// The entry of a code, in any letter case and with hyphens for underscores.
pub fn find(code: &str) -> Option<&'static Entry> {
    let code = code.trim().to_ascii_uppercase().replace('-', "_");
    ENTRIES.iter().find(|entry| entry.code == code)
}

/// The code that is spelt most like this, if one is.
pub fn nearest(code: &str) -> Option<&'static str> {
    let code = code.trim().to_ascii_uppercase().replace('-', "_");
    let near = ENTRIES.iter().map(|entry| (strsim::jaro_winkler(entry.code, &code), entry.code));
    near.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(likeness, _)| *likeness > 0.8).map(|(_, code)| code)
}

const fn entry(family: Family, code: &'static str, meaning: &'static str, next: &'static str) -> Entry {
    Entry { code, family, meaning, next }
}

use Family::{Credential, Machine, Request, Rules, Server};

/// Every code, by family.
pub const ENTRIES: &[Entry] = &[
    entry(
        Credential,
        "UNAUTHENTICATED",
        "GraphQL says so of every credential that is not accepted; the code that tells why stands beside it, as `reason`.",
        "Look that code up: `keyledger explain REASON`.",
    ),
    entry(
        Credential,
        "CREDENTIAL_MISSING",
        "Nothing was shown.",
        "Send `Authorization: Bearer` with a key or a token; on the command line log in with `keyledger auth login`.",
    ),
    entry(
        Credential,
        "SESSION_OVER",
        "The session of the web UI has ended, or was signed out.",
        "Sign in again.",
    ),
    entry(Credential, "SIGNED_OUT", "You signed out of the web UI.", "Sign in again."),
    entry(
        Credential,
        "COOKIE_NOT_KEPT",
        "The browser did not keep the cookie that signs one in to the web UI.",
        "Reach the server over https, or on the machine itself as http://localhost.",
    ),
    entry(
        Credential,
        "SET_UP_LINK_INVALID",
        "The set-up link was used, is too old, or a newer one took its place.",
        "Print another at the machine with `keyledger set-up-link --data DIR`.",
    ),
    entry(
        Credential,
        "PROOF_MISSING",
        "A new secret is shown, rights are given and what cannot be undone is done only for whoever pasted the key within the last ten minutes.",
        "Paste the key that you signed in with into the form.",
    ),
    entry(
        Credential,
        "OTHER_KEY",
        "Another key, or a token, was pasted than the key that the session rests on.",
        "Paste the key that you signed in with.",
    ),
    entry(
        Request,
        "IN_THE_PAST",
        "Something was to be done on a page that shows the past.",
        "Return to now, and do it there.",
    ),
    entry(
        Request,
        "TENANT_CHANGED",
        "A form was made for another tenant than the one in which the session acts now; nothing was done.",
        "Open the page again, and look at which tenant its head names.",
    ),
    entry(
        Credential,
        "CREDENTIAL_MALFORMED",
        "What was shown cannot be a credential, or more than one was shown.",
        "Send one header: `Authorization: Bearer`, a space, and the key or token.",
    ),
    entry(
        Credential,
        "KEY_MISTYPED",
        "The key's checksum is wrong: it was mistyped or cut.",
        "Copy it again, whole.",
    ),
    entry(
        Credential,
        "KEY_UNKNOWN",
        "Nobody here has this key.",
        "Check that it belongs to this deployment and was copied whole.",
    ),
    entry(Credential, "KEY_REVOKED", "The key was revoked, for good.", "Ask for a new key."),
    entry(
        Credential,
        "KEY_EXPIRED",
        "The key's time is over; an expired key stays expired.",
        "Make a new key, or rotate keys before they end.",
    ),
    entry(Credential, "KEY_ROTATED", "The key was rotated, and the overlap is over.", "Use its successor."),
    entry(
        Credential,
        "KEY_DISABLED",
        "The key is disabled, which can be undone.",
        "Its owner, or an administrator for a service account's, enables it: `keyledger key enable`.",
    ),
    entry(
        Credential,
        "ADDRESS_NOT_ALLOWED",
        "The key lists the networks from which it is accepted, and the request came from elsewhere.",
        "Use it from there, or have the list changed. Behind a proxy, check `serve --trusted-proxy`; `{ auth_info { address } }` tells which address the server sees.",
    ),
    entry(
        Credential,
        "OWNER_REMOVED",
        "The user or service account of the key was removed, for good.",
        "Use a key of another owner.",
    ),
    entry(
        Credential,
        "OWNER_SUSPENDED",
        "The user or service account of the key is suspended.",
        "An administrator resumes a service account, an operator a user.",
    ),
    entry(
        Credential,
        "MEMBERSHIP_REMOVED",
        "The key's user left the tenant, or the key is from an earlier membership.",
        "Have somebody in the tenant make a new key; joining again revives none.",
    ),
    entry(
        Credential,
        "TENANT_REMOVED",
        "The tenant of the key was removed, for good.",
        "Use a key of another tenant.",
    ),
    entry(Credential, "TENANT_SUSPENDED", "The tenant is suspended.", "An operator resumes it."),
    entry(
        Credential,
        "NOT_A_MEMBER",
        "The key's user is no member of the tenant asked for.",
        "Name another tenant, or have an administrator of that one add the user.",
    ),
    entry(
        Credential,
        "OTHER_TENANT",
        "The credential acts in one tenant only, and another was asked for.",
        "Name its own tenant, or none.",
    ),
    entry(
        Credential,
        "TOKEN_EXPIRED",
        "The token's time is over; tokens live for minutes.",
        "Exchange the key for a new one.",
    ),
    entry(
        Credential,
        "TOKEN_REVOKED",
        "The token, or all of its kind until then, was revoked.",
        "Exchange the key for a new one.",
    ),
    entry(
        Credential,
        "TOKEN_SIGNATURE",
        "No key of this server signed the token.",
        "Check that it is from this deployment and was copied whole.",
    ),
    entry(
        Credential,
        "TOKEN_MALFORMED",
        "It is no token that this server issues.",
        "Show a token from `POST /oauth/token`, whole.",
    ),
    entry(
        Credential,
        "TOKEN_ISSUER",
        "The token names another issuer than this server is now.",
        "Exchange the key for a new one; check `serve --issuer`.",
    ),
    entry(
        Credential,
        "TOKEN_AUDIENCE",
        "The token is for another service.",
        "Exchange the key without an audience, or with this server's URL. A service that asks `POST /v1/verify` names its own as `audience`.",
    ),
    entry(
        Credential,
        "TOKEN_NOT_YET_VALID",
        "The token is valid only later: clocks differ.",
        "Check the clocks of the machines.",
    ),
    entry(
        Credential,
        "SIGNING_KEY_REFUSED",
        "The key that signed the token was compromised, or is not ours.",
        "Exchange the key for a new token.",
    ),
    entry(
        Credential,
        "TOO_MANY_GUESSES",
        "Too many credentials from this address were not known here. A good one is accepted all the same.",
        "Wait as long as `Retry-After` says; find out which client shows unknown keys.",
    ),
    entry(
        Credential,
        "RATE_LIMITED",
        "The key is used more often than its rate allows.",
        "Wait as long as `Retry-After` says, or have the rate changed.",
    ),
    entry(
        Credential,
        "CLIENT_MISMATCH",
        "The client id is not the id of the key shown, or a token was shown as a client secret.",
        "Give the key's own id as client id and the key as client secret.",
    ),
    entry(
        Credential,
        "NOT_A_KEY",
        "A token was shown where a key is needed.",
        "Show the key: a token cannot be exchanged again.",
    ),
    entry(
        Credential,
        "NOT_A_REFRESH_TOKEN",
        "Something other than a refresh token was shown to get the next token.",
        "Show the refresh token that came with the token, or switch to the tenant again with the key.",
    ),
    entry(
        Credential,
        "TOKEN_OF_ANOTHER_CLIENT",
        "A client may end only its own key and tokens.",
        "Let the client end it, or revoke the key as its administrator.",
    ),
    entry(
        Rules,
        "FORBIDDEN",
        "The role, or the scopes of the key used, do not include the permission.",
        "The message names it. Use another key, or ask an administrator.",
    ),
    entry(
        Rules,
        "CONSOLE_ONLY",
        "Only the person at the machine may do that.",
        "Run the `keyledger` command on the data folder itself.",
    ),
    entry(
        Rules,
        "SERVER_ONLY",
        "It follows from a setting of the server, which records it.",
        "Change the setting, and start the server again.",
    ),
    entry(
        Rules,
        "NOT_FOUND",
        "There is no such thing, or none that the caller may know of.",
        "Check the id and the tenant.",
    ),
    entry(Rules, "REMOVED", "It was removed, for good.", "Create a new one."),
    entry(
        Rules,
        "NOT_REMOVED",
        "Only texts about what was removed can be erased.",
        "Remove it first; suspend it, if it is to come back.",
    ),
    entry(Rules, "SUSPENDED", "It is suspended.", "Resume it first."),
    entry(Rules, "ID_TAKEN", "The id is in use; ids are never used again.", "Ask again: a new id is drawn."),
    entry(Rules, "SLUG_TAKEN", "Another living tenant has this slug.", "Choose another."),
    entry(
        Rules,
        "EMAIL_TAKEN",
        "A living user has this e-mail address.",
        "Add that user as a member instead.",
    ),
    entry(
        Rules,
        "NAME_TAKEN",
        "Another living service account of the tenant has this name.",
        "Choose another.",
    ),
    entry(
        Rules,
        "ALREADY_MEMBER",
        "The user is a member already: with another role, or a first key was asked for, which comes with joining alone.",
        "Change the role instead; who has no key that is accepted is removed and added again, with a first key.",
    ),
    entry(
        Rules,
        "LAST_ADMINISTRATOR",
        "A tenant must keep a living administrator.",
        "Make another member administrator first.",
    ),
    entry(Rules, "LAST_OPERATOR", "The deployment must keep a living operator.", "Grant another user first."),
    entry(
        Rules,
        "LAST_SIGNING_KEY",
        "The deployment must keep a key that signs tokens.",
        "Rotate first, or retire it as compromised, which replaces it.",
    ),
    entry(Rules, "EXPIRY_IN_PAST", "The expiry is over already.", "Give a later instant, or none."),
    entry(
        Rules,
        "KEY_LIFE_TOO_LONG",
        "The tenant's policy bounds the life of keys.",
        "Give an earlier expiry, or have the policy changed.",
    ),
    entry(
        Rules,
        "POLICY_CONTRADICTS",
        "The default life must be at least a second and not longer than the longest.",
        "Change either.",
    ),
    entry(
        Rules,
        "GRACE_TOO_LONG",
        "A rotated key may overlap its successor for at most 90 days.",
        "Give a shorter overlap.",
    ),
    entry(
        Rules,
        "SCOPES_NOT_HELD",
        "A key or token would have scopes that the key used does not have.",
        "Ask for fewer, or use a wider key.",
    ),
    entry(
        Rules,
        "REACH_NOT_HELD",
        "The new key would act where the credential used does not.",
        "Name the tenant of the credential used, or use a key for any tenant. Where the message names tenants that were joined again, \
         leave them first.",
    ),
    entry(
        Rules,
        "ADDRESSES_NOT_HELD",
        "The key would be accepted from addresses from which the key used is not.",
        "Name networks within the list of the key used, or use another key.",
    ),
    entry(
        Rules,
        "WOULD_LOCK_OUT",
        "The key used would not be accepted from where it is used.",
        "Include the address that you use, or change it with another key.",
    ),
    entry(Rules, "ALREADY_INITIALISED", "The ledger has its first tenant.", "Go on with it."),
    entry(
        Request,
        "IDEMPOTENCY_CONFLICT",
        "The idempotency key was used before, for another request.",
        "Use a new one.",
    ),
    entry(
        Request,
        "INVALID",
        "A part of the input has the wrong form.",
        "The message names it and says how.",
    ),
    entry(
        Request,
        "NAME_INVALID",
        "A name has a character that names cannot have, is empty, or has the form of an id or of an e-mail address where it would be taken for one.",
        "The message says which; choose another.",
    ),
    entry(Request, "NAME_TOO_LONG", "A name is too long.", "The message says how long it may be."),
    entry(
        Request,
        "SCOPE_INVALID",
        "A scope is none of RFC 6749, section 3.3, or begins with `keyledger:` and does not exist.",
        "The message names those that exist.",
    ),
    entry(
        Request,
        "NETWORK_INVALID",
        "A list of addresses has something in it that is no network, or is empty or too long.",
        "Give 1 to 32 addresses or blocks in CIDR notation, each at its first address: `10.0.0.0/8`.",
    ),
    entry(Request, "TOO_LARGE", "The event would be too large to be recorded.", "Give shorter texts."),
    entry(
        Request,
        "ANSWER_TOO_LARGE",
        "The answer would have more than 500,000 values: its entries times the fields of the document. Or it would tell the schema more than once.",
        "Ask for fewer entries (`first`, `limit`, a filter), or for fewer fields at once; of the schema for the fields of types once, without aliases below its root.",
    ),
    entry(
        Request,
        "AS_OF_BEFORE_FIRST_EVENT",
        "The moment asked about lies before the first event: there was nothing yet.",
        "Ask for a later one; `keyledger events --limit 1000` shows when the log began.",
    ),
    entry(
        Request,
        "AS_OF_IN_FUTURE",
        "The instant asked about has not come yet, by the server's clock.",
        "Ask for one that has passed, or leave `as_of` (`--as-of`) out for now.",
    ),
    entry(
        Request,
        "AS_OF_BEYOND_HEAD",
        "The log does not reach the position asked about.",
        "Ask for the last position, which the message names, or an earlier one.",
    ),
    entry(Request, "PAYLOAD_TOO_LARGE", "The body is larger than 256 KiB.", "Send less."),
    entry(Request, "BODY_UNREADABLE", "The body broke off.", "Send it again."),
    entry(
        Request,
        "HOST_MALFORMED",
        "The request has no Host header, more than one, or one that names no host (RFC 9112, section 3.2).",
        "Send one, with the name or address of the server; see what the proxy in front passes on.",
    ),
    entry(
        Request,
        "FORM_INVALID",
        "A field of a form in the web UI is empty, or what it holds makes no sense.",
        "The form says which; fill it in and send it again.",
    ),
    entry(
        Request,
        "NAME_DIFFERS",
        "The name that was typed to confirm is not the thing's name; nothing was done.",
        "Type it as it is shown, in the same letter case.",
    ),
    entry(
        Request,
        "CROSS_SITE",
        "A form came from a page of another site; nothing was done.",
        "Start from a page of the web UI; behind a proxy, see that Host and Origin arrive as the browser sent them.",
    ),
    entry(
        Request,
        "REQUEST_MALFORMED",
        "The request is not of the form that the address takes.",
        "The message says which.",
    ),
    entry(
        Request,
        "VARIABLES_MALFORMED",
        "GraphQL variables are neither an object nor a string that holds one; in the web UI, a time, a number or an id is none.",
        "Send an object; look at what was filled in.",
    ),
    entry(Request, "UNSUPPORTED_MEDIA_TYPE", "The body is not JSON.", "Send it as `application/json`."),
    entry(
        Request,
        "NOT_ACCEPTABLE",
        "The request accepts no media type in which the answer can be given.",
        "Accept `application/json` or `application/graphql-response+json`.",
    ),
    entry(
        Request,
        "METHOD_NOT_ALLOWED",
        "The address does not take this method; GET takes queries only.",
        "Send mutations by POST.",
    ),
    entry(
        Request,
        "NO_SUCH_ROUTE",
        "There is nothing at this address.",
        "Check the URL; the README lists the routes.",
    ),
    entry(
        Request,
        "NOT_AN_ORCHESTRATOR",
        "A client asked for flows, work pools or runs, which Keyledger does not keep.",
        "Set PREFECT_API_URL to the orchestrator's own address; Keyledger is where its keys come from.",
    ),
    entry(
        Request,
        "CALLBACK_NOT_LOOPBACK",
        "The page of a browser login was opened without a callback, or with one that is not on this computer.",
        "Start the login of your program again, and open the address that it shows.",
    ),
    entry(
        Request,
        "OTHER_ORIGIN",
        "The form of a browser login was sent from another site, or by a program that does not say from where.",
        "Open the page that your program shows, and use its own form. Behind a proxy, check `serve --issuer`.",
    ),
    entry(
        Request,
        "TOO_MANY_ROOT_FIELDS",
        "An operation may have at most ten root fields.",
        "Send several requests.",
    ),
    entry(Request, "GRAPHQL_PARSE_FAILED", "The document is no GraphQL.", "The message says where."),
    entry(
        Request,
        "GRAPHQL_VALIDATION_FAILED",
        "The document does not fit the schema, or is larger or deeper than allowed.",
        "Compare it with `GET /graphql/schema.graphql`.",
    ),
    entry(
        Request,
        "OPERATION_RESOLUTION_FAILED",
        "The request does not say which operation of the document it means.",
        "Send one operation, or its name as `operationName`.",
    ),
    entry(
        Request,
        "INTROSPECTION_OFF",
        "The server does not show its schema.",
        "Use the published `schema.graphql`.",
    ),
    entry(
        Request,
        "INVALID_REQUEST",
        "A request to an OAuth endpoint is malformed (RFC 6749, section 5.2).",
        "The description says what.",
    ),
    entry(
        Request,
        "INVALID_TARGET",
        "The tenant, resource or audience asked for cannot be (RFC 8693, section 2.2.2).",
        "The description says why. A tenant in which the key does not act is the same error, `invalid_target`, with the code of why it does not.",
    ),
    entry(
        Request,
        "GRANT_TYPE",
        "The endpoint does not take this grant.",
        "Use client_credentials or token exchange.",
    ),
    entry(
        Server,
        "NO_CHECKPOINT",
        "No checkpoint is signed: it might contradict one that was.",
        "The server's log says why: the file of the highest signed one is missing, damaged, not signed by this log's key or of another history, or the key for checkpoints cannot be read (docs/runbooks/audit.md).",
    ),
    entry(
        Request,
        "NOT_COSIGNED",
        "No witness has signed a checkpoint of this log.",
        "Name witnesses with `--witness`; the server's log says what they answer.",
    ),
    entry(
        Request,
        "NO_SUCH_TILE",
        "The latest checkpoint covers no such tile.",
        "Fetch `/tlog/checkpoint`, and only the tiles that its size names.",
    ),
    entry(
        Request,
        "NO_SUCH_EVENT",
        "The log has no event at this position.",
        "Take the position from a mutation's answer, from `events`, or from the `seq` of a token.",
    ),
    entry(
        Server,
        "WITNESS_UNSIGNED",
        "In the log: a witness answered without a good signature.",
        "Check the verifier key that `--witness` names.",
    ),
    entry(
        Server,
        "WITNESS_STRANGER",
        "In the log: a witness does not know this log, or not its key.",
        "Give its operator the origin and the verifier key.",
    ),
    entry(
        Server,
        "WITNESS_CONTRADICTS",
        "In the log: a witness knows another history of this log.",
        "It was rolled back, or there are two of it: keep both (docs/runbooks/audit.md).",
    ),
    entry(
        Server,
        "WITNESS_FAILED",
        "In the log: a witness could not be asked.",
        "It is asked again every few seconds; look whether its address is right.",
    ),
    entry(
        Server,
        "UNKNOWN_OUTCOME",
        "Whether the change lasts is not known: the disk failed during the commit, or it took too long.",
        "Ask again with the same idempotency key.",
    ),
    entry(
        Server,
        "RECOVERING",
        "The server recovers from a failure of its disk, or waits for room; nothing was changed.",
        "Ask again in a few seconds; if it lasts, look into the server's log and at its disk.",
    ),
    entry(
        Server,
        "STOPPED",
        "The server takes no changes; nothing was changed.",
        "Look into its log; try again later.",
    ),
    entry(
        Server,
        "UNREADABLE",
        "The ledger could not be read.",
        "Look into the server's log; run `keyledger audit verify --full`.",
    ),
    entry(
        Server,
        "SUBJECT_KEY_MISSING",
        "The key that seals this owner's names is missing from the server's secrets.",
        "Stop the server and add the owner's line to `secrets/subjects` from a copy; an older copy in the place of the whole file loses the keys of everybody made since.",
    ),
    entry(
        Server,
        "NO_SIGNING_KEY",
        "No key signs tokens now.",
        "An operator rotates: `keyledger signing-key rotate`.",
    ),
    entry(
        Server,
        "SIGNING_KEY_NOT_KEPT",
        "The private half of a new signing key could not be written to `secrets/signing`; nothing was changed.",
        "Let the server's user write that folder, and make room: the server's log names the file and the reason. A rotation by schedule is tried again every minute.",
    ),
    entry(
        Server,
        "POSITION_NOT_REACHED",
        "The server has not reached the position asked for.",
        "Ask again shortly; check that the position is of this ledger.",
    ),
    entry(Server, "INTERNAL", "The server failed.", "Its log says why, under the request's id."),
    entry(
        Server,
        "EXECUTION_FAILED",
        "A GraphQL operation failed without a code of its own.",
        "Look into the server's log.",
    ),
    entry(
        Machine,
        "USAGE",
        "The command line is malformed.",
        "The hint says what would be right; `--help` shows examples.",
    ),
    entry(Machine, "HELP", "Help was asked for.", "Read it."),
    entry(
        Machine,
        "VALUE_INVALID",
        "An argument or setting has a value that it cannot have.",
        "The message says which form it takes.",
    ),
    entry(
        Machine,
        "LOG_FILTER_INVALID",
        "KEYLEDGER_LOG is no filter of log lines.",
        "Give a level, such as `debug`.",
    ),
    entry(
        Machine,
        "SCHEDULE_INVALID",
        "The schedule of signing keys contradicts itself.",
        "Publish keys for a shorter time than they sign.",
    ),
    entry(Machine, "NO_LEDGER", "The folder holds no ledger.", "Make one: `keyledger init`."),
    entry(
        Machine,
        "LEDGER_EXISTS",
        "The folder holds a ledger already.",
        "Choose another folder; nothing is ever overwritten.",
    ),
    entry(
        Machine,
        "LEDGER_IN_USE",
        "Another process has the ledger open.",
        "Stop it first; audits run beside a server unless that is `--exclusive`.",
    ),
    entry(
        Machine,
        "LEDGER_NEEDS_REPAIR",
        "A crash left the file half written, and reading alone cannot repair it.",
        "Start the server on it once, or run `keyledger audit verify --repair`.",
    ),
    entry(
        Machine,
        "LEDGER_DAMAGED",
        "The file is damaged.",
        "Copy the folder before anything changes it. If the message names a table of the views, stop the server and run `keyledger audit rebuild`; else restore a backup.",
    ),
    entry(
        Machine,
        "LOG_DAMAGED",
        "An event of the log cannot be read.",
        "Copy the folder before anything changes it; restore a backup.",
    ),
    entry(
        Machine,
        "CHAIN_BROKEN",
        "An event does not follow from the one before.",
        "Somebody or something changed the log: copy the folder, compare it with backups.",
    ),
    entry(
        Machine,
        "VIEWS_OF_ANOTHER_VERSION",
        "The views were written by software of another version, or never finished. Nothing is damaged.",
        "Older ones: start the server on it once with this software, or run `keyledger audit rebuild` while none runs. Newer ones: use the keyledger that wrote them.",
    ),
    entry(
        Machine,
        "VIEWS_DAMAGED",
        "A row of the views does not match its check.",
        "Stop the server and run `keyledger audit rebuild`: the log is the truth, and damaged pages of the views are thrown away.",
    ),
    entry(
        Machine,
        "DATABASE_FAILED",
        "The database could not do it.",
        "The message says what; check the disk.",
    ),
    entry(
        Machine,
        "FILE_FAILED",
        "A file could not be read or written.",
        "The message names it; check permissions and space.",
    ),
    entry(
        Machine,
        "GUARD_EXISTS",
        "The guard's file is there, and is that of a ledger that is not.",
        "Put that ledger back, or restore its backup; to begin another, choose another folder and `--guard`, or move the guard, its `.checkpoint` and the secrets away first.",
    ),
    entry(
        Machine,
        "NO_GUARD",
        "The guard that shows that the ledger was not rolled back is missing or unreadable.",
        "If it is kept elsewhere, give `--guard` or `--config`; or else bring it back. Where it is lost for good, start once with `serve --accept-rollback` (docs/runbooks/restore.md).",
    ),
    entry(Machine, "OTHER_LEDGER", "The guard is another ledger's.", "Name the right one with `--guard`."),
    entry(
        Machine,
        "ROLLED_BACK",
        "The ledger is older than its guard, or than the highest checkpoint that was signed: a backup was restored, or events were lost.",
        "Find the newer one; or start once with `--accept-rollback`, and repeat the revocations made since.",
    ),
    entry(
        Machine,
        "LOG_LOST",
        "After a failure the disk no longer has what was committed before.",
        "Copy the folder, look at the disk, and restore a backup.",
    ),
    entry(
        Machine,
        "OTHER_PEPPER",
        "The keys and names of this ledger were digested under another pepper, or a digit of its key was changed.",
        "Put the copy of the right one back, or give its file with `--pepper-file`.",
    ),
    entry(Machine, "ADDRESS_IN_USE", "Another process listens there.", "Choose another with `--listen`."),
    entry(Machine, "ADDRESS_INVALID", "The machine cannot listen there.", "Choose another with `--listen`."),
    entry(
        Machine,
        "NO_RESOURCES",
        "The machine has no room for one more server.",
        "Check limits of threads and files.",
    ),
    entry(
        Machine,
        "WRITER_STOPPED",
        "The server has ended, because its ledger takes no more changes.",
        "Start it again: the ledger is opened and checked anew.",
    ),
    entry(
        Machine,
        "NOT_COVERED",
        "The event, or one that belongs into the bundle, came after the highest signed checkpoint.",
        "Ask the running server for its checkpoint once (`GET /tlog/checkpoint`), then again; `audit bundle --up-to-checkpoint` leaves out what came later, and says so.",
    ),
    entry(
        Machine,
        "NOTHING_TO_PROVE",
        "No event of the log is one that the bundle was to have.",
        "Look with `keyledger audit show` what there is; no bundle is written without an event.",
    ),
    entry(
        Machine,
        "NOT_A_DATA_FOLDER",
        "The command needs a data folder, and was given a file, such as a backup or an export.",
        "Make a folder of it: `keyledger restore` of a backup, `keyledger audit import` of an export.",
    ),
    entry(
        Machine,
        "MADE_LATER",
        "What was asked for was made after the moment that was asked about.",
        "The message says when: ask for that moment or a later one.",
    ),
    entry(
        Machine,
        "NO_SUCH_TENANT",
        "The log knows no tenant with this id.",
        "`keyledger audit replay` lists the ids of all there are.",
    ),
    entry(
        Machine,
        "NO_SUCH_ACTOR",
        "The log knows nobody with this id who could have done something: no user, service account or key, and no token with which anything was done.",
        "Look the id up with `keyledger audit show`, which lists who did what; or say `console` or `server`.",
    ),
    entry(
        Machine,
        "PROOF_INVALID",
        "What was to be proved is not.",
        "Take nothing of it for granted. If the key that you gave is the right one, keep the file: it is evidence itself.",
    ),
    entry(Machine, "FILE_EXISTS", "There is a file or folder of that name already.", "Choose another name."),
    entry(
        Machine,
        "VERIFICATION_FAILED",
        "The audit found something wrong.",
        "The report tells every problem; copy the folder before anything changes it.",
    ),
    entry(
        Machine,
        "AS_OF_BACKWARDS",
        "Of two moments, the second lies before the first.",
        "Name the earlier one first.",
    ),
    entry(
        Machine,
        "EXPORT_DAMAGED",
        "The file is no backup and no whole export: it was cut short or altered.",
        "Take another copy; nothing was changed.",
    ),
    entry(
        Machine,
        "NO_SUCH_KEY",
        "The log knows no key with this id.",
        "Look the id up with `keyledger audit show --type KeyCreated`; a key's secret is not its id.",
    ),
    entry(Machine, "OUTPUT_FAILED", "The output could not be written.", "Check the disk, or the reader."),
    entry(
        Machine,
        "KEY_LOST",
        "The ledger was made, and the only copy of its first key is lost.",
        "Nothing uses it yet: remove the folder and init again.",
    ),
    entry(Machine, "DEFECT", "This is a defect of keyledger.", "Please report it, with the message."),
    entry(Server, "NO_METRICS", "This server records no metrics.", "Start it with `keyledger serve`."),
    entry(
        Server,
        "TIMEOUT",
        "The request took too long; nothing was changed.",
        "Try again later; the server may be overloaded.",
    ),
    entry(
        Server,
        "BUSY",
        "Too much is under way for one more request; nothing was changed.",
        "Try again after the seconds that Retry-After names; if it stays so, look at keyledger_graphql_operations.",
    ),
    entry(
        Server,
        "TOO_MANY_CONNECTIONS",
        "The server has as many connections as it may have.",
        "Close those that are not needed, or raise --connections-max.",
    ),
    entry(
        Server,
        "DRAINING",
        "The server was told to stop, and takes requests only until it does.",
        "Send new ones to another server.",
    ),
    entry(
        Machine,
        "NEWER_VERSION",
        "The backup or the export is of a version that only newer software reads.",
        "Use the keyledger that wrote it, or a newer one. If none writes that version, the file was altered: take another copy.",
    ),
    entry(
        Machine,
        "BACKUP_DAMAGED",
        "The backup was cut short or altered.",
        "Take another; nothing was restored.",
    ),
    entry(
        Machine,
        "BACKUP_EXISTS",
        "There is a file at the place of the new backup.",
        "Name another; nothing is ever overwritten.",
    ),
    entry(
        Machine,
        "CONFIG_UNREADABLE",
        "The file of settings cannot be read, or is no TOML.",
        "The message says where.",
    ),
    entry(
        Machine,
        "SETTING_UNKNOWN",
        "A file or the environment has a setting that does not exist.",
        "The hint names the nearest; `keyledger config show` lists all.",
    ),
    entry(
        Machine,
        "SETTING_TWICE",
        "A setting is given by its variable and by its `_FILE` twin.",
        "Unset one.",
    ),
    entry(
        Machine,
        "SETTING_UNREADABLE",
        "The file that holds a setting cannot be read.",
        "The message names it.",
    ),
    entry(
        Machine,
        "DOCTOR_FAILED",
        "Something that the deployment rests on is wrong.",
        "The report says what, and what to do about each.",
    ),
    entry(
        Machine,
        "NO_SUCH_USER",
        "No living user of the ledger has this e-mail address.",
        "Check the spelling; a removed user cannot be recovered.",
    ),
    entry(
        Machine,
        "IMPORT_UNREADABLE",
        "The file with keys to import cannot be read.",
        "Check its path and who may read it.",
    ),
    entry(
        Machine,
        "LINES_REFUSED",
        "Some keys of the file were not imported; all others were.",
        "Mend the lines that the report names, and import again: what is here already is passed over.",
    ),
    entry(
        Machine,
        "KEY_OF_ANOTHER",
        "A key of the file is here already, as somebody else's.",
        "Two owners cannot share a key: give one of them another.",
    ),
    entry(
        Machine,
        "TRACES_FAILED",
        "Traces cannot be sent to the endpoint given.",
        "Give an `http://` URL of an OpenTelemetry collector.",
    ),
    entry(
        Machine,
        "NO_URL",
        "The command does not know which server to ask.",
        "Log in: `keyledger auth login --url URL`; or set KEYLEDGER_URL.",
    ),
    entry(
        Machine,
        "CREDENTIAL_AMBIGUOUS",
        "Two variables give a key.",
        "Unset KEYLEDGER_KEY or KEYLEDGER_KEY_FILE.",
    ),
    entry(
        Machine,
        "CREDENTIAL_EMPTY",
        "The file or variable that should hold a key is empty.",
        "Put the key there, on one line.",
    ),
    entry(
        Machine,
        "KEY_FILE_UNREADABLE",
        "The file of the key cannot be read.",
        "Check the path and its permissions.",
    ),
    entry(
        Machine,
        "STANDARD_INPUT",
        "Standard input gave nothing in time, or is asked for two things.",
        "Use a file for one of them.",
    ),
    entry(
        Machine,
        "SECRET_IN_ARGUMENTS",
        "A key or token stands on the command line, where every process can read it.",
        "Hand it over by standard input, a file, the environment or a profile; if it is alive, rotate it.",
    ),
    entry(
        Machine,
        "KEY_NOT_SHOWN_AGAIN",
        "The key was made by an earlier attempt, and its secret was in the answer that was lost.",
        "Revoke it, and make another.",
    ),
    entry(Machine, "NOT_CONFIRMED", "The question was not answered with yes.", "Ask again, or give `--yes`."),
    entry(
        Machine,
        "NOT_KEYLEDGER",
        "Something else answers at the URL.",
        "Check the URL, and what stands in front of the server.",
    ),
    entry(
        Machine,
        "UNREACHABLE",
        "The server cannot be reached.",
        "Check the URL, the network, and whether it runs: `curl URL/livez`.",
    ),
    entry(
        Machine,
        "NO_HOME",
        "No folder for profiles is known.",
        "Set HOME or XDG_CONFIG_HOME to an absolute path.",
    ),
    entry(
        Machine,
        "NO_PROFILE",
        "The key does not come from a profile, so there is nowhere to save the tenant.",
        "Log in first, or name the tenant each time with `--tenant`.",
    ),
    entry(
        Machine,
        "PROFILE_UNKNOWN",
        "There is no such profile.",
        "Log in under that name: `keyledger auth login --profile NAME`.",
    ),
    entry(
        Machine,
        "PROFILE_EXPOSED",
        "The file of profiles can be read by others, so it is not used.",
        "`chmod 600` it; if others may have read it, revoke its keys.",
    ),
    entry(
        Machine,
        "PROFILE_MALFORMED",
        "The file of profiles is not what this program writes.",
        "Mend the line that the message names, or remove the file and log in again.",
    ),
    entry(
        Machine,
        "PROFILE_UNREADABLE",
        "The file of profiles cannot be read or locked.",
        "Check its permissions.",
    ),
    entry(
        Machine,
        "OTHER_URL",
        "A saved key goes only to the server for which it was saved.",
        "Log in to the other server under another profile.",
    ),
    entry(
        Machine,
        "ROLE_DIFFERS",
        "A service account of that name has another role than the scope asks for.",
        "Choose another name, or change its role.",
    ),
];
