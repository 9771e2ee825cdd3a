//! A bare route to compare with: a constant body of a wanted length, behind the server's layers or behind none.
//!
//! Where the server cannot do without a signature, the bare route makes or checks one, too: whoever sends the load sleeps
//! while it waits, and waking it costs more than it would cost to answer without. Built of the same framework, on one port, until
//! it is killed. No part of the product.

mod signature;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use authority::{Authority, Options};
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, any};
use clap::Parser;
use credentials::claims::Issuer;
use server::router::layered;
use server::state::App;
use server::{ServeOptions, metrics};
use store::DataFolder;
use tokio::net::TcpListener;

use signature::Signature;

/// A route that answers with a constant, to compare the server with.
#[derive(Parser)]
#[command(name = "bare")]
struct Arguments {
    /// The data folder of the authority that the layers want; without one there are no layers.
    #[arg(long)]
    data: Option<PathBuf>,
    /// How many bytes the answer to `/v1/whoami` has.
    #[arg(long)]
    whoami: usize,
    /// How many bytes the answer to `/oauth/token` has.
    #[arg(long)]
    token: usize,
    /// How many bytes are signed for an answer to `/oauth/token`, and checked for one to `/v1/checked`.
    #[arg(long)]
    signed: usize,
}

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    // The layers write to the log and to the metrics as they do in the server.
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new("info"))
        .with_writer(std::io::stderr)
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .init();
    metrics::record();
    let service = match &arguments.data {
        None => routes(&arguments),
        Some(data) => {
            let issuer = Issuer::parse("https://keys.example.com")?;
            let authority = Authority::open(Options::new(DataFolder::at(data), issuer))?;
            let options = ServeOptions::new(SocketAddr::from(([127, 0, 0, 1], 0)));
            layered(routes(&arguments), App::new(Arc::new(authority), &options))
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        axum::serve(listener, service.into_make_service_with_connect_info::<SocketAddr>()).await
    })?;
    Ok(())
}

fn routes<S: Clone + Send + Sync + 'static>(arguments: &Arguments) -> Router<S> {
    let signature = Arc::new(Signature::over(arguments.signed));
    let (sign, check) = (Arc::clone(&signature), signature);
    Router::new()
        .route("/v1/whoami", constant(arguments.whoami, || {}))
        .route("/v1/checked", constant(arguments.whoami, move || check.check()))
        .route("/forward-auth", any(constant_identity))
        .route("/oauth/token", constant(arguments.token, move || sign.sign()))
}

/// A route that does something, and answers with so many bytes, in the headers of the real answers.
fn constant<S: Clone + Send + Sync + 'static>(
    bytes: usize,
    act: impl Fn() + Clone + Send + Sync + 'static,
) -> MethodRouter<S> {
    let filling = "x".repeat(bytes.saturating_sub(15));
    let body: &'static str = Box::leak(format!(r#"{{"constant":"{filling}"}}"#).into_boxed_str());
    any(move || {
        act();
        async move { ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], body).into_response() }
    })
}

/// A route that answers with headers as long as those of an identity, and no body.
async fn constant_identity() -> Response {
    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
    let identity = [
        ("x-keyledger-subject", ID),
        ("x-keyledger-kind", "service_account"),
        ("x-keyledger-tenant", ID),
        ("x-keyledger-role", "runner"),
        ("x-keyledger-key-id", ID),
        ("x-keyledger-narrowed", "no"),
        ("x-keyledger-position", "1105003"),
    ];
    (StatusCode::NO_CONTENT, [(CACHE_CONTROL, "no-store")], identity).into_response()
}
