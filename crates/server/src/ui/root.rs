//! Where the server's own root is, seen from a page.
//!
//! Every link and every redirection is relative, so nobody has to tell the server under which path a proxy shows it.

use std::fmt;

/// How many steps a page is away from the root. Shown, it is the way back, such as `../../`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Root(usize);

impl Root {
    /// Seen from the page at this path of the server.
    pub(crate) fn of(path: &str) -> Self {
        Self(path.bytes().filter(|byte| *byte == b'/').count().saturating_sub(1))
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A relative reference must not be empty, and must not begin like an absolute one.
        if self.0 == 0 { f.write_str("./") } else { f.write_str(&"../".repeat(self.0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_has_a_step_for_every_folder() {
        for (path, root) in [("/", "./"), ("/ui/keys", "../"), ("/ui/keys/1/revoke", "../../../"), ("", "./")]
        {
            assert_eq!(Root::of(path).to_string(), root, "{path}");
        }
    }
}
