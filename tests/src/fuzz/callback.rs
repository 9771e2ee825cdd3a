//! Callbacks of the browser login: a new key is offered to a program on the same computer, and to nothing else.
//!
//! An input is `c` and a callback, which is put into the address as it must be, or `q` and the address's query as it stands.

use std::net::Ipv4Addr;

use server::loopback::Asked;

use super::world::{self, World};

pub(super) fn run(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    match kind {
        b'c' => world::with(|world| {
            let status_and_shown = ask(world, &[b"callback=", escaped(rest).as_slice()].concat());
            if let Some((200, Some(shown))) = status_and_shown {
                let text = std::str::from_utf8(rest).expect("only a text is read");
                assert_eq!(
                    shown,
                    text.trim_end_matches('/'),
                    "another address than was asked about is shown"
                );
            }
        }),
        b'q' => world::with(|world| drop(ask(world, rest))),
        _ => {}
    }
}

/// What is answered, and which address the person is asked about, if they are.
fn ask(world: &World, query: &[u8]) -> Option<(u16, Option<String>)> {
    let target = [b"/auth/client?", query].concat();
    let answered = world.ask(Asked { method: "GET", target: &target, headers: &[], body: b"" })?;
    let page = String::from_utf8(answered.body).expect("a page is text");
    let shown = between(&page, "It waits at <code>", "</code>");
    match (answered.status, &shown) {
        (200, Some(shown)) => {
            assert!(waits_on_this_computer(shown), "a key is offered to {shown:?}");
            let field = between(&page, r#"name="callback" value=""#, "\"");
            assert_eq!(field.as_ref(), Some(shown), "the form sends another address than is shown");
        }
        (400, None) => {
            assert!(page.contains("CALLBACK_NOT_LOOPBACK"), "{page}");
            // Nothing of what was sent is repeated: every refusal of its kind is the same page.
            assert!(refusals(world).contains(&page), "a refusal of its own: {page}");
        }
        (413 | 414 | 431, None) => {}
        (status, _) => panic!("{status}: {page}"),
    }
    Some((answered.status, shown))
}

/// The pages for no callback, and for one that is none.
fn refusals(world: &World) -> [String; 2] {
    [b"/auth/client".as_slice(), b"/auth/client?callback=x"].map(|target| {
        let asked = Asked { method: "GET", target, headers: &[], body: b"" };
        let answered = world.ask(asked).expect("a plain address is read");
        String::from_utf8(answered.body).expect("a page is text")
    })
}

/// Read once more, by other code, of an address that every reader takes for the same one.
fn waits_on_this_computer(address: &str) -> bool {
    let Some(rest) = address.strip_prefix("http://") else { return false };
    let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let Some((host, port)) = place.rsplit_once(':') else { return false };
    let own = match host {
        "localhost" | "[::1]" => true,
        numbers => {
            numbers.parse::<Ipv4Addr>().is_ok_and(|ip| ip.octets()[0] == 127 && ip.to_string() == numbers)
        }
    };
    let own_port = port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte);
    let steps_back = path.split('/').any(|part| part == "." || part == "..");
    own && own_port && path.bytes().all(plain) && !path.contains("//") && !path.ends_with('/') && !steps_back
}

fn between(page: &str, begins: &str, ends: &str) -> Option<String> {
    let (_, rest) = page.split_once(begins)?;
    rest.split_once(ends).map(|(found, _)| found.to_owned())
}

/// Every byte as `%` and two digits.
fn escaped(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect()
}
