//! What may be asked of the schema itself.
//!
//! No resolver of ours answers that, so nothing counts it. A type has fields, fields have types, and these have fields:
//! each time around multiplies the answer, and aliases repeat it. What tools ask goes around once, without aliases below its root, of
//! which an operation has few; each answer is no larger than the schema.

use juniper::{Definition, Selection};

use super::fragments::Fragments;
use super::schema::Schema;

/// The fields by which a document asks about the schema.
const ROOTS: [&str; 2] = ["__schema", "__type"];
/// The lists of a type that lead to types.
const LISTS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];
/// How many of them may lie within one another.
const LISTS_WITHIN_MAX: usize = 1;

/// Whether a document asks more of the schema than there is in it. What does not parse is for the parser to refuse.
pub(super) fn goes_around(document: &str, schema: &Schema) -> bool {
    let Ok(definitions) = juniper::parser::parse_document_source(document, &schema.schema) else {
        return false;
    };
    let mut fragments = Fragments::among(&definitions);
    definitions.iter().any(|definition| match definition {
        Definition::Operation(operation) => below(&operation.item.selection_set, &mut fragments).goes_around,
        Definition::Fragment(_) => false,
    })
}

/// What lies below some place of a document.
#[derive(Clone, Copy, Default)]
struct Below {
    aliases: bool,
    /// How many lists lie within one another.
    lists: usize,
    /// Whether it has a root that goes around.
    goes_around: bool,
}

fn below<'a, S>(selections: &[Selection<'a, S>], fragments: &mut Fragments<'_, 'a, S, Below>) -> Below {
    let each = selections.iter().map(|selection| match selection {
        Selection::Field(field) => {
            let name = field.item.name.item;
            let found = below(field.item.selection_set.as_deref().unwrap_or_default(), fragments);
            let around = ROOTS.contains(&name) && (found.aliases || found.lists > LISTS_WITHIN_MAX);
            let aliases = found.aliases || field.item.alias.is_some();
            let lists = found.lists + usize::from(LISTS.contains(&name));
            Below { aliases, lists, goes_around: found.goes_around || around }
        }
        Selection::FragmentSpread(spread) => fragments.found(spread.item.name.item, below),
        Selection::InlineFragment(inline) => below(&inline.item.selection_set, fragments),
    });
    each.fold(Below::default(), |all, found| Below {
        aliases: all.aliases || found.aliases,
        lists: all.lists.max(found.lists),
        goes_around: all.goes_around || found.goes_around,
    })
}

#[cfg(test)]
mod tests {
    use super::super::schema::schema;
    use super::*;

    #[test]
    fn what_tools_ask_is_answered() {
        let schema = schema();
        let asked = |document: &str| goes_around(document, &schema);
        assert!(!asked("{ mine: hello other: hello }"), "aliases of anything else");
        assert!(!asked("{ a: __type(name: \"key\") { name } b: __type(name: \"tenant\") { name } }"));
        assert!(!asked("{ __type(name: \"Query\") { name fields { name type { name ofType { name } } } } }"));
        assert!(!asked(
            "query IntrospectionQuery { __schema { queryType { name } types { ...FullType } } } \
             fragment FullType on __Type { kind name fields(includeDeprecated: true) { name args { ...InputValue } \
             type { ...TypeRef } } inputFields { ...InputValue } interfaces { ...TypeRef } possibleTypes { ...TypeRef } } \
             fragment InputValue on __InputValue { name type { ...TypeRef } defaultValue } \
             fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name } } }"
        ));
    }

    #[test]
    fn what_goes_around_or_has_aliases_is_not() {
        let schema = schema();
        for document in [
            "{ __schema { types { fields { type { fields { name } } } } } }",
            "{ __schema { types { fields { type { ...T } } } } } fragment T on __Type { ofType { ... { interfaces { name } } } }",
            "{ __schema { types { a: name b: name } } }",
            "{ __schema { types { fields { a: description } } } }",
            "{ hello } query B { ...F } fragment F on Query { __schema { types { a: name } } }",
        ] {
            assert!(goes_around(document, &schema), "{document}");
        }
    }
}
