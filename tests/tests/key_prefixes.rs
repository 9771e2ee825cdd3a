//! How keys begin is a setting of the deployment; keys from before a change of it go on being accepted.

use keyledger_tests::client::Client;
use keyledger_tests::server::{Server, init, keyledger};
use serde_json::json;

#[test]
fn keys_begin_as_the_deployment_says_and_older_ones_are_accepted() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let made = init(&data, "acme", "ada@example.com");
    assert!(made.key.starts_with("klu_"), "the default is ours");
    let prefixes = ["--user-key-prefix", "pnu", "--service-account-key-prefix", "pnb"];
    let server = Server::start_with(&data, &prefixes);
    let ada = Client::holding(server.url(), &made.key);
    assert_eq!(ada.whoami().status, 200, "a key from before is accepted");
    let input = json!({"user_id": made.user_id, "name": "laptop"});
    let user = ada.mutate("create_api_key", &input, "key").unwrap()["key"].as_str().unwrap().to_owned();
    let bots = format!("/api/accounts/{}/bots/", made.tenant_id);
    let bot = ada.post(&bots, "application/json", r#"{"name": "agent"}"#).json();
    let bot = bot["api_key"]["key"].as_str().unwrap().to_owned();
    assert!(user.starts_with("pnu_") && bot.starts_with("pnb_"), "{user} {bot}");
    let listed = ada.query("auth_api_key", "{ auth_api_key { name prefix } }").unwrap();
    assert!(listed.as_array().unwrap().iter().any(|key| key["prefix"] == "pnb"), "{listed}");
    // A typo is told from an attack, whatever the prefix.
    let other = if user.ends_with('x') { 'y' } else { 'x' };
    let mistyped = format!("{}{other}", &user[..user.len() - 1]);
    assert_eq!(Client::holding(server.url(), &mistyped).whoami().code().as_deref(), Some("KEY_MISTYPED"));
    // And back again.
    assert_eq!(server.stop(), Some(0));
    let server = Server::start(&data);
    for key in [&made.key, &user, &bot] {
        assert_eq!(Client::holding(server.url(), key).whoami().status, 200);
    }
}

#[test]
fn the_first_key_begins_so_too_and_a_malformed_prefix_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let folder = data.to_str().unwrap();
    let asked = ["init", "--data", folder, "--tenant", "acme", "--admin", "ada@example.com", "-o", "json"];
    for bad in ["p", "PNU", "1pn", "pnu_", "pn-u", "waytoolongforone", ""] {
        let ended = keyledger([&asked[..], &["--user-key-prefix", bad]].concat());
        assert_eq!(ended.status.code(), Some(2), "{bad}");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.contains("2 to 12 lower-case letters and digits"), "{bad}: {said}");
    }
    let ended = keyledger([&asked[..], &["--user-key-prefix", "pnu"]].concat());
    let made: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert!(made["key"].as_str().unwrap().starts_with("pnu_"), "{made}");
}
