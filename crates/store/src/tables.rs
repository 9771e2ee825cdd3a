//! Every table of `ledger.redb`: its keys, its values, how long they live. One writer writes them all.
//!
//! | table | key | value | life |
//! |---|---|---|---|
//! | `log` | first position of a run, u64 | envelopes of one commit, in order | for ever |
//! | `meta` | [`LEDGER`], [`HEAD`], [`VIEWS`] | see each | for ever; `HEAD` is replaced by every commit |
//! | `meta` | [`PROBE`] | zeros | while it is tried, after a failure, whether the ledger can be written to |
//! | `views` | [`RowKey`] and position | a row and its check ([`crate::rows`]) | until rebuilt |
//! | `links` | [`Link`] | nothing | until rebuilt |
//! | `lifetimes` | what lives, and what has ended ([`crate::lifetimes`]) | nothing | until rebuilt |
//! | `histories` | whose history, and a first position | positions, kinds and a check ([`crate::history`]) | until rebuilt |
//! | `tree` | a level and a place in it | hashes and a check ([`crate::tree::stored`]) | until rebuilt |
//! | `attempts` | actor and idempotency key, digested | position, digest of the command | until rebuilt |
//!
//! `views`, `links`, `lifetimes`, `histories`, `tree` and `attempts` are projected from `log`: deleting and rebuilding them
//! gives the same bytes.

use domain::concern::Concerned;
use domain::event::TokenTarget;
use domain::ids::{Id, KeyId, ServiceAccountId, SigningKeyId, TenantId, UserId};
use domain::key::Owner;
use domain::row::{RowId, UniqueName};
use domain::sealed::TextDigest;
use domain::time::Position;
use redb::TableDefinition;

/// Runs of envelopes, by first position.
pub(crate) const LOG: TableDefinition<u64, &[u8]> = TableDefinition::new("log");
/// Facts about the file.
pub(crate) const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
/// Rows by version.
pub(crate) const VIEW_ROWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("views");
/// What belongs to what.
pub(crate) const LINKS: TableDefinition<&[u8], ()> = TableDefinition::new("links");
/// What lived when.
pub(crate) const LIFETIMES: TableDefinition<&[u8], ()> = TableDefinition::new("lifetimes");
/// Where the events are that concern something.
pub(crate) const HISTORIES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("histories");
/// The Merkle tree over the envelopes.
pub(crate) const TREE: TableDefinition<&[u8], &[u8]> = TableDefinition::new("tree");
/// Idempotency keys that were used.
pub(crate) const ATTEMPTS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("attempts");

/// The tables that are projected from the log: whatever happens to them, they can be built anew.
pub(crate) const PROJECTED: [&str; 6] = ["views", "links", "lifetimes", "histories", "tree", "attempts"];

/// The tables in which rows are looked up, and lists of them.
pub(crate) const OF_ROWS: [&str; 4] = ["meta", "views", "links", "lifetimes"];

/// In `meta`: the ledger's id, 16 bytes.
pub(crate) const LEDGER: &str = "ledger";
/// In `meta`: the last position (u64), its instant (i64) and its chain hash, little-endian.
pub(crate) const HEAD: &str = "head";
/// In `meta`: the version of the views' rows, u32, little-endian.
pub(crate) const VIEWS: &str = "views";
/// In `meta`: what is written for trial only. One that a crash left behind means nothing.
pub(crate) const PROBE: &str = "probe";

/// The version of the views that this software writes. Another one is rebuilt when the ledger is opened.
pub(crate) const VIEWS_VERSION: u32 = 9;

/// What a row of the views is about. With a position behind it, it is a key of `views`.
///
/// Keys of one kind have one length, so that none is the beginning of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowKey {
    Deployment,
    Tenant(TenantId),
    User(UserId),
    Membership(UserId, TenantId),
    ServiceAccount(ServiceAccountId),
    Key(KeyId),
    SigningKey(SigningKeyId),
    Watermark(TokenTarget),
    UniqueName(UniqueName),
}

impl RowKey {
    /// The key less its position.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Deployment => vec![1],
            Self::Tenant(id) => joined(&[&[2], &id.bytes()]),
            Self::User(id) => joined(&[&[3], &id.bytes()]),
            Self::Membership(user, tenant) => joined(&[&[4], &user.bytes(), &tenant.bytes()]),
            Self::ServiceAccount(id) => joined(&[&[5], &id.bytes()]),
            // The last of all, so that new keys are appended to the table, which packs its pages full.
            Self::Key(id) => joined(&[&[30], &id.bytes()]),
            Self::SigningKey(id) => joined(&[&[7], &id.bytes()]),
            Self::Watermark(target) => watermark(target),
            Self::UniqueName(UniqueName::TenantSlug(digest)) => joined(&[&[20], &digest.0]),
            Self::UniqueName(UniqueName::UserEmail(digest)) => joined(&[&[21], &digest.0]),
            Self::UniqueName(UniqueName::ServiceAccountName(tenant, digest)) => {
                joined(&[&[22], &tenant.bytes(), &digest.0])
            }
        }
    }

    /// What a key of `views` is of, and its position: the way back from [`RowKey::at`].
    pub(crate) fn parse(key: &[u8]) -> Option<(Self, Position)> {
        let (of, position) = key.split_last_chunk()?;
        let (kind, rest) = of.split_first()?;
        let of = match (kind, rest.len()) {
            (1, 0) => Self::Deployment,
            (2, 16) => Self::Tenant(id(rest)?),
            (3, 16) => Self::User(id(rest)?),
            (4, 32) => Self::Membership(id(rest)?, id(&rest[16..])?),
            (5, 16) => Self::ServiceAccount(id(rest)?),
            (7, 16) => Self::SigningKey(id(rest)?),
            (10, 32) => Self::Watermark(TokenTarget::Token { token: id(rest)?, key: id(&rest[16..])? }),
            (11, 16) => Self::Watermark(TokenTarget::Key(id(rest)?)),
            (12, 16) => Self::Watermark(TokenTarget::Owner(Owner::User(id(rest)?))),
            (13, 16) => Self::Watermark(TokenTarget::Owner(Owner::ServiceAccount(id(rest)?))),
            (14, 16) => Self::Watermark(TokenTarget::Tenant(id(rest)?)),
            (15, 16) => Self::Watermark(TokenTarget::SigningKey(id(rest)?)),
            (16, 0) => Self::Watermark(TokenTarget::All),
            (20, 16) => Self::UniqueName(UniqueName::TenantSlug(digest(rest)?)),
            (21, 16) => Self::UniqueName(UniqueName::UserEmail(digest(rest)?)),
            (22, 32) => Self::UniqueName(UniqueName::ServiceAccountName(id(rest)?, digest(&rest[16..])?)),
            (30, 16) => Self::Key(id(rest)?),
            _ => return None,
        };
        Some((of, Position::new(u64::from_be_bytes(*position))))
    }

    /// Which row it is.
    pub(crate) fn id(&self) -> RowId {
        match *self {
            Self::Deployment => RowId::Deployment,
            Self::Tenant(id) => RowId::Tenant(id),
            Self::User(id) => RowId::User(id),
            Self::Membership(user, tenant) => RowId::Membership { tenant, user },
            Self::ServiceAccount(id) => RowId::ServiceAccount(id),
            Self::Key(id) => RowId::Key(id),
            Self::SigningKey(id) => RowId::SigningKey(id),
            Self::Watermark(target) => RowId::Watermark(target),
            Self::UniqueName(name) => RowId::UniqueName(name),
        }
    }

    /// The key of the row's version at exactly this position.
    pub(crate) fn at(&self, position: Position) -> Vec<u8> {
        joined(&[&self.bytes(), &position.number().to_be_bytes()])
    }
}

/// The first byte of the row keys of every signing key, of every tenant, and of every user.
pub(crate) const SIGNING_KEYS: [u8; 1] = [7];
pub(crate) const TENANTS: [u8; 1] = [2];
pub(crate) const USERS: [u8; 1] = [3];

/// The beginning of the row keys of a user's memberships.
pub(crate) fn memberships_of(user: UserId) -> Vec<u8> {
    joined(&[&[4], &user.bytes()])
}

fn watermark(target: &TokenTarget) -> Vec<u8> {
    match target {
        TokenTarget::Token { token, key } => joined(&[&[10], &token.bytes(), &key.bytes()]),
        TokenTarget::Key(key) => joined(&[&[11], &key.bytes()]),
        TokenTarget::Owner(Owner::User(user)) => joined(&[&[12], &user.bytes()]),
        TokenTarget::Owner(Owner::ServiceAccount(account)) => joined(&[&[13], &account.bytes()]),
        TokenTarget::Tenant(tenant) => joined(&[&[14], &tenant.bytes()]),
        TokenTarget::SigningKey(id) => joined(&[&[15], &id.bytes()]),
        TokenTarget::All => vec![16],
    }
}

/// What belongs to what, for lists. A link is written when its lower end begins, and stays. A key has one only once its end
/// is known: until then it is found among the open lifetimes of its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Member(TenantId, UserId),
    ServiceAccount(TenantId, ServiceAccountId),
    Key(Owner, KeyId),
}

impl Link {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Member(tenant, user) => joined(&[&members_of(*tenant), &user.bytes()]),
            Self::ServiceAccount(tenant, account) => {
                joined(&[&service_accounts_of(*tenant), &account.bytes()])
            }
            Self::Key(owner, key) => joined(&[&keys_of(*owner), &key.bytes()]),
        }
    }
}

/// The beginning of the links to a tenant's members.
pub(crate) fn members_of(tenant: TenantId) -> Vec<u8> {
    joined(&[&[1], &tenant.bytes()])
}

/// The beginning of the links to a tenant's service accounts.
pub(crate) fn service_accounts_of(tenant: TenantId) -> Vec<u8> {
    joined(&[&[2], &tenant.bytes()])
}

/// The beginning of the links to an owner's keys.
pub(crate) fn keys_of(owner: Owner) -> Vec<u8> {
    match owner {
        Owner::User(user) => joined(&[&[3], &user.bytes()]),
        Owner::ServiceAccount(account) => joined(&[&[4], &account.bytes()]),
    }
}

/// The key of a block of a history that begins at this position.
pub(crate) fn block_of(of: Concerned, first: Position) -> Vec<u8> {
    joined(&[&history_of(of), &first.number().to_be_bytes()])
}

/// The beginning of the blocks of something's history.
pub(crate) fn history_of(of: Concerned) -> Vec<u8> {
    match of {
        Concerned::Tenant(tenant) => joined(&[&[5], &tenant.bytes()]),
        Concerned::User(user) => joined(&[&[6], &user.bytes()]),
        Concerned::ServiceAccount(account) => joined(&[&[7], &account.bytes()]),
        Concerned::Key(key) => joined(&[&[8], &key.bytes()]),
        Concerned::ActingKey(key) => joined(&[&[9], &key.bytes()]),
    }
}

/// Of what a block of a history is, and where it begins: the way back from [`block_of`].
pub(crate) fn parse_block(key: &[u8]) -> Option<(Concerned, Position)> {
    let (of, first) = key.split_last_chunk()?;
    let (kind, rest) = of.split_first()?;
    let of = match (kind, rest.len()) {
        (5, 16) => Concerned::Tenant(id(rest)?),
        (6, 16) => Concerned::User(id(rest)?),
        (7, 16) => Concerned::ServiceAccount(id(rest)?),
        (8, 16) => Concerned::Key(id(rest)?),
        (9, 16) => Concerned::ActingKey(id(rest)?),
        _ => return None,
    };
    Some((of, Position::new(u64::from_be_bytes(*first))))
}

fn id<K>(bytes: &[u8]) -> Option<Id<K>> {
    bytes.first_chunk().copied().map(Id::from_bytes)
}

fn digest(bytes: &[u8]) -> Option<TextDigest> {
    bytes.first_chunk().copied().map(TextDigest)
}

/// What the key of a projected row is of, as far as it says: for whoever reads what is wrong with it.
pub(crate) fn described(table: &str, key: &[u8]) -> String {
    let kind = match (table, key.first()) {
        ("views", Some(1)) => "deployment",
        ("views", Some(2)) => "tenant",
        ("views", Some(3)) => "user",
        ("views", Some(4)) => "membership",
        ("views", Some(5)) => "service account",
        ("views", Some(7)) => "signing key",
        ("views", Some(10..=16)) => "watermark",
        ("views", Some(20..=22)) => "unique name",
        ("views", Some(30)) => "key",
        ("links", Some(1)) => "member of tenant",
        ("links", Some(2)) => "service account of tenant",
        ("links", Some(3)) => "key of user",
        ("links", Some(4)) => "key of service account",
        ("histories", Some(5)) => "history of tenant",
        ("histories", Some(6)) => "history of user",
        ("histories", Some(7)) => "history of service account",
        ("histories", Some(8)) => "history of key",
        _ => "row",
    };
    let rest = key.get(1..).unwrap_or_default();
    // Versions of a row and blocks of a history end with a position.
    let (ids, position) = match (table, rest.split_last_chunk::<8>()) {
        ("views" | "histories", Some((ids, position))) => (ids, Some(u64::from_be_bytes(*position))),
        _ => (rest, None),
    };
    let (whole, other) = ids.as_chunks::<16>();
    let mut words: Vec<_> = whole.iter().map(|id| KeyId::from_bytes(*id).to_string()).collect();
    if !other.is_empty() {
        words.push(other.iter().map(|byte| format!("{byte:02x}")).collect());
    }
    words.extend(position.map(|position| format!("at position {position}")));
    [vec![kind.to_owned()], words].concat().join(" ")
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

#[cfg(test)]
mod tests {
    use redb::TableHandle as _;

    use super::*;

    /// A name that no table has would be checked, and found sound.
    #[test]
    fn the_names_in_lists_of_tables_are_those_of_tables() {
        assert_eq!(OF_ROWS, [META.name(), VIEW_ROWS.name(), LINKS.name(), LIFETIMES.name()]);
        let rows_and_lists = [VIEW_ROWS.name(), LINKS.name(), LIFETIMES.name()];
        let others = [HISTORIES.name(), TREE.name(), ATTEMPTS.name()];
        assert_eq!(PROJECTED, [rows_and_lists, others].concat().as_slice());
    }

    #[test]
    fn a_key_of_the_views_says_which_row_it_is_of() {
        let [a, b] = [[1; 16], [2; 16]];
        let digest = TextDigest([3; 16]);
        let (owner_user, owner_account) =
            (Owner::User(id(&a).unwrap()), Owner::ServiceAccount(id(&a).unwrap()));
        let rows = [
            RowKey::Deployment,
            RowKey::Tenant(id(&a).unwrap()),
            RowKey::User(id(&a).unwrap()),
            RowKey::Membership(id(&a).unwrap(), id(&b).unwrap()),
            RowKey::ServiceAccount(id(&a).unwrap()),
            RowKey::Key(id(&a).unwrap()),
            RowKey::SigningKey(id(&a).unwrap()),
            RowKey::Watermark(TokenTarget::Token { token: id(&a).unwrap(), key: id(&b).unwrap() }),
            RowKey::Watermark(TokenTarget::Key(id(&a).unwrap())),
            RowKey::Watermark(TokenTarget::Owner(owner_user)),
            RowKey::Watermark(TokenTarget::Owner(owner_account)),
            RowKey::Watermark(TokenTarget::Tenant(id(&a).unwrap())),
            RowKey::Watermark(TokenTarget::SigningKey(id(&a).unwrap())),
            RowKey::Watermark(TokenTarget::All),
            RowKey::UniqueName(UniqueName::TenantSlug(digest)),
            RowKey::UniqueName(UniqueName::UserEmail(digest)),
            RowKey::UniqueName(UniqueName::ServiceAccountName(id(&a).unwrap(), digest)),
        ];
        for row in rows {
            let key = row.at(Position::new(7));
            assert_eq!(RowKey::parse(&key), Some((row, Position::new(7))));
            assert_eq!(RowKey::parse(&key[..key.len() - 1]), None, "{row:?}");
            assert_eq!(RowKey::parse(&[key.as_slice(), &[0]].concat()), None, "{row:?}");
        }
        assert_eq!(RowKey::parse(&[99; 25]), None);
        assert_eq!(RowKey::parse(&[]), None);
    }

    #[test]
    fn a_key_of_the_histories_says_whose_it_is() {
        for of in [
            Concerned::Tenant(id(&[1; 16]).unwrap()),
            Concerned::User(id(&[1; 16]).unwrap()),
            Concerned::ServiceAccount(id(&[1; 16]).unwrap()),
            Concerned::Key(id(&[1; 16]).unwrap()),
            Concerned::ActingKey(id(&[1; 16]).unwrap()),
        ] {
            let key = block_of(of, Position::new(7));
            assert_eq!(parse_block(&key), Some((of, Position::new(7))));
            assert_eq!(parse_block(&key[1..]), None);
        }
    }
}
