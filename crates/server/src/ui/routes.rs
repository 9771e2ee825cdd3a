//! Every page and form, on one screen.

use axum::routing::{any, get, post};
use axum::{Router, middleware};
use tower_http::csrf::CsrfLayer;

use super::{
    accounts, changing_key, deployment, ending_key, events, files, headers, home, key, keys, members,
    new_key, new_tenant, operating, people, refused, retiring, search, set_up, sign_in, signing_keys,
    tenants, time_machine,
};
use crate::router::{method_not_allowed, not_found};
use crate::state::App;

/// The routes under `/ui/`. What a form sends from a page of another site is not looked at.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/ui", get(home::pages))
        .route("/ui/", get(home::pages))
        .route("/ui/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/ui/welcome", get(sign_in::welcome))
        .route("/ui/set-up", get(set_up::form).post(set_up::set_up))
        .route("/ui/sign-out", post(sign_in::sign_out))
        .route("/ui/keys", get(keys::list))
        .route("/ui/keys/find", post(search::keys))
        .route("/ui/keys/new", get(new_key::form).post(new_key::create))
        .route("/ui/keys/{id}", get(key::show))
        .route("/ui/keys/{id}/used", get(key::used))
        .route("/ui/keys/{id}/rename", post(changing_key::rename))
        .route("/ui/keys/{id}/end", post(changing_key::end))
        .route("/ui/keys/{id}/addresses", post(changing_key::addresses))
        .route("/ui/keys/{id}/rate", post(changing_key::rate))
        .route("/ui/keys/{id}/note", post(changing_key::note))
        .route("/ui/keys/{id}/disable", get(ending_key::disabling_form).post(ending_key::disable))
        .route("/ui/keys/{id}/enable", post(ending_key::enable))
        .route("/ui/keys/{id}/revoke", get(ending_key::form).post(ending_key::revoke))
        .route("/ui/keys/{id}/rotate", get(new_key::rotation_form).post(new_key::rotate))
        .route("/ui/accounts", get(accounts::list))
        .route("/ui/accounts/new", get(accounts::form).post(accounts::create))
        .route("/ui/accounts/find", post(search::accounts))
        .route("/ui/accounts/{id}/role", get(accounts::role_form).post(accounts::change_role))
        .route("/ui/accounts/{id}/suspend", get(accounts::suspension_form).post(accounts::suspend))
        .route("/ui/accounts/{id}/resume", post(accounts::resume))
        .route("/ui/accounts/{id}/remove", get(accounts::removal_form).post(accounts::remove))
        .route("/ui/members", get(members::list))
        .route("/ui/members/add", get(members::form).post(members::add))
        .route("/ui/members/find", post(search::members))
        .route("/ui/members/{id}/role", get(members::role_form).post(members::change_role))
        .route("/ui/members/{id}/remove", get(members::removal_form).post(members::remove))
        .route("/ui/tenants", get(tenants::list))
        .route("/ui/tenants/enter", post(tenants::enter))
        .route("/ui/tenants/policy", post(tenants::change_policy))
        .route("/ui/events", get(events::list))
        .route("/ui/time", get(time_machine::show))
        .route("/ui/refusals", get(refused::list))
        .route("/ui/signing-keys", get(signing_keys::list).post(signing_keys::rotate))
        .route("/ui/signing-keys/{id}/retire", get(retiring::form).post(retiring::retire))
        .route("/ui/deployment", get(deployment::show))
        .route("/ui/deployment/tenants/new", get(new_tenant::form).post(new_tenant::create))
        .route("/ui/deployment/tenants/{id}/{act}", get(operating::tenant_form).post(operating::upon_tenant))
        .route("/ui/deployment/people", get(people::list))
        .route("/ui/deployment/people/find", post(people::find))
        .route("/ui/deployment/people/{id}/{act}", get(operating::person_form).post(operating::upon_person))
        .route("/ui/static/{name}", get(files::file))
        .route("/ui/{*path}", any(not_found))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CsrfLayer::new())
        .layer(middleware::from_fn(headers::put))
}
