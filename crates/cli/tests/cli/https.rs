//! Over TLS: the certificate is checked against the roots of the platform, a company's own among them.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

use crate::scene::{NOBODY, text};
use crate::support::{Ended, keyledger};

const WHOAMI: &str = r#"{"kind":"user","id":"x","key_id":"y","position":"1"}"#;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tls").join(name)
}

/// Answers every request with an identity. Gives its URL.
fn serving() -> String {
    let chain = vec![CertificateDer::from_pem_file(fixture("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let mut session = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = Stream::new(&mut session, &mut socket);
            // A client that does not trust the certificate goes away here.
            if stream.read(&mut [0; 65_536]).is_ok() {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", WHOAMI.len());
                let _ = stream.write_all(format!("{head}{WHOAMI}").as_bytes());
            }
        }
    });
    url
}

fn whoami(url: &str, roots: Option<&Path>) -> Ended {
    run(&["whoami"], url, roots)
}

fn run(arguments: &[&str], url: &str, roots: Option<&Path>) -> Ended {
    let mut command = keyledger(&[arguments, &["-o", "json"]].concat());
    command.env("KEYLEDGER_URL", url).env("KEYLEDGER_KEY", "klu_some-key");
    if let Some(roots) = roots {
        command.env("SSL_CERT_FILE", roots);
    }
    Ended::of(command.output().unwrap())
}

#[test]
fn a_company_s_own_authority_is_trusted_and_a_stranger_is_not() {
    let url = serving();
    let ended = whoami(&url, Some(&fixture("authority.pem")));
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(text(&ended.json(), "kind"), "user");
    let ended = whoami(&url, None);
    let (code, message) = ended.error();
    assert_eq!((ended.code, code.as_str()), (7, "UNREACHABLE"), "{message}");
    assert!(message.contains("certificate"), "{message}");
    // The doctor trusts no other than every command does, and knows a certificate from a server that is not there.
    let reached = |roots: Option<&Path>| {
        let ended = run(&["doctor", "--data", "/nonexistent", "--url", &url], &url, roots);
        let checks = ended.json()["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| text(check, "name") == "reachable").unwrap()
    };
    assert!(!text(&reached(Some(&fixture("authority.pem"))), "detail").contains("certificate"));
    let stranger = reached(None);
    assert!(text(&stranger, "detail").contains("is not trusted here"), "{stranger}");
    assert!(text(&stranger, "next").contains("SSL_CERT_FILE"), "{stranger}");
    // Nothing was sent to the stranger, so nothing is in doubt.
    let ended = run(&["key", "disable", NOBODY], &url, None);
    assert_eq!((ended.code, ended.error().0.as_str()), (7, "UNREACHABLE"), "{}", ended.err);
    // It answers in TLS only.
    let ended = whoami(&url.replace("https", "http"), None);
    assert_eq!(ended.code, 7, "{}", ended.err);
}
