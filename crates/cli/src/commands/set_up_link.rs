//! `set-up-link`: another link by which a browser sets up a server that has no tenant yet.

use std::net::SocketAddr;
use std::path::Path;

use authority::{Clock, set_up};
use clap::Args;
use credentials::claims::Issuer;
use domain::{Lookup as _, Rejection};
use jiff::Timestamp;
use replay::{Audit, Repair};
use serde_json::json;

use crate::args::DataArgs;
use crate::commands::serve::{LISTEN, parse_address, parse_issuer};
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs, shell_word};
use crate::set_up::{Reached, SetUpArgs, words};

const EXAMPLES: &str = "\
Examples:
  keyledger set-up-link --data /var/lib/keyledger
  keyledger set-up-link --data ./data --address https://keys.example.com
  keyledger set-up-link --config /etc/keyledger/keyledger.toml -o json

Beside a server that was begun with `serve --set-up` and has no tenant yet. The link that it printed
before does not work any more. Whoever opens the link administers everything: give it to nobody.";

/// For which server.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SetUpLinkArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The URL under which your browser reaches the server [default: http://, and where it listens]
    #[arg(long, value_name = "URL", env = "KEYLEDGER_ISSUER", hide_env_values = true, value_parser = parse_issuer)]
    address: Option<Issuer>,
    /// The address on which the server listens, if no URL is given
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "KEYLEDGER_LISTEN",
        hide_env_values = true,
        default_value = LISTEN,
        value_parser = parse_address
    )]
    listen: SocketAddr,
    #[command(flatten)]
    set_up: SetUpArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Makes a new code, and writes the link out.
pub fn run(args: SetUpLinkArgs) -> Result<(), CliError> {
    let audit = Audit::open(&args.data.folder(None), Repair::Forbidden)?;
    let begun = replay::reading(|| {
        let snapshot = audit.snapshot()?;
        Ok::<_, CliError>(snapshot.rows().deployment()?.is_some())
    })?;
    if begun {
        return Err(Rejection::AlreadyInitialised.into());
    }
    let life = args.set_up.life_seconds();
    let (code, ends_at) = set_up::new_code(audit.folder(), Clock::System.now(), life)?;
    let reached = Reached::by(args.address.as_ref(), args.listen);
    let link = reached.link(&code);
    let text = match args.output.output {
        Output::Json => {
            let ends_at = Timestamp::from_millisecond(ends_at.unix_ms()).unwrap_or_default();
            format!("{}\n", json!({"url": link, "expires_at": ends_at.to_string()}))
        }
        Output::Table => {
            let remark = reached.remark().map(|remark| format!("\n  {remark}\n")).unwrap_or_default();
            format!(
                "\
Open this link within {life}, and once. The one before does not work any more.

  {link}
{remark}",
                life = words(life)
            )
        }
    };
    output::write_all(&text)?;
    Ok(())
}

/// The command that prints another link for the server on this folder, to where a browser reaches it. It is to be pasted
/// into a shell that knows nothing of how the server was started.
pub fn another(data: &Path, issuer: Option<&Issuer>, listening: SocketAddr, life_seconds: u64) -> String {
    let mut command = format!("keyledger set-up-link --data {}", shell_word(&data.to_string_lossy()));
    match issuer {
        Some(issuer) => command += &format!(" --address {}", shell_word(issuer.as_str())),
        None if listening.to_string() == LISTEN => {}
        None => command += &format!(" --listen {}", shell_word(&listening.to_string())),
    }
    if life_seconds != set_up::LIFE_SECONDS {
        command += &format!(" --set-up-life {life_seconds}s");
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_for_another_link_says_where_the_server_is_reached() {
        let issuer = Issuer::parse("https://keys.example.com/it's").unwrap();
        for (data, issuer, listen, expected) in [
            ("n1", None, "127.0.0.1:4200", "--data n1"),
            ("n1", None, "127.0.0.1:4714", "--data n1 --listen 127.0.0.1:4714"),
            ("a b", None, "[::]:4200", "--data 'a b' --listen '[::]:4200'"),
            (
                "n1",
                Some(&issuer),
                "127.0.0.1:4714",
                r"--data n1 --address 'https://keys.example.com/it'\''s'",
            ),
        ] {
            let command = another(Path::new(data), issuer, listen.parse().unwrap(), set_up::LIFE_SECONDS);
            assert_eq!(command, format!("keyledger set-up-link {expected}"));
        }
        let longer = another(Path::new("n1"), None, "127.0.0.1:4200".parse().unwrap(), 5_400);
        assert_eq!(longer, "keyledger set-up-link --data n1 --set-up-life 5400s");
    }
}
