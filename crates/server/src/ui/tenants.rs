//! Tenants: those in which the reader acts, which one they are in, and its rules for new keys.

use askama::Template;
use axum::response::Response;
use domain::ids::TenantId;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::document;
use super::fault::{self, Meant};
use super::form::Fields;
use super::frame::Frame;
use super::notices;
use super::prove::{self, Wish};
use super::refusal::Refusal;
use super::shown::{Page, Tenant, Who, duration_words};
use super::sign_in::within;
use super::visit::Visit;
use crate::graphql::in_process::Refused;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
    tenants: Page<Tenant>,
}

/// The tenant that was asked about, if the reader acts in it.
#[derive(Deserialize)]
struct Own {
    tenant: Vec<IgnoredAny>,
}

#[derive(Template)]
#[template(path = "tenants.html")]
struct List {
    frame: Frame,
    tenants: Page<Tenant>,
    next: Option<String>,
    /// The rules of the tenant where the reader is.
    rules: [Rule; 2],
    error: Option<Refused>,
}

impl List {
    fn life(&self, seconds: &Option<u64>) -> String {
        seconds.map_or_else(|| "unlimited".to_owned(), duration_words)
    }
}

/// A rule of the form: a number and its unit, as they are stored or were typed.
pub(super) struct Rule {
    pub(super) field: RuleField,
    pub(super) number: String,
    unit: &'static Unit,
}

/// What a rule is about, and how its fields are called.
#[derive(Clone, Copy)]
pub(super) struct RuleField {
    pub(super) label: &'static str,
    pub(super) number: &'static str,
    pub(super) unit: &'static str,
}

/// A unit of time.
pub(super) struct Unit {
    name: &'static str,
    seconds: u64,
}

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// The units, the largest first. The last makes every stored life a whole number.
const UNITS: [Unit; 4] = [
    Unit { name: "days", seconds: DAY_SECONDS },
    Unit { name: "hours", seconds: 60 * 60 },
    Unit { name: "minutes", seconds: 60 },
    Unit { name: "seconds", seconds: 1 },
];

pub(super) const LONGEST: RuleField = RuleField { label: "Longest life", number: "max", unit: "max_unit" };
pub(super) const USUAL: RuleField =
    RuleField { label: "Life if nothing else is asked for", number: "default", unit: "default_unit" };

impl Rule {
    /// What is stored, in the largest unit in which it is whole: sent back unchanged, it stays what it is.
    fn stored(field: RuleField, seconds: Option<u64>) -> Self {
        let whole = |unit: &&Unit| seconds.is_none_or(|seconds| seconds.is_multiple_of(unit.seconds));
        let unit = UNITS.iter().find(whole).expect("everything is a whole number of seconds");
        let number = seconds.map(|seconds| (seconds / unit.seconds).to_string()).unwrap_or_default();
        Self { field, number, unit }
    }

    /// What was typed.
    pub(super) fn typed(field: RuleField, fields: &Fields) -> Self {
        let unit = unit(fields, field).unwrap_or(&UNITS[0]);
        Self { field, number: fields.text(field.number), unit }
    }

    pub(super) fn units(&self) -> impl Iterator<Item = (&'static str, bool)> {
        UNITS.iter().map(|unit| (unit.name, unit.seconds == self.unit.seconds))
    }
}

fn unit(fields: &Fields, field: RuleField) -> Option<&'static Unit> {
    let name = fields.get(field.unit)?;
    UNITS.iter().find(|unit| unit.name == name)
}

/// A rule's seconds, as many as the API takes; none: unlimited.
pub(super) fn rule_seconds(fields: &Fields, field: RuleField) -> Result<Option<u64>, Refused> {
    let Some(text) = fields.get(field.number) else { return Ok(None) };
    let refused = |message| Refused::new("FORM_INVALID", message).at((field.number, field.label));
    let unit = unit(fields, field).ok_or(refused("say whether these are days, hours, minutes or seconds"))?;
    let seconds = text.parse().ok().and_then(|number: u64| number.checked_mul(unit.seconds));
    let seconds = seconds.filter(|seconds| (1..=i32::MAX as u64).contains(seconds));
    let message = "give a whole number, for 68 years at the most, or leave the field empty for no limit";
    seconds.map(Some).ok_or(refused(message))
}

/// `GET /ui/tenants`
pub(super) async fn list(visit: Visit) -> Result<Response, Refusal> {
    listed(&visit, None).await
}

/// `POST /ui/tenants/enter`
pub(super) async fn enter(visit: Visit, fields: Fields) -> Result<Response, Refusal> {
    let missing = || visit.refusal(&Refused::new("NOT_A_MEMBER", "choose one of your tenants"));
    let tenant = fields.get("tenant").and_then(|id| TenantId::parse(id).ok()).ok_or_else(missing)?;
    // Whether it is theirs is asked about this very one; and it is asked again at every request.
    let Own { tenant: own } = visit.page(document::OWN_TENANT, &json!({ "id": tenant.to_string() })).await?;
    if own.is_empty() {
        return Err(missing());
    }
    visit.enter(tenant);
    let page = within(fields.get("then"));
    let page = page.split(['?', '#']).next().unwrap_or_default();
    Ok(visit.go_to(&format!("{page}?done=tenant")))
}

/// `POST /ui/tenants/policy`
pub(super) async fn change_policy(visit: Visit, fields: Fields) -> Result<Response, Refusal> {
    let read = (rule_seconds(&fields, LONGEST), rule_seconds(&fields, USUAL));
    let (max, default) = match read {
        (Ok(max), Ok(default)) => (max, default),
        (Err(refused), _) | (_, Err(refused)) => return listed(&visit, Some((&fields, refused))).await,
    };
    let what = "change the rules for new keys";
    let wish = Wish { section: "ui/tenants", path: "ui/tenants/policy", what };
    if let Some(asked) = prove::asked_for(&visit, &fields, wish).await? {
        return Ok(asked);
    }
    let input = json!({"key_life_seconds_max": max, "key_life_seconds_default": default});
    match visit.ask::<Value>(document::CHANGE_POLICY, &json!({ "input": input })).await {
        Ok(answer) => {
            let done = notices::word(&answer, "policy", "unchanged");
            Ok(visit.go_to(&format!("ui/tenants?done={done}")))
        }
        Err(refused) => listed(&visit, Some((&fields, refused))).await,
    }
}

/// The page. After a refusal its form shows what was typed.
async fn listed(visit: &Visit, refused: Option<(&Fields, Refused)>) -> Result<Response, Refusal> {
    let variables = json!({"after": visit.query.get("after"), "as_of": visit.moment()});
    let Answer { who, tenants } = visit.page(document::TENANTS, &variables).await?;
    let frame = Frame::new(visit, "ui/tenants", "Tenants", &who)
        .based(tenants.as_of.as_ref())
        .asked(document::TENANTS, &variables)
        .on_the_command_line("keyledger tenant list");
    let here = who.tenant();
    let next = tenants.next().map(|after| frame.to_next("ui/tenants", &[], after));
    let rules = match &refused {
        Some((fields, _)) => [LONGEST, USUAL].map(|field| Rule::typed(field, fields)),
        None => [
            Rule::stored(LONGEST, here.and_then(|tenant| tenant.key_life_seconds_max)),
            Rule::stored(USUAL, here.and_then(|tenant| tenant.key_life_seconds_default)),
        ],
    };
    let meant = Meant { field: (LONGEST.number, LONGEST.label), codes: &["POLICY_CONTRADICTS"], word: None };
    let error = refused.map(|(_, refused)| fault::about(refused, &[meant]));
    let list = List { frame, tenants, next, rules, error };
    Ok(visit.answer(&list, list.error.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_was_not_changed_is_sent_back_as_it_is_stored() {
        for (seconds, number, unit) in [
            (None, "", "days"),
            (Some(30 * DAY_SECONDS), "30", "days"),
            (Some(36 * 3600), "36", "hours"),
            (Some(5_400), "90", "minutes"),
            (Some(86_401), "86401", "seconds"),
            (Some(i32::MAX as u64), "2147483647", "seconds"),
        ] {
            let rule = Rule::stored(LONGEST, seconds);
            assert_eq!((rule.number.as_str(), rule.unit.name), (number, unit));
            let sent = format!("max={}&max_unit={}", rule.number, rule.unit.name);
            let fields = Fields::parse(sent.as_bytes());
            assert_eq!(rule_seconds(&fields, LONGEST).ok(), Some(seconds), "{sent}");
        }
    }

    #[test]
    fn what_is_no_length_of_time_is_no_rule() {
        for sent in [
            "max=0&max_unit=days",
            "max=1.5&max_unit=days",
            "max=-1&max_unit=hours",
            "max=30",
            "max=30&max_unit=weeks",
            "max=24856&max_unit=days",
            "max=18446744073709551615&max_unit=days",
        ] {
            let refused = rule_seconds(&Fields::parse(sent.as_bytes()), LONGEST);
            assert!(refused.is_err_and(|refused| refused.code == "FORM_INVALID"), "{sent}");
        }
    }
}
