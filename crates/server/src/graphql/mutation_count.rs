//! How many root fields a mutation has, counted before anything runs: its fragments spread, its aliases apart.

use std::collections::HashMap;

use juniper::{Definition, OperationType, Selection};

use super::schema::Schema;

/// The most root fields of one mutation.
pub(super) const MUTATION_FIELDS_MAX: usize = 10;

/// Whether a document's mutation stays within the limit. What does not parse is for the parser to refuse.
pub(super) fn within_limit(document: &str, schema: &Schema) -> bool {
    let Ok(definitions) = juniper::parser::parse_document_source(document, &schema.schema) else { return true };
    let mut fragments = HashMap::new();
    for definition in &definitions {
        if let Definition::Fragment(fragment) = definition {
            fragments.insert(fragment.item.name.item, fragment.item.selection_set.as_slice());
        }
    }
    definitions.iter().all(|definition| match definition {
        Definition::Operation(operation) if operation.item.operation_type == OperationType::Mutation => {
            // The parser has refused fragments that spread themselves.
            count(&operation.item.selection_set, &fragments) <= MUTATION_FIELDS_MAX
        }
        Definition::Operation(_) | Definition::Fragment(_) => true,
    })
}

fn count<'a, S>(selections: &[Selection<'a, S>], fragments: &HashMap<&'a str, &[Selection<'a, S>]>) -> usize {
    let counted = selections.iter().map(|selection| match selection {
        Selection::Field(_) => 1,
        Selection::FragmentSpread(spread) => {
            fragments.get(spread.item.name.item).map_or(0, |inner| count(inner, fragments))
        }
        Selection::InlineFragment(inline) => count(&inline.item.selection_set, fragments),
    });
    counted.fold(0, usize::saturating_add)
}
