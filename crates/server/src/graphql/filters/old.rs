//! The old lists, as existing clients ask for them: `where`, `order_by`, `limit` and `offset`.

use std::cmp::Ordering;
use std::ops::Range;

use authority::{Failure, InputError};
use juniper::GraphQLInputObject;

use super::bounds;
use crate::graphql::inputs::{OrderBy, StringComparisonExp, TenantOrderBy, UuidComparisonExp};
use crate::graphql::types::{ApiKey, Tenant};

/// Which keys are wanted: those that every condition applies to.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "auth_api_key_bool_exp", rename_all = "none")]
pub struct ApiKeyBoolExp {
    /// By id.
    pub id: Option<UuidComparisonExp>,
    /// By name.
    pub name: Option<StringComparisonExp>,
    /// By owner.
    pub user_id: Option<UuidComparisonExp>,
}

impl ApiKeyBoolExp {
    /// Whether the key is wanted. What is compared with null is not asked.
    pub(in crate::graphql) fn admits(&self, key: &ApiKey) -> bool {
        let id = self.id.as_ref().and_then(|id| id._eq);
        let name = self.name.as_ref().and_then(|name| name._eq.as_deref());
        let owner = self.user_id.as_ref().and_then(|owner| owner._eq);
        id.is_none_or(|id| id == key.id)
            && name.is_none_or(|name| name == key.name)
            && owner.is_none_or(|owner| owner == key.user_id)
    }
}

/// By what keys are ordered.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "auth_api_key_order_by", rename_all = "none")]
pub struct ApiKeyOrderBy {
    /// By name.
    pub name: Option<OrderBy>,
    /// By when they were made.
    pub created_at: Option<OrderBy>,
    /// By when they end; those without end come last when ascending, first when descending.
    pub expires_at: Option<OrderBy>,
}

impl ApiKeyOrderBy {
    /// How two keys stand to each other by this criterion.
    pub(in crate::graphql) fn compare(&self, a: &ApiKey, b: &ApiKey) -> Ordering {
        let end = |key: &ApiKey| key.expires_at.map_or((true, None), |at| (false, Some(at.0)));
        directed(self.name, a.name.cmp(&b.name))
            .then_with(|| directed(self.created_at, a.created.cmp(&b.created)))
            .then_with(|| directed(self.expires_at, end(a).cmp(&end(b))))
    }
}

impl TenantOrderBy {
    /// How two tenants stand to each other by this criterion.
    pub(in crate::graphql) fn compare(&self, a: &Tenant, b: &Tenant) -> Ordering {
        directed(self.slug, a.slug.cmp(&b.slug)).then_with(|| directed(self.name, a.name.cmp(&b.name)))
    }
}

fn directed(direction: Option<OrderBy>, ordering: Ordering) -> Ordering {
    match direction {
        None => Ordering::Equal,
        Some(OrderBy::asc) => ordering,
        Some(OrderBy::desc) => ordering.reverse(),
    }
}

/// In order of the criteria; the first decides first.
pub fn ordered<N, C>(
    entries: &mut [N],
    criteria: Option<&[C]>,
    compare: impl Fn(&C, &N, &N) -> Ordering,
) -> Result<(), Failure> {
    bounds::few_criteria(criteria)?;
    let criteria = criteria.unwrap_or_default();
    entries.sort_by(|a, b| {
        let decided = criteria.iter().map(|by| compare(by, a, b)).find(|found| found.is_ne());
        decided.unwrap_or(Ordering::Equal)
    });
    Ok(())
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    limit: usize,
    offset: usize,
}

impl Window {
    /// At most so many entries, without the first few.
    pub fn parse(limit: Option<i32>, offset: Option<i32>) -> Result<Self, Failure> {
        let rule = "give a number, at least 0";
        let count = |field, given: Option<i32>| match given.map(usize::try_from) {
            None => Ok(None),
            Some(Ok(count)) => Ok(Some(count)),
            Some(Err(_)) => Err(Failure::from(InputError::Malformed { field, rule })),
        };
        Ok(Self {
            limit: count("limit", limit)?.unwrap_or(usize::MAX),
            offset: count("offset", offset)?.unwrap_or(0),
        })
    }

    /// Which entries that are, by number.
    pub fn part(&self) -> Range<usize> {
        self.offset..self.offset.saturating_add(self.limit)
    }

    /// The entries of that part.
    pub fn of<N>(self, entries: Vec<N>) -> Vec<N> {
        entries.into_iter().skip(self.offset).take(self.limit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_lie_within_the_list_or_are_empty() {
        let window = |limit, offset| Window::parse(limit, offset).unwrap().of(vec![1, 2, 3]);
        assert_eq!(window(None, None), [1, 2, 3]);
        assert_eq!(window(Some(1), Some(1)), [2]);
        assert_eq!(window(Some(0), None), [0; 0]);
        assert_eq!(window(Some(i32::MAX), Some(3)), [0; 0]);
        assert!(Window::parse(Some(-1), None).unwrap_err().to_string().starts_with("limit: "));
        assert!(Window::parse(None, Some(-1)).unwrap_err().to_string().starts_with("offset: "));
    }
}
