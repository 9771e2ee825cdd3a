//! Agents: they register and poll, and there is never anything to run; both exist for authentication's sake alone.

use authority::agents::AgentKind;
use authority::compose;
use authority::{Caller, ExchangeError, InputError};

use juniper::{FieldResult, GraphQLInputObject, GraphQLObject};

use super::context::{Context, answered};
use super::errors::not_minted;
use super::scalars::{Instant, Uuid};

/// An agent that begins.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "register_agent_input", rename_all = "none")]
pub struct RegisterAgentInput {
    /// What kind of agent it is, such as LocalAgent: at most 64 letters, digits, `_`, `-` and `.`.
    pub r#type: String,
    /// What people call it.
    pub name: Option<String>,
    /// Taken, and not used.
    pub labels: Option<Vec<String>>,
    /// The tenant; null: the one in which the credential acts.
    pub tenant_id: Option<Uuid>,
    /// Taken, and not used.
    pub agent_config_id: Option<Uuid>,
}

/// A poll for work.
#[derive(Clone, Debug, GraphQLInputObject)]
#[graphql(name = "get_runs_in_queue_input", rename_all = "none")]
pub struct GetRunsInQueueInput {
    /// Taken, and not used.
    pub before: Option<Instant>,
    /// Taken, and not used.
    pub labels: Option<Vec<String>>,
    /// The tenant; null: the one in which the credential acts.
    pub tenant_id: Option<Uuid>,
}

/// The agent's id.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "agent_id_payload", rename_all = "none")]
pub struct AgentIdPayload {
    /// The same whenever the agent begins again, with the same key, type and name. It is sent with each poll in the header
    /// `X-PREFECT-AGENT-ID`.
    pub id: Option<Uuid>,
}

/// What there is to run.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "runs_in_queue_payload", rename_all = "none")]
pub struct RunsInQueuePayload {
    /// Always empty: this server has keys, and no flows.
    pub flow_run_ids: Vec<Uuid>,
}

pub(super) fn register(context: &Context, input: &RegisterAgentInput) -> FieldResult<AgentIdPayload> {
    let rule = "give 1 to 64 letters, digits, _, - and . of ASCII, such as LocalAgent";
    let kind = AgentKind::parse(&input.r#type).ok_or(InputError::Malformed { field: "type", rule });
    let kind = answered(kind)?;
    let name = input.name.as_deref().filter(|name| !name.trim().is_empty()).map(compose::name).transpose();
    let name = answered(name)?;
    admitted(context, input.tenant_id)?;
    let id = context.authority.register_agent(&context.caller, kind, name.as_ref());
    Ok(AgentIdPayload { id: Some(id.into()) })
}

pub(super) fn poll(context: &Context, input: &GetRunsInQueueInput) -> FieldResult<RunsInQueuePayload> {
    admitted(context, input.tenant_id)?;
    if let Some(agent) = context.agent {
        context.authority.agent_polled(&context.caller, agent);
    }
    Ok(RunsInQueuePayload { flow_run_ids: vec![] })
}

/// Whether the bearer acts in the tenant in which the agent is to work.
fn admitted(context: &Context, named: Option<Uuid>) -> FieldResult<()> {
    let tenant = context.tenant(named.map(Uuid::id))?;
    if context.caller.tenant == Some(tenant) {
        return Ok(());
    }
    let admitted: Result<Caller, _> = context.authority.admit_to(&context.caller, tenant);
    admitted.map(drop).map_err(|denial| not_minted(&ExchangeError::Denied(denial)))
}
