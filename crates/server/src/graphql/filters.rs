//! Filters of lists: which entries are wanted, by state, owner, name, end and use.

mod bounds;
mod keys;
mod old;
mod people;

pub(super) use bounds::few_types;
pub(super) use keys::by_state;
pub use keys::{KeyFilter, KeyStateCount};
pub use old::{ApiKeyBoolExp, ApiKeyOrderBy, Window, ordered};
pub use people::{MemberFilter, ServiceAccountFilter, TenantFilter, UserFilter};

/// Whether a name holds the text, which is in lower case, whatever that of the name. No text: every name does.
fn contains(name: &str, wanted: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| name.to_lowercase().contains(wanted))
}

/// Whether the value is among those wanted. None wanted: every value is.
fn among<T: PartialEq>(value: &T, wanted: Option<&[T]>) -> bool {
    wanted.is_none_or(|wanted| wanted.contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_letter_case_and_nothing_asked_finds_all() {
        assert!(contains("ETL-Straße", Some("etl-stra")));
        assert!(contains("x", None) && contains("x", Some("")) && !contains("x", Some("y")));
        assert!(among(&1, None) && among(&1, Some(&[2, 1])) && !among(&1, Some(&[])));
    }
}
