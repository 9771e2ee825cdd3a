//! Holds the server to the published schema.

use std::path::Path;

/// `schema.graphql` is what the server's schema says. To publish a change: `UPDATE_SCHEMA=1 cargo test -p keyledger-server`.
#[test]
fn the_published_schema_is_the_servers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema.graphql");
    let schema = keyledger_server::graphql::schema::sdl();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == schema,
        "schema.graphql differs from the server's schema; look at the change, then run make schema"
    );
}
