//! The deployment as a whole: its tenants, its people and how far its log has come. For operators.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::document;
use super::frame::Frame;
use super::refusal::Refusal;
use super::shown::{Page, Tenant, User, Who};
use super::visit::Visit;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
    position: String,
    tenants: Page<Tenant>,
    users: Page<User>,
}

#[derive(Template)]
#[template(path = "deployment.html")]
struct Shown {
    frame: Frame,
    position: String,
    issuer: String,
    version: &'static str,
    tenants: Page<Tenant>,
    users: Page<User>,
}

/// `GET /ui/deployment`
pub(super) async fn show(visit: Visit) -> Result<Response, Refusal> {
    let variables = json!({ "as_of": visit.moment() });
    let Answer { who, position, tenants, users } = visit.page(document::DEPLOYMENT, &variables).await?;
    let frame = Frame::new(&visit, "ui/deployment", "Deployment", &who)
        .based(tenants.as_of.as_ref())
        .asked(document::DEPLOYMENT, &variables)
        .on_the_command_line("keyledger tenant list --all");
    let issuer = visit.app.authority.issuer().as_str().to_owned();
    let shown = Shown { frame, position, issuer, version: env!("CARGO_PKG_VERSION"), tenants, users };
    Ok(visit.answer(&shown, None))
}
