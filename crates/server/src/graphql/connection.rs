//! Lists in pages, after the Relay cursor connections specification. A cursor is an entry's own id.

use authority::{Failure, InputError};
use juniper::{FieldError, GraphQLObject};

use super::as_of::AsOfShown;
use super::errors::refused;
use super::filters::KeyStateCount;
use super::scalars::Uuid;
use super::types::{ApiKey, Member, ServiceAccount, Tenant, User};

/// The most entries of one page.
const PAGE_MAX: usize = 100;
/// The entries of a page for which no number was asked.
const PAGE_DEFAULT: usize = 50;

/// Where a page begins and ends.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "page_info", rename_all = "none")]
pub struct PageInfo {
    /// Whether more entries follow.
    pub has_next_page: bool,
    /// Whether there are entries before: the page was asked for after one of them.
    pub has_previous_page: bool,
    /// The cursor of the page's first entry; null: it has none.
    pub start_cursor: Option<String>,
    /// The cursor of the page's last entry, to be given as `after`.
    pub end_cursor: Option<String>,
}

/// A page of tenants.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "tenant_connection", rename_all = "none")]
pub struct TenantConnection {
    /// The entries with their cursors.
    pub edges: Vec<TenantEdge>,
    /// Where the page begins and ends.
    pub page_info: PageInfo,
    /// The moment that the page is true as of.
    pub as_of: AsOfShown,
}

/// A tenant with its cursor.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "tenant_edge", rename_all = "none")]
pub struct TenantEdge {
    /// The cursor.
    pub cursor: String,
    /// The entry.
    pub node: Tenant,
}

/// A page of members.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "member_connection", rename_all = "none")]
pub struct MemberConnection {
    /// The entries with their cursors.
    pub edges: Vec<MemberEdge>,
    /// Where the page begins and ends.
    pub page_info: PageInfo,
    /// The moment that the page is true as of.
    pub as_of: AsOfShown,
}

/// A member with its cursor.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "member_edge", rename_all = "none")]
pub struct MemberEdge {
    /// The cursor.
    pub cursor: String,
    /// The entry.
    pub node: Member,
}

/// A page of users.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "user_connection", rename_all = "none")]
pub struct UserConnection {
    /// The entries with their cursors.
    pub edges: Vec<UserEdge>,
    /// Where the page begins and ends.
    pub page_info: PageInfo,
    /// The moment that the page is true as of.
    pub as_of: AsOfShown,
}

/// A user with its cursor.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "user_edge", rename_all = "none")]
pub struct UserEdge {
    /// The cursor.
    pub cursor: String,
    /// The entry.
    pub node: User,
}

/// A page of service accounts.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "service_account_connection", rename_all = "none")]
pub struct ServiceAccountConnection {
    /// The entries with their cursors.
    pub edges: Vec<ServiceAccountEdge>,
    /// Where the page begins and ends.
    pub page_info: PageInfo,
    /// The moment that the page is true as of.
    pub as_of: AsOfShown,
}

/// A service account with its cursor.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "service_account_edge", rename_all = "none")]
pub struct ServiceAccountEdge {
    /// The cursor.
    pub cursor: String,
    /// The entry.
    pub node: ServiceAccount,
}

/// A page of keys.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "key_connection", rename_all = "none")]
pub struct KeyConnection {
    /// The entries with their cursors.
    pub edges: Vec<KeyEdge>,
    /// Where the page begins and ends.
    pub page_info: PageInfo,
    /// How many keys are in each state, of those that were looked through and that everything but `state` applies to.
    pub states: Vec<KeyStateCount>,
    /// The moment that the page is true as of.
    pub as_of: AsOfShown,
}

/// A key with its cursor.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "key_edge", rename_all = "none")]
pub struct KeyEdge {
    /// The cursor.
    pub cursor: String,
    /// The entry.
    pub node: ApiKey,
}

/// Which page is wanted.
pub(super) struct Page<'a> {
    pub(super) first: Option<i32>,
    pub(super) after: Option<&'a str>,
}

impl Page<'_> {
    /// How many entries the page may have.
    pub(super) fn size(&self) -> Result<usize, FieldError> {
        match self.first.map(usize::try_from) {
            None => Ok(PAGE_DEFAULT),
            Some(Ok(first)) if (1..=PAGE_MAX).contains(&first) => Ok(first),
            Some(Ok(_) | Err(_)) => Err(malformed("first", "ask for 1 to 100 entries")),
        }
    }

    /// The entries of the page as edges, and where it ends.
    pub(super) fn cut<N, E>(
        &self,
        entries: impl IntoIterator<Item = N>,
        id: impl Fn(&N) -> Uuid,
        edge: impl Fn(String, N) -> E,
    ) -> Result<(Vec<E>, PageInfo), FieldError> {
        let first = self.size()?;
        let mut entries = entries.into_iter();
        if let Some(after) = self.after
            && !entries.by_ref().any(|entry| cursor(id(&entry)) == after)
        {
            return Err(unknown_cursor());
        }
        let mut edges = vec![];
        let (mut start_cursor, mut end_cursor) = (None, None);
        for entry in entries.by_ref().take(first) {
            let cursor = cursor(id(&entry));
            start_cursor.get_or_insert_with(|| cursor.clone());
            end_cursor = Some(cursor.clone());
            edges.push(edge(cursor, entry));
        }
        let (has_next_page, has_previous_page) = (entries.next().is_some(), self.after.is_some());
        Ok((edges, PageInfo { has_next_page, has_previous_page, start_cursor, end_cursor }))
    }
}

/// The id that a cursor stands for.
pub(super) fn id_of(cursor: &str) -> Result<Uuid, FieldError> {
    let digits = cursor.as_bytes().as_chunks::<2>();
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |pair: &[u8; 2]| Some(digit(pair[0])? << 4 | digit(pair[1])?);
    let bytes: Option<Vec<u8>> = digits.0.iter().map(byte).collect();
    let id = bytes.filter(|_| digits.1.is_empty()).and_then(|bytes| bytes.try_into().ok());
    id.map(Uuid).ok_or_else(unknown_cursor)
}

/// A cursor that the list does not have.
pub(super) fn unknown_cursor() -> FieldError {
    malformed("after", "give the end_cursor of an earlier page of this list")
}

fn malformed(field: &'static str, rule: &'static str) -> FieldError {
    refused(Failure::from(InputError::Malformed { field, rule }))
}

/// The cursor of an entry.
pub(super) fn cursor(id: Uuid) -> String {
    id.0.iter().map(|byte| format!("{byte:02x}")).collect()
}
