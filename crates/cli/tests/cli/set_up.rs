//! `set-up-link`: what it prints for people and for programs, and to which address the link leads.

use std::path::Path;

use authority::{Authority, Options};
use credentials::claims::Issuer;
use serde_json::Value;
use store::DataFolder;

use crate::support::{Ended, keyledger, run, text};

/// A data folder with an empty ledger, as `serve --set-up` begins one.
fn begun(data: &Path) {
    let issuer = Issuer::parse("http://localhost").unwrap();
    Authority::begin(Options::new(DataFolder::at(data), issuer)).unwrap();
}

#[test]
fn the_link_leads_to_where_a_browser_reaches_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    begun(&data);
    let link = |more: &[&str], variables: &[(&str, &str)]| {
        let arguments = [&["set-up-link", "-o", "json", "--data", text(&data)], more].concat();
        let ended = Ended::of(keyledger(&arguments).envs(variables.iter().copied()).output().unwrap());
        assert_eq!(ended.code, 0, "{}", ended.err);
        let said: Value = serde_json::from_str(&ended.out).unwrap();
        assert!(said["expires_at"].as_str().unwrap().ends_with('Z'), "{said}");
        said["url"].as_str().unwrap().split_once("/ui/set-up?code=").map(|(to, _)| to.to_owned()).unwrap()
    };
    let (issuer, listen) =
        (("KEYLEDGER_ISSUER", "https://keys.example.com"), ("KEYLEDGER_LISTEN", "[::1]:80"));
    for (more, variables, to) in [
        (&[][..], &[][..], "http://127.0.0.1:4200"),
        (&["--listen", "0.0.0.0:8080"], &[], "http://localhost:8080"),
        (&[], &[listen], "http://[::1]:80"),
        (&[], &[issuer, listen], "https://keys.example.com"),
        (&["--address", "http://localhost:9"], &[issuer], "http://localhost:9"),
    ] {
        assert_eq!(link(more, variables), to, "{more:?} {variables:?}");
    }
}

#[test]
fn people_are_told_how_long_it_counts_and_what_to_put_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    begun(&data);
    let said = |more: &[&str]| run(&[&["set-up-link", "--data", text(&data)], more].concat());
    let ended = said(&["--set-up-life", "1m"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    assert!(ended.out.starts_with("Open this link within 1 minute, and once."), "{}", ended.out);
    assert!(ended.out.contains("\n  http://127.0.0.1:4200/ui/set-up?code="), "{}", ended.out);
    let ended = said(&["--listen", "0.0.0.0:4200"]);
    assert!(ended.out.contains("within 15 minutes"), "{}", ended.out);
    assert!(ended.out.contains("which is no address for a browser"), "{}", ended.out);
    let ended = said(&["--set-up-life", "2d"]);
    assert_eq!(ended.code, 2, "{}", ended.err);
    assert!(ended.err.contains("give 1 second to 1 day"), "{}", ended.err);
}
