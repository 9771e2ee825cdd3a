//! The fragments of a document, each looked at once, however often it is spread.

use std::collections::HashMap;

use juniper::{Definition, Selection};

/// What each fragment selects, and what was found in it.
pub(super) struct Fragments<'d, 'a, S, T>(HashMap<&'a str, Fragment<'d, 'a, S, T>>);

struct Fragment<'d, 'a, S, T> {
    selections: &'d [Selection<'a, S>],
    found: Option<T>,
}

impl<'d, 'a, S, T: Copy + Default> Fragments<'d, 'a, S, T> {
    /// Those among the definitions of a document.
    pub(super) fn among(definitions: &'d [Definition<'a, S>]) -> Self {
        let fragments = definitions.iter().filter_map(|definition| match definition {
            Definition::Fragment(fragment) => {
                let selections = fragment.item.selection_set.as_slice();
                Some((fragment.item.name.item, Fragment { selections, found: None }))
            }
            Definition::Operation(_) => None,
        });
        Self(fragments.collect())
    }

    /// What `look` finds in the fragment of this name. In one that spreads itself, nothing is found while it is looked at: the
    /// parser lets it pass, and validation, which comes later, refuses it.
    pub(super) fn found(&mut self, name: &str, look: fn(&[Selection<'a, S>], &mut Self) -> T) -> T {
        let Some(fragment) = self.0.get_mut(name) else { return T::default() };
        if let Some(found) = fragment.found {
            return found;
        }
        let selections = fragment.selections;
        fragment.found = Some(T::default());
        let found = look(selections, self);
        if let Some(fragment) = self.0.get_mut(name) {
            fragment.found = Some(found);
        }
        found
    }
}
