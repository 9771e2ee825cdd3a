//! The invariants of the design that no compiler checks: arrows, names with one home, fixtures, documented paths.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use store::codec::event_type::EventType;
use toml::{Table, Value};

/// The rooms, and on which others each depends: the whole list.
const ARROWS: [(&str, &[&str]); 7] = [
    ("domain", &[]),
    ("credentials", &["domain"]),
    ("store", &["domain"]),
    ("authority", &["domain", "credentials", "store"]),
    ("server", &["domain", "credentials", "authority"]),
    ("replay", &["domain", "store", "credentials"]),
    ("cli", &["domain", "credentials", "store", "authority", "server", "replay"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the repository").to_owned()
}

/// The files under a folder, by path from the root; built and hidden ones left out.
fn files_under(folder: &str) -> Vec<String> {
    let mut found = vec![];
    for entry in fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}")) {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if name == "target" || name == ".git" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() { found.extend(files_under(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn manifest(room: &str) -> Table {
    read(&format!("crates/{room}/Cargo.toml")).parse().unwrap_or_else(|error| panic!("{room}: {error}"))
}

/// The names in a section of dependencies, of every target.
fn dependencies(manifest: &Table, section: &str) -> BTreeSet<String> {
    let names = |table: &Table| {
        let listed = table.get(section).and_then(Value::as_table);
        listed.into_iter().flat_map(Table::keys).cloned().collect::<BTreeSet<_>>()
    };
    let targets = manifest.get("target").and_then(Value::as_table);
    let of_targets = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table).flat_map(names);
    names(manifest).into_iter().chain(of_targets).collect()
}

fn rooms() -> BTreeSet<String> {
    ARROWS.iter().map(|(room, _)| (*room).to_owned()).collect()
}

/// What a room reaches over arrows.
fn reached(room: &str) -> BTreeSet<String> {
    let (_, next) = ARROWS.iter().find(|(known, _)| *known == room).expect("a room");
    next.iter().flat_map(|next| reached(next).into_iter().chain([(*next).to_owned()])).collect()
}

/// A room's sources as they are built: without comments, and without unit tests, which stand at the bottom.
fn code_of(room: &str) -> BTreeMap<String, String> {
    let sources = files_under(&format!("crates/{room}/src"));
    let rust = sources.into_iter().filter(|path| path.ends_with(".rs"));
    rust.map(|path| {
        let text = read(&path);
        let built = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let lines = built.lines().filter(|line| !line.trim_start().starts_with("//"));
        (path, lines.collect::<Vec<_>>().join("\n"))
    })
    .collect()
}

/// Whether the code names this as a word of its own.
fn names(code: &str, word: &str) -> bool {
    let part_of_a_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + word.len()..]);
        !before.ends_with(part_of_a_word) && !after.starts_with(part_of_a_word)
    })
}

#[test]
fn the_workspace_has_the_rooms_of_the_design_and_no_others() {
    let found = fs::read_dir(root().join("crates")).unwrap();
    let found: BTreeSet<_> = found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, rooms());
    let members = read("Cargo.toml").parse::<Table>().unwrap()["workspace"]["members"].clone();
    assert_eq!(members, Value::from(vec!["bench", "crates/*", "tests"]));
}

#[test]
fn the_arrows_are_those_of_the_design() {
    let aliases: Table = read("Cargo.toml").parse().unwrap();
    let aliases = aliases["workspace"]["dependencies"].as_table().unwrap();
    for (room, arrows) in ARROWS {
        let manifest = manifest(room);
        let direct: BTreeSet<_> =
            dependencies(&manifest, "dependencies").intersection(&rooms()).cloned().collect();
        let expected: BTreeSet<_> = arrows.iter().map(|room| (*room).to_owned()).collect();
        assert_eq!(direct, expected, "{room} depends on other rooms than the design says");
        for section in ["dev-dependencies", "build-dependencies"] {
            for inner in dependencies(&manifest, section).intersection(&rooms()) {
                assert!(
                    reached(room).contains(inner),
                    "{room}: {inner} in [{section}] is against the arrows"
                );
            }
        }
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, value) in manifest.get(section).and_then(Value::as_table).into_iter().flatten() {
                let own_path = value.get("path").is_some()
                    || value.get("git").is_some()
                    || value.get("package").is_some();
                assert!(!own_path, "{room}: {name} goes around the list of the workspace");
            }
        }
    }
    for (name, value) in aliases.iter().filter(|(_, value)| value.get("path").is_some()) {
        assert_eq!(value["path"].as_str(), Some(format!("crates/{name}").as_str()));
    }
}

#[test]
fn names_that_have_one_home_are_named_nowhere_else() {
    let anywhere = |dependency: &str| -> BTreeSet<String> {
        let named = |room: &&str| {
            let manifest = manifest(room);
            dependencies(&manifest, "dependencies").contains(dependency)
        };
        ARROWS.iter().map(|(room, _)| *room).filter(named).map(str::to_owned).collect()
    };
    for (dependency, home) in [
        ("redb", "store"),
        ("bincode", "store"),
        ("axum", "server"),
        ("juniper", "server"),
        ("tokio", "server"),
        ("getrandom", "authority"),
    ] {
        assert_eq!(anywhere(dependency), BTreeSet::from([home.to_owned()]), "who depends on {dependency}");
    }
    for (room, _) in ARROWS {
        for (path, code) in code_of(room) {
            for (word, home) in [
                ("redb::", "crates/store/"),
                ("bincode", "crates/store/src/codec"),
                ("axum", "crates/server/"),
                ("juniper", "crates/server/"),
                ("tokio", "crates/server/"),
            ] {
                let word_alone = word.trim_end_matches("::");
                let used =
                    names(&code, &format!("{word_alone}::")) || names(&code, &format!("use {word_alone}"));
                assert!(!used || path.starts_with(home), "{path} names {word_alone}, whose home is {home}");
            }
            let waits =
                ["async fn", "async move", "async {", ".await"].iter().any(|word| code.contains(word));
            assert!(!waits || room == "server", "{path} waits; only the server does");
        }
    }
}

#[test]
fn the_domain_derives_no_serialisation_and_does_nothing_but_compute() {
    let allowed = BTreeSet::from(["thiserror".to_owned(), "uuid".to_owned()]);
    assert_eq!(dependencies(&manifest("domain"), "dependencies"), allowed);
    for (path, code) in code_of("domain") {
        for word in [
            "serde",
            "Serialize",
            "Deserialize",
            "std::fs",
            "std::io",
            "std::net",
            "std::thread",
            "std::env",
            "Instant",
            "Mutex",
            "HashMap",
        ] {
            assert!(!names(&code, word), "{path} names {word}");
        }
    }
}

/// `crates/authority/src/clock.rs` and `crates/authority/src/entropy.rs`
#[test]
fn time_and_randomness_enter_at_one_place_each() {
    let mut entrances = BTreeSet::new();
    for (room, _) in ARROWS {
        for (path, code) in code_of(room) {
            let clocks = [
                "SystemTime",
                "UNIX_EPOCH",
                "Timestamp::now",
                "Zoned::now",
                "Utc::now",
                "now_v7",
                "CLOCK_REALTIME",
            ];
            let dice = ["getrandom", "rand", "OsRng", "thread_rng", "Uuid::new_v4", "fastrand"];
            for word in clocks.iter().chain(&dice) {
                if names(&code, word) {
                    entrances.insert(path.clone());
                }
            }
        }
    }
    let expected = ["crates/authority/src/clock.rs", "crates/authority/src/entropy.rs"];
    assert_eq!(entrances, expected.map(str::to_owned).into());
}

#[test]
fn events_are_matched_by_name_in_every_room_that_interprets_them() {
    for room in ["domain", "store", "replay"] {
        let lint = &manifest(room)["lints"]["clippy"]["wildcard_enum_match_arm"];
        assert_eq!(lint.as_str(), Some("deny"), "{room}");
        for (path, code) in code_of(room) {
            assert!(!code.contains("allow(clippy::wildcard_enum_match_arm"), "{path}");
            for exception in code.split("expect(clippy::wildcard_enum_match_arm").skip(1) {
                assert!(
                    exception.trim_start().starts_with(", reason"),
                    "{path}: an exception gives its reason"
                );
            }
        }
    }
    let only_evolve = |path: &str| path.starts_with("crates/domain/src/evolve");
    for (path, code) in code_of("domain").into_iter().chain(code_of("store")).chain(code_of("authority")) {
        let makes_rows = code.contains("Change::Membership(") && code.contains("Event::MemberRemoved");
        assert!(!makes_rows || only_evolve(&path), "{path} interprets events; only evolve does");
    }
}

/// `fixtures/records`: the golden bytes of every event type in every version.
#[test]
fn every_event_tag_and_version_has_its_fixture() {
    let fixtures = files_under("fixtures/records");
    for event_type in EventType::ALL {
        for version in 1..=event_type.version() {
            let path = format!("fixtures/records/{}-{event_type}.v{version}.hex", event_type.tag());
            assert!(fixtures.contains(&path), "{path} is missing");
        }
    }
    for path in &fixtures {
        let name = path.rsplit('/').next().unwrap();
        let (tag, rest) = name.split_once('-').unwrap_or_else(|| panic!("{path} names no tag"));
        let event_type = tag.parse().ok().and_then(EventType::from_tag);
        let event_type = event_type.unwrap_or_else(|| panic!("{path} is of no event type"));
        let version = rest.strip_prefix(&format!("{event_type}.v")).and_then(|rest| rest.split('.').next());
        let version = version.and_then(|version| version.parse::<u16>().ok());
        assert!(version.is_some_and(|version| (1..=event_type.version()).contains(&version)), "{path}");
        let digits = read(path).chars().filter(|c| c.is_ascii_hexdigit()).count();
        assert!(digits > 100, "{path} holds a record");
    }
}

/// Every document: those at the root, and all under `docs/`.
fn documents() -> Vec<String> {
    let at_root =
        fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    at_root.chain(files_under("docs")).filter(|path| path.ends_with(".md")).collect()
}

/// Paths in back-ticks, and the targets of links: both beyond fenced blocks only.
fn paths_named(text: &str) -> Vec<String> {
    let prose: Vec<&str> = text.split("\n```").step_by(2).collect();
    let prose = prose.join("\n");
    let ticked = prose.split('`').skip(1).step_by(2).map(str::to_owned);
    ticked.filter(|word| !word.contains(char::is_whitespace)).collect()
}

fn links(text: &str) -> Vec<String> {
    let prose: Vec<&str> = text.split("\n```").step_by(2).collect();
    let prose = prose.join("\n");
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next().map(str::to_owned));
    targets.filter(|target| !target.contains("://") && !target.starts_with(['#', '<'])).collect()
}

/// A path of this repository, by its look: it begins with one of its folders, or ends like one of its files.
fn looks_like_ours(word: &str, all: &[String]) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-*".contains(c);
    if word.starts_with(['/', '-', '.']) || !word.chars().all(plain) {
        return false;
    }
    let first = word.split('/').next().unwrap_or_default();
    let folder = word.contains('/') && all.iter().any(|path| path.starts_with(&format!("{first}/")));
    let room = word.contains('/') && ARROWS.iter().any(|(room, _)| *room == first);
    folder || room || word.ends_with(".rs") || word.ends_with(".md")
}

#[test]
fn the_paths_that_documents_name_exist() {
    let all = files_under("");
    let documents = documents();
    assert!(!documents.is_empty());
    let mut looked_at = 0;
    for document in &documents {
        let text = read(document);
        for word in paths_named(&text) {
            let word = word.trim_end_matches('/');
            if !looks_like_ours(word, &all) {
                continue;
            }
            looked_at += 1;
            // Of a pattern, what stands before its first star; of a path within a room, the room's.
            let before = word.split('*').next().unwrap_or_default();
            let begins = |path: &String| {
                path == before
                    || path.starts_with(before) && (before != word || path[before.len()..].starts_with('/'))
            };
            let within = |path: &String| {
                let inner = [format!("crates/{before}"), format!("/{before}")];
                path == &inner[0] || path.starts_with(&format!("{}/", inner[0])) || path.ends_with(&inner[1])
            };
            assert!(
                all.iter().any(|path| begins(path) || within(path)),
                "{document} names `{word}`, which is not there"
            );
        }
        let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
        for target in links(&text) {
            looked_at += 1;
            let target = target.split('#').next().unwrap_or_default();
            assert!(
                root().join(folder).join(target).exists(),
                "{document} links to {target}, which is not there"
            );
        }
    }
    assert!(looked_at > 0, "documents name paths");
}

#[test]
fn every_source_file_says_first_what_it_is() {
    let sources = files_under("crates").into_iter().chain(files_under("tests"));
    for path in sources.filter(|path| path.ends_with(".rs")) {
        let text = read(&path);
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("//! ") && first.len() > 8, "{path} begins with {first:?}");
        assert!(!path.ends_with("/mod.rs"), "{path}: modules are foo.rs and foo/");
    }
}

/// Texts that would tie the project to somebody's machine. Put together here, so that this file has none.
#[test]
fn nothing_names_a_machine_on_which_it_was_written() {
    let forbidden = [
        concat!("/wo", "rk/"),
        concat!("/ho", "me/"),
        concat!("/tmp/ba", "sh_jobs"),
        concat!("index.cra", "tes.io"),
        concat!("static.cra", "tes.io"),
        concat!("pypi", ".org"),
        concat!("registry.npm", "js.org"),
        concat!("proxy.gol", "ang.org"),
    ];
    let listed = [concat!("registry+https://github.com/rust-lang/cra", "tes.io-index")];
    for path in files_under("") {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        for text in
            text.lines().filter(|line| path != "Cargo.lock" || !listed.iter().any(|it| line.contains(it)))
        {
            for word in forbidden {
                assert!(!text.contains(word), "{path} names {word}: {text:.200}");
            }
        }
    }
}

/// docs/threat-model.md names the test that holds each attempt.
#[test]
fn every_attempt_of_the_threat_model_is_held_by_a_test() {
    let document = read("docs/threat-model.md");
    let table = document.split("## What was tried").nth(1).expect("it lists the attempts");
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let sources: Vec<String> = ["tests/tests", "crates"]
        .iter()
        .flat_map(|folder| files_under(folder))
        .filter(|path| path.ends_with(".rs"))
        .map(|path| read(&path))
        .collect();
    let mut attempts = 0;
    for row in rows {
        let held_by = row.trim_end_matches('|').rsplit('|').next().expect("a row has two columns");
        let tests: Vec<&str> = held_by.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "nothing holds: {row}");
        for test in tests {
            let declared = format!("#[test]\nfn {test}(");
            assert!(sources.iter().any(|source| source.contains(&declared)), "no test is called {test}");
        }
        attempts += 1;
    }
    assert!(attempts > 25, "{attempts} attempts");
}
