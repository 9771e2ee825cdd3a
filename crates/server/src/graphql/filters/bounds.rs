//! How much a filter may ask of each entry: it is looked at for every one of them.

use authority::{Failure, InputError};
use domain::names::Email;

/// The longest text that is looked for: nothing in which it is looked for is longer.
const TEXT_BYTES_MAX: usize = Email::BYTES_MAX;
/// The most values of a list of states or roles: there are fewer.
const CHOICES_MAX: usize = 16;
/// The most types of events.
const TYPES_MAX: usize = 64;
/// The most criteria by which a list is ordered.
const CRITERIA_MAX: usize = 8;

/// Refuses a text that nothing can hold.
pub fn short(field: &'static str, text: Option<&str>) -> Result<(), Failure> {
    let rule = "give at most 254 bytes: no name or address is longer";
    within(TEXT_BYTES_MAX, text.map_or(0, str::len), field, rule)
}

/// Refuses more states or roles than there are.
pub fn few<T>(field: &'static str, choices: Option<&[T]>) -> Result<(), Failure> {
    within(CHOICES_MAX, choices.map_or(0, <[T]>::len), field, "give at most 16 values")
}

/// Refuses more types of events than there are.
pub fn few_types<T>(types: Option<&[T]>) -> Result<(), Failure> {
    within(TYPES_MAX, types.map_or(0, <[T]>::len), "filter.types", "give at most 64 types")
}

/// Refuses more criteria than anybody orders by.
pub fn few_criteria<T>(criteria: Option<&[T]>) -> Result<(), Failure> {
    within(CRITERIA_MAX, criteria.map_or(0, <[T]>::len), "order_by", "give at most 8 criteria")
}

/// A text as it is looked for in names: in lower case, made so once.
pub fn lower(field: &'static str, text: Option<&str>) -> Result<Option<String>, Failure> {
    short(field, text)?;
    Ok(text.map(str::to_lowercase))
}

fn within(most: usize, given: usize, field: &'static str, rule: &'static str) -> Result<(), Failure> {
    if given > most { Err(InputError::Malformed { field, rule }.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_is_taken_and_one_more_is_refused() {
        assert_eq!(lower("x", Some(&"Ä".repeat(127))).unwrap().unwrap(), "ä".repeat(127));
        let refused = lower("filter.search", Some(&"x".repeat(255))).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "filter.search: give at most 254 bytes: no name or address is longer"
        );
        assert!(few("x", Some(&[0; 16])).is_ok() && few("x", Some(&[0; 17])).is_err());
        assert!(few_criteria(Some(&[0; 8])).is_ok() && few_criteria(Some(&[0; 9])).is_err());
        assert!(few::<u8>("x", None).is_ok() && short("x", None).is_ok());
    }
}
