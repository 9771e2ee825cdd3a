//! Telling the service manager how far the server is: systemd's notification protocol, sd_notify(3).

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use authority::Authority;

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Requests are taken.
    Ready,
    /// No new ones are.
    Stopping,
    /// The server is alive, and its ledger takes changes.
    Alive,
}

impl State {
    const fn message(self) -> &'static str {
        match self {
            Self::Ready => "READY=1\nSTATUS=serving\n",
            Self::Stopping => "STOPPING=1\nSTATUS=draining\n",
            Self::Alive => "WATCHDOG=1\n",
        }
    }
}

/// Tells the manager that started this process, if it wants to be told.
pub(crate) fn tell(state: State) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()) else { return };
    if let Err(error) = send(&socket, state) {
        tracing::warn!(%error, "the service manager could not be told how far the server is");
    }
}

/// Shows signs of life as often as the manager asks for, as long as the ledger takes changes.
pub(crate) async fn keep_alive(authority: &Authority) {
    let Some(every) = watchdog(std::env::var_os("WATCHDOG_USEC"), std::env::var_os("WATCHDOG_PID")) else {
        return;
    };
    // Half of what it allows, as sd_watchdog_enabled(3) advises.
    let mut every = tokio::time::interval(every / 2);
    loop {
        every.tick().await;
        if authority.stopped().is_none() {
            tell(State::Alive);
        }
    }
}

fn watchdog(microseconds: Option<OsString>, process: Option<OsString>) -> Option<Duration> {
    let number = |text: OsString| text.to_str()?.parse::<u64>().ok();
    if process.is_some_and(|process| number(process) != Some(std::process::id().into())) {
        return None;
    }
    microseconds.and_then(number).filter(|it| *it > 1).map(Duration::from_micros)
}

fn send(socket: &OsStr, state: State) -> io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.message().as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_reach_sockets_with_a_path_and_without() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("notify");
        let abstract_name = format!("keyledger-test-{}", std::process::id());
        let named = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        for (socket, address) in [
            (UnixDatagram::bind(&path).unwrap(), path.clone().into_os_string()),
            (UnixDatagram::bind_addr(&named).unwrap(), format!("@{abstract_name}").into()),
        ] {
            send(&address, State::Ready).unwrap();
            let mut message = [0; 64];
            let length = socket.recv(&mut message).unwrap();
            assert_eq!(&message[..length], b"READY=1\nSTATUS=serving\n");
        }
        assert!(send(OsStr::new("/nowhere/at/all"), State::Ready).is_err());
    }

    #[test]
    fn the_watchdog_is_this_processs_or_none() {
        let set = |text: &str| Some(OsString::from(text));
        let ours = std::process::id().to_string();
        assert_eq!(watchdog(set("3000000"), None), Some(Duration::from_secs(3)));
        assert_eq!(watchdog(set("3000000"), set(&ours)), Some(Duration::from_secs(3)));
        assert_eq!(watchdog(set("3000000"), set("1x")), None);
        for bad in [None, set(""), set("0"), set("-1"), set("soon")] {
            assert_eq!(watchdog(bad, None), None);
        }
    }
}
