//! Proofs in GraphQL that the log has an event.

use authority::proof::Receipt;
use juniper::GraphQLObject;

use super::scalars::LogPosition;

/// The proof that the log has an event.
#[derive(Clone, Debug, GraphQLObject)]
#[graphql(name = "inclusion_proof", rename_all = "none")]
pub struct InclusionProof {
    /// The event's place in the log.
    pub position: LogPosition,
    /// How many events the signed checkpoint in the proof covers.
    pub tree_size: LogPosition,
    /// The text of a `.tlog-proof` file (c2sp.org/tlog-proof@v1), with the event as stored for whoever may read it.
    pub proof: String,
}

impl From<Receipt> for InclusionProof {
    fn from(Receipt { position, size, proof }: Receipt) -> Self {
        let (position, tree_size) = (LogPosition(position), LogPosition(size));
        Self { position, tree_size, proof: proof.to_string() }
    }
}
