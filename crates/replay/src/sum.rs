//! Sums of sets: two sets that are come upon in different orders are the same if their sums are, and neither is kept.

use std::hash::{BuildHasher as _, Hash, RandomState};

/// The secrets of one comparison, drawn anew for each: whoever wrote what is summed up cannot know them, and so cannot make two
/// different sets have one sum but by a guess among 2^128.
pub(crate) struct Secrets([RandomState; 2]);

/// The sum of a set, under some secrets: of each member a pseudorandom number (SipHash, keyed with two of them), and how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    sums: [u64; 2],
    members: u64,
}

impl Secrets {
    pub(crate) fn draw() -> Self {
        Self([RandomState::new(), RandomState::new()])
    }
}

impl Sum {
    /// Puts one more into the set. One that is there twice counts twice.
    pub(crate) fn add(&mut self, secrets: &Secrets, member: &impl Hash) {
        for (sum, secret) in self.sums.iter_mut().zip(&secrets.0) {
            *sum = sum.wrapping_add(secret.hash_one(member));
        }
        self.members = self.members.wrapping_add(1);
    }

    /// Takes one out of it.
    pub(crate) fn take(&mut self, secrets: &Secrets, member: &impl Hash) {
        for (sum, secret) in self.sums.iter_mut().zip(&secrets.0) {
            *sum = sum.wrapping_sub(secret.hash_one(member));
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

    fn sum(secrets: &Secrets, members: &[u32]) -> Sum {
        let mut sum = Sum::default();
        members.iter().for_each(|member| sum.add(secrets, member));
        sum
    }

    #[test]
    fn the_order_does_not_count_and_everything_else_does() {
        let secrets = Secrets::draw();
        assert_eq!(sum(&secrets, &[1, 2, 3]), sum(&secrets, &[3, 1, 2]));
        for other in [[1, 2, 4].as_slice(), &[1, 2], &[1, 2, 3, 3], &[1, 1, 3], &[2, 2, 2], &[]] {
            assert_ne!(sum(&secrets, &[1, 2, 3]), sum(&secrets, other), "{other:?}");
        }
    }

    #[test]
    fn what_is_taken_out_was_never_there() {
        let secrets = Secrets::draw();
        let mut less = sum(&secrets, &[1, 2, 3]);
        less.take(&secrets, &2_u32);
        assert_eq!(less, sum(&secrets, &[3, 1]));
        // In whatever order.
        let mut none = Sum::default();
        none.take(&secrets, &2_u32);
        none.add(&secrets, &2_u32);
        assert_eq!(none, Sum::default());
    }

    #[test]
    fn each_comparison_has_secrets_of_its_own() {
        assert_ne!(sum(&Secrets::draw(), &[1]), sum(&Secrets::draw(), &[1]));
        let [one, other] = Secrets::draw().0;
        assert_ne!(one.hash_one(1_u32), other.hash_one(1_u32));
    }
}
