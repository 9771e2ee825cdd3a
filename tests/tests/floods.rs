//! Floods from outside: whatever one side sends or holds back, the server answers the others, its memory is bounded,
//! and the connection ends with the status that says why.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use keyledger_tests::client::Client;
use keyledger_tests::server::{Initialised, Server, init};
use keyledger_tests::wire::{Stand, Wire};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tempfile::TempDir;

/// How long somebody else may wait for an answer meanwhile, on a machine that runs all these tests at once.
const OTHERS_WAIT_MAX: Duration = Duration::from_secs(2);
/// How long the head of a request may take, and the look that finds it late.
const HEAD_TIME_MAX: Duration = Duration::from_secs(16);

struct Stage {
    server: Server,
    made: Initialised,
    data: PathBuf,
    _scratch: TempDir,
}

impl Stage {
    fn new(arguments: &[&str]) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        let made = init(&data, "acme", "ada@example.com");
        let server = Server::start_with(&data, arguments);
        let stage = Self { server, made, data, _scratch: scratch };
        // What is allocated once is not held against the flood.
        for _ in 0..20 {
            stage.others_are_answered("before");
        }
        stage
    }

    fn admin(&self) -> Client {
        Client::holding(self.server.url(), &self.made.key)
    }

    /// Somebody who comes now is let in, soon. A busy machine may have its moments, but not three in a row.
    fn others_are_answered(&self, when: &str) {
        let waited: Vec<_> = (0..3)
            .map_while(|_| {
                let since = Instant::now();
                let answer = self.admin().whoami();
                assert_eq!(answer.status, 200, "{when}: {}", answer.text);
                Some(since.elapsed()).filter(|waited| *waited >= OTHERS_WAIT_MAX)
            })
            .collect();
        assert!(waited.len() < 3, "{when}: others wait for {waited:?}");
    }

    fn grew_at_most(&self, before: u64, mebibytes: u64, what: &str) {
        let grown = self.server.resident().saturating_sub(before);
        assert!(grown <= mebibytes * 1024, "{what}: {grown} KiB more than before");
    }

    fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.server.process())).unwrap().count()
    }

    /// Every connection that there was has ended.
    fn connections_are_gone(&self, before: usize, patience: Duration) {
        let since = Instant::now();
        while self.open_files() > before + 8 {
            assert!(since.elapsed() < patience, "{} files are open, not {before}", self.open_files());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The head of a request up to its last line, in the name of the administrator.
    fn head(&self, request_line: &str) -> String {
        format!(
            "{request_line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n",
            self.made.key
        )
    }

    fn wire(&self) -> Wire {
        Wire::to(self.server.url())
    }
}

/// As many connections as this process may have, but not more than so many.
fn connections_allowed(wanted: u64) -> u64 {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    // Other tests run in this process, too.
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX).saturating_sub(2_000).min(wanted);
    if allowed < wanted {
        println!("only {allowed} of {wanted} connections: the hard limit of open files is {maximum:?}");
    }
    assert!(allowed >= 2_000, "{allowed} connections are no flood: raise the hard limit of open files");
    allowed
}

/// Half of them say nothing, half of them begin a request: none of them is in anybody's way, and all of them end.
#[test]
fn ten_thousand_idle_connections_are_in_nobodys_way() {
    let allowed = connections_allowed(10_000);
    let stage = Stage::new(&[]);
    let (memory, files) = (stage.server.resident(), stage.open_files());
    let began = Instant::now();
    // On a slow machine the first may be at their end before the last have come: so it is counted all the while.
    let (mut wires, mut together, mut grown) = (vec![], 0, 0);
    for number in 0..allowed {
        let mut wire = stage.wire();
        if number % 2 == 0 {
            wire.send(b"GET /v1/whoami HTTP/1.1\r\nHost: x\r\nX-Slow: ");
        }
        wires.push(wire);
        if number % 500 == 499 || number + 50 > allowed {
            together = together.max(stage.open_files());
            grown = grown.max(stage.server.resident().saturating_sub(memory));
        }
    }
    // A machine with other work accepts more slowly, and the first leave meanwhile.
    assert!(together as u64 > allowed / 2, "{together} files are open");
    println!("{together} files were open together, in {grown} KiB");
    stage.grew_at_most(memory, 260, "ten thousand connections, 26 KiB each");
    for _ in 0..20 {
        stage.others_are_answered("ten thousand idle connections");
    }
    let made = stage.admin().mutate("create_service_account", &json!({"name": "meanwhile"}), "id");
    assert!(made.is_ok(), "changes are made meanwhile: {made:?}");
    for (number, wire) in wires.iter_mut().enumerate() {
        let left = (began + Duration::from_secs(60)).saturating_duration_since(Instant::now());
        assert_eq!(wire.listen(left), Stand::Closed, "connection {number} is open");
        let expected: &[u16] = if number % 2 == 0 { &[408] } else { &[] };
        assert_eq!(wire.statuses(), expected, "connection {number}");
    }
    stage.connections_are_gone(files, Duration::from_secs(10));
    stage.others_are_answered("afterwards");
    assert_eq!(stage.server.stop(), Some(0));
}

/// One byte now and then: of the head, of the body; and answers that nobody reads.
#[test]
fn whoever_is_slow_is_given_up_in_time() {
    let stage = Stage::new(&[]);
    let (memory, files) = (stage.server.resident(), stage.open_files());
    let url = stage.server.url().to_owned();
    let drip = |head: String, drop: &'static [u8], patience: Duration| {
        let url = url.clone();
        std::thread::spawn(move || {
            let mut wire = Wire::to(&url);
            wire.send(head.as_bytes());
            let since = Instant::now();
            while since.elapsed() < patience {
                wire.send(drop);
                if wire.listen(Duration::from_millis(250)) == Stand::Closed {
                    return (wire.statuses(), since.elapsed());
                }
            }
            panic!("it was waited for, for {:?}", since.elapsed());
        })
    };
    let slow_head = drip("GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ".into(), b"y", HEAD_TIME_MAX);
    let slow_lines = drip("GET /livez HTTP/1.1\r\n".into(), b"X-Slow: y\r\n", HEAD_TIME_MAX);
    let second = drip("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n".into(), b"G", HEAD_TIME_MAX);
    let length = stage.head("POST /graphql") + "Content-Length: 200000\r\n\r\n";
    let slow_body = drip(length, b" ", Duration::from_secs(40));
    let chunks = stage.head("POST /v1/verify") + "Transfer-Encoding: chunked\r\n\r\n";
    let slow_chunks = drip(chunks, b"1\r\n \r\n", Duration::from_secs(40));

    // The schema is long. Of the answers to these none is read, so they soon wait for their turn, in the server.
    let mut greedy: Vec<_> = (0..20).map(|_| stage.wire()).collect();
    let pipelined = "GET /graphql/schema.graphql HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2_000);
    for wire in &mut greedy {
        wire.send_within(pipelined.as_bytes(), Duration::from_millis(100));
    }
    for (what, slow, expected) in [
        ("a head, byte by byte", slow_head, [408].as_slice()),
        ("a head, line by line", slow_lines, &[408]),
        ("a second head", second, &[200, 408]),
        ("a body, byte by byte", slow_body, &[408]),
        ("a body, chunk by chunk", slow_chunks, &[408]),
    ] {
        while !slow.is_finished() {
            stage.others_are_answered(what);
            stage.grew_at_most(memory, 32, what);
            std::thread::sleep(Duration::from_millis(200));
        }
        let (statuses, took) = slow.join().unwrap();
        assert_eq!(statuses, expected, "{what}, after {took:?}");
    }
    stage.connections_are_gone(files, Duration::from_secs(20));
    drop(greedy);
}

#[test]
fn heads_without_end_are_cut_off() {
    let stage = Stage::new(&[]);
    let memory = stage.server.resident();
    let head = "GET /livez HTTP/1.1\r\nHost: x\r\n";
    let many: String = (0..5_000).map(|number| format!("x-{number}: y\r\n")).collect();
    for (what, request) in [
        ("many headers", format!("{head}{many}\r\n")),
        ("more headers than anybody sends", format!("{head}{}\r\n", "a: b\r\n".repeat(101))),
        ("a long header", format!("{head}x: {}\r\n\r\n", "y".repeat(8 << 20))),
        ("a long name", format!("{head}{}: y\r\n\r\n", "x".repeat(8 << 20))),
        ("a long address", format!("GET /livez?{} HTTP/1.1\r\nHost: x\r\n\r\n", "y".repeat(8 << 20))),
        ("a long credential", format!("{head}Authorization: Bearer {}\r\n\r\n", "k".repeat(40_000))),
        ("a long method", format!("{} / HTTP/1.1\r\nHost: x\r\n\r\n", "G".repeat(40_000))),
        ("empty lines for ever", "\r\n".repeat(1 << 20)),
    ] {
        let began = Instant::now();
        let mut wires: Vec<_> = (0..20).map(|_| stage.wire()).collect();
        for wire in &mut wires {
            wire.send_within(request.as_bytes(), Duration::from_secs(5));
        }
        stage.others_are_answered(what);
        stage.grew_at_most(memory, 32, what);
        for wire in &mut wires {
            assert_eq!(wire.listen(Duration::from_secs(5)), Stand::Closed, "{what}");
            assert!(matches!(wire.statuses().as_slice(), [431]), "{what}: {:.200}", wire.heard());
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: {:?}", began.elapsed());
    }
    // What a head may have: a hundred lines, 32 KiB.
    let long = format!("{head}x: {}\r\nConnection: close\r\n\r\n", "y".repeat(30_000));
    let (wire, stand) = Wire::exchange(stage.server.url(), long.as_bytes(), Duration::from_secs(5));
    assert_eq!((wire.statuses().as_slice(), stand), ([200].as_slice(), Stand::Closed));
}

#[test]
fn bodies_without_end_are_cut_off() {
    let stage = Stage::new(&[]);
    let memory = stage.server.resident();
    let length = |length: &str| format!("Content-Length: {length}\r\n\r\n");
    let chunked = "Transfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(65_536));
    for path in ["/graphql", "/v1/verify", "/oauth/token"] {
        let head = stage.head(&format!("POST {path}"));
        for (what, rest, part, expected) in [
            ("chunks for ever", chunked.to_owned(), chunk.as_str(), 413),
            ("an endless length", length("18000000000000000000"), chunk.as_str(), 413),
            ("a chunk as long as the world", format!("{chunked}ffffffffffffff\r\n"), chunk.as_str(), 413),
            ("a length of more than there is", length("18446744073709551616"), "", 400),
            ("a length below zero", length("-1"), "", 400),
            ("a chunk longer than there is", format!("{chunked}10000000000000000\r\n"), "", 400),
            ("a chunk's extension for ever", format!("{chunked}1;"), "eeeeeeeeeeeeeeee", 400),
            ("trailers for ever", format!("{chunked}0\r\n"), "x-trailer: y\r\n", 400),
        ] {
            let mut wire = stage.wire();
            wire.send((head.clone() + &rest).as_bytes());
            let since = Instant::now();
            while !part.is_empty() && wire.send_within(part.as_bytes(), Duration::from_secs(5)) == Stand::Open
            {
                assert!(since.elapsed() < Duration::from_secs(20), "{path}: {what} is taken for ever");
            }
            assert_eq!(wire.listen(Duration::from_secs(5)), Stand::Closed, "{path}: {what}");
            assert_eq!(wire.statuses(), [expected], "{path}: {what}: {:.300}", wire.heard());
            stage.grew_at_most(memory, 32, what);
        }
    }
    stage.others_are_answered("afterwards");
}

/// More large bodies than there is room for, all of them held back before their end.
#[test]
fn large_bodies_have_room_together_and_small_ones_always() {
    let stage = Stage::new(&[]);
    let (memory, files) = (stage.server.resident(), stage.open_files());
    let body = format!("{{\"query\": \"{{ hello }}\", \"variables\": {{\"x\": \"{}", "y".repeat(200_000));
    let head = stage.head("POST /graphql") + "Connection: close\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len() + 3);
    let mut wires: Vec<_> = (0..700).map(|_| stage.wire()).collect();
    for wire in &mut wires {
        wire.send(request.as_bytes());
    }
    std::thread::sleep(Duration::from_millis(500));
    stage.others_are_answered("seven hundred large bodies");
    stage.grew_at_most(memory, 250, "at most 512 of 200 KB and their buffers are kept");
    // Small bodies need no room; small is up to 16 KiB.
    let small = stage.admin().graphql("{ hello }", &json!({"unused": "n".repeat(10_000)}));
    assert_eq!(small.code(), None, "{}", small.text);
    let (mut answered, mut busy) = (0, 0);
    for wire in &mut wires {
        wire.send(b"\"}}");
    }
    for wire in &mut wires {
        wire.listen(Duration::from_secs(10));
        match wire.statuses().as_slice() {
            [503] => {
                busy += 1;
                assert!(wire.heard().contains("\"BUSY\""), "{}", wire.heard());
                assert!(wire.heard().contains("retry-after: 1\r\n"), "{}", wire.heard());
            }
            [200] => answered += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(answered >= 512 && busy >= 100, "{answered} were answered, {busy} found no room");
    drop(wires);
    stage.connections_are_gone(files, Duration::from_secs(10));
    let again = stage.admin().graphql("{ hello }", &json!({"unused": "z".repeat(200_000)}));
    assert_eq!(again.code(), None, "the room is free again: {}", again.text);
}

/// When there is no room for one more, it is told so at once, those that are there go on, and the idle ones make room.
#[test]
fn one_connection_too_many_is_told_to_come_back_and_soon_has_room() {
    let stage = Stage::new(&["--connections-max", "20"]);
    let files = stage.open_files();
    let used = stage.admin();
    assert_eq!(used.whoami().status, 200);
    let idle: Vec<_> = (0..40).map(|_| stage.wire()).collect();
    let began = Instant::now();
    let ask = stage.head("GET /v1/whoami") + "Connection: close\r\n\r\n";
    let (refused, stand) = Wire::exchange(stage.server.url(), ask.as_bytes(), Duration::from_secs(5));
    assert_eq!(
        (refused.statuses().as_slice(), stand),
        ([503].as_slice(), Stand::Closed),
        "{}",
        refused.heard()
    );
    assert!(
        refused.heard().contains("\"TOO_MANY_CONNECTIONS\"")
            && refused.heard().contains("retry-after: 5\r\n")
    );
    assert_eq!(used.whoami().status, 200, "who is there already is answered");
    loop {
        let (wire, _) = Wire::exchange(stage.server.url(), ask.as_bytes(), Duration::from_secs(5));
        if wire.statuses() == [200] {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(9), "the idle ones make no room");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(stage.server.log().contains("there is no room for another connection"));
    drop(idle);
    stage.connections_are_gone(files, Duration::from_secs(10));
    assert_eq!(stage.server.stop(), Some(0));
}

/// Stopping does not wait for those who only sit there.
#[test]
fn a_server_full_of_idle_connections_stops_at_once() {
    let stage = Stage::new(&[]);
    let mut wires: Vec<_> = (0..500).map(|_| stage.wire()).collect();
    for wire in wires.iter_mut().step_by(2) {
        wire.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
        wire.listen(Duration::from_millis(5));
    }
    let Stage { server, data, .. } = &stage;
    let since = Instant::now();
    server.ask_to_stop();
    for wire in &mut wires {
        assert_eq!(wire.listen(Duration::from_secs(8)), Stand::Closed);
    }
    assert!(since.elapsed() < Duration::from_secs(8), "it waited for {:?}", since.elapsed());
    let log = std::fs::read_to_string(data.with_extension("log")).unwrap();
    assert!(!log.contains("were still under way"), "{log}");
}

/// What follows an odd request on its connection is answered as a request of its own only if there is one way to read
/// where it begins.
#[test]
fn no_request_is_smuggled_in_another() {
    let stage = Stage::new(&[]);
    let smuggled = stage.head("GET /v1/whoami") + "\r\n";
    let body = r#"{"credential":"x"}"#;
    let post = stage.head("POST /v1/verify");
    let length = body.len();
    let chunks = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    let both = chunks.len() + smuggled.len();
    for (what, request, expected) in [
        ("a length", format!("{post}Content-Length: {length}\r\n\r\n{body}"), [200, 200].as_slice()),
        (
            "the same length twice",
            format!("{post}Content-Length: {length}\r\nContent-Length: {length}\r\n\r\n{body}"),
            &[200, 200],
        ),
        // Framed by chunks it is answered, and nothing after it is read.
        ("chunks", format!("{post}Transfer-Encoding: chunked\r\n\r\n{chunks}"), &[200]),
        (
            "a length, and chunks",
            format!("{post}Content-Length: {both}\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"),
            &[200],
        ),
        (
            "chunks, and a length",
            format!("{post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{chunks}"),
            &[200],
        ),
        ("a tab", format!("{post}Transfer-Encoding:\tchunked\r\n\r\n{chunks}"), &[200]),
        // Neither one thing nor the other.
        ("two lengths", format!("{post}Content-Length: {length}\r\nContent-Length: 5\r\n\r\n{body}"), &[400]),
        ("a list of lengths", format!("{post}Content-Length: {length}, {length}\r\n\r\n{body}"), &[400]),
        ("a sign", format!("{post}Content-Length: +{length}\r\n\r\n{body}"), &[400]),
        ("hexadecimal", format!("{post}Content-Length: 0x12\r\n\r\n{body}"), &[400]),
        ("no length", format!("{post}Content-Length: \r\n\r\n{body}"), &[400]),
        ("a space before the colon", format!("{post}Transfer-Encoding : chunked\r\n\r\n{chunks}"), &[400]),
        ("almost chunked", format!("{post}Transfer-Encoding: xchunked\r\n\r\n{chunks}"), &[400]),
        ("quoted", format!("{post}Transfer-Encoding: \"chunked\"\r\n\r\n{chunks}"), &[400]),
        ("a control before it", format!("{post}Transfer-Encoding: \x0bchunked\r\n\r\n{chunks}"), &[400]),
        ("chunked, then not", format!("{post}Transfer-Encoding: chunked, identity\r\n\r\n{chunks}"), &[400]),
        (
            "chunked, then not, on two lines",
            format!("{post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n{chunks}"),
            &[400],
        ),
        (
            "chunks in HTTP/1.0",
            format!("{}Transfer-Encoding: chunked\r\n\r\n{chunks}", post.replace("HTTP/1.1", "HTTP/1.0")),
            &[400],
        ),
        (
            "a folded line",
            format!("{post}X-A: b\r\n Content-Length: 5\r\nContent-Length: {length}\r\n\r\n{body}"),
            &[400],
        ),
        ("a folded value", format!("{post}Transfer-Encoding:\r\n chunked\r\n\r\n{chunks}"), &[400]),
        (
            "a line that ends with LF, and hides a length",
            format!("{post}X-A: b\nContent-Length: 5\r\nContent-Length: {length}\r\n\r\n{body}"),
            &[400],
        ),
        (
            "a line that ends with CR",
            format!("{post}X-A: b\rContent-Length: 5\r\nContent-Length: {length}\r\n\r\n{body}"),
            &[400],
        ),
        ("a NUL", format!("{post}X-A: b\0c\r\nContent-Length: {length}\r\n\r\n{body}"), &[400]),
        ("a NUL in a name", format!("{post}X-\0A: b\r\nContent-Length: {length}\r\n\r\n{body}"), &[400]),
        ("no colon", format!("{post}Content-Length\r\n\r\n{body}"), &[400]),
        ("a chunk that is none", format!("{post}Transfer-Encoding: chunked\r\n\r\nzz\r\n"), &[400]),
        (
            "a chunk that ends with LF",
            format!("{post}Transfer-Encoding: chunked\r\n\r\n12\n{body}\n0\n\n"),
            &[400],
        ),
        (
            "LF in an extension",
            format!("{post}Transfer-Encoding: chunked\r\n\r\n12;a\nb\r\n{body}\r\n0\r\n\r\n"),
            &[400],
        ),
        (
            "0x in a chunk",
            format!("{post}Transfer-Encoding: chunked\r\n\r\n0x12\r\n{body}\r\n0\r\n\r\n"),
            &[400],
        ),
        ("HTTP/0.9", "GET /livez\r\n".to_owned(), &[400]),
        ("HTTP/1.2", stage.head("GET /livez").replace("HTTP/1.1", "HTTP/1.2") + "\r\n", &[400]),
        ("HTTP/2, by its preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[]),
        (
            "a GET whose body is a request",
            format!("{}Content-Length: {}\r\n\r\n", stage.head("GET /livez"), smuggled.len()),
            &[200],
        ),
        (
            "HTTP/2, by upgrade",
            "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n".to_owned(),
            &[200, 200],
        ),
    ] {
        let sent = format!("{request}{smuggled}");
        let patience = Duration::from_millis(if expected.len() == 2 { 500 } else { 2_000 });
        let (wire, stand) = Wire::exchange(stage.server.url(), sent.as_bytes(), patience);
        assert_eq!(wire.statuses(), expected, "{what}: {}", wire.heard());
        let open = expected.len() == 2 || what.starts_with("a GET");
        assert_eq!(stand == Stand::Open, open, "{what}");
        let told = wire.heard().contains(&stage.made.user_id);
        assert_eq!(told, expected.len() == 2, "{what}: the second request was answered, or was not");
    }
}

/// RFC 9112, section 3.2: of two hosts, whoever stands in front may have read the other.
#[test]
fn a_request_names_one_host() {
    let stage = Stage::new(&[]);
    for (what, version, hosts, status) in [
        ("none", "1.1", &[][..], 400),
        ("two", "1.1", &["a", "b"], 400),
        ("twice the same", "1.1", &["a", "a"], 400),
        ("an empty one", "1.1", &[""], 400),
        ("a path", "1.1", &["a/b"], 400),
        ("two in one", "1.1", &["a, b"], 400),
        ("a port that is none", "1.1", &["a:b"], 400),
        ("a name", "1.1", &["keys.example.com"], 200),
        ("an address and a port", "1.1", &["[::1]:4200"], 200),
        ("none, in HTTP/1.0", "1.0", &[], 200),
        ("one, in HTTP/1.0", "1.0", &["a"], 200),
        ("two, in HTTP/1.0", "1.0", &["a", "b"], 400),
    ] {
        for path in ["/livez", "/v1/nowhere", "/graphql/schema.graphql"] {
            let hosts: String = hosts.iter().map(|host| format!("Host: {host}\r\n")).collect();
            let sent = format!("GET {path} HTTP/{version}\r\n{hosts}Connection: close\r\n\r\n");
            let (wire, _) = Wire::exchange(stage.server.url(), sent.as_bytes(), Duration::from_secs(5));
            let heard = wire.heard();
            let refused = heard.contains(" 400 Bad Request") && heard.contains("HOST_MALFORMED");
            assert_eq!(refused, status == 400, "{what}: {path}: {heard}");
        }
    }
}

#[test]
fn garbage_and_half_a_connection_get_what_they_are_due() {
    let stage = Stage::new(&[]);
    let files = stage.open_files();
    let ask = stage.head("GET /v1/whoami") + "\r\n";
    let binary: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let tls = [&[0x16, 3, 1, 0, 0xa5, 1, 0, 0, 0xa1, 3, 3][..], &[7; 160]].concat();
    for (what, bytes, expected) in [
        ("garbage", binary.clone(), [400].as_slice()),
        ("zeros", vec![0; 100_000], &[400]),
        ("TLS", tls, &[400]),
        ("two requests, then garbage", [ask.repeat(2).as_bytes(), &binary].concat(), &[200, 200, 400]),
    ] {
        let (wire, stand) = Wire::exchange(stage.server.url(), &bytes, Duration::from_secs(5));
        assert_eq!(
            (wire.statuses().as_slice(), stand),
            (expected, Stand::Closed),
            "{what}: {}",
            wire.heard()
        );
    }
    let post = stage.head("POST /v1/verify");
    for (what, sent, expected) in [
        ("half a head", ask[..40].to_owned(), [].as_slice()),
        ("half a body", format!("{post}Content-Length: 100\r\n\r\n{{"), &[400]),
        ("half a chunk", format!("{post}Transfer-Encoding: chunked\r\n\r\nff\r\n{{"), &[400]),
        ("nothing", String::new(), &[]),
    ] {
        let mut wire = stage.wire();
        wire.send(sent.as_bytes());
        wire.half_close();
        assert_eq!(wire.listen(Duration::from_secs(5)), Stand::Closed, "{what}");
        assert_eq!(wire.statuses(), expected, "{what}: {}", wire.heard());
    }
    // Whoever closes its side counts as gone: it is answered if the answer is there before that is seen.
    let mut wire = stage.wire();
    wire.send(ask.as_bytes());
    wire.half_close();
    assert_eq!(wire.listen(Duration::from_secs(5)), Stand::Closed);
    assert!(matches!(wire.statuses().as_slice(), [] | [200]), "{}", wire.heard());
    // Those who leave without a word leave nothing behind.
    for _ in 0..200 {
        stage.wire().send(&ask.as_bytes()[..60]);
    }
    stage.connections_are_gone(files, Duration::from_secs(5));
    stage.others_are_answered("afterwards");
}
