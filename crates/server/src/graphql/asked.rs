//! How much a document asks for, counted before anything runs: its fragments spread, its aliases apart.

use std::ops::Add;

use juniper::{Definition, Selection};

use super::fragments::Fragments;
use super::schema::Schema;

/// The fields of entries that are lists themselves.
const LISTS: [&str; 6] = ["allowed_addresses", "scopes", "details", "callers", "agents", "fields"];

/// How long an alias is that counts like another field.
const ALIAS_BYTES: usize = 32;

/// How many fields an operation has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// At its root: each is a command, or a list that is read.
    pub(super) root_fields: usize,
    /// At its root and below.
    pub(super) fields: usize,
    /// Lists of an entry, and what lies below them.
    pub(super) of_lists: usize,
}

impl Asked {
    /// What the operations of a document ask for, at most. What does not parse is for the parser to refuse.
    pub(super) fn by(document: &str, schema: &Schema) -> Self {
        let Ok(definitions) = juniper::parser::parse_document_source(document, &schema.schema) else {
            return Self::default();
        };
        let mut fragments = Fragments::among(&definitions);
        let operations = definitions.iter().filter_map(|definition| match definition {
            Definition::Operation(operation) => Some(count(&operation.item.selection_set, &mut fragments)),
            Definition::Fragment(_) => None,
        });
        operations.fold(Self::default(), |most, asked| Self {
            root_fields: most.root_fields.max(asked.root_fields),
            fields: most.fields.max(asked.fields),
            of_lists: most.of_lists.max(asked.of_lists),
        })
    }
}

/// Whether a document asks for this field at the root of every operation, and for no other. Who spreads fragments asks
/// for something else: what may be asked for with little must be seen at a glance.
pub(super) fn only(field: &str, document: &str, schema: &Schema) -> bool {
    let Ok(definitions) = juniper::parser::parse_document_source(document, &schema.schema) else {
        return false;
    };
    definitions.iter().all(|definition| match definition {
        Definition::Operation(operation) => {
            operation.item.selection_set.iter().all(|selection| match selection {
                Selection::Field(asked) => asked.item.name.item == field,
                Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
            })
        }
        Definition::Fragment(_) => false,
    })
}

impl Add for Asked {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            root_fields: self.root_fields.saturating_add(other.root_fields),
            fields: self.fields.saturating_add(other.fields),
            of_lists: self.of_lists.saturating_add(other.of_lists),
        }
    }
}

fn count<'a, S>(selections: &[Selection<'a, S>], fragments: &mut Fragments<'_, 'a, S, Asked>) -> Asked {
    let counted = selections.iter().map(|selection| match selection {
        Selection::Field(field) => {
            let below = field.item.selection_set.as_deref().unwrap_or_default();
            let below = count(below, fragments);
            let alias = field.item.alias.as_ref().map_or(0, |alias| alias.item.len());
            let fields = below.fields.saturating_add(1 + alias / ALIAS_BYTES);
            let of_lists = if LISTS.contains(&field.item.name.item) { fields } else { below.of_lists };
            Asked { root_fields: 1, fields, of_lists }
        }
        Selection::FragmentSpread(spread) => fragments.found(spread.item.name.item, count),
        Selection::InlineFragment(inline) => count(&inline.item.selection_set, fragments),
    });
    counted.fold(Asked::default(), Asked::add)
}

#[cfg(test)]
mod tests {
    use super::super::schema::schema;
    use super::*;

    #[test]
    fn one_field_alone_is_told_from_every_other_document() {
        let only = |document| only("hello", document, &schema());
        assert!(only("{ hello }") && only("query Q { a: hello b: hello }"));
        for other in [
            "{ hello position }",
            "{ hello: position }",
            "{ __typename }",
            "query A { hello } query B { position }",
            "{ ... { hello } }",
            "{ ...F } fragment F on Query { hello }",
            "{ hello } fragment F on Query { hello }",
            "{",
        ] {
            assert!(!only(other), "{other}");
        }
    }

    #[test]
    fn aliases_fragments_and_lists_are_counted() {
        let asked = |document| {
            let Asked { root_fields, fields, of_lists } = Asked::by(document, &schema());
            (root_fields, fields, of_lists)
        };
        assert_eq!(asked("{ hello }"), (1, 1, 0));
        assert_eq!(asked("{ auth_api_key { id a: scopes b: scopes } }"), (1, 4, 2));
        assert_eq!(asked("{ events { edges { node { details { name value } } } } }"), (1, 6, 3));
        assert_eq!(asked("{ auth_api_key { usage { count callers } } }"), (1, 4, 1));
        let spread = "{ ...F more: auth_api_key { ...K } } \
            fragment F on query { auth_api_key { ...K } auth_api_key { ...K } } \
            fragment K on auth_api_key { id ... on auth_api_key { allowed_addresses } }";
        assert_eq!(asked(spread), (3, 9, 3));
        assert_eq!(asked("query A { hello } query B { hello again: hello }"), (2, 2, 0), "the larger one");
        let long = format!("{{ {}: hello }}", "a".repeat(320));
        assert_eq!(asked(&long), (1, 11, 0), "as much as ten more");
        assert_eq!(asked("{"), (0, 0, 0));
    }
}
