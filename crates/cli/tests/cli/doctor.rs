//! `doctor`: a healthy deployment passes, and each thing that is wrong is found.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::Value;

use crate::server::Server;
use crate::support::{Deployment, Ended, text};

/// The level and the detail of a check.
fn check(ended: &Ended, name: &str, level: &str) -> String {
    let json = ended.json();
    let checks = json["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name && check["level"] == level);
    let found: &Value = found.unwrap_or_else(|| panic!("no check {name} is {level}: {json:#}"));
    assert_eq!(found["next"].is_null(), level == "ok", "{found}");
    found["detail"].as_str().unwrap().to_owned()
}

fn doctor(deployment: &Deployment, more: &[&str]) -> Ended {
    deployment.run(&[&["doctor", "-o", "json"], more].concat())
}

#[test]
fn a_healthy_deployment_passes_at_rest_and_in_service() {
    let deployment = Deployment::new();
    let ended = doctor(&deployment, &[]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    for name in ["configuration", "permissions", "ledger", "clock", "pepper", "master key", "names"] {
        check(&ended, name, "ok");
    }
    let server = Server::start(&deployment, &[]);
    let url = server.line.trim_end().strip_prefix("listening on ").unwrap().to_owned();
    let ended = doctor(&deployment, &["--url", &url]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    for name in ["ledger", "reachable", "ready", "server's clock", "proxy"] {
        check(&ended, name, "ok");
    }
    assert_eq!(server.stop("-TERM").0, 0);
    let ended = doctor(&deployment, &["--url", &url]);
    assert_eq!(ended.code, 1);
    check(&ended, "reachable", "fail");
}

#[test]
fn open_permissions_and_lost_secrets_fail() {
    let deployment = Deployment::new();
    let data = deployment.data();
    let pepper = data.join("secrets/pepper");
    fs::set_permissions(&pepper, Permissions::from_mode(0o644)).unwrap();
    let ended = doctor(&deployment, &[]);
    assert_eq!(ended.code, 1);
    assert!(check(&ended, "permissions", "fail").contains("mode 644"));
    fs::write(&pepper, format!("01890a5d-ac96-774b-bcce-b302099a8057 {}\n", "ab".repeat(32))).unwrap();
    assert!(check(&doctor(&deployment, &[]), "pepper", "fail").contains("were digested under"));
    fs::write(data.join("secrets/master.key"), format!("{}\n", "ab".repeat(32))).unwrap();
    assert!(check(&doctor(&deployment, &[]), "master key", "fail").contains("private signing key"));
    fs::remove_file(data.join("secrets/subjects")).unwrap();
    check(&doctor(&deployment, &[]), "names", "fail");
    fs::remove_file(data.join("guard")).unwrap();
    check(&doctor(&deployment, &[]), "guard's place", "fail");
}

/// A secret may be kept elsewhere, by an option or behind a link: there others must not get at it, either.
#[test]
fn open_secrets_are_found_behind_links_and_where_options_point() {
    let deployment = Deployment::new();
    let secrets = deployment.data().join("secrets");
    let elsewhere = deployment.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let mode = |file: &Path, mode| fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
    for (name, option) in [("pepper", "--pepper-file"), ("master.key", "--master-key-file")] {
        let (usual, kept) = (secrets.join(name), elsewhere.join(name));
        fs::rename(&usual, &kept).unwrap();
        mode(&kept, 0o600);
        let by_option = [option, text(&kept)];
        assert_eq!(doctor(&deployment, &by_option).code, 0, "{name} is where it is said to be");
        mode(&kept, 0o640);
        let said = check(&doctor(&deployment, &by_option), "permissions", "fail");
        assert!(said.starts_with(&format!("{} has mode 640", kept.display())), "{said}");

        // A link says nothing of who may read what is behind it: its own mode is 777.
        symlink(&kept, &usual).unwrap();
        let said = check(&doctor(&deployment, &[]), "permissions", "fail");
        assert!(said.contains(&format!("{} has mode 640", usual.display())), "{said}");
        mode(&kept, 0o600);
        assert_eq!(doctor(&deployment, &[]).code, 0, "{name} behind a link, and its owner's alone");
    }
}

#[test]
fn a_rolled_back_or_missing_ledger_fails() {
    let deployment = Deployment::new();
    let guard = deployment.data().join("guard");
    let seen = fs::read_to_string(&guard).unwrap();
    fs::write(&guard, seen.replace("position 6", "position 7")).unwrap();
    assert!(check(&doctor(&deployment, &[]), "ledger", "fail").starts_with("guard: "));
    fs::remove_file(deployment.data().join("ledger.redb")).unwrap();
    let ended = doctor(&deployment, &[]);
    assert_eq!(ended.code, 1);
    assert!(check(&ended, "ledger", "fail").contains("there is no ledger"));
}

#[test]
fn unknown_settings_are_a_finding_among_the_others() {
    let deployment = Deployment::new();
    let config = deployment.folder.path().join("config.toml");
    fs::write(&config, "lisden = \"127.0.0.1:1\"\ntoken_life = \"1h\"\n").unwrap();
    let ended = doctor(&deployment, &["--config", text(&config)]);
    assert_eq!(ended.code, 1);
    assert!(check(&ended, "configuration", "fail").contains("did you mean listen?"));
    check(&ended, "ledger", "ok");
}
