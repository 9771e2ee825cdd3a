//! The queries.

use authority::events::{Order, Scope};
use authority::queries::Which;
use domain::concern::Concerned;
use domain::key::Owner;
use juniper::{FieldResult, graphql_object};

use super::connection::{
    KeyConnection, KeyEdge, MemberConnection, MemberEdge, Page, ServiceAccountConnection, ServiceAccountEdge,
    TenantConnection, TenantEdge, UserConnection, UserEdge,
};
use super::context::{Context, answered};
use super::events::{self, EventConnection, EventFilterInput};
use super::filters::{
    ApiKeyBoolExp, ApiKeyOrderBy, KeyFilter, MemberFilter, ServiceAccountFilter, TenantFilter, UserFilter,
    Window, ordered,
};
use super::inclusion::InclusionProof;
use super::inputs::{OrderBy, TenantBoolExp, TenantOrderBy};
use super::refusals::{self, RefusalConnection};
use super::scalars::{LogPosition, Uuid};
use super::signing_keys::{SigningKey, SigningKeyConnection, SigningKeyEdge};
use super::types::{ApiKey, AuthInfo, Membership, Tenant, User};

/// Everything that can be asked.
pub struct Query;

/// Everything that can be asked.
#[graphql_object]
#[graphql(context = Context, rename_all = "none")]
impl Query {
    /// A greeting, by which clients see that the server is there.
    fn hello() -> &'static str {
        "Keyledger"
    }

    /// The position of the log that the server has reached.
    fn position(context: &Context) -> LogPosition {
        LogPosition(context.authority.position())
    }

    /// The proof that the log has the event at a position, such as the one that a mutation answered with: checked offline,
    /// and by tools that are not ours. Null: the log has no event there.
    fn inclusion_proof(
        context: &Context,
        #[graphql(description = "The event's place in the log.")] position: LogPosition,
    ) -> FieldResult<Option<InclusionProof>> {
        let receipt = answered(context.authority.receipt(Some(&context.caller), position.0))?;
        Ok(receipt.map(InclusionProof::from))
    }

    /// Who calls, and where they act.
    fn auth_info(context: &Context) -> AuthInfo {
        let caller = &context.caller;
        let (user_id, scope) = match caller.owner {
            Owner::User(id) => (id.into(), "USER"),
            Owner::ServiceAccount(id) => (id.into(), "RUNNER"),
        };
        AuthInfo {
            tenant_id: caller.tenant.map(Uuid::from),
            user_id: Some(user_id),
            api_token_scope: Some(scope.to_owned()),
            key_id: Some(caller.key.into()),
            role: caller.role.map(Into::into),
            address: caller.address().map(|address| address.to_string()),
        }
    }

    /// The calling user, as a list of one; empty for a service account.
    fn user(context: &Context) -> FieldResult<Vec<User>> {
        let user = answered(context.authority.own_user(&context.caller))?;
        let default_membership = context.caller.tenant.map(|tenant| Membership { tenant_id: tenant.into() });
        Ok(user.map(|user| User::of(user, default_membership)).into_iter().collect())
    }

    /// The tenants in which the credential acts.
    fn tenant(
        context: &Context,
        r#where: Option<TenantBoolExp>,
        order_by: Option<Vec<TenantOrderBy>>,
        #[graphql(description = "At most so many; null: all.")] limit: Option<i32>,
        #[graphql(description = "Without the first so many.")] offset: Option<i32>,
    ) -> FieldResult<Vec<Tenant>> {
        let window = answered(Window::parse(limit, offset))?;
        let tenants = answered(context.authority.own_tenants(&context.caller))?;
        let mut tenants: Vec<Tenant> = tenants.into_iter().map(Tenant::from).collect();
        if let Some(wanted) = &r#where {
            let id = wanted.id.as_ref().and_then(|id| id._eq);
            let slug = wanted.slug.as_ref().and_then(|slug| slug._eq.as_deref());
            tenants.retain(|tenant| {
                id.is_none_or(|id| id == tenant.id) && slug.is_none_or(|slug| slug == tenant.slug)
            });
        }
        // The first criterion decides last.
        for criterion in order_by.unwrap_or_default().iter().rev() {
            order(&mut tenants, criterion.name, |tenant| &tenant.name);
            order(&mut tenants, criterion.slug, |tenant| &tenant.slug);
        }
        let tenants = window.of(tenants);
        context.budget.take(tenants.len(), 0)?;
        Ok(tenants)
    }

    /// Own keys, and for administrators those of the tenant's service accounts: the living ones, never a secret.
    fn auth_api_key(
        context: &Context,
        r#where: Option<ApiKeyBoolExp>,
        order_by: Option<Vec<ApiKeyOrderBy>>,
        #[graphql(description = "At most so many; null: all.")] limit: Option<i32>,
        #[graphql(description = "Without the first so many.")] offset: Option<i32>,
    ) -> FieldResult<Vec<ApiKey>> {
        let window = answered(Window::parse(limit, offset))?;
        let keys = answered(context.authority.keys(&context.caller, Which::Living))?;
        let mut keys: Vec<_> = keys.value.into_iter().map(ApiKey::from).collect();
        keys.retain(|key| r#where.as_ref().is_none_or(|wanted| wanted.admits(key)));
        ordered(&mut keys, order_by.as_deref(), ApiKeyOrderBy::compare);
        let keys = window.of(keys);
        context.budget.take(keys.len(), keys.iter().map(ApiKey::within).sum())?;
        Ok(keys)
    }

    /// The tenants in which the credential acts; every tenant of the deployment, if an operator asks for all.
    fn tenants(
        context: &Context,
        #[graphql(description = "At most so many entries: 1 to 100.")] first: Option<i32>,
        #[graphql(description = "The entries after this cursor.")] after: Option<String>,
        #[graphql(description = "Every tenant of the deployment, removed ones too: for operators.")]
        all: Option<bool>,
        #[graphql(description = "Which are wanted; null: all.")] filter: Option<TenantFilter>,
    ) -> FieldResult<TenantConnection> {
        let tenants = if all == Some(true) {
            answered(context.authority.all_tenants(&context.caller, Which::All))?
        } else {
            answered(context.authority.own_tenants(&context.caller))?
        };
        let page = Page { first, after: after.as_deref() };
        let filter = filter.unwrap_or_default();
        let nodes = tenants.into_iter().map(Tenant::from).filter(|node| filter.admits(node));
        let (edges, page_info) =
            page.cut(nodes, |node| node.id, |cursor, node| TenantEdge { cursor, node })?;
        Ok(TenantConnection { edges, page_info })
    }

    /// The users of the deployment, across all tenants: for operators.
    fn users(
        context: &Context,
        #[graphql(description = "At most so many entries: 1 to 100.")] first: Option<i32>,
        #[graphql(description = "The entries after this cursor.")] after: Option<String>,
        #[graphql(description = "Which are wanted; null: all that were not removed.")] filter: Option<
            UserFilter,
        >,
    ) -> FieldResult<UserConnection> {
        let filter = filter.unwrap_or_default();
        let users = answered(context.authority.all_users(&context.caller, filter.which()))?;
        let page = Page { first, after: after.as_deref() };
        let nodes = users.into_iter().map(|user| User::of(user, None)).filter(|node| filter.admits(node));
        let (edges, page_info) = page.cut(nodes, |node| node.id, |cursor, node| UserEdge { cursor, node })?;
        Ok(UserConnection { edges, page_info })
    }

    /// The members of a tenant.
    fn members(
        context: &Context,
        #[graphql(description = "The tenant; null: the one in which the credential acts.")] tenant_id: Option<
            Uuid,
        >,
        #[graphql(description = "At most so many entries: 1 to 100.")] first: Option<i32>,
        #[graphql(description = "The entries after this cursor.")] after: Option<String>,
        #[graphql(description = "Which are wanted; null: all.")] filter: Option<MemberFilter>,
    ) -> FieldResult<MemberConnection> {
        let tenant = context.tenant(tenant_id.map(Uuid::id))?;
        let members = answered(context.authority.members(&context.caller, tenant))?;
        let page = Page { first, after: after.as_deref() };
        let filter = filter.unwrap_or_default();
        let nodes = members.into_iter().map(super::types::Member::from).filter(|node| filter.admits(node));
        let (edges, page_info) =
            page.cut(nodes, |node| node.user_id, |cursor, node| MemberEdge { cursor, node })?;
        Ok(MemberConnection { edges, page_info })
    }

    /// The service accounts of a tenant: for its administrators.
    fn service_accounts(
        context: &Context,
        #[graphql(description = "The tenant; null: the one in which the credential acts.")] tenant_id: Option<
            Uuid,
        >,
        #[graphql(description = "At most so many entries: 1 to 100.")] first: Option<i32>,
        #[graphql(description = "The entries after this cursor.")] after: Option<String>,
        #[graphql(description = "Which are wanted; null: all.")] filter: Option<ServiceAccountFilter>,
    ) -> FieldResult<ServiceAccountConnection> {
        let tenant = context.tenant(tenant_id.map(Uuid::id))?;
        let filter = filter.unwrap_or_default();
        let accounts = context.authority.service_accounts(&context.caller, tenant, filter.which());
        let page = Page { first, after: after.as_deref() };
        let nodes = answered(accounts)?.into_iter().map(super::types::ServiceAccount::from);
        let nodes = nodes.filter(|node| filter.admits(node));
        let (edges, page_info) =
            page.cut(nodes, |node| node.id, |cursor, node| ServiceAccountEdge { cursor, node })?;
        Ok(ServiceAccountConnection { edges, page_info })
    }

    /// Own keys, and for administrators those of the tenant's service accounts; never a secret.
    fn keys(
        context: &Context,
        #[graphql(description = "Those that have ended for good, too.")] all: Option<bool>,
        #[graphql(description = "At most so many entries: 1 to 100.")] first: Option<i32>,
        #[graphql(description = "The entries after this cursor.")] after: Option<String>,
        #[graphql(description = "Which are wanted; null: all.")] filter: Option<KeyFilter>,
    ) -> FieldResult<KeyConnection> {
        let filter = answered(filter.unwrap_or_default().checked())?;
        let which = filter.which(all == Some(true));
        let keys = answered(context.authority.keys(&context.caller, which))?;
        let (page, now) = (Page { first, after: after.as_deref() }, context.authority.now());
        let nodes = keys.value.into_iter().filter(|key| filter.admits(key, now)).map(ApiKey::from);
        let (edges, page_info) = page.cut(nodes, |node| node.id, |cursor, node| KeyEdge { cursor, node })?;
        context.budget.take(edges.len(), edges.iter().map(|edge| edge.node.within()).sum())?;
        Ok(KeyConnection { edges, page_info })
    }

    /// The keys that sign tokens, retired ones too, the oldest first; never a private half: for operators.
    fn signing_keys(
        context: &Context,
        #[graphql(description = "At most so many entries: 1 to 100.")] first: Option<i32>,
        #[graphql(description = "The entries after this cursor.")] after: Option<String>,
    ) -> FieldResult<SigningKeyConnection> {
        let signing_keys = answered(context.authority.signing_keys(&context.caller))?;
        let page = Page { first, after: after.as_deref() };
        let nodes = signing_keys.into_iter().map(SigningKey::from);
        let (edges, page_info) =
            page.cut(nodes, |node| node.id, |cursor, node| SigningKeyEdge { cursor, node })?;
        Ok(SigningKeyConnection { edges, page_info })
    }

    /// What happened, the oldest first: the events that concern a tenant, for its administrators; every event of the
    /// deployment, if an operator asks for all.
    fn events(
        context: &Context,
        #[graphql(description = "The tenant; null: the one in which the credential acts.")] tenant_id: Option<
            Uuid,
        >,
        #[graphql(description = "Every event of the deployment, or of the tenant named: for operators.")]
        all: Option<bool>,
        #[graphql(description = "Which are wanted; null: all.")] filter: Option<EventFilterInput>,
        #[graphql(description = "At most so many entries: 1 to 100.")] first: Option<i32>,
        #[graphql(description = "The entries after this cursor.")] after: Option<String>,
        #[graphql(description = "The last event first.")] newest_first: Option<bool>,
    ) -> FieldResult<EventConnection> {
        let mut filter = answered(filter.unwrap_or_default().parsed())?;
        let scope = if all == Some(true) {
            filter.concerning.extend(tenant_id.map(|tenant| Concerned::Tenant(tenant.id())));
            Scope::Deployment
        } else {
            Scope::Tenant(context.tenant(tenant_id.map(Uuid::id))?)
        };
        let order = if newest_first == Some(true) { Order::NewestFirst } else { Order::OldestFirst };
        let size = Page { first, after: None }.size()?;
        let after = answered(after.as_deref().map(events::position).transpose())?;
        let page = context.authority.events(&context.caller, scope, &filter, order, after, size);
        let page = answered(page)?;
        let details = page.events.iter().map(|event| event.details.len()).sum();
        context.budget.take(page.events.len(), details)?;
        Ok(EventConnection::of(page, after.is_some()))
    }

    /// The commands that were refused in a tenant, the newest first: for its administrators. For operators whose
    /// credential acts in no tenant: those of no tenant.
    fn refusals(
        context: &Context,
        #[graphql(
            description = "The tenant; null: the one in which the credential acts, or none if it acts in none."
        )]
        tenant_id: Option<Uuid>,
        #[graphql(description = "If true, those of no tenant: for operators.")] outside: Option<bool>,
        #[graphql(description = "At most so many entries: 1 to 100.")] first: Option<i32>,
        #[graphql(description = "The entries after this cursor.")] after: Option<String>,
    ) -> FieldResult<RefusalConnection> {
        let of = match (outside == Some(true), tenant_id) {
            (false, tenant) => tenant.map(Uuid::id).or(context.caller.tenant),
            (true, None) => None,
            (true, Some(_)) => return answered(Err(refusals::both())),
        };
        let size = Page { first, after: None }.size()?;
        let after = answered(after.as_deref().map(refusals::number).transpose())?;
        let page = answered(context.authority.refusals(&context.caller, of, after, size))?;
        Ok(RefusalConnection::of(page, after.is_some()))
    }
}

fn order(tenants: &mut [Tenant], direction: Option<OrderBy>, by: fn(&Tenant) -> &String) {
    match direction {
        None => {}
        Some(OrderBy::asc) => tenants.sort_by(|a, b| by(a).cmp(by(b))),
        Some(OrderBy::desc) => tenants.sort_by(|a, b| by(b).cmp(by(a))),
    }
}
