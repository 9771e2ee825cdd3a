//! What differs between two moments, in GraphQL.

use authority::Answer;
use authority::events::Said;
use authority::state_diff::{DifferenceView, Differences, FieldView};
use domain::difference::Kind;
use domain::facts::target_id;
use domain::ids::RequestId;
use domain::row::RowId;
use juniper::GraphQLObject;

use super::as_of::AsOfShown;
use super::events::written;
use super::scalars::Uuid;

/// What differs between two moments.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "state_diff", rename_all = "none")]
pub struct StateDiff {
    /// The first moment.
    pub from: AsOfShown,
    /// The second moment.
    pub to: AsOfShown,
    /// How many events lie between them, of the tenant if one is asked about.
    pub events_count: i32,
    /// How many differences there are.
    pub count: i32,
    /// Those that were asked for.
    pub entries: Vec<DifferenceShown>,
}

/// Something that is not the same at both moments.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "difference", rename_all = "none")]
pub struct DifferenceShown {
    /// What became of it: added, removed or changed. What was revoked or removed for good is removed.
    pub what: String,
    /// What it is: deployment, tenant, user, member, service_account, key, signing_key or tokens.
    pub kind: String,
    /// Its id; of a member, the user's; of tokens, that of whatever they were refused with; null: it has none.
    pub id: Option<Uuid>,
    /// Of a member, the tenant.
    pub tenant_id: Option<Uuid>,
    /// Whether it lets somebody do more.
    pub increases_access: bool,
    /// The same in one line.
    pub summary: String,
    /// What is otherwise.
    pub fields: Vec<DifferenceField>,
}

/// A field that is not the same at both moments.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "difference_field", rename_all = "none")]
pub struct DifferenceField {
    /// The field; within a group after a dot, such as reach.tenant.
    pub name: String,
    /// What it said; null: nothing, or a text that you may not see.
    pub before: Option<String>,
    /// What it says; null: nothing, or a text that you may not see.
    pub after: Option<String>,
}

impl StateDiff {
    pub(super) fn of(answer: Answer<Differences>) -> Self {
        let Answer { value: Differences { from, events, count, entries }, basis } = answer;
        Self {
            from: from.into(),
            to: basis.into(),
            events_count: i32::try_from(events).unwrap_or(i32::MAX),
            count: i32::try_from(count).unwrap_or(i32::MAX),
            entries: entries.into_iter().map(DifferenceShown::from).collect(),
        }
    }

    /// How many entries the lists of its entries have.
    pub(super) fn within(&self) -> usize {
        self.entries.iter().map(|entry| entry.fields.len()).sum()
    }
}

impl From<DifferenceView> for DifferenceShown {
    fn from(view: DifferenceView) -> Self {
        let (kind, id, tenant_id) = match view.row {
            RowId::Deployment => ("deployment", None, None),
            RowId::Tenant(id) => ("tenant", Some(id.into()), None),
            RowId::User(id) => ("user", Some(id.into()), None),
            RowId::Membership { tenant, user } => ("member", Some(user.into()), Some(tenant.into())),
            RowId::ServiceAccount(id) => ("service_account", Some(id.into()), None),
            RowId::Key(id) => ("key", Some(id.into()), None),
            RowId::SigningKey(id) => ("signing_key", Some(id.into()), None),
            RowId::Watermark(target) => {
                ("tokens", target_id(&target).map(|id| RequestId::from_bytes(id).into()), None)
            }
            RowId::UniqueName(_) => ("name", None, None),
        };
        let what = match view.kind {
            Kind::Added => "added",
            Kind::Removed => "removed",
            Kind::Changed | Kind::Derived => "changed",
        };
        let side = |said: Option<Said>| said.and_then(written);
        let fields = view.fields.into_iter().map(|FieldView { name, before, after }| DifferenceField {
            name,
            before: side(before),
            after: side(after),
        });
        Self {
            what: what.to_owned(),
            kind: kind.to_owned(),
            id,
            tenant_id,
            increases_access: view.increases_access,
            summary: view.line.into_iter().filter_map(written).collect(),
            fields: fields.collect(),
        }
    }
}
