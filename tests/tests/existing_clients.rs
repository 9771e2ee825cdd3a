//! What the GraphQL clients in the field send, as they send it: every document of theirs is valid, carried out, and
//! answered in the form that they read.

use keyledger_tests::client::{Answer, Client};
use serde_json::{Value, json};

use crate::two_tenants::{TwoTenants, key_for, text};

/// The strict schema against which every document of theirs is valid.
const CONTRACT: &str = include_str!("../../fixtures/existing-clients.graphql");

// Their documents, by the letters of the wire contract.
const A: &str = "query { auth_info { tenant_id } }";
const B: &str = "query { auth_info { user_id } }";
const C: &str = "query { auth_info { api_token_scope } }";
const D: &str = "query { hello }";
const E: &str = "query { user { default_membership { tenant_id } } }";
const F: &str =
    "query($slug: String, $id: uuid) { tenant(where: {slug: { _eq: $slug }, id: { _eq: $id } }) { id } }";
const G: &str = "query($slug: String) { tenant(where: {slug: { _eq: $slug } }) { id } }";
const I: &str = "query { tenant(order_by: {slug: asc}) { id slug name } }";
const J: &str = "mutation($input: switch_tenant_input!) { switch_tenant(input: $input) { access_token expires_at refresh_token } }";
const K: &str = "mutation($input: refresh_token_input!) { refresh_token(input: $input) { access_token expires_at refresh_token } }";
const L: &str = "mutation($input: create_api_token_input!) { create_api_token(input: $input) { token } }";
const M: &str = "query { api_token { id name } }";
const N: &str = "mutation($input: delete_api_token_input!) { delete_api_token(input: $input) { success } }";
const O: &str = "mutation($input: create_api_key_input!) { create_api_key(input: $input) { key } }";
const P: &str = "query { auth_api_key { id name expires_at } }";
const Q: &str = "mutation($input: delete_api_key_input!) { delete_api_key(input: $input) { success } }";
const R: &str = "mutation($input: register_agent_input!) { register_agent(input: $input) { id } }";
const S: &str =
    "mutation($input: get_runs_in_queue_input!) { get_runs_in_queue(input: $input) { flow_run_ids } }";

/// One of these clients.
struct Old<'w> {
    url: &'w str,
    credential: Option<String>,
    headers: Vec<(&'static str, String)>,
}

impl<'w> Old<'w> {
    fn holding(world: &'w TwoTenants, credential: &str) -> Self {
        Self { url: world.server.url(), credential: Some(credential.to_owned()), headers: vec![] }
    }

    fn in_tenant(mut self, tenant: &str) -> Self {
        self.headers.push(("x-prefect-tenant-id", tenant.to_owned()));
        self
    }

    fn agent(mut self, id: &str) -> Self {
        self.headers.push(("x-prefect-agent-id", id.to_owned()));
        self
    }

    /// Sends a document just as they do: to the root, with `variables` as a string of JSON, accepting anything.
    fn send_to(&self, path: &str, document: &str, variables: &Value) -> Answer {
        let mut client = match &self.credential {
            Some(credential) => Client::holding(self.url, credential),
            None => Client::anonymous(self.url),
        };
        client = client.with("accept", "*/*").with("x-prefect-core-version", "1.4.1");
        for (name, value) in &self.headers {
            client = client.with(name, value);
        }
        let body = json!({"query": document, "variables": variables.to_string()}).to_string();
        client.post(path, "application/json", &body)
    }

    /// The data of an answer without errors: without the member, as one that is empty breaks them.
    fn data(&self, document: &str, variables: &Value) -> Value {
        let answer = self.send_to("/", document, variables);
        assert_eq!(answer.status, 200, "{document}: {}", answer.text);
        let body = answer.json();
        let members: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["data"], "{document}: {body}");
        body["data"].clone()
    }

    fn field(&self, document: &str, variables: &Value) -> Value {
        let data = self.data(document, variables);
        let fields = data.as_object().unwrap();
        assert_eq!(fields.len(), 1);
        fields.values().next().unwrap().clone()
    }

    fn mutate(&self, document: &str, input: &Value) -> Value {
        self.field(document, &json!({"input": input}))
    }

    /// The reason with which a document is refused as they understand it: 200, and the word in the errors.
    fn unauthenticated(&self, document: &str, variables: &Value) -> String {
        let answer = self.send_to("/", document, variables);
        assert_eq!(answer.status, 200, "{document}: {}", answer.text);
        let body = answer.json();
        let extensions = &body["errors"][0]["extensions"];
        assert_eq!(extensions["code"], "UNAUTHENTICATED", "{document}: {body}");
        // Refused before anything ran, or field by field.
        let nothing = body["data"].as_object().is_none_or(|fields| fields.values().all(Value::is_null));
        assert!(nothing, "{body}");
        text(&extensions["reason"])
    }

    /// The code of another refusal.
    fn refused(&self, document: &str, input: &Value) -> String {
        let answer = self.send_to("/", document, &json!({"input": input}));
        let code = answer.json()["errors"][0]["extensions"]["code"].clone();
        assert!(!answer.text.contains("UNAUTHENTICATED"), "{}", answer.text);
        text(&code)
    }

    fn scope(&self) -> String {
        text(&self.field(C, &Value::Null)["api_token_scope"])
    }
}

impl TwoTenants {
    fn old(&self, credential: &str) -> Old<'_> {
        Old::holding(self, credential)
    }

    /// Ada joins Globex, too, as a member.
    fn ada_joins_globex(&self) {
        let input = json!({"email": "ada@example.com", "role": "member", "tenant_id": self.globex_id});
        self.eve().mutate("add_member", &input, "user_id").unwrap();
    }

    /// What an administrator is told of the agents that poll with a key.
    fn agents(&self, key: &str) -> Vec<Value> {
        let usage = "id usage { agents { id type name first_seen_at last_poll_at polls } }";
        let keys = crate::two_tenants::listed(&self.ada(), "keys", "", usage).unwrap();
        let key = keys.iter().find(|known| known["id"] == *key).unwrap();
        key["usage"]["agents"].as_array().cloned().unwrap_or_default()
    }
}

/// A type of the published schema, with the `!` that outputs may have more of, and inputs less.
fn fits(ours: &str, theirs: &str, is_input: bool) -> bool {
    let plain = |text: &str| text.replace('!', "");
    let (narrow, wide) = if is_input { (theirs, ours) } else { (ours, theirs) };
    plain(ours) == plain(theirs)
        // Whatever the wider one promises, the narrower one promises, too.
        && (wide.matches('!').count() <= narrow.matches('!').count())
}

/// The published schema has the contract's every type, field and argument.
#[test]
fn every_name_of_the_contract_is_there_in_its_shape() {
    let world = TwoTenants::new();
    let query = "{ __schema { types { name kind inputFields { name type { ...t } defaultValue } enumValues { name } \
        fields { name type { ...t } args { name type { ...t } } } } } } \
        fragment t on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";
    let answer = world.ada().graphql(query, &Value::Null).json();
    let types = answer["data"]["__schema"]["types"].as_array().unwrap().clone();
    let mut checked = 0;
    let contract = whole_lines(CONTRACT);
    for definition in &contract {
        let (head, body) = definition.split_once('{').unwrap_or((definition, ""));
        let mut words = head.split_whitespace();
        let (keyword, name) = (words.next().unwrap(), words.next().unwrap());
        let ours = types.iter().find(|known| known["name"] == *name);
        let ours = ours.unwrap_or_else(|| panic!("there is no {name}"));
        for member in members(body.trim_end_matches('}')) {
            let known = match keyword {
                "enum" => &ours["enumValues"],
                "input" => &ours["inputFields"],
                _ => &ours["fields"],
            };
            let (field, wanted) = member.rsplit_once(':').unwrap_or((&member, ""));
            let (field, arguments) = field.split_once('(').unwrap_or((field, ")"));
            let (field, wanted) = (field.trim(), wanted.trim());
            let found = known.as_array().unwrap().iter().find(|known| known["name"] == *field);
            let found = found.unwrap_or_else(|| panic!("{name} has no {field}"));
            checked += 1;
            if keyword == "enum" {
                continue;
            }
            let is = written(&found["type"]);
            // What a mutation refuses is null and takes nothing from those beside it: docs/decisions/0049.
            let wanted = if name == "Mutation" { wanted.trim_end_matches('!') } else { wanted };
            assert!(fits(&is, wanted, keyword == "input"), "{name}.{field} is {is}, and not {wanted}");
            for argument in arguments.trim_end_matches(')').split(',').filter(|it| !it.trim().is_empty()) {
                let (argument, wanted) = argument.split_once(':').unwrap();
                let arguments = found["args"].as_array().unwrap();
                let known = arguments.iter().find(|known| known["name"] == *argument.trim()).unwrap();
                let is = written(&known["type"]);
                assert!(fits(&is, wanted.trim(), true), "{field}({argument}) is {is}");
            }
        }
        // What the clients do not know of must not be asked of them.
        let added = ours["inputFields"].as_array().into_iter().flatten();
        for field in added.filter(|field| !body.contains(field["name"].as_str().unwrap())) {
            assert!(!written(&field["type"]).ends_with('!'), "{name}.{} must be optional", field["name"]);
        }
    }
    assert!(checked > 60, "only {checked} were found in the contract");
}

/// Each definition of the contract as one line.
fn whole_lines(contract: &str) -> Vec<String> {
    let mut definitions: Vec<String> = vec![];
    let mut open = false;
    for line in contract.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        match definitions.last_mut() {
            Some(definition) if open => definition.push_str(&format!(",{line}")),
            _ => definitions.push(line.to_owned()),
        }
        open = (open || line.contains('{')) && !line.contains('}');
    }
    definitions.into_iter().map(|definition| definition.replace("{,", "{").replace(",}", "}")).collect()
}

/// The members of a definition: those of arguments are no ends.
fn members(body: &str) -> Vec<String> {
    let (mut members, mut depth) = (vec![String::new()], 0);
    for c in body.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 && c == ',' {
            members.push(String::new());
        } else if let Some(member) = members.last_mut() {
            member.push(c);
        }
    }
    let named = members.iter().map(|member| member.trim());
    // Values of an enum have only spaces between them.
    let split = named.flat_map(|member| match member.contains(':') {
        true => vec![member.to_owned()],
        false => member.split_whitespace().map(str::to_owned).collect(),
    });
    split.filter(|member| !member.is_empty()).collect()
}

fn written(of: &Value) -> String {
    match of["kind"].as_str() {
        Some("NON_NULL") => format!("{}!", written(&of["ofType"])),
        Some("LIST") => format!("[{}]", written(&of["ofType"])),
        _ => text(&of["name"]),
    }
}

/// A to I: who am I, and where.
#[test]
fn they_ask_who_they_are() {
    let world = TwoTenants::new();
    world.ada_joins_globex();
    let (acme, globex) = (&world.ada.tenant_id, &world.globex_id);
    let ada = world.old(&world.ada.key);
    for path in ["/", "/graphql"] {
        let answer = ada.send_to(path, A, &Value::Null);
        assert_eq!(answer.json(), json!({"data": {"auth_info": {"tenant_id": acme}}}), "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    }
    assert_eq!(ada.field(B, &Value::Null)["user_id"], *world.ada.user_id);
    assert_eq!(ada.scope(), "USER");
    assert_eq!(world.old(&world.agent.secret).scope(), "RUNNER", "of whatever role the account is");
    assert!(ada.field(D, &Value::Null).is_string());
    assert_eq!(ada.field(E, &Value::Null), json!([{"default_membership": {"tenant_id": acme}}]));
    // null matches everything.
    let ids = |document, variables: Value| {
        let found = ada.field(document, &variables);
        found.as_array().unwrap().iter().map(|tenant| text(&tenant["id"])).collect::<Vec<_>>()
    };
    assert_eq!(ids(F, json!({"slug": null, "id": acme})), [acme.as_str()]);
    assert_eq!(ids(F, json!({"slug": "globex", "id": null})), [globex.as_str()]);
    assert_eq!(ids(F, json!({"slug": null, "id": null})), [acme.as_str(), globex.as_str()]);
    assert_eq!(ids(F, json!({"slug": "globex", "id": acme})), Vec::<String>::new());
    assert_eq!(ids(G, json!({"slug": "globex"})), [globex.as_str()]);
    assert_eq!(ids(G, json!({"slug": "elsewhere"})), Vec::<String>::new());
    let named = format!("query {{ tenant(where: {{ id: {{ _eq: \"{acme}\" }} }}) {{ id name slug }} }}");
    assert_eq!(ada.field(&named, &Value::Null), json!([{"id": acme, "name": "acme", "slug": "acme"}]));
    let all = ada.field(I, &Value::Null);
    assert_eq!(
        all.as_array().unwrap().iter().map(|it| text(&it["slug"])).collect::<Vec<_>>(),
        ["acme", "globex"]
    );
    // Only those of the bearer.
    assert_eq!(world.old(&world.bob.secret).field(I, &Value::Null).as_array().unwrap().len(), 1);
}

/// A with `X-PREFECT-TENANT-ID`.
#[test]
fn the_tenant_of_their_header_counts_only_where_the_bearer_may_act() {
    let world = TwoTenants::new();
    world.ada_joins_globex();
    let there = world.old(&world.ada.key).in_tenant(&world.globex_id);
    assert_eq!(there.field(A, &Value::Null)["tenant_id"], *world.globex_id);
    for tenant in [world.globex_id.as_str(), "01890a5d-ac96-774b-bcce-b302099a8057", "nonsense"] {
        let bob = world.old(&world.bob.secret).in_tenant(tenant);
        let reason = bob.unauthenticated(A, &Value::Null);
        assert!(["OTHER_TENANT", "NOT_A_MEMBER"].contains(&reason.as_str()), "{reason}");
        let agent = world.old(&world.agent.secret).in_tenant(tenant);
        agent.unauthenticated(A, &Value::Null);
    }
    let body = json!({"query": A}).to_string();
    let newer = world.bob().with("x-prefect-tenant-id", &world.globex_id);
    let newer = newer.with("accept", "application/graphql-response+json");
    assert_eq!(newer.post("/", "application/json", &body).status, 401);
}

/// J, K: a token for any tenant of the user, and the next one.
#[test]
fn they_switch_tenants_and_renew_their_tokens() {
    let world = TwoTenants::new();
    world.ada_joins_globex();
    let ada = world.old(&world.ada.key);
    for tenant in [&world.ada.tenant_id, &world.globex_id] {
        let pair = ada.mutate(J, &json!({"tenant_id": tenant}));
        let access = text(&pair["access_token"]);
        assert!(text(&pair["expires_at"]).parse::<jiff::Timestamp>().unwrap() > jiff::Timestamp::now());
        assert_eq!(world.old(&access).field(A, &Value::Null)["tenant_id"], **tenant);
        assert_eq!(world.holding(&access).whoami().status, 200);
        let renewed = world.old(&text(&pair["refresh_token"])).mutate(K, &json!({"access_token": access}));
        let next = text(&renewed["access_token"]);
        assert_ne!(next, access);
        assert_eq!(world.old(&next).field(A, &Value::Null)["tenant_id"], **tenant);
        let again = world.old(&text(&renewed["refresh_token"])).mutate(K, &json!({"access_token": next}));
        assert_eq!(world.old(&text(&again["access_token"])).scope(), "USER");
    }
    // Elsewhere, nobody gets a token.
    let elsewhere = json!({"input": {"tenant_id": world.globex_id}});
    assert_eq!(world.old(&world.bob.secret).unauthenticated(J, &elsewhere), "NOT_A_MEMBER");
    assert_eq!(world.old(&world.agent.secret).unauthenticated(J, &elsewhere), "OTHER_TENANT");
    let nowhere = json!({"input": {"tenant_id": "01890a5d-ac96-774b-bcce-b302099a8057"}});
    assert_eq!(ada.unauthenticated(J, &nowhere), "NOT_A_MEMBER");
    // A token is for one tenant, and gets no other.
    let access = text(&ada.mutate(J, &json!({"tenant_id": world.ada.tenant_id}))["access_token"]);
    assert_eq!(world.old(&access).refused(J, &json!({"tenant_id": world.globex_id})), "NOT_A_KEY");
}

/// What a refresh token is good for.
#[test]
fn a_refresh_token_renews_and_does_nothing_else() {
    let world = TwoTenants::new();
    let pair = world.old(&world.ada.key).mutate(J, &json!({"tenant_id": world.ada.tenant_id}));
    let (access, refresh) = (text(&pair["access_token"]), text(&pair["refresh_token"]));
    let holder = world.old(&refresh);
    let renewing = json!({"input": {"access_token": access}});
    for document in [
        A,
        D,
        M,
        "{ __typename }",
        "mutation($input: refresh_token_input!) { refresh_token(input: $input) { access_token } delete_api_key(input: {key_id: \"01890a5d-ac96-774b-bcce-b302099a8057\"}) { success } }",
        "mutation($input: refresh_token_input!) { ...F } fragment F on Mutation { refresh_token(input: $input) { access_token } }",
        "mutation A($input: refresh_token_input!) { refresh_token(input: $input) { access_token } } query B { hello }",
    ] {
        assert_eq!(holder.unauthenticated(document, &renewing), "TOKEN_AUDIENCE", "{document}");
    }
    let new_key = json!({"input": {"user_id": world.ada.user_id, "name": "wider"}});
    assert_eq!(holder.unauthenticated(O, &new_key), "TOKEN_AUDIENCE");
    // Nor anywhere else, nor to a service that asks what it is worth.
    assert_eq!(world.holding(&refresh).whoami().code().as_deref(), Some("TOKEN_AUDIENCE"));
    assert_eq!(Client::anonymous(world.server.url()).exchange(&refresh, &[]).status, 400);
    let question = json!({"credential": refresh}).to_string();
    let asked = world.ada().post("/v1/verify", "application/json", &question).json();
    assert_eq!((&asked["valid"], &asked["code"]), (&json!(false), &json!("TOKEN_AUDIENCE")), "{asked}");
    // And nobody mints one by naming its audience.
    let named =
        Client::anonymous(world.server.url()).exchange(&world.ada.key, &[("audience", "keyledger:renewal")]);
    assert_eq!((named.status, named.code().as_deref()), (400, Some("INVALID_TARGET")), "{}", named.text);

    // It renews the token that came with it, and no other.
    let other = text(
        &world.old(&world.bob.secret).mutate(J, &json!({"tenant_id": world.ada.tenant_id}))["access_token"],
    );
    for wrong in [other.as_str(), &refresh, &world.ada.key, "", "eyJ.e.e"] {
        assert_eq!(holder.refused(K, &json!({"access_token": wrong})), "INVALID", "{wrong}");
    }
    // Only it renews.
    for bearer in [&access, &world.ada.key] {
        assert_eq!(world.old(bearer).refused(K, &json!({"access_token": access})), "NOT_A_REFRESH_TOKEN");
    }
    holder.mutate(K, &json!({"access_token": access}));
}

/// Renewed tokens are never wider than the key.
#[test]
fn what_is_renewed_is_as_narrow_as_the_key() {
    let world = TwoTenants::new();
    let input = json!({"user_id": world.ada.user_id, "name": "narrow", "scopes": ["keyledger:read"]});
    let narrow = text(&world.ada().mutate("create_api_key", &input, "key").unwrap()["key"]);
    let pair = world.old(&narrow).mutate(J, &json!({"tenant_id": world.ada.tenant_id}));
    let access = json!({"access_token": pair["access_token"]});
    let next = text(&world.old(&text(&pair["refresh_token"])).mutate(K, &access)["access_token"]);
    assert_eq!(world.holding(&next).whoami().json()["scopes"], json!(["keyledger:read"]));
    for holder in [&narrow, &next] {
        for scope in ["RUNNER", "TENANT", "USER"] {
            assert_eq!(
                world.old(holder).refused(L, &json!({"name": "n", "scope": scope})),
                "FORBIDDEN",
                "{scope}"
            );
        }
    }
}

/// What ends a key: given the key's id and its account's.
type End<'w> = Box<dyn Fn(&str, &str) + 'w>;

/// K and the JWT itself after the key, its owner or its tokens ended.
#[test]
fn nothing_is_renewed_after_the_end() {
    let world = TwoTenants::new();
    let acme = json!({"tenant_id": world.ada.tenant_id});
    let ends: [(&str, End<'_>, &str); 4] = [
        (
            "the key is revoked",
            Box::new(|key, _| {
                world.ada().mutate("delete_api_key", &json!({"key_id": key}), "success").unwrap();
            }),
            "KEY_REVOKED",
        ),
        (
            "the key is disabled",
            Box::new(|key, _| {
                world.ada().mutate("disable_api_key", &json!({"key_id": key}), "success").unwrap();
            }),
            "KEY_DISABLED",
        ),
        (
            "its tokens are revoked",
            Box::new(|key, _| {
                world.ada().mutate("revoke_tokens", &json!({"key_id": key}), "success").unwrap();
            }),
            "TOKEN_REVOKED",
        ),
        (
            "its account is removed",
            Box::new(|_, account| {
                let input = json!({"service_account_id": account});
                world.ada().mutate("delete_service_account", &input, "success").unwrap();
            }),
            "OWNER_REMOVED",
        ),
    ];
    for (number, (what, end, reason)) in ends.iter().enumerate() {
        let account =
            world.ada().mutate("create_service_account", &json!({"name": format!("a{number}")}), "id");
        let account = text(&account.unwrap()["id"]);
        let key = key_for(&world.ada(), &account, "key");
        let pair = world.old(&key.secret).mutate(J, &acme);
        let (access, refresh) = (text(&pair["access_token"]), text(&pair["refresh_token"]));
        assert_eq!(world.old(&access).scope(), "RUNNER");
        end(&key.id, &account);
        let old = json!({"input": {"access_token": access}});
        assert_eq!(world.old(&refresh).unauthenticated(K, &old), *reason, "{what}");
        assert_eq!(world.old(&access).unauthenticated(A, &Value::Null), *reason, "{what}");
    }
    // One token alone: its refresh token does not get another in its place.
    let pair = world.old(&world.ada.key).mutate(J, &acme);
    let access = text(&pair["access_token"]);
    let payload = access.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&base64_url(payload)).unwrap();
    let input = json!({"token_id": claims["jti"], "key_id": world.ada.key_id});
    world.ada().mutate("revoke_tokens", &input, "success").unwrap();
    let old = json!({"input": {"access_token": access}});
    assert_eq!(world.old(&text(&pair["refresh_token"])).unauthenticated(K, &old), "TOKEN_REVOKED");
}

/// base64url without padding (RFC 4648, section 5).
fn base64_url(text: &str) -> Vec<u8> {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bytes, mut buffer, mut bits) = (vec![], 0_u32, 0);
    for c in text.chars() {
        buffer = buffer << 6 | u32::try_from(alphabet.find(c).unwrap()).unwrap();
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits & 0xFF) as u8);
        }
    }
    bytes
}

/// L, M, N: the scope says whose a token is.
#[test]
fn the_owner_of_a_token_follows_from_its_scope() {
    let world = TwoTenants::new();
    let ada = world.old(&world.ada.key);
    let new = |old: &Old<'_>, name: &str, scope: &str| {
        text(&old.mutate(L, &json!({"name": name, "scope": scope}))["token"])
    };
    let runner = new(&ada, "agents", "RUNNER");
    assert_eq!(world.old(&runner).scope(), "RUNNER");
    let who = world.holding(&runner).whoami().json();
    assert_eq!((&who["kind"], &who["role"]), (&json!("service_account"), &json!("runner")));
    let again = world.holding(&new(&ada, "agents", "runner")).whoami().json();
    assert_eq!((&again["id"], again["key_id"] == who["key_id"]), (&who["id"], false), "of the same account");
    let tenant = world.holding(&new(&ada, "terraform", "TENANT")).whoami().json();
    assert_eq!((&tenant["kind"], &tenant["role"]), (&json!("service_account"), &json!("administrator")));
    assert_ne!(tenant["id"], who["id"]);
    let own = world.holding(&new(&ada, "mine", "USER")).whoami().json();
    assert_eq!(own["id"], *world.ada.user_id);
    // As 0.14 does it: by the token of a tenant. What it makes acts in that tenant only.
    let access = text(&ada.mutate(J, &json!({"tenant_id": world.ada.tenant_id}))["access_token"]);
    let confined = new(&world.old(&access), "by token", "USER");
    assert_eq!(world.old(&confined).field(A, &Value::Null)["tenant_id"], *world.ada.tenant_id);
    let runner_by_token = new(&world.old(&access), "agents", "RUNNER");
    assert_eq!(world.holding(&runner_by_token).whoami().json()["id"], who["id"]);

    let listed = ada.field(M, &Value::Null);
    let listed = listed.as_array().unwrap();
    let named = |name: &str| listed.iter().filter(|it| it["name"] == *name).collect::<Vec<_>>();
    assert_eq!(
        (named("agents").len(), named("mine").len(), named("first key").len()),
        (3, 1, 1),
        "{listed:?}"
    );
    let id = text(&who["key_id"]);
    assert_eq!(ada.mutate(N, &json!({"token_id": id})), json!({"success": true}));
    assert_eq!(ada.mutate(N, &json!({"token_id": id})), json!({"success": true}), "revoked is revoked");
    assert_eq!(world.old(&runner).unauthenticated(C, &Value::Null), "KEY_REVOKED");
    // A key that is no such token, too.
    assert_eq!(ada.mutate(N, &json!({"token_id": world.agent.id})), json!({"success": true}));
    assert_eq!(world.old(&world.agent.secret).unauthenticated(C, &Value::Null), "KEY_REVOKED");
    assert_eq!(ada.refused(N, &json!({"token_id": world.globex_id})), "NOT_FOUND");
    assert_eq!(ada.refused(L, &json!({"name": "n", "scope": "ROOT"})), "INVALID");
    assert_eq!(ada.refused(L, &json!({"name": " ", "scope": "RUNNER"})), "NAME_INVALID");
}

/// Nobody gets more by a token than by a key.
#[test]
fn tokens_give_nobody_more_than_they_have() {
    let world = TwoTenants::new();
    let runner = world.old(&world.ada.key).mutate(L, &json!({"name": "agent", "scope": "RUNNER"}));
    let runner = text(&runner["token"]);
    let position = world.position();
    for (who, credential) in [("a member", &world.bob.secret), ("a runner", &runner)] {
        for scope in ["RUNNER", "TENANT"] {
            let refused = world.old(credential).refused(L, &json!({"name": "n", "scope": scope}));
            assert_eq!(refused, "FORBIDDEN", "{who}, {scope}");
        }
    }
    assert_eq!(world.old(&runner).refused(L, &json!({"name": "n", "scope": "USER"})), "FORBIDDEN");
    assert_eq!(world.position(), position, "and no account was made on the way");
    let own = world.old(&world.bob.secret).mutate(L, &json!({"name": "own", "scope": "USER"}));
    let own = world.holding(&text(&own["token"])).whoami().json();
    assert_eq!((&own["id"], &own["role"]), (&json!(world.bob_id), &json!("member")));
    // Nor does anybody end what others hold.
    assert_eq!(world.old(&world.bob.secret).refused(N, &json!({"token_id": world.ada.key_id})), "NOT_FOUND");
    assert_eq!(world.old(&world.eve.secret).refused(N, &json!({"token_id": world.agent.id})), "NOT_FOUND");

    // An account of that name which may do more is not taken for a runner, and nobody but administrators learns of it.
    let account = text(&world.holding(&runner).whoami().json()["id"]);
    let promoted = json!({"service_account_id": account, "role": "administrator"});
    world.ada().mutate("change_service_account_role", &promoted, "success").unwrap();
    let again = json!({"name": "agent", "scope": "RUNNER"});
    assert_eq!(world.old(&world.ada.key).refused(L, &again), "NAME_TAKEN");
    assert_eq!(world.old(&world.bob.secret).refused(L, &again), "FORBIDDEN");
    // One that is suspended is not got round.
    let suspended = json!({"service_account_id": account});
    world.ada().mutate("suspend_service_account", &suspended, "success").unwrap();
    let again = json!({"name": "agent", "scope": "TENANT"});
    assert_eq!(world.old(&world.ada.key).refused(L, &again), "SUSPENDED");
}

/// `idempotency_key` of `create_api_token` and `delete_api_token`, and a dry run.
#[test]
fn a_token_that_is_refused_leaves_no_account_behind() {
    let world = TwoTenants::new();
    let before = world.position();
    for expires_at in ["2001-01-01T00:00:00Z", "2001-01-01T00:00:00+00:00"] {
        let input = json!({"name": "orphan", "scope": "TENANT", "expires_at": expires_at});
        assert_eq!(world.ada().mutate("create_api_token", &input, "id"), Err("EXPIRY_IN_PAST".into()));
    }
    assert_eq!(world.position(), before);
    let made = json!({"name": "orphan", "scope": "TENANT"});
    world.ada().mutate("create_api_token", &made, "id").unwrap();
    assert_eq!(world.position(), before + 2, "the account and its key, in one command");
}

#[test]
fn a_token_asked_for_twice_is_made_once() {
    let world = TwoTenants::new();
    let asked = json!({"name": "agent", "scope": "RUNNER", "idempotency_key": "once"});
    let first = world.ada().mutate("create_api_token", &asked, "id token position").unwrap();
    let second = world.ada().mutate("create_api_token", &asked, "id token position").unwrap();
    assert_eq!((&first["id"], &first["position"]), (&second["id"], &second["position"]));
    assert!(first["token"].is_string() && second["token"].is_null(), "shown once");
    let other = json!({"name": "agent", "scope": "USER", "idempotency_key": "once"});
    assert_eq!(world.ada().mutate("create_api_token", &other, "id"), Err("IDEMPOTENCY_CONFLICT".into()));
    // Many at once share one account.
    let keys: Vec<_> = std::thread::scope(|scope| {
        let asking = (0..8).map(|_| {
            let eve = world.eve();
            scope.spawn(move || {
                let input = json!({"name": "agents", "scope": "RUNNER"});
                text(&eve.mutate("create_api_token", &input, "token").unwrap()["token"])
            })
        });
        asking.collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let owners: std::collections::HashSet<_> =
        keys.iter().map(|key| text(&world.holding(key).whoami().json()["id"])).collect();
    assert_eq!(owners.len(), 1);
    let dry = json!({"token_id": first["id"], "dry_run": true});
    let told = world.ada().mutate("delete_api_token", &dry, "success dry_run { keys_count }").unwrap();
    assert_eq!(told, json!({"success": null, "dry_run": {"keys_count": 1}}));
    assert_eq!(world.holding(&text(&first["token"])).whoami().status, 200);
}

/// O, P, Q.
#[test]
fn they_make_list_and_revoke_keys() {
    let world = TwoTenants::new();
    let ada = world.old(&world.ada.key);
    let input = |end: Value| json!({"name": "laptop", "user_id": world.ada.user_id, "expires_at": end});
    let forever = text(&ada.mutate(O, &input(Value::Null))["key"]);
    let ending = text(&ada.mutate(O, &input(json!("2099-01-01T00:00:00.123456+00:00")))["key"]);
    let listed = ada.field(P, &Value::Null);
    let ends: Vec<_> = listed.as_array().unwrap().iter().filter(|key| key["name"] == "laptop").collect();
    assert_eq!(ends.len(), 2);
    assert!(ends.iter().any(|key| key["expires_at"].is_null()), "{ends:?}");
    assert!(
        ends.iter()
            .any(|key| key["expires_at"].as_str().is_some_and(|at| at.starts_with("2099-01-01T00:00:00")))
    );
    for key in [&forever, &ending] {
        let id = text(&world.holding(key).whoami().json()["key_id"]);
        assert_eq!(ada.mutate(Q, &json!({"key_id": id})), json!({"success": true}));
        assert_eq!(world.old(key).unauthenticated(A, &Value::Null), "KEY_REVOKED");
    }
}

/// R, S: an agent begins, polls, and is told with the use of its key.
#[test]
fn agents_begin_poll_and_are_told_with_their_key() {
    let world = TwoTenants::new();
    let agent = world.old(&world.agent.secret);
    let position = world.position();
    let begin = json!({"type": "LocalAgent", "name": "agent", "labels": [], "tenant_id": null, "agent_config_id": null});
    let id = text(&agent.mutate(R, &begin)["id"]);
    assert_eq!(text(&agent.mutate(R, &begin)["id"]), id, "one that begins again is the same");
    let mut named = begin.clone();
    named["name"] = json!("Zoë's 🔑");
    assert_ne!(text(&agent.mutate(R, &named)["id"]), id);
    let agents = world.agents(&world.agent.id);
    assert_eq!(agents.len(), 2);
    assert!(agents.iter().all(|agent| agent["last_poll_at"].is_null() && agent["polls"] == 0), "{agents:?}");
    let poll = json!({"before": "2026-11-26T04:30:00.123456+00:00", "labels": ["a"], "tenant_id": world.ada.tenant_id});
    let polling = world.old(&world.agent.secret).agent(&id);
    for _ in 0..3 {
        assert_eq!(polling.mutate(S, &poll), json!({"flow_run_ids": []}));
    }
    let agents = world.agents(&world.agent.id);
    let seen = agents.iter().find(|agent| agent["id"] == *id).unwrap();
    assert_eq!(
        (&seen["name"], &seen["type"], &seen["polls"]),
        (&json!("agent"), &json!("LocalAgent"), &json!(3))
    );
    assert!(seen["last_poll_at"].is_string());
    // Without its header it is not known which agent polls; it is let poll.
    assert_eq!(agent.mutate(S, &poll), json!({"flow_run_ids": []}));
    assert_eq!(world.position(), position, "none of it is an event");
    assert!(world.agents(&world.ada.key_id).is_empty());

    let world = world.restarted(|server| assert_eq!(server.stop(), Some(0)));
    let agents = world.agents(&world.agent.id);
    let seen = agents.iter().find(|agent| agent["id"] == *id).unwrap();
    assert_eq!((&seen["name"], &seen["polls"]), (&json!("agent"), &json!(3)), "a stop keeps it");
    // Refused at the next poll.
    world.ada().mutate("delete_api_key", &json!({"key_id": world.agent.id}), "success").unwrap();
    let polling = world.old(&world.agent.secret).agent(&id);
    assert_eq!(polling.unauthenticated(S, &json!({"input": poll})), "KEY_REVOKED");
    assert_eq!(polling.unauthenticated(R, &json!({"input": begin})), "KEY_REVOKED");
    // So is one whose account is removed.
    let key = key_for(&world.ada(), &world.account_id, "another");
    let polling = world.old(&key.secret);
    polling.mutate(S, &poll);
    let account = json!({"service_account_id": world.account_id});
    world.ada().mutate("delete_service_account", &account, "success").unwrap();
    assert_eq!(polling.unauthenticated(S, &json!({"input": poll})), "OWNER_REMOVED");
}

/// What a hostile agent cannot do.
#[test]
fn an_agent_says_little_of_itself_and_only_of_its_own_key() {
    let world = TwoTenants::new();
    let agent = world.old(&world.agent.secret);
    let named = |kind: &str, name: &str| json!({"type": kind, "name": name});
    for (kind, name, code) in [
        ("LocalAgent", "a\u{1b}[2J\n{\"level\":\"ERROR\"}", "NAME_INVALID"),
        ("LocalAgent", "\u{202e}gpj.exe", "NAME_INVALID"),
        ("LocalAgent", &"x".repeat(201), "NAME_TOO_LONG"),
        ("Local Agent", "a", "INVALID"),
        ("", "a", "INVALID"),
        (&"x".repeat(65), "a", "INVALID"),
    ] {
        assert_eq!(agent.refused(R, &named(kind, name)), code, "{kind} {name}");
    }
    assert!(world.agents(&world.agent.id).is_empty());
    // In another's tenant it neither begins nor polls.
    for document in [R, S] {
        let mut input = json!({"tenant_id": world.globex_id});
        if document == R {
            input["type"] = json!("LocalAgent");
        }
        assert_eq!(agent.unauthenticated(document, &json!({"input": input})), "OTHER_TENANT");
    }
    // However many it makes up, the last few are told.
    let real = text(&agent.mutate(R, &named("LocalAgent", "real"))["id"]);
    for number in 0..40_u128 {
        let made_up = format!("01890a5d-ac96-774b-bcce-{number:012}");
        world.old(&world.agent.secret).agent(&made_up).mutate(S, &json!({}));
        world.old(&world.agent.secret).agent("nonsense").mutate(S, &json!({}));
    }
    let agents = world.agents(&world.agent.id);
    assert_eq!(agents.len(), 16);
    assert!(agents.iter().any(|agent| agent["id"] == *real), "made-up ids push out nobody who registered");
    for number in 0..40 {
        agent.mutate(R, &named("LocalAgent", &format!("agent {number}")));
    }
    assert_eq!(world.agents(&world.agent.id).len(), 16);
    // Its name is in no file and in no log as it is.
    let world = world.restarted_with(|data| {
        let usage = std::fs::read(data.join("usage.redb")).unwrap();
        assert!(!usage.windows(8).any(|bytes| bytes == b"agent 39"), "names of agents are sealed");
    });
    assert!(world.agents(&world.agent.id).iter().any(|agent| agent["name"] == "agent 39"));
    assert!(!world.server.log().contains("agent 39"));
}

/// The wire: 200 and `UNAUTHENTICATED`, or 401, and never 429.
#[test]
fn refusals_are_worded_as_they_look_for_them() {
    let world = TwoTenants::new();
    let nobody = Old { url: world.server.url(), credential: None, headers: vec![] };
    assert_eq!(nobody.unauthenticated(A, &Value::Null), "CREDENTIAL_MISSING");
    assert_eq!(world.old("unknown").unauthenticated(A, &Value::Null), "KEY_UNKNOWN");
    // Guessing and a used-up rate, which are 429 elsewhere.
    for _ in 0..150 {
        let answer = world.old("guess").send_to("/", A, &Value::Null);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.text.contains("UNAUTHENTICATED"));
    }
    let input = json!({"user_id": world.account_id, "name": "slow", "rate_limit": {"requests": 1, "period_seconds": 3600}});
    let slow = text(&world.ada().mutate("create_api_key", &input, "key").unwrap()["key"]);
    let statuses: Vec<_> = (0..3).map(|_| world.old(&slow).send_to("/", A, &Value::Null).status).collect();
    assert_eq!(statuses, [200; 3]);
    // Whoever asks for the newer media type is told by the status, and not by that one either.
    let newer = |credential: &str, query: &str| {
        let client = world.holding(credential).with("accept", "application/graphql-response+json");
        let body = json!({ "query": query }).to_string();
        client.post("/graphql", "application/json", &body).status
    };
    assert_eq!(newer(&slow, A), 403);
    assert_eq!(newer("unknown", A), 401);
    let elsewhere = format!(
        "mutation {{ switch_tenant(input: {{tenant_id: \"{}\"}}) {{ expires_at }} }}",
        world.globex_id
    );
    assert_eq!(newer(&world.bob.secret, &elsewhere), 401);
    let more = "mutation { create_api_token(input: {name: \"x\", scope: \"TENANT\"}) { id } }";
    assert_eq!(newer(&world.bob.secret, more), 403);
    assert_eq!(newer(&world.bob.secret, "{ hello signing_keys { edges { cursor } } }"), 403);
    // Variables as a string, an object, or none; what is no JSON is told with 400, which they print.
    let ada = world.ada();
    for body in [
        json!({"query": D, "variables": "null"}),
        json!({"query": D, "variables": null}),
        json!({"query": D}),
        json!({"query": G, "variables": "{\"slug\": null}"}),
        json!({"query": G, "variables": {"slug": null}}),
    ] {
        let answer = ada.post("/", "application/json", &body.to_string());
        assert!(answer.status == 200 && answer.json().get("errors").is_none(), "{body}: {}", answer.text);
    }
    let broken = json!({"query": D, "variables": "{"}).to_string();
    assert_eq!(ada.post("/", "application/json", &broken).status, 400);
    let never = ["429", "API_ERROR"];
    assert!(!never.iter().any(|word| world.server.log().contains(&format!("\"status\":{word}"))));
}
