//! `revoke-tokens`: refuses all tokens of one target that were minted until now.

use clap::{ArgGroup, Args};
use domain::ids::{KeyId, SigningKeyId, TokenId};
use serde_json::json;

use crate::client::names::{AccountName, TenantName, UserName};
use crate::client::{AsOfArgs, AttemptArgs, Change, ClientArgs, DryRunArgs, Mutation};
use crate::error::CliError;

const REVOKE_TOKENS: Mutation = Mutation::plain("revoke_tokens", "revoke_tokens_input");

const EXAMPLES: &str = "\
Examples:
  keyledger revoke-tokens --key 01890a5d-ac96-774b-bcce-b302099a8057
  keyledger revoke-tokens --service-account etl-agent
  keyledger revoke-tokens --all

The keys stay, and tokens minted from now on are accepted. Who may do it: whoever manages the key;
for --whole-tenant and --service-account its administrators; for --signing-key and --all operators.";

/// Whose tokens.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, group(ArgGroup::new("target").required(true)))]
pub struct RevokeTokensArgs {
    /// Minted from this key
    #[arg(long, value_name = "KEY_ID", value_parser = KeyId::parse, group = "target")]
    key: Option<KeyId>,
    /// Of those of the key, only this one: its jti
    #[arg(long, value_name = "JTI", value_parser = TokenId::parse, requires = "key")]
    token_id: Option<TokenId>,
    /// Of this user, by e-mail address or id
    #[arg(long, value_name = "USER", value_parser = UserName::parse, group = "target")]
    user: Option<UserName>,
    /// Of this service account, by name or id
    #[arg(long, value_name = "ACCOUNT", value_parser = AccountName::parse, group = "target")]
    service_account: Option<AccountName>,
    /// For this tenant, by slug or id
    #[arg(long, value_name = "TENANT", value_parser = TenantName::parse, group = "target")]
    whole_tenant: Option<TenantName>,
    /// Signed by this signing key
    #[arg(long, value_name = "ID", value_parser = SigningKeyId::parse, group = "target")]
    signing_key: Option<SigningKeyId>,
    /// Every token of the deployment
    #[arg(long, group = "target")]
    all: bool,
    #[command(flatten)]
    dry_run: DryRunArgs,
    #[command(flatten)]
    attempt: AttemptArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Refuses them.
pub fn run(args: RevokeTokensArgs) -> Result<(), CliError> {
    let (server, tenant) = args.client.server_and_tenant()?;
    let tenant = tenant.as_deref();
    let input = json!({
        "key_id": args.key.map(|key| key.to_string()),
        "token_id": args.token_id.map(|token| token.to_string()),
        "user_id": args.user.map(|user| user.id_anywhere(&server, tenant, &AsOfArgs::NOW)).transpose()?,
        "service_account_id": args.service_account.map(|account| account.id(&server, tenant)).transpose()?,
        "tenant_id": args.whole_tenant.map(|tenant| tenant.id(&server)).transpose()?.map(|id| id.to_string()),
        "signing_key_id": args.signing_key.map(|key| key.to_string()),
        "all": args.all.then_some(true),
    });
    let (attempt, dry_run) = (&args.attempt, args.dry_run);
    let change = Change { mutation: REVOKE_TOKENS, input, attempt, dry_run };
    change.carry_out(&server, args.client.form(), |_| {
        "Tokens minted until now are refused; the keys stay, and new tokens are accepted".to_owned()
    })
}
