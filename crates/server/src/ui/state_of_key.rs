//! The state of a key for people: a word, a sign that does not rest on colour, and what it means.

/// How a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StateOfKey {
    /// The word.
    pub(super) word: &'static str,
    /// A sign beside it; the word says the same.
    pub(super) sign: &'static str,
    /// The class of the style.
    pub(super) class: &'static str,
    /// What it means, in a sentence.
    pub(super) says: &'static str,
    /// Whether it can still be changed.
    pub(super) lives: bool,
}

const REMOVED_OWNER: &str = "Its owner was removed, for good.";

impl StateOfKey {
    /// By the code that the API tells.
    pub(super) fn of(status: &str) -> Self {
        let state = |word, sign, class, says, lives| Self { word, sign, class, says, lives };
        match status {
            "ACTIVE" => state("active", "●", "good", "It is accepted.", true),
            "KEY_EXPIRED" => {
                state("expired", "◷", "over", "Its time is over, for good. Make a new one.", false)
            }
            "KEY_DISABLED" => {
                state("disabled", "‖", "held", "It is refused until somebody enables it.", true)
            }
            "KEY_REVOKED" => state("revoked", "✕", "dead", "It was revoked, for good.", false),
            "KEY_ROTATED" => state("replaced", "↷", "dead", "Its successor took its place, for good.", false),
            "OWNER_SUSPENDED" => {
                state("suspended", "‖", "held", "Its owner is suspended until resumed.", true)
            }
            "TENANT_SUSPENDED" => {
                state("suspended", "‖", "held", "The tenant is suspended until resumed.", true)
            }
            "OWNER_REMOVED" => state("ended", "✕", "dead", REMOVED_OWNER, false),
            "TENANT_REMOVED" => state("ended", "✕", "dead", "The tenant was removed, for good.", false),
            "MEMBERSHIP_REMOVED" => {
                state("ended", "✕", "dead", "Its owner is no member of the tenant any more.", false)
            }
            _ => state("refused", "✕", "dead", "It is not accepted.", false),
        }
    }

    /// The same of a key that acts in every tenant of its owner: refused here, it is accepted elsewhere, or may be again.
    pub(super) fn reaching(self, everywhere: bool) -> Self {
        let of_a_place = self.word == "ended" && self.says != REMOVED_OWNER;
        if !everywhere || !of_a_place {
            return self;
        }
        let says = "Its owner is in this tenant no more. It is accepted wherever else they are a member, or become one.";
        Self { word: "not here", sign: "‖", class: "held", says, lives: true }
    }
}
