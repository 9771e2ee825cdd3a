//! The deployment as a whole: its tenants, and how far its log has come. For operators.

use askama::Template;
use axum::response::Response;
use credentials::sealing::ERASED_TEXT;
use serde::Deserialize;
use serde_json::json;

use super::document;
use super::frame::Frame;
use super::refusal::Refusal;
use super::shown::{Page, Tenant, Who};
use super::visit::Visit;

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    who: Who,
    position: String,
    tenants: Page<Tenant>,
}

#[derive(Template)]
#[template(path = "deployment.html")]
struct Shown {
    frame: Frame,
    position: String,
    issuer: String,
    version: &'static str,
    tenants: Page<Tenant>,
    next: Option<String>,
}

impl Shown {
    fn is_erased(&self, tenant: &Tenant) -> bool {
        tenant.slug == ERASED_TEXT
    }
}

/// `GET /ui/deployment`
pub(super) async fn show(visit: Visit) -> Result<Response, Refusal> {
    let variables = json!({"after": visit.query.get("after"), "as_of": visit.moment()});
    let Answer { who, position, tenants } = visit.page(document::DEPLOYMENT, &variables).await?;
    let frame = Frame::new(&visit, "ui/deployment", "Deployment", &who)
        .based(tenants.as_of.as_ref())
        .asked(document::DEPLOYMENT, &variables)
        .on_the_command_line("keyledger tenant list --all");
    let issuer = visit.app.authority.issuer().as_str().to_owned();
    let next = tenants.next().map(|after| frame.to_next("ui/deployment", &[], after));
    let shown = Shown { frame, position, issuer, version: env!("CARGO_PKG_VERSION"), tenants, next };
    Ok(visit.answer(&shown, None))
}
