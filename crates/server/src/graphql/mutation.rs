//! The mutations: each composes one command, waits until it lasts, and answers from its events.

use authority::Done;
use authority::compose::{self, Composed, KeyInput};
use credentials::signing_key::Kid;
use domain::ids::{KeyId, ServiceAccountId, TenantId, UserId};
use domain::key::{Owner, Reach, RevocationReason};
use domain::role::Scopes;
use domain::time::Timestamp;
use domain::{Command, Event, Recorded};
use juniper::{FieldResult, graphql_object};

use super::agents::{self, AgentIdPayload, GetRunsInQueueInput, RegisterAgentInput, RunsInQueuePayload};
use super::api_tokens::{self, CreateApiTokenInput, CreateApiTokenPayload, DeleteApiTokenInput};
use super::context::{Context, answered};
use super::erasure::EraseSubjectInput;
use super::inputs::{
    AddMemberInput, ChangeApiKeyExpiryInput, ChangeApiKeyNoteInput, ChangeMemberRoleInput,
    ChangeServiceAccountRoleInput, ChangeTenantPolicyInput, CreateApiKeyInput, CreateServiceAccountInput,
    CreateTenantInput, DeleteApiKeyInput, DeleteServiceAccountInput, KeyIdInput, MemberInput,
    RenameApiKeyInput, RenameServiceAccountInput, RenameTenantInput, RotateApiKeyInput,
    ServiceAccountIdInput, TenantIdInput, UserIdInput,
};
use super::limits::{self, ChangeApiKeyAddressesInput, ChangeApiKeyRateInput};
use super::scalars::{Instant, LogPosition};
use super::signing_keys::{
    RetireSigningKeyInput, RetireSigningKeyPayload, RotateSigningKeyInput, RotateSigningKeyPayload,
};
use super::tenant_tokens::{self, RefreshTokenInput, SwitchTenantInput, TokensPayload};
use super::token_target::RevokeTokensInput;
use super::types::{
    AddMemberPayload, CreateApiKeyPayload, CreateServiceAccountPayload, CreateTenantPayload,
    RotateApiKeyPayload, SuccessPayload,
};
use crate::made::{key_created, shown};

/// What a mutation answers. It may be null: one that is refused must not take away what the ones beside it tell, for
/// those are done, and a secret is told once.
type Outcome<T> = FieldResult<Option<T>>;

/// Everything that can be changed.
pub struct Mutation;

/// Everything that can be changed. Fields are carried out one after the other, whatever becomes of those before; one
/// that is refused is null, with its error beside it, and the others tell what they did.
#[graphql_object]
#[graphql(context = Context, rename_all = "none")]
impl Mutation {
    /// Makes a key for yourself, or as an administrator for a service account of your tenant.
    fn create_api_key(context: &Context, input: CreateApiKeyInput) -> Outcome<CreateApiKeyPayload> {
        let (owner, reach) = key_place(context, &input)?;
        let key: KeyInput = answered(input.key(own_scopes(context)))?;
        let mut composed = answered(context.authority.create_key(owner, reach, &key))?;
        let secret = composed.key.take();
        let done = context.execute(composed, input.idempotency_key.as_deref())?;
        let created = key_created(&done.recorded);
        let secret = shown(&done, secret);
        Ok(Some(CreateApiKeyPayload {
            id: created.map(|(id, _)| id.into()),
            key: secret.clone(),
            token: secret,
            expires_at: created.and_then(|(_, end)| end).map(Instant),
            position: Some(LogPosition(done.position)),
        }))
    }

    /// Revokes a key for good. It and every token minted from it are refused at the next request.
    fn delete_api_key(context: &Context, input: DeleteApiKeyInput) -> Outcome<SuccessPayload> {
        let reason = input.reason.map_or(RevocationReason::Unspecified, Into::into);
        let note = answered(input.note())?;
        let composed = answered(context.authority.revoke_key(input.key_id.id(), reason, note.as_ref()))?;
        attempt(context, composed, input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Makes a key under the name that older clients have for one, of an owner that follows from its scope.
    fn create_api_token(context: &Context, input: CreateApiTokenInput) -> Outcome<CreateApiTokenPayload> {
        api_tokens::create(context, &input).map(Some)
    }

    /// Revokes a token of older clients, or any other key, for good.
    fn delete_api_token(context: &Context, input: DeleteApiTokenInput) -> Outcome<SuccessPayload> {
        let (key, reason) = (input.token_id.id(), RevocationReason::Unspecified);
        let composed = answered(context.authority.revoke_key(key, reason, None))?;
        attempt(context, composed, input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Exchanges the key shown for a token for a tenant, and for a refresh token.
    fn switch_tenant(context: &Context, input: SwitchTenantInput) -> Outcome<TokensPayload> {
        tenant_tokens::switch(context, &input).map(Some)
    }

    /// Exchanges the refresh token shown for the next token, and for the next refresh token.
    fn refresh_token(context: &Context, input: RefreshTokenInput) -> Outcome<TokensPayload> {
        tenant_tokens::renew(context, &input).map(Some)
    }

    /// Lets an agent begin. It is told with the use of its key, and with nothing else.
    fn register_agent(context: &Context, input: RegisterAgentInput) -> Outcome<AgentIdPayload> {
        agents::register(context, &input).map(Some)
    }

    /// What there is for an agent to run: never anything. An agent whose key is refused is told so here.
    fn get_runs_in_queue(context: &Context, input: GetRunsInQueueInput) -> Outcome<RunsInQueuePayload> {
        agents::poll(context, &input).map(Some)
    }

    /// Disables a key until it is enabled again.
    fn disable_api_key(context: &Context, input: KeyIdInput) -> Outcome<SuccessPayload> {
        let command = Command::DisableKey { key: input.key_id.id() };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Enables a disabled key.
    fn enable_api_key(context: &Context, input: KeyIdInput) -> Outcome<SuccessPayload> {
        let command = Command::EnableKey { key: input.key_id.id() };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Gives a key another name.
    fn rename_api_key(context: &Context, input: RenameApiKeyInput) -> Outcome<SuccessPayload> {
        let name = answered(compose::name(&input.name))?;
        let composed = answered(context.authority.rename_key(input.key_id.id(), &name))?;
        succeed(context, composed, input.idempotency_key.as_deref())
    }

    /// Changes what is remarked about a key.
    fn change_api_key_note(context: &Context, input: ChangeApiKeyNoteInput) -> Outcome<SuccessPayload> {
        let note = answered(input.note.as_deref().map(compose::note).transpose())?;
        let composed = answered(context.authority.change_key_note(input.key_id.id(), note.as_ref()))?;
        succeed(context, composed, input.idempotency_key.as_deref())
    }

    /// Changes when a key ends by itself. One that has ended stays ended.
    fn change_api_key_expiry(context: &Context, input: ChangeApiKeyExpiryInput) -> Outcome<SuccessPayload> {
        let expires_at = input.expires_at.map(|at| at.0);
        let command = Command::ChangeKeyExpiry { key: input.key_id.id(), expires_at };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Changes from where a key is accepted. The key used must go on being accepted from where you are, and
    /// lists only what the key used lists.
    fn change_api_key_addresses(
        context: &Context,
        input: ChangeApiKeyAddressesInput,
    ) -> Outcome<SuccessPayload> {
        let addresses = answered(limits::addresses(input.allowed_addresses.as_deref()))?;
        let command = Command::ChangeKeyAddresses { key: input.key_id.id(), addresses };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Changes how often a key is accepted.
    fn change_api_key_rate(context: &Context, input: ChangeApiKeyRateInput) -> Outcome<SuccessPayload> {
        let rate = answered(limits::rate(input.rate_limit.as_ref()))?;
        let command = Command::ChangeKeyRate { key: input.key_id.id(), rate };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Makes a key's successor. Both are accepted for the overlap; then the old key is refused with its tokens.
    fn rotate_api_key(context: &Context, input: RotateApiKeyInput) -> Outcome<RotateApiKeyPayload> {
        let overlap_seconds = answered(input.overlap_seconds())?;
        let (key, expires_at) = (input.key_id.id(), input.expires_at.map(|at| at.0));
        let composed = context.authority.rotate_key_overlapping(key, expires_at, overlap_seconds);
        let mut composed = answered(composed)?;
        let secret = composed.key.take();
        if input.dry_run == Some(true) {
            let (recorded, dry_run) = context.rehearse(composed, input.idempotency_key.as_deref())?;
            let (id, expires_at, grace) = rotated(&recorded);
            return Ok(Some(RotateApiKeyPayload {
                id: id.into(),
                key: None,
                token: None,
                expires_at: expires_at.map(Instant),
                grace_ends_at: Instant(grace),
                position: dry_run.as_of.position,
                dry_run: Some(dry_run),
            }));
        }
        let done = context.execute(composed, input.idempotency_key.as_deref())?;
        let (id, expires_at, grace) = rotated(&done.recorded);
        let secret = shown(&done, secret);
        Ok(Some(RotateApiKeyPayload {
            id: id.into(),
            key: secret.clone(),
            token: secret,
            expires_at: expires_at.map(Instant),
            grace_ends_at: Instant(grace),
            position: LogPosition(done.position),
            dry_run: None,
        }))
    }

    /// Makes a service account of a tenant. It is administrator there unless a lesser role is given.
    fn create_service_account(
        context: &Context,
        input: CreateServiceAccountInput,
    ) -> Outcome<CreateServiceAccountPayload> {
        let tenant: TenantId = context.tenant(input.tenant_id.map(super::scalars::Uuid::id))?;
        let name = answered(compose::account_name(&input.name))?;
        let role = input.role.map_or(domain::role::Role::Administrator, Into::into);
        let composed = context.authority.create_service_account(tenant, &name, role);
        let done = context.execute(composed, input.idempotency_key.as_deref())?;
        let id: Option<ServiceAccountId> = done.recorded.iter().find_map(|recorded| match &recorded.event {
            Event::ServiceAccountCreated { service_account, .. } => Some(*service_account),
            _ => None,
        });
        let id = id.expect("making a service account is one event or a refusal").into();
        Ok(Some(CreateServiceAccountPayload { id, role: role.into(), position: LogPosition(done.position) }))
    }

    /// Removes a service account for good, with its keys and the tokens minted from them.
    fn delete_service_account(
        context: &Context,
        input: DeleteServiceAccountInput,
    ) -> Outcome<SuccessPayload> {
        let command = Command::RemoveServiceAccount { service_account: input.service_account_id.id() };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Gives a service account another name.
    fn rename_service_account(
        context: &Context,
        input: RenameServiceAccountInput,
    ) -> Outcome<SuccessPayload> {
        let name = answered(compose::account_name(&input.name))?;
        let id = input.service_account_id.id();
        let composed = answered(context.authority.rename_service_account(id, &name))?;
        succeed(context, composed, input.idempotency_key.as_deref())
    }

    /// Changes what a service account may do, at the next request of its keys and tokens.
    fn change_service_account_role(
        context: &Context,
        input: ChangeServiceAccountRoleInput,
    ) -> Outcome<SuccessPayload> {
        let service_account = input.service_account_id.id();
        let command = Command::ChangeServiceAccountRole { service_account, role: input.role.into() };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Suspends a service account until it is resumed.
    fn suspend_service_account(context: &Context, input: ServiceAccountIdInput) -> Outcome<SuccessPayload> {
        let command = Command::SuspendServiceAccount { service_account: input.service_account_id.id() };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Resumes a suspended service account.
    fn resume_service_account(context: &Context, input: ServiceAccountIdInput) -> Outcome<SuccessPayload> {
        let command = Command::ResumeServiceAccount { service_account: input.service_account_id.id() };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Makes a tenant with its first administrator: for operators.
    fn create_tenant(context: &Context, input: CreateTenantInput) -> Outcome<CreateTenantPayload> {
        let (tenant, administrator) = answered(input.parse())?;
        let mut composed = answered(context.authority.create_tenant(&tenant, &administrator))?;
        let secret = composed.key.take();
        let done = context.execute(composed, input.idempotency_key.as_deref())?;
        let (id, administrator) = member_added(&done).expect("a new tenant has a first member");
        Ok(Some(CreateTenantPayload {
            id: id.into(),
            administrator_id: administrator.into(),
            key: shown(&done, secret),
            key_id: key_created(&done.recorded).map(|(id, _)| id.into()),
            position: LogPosition(done.position),
        }))
    }

    /// Gives a tenant another display name.
    fn rename_tenant(context: &Context, input: RenameTenantInput) -> Outcome<SuccessPayload> {
        let tenant = context.tenant(input.tenant_id.map(super::scalars::Uuid::id))?;
        let name = answered(compose::name(&input.name))?;
        let composed = answered(context.authority.rename_tenant(tenant, &name))?;
        succeed(context, composed, input.idempotency_key.as_deref())
    }

    /// Changes a tenant's rules for the life of new keys, and of those that get a new end. The others stay as they are.
    fn change_tenant_policy(context: &Context, input: ChangeTenantPolicyInput) -> Outcome<SuccessPayload> {
        let tenant = context.tenant(input.tenant_id.map(super::scalars::Uuid::id))?;
        let command = Command::ChangeTenantPolicy { tenant, policy: answered(input.policy())? };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Suspends a tenant, with all that rests on it, until it is resumed: for operators.
    fn suspend_tenant(context: &Context, input: TenantIdInput) -> Outcome<SuccessPayload> {
        let command = Command::SuspendTenant { tenant: input.tenant_id.id() };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Resumes a suspended tenant: for operators.
    fn resume_tenant(context: &Context, input: TenantIdInput) -> Outcome<SuccessPayload> {
        let command = Command::ResumeTenant { tenant: input.tenant_id.id() };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Removes a tenant for good, with all that rests on it: for operators.
    fn remove_tenant(context: &Context, input: TenantIdInput) -> Outcome<SuccessPayload> {
        let command = Command::RemoveTenant { tenant: input.tenant_id.id() };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Makes a user a member of a tenant.
    fn add_member(context: &Context, input: AddMemberInput) -> Outcome<AddMemberPayload> {
        let tenant: TenantId = context.tenant(input.tenant_id.map(super::scalars::Uuid::id))?;
        let user = answered(input.user())?;
        let role = input.role.map_or(domain::role::Role::Member, Into::into);
        let mut composed = answered(context.authority.add_member(tenant, &user, role, input.first_key()))?;
        let secret = composed.key.take();
        let member = composed.known_member();
        let done = context.execute(composed, input.idempotency_key.as_deref())?;
        let added = member_added(&done).map(|(_, user)| user);
        let user = added.or(member).expect("a member is a known user, or was added now");
        Ok(Some(AddMemberPayload {
            user_id: user.into(),
            key: shown(&done, secret),
            key_id: key_created(&done.recorded).map(|(id, _)| id.into()),
            changed: !done.recorded.is_empty(),
            position: LogPosition(done.position),
        }))
    }

    /// Changes what a member may do.
    fn change_member_role(context: &Context, input: ChangeMemberRoleInput) -> Outcome<SuccessPayload> {
        let tenant = context.tenant(input.tenant_id.map(super::scalars::Uuid::id))?;
        let command = Command::ChangeMemberRole { tenant, user: input.user_id.id(), role: input.role.into() };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Ends a membership, with the keys confined to it.
    fn remove_member(context: &Context, input: MemberInput) -> Outcome<SuccessPayload> {
        let tenant = context.tenant(input.tenant_id.map(super::scalars::Uuid::id))?;
        let command = Command::RemoveMember { tenant, user: input.user_id.id() };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Suspends a user in every tenant until resumed: for operators.
    fn suspend_user(context: &Context, input: UserIdInput) -> Outcome<SuccessPayload> {
        let command = Command::SuspendUser { user: input.user_id.id() };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Resumes a suspended user: for operators.
    fn resume_user(context: &Context, input: UserIdInput) -> Outcome<SuccessPayload> {
        let command = Command::ResumeUser { user: input.user_id.id() };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Removes a user for good, with all keys: for operators.
    fn remove_user(context: &Context, input: UserIdInput) -> Outcome<SuccessPayload> {
        let command = Command::RemoveUser { user: input.user_id.id() };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Makes a user an operator of the deployment: for operators.
    fn grant_operator(context: &Context, input: UserIdInput) -> Outcome<SuccessPayload> {
        let command = Command::GrantOperator { user: input.user_id.id() };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Makes an operator an ordinary user again: for operators. The last one stays.
    fn withdraw_operator(context: &Context, input: UserIdInput) -> Outcome<SuccessPayload> {
        let command = Command::WithdrawOperator { user: input.user_id.id() };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Makes a signing key that takes over, at once or later: for operators. The older ones stay until they are retired.
    fn rotate_signing_key(
        context: &Context,
        input: RotateSigningKeyInput,
    ) -> Outcome<RotateSigningKeyPayload> {
        let composed = context.authority.rotate_signing_key(input.active_from.map(|at| at.0));
        let done = context.execute(composed, input.idempotency_key.as_deref())?;
        let added = done.recorded.iter().find_map(|recorded| match &recorded.event {
            Event::SigningKeyAdded { signing_key, public_key, active_from } => {
                Some((*signing_key, Kid::of(public_key), *active_from))
            }
            _ => None,
        });
        let (id, kid, active_from) = added.expect("adding a signing key is one event or a refusal");
        Ok(Some(RotateSigningKeyPayload {
            id: id.into(),
            kid: kid.to_string(),
            active_from: Instant(active_from),
            position: LogPosition(done.position),
        }))
    }

    /// Retires a signing key for good: for operators. A compromised one is replaced in the same moment, and nothing
    /// that it signed is accepted any more. Otherwise another must sign already.
    fn retire_signing_key(
        context: &Context,
        input: RetireSigningKeyInput,
    ) -> Outcome<RetireSigningKeyPayload> {
        let (id, reason) = (input.signing_key_id.id(), input.reason.into());
        let composed = answered(context.authority.retire_signing_key(id, reason))?;
        if input.dry_run == Some(true) {
            let (_, dry_run) = context.rehearse(composed, input.idempotency_key.as_deref())?;
            let (position, dry_run) = (dry_run.as_of.position, Some(dry_run));
            return Ok(Some(RetireSigningKeyPayload {
                success: false,
                replacement_id: None,
                position,
                dry_run,
            }));
        }
        let done = context.execute(composed, input.idempotency_key.as_deref())?;
        let replacement = done.recorded.iter().find_map(|recorded| match &recorded.event {
            Event::SigningKeyAdded { signing_key, .. } => Some((*signing_key).into()),
            _ => None,
        });
        let position = LogPosition(done.position);
        Ok(Some(RetireSigningKeyPayload {
            success: true,
            replacement_id: replacement,
            position,
            dry_run: None,
        }))
    }

    /// Refuses all tokens of one target that were minted until now. The keys stay, and new tokens are accepted.
    fn revoke_tokens(context: &Context, input: RevokeTokensInput) -> Outcome<SuccessPayload> {
        let command = Command::RevokeTokens { target: answered(input.target())? };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }

    /// Destroys the key that seals every text about something removed: its name, its address, the names of its keys and
    /// the notes on them read `[erased]` from now on, at any moment asked about. The events stay, and so do all proofs.
    fn erase_subject(context: &Context, input: EraseSubjectInput) -> Outcome<SuccessPayload> {
        let command = Command::EraseSubject { subject: answered(input.subject())? };
        attempt(context, Composed::plain(command), input.idempotency_key.as_deref(), input.dry_run)
    }
}

/// Whose the key is to be, and where it is to act.
fn key_place(context: &Context, input: &CreateApiKeyInput) -> FieldResult<(Owner, Reach)> {
    let named = input.tenant_id.map(super::scalars::Uuid::id);
    answered(context.authority.place_of_key(&context.caller, input.user_id.0, named))
}

/// What the credential used is narrowed to: a key for which nothing was asked is as wide.
fn own_scopes(context: &Context) -> &Scopes {
    &context.caller.scopes
}

fn succeed(context: &Context, composed: Composed, idempotency_key: Option<&str>) -> Outcome<SuccessPayload> {
    let done = context.execute(composed, idempotency_key)?;
    let (changed, position) = (Some(!done.recorded.is_empty()), Some(LogPosition(done.position)));
    Ok(Some(SuccessPayload { success: Some(true), changed, error: None, position, dry_run: None }))
}

/// The same, or what it would do.
fn attempt(
    context: &Context,
    composed: Composed,
    idempotency_key: Option<&str>,
    dry_run: Option<bool>,
) -> Outcome<SuccessPayload> {
    if dry_run != Some(true) {
        return succeed(context, composed, idempotency_key);
    }
    let (_, dry_run) = context.rehearse(composed, idempotency_key)?;
    let position = Some(dry_run.as_of.position);
    Ok(Some(SuccessPayload { success: None, changed: None, error: None, position, dry_run: Some(dry_run) }))
}

/// The successor that a rotation makes, when it ends, and when the old key's grace does.
fn rotated(recorded: &[Recorded]) -> (KeyId, Option<Timestamp>, Timestamp) {
    let grace = recorded.iter().find_map(|recorded| match &recorded.event {
        Event::KeyRotated { grace_ends_at, .. } => Some(*grace_ends_at),
        _ => None,
    });
    let rotated = key_created(recorded).zip(grace);
    let ((id, expires_at), grace) = rotated.expect("a rotation is two events or a refusal");
    (id, expires_at, grace)
}

fn member_added(done: &Done) -> Option<(TenantId, UserId)> {
    done.recorded.iter().find_map(|recorded| match &recorded.event {
        Event::MemberAdded { tenant, user, .. } => Some((*tenant, *user)),
        _ => None,
    })
}
