//! Rows come back as they were, and no damaged one is accepted that would be written otherwise.

use std::fmt::Debug;

use domain::event::RetirementReason;
use domain::key::{KeyLife, RevocationReason};
use domain::limits::KeyLimits;
use domain::row::{Key, Standing};
use domain::token_life::TokenLife;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::key::KeyVersion;
use super::*;
use crate::codec::random::{addresses, id, instant, key_created, name, policy, rate, role, sealed};

fn check<Row: StoredRow + Debug + PartialEq>(row: Row) {
    let bytes = row.to_bytes();
    assert_eq!(Row::from_bytes(&bytes), Ok(row));
    let check_damaged = |damaged: &[u8]| {
        if let Ok(read) = Row::from_bytes(damaged) {
            assert_eq!(read.to_bytes(), damaged, "two spellings of {read:?}");
        }
    };
    let mut flipped = bytes.clone();
    for bit in 0..bytes.len() * 8 {
        flipped[bit / 8] ^= 1 << (bit % 8);
        check_damaged(&flipped);
        flipped[bit / 8] ^= 1 << (bit % 8);
    }
    for length in 0..bytes.len() {
        assert!(Row::from_bytes(&bytes[..length]).is_err());
    }
    for more in 1..=8 {
        assert!(Row::from_bytes(&[bytes.as_slice(), &vec![0; more]].concat()).is_err());
    }
}

fn moment() -> impl Strategy<Value = Moment> {
    (any::<u64>(), instant()).prop_map(|(position, at)| Moment { position: Position::new(position), at })
}

fn standing() -> impl Strategy<Value = Standing> {
    select(vec![Standing::Living, Standing::Suspended, Standing::Removed])
}

fn life() -> impl Strategy<Value = KeyLife> {
    let revoked = option::of(select(RevocationReason::ALL.to_vec()));
    (option::of(instant()), option::of(instant()), any::<bool>(), revoked).prop_map(
        |(expires_at, grace_ends_at, disabled, revoked)| KeyLife {
            expires_at,
            grace_ends_at,
            disabled,
            revoked,
        },
    )
}

fn key() -> impl Strategy<Value = Key> {
    let limits =
        (addresses(), option::of(rate())).prop_map(|(addresses, rate)| KeyLimits { addresses, rate });
    (key_created(), life(), limits, option::of(sealed()), option::of(id()), option::of(id()), moment())
        .prop_map(|(of, life, limits, note, successor, predecessor, created)| Key {
            id: of.key,
            owner: of.owner,
            reach: of.reach,
            name: of.name,
            digest: of.digest,
            prefix: of.prefix,
            last_four: of.last_four,
            scopes: of.scopes,
            life,
            limits,
            note,
            successor,
            predecessor,
            created,
        })
}

fn signing_key() -> impl Strategy<Value = SigningKey> {
    let reason = select(vec![RetirementReason::Superseded, RetirementReason::Compromised]);
    let retired = option::of((moment(), reason).prop_map(|(moment, reason)| Retirement { moment, reason }));
    (id(), any::<[u8; 32]>(), instant(), retired, moment()).prop_map(
        |(id, public_key, active_from, retired, created)| SigningKey {
            id,
            public_key: PublicKey(public_key),
            active_from,
            retired,
            created,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn tenants(id in id(), slug in name(), name in name(), policy in policy(), standing in standing(),
               administrators: u32, erased: bool, created in moment()) {
        check(Tenant { id, slug, name, policy, standing, administrators, erased, created });
    }

    #[test]
    fn users(id in id(), email in name(), name in option::of(sealed()), standing in standing(),
             operator: bool, erased: bool, created in moment()) {
        check(User { id, email, name, standing, operator, erased, created });
    }

    #[test]
    fn memberships(tenant in id(), user in id(), role in role(), standing in standing(), since in moment(),
                   left in option::of(any::<u64>())) {
        let left = left.map(Position::new);
        check(Membership { tenant, user, role, standing, since, left });
    }

    #[test]
    fn service_accounts(id in id(), tenant in id(), name in name(), role in role(), standing in standing(),
                        erased: bool, created in moment()) {
        check(ServiceAccount { id, tenant, name, role, standing, erased, created });
    }

    #[test]
    fn keys(key in key(), changed in key(), renamed: bool) {
        check(KeyVersion::of(&key, None));
        let Key { name, life, limits, note, successor, predecessor, .. } = changed;
        let name = if renamed { name } else { key.name.clone() };
        let changed = Key { name, life, limits, note, successor, predecessor, ..key.clone() };
        let row = KeyVersion::of(&changed, Some(&key));
        check(row.clone());
        let KeyVersion::Changed(row) = row else { panic!("{row:?}") };
        assert_eq!(row.whole(key), changed);
    }

    #[test]
    fn signing_keys(signing_key in signing_key()) {
        check(signing_key);
    }

    #[test]
    fn the_deployment_and_watermarks(
        operators: u32,
        seconds in 60..=900_u32,
        token_life_since in option::of(moment()),
        position: u64,
    ) {
        let token_life = TokenLife::new(seconds).unwrap();
        check(Deployment { operators, token_life, token_life_since });
        check(Position::new(position));
    }
}

#[test]
fn holders_of_unique_names() {
    check(None::<NameHolder>);
    check(Some(NameHolder::Tenant(Id::from_bytes([1; 16]))));
    check(Some(NameHolder::User(Id::from_bytes([2; 16]))));
    check(Some(NameHolder::ServiceAccount(Id::from_bytes([3; 16]))));
}

#[test]
fn a_malformed_row_says_of_what_and_what_to_do() {
    let mut bytes = Deployment::default().to_bytes();
    bytes.push(0);
    let error = Deployment::from_bytes(&bytes).unwrap_err();
    let said = "a row of the view of the deployment is malformed: 1 bytes are left over; rebuild the views from the log";
    assert_eq!(error.to_string(), said);
}
