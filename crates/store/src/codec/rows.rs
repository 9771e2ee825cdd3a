//! The bytes of view rows. Views are disposable, so these shapes change with the version of the views.

use bincode::{Decode, Encode};
use domain::event::PublicKey;
use domain::ids::Id;
use domain::row::{Deployment, Membership, NameHolder, Retirement, ServiceAccount, SigningKey, Tenant, User};
use domain::sealed::Sealed;
use domain::time::{Moment, Position};
use domain::token_life::TokenLife;

use super::codes::{self, thing};
use super::error::{DecodeError, Malformed};
use super::v1::parts::{SealedNameV1, SealedV1, TenantPolicyV1, instant};
use super::{read, write};

pub mod key;

/// A row of a view. One value has one encoding, and what decodes is what was encoded.
pub trait StoredRow: Sized {
    /// The bytes of the row.
    fn to_bytes(&self) -> Vec<u8>;
    /// The row out of all of the bytes.
    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError>;
}

#[derive(Encode, Decode)]
struct DeploymentRow {
    operators: u32,
    token_life_seconds: u32,
    token_life_since: Option<MomentPart>,
}

#[derive(Encode, Decode)]
struct TenantRow {
    id: [u8; 16],
    slug: SealedNameV1,
    name: SealedNameV1,
    policy: TenantPolicyV1,
    standing: u8,
    administrators: u32,
    erased: bool,
    created: MomentPart,
}

#[derive(Encode, Decode)]
struct UserRow {
    id: [u8; 16],
    email: SealedNameV1,
    name: Option<SealedV1>,
    standing: u8,
    operator: bool,
    erased: bool,
    created: MomentPart,
}

#[derive(Encode, Decode)]
struct MembershipRow {
    tenant: [u8; 16],
    user: [u8; 16],
    role: u8,
    standing: u8,
    since: MomentPart,
    left: Option<u64>,
}

#[derive(Encode, Decode)]
struct ServiceAccountRow {
    id: [u8; 16],
    tenant: [u8; 16],
    name: SealedNameV1,
    role: u8,
    standing: u8,
    erased: bool,
    created: MomentPart,
}

#[derive(Encode, Decode)]
struct SigningKeyRow {
    id: [u8; 16],
    public_key: [u8; 32],
    active_from_ms: i64,
    retired: Option<RetirementPart>,
    created: MomentPart,
}

#[derive(Encode, Decode)]
struct RetirementPart {
    moment: MomentPart,
    reason: u8,
}

#[derive(Encode, Decode)]
struct NameHolderPart {
    kind: u8,
    id: [u8; 16],
}

#[derive(Encode, Decode)]
struct MomentPart {
    position: u64,
    at_ms: i64,
}

impl StoredRow for Deployment {
    fn to_bytes(&self) -> Vec<u8> {
        write(&DeploymentRow {
            operators: self.operators,
            token_life_seconds: self.token_life.seconds(),
            token_life_since: self.token_life_since.map(MomentPart::from),
        })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode("the deployment", bytes, |row: DeploymentRow| {
            Ok(Self {
                operators: row.operators,
                token_life: TokenLife::new(row.token_life_seconds)?,
                token_life_since: row.token_life_since.map(Moment::try_from).transpose()?,
            })
        })
    }
}

impl StoredRow for Tenant {
    fn to_bytes(&self) -> Vec<u8> {
        write(&TenantRow {
            id: self.id.bytes(),
            slug: (&self.slug).into(),
            name: (&self.name).into(),
            policy: (&self.policy).into(),
            standing: codes::of_standing(self.standing),
            administrators: self.administrators,
            erased: self.erased,
            created: self.created.into(),
        })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode("tenants", bytes, |row: TenantRow| {
            Ok(Self {
                id: Id::from_bytes(row.id),
                slug: row.slug.try_into()?,
                name: row.name.try_into()?,
                policy: row.policy.into(),
                standing: codes::standing(row.standing)?,
                administrators: row.administrators,
                erased: row.erased,
                created: row.created.try_into()?,
            })
        })
    }
}

impl StoredRow for User {
    fn to_bytes(&self) -> Vec<u8> {
        write(&UserRow {
            id: self.id.bytes(),
            email: (&self.email).into(),
            name: self.name.as_ref().map(SealedV1::from),
            standing: codes::of_standing(self.standing),
            operator: self.operator,
            erased: self.erased,
            created: self.created.into(),
        })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode("users", bytes, |row: UserRow| {
            Ok(Self {
                id: Id::from_bytes(row.id),
                email: row.email.try_into()?,
                name: row.name.map(Sealed::try_from).transpose()?,
                standing: codes::standing(row.standing)?,
                operator: row.operator,
                erased: row.erased,
                created: row.created.try_into()?,
            })
        })
    }
}

impl StoredRow for Membership {
    fn to_bytes(&self) -> Vec<u8> {
        write(&MembershipRow {
            tenant: self.tenant.bytes(),
            user: self.user.bytes(),
            role: codes::of_role(self.role),
            standing: codes::of_standing(self.standing),
            since: self.since.into(),
            left: self.left.map(Position::number),
        })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode("memberships", bytes, |row: MembershipRow| {
            Ok(Self {
                tenant: Id::from_bytes(row.tenant),
                user: Id::from_bytes(row.user),
                role: codes::role(row.role)?,
                standing: codes::standing(row.standing)?,
                since: row.since.try_into()?,
                left: row.left.map(Position::new),
            })
        })
    }
}

impl StoredRow for ServiceAccount {
    fn to_bytes(&self) -> Vec<u8> {
        write(&ServiceAccountRow {
            id: self.id.bytes(),
            tenant: self.tenant.bytes(),
            name: (&self.name).into(),
            role: codes::of_role(self.role),
            standing: codes::of_standing(self.standing),
            erased: self.erased,
            created: self.created.into(),
        })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode("service accounts", bytes, |row: ServiceAccountRow| {
            Ok(Self {
                id: Id::from_bytes(row.id),
                tenant: Id::from_bytes(row.tenant),
                name: row.name.try_into()?,
                role: codes::role(row.role)?,
                standing: codes::standing(row.standing)?,
                erased: row.erased,
                created: row.created.try_into()?,
            })
        })
    }
}

impl StoredRow for SigningKey {
    fn to_bytes(&self) -> Vec<u8> {
        write(&SigningKeyRow {
            id: self.id.bytes(),
            public_key: self.public_key.0,
            active_from_ms: self.active_from.unix_ms(),
            retired: self.retired.map(RetirementPart::from),
            created: self.created.into(),
        })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode("signing keys", bytes, |row: SigningKeyRow| {
            Ok(Self {
                id: Id::from_bytes(row.id),
                public_key: PublicKey(row.public_key),
                active_from: instant("active_from", row.active_from_ms)?,
                retired: row.retired.map(Retirement::try_from).transpose()?,
                created: row.created.try_into()?,
            })
        })
    }
}

/// A watermark: the position before which tokens of a target are refused.
impl StoredRow for Position {
    fn to_bytes(&self) -> Vec<u8> {
        write(&self.number())
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode("watermarks", bytes, |number: u64| Ok(Self::new(number)))
    }
}

/// Who has a unique name; none: it is free again.
impl StoredRow for Option<NameHolder> {
    fn to_bytes(&self) -> Vec<u8> {
        write(&self.map(NameHolderPart::from))
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode("unique names", bytes, |row: Option<NameHolderPart>| row.map(NameHolder::try_from).transpose())
    }
}

pub(super) fn decode<Shape: Decode<()>, Row>(
    row: &'static str,
    bytes: &[u8],
    convert: impl FnOnce(Shape) -> Result<Row, Malformed>,
) -> Result<Row, DecodeError> {
    read(bytes).and_then(convert).map_err(|why| DecodeError::MalformedRow { row, why })
}

impl From<Moment> for MomentPart {
    fn from(moment: Moment) -> Self {
        Self { position: moment.position.number(), at_ms: moment.at.unix_ms() }
    }
}

impl TryFrom<MomentPart> for Moment {
    type Error = Malformed;

    fn try_from(stored: MomentPart) -> Result<Self, Malformed> {
        Ok(Self { position: Position::new(stored.position), at: instant("moment", stored.at_ms)? })
    }
}

impl From<Retirement> for RetirementPart {
    fn from(retirement: Retirement) -> Self {
        Self { moment: retirement.moment.into(), reason: codes::of_retirement(retirement.reason) }
    }
}

impl TryFrom<RetirementPart> for Retirement {
    type Error = Malformed;

    fn try_from(stored: RetirementPart) -> Result<Self, Malformed> {
        Ok(Self { moment: stored.moment.try_into()?, reason: codes::retirement(stored.reason)? })
    }
}

impl From<NameHolder> for NameHolderPart {
    fn from(holder: NameHolder) -> Self {
        match holder {
            NameHolder::Tenant(id) => Self { kind: thing::TENANT, id: id.bytes() },
            NameHolder::User(id) => Self { kind: thing::USER, id: id.bytes() },
            NameHolder::ServiceAccount(id) => Self { kind: thing::SERVICE_ACCOUNT, id: id.bytes() },
        }
    }
}

impl TryFrom<NameHolderPart> for NameHolder {
    type Error = Malformed;

    fn try_from(stored: NameHolderPart) -> Result<Self, Malformed> {
        match stored.kind {
            thing::TENANT => Ok(Self::Tenant(Id::from_bytes(stored.id))),
            thing::USER => Ok(Self::User(Id::from_bytes(stored.id))),
            thing::SERVICE_ACCOUNT => Ok(Self::ServiceAccount(Id::from_bytes(stored.id))),
            found => Err(Malformed::Code { what: "name holder", found }),
        }
    }
}

#[cfg(test)]
mod tests;
