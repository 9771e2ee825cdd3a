//! The queries.

use authority::as_of::Answer;
use authority::events::{Order, Scope};
use authority::key_list::{KeysWanted, PageOfKeys};
use authority::queries::{KeyView, Which};
use authority::state_diff::Wanted;
use domain::concern::Concerned;
use domain::key::Owner;
use domain::row::Key;
use domain::status::Admission;
use juniper::{DefaultScalarValue, FieldResult, graphql_object};

use super::api_tokens::ApiToken;
use super::as_of::AsOfInput;
use super::blast::BlastRadius;
use super::connection::{
    self, KeyConnection, KeyEdge, MemberConnection, MemberEdge, Page, PageInfo, ServiceAccountConnection,
    ServiceAccountEdge, TenantConnection, TenantEdge, UserConnection, UserEdge,
};
use super::context::{Context, answered};
use super::density::{self, EventDensity};
use super::events::{self, EventConnection, EventFilterInput};
use super::explain::{self, Explanation, KeyNamedInput};
use super::filters::{
    ApiKeyBoolExp, ApiKeyOrderBy, KeyFilter, MemberFilter, ServiceAccountFilter, TenantFilter, UserFilter,
    Window, by_state, ordered,
};
use super::inclusion::InclusionProof;
use super::inputs::{TenantBoolExp, TenantOrderBy};
use super::life::KeyHistory;
use super::refusals::{self, RefusalConnection};
use super::scalars::{LogPosition, Uuid};
use super::signing_keys::{SigningKey, SigningKeyConnection, SigningKeyEdge};
use super::state_diff::StateDiff;
use super::types::{ApiKey, AuthInfo, Membership, Tenant, User};
use authority::refusals::RefusalsWanted;

/// What resolves a field.
type Field<'r, 'a> = juniper::Executor<'r, 'a, Context>;

/// Everything that can be asked.
pub struct Query;

/// Everything that can be asked.
#[graphql_object]
#[graphql(context = Context, scalar = DefaultScalarValue, rename_all = "none")]
#[expect(clippy::too_many_arguments, reason = "they are those of the field")]
impl Query {
    /// A greeting, by which clients see that the server is there.
    fn hello() -> &'static str {
        "Keyledger"
    }

    /// The position of the log that the server has reached; of a moment, the last one until then.
    fn position(
        executor: &Field<'_, '_>,
        context: &Context,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<LogPosition> {
        if as_of.is_none() {
            return Ok(LogPosition(context.authority.position()));
        }
        let basis = context.authority.basis(AsOfInput::of(as_of));
        let answer = basis.map(|basis| Answer { value: basis.position, basis });
        let (position, _) = context.told(executor, as_of, answer)?;
        Ok(LogPosition(position))
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

    /// Who calls, and where they act; of a moment, as what the credential was accepted then, if it was.
    fn auth_info(
        executor: &Field<'_, '_>,
        context: &Context,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<AuthInfo> {
        let caller = &context.caller;
        let moment = AsOfInput::of(as_of);
        let acted = context.authority.acted(caller, moment);
        let (Admission { tenant, role }, _) = context.told(executor, as_of, acted)?;
        let seen = tenant.map(|tenant| context.authority.tenant_of_own(caller, tenant, moment)).transpose();
        let seen = answered(seen)?.and_then(|answer| answer.value);
        let (user_id, scope) = match caller.owner {
            Owner::User(id) => (id.into(), "USER"),
            Owner::ServiceAccount(id) => (id.into(), "RUNNER"),
        };
        Ok(AuthInfo {
            tenant_id: tenant.map(Uuid::from),
            tenant: seen.map(Tenant::from),
            user_id: Some(user_id),
            api_token_scope: Some(scope.to_owned()),
            key_id: Some(caller.key.into()),
            role: role.map(Into::into),
            address: caller.address().map(|address| address.to_string()),
        })
    }

    /// The calling user, as a list of one; empty for a service account.
    fn user(
        executor: &Field<'_, '_>,
        context: &Context,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<Vec<User>> {
        let moment = AsOfInput::of(as_of);
        let user = context.authority.own_user(&context.caller, moment);
        let (user, _) = context.told(executor, as_of, user)?;
        let tenant = answered(context.authority.acted(&context.caller, moment))?.value.tenant;
        let default_membership = tenant.map(|tenant| Membership { tenant_id: tenant.into() });
        Ok(user.map(|user| User::of(user, default_membership)).into_iter().collect())
    }

    /// The tenants in which the credential acts.
    fn tenant(
        executor: &Field<'_, '_>,
        context: &Context,
        r#where: Option<TenantBoolExp>,
        order_by: Option<Vec<TenantOrderBy>>,
        #[graphql(description = "At most so many; null: all.")] limit: Option<i32>,
        #[graphql(description = "Without the first so many.")] offset: Option<i32>,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<Vec<Tenant>> {
        let window = answered(Window::parse(limit, offset))?;
        let tenants = context.authority.own_tenants(&context.caller, AsOfInput::of(as_of));
        let (tenants, _) = context.told(executor, as_of, tenants)?;
        let mut tenants: Vec<Tenant> = tenants.into_iter().map(Tenant::from).collect();
        if let Some(wanted) = &r#where {
            let id = wanted.id.as_ref().and_then(|id| id._eq);
            let slug = wanted.slug.as_ref().and_then(|slug| slug._eq.as_deref());
            tenants.retain(|tenant| {
                id.is_none_or(|id| id == tenant.id) && slug.is_none_or(|slug| slug == tenant.slug)
            });
        }
        answered(ordered(&mut tenants, order_by.as_deref(), TenantOrderBy::compare))?;
        let tenants = window.of(tenants);
        context.budget.take(tenants.len(), 0)?;
        Ok(tenants)
    }

    /// Own keys, and for administrators those of the tenant's service accounts: the living ones, never a secret.
    fn auth_api_key(
        executor: &Field<'_, '_>,
        context: &Context,
        r#where: Option<ApiKeyBoolExp>,
        order_by: Option<Vec<ApiKeyOrderBy>>,
        #[graphql(description = "At most so many; null: all.")] limit: Option<i32>,
        #[graphql(description = "Without the first so many.")] offset: Option<i32>,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<Vec<ApiKey>> {
        let window = answered(Window::parse(limit, offset))?;
        let keys = context.authority.keys(&context.caller, Which::Living, AsOfInput::of(as_of));
        let (keys, _) = context.told(executor, as_of, keys)?;
        let mut keys: Vec<_> = keys.into_iter().map(ApiKey::from).collect();
        keys.retain(|key| r#where.as_ref().is_none_or(|wanted| wanted.admits(key)));
        answered(ordered(&mut keys, order_by.as_deref(), ApiKeyOrderBy::compare))?;
        let keys = window.of(keys);
        context.budget.take(keys.len(), keys.iter().map(ApiKey::within).sum())?;
        Ok(keys)
    }

    /// The same keys under the name that older clients have for them: to these, which have no other list, all of them are
    /// tokens.
    fn api_token(
        executor: &Field<'_, '_>,
        context: &Context,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<Vec<ApiToken>> {
        let keys = context.authority.keys(&context.caller, Which::Living, AsOfInput::of(as_of));
        let (keys, _) = context.told(executor, as_of, keys)?;
        context.budget.take(keys.len(), 0)?;
        Ok(keys.into_iter().map(ApiToken::from).collect())
    }

    /// The tenants in which the credential acts; every tenant of the deployment, if an operator asks for all.
    fn tenants(
        executor: &Field<'_, '_>,
        context: &Context,
        #[graphql(description = "At most so many entries: 1 to 100.")] first: Option<i32>,
        #[graphql(description = "The entries after this cursor.")] after: Option<String>,
        #[graphql(
            description = "Every tenant of the deployment, removed ones too: for operators and auditors of the deployment."
        )]
        all: Option<bool>,
        #[graphql(description = "Which are wanted; null: all.")] filter: Option<TenantFilter>,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<TenantConnection> {
        let filter = answered(filter.unwrap_or_default().checked())?;
        let moment = AsOfInput::of(as_of);
        let tenants = if all == Some(true) {
            context.authority.all_tenants(&context.caller, Which::All, moment)
        } else {
            context.authority.own_tenants(&context.caller, moment)
        };
        let (tenants, as_of) = context.told(executor, as_of, tenants)?;
        let page = Page { first, after: after.as_deref() };
        let nodes = tenants.into_iter().map(Tenant::from).filter(|node| filter.admits(node));
        let (edges, page_info) =
            page.cut(nodes, |node| node.id, |cursor, node| TenantEdge { cursor, node })?;
        Ok(TenantConnection { edges, page_info, as_of })
    }

    /// The users of the deployment, across all tenants: for operators and auditors of the deployment.
    fn users(
        executor: &Field<'_, '_>,
        context: &Context,
        #[graphql(description = "At most so many entries: 1 to 100.")] first: Option<i32>,
        #[graphql(description = "The entries after this cursor.")] after: Option<String>,
        #[graphql(description = "Which are wanted; null: all that were not removed.")] filter: Option<
            UserFilter,
        >,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<UserConnection> {
        let filter = answered(filter.unwrap_or_default().checked())?;
        let users = context.authority.all_users(&context.caller, filter.which(), AsOfInput::of(as_of));
        let (users, as_of) = context.told(executor, as_of, users)?;
        let page = Page { first, after: after.as_deref() };
        let nodes = users.into_iter().map(|user| User::of(user, None)).filter(|node| filter.admits(node));
        let (edges, page_info) = page.cut(nodes, |node| node.id, |cursor, node| UserEdge { cursor, node })?;
        Ok(UserConnection { edges, page_info, as_of })
    }

    /// The members of a tenant.
    fn members(
        executor: &Field<'_, '_>,
        context: &Context,
        #[graphql(description = "The tenant; null: the one in which the credential acts.")] tenant_id: Option<
            Uuid,
        >,
        #[graphql(description = "At most so many entries: 1 to 100.")] first: Option<i32>,
        #[graphql(description = "The entries after this cursor.")] after: Option<String>,
        #[graphql(description = "Which are wanted; null: all.")] filter: Option<MemberFilter>,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<MemberConnection> {
        let filter = answered(filter.unwrap_or_default().checked())?;
        let tenant = context.tenant(tenant_id.map(Uuid::id))?;
        let members = context.authority.members(&context.caller, tenant, AsOfInput::of(as_of));
        let (members, as_of) = context.told(executor, as_of, members)?;
        let page = Page { first, after: after.as_deref() };
        let nodes = members.into_iter().map(super::types::Member::from).filter(|node| filter.admits(node));
        let (edges, page_info) =
            page.cut(nodes, |node| node.user_id, |cursor, node| MemberEdge { cursor, node })?;
        Ok(MemberConnection { edges, page_info, as_of })
    }

    /// The service accounts of a tenant: for its administrators.
    fn service_accounts(
        executor: &Field<'_, '_>,
        context: &Context,
        #[graphql(description = "The tenant; null: the one in which the credential acts.")] tenant_id: Option<
            Uuid,
        >,
        #[graphql(description = "At most so many entries: 1 to 100.")] first: Option<i32>,
        #[graphql(description = "The entries after this cursor.")] after: Option<String>,
        #[graphql(description = "Which are wanted; null: all.")] filter: Option<ServiceAccountFilter>,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<ServiceAccountConnection> {
        let tenant = context.tenant(tenant_id.map(Uuid::id))?;
        let filter = answered(filter.unwrap_or_default().checked())?;
        let (which, moment) = (filter.which(), AsOfInput::of(as_of));
        let authority = &context.authority;
        let accounts = authority.service_account_rows(&context.caller, tenant, which, moment);
        let (accounts, as_of) = context.told(executor, as_of, accounts)?;
        let page = Page { first, after: after.as_deref() };
        // Names are opened of those that are shown, and of all only if they are asked for by name.
        let open = |row| super::types::ServiceAccount::from(authority.service_account_view(row));
        let wanted = accounts.into_iter().filter(|row| filter.admits(row));
        let wanted = wanted.filter(|row| !filter.names() || filter.admits_name(&open(row.clone()).name));
        let edge = |cursor, row| ServiceAccountEdge { cursor, node: open(row) };
        let (edges, page_info) = page.cut(wanted, |row| row.id.into(), edge)?;
        Ok(ServiceAccountConnection { edges, page_info, as_of })
    }

    /// Own keys, and for administrators those of the tenant's service accounts; never a secret. Those of somebody else if they
    /// are asked for (`filter.user_id`).
    fn keys(
        executor: &Field<'_, '_>,
        context: &Context,
        #[graphql(
            description = "Those that were ended for good, too. Those whose time is over are there in any case."
        )]
        all: Option<bool>,
        #[graphql(description = "At most so many entries: 1 to 100.")] first: Option<i32>,
        #[graphql(description = "The entries after this cursor.")] after: Option<String>,
        #[graphql(description = "Which are wanted; null: all.")] filter: Option<KeyFilter>,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<KeyConnection> {
        let filter = answered(filter.unwrap_or_default().checked())?;
        let standing = |status| filter.admits(status);
        let finds = filter.finder();
        let fits = |row: &Key, name: &str| finds(row.id.into(), row.last_four.as_str(), name);
        let wanted = KeysWanted {
            which: filter.which(all == Some(true)),
            owner: filter.user_id.map(|id| id.0),
            ending_within_seconds: filter
                .expiring_within_seconds
                .and_then(|seconds| u64::try_from(seconds).ok()),
            unused_since: filter.last_used_before.map(|before| before.0),
            fits: filter.reads().then_some(&fits as &dyn Fn(&Key, &str) -> bool),
            standing: &standing,
        };
        let size = Page { first, after: None }.size()?;
        let after_key = after.as_deref().map(connection::id_of).transpose()?;
        let page = PageOfKeys { after: after_key.map(Uuid::id), first: size };
        let page = context.authority.keys_page(&context.caller, &wanted, page, AsOfInput::of(as_of));
        let (page, as_of) = context.told(executor, as_of, page)?;
        let keys = page.keys.ok_or_else(connection::unknown_cursor)?;
        let nodes = named_keys(context, keys)?;
        let edge = |node: ApiKey| KeyEdge { cursor: connection::cursor(node.id), node };
        let edges: Vec<_> = nodes.into_iter().map(edge).collect();
        context.budget.take(edges.len(), edges.iter().map(|edge| edge.node.within()).sum())?;
        let page_info = PageInfo {
            has_next_page: page.more,
            has_previous_page: after.is_some(),
            start_cursor: edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: edges.last().map(|edge| edge.cursor.clone()),
        };
        Ok(KeyConnection { edges, page_info, states: by_state(&page.counts), as_of })
    }

    /// One key, ended or not; null: it was made later. For its owner, the administrators of its home, and operators.
    fn key(
        executor: &Field<'_, '_>,
        context: &Context,
        #[graphql(description = "The key.")] key: KeyNamedInput,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<Option<ApiKey>> {
        let found = context.authority.key_named(&context.caller, &key.into(), AsOfInput::of(as_of));
        let (found, _) = context.told(executor, as_of, found)?;
        Ok(named_keys(context, found.into_iter().collect())?.pop())
    }

    /// The keys that sign tokens, retired ones too, the oldest first; never a private half: for operators and auditors of the deployment.
    fn signing_keys(
        executor: &Field<'_, '_>,
        context: &Context,
        #[graphql(description = "At most so many entries: 1 to 100.")] first: Option<i32>,
        #[graphql(description = "The entries after this cursor.")] after: Option<String>,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<SigningKeyConnection> {
        let signing_keys = context.authority.signing_keys(&context.caller, AsOfInput::of(as_of));
        let (signing_keys, as_of) = context.told(executor, as_of, signing_keys)?;
        let page = Page { first, after: after.as_deref() };
        let nodes = signing_keys.into_iter().map(SigningKey::from);
        let (edges, page_info) =
            page.cut(nodes, |node| node.id, |cursor, node| SigningKeyEdge { cursor, node })?;
        Ok(SigningKeyConnection { edges, page_info, as_of })
    }

    /// What happened, the oldest first: the events that concern a tenant, for its administrators and auditors (whose keys have
    /// the scope `keyledger:audit`); every event of the deployment, if an operator or an auditor of it asks for all.
    fn events(
        executor: &Field<'_, '_>,
        context: &Context,
        #[graphql(description = "The tenant; null: the one in which the credential acts.")] tenant_id: Option<
            Uuid,
        >,
        #[graphql(
            description = "Every event of the deployment, or of the tenant named: for operators and auditors of the deployment."
        )]
        all: Option<bool>,
        #[graphql(description = "Which are wanted; null: all.")] filter: Option<EventFilterInput>,
        #[graphql(description = "At most so many entries: 1 to 100.")] first: Option<i32>,
        #[graphql(description = "The entries after this cursor.")] after: Option<String>,
        #[graphql(description = "The last event first.")] newest_first: Option<bool>,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<EventConnection> {
        let mut filter = answered(filter.unwrap_or_default().parsed(as_of))?;
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
        let (page, as_of) = context.told(executor, as_of, page)?;
        let details = page.events.iter().map(|event| event.details.len()).sum();
        context.budget.take(page.events.len(), details)?;
        Ok(EventConnection::of(page, after.is_some(), as_of))
    }

    /// How the events that concern a tenant lie along the log: counted in stretches of so many positions, and by kind; for
    /// its administrators. It costs an entry of the tenant's history for each event that is counted, and reads no event:
    /// some thirty milliseconds for a million. At most 10,000,000 are counted.
    fn event_density(
        executor: &Field<'_, '_>,
        context: &Context,
        #[graphql(description = "The tenant; null: the one in which the credential acts.")] tenant_id: Option<
            Uuid,
        >,
        #[graphql(description = "In at most so many stretches of equal length: 1 to 1000; null: 100.")]
        stretches: Option<i32>,
        #[graphql(description = "From this position on; null: from the first.")] from: Option<LogPosition>,
        #[graphql(description = "Up to and including this position; null: to the last.")] to: Option<
            LogPosition,
        >,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<EventDensity> {
        let tenant = context.tenant(tenant_id.map(Uuid::id))?;
        let along = answered(density::along(stretches, from, to))?;
        let density = context.authority.event_density(&context.caller, tenant, along, AsOfInput::of(as_of));
        let (density, as_of) = context.told(executor, as_of, density)?;
        context.budget.take(density.stretches.len(), 0)?;
        Ok(EventDensity::of(density, as_of))
    }

    /// Whether a key would have been accepted at a moment, and which events decide it: for its owner, the administrators
    /// of its home, and operators. Whoever may verify what others show may ask about a key by its secret.
    fn explain(
        executor: &Field<'_, '_>,
        context: &Context,
        #[graphql(description = "The key.")] key: KeyNamedInput,
        #[graphql(
            description = "In which tenant; null: where the key acts if none is named; for an administrator of its home, of somebody else's key that acts in any tenant, that home."
        )]
        tenant_id: Option<Uuid>,
        #[graphql(description = "Scopes that it must include.")] scopes: Option<Vec<String>>,
        #[graphql(
            description = "From which address it is shown; null: a list of addresses that it may have is not asked."
        )]
        address: Option<String>,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<Explanation> {
        let asked = answered(explain::asked(key, tenant_id, scopes, address.as_deref()))?;
        let explained = context.authority.explain(&context.caller, &asked, AsOfInput::of(as_of));
        let (explained, as_of) = context.told(executor, as_of, explained)?;
        let explanation = Explanation::of(explained, as_of);
        context.budget.take(explanation.decided_by.len(), explanation.within())?;
        Ok(explanation)
    }

    /// The life of a key: what was done to it, what befell it through what it rests on, and how it stood after each; for
    /// its owner, the administrators of its home, and operators.
    fn key_history(
        executor: &Field<'_, '_>,
        context: &Context,
        #[graphql(description = "The key.")] key: KeyNamedInput,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<KeyHistory> {
        let life = context.authority.key_history(&context.caller, &key.into(), AsOfInput::of(as_of));
        let (life, as_of) = context.told(executor, as_of, life)?;
        let history = KeyHistory::of(life, as_of);
        context.budget.take(history.steps.len(), history.within())?;
        Ok(history)
    }

    /// The blast radius of a key: where and as what it was accepted, what was done with it, its lineage, its use, when its last
    /// token is dead, and the one command that stops it; for its owner, the administrators of its home, and operators.
    fn blast_radius(
        executor: &Field<'_, '_>,
        context: &Context,
        #[graphql(description = "The key.")] key: KeyNamedInput,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<BlastRadius> {
        let radius = context.authority.blast_radius(&context.caller, &key.into(), AsOfInput::of(as_of));
        let (radius, as_of) = context.told(executor, as_of, radius)?;
        let radius = BlastRadius::of(radius, as_of);
        let (entries, within) = radius.entries();
        context.budget.take(entries, within)?;
        Ok(radius)
    }

    /// What differs between two moments: added, removed or changed, and whether it lets somebody do more. Of a tenant for
    /// its administrators, of the deployment for operators. At most 100,000 events may lie between them.
    fn state_diff(
        context: &Context,
        #[graphql(description = "The first moment.")] from: AsOfInput,
        #[graphql(description = "The second moment; null: now.")] to: Option<AsOfInput>,
        #[graphql(description = "The tenant; null: the one in which the credential acts.")] tenant_id: Option<
            Uuid,
        >,
        #[graphql(
            description = "Everything, in every tenant: for operators and auditors of the deployment."
        )]
        all: Option<bool>,
        #[graphql(description = "Only what lets somebody do more.")] only_increases: Option<bool>,
        #[graphql(description = "At most so many entries; null: all.")] limit: Option<i32>,
        #[graphql(description = "Without the first so many.")] offset: Option<i32>,
    ) -> FieldResult<StateDiff> {
        let window = answered(Window::parse(limit, offset))?;
        let scope = match all {
            Some(true) => Scope::Deployment,
            Some(false) | None => Scope::Tenant(context.tenant(tenant_id.map(Uuid::id))?),
        };
        let wanted = if only_increases == Some(true) { Wanted::OnlyIncreases } else { Wanted::All };
        let (from, to) = (AsOfInput::of(Some(from)), AsOfInput::of(to));
        let differences =
            context.authority.state_diff(&context.caller, scope, from, to, wanted, window.part());
        let diff = StateDiff::of(answered(differences)?);
        context.budget.take(diff.entries.len(), diff.within())?;
        Ok(diff)
    }

    /// The commands that were refused in a tenant, the newest first: for its administrators. For operators whose
    /// credential acts in no tenant: those of no tenant.
    fn refusals(
        executor: &Field<'_, '_>,
        context: &Context,
        #[graphql(
            description = "The tenant; null: the one in which the credential acts, or none if it acts in none."
        )]
        tenant_id: Option<Uuid>,
        #[graphql(
            description = "If true, those of no tenant: for operators and auditors of the deployment."
        )]
        outside: Option<bool>,
        #[graphql(
            description = "Only what was asked with this key, or a token minted from it, or about it."
        )]
        key_id: Option<Uuid>,
        #[graphql(description = "At most so many entries: 1 to 100.")] first: Option<i32>,
        #[graphql(description = "The entries after this cursor.")] after: Option<String>,
        #[graphql(description = "The moment asked about; null: now.")] as_of: Option<AsOfInput>,
    ) -> FieldResult<RefusalConnection> {
        let of = match (outside == Some(true), tenant_id) {
            (false, tenant) => tenant.map(Uuid::id).or(context.caller.tenant),
            (true, None) => None,
            (true, Some(_)) => return answered(Err(refusals::both())),
        };
        let size = Page { first, after: None }.size()?;
        let after = answered(after.as_deref().map(refusals::number).transpose())?;
        let wanted = RefusalsWanted { of, key: key_id.map(Uuid::id) };
        let page = context.authority.refusals(&context.caller, wanted, after, size, AsOfInput::of(as_of));
        let (page, as_of) = context.told(executor, as_of, page)?;
        Ok(RefusalConnection::of(page, after.is_some(), as_of))
    }
}

/// Keys with the names of their owners and of whoever made them.
fn named_keys(context: &Context, keys: Vec<KeyView>) -> FieldResult<Vec<ApiKey>> {
    let owners = answered(context.authority.owner_names(keys.iter().map(|key| key.owner)))?;
    let began = keys.iter().map(|key| key.created.position);
    let makers = answered(context.authority.makers(&context.caller, began))?;
    let named = keys.into_iter().zip(owners).zip(makers).map(|((key, owner_name), maker)| ApiKey {
        owner_name: Some(owner_name),
        created_by: Some(maker.actor.into()),
        created_by_name: maker.name,
        ..ApiKey::from(key)
    });
    Ok(named.collect())
}
