//! How one caller reads events: which names and texts are opened, and what stays hidden.
//!
//! A name is opened for whoever could see it in a list: a tenant's administrators see its slug, its members'
//! addresses, and its service accounts with their keys; everybody sees their own keys; operators see tenants and users.

use std::cell::RefCell;
use std::collections::HashMap;

use credentials::sealing::SEALED_TEXT;
use domain::actor::ActorId;
use domain::decide::role_of;
use domain::facts::{Fact, Value, facts_of};
use domain::ids::TenantId;
use domain::key::{DigestScheme, Owner};
use domain::rejection::Entity;
use domain::role::Permission;
use domain::sealed::{Sealed, Subject};
use domain::subjects::subjects_of;
use domain::telling::{Piece, in_plain_words, short, told};
use domain::{Lookup, Recorded};
use store::snapshot::SnapshotRows;
use store::{Snapshot, StoreError};

use super::{EventView, Said, Scope};
use crate::authenticate::Caller;
use crate::authority::Authority;
use crate::queries::confinement;

/// A caller who reads.
pub(crate) struct Reader<'a> {
    authority: &'a Authority,
    snapshot: &'a Snapshot,
    caller: &'a Caller,
    scope: Scope,
    /// Whether the caller audits a tenant, asked once for each.
    audits: RefCell<HashMap<TenantId, bool>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        authority: &'a Authority,
        snapshot: &'a Snapshot,
        caller: &'a Caller,
        scope: Scope,
    ) -> Self {
        Self { authority, snapshot, caller, scope, audits: RefCell::default() }
    }

    /// The event, with what the caller may see of it opened.
    pub(crate) fn view(&self, recorded: Recorded) -> Result<EventView, StoreError> {
        // Names as they were just after the event.
        let then = self.snapshot.rows_at(recorded.position);
        let word = recorded.event.name();
        let mut line = vec![Said::Word { word, plain: in_plain_words(word).into() }, text(": ")];
        for piece in told(&recorded.event) {
            line.push(self.piece(&then, piece)?);
        }
        line.push(text(", by "));
        line.extend(self.actor(&then, &recorded.metadata.actor)?);
        let mut details = vec![];
        self.detail("", facts_of(&recorded.event), &mut details)?;
        let mut view = EventView {
            recorded: recorded.clone(),
            tenant: None,
            user: None,
            service_account: None,
            key: None,
            signing_key: None,
            line,
            details,
        };
        for subject in subjects_of(&recorded.event) {
            about(&mut view, &then, subject)?;
        }
        Ok(view)
    }

    fn actor(&self, then: &SnapshotRows<'_>, actor: &ActorId) -> Result<Vec<Said>, StoreError> {
        Ok(match actor {
            ActorId::Console => vec![text("console")],
            ActorId::Server => vec![text("server")],
            ActorId::Holder { identity, key, token } => {
                let who = self.thing(then, (*identity).into())?;
                let token = token.map(|token| format!(", token {}", short(&token.to_string())));
                vec![who, text(format!(", key {}{}", short(&key.to_string()), token.unwrap_or_default()))]
            }
        })
    }

    pub(crate) fn piece<L: Lookup<Error = StoreError>>(
        &self,
        then: &L,
        piece: Piece<'_>,
    ) -> Result<Said, StoreError> {
        Ok(match piece {
            Piece::Words(words) => text(words),
            Piece::Word(word) => Said::Word { word: word.as_str(), plain: word.in_plain_words().into() },
            Piece::Thing(entity) => self.thing(then, entity)?,
            Piece::Unnamed(entity) => unnamed(entity),
            Piece::Token(token) => text(format!("token {}", short(&token.to_string()))),
            Piece::Text(of, sealed) => match self.opened(of, sealed)? {
                Some(opened) => text(quoted(&opened)),
                None => text(SEALED_TEXT),
            },
            Piece::At(at) => Said::Instant(at),
            Piece::Bytes(bytes) => text(hex(bytes)),
        })
    }

    /// A thing by its kind, its name then, and its id.
    fn thing<L: Lookup<Error = StoreError>>(&self, then: &L, entity: Entity) -> Result<Said, StoreError> {
        let name = match entity {
            Entity::Tenant(id) => then.tenant(id)?.map(|row| row.slug.text),
            Entity::User(id) | Entity::Member { user: id, .. } => then.user(id)?.map(|row| row.email.text),
            Entity::ServiceAccount(id) => then.service_account(id)?.map(|row| row.name.text),
            Entity::Key(id) => then.key(id)?.map(|row| row.name.text),
            Entity::SigningKey(_) => None,
        };
        let opened = match name {
            Some(name) => self.opened(entity, &name)?,
            None => None,
        };
        Ok(match opened {
            Some(name) => text(format!("{} {} {}", entity.kind(), quoted(&name), short(&id(entity)))),
            None => unnamed(entity),
        })
    }

    pub(crate) fn detail(
        &self,
        within: &str,
        facts: Vec<Fact<'_>>,
        details: &mut Vec<(String, Said)>,
    ) -> Result<(), StoreError> {
        for Fact { name, value } in facts {
            let name = format!("{within}{name}");
            let said = match value {
                Value::Nothing => continue,
                Value::Group(facts) => {
                    self.detail(&format!("{name}."), facts, details)?;
                    continue;
                }
                Value::Thing(entity) => text(id(entity)),
                Value::Token(token) => text(token.to_string()),
                Value::Word(word) => text(word),
                Value::Flag(flag) => text(flag.to_string()),
                Value::Words(words) => text(words.join(" ")),
                Value::Text(of, sealed) => self.opened(of, sealed)?.map_or(Said::Hidden, Said::Text),
                Value::Name(of, name) => self.opened(of, &name.text)?.map_or(Said::Hidden, Said::Text),
                Value::At(at) => Said::Instant(at),
                Value::Seconds(number) | Value::Number(number) => text(number.to_string()),
                Value::Position(position) => text(position.to_string()),
                Value::Bytes(bytes) => text(hex(bytes)),
                // How it was made; the digest itself is nobody's business.
                Value::Digest(digest) => text(match digest.scheme {
                    DigestScheme::KeyedBlake3(_) => "keyed_blake3",
                    DigestScheme::Sha256 => "sha256",
                }),
            };
            details.push((name, said));
        }
        Ok(())
    }

    /// A text about something, for whoever may see that thing's texts.
    fn opened(&self, of: Entity, sealed: &Sealed) -> Result<Option<String>, StoreError> {
        // A key that is still to be made, as a dry run tells of it, has no row: its texts are those of its owner.
        let to_be = matches!(of, Entity::Key(key) if self.snapshot.rows().key(key)?.is_none());
        let may = match (to_be, sealed.subject) {
            (false, _) | (true, Subject::Tenant(_)) => self.may_open(of)?,
            (true, Subject::ServiceAccount(account)) => self.may_open(Entity::ServiceAccount(account))?,
            (true, Subject::User(user)) => self.caller.owner == Owner::User(user),
        };
        Ok(may.then(|| self.authority.open_text(sealed)))
    }

    /// Whether the caller may see what is sealed for this.
    pub(crate) fn may_open(&self, entity: Entity) -> Result<bool, StoreError> {
        let now = self.snapshot.rows();
        Ok(match (entity, self.scope) {
            (Entity::Tenant(tenant), Scope::Tenant(viewed)) => tenant == viewed,
            (Entity::User(user) | Entity::Member { user, .. }, Scope::Tenant(viewed)) => {
                self.caller.owner == Owner::User(user) || now.membership(viewed, user)?.is_some()
            }
            (Entity::Tenant(_) | Entity::User(_) | Entity::Member { .. }, Scope::Deployment) => true,
            (Entity::Tenant(tenant), Scope::Oneself) => self.caller.tenant == Some(tenant),
            (Entity::User(user) | Entity::Member { user, .. }, Scope::Oneself) => {
                self.caller.owner == Owner::User(user)
            }
            (Entity::ServiceAccount(_), Scope::Oneself) => false,
            (Entity::ServiceAccount(account), scope) => match (now.service_account(account)?, scope) {
                (Some(row), Scope::Tenant(viewed)) => row.tenant == viewed,
                (Some(row), Scope::Deployment) => self.audits(&now, row.tenant)?,
                (Some(_), Scope::Oneself) | (None, _) => false,
            },
            (Entity::Key(key), Scope::Oneself) if key == self.caller.key => true,
            (Entity::Key(key), _) => match now.key(key)?.map(|row| (row.owner, row.reach)) {
                Some((owner @ Owner::User(_), reach)) => {
                    let confined = confinement(self.caller);
                    owner == self.caller.owner && (confined.is_none() || reach.confined_to() == confined)
                }
                Some((Owner::ServiceAccount(account), _)) => {
                    self.may_open(Entity::ServiceAccount(account))?
                }
                None => false,
            },
            (Entity::SigningKey(_), _) => false,
        })
    }

    fn audits(&self, now: &SnapshotRows<'_>, tenant: TenantId) -> Result<bool, StoreError> {
        if let Some(known) = self.audits.borrow().get(&tenant) {
            return Ok(*known);
        }
        let (actor, at) = (&self.caller.actor, self.authority.now());
        let audits = role_of(now, actor, tenant, Permission::Audit, at)?.is_ok();
        self.audits.borrow_mut().insert(tenant, audits);
        Ok(audits)
    }
}

/// Notes a subject of the event, with its owner and its tenant as they were. The first of a kind stays.
fn about(view: &mut EventView, then: &SnapshotRows<'_>, subject: Entity) -> Result<(), StoreError> {
    match subject {
        Entity::Tenant(id) => view.tenant = view.tenant.or(Some(id)),
        Entity::User(id) => view.user = view.user.or(Some(id)),
        Entity::Member { tenant, user } => {
            (view.tenant, view.user) = (view.tenant.or(Some(tenant)), view.user.or(Some(user)));
        }
        Entity::ServiceAccount(id) => {
            view.service_account = view.service_account.or(Some(id));
            view.tenant = view.tenant.or(then.service_account(id)?.map(|row| row.tenant));
        }
        Entity::Key(id) => {
            view.key = view.key.or(Some(id));
            if let Some(row) = then.key(id)? {
                view.tenant = view.tenant.or(Some(row.reach.home()));
                match row.owner {
                    Owner::User(user) => view.user = view.user.or(Some(user)),
                    Owner::ServiceAccount(account) => {
                        view.service_account = view.service_account.or(Some(account));
                    }
                }
            }
        }
        Entity::SigningKey(id) => view.signing_key = view.signing_key.or(Some(id)),
    }
    Ok(())
}

/// A text in quotes that it cannot close: a name must not look like another part of the line.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn unnamed(entity: Entity) -> Said {
    text(format!("{} {}", entity.kind(), short(&id(entity))))
}

fn id(entity: Entity) -> String {
    domain::ids::RequestId::from_bytes(entity.id()).to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(text: impl Into<String>) -> Said {
    Said::Text(text.into())
}
