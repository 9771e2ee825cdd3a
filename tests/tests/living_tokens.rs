//! How many tokens of a key live, from outside: whoever asks is told the same by every interface, before anything is done.

use keyledger_tests::client::{Client, encoded};
use keyledger_tests::server::keyledger;
use serde_json::{Value, json};

use crate::two_tenants::{TwoTenants, listed};
use crate::ui::Browser;

const FIELDS: &str = "tokens { living last_ends_at counted_since uncounted_until approximate }";

impl TwoTenants {
    fn tokens(&self, key: &str) -> Value {
        let found = self.ada().query("key", &format!("{{ key(key: {{id: \"{key}\"}}) {{ {FIELDS} }} }}"));
        found.unwrap()["tokens"].clone()
    }
}

fn instant(value: &Value) -> jiff::Timestamp {
    value.as_str().unwrap_or_else(|| panic!("{value} is no instant")).parse().unwrap()
}

/// `key { tokens }`, `keys`, `blast_radius`, `dry_run`
#[test]
fn a_token_is_counted_whichever_way_it_was_minted_and_told_before_the_key_is_stopped() {
    let world = TwoTenants::new();
    let none = world.tokens(&world.agent.id);
    assert_eq!((&none["living"], &none["last_ends_at"]), (&json!(0), &Value::Null));
    assert_eq!((&none["uncounted_until"], &none["approximate"]), (&Value::Null, &json!(true)));

    let before = jiff::Timestamp::now();
    let anonymous = Client::anonymous(world.server.url());
    let token = anonymous.token(&world.agent.secret);
    let form = [("grant_type", "client_credentials"), ("client_id", world.agent.id.as_str())];
    let form: Vec<_> = form.into_iter().chain([("client_secret", world.agent.secret.as_str())]).collect();
    let granted = anonymous.post("/oauth/token", "application/x-www-form-urlencoded", &encoded(&form));
    assert_eq!(granted.status, 200, "{}", granted.text);
    let switch = json!({"tenant_id": world.ada.tenant_id});
    world.agent().mutate("switch_tenant", &switch, "access_token").unwrap();
    anonymous.token(&world.bob.secret);
    let told = world.tokens(&world.agent.id);
    assert_eq!(told["living"], 3, "{told}");
    let life = instant(&told["last_ends_at"]).duration_since(before).as_secs();
    assert!((590..=660).contains(&life), "{told}: {life} s");
    assert_eq!(world.tokens(&world.bob.id)["living"], 1);

    // Every place tells the same.
    let keys = listed(&world.ada(), "keys", "", &format!("id {FIELDS}")).unwrap();
    assert_eq!(keys.iter().find(|key| key["id"] == *world.agent.id).unwrap()["tokens"], told);
    let radius = format!("{{ blast_radius(key: {{id: \"{}\"}}) {{ {FIELDS} }} }}", world.agent.id);
    assert_eq!(world.ada().query("blast_radius", &radius).unwrap()["tokens"], told);
    let dry = format!("dry_run {{ {FIELDS} keys {{ {FIELDS} }} }}");
    let asked = json!({"key_id": world.agent.id, "dry_run": true});
    let rehearsed = world.ada().mutate("delete_api_key", &asked, &dry).unwrap()["dry_run"].clone();
    assert_eq!((&rehearsed["tokens"], &rehearsed["keys"][0]["tokens"]), (&told, &told));
    let then = format!(
        "{{ key(key: {{id: \"{}\"}}, as_of: {{position: \"{}\"}}) {{ {FIELDS} }} }}",
        world.agent.id,
        world.position()
    );
    assert_eq!(
        world.ada().query("key", &then).unwrap()["tokens"],
        Value::Null,
        "of the past nothing is kept"
    );

    // People, too.
    let browser = Browser::at(world.server.url());
    assert_eq!(browser.sign_in(&world.ada.key).status, 303);
    let agent = format!("/ui/keys/{}", world.agent.id);
    for path in [agent.clone(), format!("{agent}/revoke"), format!("{agent}/rotate")] {
        let page = browser.page(&path);
        assert!(page.contains("3 tokens live now, the last until <time"), "{path}: {page}");
        assert!(!page.contains("They are counted since"), "{path}: all are counted");
    }
    let account = format!("/ui/accounts/{}/remove", world.account_id);
    assert!(browser.page(&account).contains("3 tokens live now, the last until <time"));
    let past = browser.page(&format!("{agent}?as_of={}", world.position()));
    assert!(!past.contains("tokens live"), "{past}");
    let key_file = world.data.with_file_name("ada.key");
    std::fs::write(&key_file, &world.ada.key).unwrap();
    let cli = |arguments: &[&str]| {
        let server = ["--url", world.server.url(), "--key-file", key_file.to_str().unwrap()];
        let output = keyledger(arguments.iter().chain(&server));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let words = format!("3, the last until {}", told["last_ends_at"].as_str().unwrap());
    for arguments in [
        &["key", "show", &world.agent.id][..],
        &["key", "blast-radius", &world.agent.id],
        &["key", "revoke", &world.agent.id, "--dry-run"],
    ] {
        let told = cli(arguments);
        assert!(told.contains(&words), "{arguments:?}: {told}");
    }

    // Revoked, they are refused here, and go on for whoever checks them alone.
    world.ada().mutate("delete_api_key", &json!({"key_id": world.agent.id}), "success").unwrap();
    assert_eq!(world.holding(&token).whoami().status, 401);
    assert_eq!(world.tokens(&world.agent.id)["living"], 3);
}

#[test]
fn after_a_restart_nobody_claims_to_know_what_was_minted_before() {
    let world = TwoTenants::new();
    Client::anonymous(world.server.url()).token(&world.agent.secret);
    let began = instant(&world.tokens(&world.agent.id)["counted_since"]);
    let world = world.restarted(|server| assert_eq!(server.stop(), Some(0)));
    let told = world.tokens(&world.agent.id);
    let since = instant(&told["counted_since"]);
    assert!(since > began, "{told}");
    assert_eq!(told["living"], 0);
    assert_eq!(instant(&told["uncounted_until"]).duration_since(since).as_secs(), 15 * 60);
    Client::anonymous(world.server.url()).token(&world.agent.secret);
    let browser = Browser::at(world.server.url());
    assert_eq!(browser.sign_in(&world.ada.key).status, 303);
    let page = browser.page(&format!("/ui/keys/{}/revoke", world.agent.id));
    assert!(page.contains("At least 1 token lives now, the last of these until <time"), "{page}");
    assert!(page.contains("They are counted since the server started"), "{page}");
}
