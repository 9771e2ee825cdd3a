//! The help texts, as people see them.

use crate::support::{Ended, keyledger, run};

fn help(arguments: &[&str]) -> String {
    let ended = run(arguments);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    ended.out
}

#[test]
fn of_everything() {
    insta::assert_snapshot!(help(&["help"]));
    assert_eq!(help(&["--help"]), help(&["help"]));
}

#[test]
fn of_init() {
    insta::assert_snapshot!(help(&["init", "--help"]));
}

#[test]
fn of_serve() {
    insta::assert_snapshot!(help(&["serve", "--help"]));
}

#[test]
fn of_set_up_link() {
    insta::assert_snapshot!(help(&["set-up-link", "--help"]));
}

#[test]
fn of_recover() {
    insta::assert_snapshot!(help(&["recover", "--help"]));
}

#[test]
fn of_audit() {
    insta::assert_snapshot!(help(&["audit", "--help"]));
}

#[test]
fn of_audit_show() {
    insta::assert_snapshot!(help(&["audit", "show", "--help"]));
}

#[test]
fn of_audit_verify() {
    insta::assert_snapshot!(help(&["audit", "verify", "--help"]));
}

#[test]
fn of_audit_export() {
    insta::assert_snapshot!(help(&["audit", "export", "--help"]));
}

#[test]
fn of_auth() {
    insta::assert_snapshot!(help(&["auth", "--help"]));
}

#[test]
fn of_auth_login() {
    insta::assert_snapshot!(help(&["auth", "login", "--help"]));
}

#[test]
fn of_auth_create_token() {
    insta::assert_snapshot!(help(&["auth", "create-token", "--help"]));
}

#[test]
fn of_key_create() {
    insta::assert_snapshot!(help(&["key", "create", "--help"]));
}

#[test]
fn of_service_account_create() {
    insta::assert_snapshot!(help(&["service-account", "create", "--help"]));
}

#[test]
fn of_token() {
    insta::assert_snapshot!(help(&["token", "--help"]));
}

#[test]
fn the_version_is_one_line() {
    let version = format!("keyledger {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(help(&["--version"]), version);
    assert_eq!(help(&["-V"]), version);
}

#[test]
fn values_of_the_environment_are_not_shown() {
    let shown = keyledger(&["serve", "--help"]).env("KEYLEDGER_DATA", "/somewhere/private").output().unwrap();
    assert_eq!(Ended::of(shown).out, help(&["serve", "--help"]));
}
