//! The main job: keys are made, used, exchanged and refused.

use keyledger_tests::client::Client;
use keyledger_tests::server::{Server, init};
use serde_json::json;

/// `POST /graphql`, `GET /v1/whoami`, `POST /oauth/token`: a service account's life.
#[test]
fn an_agent_works_until_its_key_is_revoked_and_not_one_request_longer() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let made = init(&data, "acme", "ada@example.com");
    let server = Server::start(&data);
    let admin = Client::holding(server.url(), &made.key);

    let who = admin.whoami();
    assert_eq!(who.status, 200, "{}", who.text);
    assert_eq!(who.json()["id"], made.user_id.as_str());
    assert_eq!(who.json()["role"], "administrator");
    assert_eq!(who.json()["tenant_id"], made.tenant_id.as_str());

    let account = json!({"tenant_id": made.tenant_id, "name": "etl-agent", "role": "runner"});
    let account = admin.mutate("create_service_account", &account, "id role").unwrap();
    let key = json!({"user_id": account["id"], "name": "etl", "expires_at": null});
    let key = admin.mutate("create_api_key", &key, "id key token").unwrap();
    assert_eq!(key["key"], key["token"]);
    let agent = Client::holding(server.url(), key["key"].as_str().unwrap());
    assert_eq!(agent.whoami().json()["kind"], "service_account");
    let token = Client::anonymous(server.url()).token(key["key"].as_str().unwrap());
    let by_token = Client::holding(server.url(), &token);
    assert_eq!(by_token.whoami().json()["role"], "runner");

    let revoked = admin.mutate("delete_api_key", &json!({"key_id": key["id"]}), "success position").unwrap();
    assert_eq!(revoked["success"], true);
    for client in [&agent, &by_token] {
        let refused = client.whoami();
        assert_eq!(
            (refused.status, refused.code().as_deref()),
            (401, Some("KEY_REVOKED")),
            "{}",
            refused.text
        );
        assert!(refused.header("www-authenticate").unwrap().contains("KEY_REVOKED"));
    }
    assert_eq!(server.stop(), Some(0));
}
