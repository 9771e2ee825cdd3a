//! The terms of keys, which many share: each once, for as long as some key has them.

use std::hash::BuildHasher;

use domain::key::DigestScheme;
use domain::limits::RateLimit;
use domain::network::AllowedAddresses;
use domain::role::Scopes;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::slots::Slot;

/// What is the same for many keys, as long as nobody sets their limits apart.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Terms {
    pub(super) scheme: DigestScheme,
    pub(super) scopes: Scopes,
    pub(super) addresses: AllowedAddresses,
    pub(super) rate: Option<RateLimit>,
}

/// The distinct terms of all keys, each in its place.
#[derive(Default)]
pub(super) struct AllTerms {
    places: Vec<Place>,
    by_terms: HashTable<u32>,
    /// Places whose terms no key has any more: whoever sets limits again and again fills no memory.
    free: Vec<u32>,
    hashing: DefaultHashBuilder,
}

/// Terms, and how many keys have them.
struct Place {
    terms: Terms,
    keys: u32,
}

impl AllTerms {
    /// The terms in a place that some key has.
    pub(super) fn at(&self, place: Slot) -> &Terms {
        &self.places[place.number() as usize].terms
    }

    /// Those that some key has.
    pub(super) fn held(&self) -> impl Iterator<Item = &Terms> {
        self.places.iter().filter(|place| place.keys > 0).map(|place| &place.terms)
    }

    /// The place of the terms of one more key.
    pub(super) fn take(&mut self, terms: Terms) -> Slot {
        let hash = self.hashing.hash_one(&terms);
        let known = self.by_terms.find(hash, |place| self.places[*place as usize].terms == terms).copied();
        let number = match (known, self.free.pop()) {
            (Some(number), free) => {
                self.free.extend(free);
                self.places[number as usize].keys += 1;
                number
            }
            (None, Some(number)) => {
                self.places[number as usize] = Place { terms, keys: 1 };
                number
            }
            (None, None) => {
                self.places.push(Place { terms, keys: 1 });
                u32::try_from(self.places.len() - 1).expect("there are fewer of them than keys")
            }
        };
        if known.is_none() {
            let Self { places, by_terms, hashing, .. } = self;
            by_terms.insert_unique(hash, number, |place| hashing.hash_one(&places[*place as usize].terms));
        }
        Slot::new(number)
    }

    /// A key that had these terms has others now.
    pub(super) fn give_back(&mut self, place: Slot) {
        let number = place.number();
        let Place { terms, keys } = &mut self.places[number as usize];
        *keys -= 1;
        if *keys > 0 {
            return;
        }
        let hash = self.hashing.hash_one(&*terms);
        if let Ok(entry) = self.by_terms.find_entry(hash, |known| *known == number) {
            entry.remove();
        }
        // What they took is given back, too: scopes and addresses can be kilobytes.
        (terms.scopes, terms.addresses) = (Scopes::All, AllowedAddresses::default());
        self.free.push(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(requests: u32) -> Terms {
        let rate = RateLimit::new(requests, 60).ok();
        Terms {
            scheme: DigestScheme::Sha256,
            scopes: Scopes::All,
            addresses: AllowedAddresses::default(),
            rate,
        }
    }

    #[test]
    fn whoever_sets_limits_again_and_again_fills_no_memory() {
        let mut all = AllTerms::default();
        let shared = all.take(of(1));
        let mut place = all.take(of(1));
        assert_eq!(place.number(), shared.number());
        for requests in 2..10_000 {
            let next = all.take(of(requests));
            all.give_back(place);
            assert!(*all.at(next) == of(requests));
            place = next;
        }
        assert_eq!((all.places.len(), all.by_terms.len(), all.held().count()), (3, 2, 2));
        assert!(*all.at(shared) == of(1), "which the other key still has");
        assert_eq!(all.take(of(9_999)).number(), place.number());
    }
}
