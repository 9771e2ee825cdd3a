//! Open files: each connection is one, and most systems give a process fewer than it may have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many the ledger, the log, the secrets and the runtime may need.
const OTHERS: u32 = 256;

/// Raises the limit of this process so far that there may be so many connections. Gives how many there may be.
pub fn allow_connections(wanted: u32) -> u32 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let needed = u64::from(wanted) + u64::from(OTHERS);
    let raised = current.map(|current| current.max(maximum.unwrap_or(needed).min(needed)));
    if raised != current {
        // If it cannot be raised, it is as it was, and read again below.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: raised, maximum });
    }
    connections_within(getrlimit(Resource::Nofile).current, wanted)
}

/// How many of the connections wanted fit under a limit; none: there is no limit. A few are always tried.
fn connections_within(limit: Option<u64>, wanted: u32) -> u32 {
    let room = limit.map_or(u64::from(wanted), |limit| limit.saturating_sub(u64::from(OTHERS)));
    u32::try_from(room).unwrap_or(wanted).clamp(16, wanted.max(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_the_rest() {
        for (limit, wanted, expected) in [
            (None, 16_384, 16_384),
            (Some(65_536), 16_384, 16_384),
            (Some(4_096), 16_384, 3_840),
            (Some(100), 16_384, 16),
            (Some(u64::MAX), 20, 20),
        ] {
            assert_eq!(connections_within(limit, wanted), expected, "{limit:?}, {wanted}");
        }
    }
}
