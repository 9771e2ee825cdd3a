//! GraphQL as a client: mutations by name, and lists read page by page.

use domain::ids::TenantId;
use serde_json::{Value, json};

use super::args::AttemptArgs;
use super::as_of::AsOfArgs;
use super::dry_run;
use super::error::ClientError;
use super::http::{Doubt, Http, graphql_body};
use super::settings::Settings;

/// How many entries are asked for at a time: as many as the server gives.
const PAGE: u32 = 100;

/// What is asked of a list that is asked for as of a moment.
const AS_OF: &str = " as_of { position instant head }";

/// A server, as one credential sees it.
pub struct Server {
    http: Http,
}

/// A mutation: its name, the type of its input, and what is asked of its answer.
#[derive(Clone, Copy, Debug)]
pub struct Mutation {
    /// The field.
    pub name: &'static str,
    /// The type of `input`.
    pub input: &'static str,
    /// The fields of the answer.
    pub selection: &'static str,
}

/// A plural list: its name, its arguments' types, and what is asked of its entries.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// The field.
    pub name: &'static str,
    /// The fields of an entry.
    pub selection: &'static str,
}

/// A list, or how it begins.
pub struct Listed {
    /// Its entries.
    pub entries: Vec<Value>,
    /// Whether there are more.
    pub more: bool,
    /// What it rests on; null, if no moment was asked about.
    pub as_of: Value,
}

/// An argument of a list: its name, its GraphQL type, its value.
pub type Argument = (&'static str, &'static str, Value);

impl Mutation {
    /// A mutation that answers that it is so now, and whether it was so before.
    pub const fn plain(name: &'static str, input: &'static str) -> Self {
        Self { name, input, selection: "success changed position" }
    }
}

impl Server {
    /// The server of the settings. Its tenant is another question.
    pub fn new(settings: &Settings) -> Self {
        Self { http: Http::new(settings.url.clone(), settings.credential.clone()) }
    }

    /// The same, in this tenant.
    pub fn in_tenant(self, tenant: TenantId) -> Self {
        Self { http: self.http.in_tenant(tenant) }
    }

    /// The connection itself, for what is not GraphQL.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// A query's field.
    pub fn query(&self, field: &str, document: &str, variables: Value) -> Result<Value, ClientError> {
        let body = graphql_body(document, variables);
        let mut answer = self.http.post("/graphql", &body, Doubt::None)?;
        Ok(answer["data"][field].take())
    }

    /// The same, and what it rests on; null, if no moment was asked about.
    pub fn query_as_of(
        &self,
        field: &str,
        document: &str,
        variables: Value,
    ) -> Result<(Value, Value), ClientError> {
        let body = graphql_body(document, variables);
        let mut answer = self.http.post("/graphql", &body, Doubt::None)?;
        Ok((answer["data"][field].take(), answer["extensions"]["as_of"][field].take()))
    }

    /// Carries a mutation out under the attempt's name, or under a fresh one.
    pub fn mutate(
        &self,
        mutation: Mutation,
        mut input: Value,
        attempt: &AttemptArgs,
    ) -> Result<Value, ClientError> {
        let Mutation { name, input: kind, selection } = mutation;
        let attempt = attempt.name();
        input["idempotency_key"] = json!(attempt);
        let document = format!("mutation($input: {kind}!) {{ {name}(input: $input) {{ {selection} }} }}");
        let body = graphql_body(&document, json!({"input": input}));
        let answered = self.http.post("/graphql", &body, Doubt::Change(attempt));
        let mut answer = answered.map_err(|error| error.of_attempt(attempt))?;
        Ok(answer["data"][name].take())
    }

    /// What a mutation would do, if it were carried out.
    pub fn rehearse(
        &self,
        mutation: Mutation,
        mut input: Value,
        attempt: &AttemptArgs,
    ) -> Result<Value, ClientError> {
        let Mutation { name, input: kind, selection: _ } = mutation;
        input["dry_run"] = json!(true);
        if let Some(key) = &attempt.idempotency_key {
            input["idempotency_key"] = json!(key.as_str());
        }
        let document =
            format!("mutation($input: {kind}!) {{ {name}(input: $input) {{ {} }} }}", dry_run::selection());
        let body = graphql_body(&document, json!({"input": input}));
        let mut answer = self.http.post("/graphql", &body, Doubt::None)?;
        Ok(answer["data"][name]["dry_run"].take())
    }

    /// Every entry of a list, page by page.
    pub fn all(&self, list: List, arguments: &[Argument]) -> Result<Vec<Value>, ClientError> {
        self.at_most(list, arguments, &AsOfArgs::default(), usize::MAX).map(|listed| listed.entries)
    }

    /// Every entry of a list as of a moment.
    pub fn all_as_of(
        &self,
        list: List,
        arguments: &[Argument],
        as_of: &AsOfArgs,
    ) -> Result<Listed, ClientError> {
        self.at_most(list, arguments, as_of, usize::MAX)
    }

    /// The first entries of a list as of a moment.
    pub fn at_most(
        &self,
        list: List,
        arguments: &[Argument],
        as_of: &AsOfArgs,
        limit: usize,
    ) -> Result<Listed, ClientError> {
        let List { name, selection } = list;
        let (moment, told) = (as_of.argument(), if as_of.as_of.is_some() { AS_OF } else { "" });
        let given: Vec<_> =
            arguments.iter().chain([&moment]).filter(|(_, _, value)| !value.is_null()).collect();
        let declared: String = given.iter().map(|(name, kind, _)| format!(", ${name}: {kind}")).collect();
        let passed: String = given.iter().map(|(name, _, _)| format!(", {name}: ${name}")).collect();
        let document = format!(
            "query($first: Int, $after: String{declared}) {{ {name}(first: $first, after: $after{passed}) {{ edges {{ node {{ {selection} }} }} page_info {{ has_next_page end_cursor }}{told} }} }}"
        );
        let mut nodes = vec![];
        let mut after = Value::Null;
        loop {
            let mut variables = json!({"first": PAGE, "after": after});
            for (name, _, value) in &given {
                variables[*name] = value.clone();
            }
            let mut page = self.query(name, &document, variables)?;
            if let Some(edges) = page["edges"].as_array_mut() {
                nodes.extend(edges.iter_mut().map(|edge| edge["node"].take()));
            }
            after = page["page_info"]["end_cursor"].take();
            let last = page["page_info"]["has_next_page"] != json!(true) || after.is_null();
            if last || nodes.len() >= limit {
                let more = !last || nodes.len() > limit;
                nodes.truncate(limit);
                return Ok(Listed { entries: nodes, more, as_of: page["as_of"].take() });
            }
        }
    }

    /// `GET /v1/whoami`.
    pub fn whoami(&self) -> Result<Value, ClientError> {
        self.http.get("/v1/whoami")
    }
}

/// A text of an answer; empty if there is none.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
