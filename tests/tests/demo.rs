//! The demo's own promises: its story holds, a wrong expectation fails it, and no process outlives it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const STORY: &str = include_str!("../../fixtures/demo.story.toml");

/// What a run of the demo left behind.
struct Played {
    code: Option<i32>,
    told: String,
    complaint: String,
    scratch: tempfile::TempDir,
}

/// Runs the demo as `make demo` does, but with its scratch folder in ours.
fn play(story: Option<&str>) -> Played {
    let scratch = tempfile::tempdir().expect("scratch is writable");
    let folder = scratch.path().join("tmp");
    std::fs::create_dir(&folder).expect("scratch is writable");
    let mut demo = Command::new(env!("CARGO_BIN_EXE_demo"));
    demo.env("TMPDIR", &folder).env_remove("DEMO_KEEP").stdin(Stdio::null());
    if let Some(story) = story {
        let file = scratch.path().join("story.toml");
        std::fs::write(&file, story).expect("scratch is writable");
        demo.arg(file);
    }
    let output = demo.output().expect("the demo runs");
    let text = |bytes| String::from_utf8(bytes).expect("the demo writes text");
    let (told, complaint) = (text(output.stdout), text(output.stderr));
    let played = Played { code: output.status.code(), told, complaint, scratch };
    assert_eq!(played.children_left(), Vec::<String>::new());
    assert!(!played.told.contains('\x1b'), "colours without a terminal");
    played
}

impl Played {
    /// Every child inherits our name for the scratch folder.
    fn children_left(&self) -> Vec<String> {
        let mark = self.scratch.path().to_string_lossy().into_owned();
        let processes = std::fs::read_dir("/proc")
            .expect("Linux has /proc")
            .filter_map(Result::ok)
            .map(|entry| entry.path());
        let read = |path: &Path, name| std::fs::read(path.join(name)).unwrap_or_default();
        let ours = |path: &PathBuf| String::from_utf8_lossy(&read(path, "environ")).contains(&mark);
        let named = |path: PathBuf| String::from_utf8_lossy(&read(&path, "cmdline")).replace('\0', " ");
        processes.filter(ours).map(named).collect()
    }

    fn kept(&self) -> Vec<PathBuf> {
        let kept = std::fs::read_dir(self.scratch.path().join("tmp")).expect("it was made");
        kept.map(|entry| entry.expect("it can be listed").path()).collect()
    }

    /// The rows of the table that failed, without their padding.
    fn failed(&self) -> Vec<Vec<&str>> {
        let failed = self.told.lines().filter(|line| line.ends_with("| FAILED"));
        failed.map(|line| line.split(" | ").map(str::trim).collect()).collect()
    }

    /// It failed, said where it left its folder, and left it.
    fn assert_failed(&self) {
        assert_eq!(self.code, Some(1), "{}{}", self.told, self.complaint);
        let [kept] = self.kept().try_into().expect("one folder is kept");
        assert!(self.told.contains(&format!("kept: {}", kept.display())), "{}", self.told);
        assert!(kept.join("data/ledger.redb").exists());
    }
}

/// The story's chapters with these numbers.
fn chapters(numbers: &[usize]) -> String {
    let parts: Vec<_> = STORY.split("[[chapter]]").collect();
    let chosen = numbers.iter().map(|number| format!("[[chapter]]{}", parts[*number]));
    parts[0].to_owned() + &chosen.collect::<String>()
}

fn replaced(story: &str, what: &str, by: &str) -> String {
    assert!(story.contains(what), "the story changed: no {what}");
    story.replace(what, by)
}

/// The whole story, against a real server with real agents.
#[test]
fn the_story_holds_and_leaves_nothing_behind() {
    let played = play(None);
    assert_eq!(played.code, Some(0), "{}{}", played.told, played.complaint);
    assert!(played.told.trim_end().ends_with(" passed, 0 failed"), "{}", played.told);
    assert_eq!(played.failed(), Vec::<Vec<&str>>::new());
    assert_eq!(played.kept(), Vec::<PathBuf>::new());
}

#[test]
fn another_code_than_expected_fails_it() {
    let story = replaced(&chapters(&[1, 2, 4]), "KEY_REVOKED", "KEY_EXPIRED");
    let played = play(Some(&story));
    played.assert_failed();
    for what in ["`etl` polls with its key", "`etl` asks for another JWT", "`etl` polls with the JWT it has"]
    {
        let row = vec![what, "KEY_EXPIRED at poll 1", "KEY_REVOKED at poll 1", "FAILED"];
        assert!(played.failed().contains(&row), "{}", played.told);
    }
    assert!(played.told.contains(", 3 failed\n"), "{}", played.told);
}

#[test]
fn an_agent_that_goes_on_being_accepted_fails_it() {
    let revoke = r#"{ do = "revoke_key", by = "ada", key = "etl-key", reason = "key_compromise" },"#;
    let played = play(Some(&replaced(&chapters(&[1, 2, 4]), revoke, "")));
    played.assert_failed();
    let failed = played.failed();
    let accepted = failed.iter().find(|row| row[0] == "accepted after the acknowledgement: `etl`");
    let accepted = accepted.unwrap_or_else(|| panic!("{}", played.told));
    assert_eq!(accepted[1], "0");
    assert!(!accepted[2].starts_with("0 "), "{accepted:?}");
}

#[test]
fn somebody_else_s_role_or_tenant_s_things_fail_it() {
    let role = r#"who = "bob", tenant = "globex", role = "administrator""#;
    let story = replaced(&chapters(&[1, 2, 3]), role, &role.replace("administrator", "member"));
    let story = replaced(&story, r#"nothing_seen", by = "bob""#, r#"nothing_seen", by = "ada""#);
    let played = play(Some(&story));
    played.assert_failed();
    let failed = played.failed();
    let what: Vec<_> = failed.iter().map(|row| row[0]).collect();
    assert_eq!(what, ["whoami of `bob`", "ids and names of `acme` found by `ada`"], "{}", played.told);
}

/// Nothing after it is played, the table comes all the same, and the agent that ran is gone.
#[test]
fn a_step_that_cannot_be_carried_out_fails_it() {
    let story = replaced(&chapters(&[1, 2, 4]), "key_compromise", "a_whim");
    let played = play(Some(&story));
    played.assert_failed();
    let failed = played.failed();
    assert_eq!(failed.len(), 1, "{}", played.told);
    assert!(failed[0][0].starts_with("a step of `4."), "{failed:?}");
    assert!(played.told.contains("2 passed, 1 failed"), "{}", played.told);
}

#[test]
fn a_malformed_story_is_not_begun() {
    for (story, complaint) in [
        (chapters(&[1, 4]), "no key is called `etl-key` yet"),
        (replaced(STORY, "\"verify_log\"", "\"polish_log\""), "unknown variant `polish_log`"),
        (replaced(STORY, "within_polls = 1", "within_seconds = 1"), "unknown field `within_seconds`"),
    ] {
        let played = play(Some(&story));
        assert_eq!(played.code, Some(2), "{}", played.complaint);
        assert!(played.complaint.contains(complaint), "{}", played.complaint);
        assert_eq!(played.told, "");
        assert_eq!(played.kept(), Vec::<PathBuf>::new());
    }
}
