//! A server that is not there, breaks off, or is something else: exit code 7, and what became of the change.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::scene::{Scene, text};
use crate::server::Server;
use crate::support::{Deployment, Ended, keyledger};

fn run(url: &str, arguments: &[&str]) -> Ended {
    let mut command = keyledger(arguments);
    Ended::of(command.env("KEYLEDGER_URL", url).env("KEYLEDGER_KEY", "klu_some-key").output().unwrap())
}

/// Answers every connection with these bytes after reading a part of the request. Counts connections.
fn answering(answer: &'static [u8]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 65_536];
            let _ = connection.read(&mut request);
            let _ = connection.write_all(answer);
        }
    });
    (url, count)
}

#[test]
fn nobody_listens() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    for line in [
        &["whoami"][..],
        &["token"],
        &["auth", "create-key", "-n", "x"],
        &["key", "list"],
        &["tenant", "remove", "acme", "--yes"],
    ] {
        let ended = run(&url, &[line, &["-o", "json"]].concat());
        assert_eq!((ended.code, ended.error().0.as_str()), (7, "UNREACHABLE"), "{line:?}");
        let ended = run(&url, line);
        assert!(ended.err.starts_with(&format!("error: {url} cannot be reached: ")), "{}", ended.err);
        assert!(ended.err.contains("\nhint: "), "{}", ended.err);
    }
    let ended = run("http://nowhere.invalid", &["whoami", "-o", "json"]);
    assert_eq!((ended.code, ended.error().0.as_str()), (7, "UNREACHABLE"));
}

#[test]
fn a_change_whose_answer_is_lost_is_in_doubt_and_can_be_repeated() {
    let (url, count) = answering(b"");
    let id = crate::scene::NOBODY;
    let ended = run(&url, &["key", "disable", id, "-o", "json", "--idempotency-key", "try-1"]);
    assert_eq!((ended.code, ended.error().0.as_str()), (7, "UNKNOWN_OUTCOME"));
    assert_eq!(count.load(Ordering::SeqCst), 3, "it was tried three times, under one name");
    let ended = run(&url, &["key", "disable", id, "--idempotency-key", "try-1"]);
    assert!(ended.err.contains("--idempotency-key try-1"), "{}", ended.err);
    // A question leaves nothing in doubt.
    assert_eq!(run(&url, &["whoami", "-o", "json"]).error().0, "UNREACHABLE");
}

/// Passes requests on to a server, but loses the first answer to a change. Gives its URL.
fn losing_an_answer(server: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = server.strip_prefix("http://").unwrap().to_owned();
    std::thread::spawn(move || {
        let mut lost = false;
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut request = vec![];
            let mut buffer = [0; 4096];
            // The client's requests have a body with a length, or none.
            let whole = |request: &[u8]| {
                let text = String::from_utf8_lossy(request).to_lowercase();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
                let length = head
                    .split("content-length: ")
                    .nth(1)
                    .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
                body.len() >= length
            };
            while !whole(&request) {
                let read = client.read(&mut buffer).unwrap();
                request.extend_from_slice(&buffer[..read]);
            }
            let head = String::from_utf8_lossy(&request).replacen("\r\n", "\r\nconnection: close\r\n", 1);
            let mut onward = std::net::TcpStream::connect(&server).unwrap();
            onward.write_all(head.as_bytes()).unwrap();
            let mut answer = vec![];
            onward.read_to_end(&mut answer).unwrap();
            if lost || !head.contains("mutation") {
                client.write_all(&answer).unwrap();
            } else {
                lost = true;
            }
        }
    });
    url
}

#[test]
fn a_lost_answer_makes_nothing_twice_and_a_lost_secret_is_told() {
    let scene = Scene::new();
    let through = |url: &str, arguments: &[&str]| {
        let mut command = scene.anonymous(arguments);
        Ended::of(command.env("KEYLEDGER_URL", url).env("KEYLEDGER_KEY", scene.key()).output().unwrap())
    };
    let keys = || scene.done(&["key", "list"]).as_array().unwrap().len();
    let ended =
        through(&losing_an_answer(scene.server.url()), &["auth", "create-key", "-n", "x", "-o", "json"]);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{}", ended.err);
    let (code, message) = ended.error();
    assert_eq!(code, "KEY_NOT_SHOWN_AGAIN");
    assert_eq!(keys(), 2, "it was made once");
    let id = text(&scene.done(&["key", "list"])[1], "id");
    assert!(message.contains(&id), "{message}");
    let url = losing_an_answer(scene.server.url());
    assert_eq!(through(&url, &["key", "revoke", &id]).code, 0, "tried again under the same name");
    assert_eq!(keys(), 1);
}

/// The server goes away between two tries and comes back: the command does not notice.
#[test]
fn a_server_that_restarts_is_waited_for() {
    let deployment = Deployment::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    let url = format!("http://{address}");
    // The first connection is accepted and dropped; then the real server takes the address.
    let first = std::thread::spawn(move || drop(free.accept()));
    let mut command = keyledger(&["auth", "create-key", "-n", "x", "-q"]);
    command.env("KEYLEDGER_URL", &url).env("KEYLEDGER_KEY", deployment.id("key"));
    let child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    first.join().unwrap();
    let started = std::time::Instant::now();
    let server = Server::start_at(&deployment, &address.to_string(), &[], "error");
    let ended = Ended::of(child.wait_with_output().unwrap());
    // On a machine too slow to start a server within the tries, it says so instead.
    if ended.code != 0 {
        assert_eq!(ended.code, 7, "{}", ended.err);
        assert!(started.elapsed().as_millis() > 500, "{}", ended.err);
    }
    drop(server);
}

#[test]
fn something_else_answers() {
    let html = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>";
    let (url, _) = answering(html);
    let ended = run(&url, &["whoami", "-o", "json"]);
    assert_eq!((ended.code, ended.error().0.as_str()), (1, "NOT_KEYLEDGER"));
    let (url, _) =
        answering(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>");
    assert_eq!(run(&url, &["whoami"]).code, 7);
    // A key is not carried to wherever an answer points.
    let (elsewhere, count) = answering(b"");
    let to = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {elsewhere}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    let (url, _) = answering(Box::leak(to.into_boxed_str()).as_bytes());
    assert_eq!(run(&url, &["whoami"]).code, 1);
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

/// Whatever answers there may say anything; nothing that it says steers a terminal or makes a line of its own.
#[test]
fn what_a_server_says_is_escaped() {
    let answer = |status: &str, body: &str| {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        &*Box::leak(answer.into_boxed_str().into_boxed_bytes())
    };
    // A clear screen, a title, a line that looks like ours, a direction override, a bell and a C1 control.
    let evil = r"\u001b[2J\u001b]0;title\u0007\nerror: forged\r\u202etxt\u009b31m\u0000\u007f";
    let rest = format!(r#"{{"error":{{"code":"FORBIDDEN{evil}","message":"no {evil}"}}}}"#);
    let errors =
        format!(r#"{{"errors":[{{"message":"no {evil}","extensions":{{"code":"X{evil}"}}}}],"data":null}}"#);
    let oauth = format!(r#"{{"error":"invalid_request","error_description":"no {evil}","code":"X{evil}"}}"#);
    for (line, answered) in [
        (&["whoami"][..], answer("403 Forbidden", &rest)),
        (&["key", "list"], answer("200 OK", &errors)),
        (&["token"], answer("400 Bad Request", &oauth)),
    ] {
        let (url, _) = answering(answered);
        let ended = run(&url, line);
        assert_ne!(ended.code, 0, "{line:?}");
        let said = format!("{}{}", ended.out, ended.err);
        assert!(said.contains("no "), "{line:?}: the message is told: {said}");
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!said.contains(steers), "{line:?}: {said:?}");
        assert!(!said.lines().any(|line| line.starts_with("error: forged")), "{line:?}: {said}");
        // In JSON a control character is data, escaped as JSON is; a terminal sees none of it raw.
        let ended = run(&url, &[line, &["-o", "json"]].concat());
        assert!(!ended.err.contains(steers), "{line:?}: {:?}", ended.err);
        let (code, message) = ended.error();
        assert!(!code.contains('\n') && !message.contains('\u{1b}'), "{code} {message}");
    }
}

#[test]
fn a_proxy_of_the_environment_does_not_come_between_oneself() {
    let scene = Scene::new();
    let (proxy, count) = answering(b"");
    let mut command = scene.anonymous(&["whoami", "-o", "json"]);
    command.env("KEYLEDGER_KEY", scene.key()).env("HTTP_PROXY", &proxy).env("http_proxy", &proxy);
    let ended = Ended::of(command.output().unwrap());
    assert_eq!((ended.code, count.load(Ordering::SeqCst)), (0, 0), "{}", ended.err);
    assert_eq!(text(&ended.json(), "kind"), "user");
}
