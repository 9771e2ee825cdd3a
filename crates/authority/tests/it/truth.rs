//! The verification index says what folding the log says: for every key and token, in every tenant, at any time.

use domain::Command;
use domain::event::{RetirementReason, TokenTarget};
use domain::ids::{KeyId, TenantId};
use domain::key::{Owner, Reach, RevocationReason};
use domain::names::Name;
use domain::role::{Role, Scopes};
use domain::time::Timestamp;
use keyledger_authority::compose::{Composed, FirstKey};
use keyledger_authority::{Minted, Shown, Wanted};

use crate::scene::{Scene, by_the_fold, key_input, only, tenant_input, user_input};

/// Chance that repeats: SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn pick<T: Clone>(&mut self, items: &[T]) -> Option<T> {
        (!items.is_empty()).then(|| items[self.below(items.len() as u64) as usize].clone())
    }
}

/// Everything that was ever shown to somebody.
struct Play {
    scene: Scene,
    dice: Dice,
    seed: u64,
    strings: Vec<(KeyId, String)>,
    tokens: Vec<Minted>,
    accepted: usize,
    rejected: usize,
}

impl Play {
    fn new(seed: u64) -> Self {
        let scene = Scene::new();
        let strings = vec![(scene.key, scene.root.clone())];
        Self { scene, dice: Dice(seed), seed, strings, tokens: vec![], accepted: 0, rejected: 0 }
    }

    // Picked in the order in which they were made, and not by their ids, so that a seed gives one history.

    fn tenant(&mut self) -> TenantId {
        let mut tenants: Vec<_> = self.scene.model().tenants.into_values().collect();
        tenants.sort_by_key(|tenant| tenant.created);
        if self.dice.one_in(2) { self.scene.tenant } else { self.dice.pick(&tenants).unwrap().id }
    }

    /// Any key but the first, without which little more would happen; before there are others, an unknown one.
    fn key(&mut self) -> KeyId {
        let others: Vec<_> = self.strings[1..].iter().map(|(key, _)| *key).collect();
        self.dice.pick(&others).unwrap_or(KeyId::from_bytes([0xEE; 16]))
    }

    /// Anybody but the first user.
    fn owner(&mut self) -> Owner {
        let model = self.scene.model();
        let users = model.users.into_values().map(|user| (user.created, Owner::User(user.id)));
        let accounts = model.service_accounts.into_values();
        let accounts = accounts.map(|account| (account.created, Owner::ServiceAccount(account.id)));
        let first = Owner::User(self.scene.user);
        let mut owners: Vec<_> = users.chain(accounts).filter(|(_, owner)| *owner != first).collect();
        owners.sort_by_key(|(created, _)| *created);
        self.dice.pick(&owners).map_or(first, |(_, owner)| owner)
    }

    fn later(&mut self, seconds: u64) -> Timestamp {
        let ms = self.scene.clock.now().unix_ms() + self.dice.below(seconds * 1000) as i64;
        Timestamp::from_unix_ms(ms).unwrap()
    }

    fn role(&mut self) -> Role {
        self.dice.pick(&Role::ALL).unwrap()
    }

    fn scopes(&mut self) -> Scopes {
        match self.dice.below(4) {
            0 => only("a b keyledger:read"),
            1 => only("a"),
            _ => Scopes::All,
        }
    }

    fn wish(&mut self, acting: Owner) -> Option<Composed> {
        let authority = &self.scene.authority;
        let plain = |command| Some(Composed::plain(command));
        match self.dice.below(30) {
            0 | 1 => {
                let (slug, who) = (format!("tenant-{}", self.dice.below(6)), self.dice.below(5));
                let input = user_input(&if who == 0 { "ada".into() } else { format!("user{who}") });
                authority.create_tenant(&tenant_input(&slug), &input).ok()
            }
            2..=4 => {
                let (tenant, who, role) = (self.tenant(), self.dice.below(8), self.role());
                let first_key = if self.dice.one_in(3) { FirstKey::None } else { FirstKey::Wanted };
                let user = user_input(&format!("user{who}"));
                self.scene.authority.add_member(tenant, &user, role, first_key).ok()
            }
            5 | 6 => {
                let (tenant, role) = (self.tenant(), self.role());
                let name = Name::parse(&format!("account {}", self.dice.below(8))).unwrap();
                Some(self.scene.authority.create_service_account(tenant, &name, role))
            }
            7..=11 => {
                let own = self.dice.one_in(2);
                let owner = if own { acting } else { self.owner() };
                let (tenant, mut input) = (self.tenant(), key_input("some key"));
                if self.dice.one_in(2) {
                    input.expires_at = Some(self.later(4_000));
                }
                input.scopes = self.scopes();
                let confined = self.dice.one_in(2) || matches!(owner, Owner::ServiceAccount(_));
                let reach = if confined { Reach::Tenant(tenant) } else { Reach::AnyTenant { home: tenant } };
                self.scene.authority.create_key(owner, reach, &input).ok()
            }
            12 => {
                let (key, expires_at) = (self.key(), self.later(2_000));
                let expires_at = (!self.dice.one_in(3)).then_some(expires_at);
                plain(Command::ChangeKeyExpiry { key, expires_at })
            }
            13 => plain(Command::DisableKey { key: self.key() }),
            14 => plain(Command::EnableKey { key: self.key() }),
            15 => {
                let key = self.key();
                let reason = self.dice.pick(&RevocationReason::ALL).unwrap();
                self.scene.authority.revoke_key(key, reason, None).ok()
            }
            16 => {
                let (key, grace_ends_at) = (self.key(), self.later(1_500));
                self.scene.authority.rotate_key(key, None, grace_ends_at).ok()
            }
            17 => {
                let (tenant, others) = (self.tenant(), self.scene.tenant);
                match self.dice.below(5) {
                    0 | 1 => plain(Command::SuspendTenant { tenant }),
                    2 | 3 => plain(Command::ResumeTenant { tenant }),
                    _ if tenant == others => None,
                    _ => plain(Command::RemoveTenant { tenant }),
                }
            }
            18 => plain(Command::ResumeTenant { tenant: self.tenant() }),
            19..=23 => {
                let (owner, tenant, role) = (self.owner(), self.tenant(), self.role());
                if owner == Owner::User(self.scene.user) {
                    return None;
                }
                // Mostly a tenant in which there is something to change.
                let memberships = self.scene.model().memberships.into_values();
                let mut theirs: Vec<_> = memberships.filter(|row| owner == Owner::User(row.user)).collect();
                theirs.sort_by_key(|row| row.since);
                let tenant = self.dice.pick(&theirs).map_or(tenant, |row| row.tenant);
                match (owner, self.dice.below(7)) {
                    (Owner::User(user), 0) => plain(Command::SuspendUser { user }),
                    (Owner::User(user), 1 | 2) => plain(Command::ResumeUser { user }),
                    (Owner::User(user), 3) => plain(Command::RemoveMember { tenant, user }),
                    (Owner::User(user), 4) => plain(Command::ChangeMemberRole { tenant, user, role }),
                    (Owner::User(user), 5) => plain(Command::GrantOperator { user }),
                    (Owner::User(user), _) if self.dice.one_in(3) => plain(Command::RemoveUser { user }),
                    (Owner::User(user), _) => plain(Command::WithdrawOperator { user }),
                    (Owner::ServiceAccount(service_account), 0) => {
                        plain(Command::SuspendServiceAccount { service_account })
                    }
                    (Owner::ServiceAccount(service_account), 1 | 2) => {
                        plain(Command::ResumeServiceAccount { service_account })
                    }
                    (Owner::ServiceAccount(service_account), 3) => {
                        plain(Command::RemoveServiceAccount { service_account })
                    }
                    (Owner::ServiceAccount(service_account), _) => {
                        plain(Command::ChangeServiceAccountRole { service_account, role })
                    }
                }
            }
            24 => Some(self.scene.authority.add_signing_key(self.scene.clock.now())),
            25 => {
                let keys = self.scene.signing_keys();
                let id = self.dice.pick(&keys).unwrap();
                let compromised = self.dice.one_in(3);
                let reason =
                    if compromised { RetirementReason::Compromised } else { RetirementReason::Superseded };
                Some(self.scene.authority.replace_signing_key(id, reason))
            }
            _ => {
                let (owner, tenant, key) = (self.owner(), self.tenant(), self.key());
                let target = match (self.dice.below(10), self.dice.pick(&self.scene.signing_keys())) {
                    (0, _) => TokenTarget::All,
                    (1 | 2, _) => TokenTarget::Tenant(tenant),
                    (3, Some(id)) => TokenTarget::SigningKey(id),
                    (4 | 5, _) => TokenTarget::Owner(owner),
                    (6 | 7, _) => TokenTarget::Key(key),
                    _ => match self.tokens.last() {
                        Some(minted) => TokenTarget::Token { token: minted.id, key: minted.caller.key },
                        None => TokenTarget::Key(key),
                    },
                };
                plain(Command::RevokeTokens { target })
            }
        }
    }

    /// One command by somebody who is let in; one exchange; some time.
    fn step(&mut self) {
        if self.dice.one_in(3) {
            let later = self.later(120);
            self.scene.clock.set(later);
        }
        if self.dice.one_in(2) {
            let (shown, tenant) = (self.dice.pick(&self.strings).unwrap().1, self.tenant());
            let tenant = self.dice.one_in(2).then_some(tenant);
            let scopes = self.dice.one_in(2).then(|| only("a"));
            let wanted = Wanted { tenant, scopes, audience: None };
            self.tokens.extend(self.scene.authority.exchange(Shown::from_nowhere(&shown), wanted));
        }
        let shown = match self.dice.below(4) {
            0 => self.dice.pick(&self.strings).unwrap().1,
            1 if !self.tokens.is_empty() => {
                let latest =
                    self.tokens.len() - 1 - self.dice.below(self.tokens.len().min(4) as u64) as usize;
                self.tokens[latest].token.clone()
            }
            _ => self.scene.root.clone(),
        };
        let Ok(caller) = self.scene.authority.authenticate(Shown::from_nowhere(&shown), None) else { return };
        let Some(composed) = self.wish(caller.owner) else { return };
        let string = composed.key.as_ref().map(|key| (key.id(), key.expose().to_owned()));
        match self.scene.authority.execute(&caller.actor, &self.scene.request(), composed) {
            Ok(_) => {
                self.accepted += 1;
                self.strings.extend(string);
            }
            Err(_) => {
                self.rejected += 1;
                // A key that was never made is unknown.
                if let Some((_, string)) = string {
                    let refused = self.scene.refused(&string);
                    assert_eq!(refused, Some(domain::Refusal::KeyUnknown), "seed {}", self.seed);
                }
            }
        }
    }

    /// Asks about every key and token, in no tenant and in every one, and compares with the fold.
    fn compare(&self, told: &str) -> Verdicts {
        let (seed, model, now) = (self.seed, self.scene.model(), self.scene.clock.now());
        let head = self.scene.authority.snapshot().unwrap().head().position;
        let tenants = model.tenants.keys().map(|id| Some(*id));
        let wanted: Vec<_> = std::iter::once(None).chain(tenants).collect();
        let keys = self.strings.iter().map(|(key, string)| (*key, string, None));
        let tokens = self.tokens.iter().map(|minted| (minted.caller.key, &minted.token, Some(minted)));
        let mut verdicts = Verdicts::default();
        for (key, shown, minted) in keys.chain(tokens) {
            for wanted in &wanted {
                let expected = by_the_fold(&model, head, now, key, minted, *wanted);
                let found = self.scene.authority.authenticate(Shown::from_nowhere(shown), *wanted);
                if let Err(denial) = &found {
                    assert_eq!(denial.key, Some(key), "seed {seed}, {told}: {denial:?}");
                }
                let found = found.map_err(|denial| denial.denied);
                let which = minted.map_or("key", |_| "token");
                assert_eq!(found, expected, "seed {seed}, {told}: {which} of {key} in {wanted:?}");
                match found {
                    Ok(_) => verdicts.let_in += 1,
                    Err(denied) => drop(verdicts.codes.insert(denied.code())),
                }
            }
        }
        verdicts
    }
}

#[derive(Default)]
struct Verdicts {
    let_in: usize,
    codes: std::collections::BTreeSet<&'static str>,
}

#[test]
fn every_key_and_token_is_judged_as_the_fold_of_the_log_judges_it_live_and_after_a_restart() {
    let mut codes = std::collections::BTreeSet::new();
    for seed in 0..6 {
        let mut play = Play::new(seed);
        for step in 1..=320 {
            play.step();
            if step % 20 == 0 {
                let verdicts = play.compare(&format!("live at step {step}"));
                codes.extend(verdicts.codes);
                assert!(verdicts.let_in > 0, "seed {seed}: nobody is let in");
            }
            // Tokens that are long dead say nothing new.
            if play.tokens.len() > 60 {
                play.tokens.drain(..30);
            }
        }
        assert!(play.accepted > 80 && play.rejected > 20, "{} {}", play.accepted, play.rejected);
        assert_eq!(play.scene.authority.keys_known(), play.scene.model().keys.len());
        let head = play.scene.authority.snapshot().unwrap().head().position;
        assert_eq!(play.scene.authority.position(), head);
        play.scene = play.scene.reopened();
        assert_eq!(play.scene.authority.position(), head, "seed {seed}: nothing is lost or made up");
        play.compare("after a restart");
        // And on from there.
        (0..40).for_each(|_| play.step());
        play.compare("gone on after a restart");
        let far = play.scene.clock.now().plus_seconds(86_400);
        play.scene.clock.set(far);
        codes.extend(play.compare("a day later").codes);
    }
    for code in [
        "KEY_REVOKED",
        "KEY_EXPIRED",
        "KEY_ROTATED",
        "KEY_DISABLED",
        "OWNER_SUSPENDED",
        "OTHER_TENANT",
        "NOT_A_MEMBER",
        "MEMBERSHIP_REMOVED",
        "TENANT_REMOVED",
        "TENANT_SUSPENDED",
        "TOKEN_REVOKED",
        "TOKEN_EXPIRED",
        "SIGNING_KEY_REFUSED",
    ] {
        assert!(codes.contains(code), "no {code} among {codes:?}");
    }
}
