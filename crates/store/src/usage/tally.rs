//! What is known of the use of a key: when, how often about, by what kinds of callers, and by which way last.

use domain::time::Timestamp;

/// The use of a key, roughly: what was counted in the seconds before a crash is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// When it was used first.
    pub first: Timestamp,
    /// When it was used last.
    pub last: Timestamp,
    /// How often, about.
    pub count: u64,
    /// By what kinds of callers.
    pub callers: Callers,
    /// By which way it was used last.
    pub last_way: UseWay,
}

impl Tally {
    /// One use.
    pub fn once(at: Timestamp, caller: Option<CallerKind>, way: UseWay) -> Self {
        let callers = caller.map_or(Callers::default(), Callers::only);
        Self { first: at, last: at, count: 1, callers, last_way: way }
    }

    /// Adds what another counted of the same key, earlier or later.
    pub fn absorb(&mut self, other: &Self) {
        if other.last > self.last {
            (self.last, self.last_way) = (other.last, other.last_way);
        }
        self.first = self.first.min(other.first);
        self.count = self.count.saturating_add(other.count);
        self.callers = Callers(self.callers.0 | other.callers.0);
    }
}

/// By which way a key was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UseWay {
    /// The REST API.
    Rest,
    /// The GraphQL API.
    GraphQl,
    /// Exchanged for a token, or as an OAuth client.
    OAuth,
    /// Shown to another service, which asked what it is worth.
    Shown,
    /// Signed in with to the web UI.
    Ui,
}

impl UseWay {
    /// Every way.
    pub const ALL: [Self; 5] = [Self::Rest, Self::GraphQl, Self::OAuth, Self::Shown, Self::Ui];

    /// The word for the way on every interface.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::GraphQl => "graphql",
            Self::OAuth => "oauth",
            Self::Shown => "shown",
            Self::Ui => "ui",
        }
    }
}

/// What kind of program showed a key, by what it says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallerKind {
    /// The command line of Keyledger.
    Keyledger,
    /// A Prefect client or agent.
    Prefect,
    /// curl.
    Curl,
    /// A web browser.
    Browser,
    /// A Python program.
    Python,
    /// A Go program.
    Go,
    /// A Node.js program.
    Node,
    /// A program of another name.
    Other,
    /// A program that does not say.
    Unnamed,
}

impl CallerKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Keyledger,
        Self::Prefect,
        Self::Curl,
        Self::Browser,
        Self::Python,
        Self::Go,
        Self::Node,
        Self::Other,
        Self::Unnamed,
    ];

    /// The word for the kind on every interface.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keyledger => "keyledger",
            Self::Prefect => "prefect",
            Self::Curl => "curl",
            Self::Browser => "browser",
            Self::Python => "python",
            Self::Go => "go",
            Self::Node => "node",
            Self::Other => "other",
            Self::Unnamed => "none",
        }
    }

    const fn bit(self) -> u16 {
        match self {
            Self::Keyledger => 1,
            Self::Prefect => 1 << 1,
            Self::Curl => 1 << 2,
            Self::Browser => 1 << 3,
            Self::Python => 1 << 4,
            Self::Go => 1 << 5,
            Self::Node => 1 << 6,
            Self::Other => 1 << 7,
            Self::Unnamed => 1 << 8,
        }
    }
}

/// Kinds of callers, as a set in two bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Callers(u16);

impl Callers {
    /// One kind.
    pub const fn only(kind: CallerKind) -> Self {
        Self(kind.bit())
    }

    /// The kinds in the set, in the order of [`CallerKind::ALL`].
    pub fn kinds(self) -> impl Iterator<Item = CallerKind> {
        CallerKind::ALL.into_iter().filter(move |kind| self.0 & kind.bit() != 0)
    }

    /// The set as a number.
    pub(crate) const fn bits(self) -> u16 {
        self.0
    }

    /// The set of a number; bits that mean nothing are left out.
    pub(crate) fn from_bits(bits: u16) -> Self {
        let known = CallerKind::ALL.iter().fold(0, |known, kind| known | kind.bit());
        Self(bits & known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_come_out_the_same_in_either_order() {
        let at = |ms| Timestamp::from_unix_ms(ms).unwrap();
        let early = Tally::once(at(1), Some(CallerKind::Curl), UseWay::Rest);
        let late = Tally::once(at(9), Some(CallerKind::Go), UseWay::Shown);
        let (mut one, mut other) = (early, late);
        one.absorb(&late);
        other.absorb(&early);
        assert_eq!(one, other);
        assert_eq!((one.first, one.last, one.count, one.last_way), (at(1), at(9), 2, UseWay::Shown));
        assert_eq!(one.callers.kinds().collect::<Vec<_>>(), [CallerKind::Curl, CallerKind::Go]);
    }

    #[test]
    fn each_kind_has_a_bit_of_its_own() {
        let bits = CallerKind::ALL.map(CallerKind::bit);
        assert_eq!(bits.iter().fold(0, |all, bit| all | bit).count_ones() as usize, bits.len());
        assert_eq!(Callers::from_bits(u16::MAX).kinds().collect::<Vec<_>>(), CallerKind::ALL);
    }
}
