//! Sums of sets: two sets that are come upon in different orders are the same if their sums are, and neither is kept.

use std::hash::{BuildHasher as _, Hash, RandomState};

/// The keys of one comparison, drawn anew for each: whoever wrote what is summed up cannot know them, and so cannot make two
/// different sets have one sum but by a guess among 2^128.
pub(crate) struct Keys([RandomState; 2]);

/// The sum of a set, under some keys: of each member a pseudorandom number (SipHash under two keys), and how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    sums: [u64; 2],
    members: u64,
}

impl Keys {
    pub(crate) fn draw() -> Self {
        Self([RandomState::new(), RandomState::new()])
    }
}

impl Sum {
    /// Puts one more into the set. One that is there twice counts twice.
    pub(crate) fn add(&mut self, keys: &Keys, member: &impl Hash) {
        for (sum, key) in self.sums.iter_mut().zip(&keys.0) {
            *sum = sum.wrapping_add(key.hash_one(member));
        }
        self.members = self.members.wrapping_add(1);
    }

    /// Takes one out of it.
    pub(crate) fn take(&mut self, keys: &Keys, member: &impl Hash) {
        for (sum, key) in self.sums.iter_mut().zip(&keys.0) {
            *sum = sum.wrapping_sub(key.hash_one(member));
        }
        self.members = self.members.wrapping_sub(1);
    }

    /// How many there are.
    pub(crate) fn members(&self) -> u64 {
        self.members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(keys: &Keys, members: &[u32]) -> Sum {
        let mut sum = Sum::default();
        members.iter().for_each(|member| sum.add(keys, member));
        sum
    }

    #[test]
    fn the_order_does_not_count_and_everything_else_does() {
        let keys = Keys::draw();
        assert_eq!(sum(&keys, &[1, 2, 3]), sum(&keys, &[3, 1, 2]));
        for other in [[1, 2, 4].as_slice(), &[1, 2], &[1, 2, 3, 3], &[1, 1, 3], &[2, 2, 2], &[]] {
            assert_ne!(sum(&keys, &[1, 2, 3]), sum(&keys, other), "{other:?}");
        }
    }

    #[test]
    fn what_is_taken_out_was_never_there() {
        let keys = Keys::draw();
        let mut less = sum(&keys, &[1, 2, 3]);
        less.take(&keys, &2_u32);
        assert_eq!(less, sum(&keys, &[3, 1]));
        // In whatever order.
        let mut none = Sum::default();
        none.take(&keys, &2_u32);
        none.add(&keys, &2_u32);
        assert_eq!(none, Sum::default());
    }

    #[test]
    fn each_comparison_has_keys_of_its_own() {
        assert_ne!(sum(&Keys::draw(), &[1]), sum(&Keys::draw(), &[1]));
        let [one, other] = Keys::draw().0;
        assert_ne!(one.hash_one(1_u32), other.hash_one(1_u32));
    }
}
