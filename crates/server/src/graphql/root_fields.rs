//! How many root fields an operation has, counted before anything runs: its fragments spread, its aliases apart.
//! Each is a command, or a list that is read.

use std::collections::HashMap;

use juniper::{Definition, Selection};

use super::schema::Schema;

/// The most root fields of one operation.
pub(super) const ROOT_FIELDS_MAX: usize = 10;

/// Whether each operation of a document stays within the limit. What does not parse is for the parser to refuse.
pub(super) fn within_limit(document: &str, schema: &Schema) -> bool {
    let Ok(definitions) = juniper::parser::parse_document_source(document, &schema.schema) else {
        return true;
    };
    let mut fragments = Fragments::new();
    for definition in &definitions {
        if let Definition::Fragment(fragment) = definition {
            fragments.insert(fragment.item.name.item, (fragment.item.selection_set.as_slice(), None));
        }
    }
    definitions.iter().all(|definition| match definition {
        Definition::Operation(operation) => {
            count(&operation.item.selection_set, &mut fragments) <= ROOT_FIELDS_MAX
        }
        Definition::Fragment(_) => true,
    })
}

/// What each fragment selects, and how many fields that is, once it has been counted.
type Fragments<'d, 'a, S> = HashMap<&'a str, (&'d [Selection<'a, S>], Option<usize>)>;

fn count<S>(selections: &[Selection<'_, S>], fragments: &mut Fragments<'_, '_, S>) -> usize {
    let counted = selections.iter().map(|selection| match selection {
        Selection::Field(_) => 1,
        Selection::FragmentSpread(spread) => spread_count(spread.item.name.item, fragments),
        Selection::InlineFragment(inline) => count(&inline.item.selection_set, fragments),
    });
    counted.fold(0, usize::saturating_add)
}

/// Each fragment is counted once, however often it is spread. One that spreads itself counts for nothing
/// while it is being counted: the parser lets it pass, and validation, which comes later, refuses it.
fn spread_count<S>(name: &str, fragments: &mut Fragments<'_, '_, S>) -> usize {
    let Some((selections, counted)) = fragments.get_mut(name) else { return 0 };
    if let Some(counted) = counted {
        return *counted;
    }
    let selections = *selections;
    *counted = Some(0);
    let total = count(selections, fragments);
    if let Some((_, counted)) = fragments.get_mut(name) {
        *counted = Some(total);
    }
    total
}
