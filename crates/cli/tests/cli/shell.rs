//! What helps at a shell: completions and manual pages.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::scene::text;
use crate::support::{run, text as path_text};

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]);
        assert_eq!((script.code, script.err.as_str()), (0, ""));
        for word in ["service-account", "create-key", "switch-tenant", "--idempotency-key", "overlap"] {
            assert!(script.out.contains(word.trim_start_matches("--")), "{shell}: {word}");
        }
        assert_eq!(text(&run(&["completions", shell, "-o", "json"]).json(), "script"), script.out);
    }
    let ended = run(&["completions", "tcsh", "-o", "json"]);
    assert_eq!((ended.code, ended.error().0.as_str()), (2, "USAGE"));
    // The bash one is bash.
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("keyledger.bash");
    fs::write(&script, run(&["completions", "bash"]).out).unwrap();
    let complete = format!(
        ". '{}'; COMP_WORDS=(keyledger auth sw); COMP_CWORD=2; _keyledger keyledger sw auth; echo \"${{COMPREPLY[*]}}\"",
        path_text(&script)
    );
    let output = Command::new("bash").args(["-c", &complete]).output().unwrap();
    let completed = String::from_utf8(output.stdout).unwrap();
    assert!(completed.contains("switch-tenant"), "{completed} {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_command_has_a_manual_page_with_examples() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("man1");
    let said = run(&["man", "--to", path_text(&to)]);
    assert_eq!(said.code, 0, "{}", said.err);
    let pages: BTreeSet<String> =
        fs::read_dir(&to).unwrap().map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(said.out, format!("Wrote {} manual pages to {}\n", pages.len(), path_text(&to)));
    for page in ["keyledger.1", "keyledger-serve.1", "keyledger-auth-login.1", "keyledger-key-rotate.1"] {
        assert!(pages.contains(page), "{page} is not in {pages:?}");
    }
    assert!(!pages.iter().any(|page| page.contains("-help")), "{pages:?}");
    for page in &pages {
        let text = fs::read_to_string(to.join(page)).unwrap();
        let line = page.trim_end_matches(".1").replace('-', " ");
        assert!(text.contains(".SH EXAMPLES\n.nf\n") || line == "keyledger audit", "{line} has no examples");
        assert!(!text.contains("EXTRA"), "{line} has a section without a name");
    }
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let ended = run(&["man", "--to", path_text(&file), "-o", "json"]);
    assert_eq!((ended.code, ended.error().0.as_str()), (1, "FILE_FAILED"));
}
