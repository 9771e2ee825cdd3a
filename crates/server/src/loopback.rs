//! The routes without a connection: a request is asked in the process, and answered like any other. For tests that
//! ask a great many, and for fuzzers.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use authority::Authority;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::header::HOST;
use axum::http::{HeaderName, HeaderValue, Method, Request, Uri};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::runtime::Runtime;

use crate::router::router;
use crate::serve::ServeOptions;
use crate::state::App;

/// A server without a socket.
pub struct Loopback {
    runtime: Runtime,
    routes: TowerToHyperService<axum::Router>,
}

/// A request, in bytes that may be anything.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, and the query if there is one.
    pub target: &'a [u8],
    /// The headers, in order.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body.
    pub body: &'a [u8],
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Loopback {
    /// The routes over this authority.
    pub fn new(authority: Arc<Authority>, options: &ServeOptions) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let routes = TowerToHyperService::new(router(App::new(authority, options)));
        Ok(Self { runtime, routes })
    }

    /// The answer; none to what is no HTTP request at all, which a connection would not let pass either.
    pub fn ask(&self, asked: Asked<'_>) -> Option<Answered> {
        let mut request = Request::builder()
            .method(Method::from_bytes(asked.method.as_bytes()).ok()?)
            .uri(Uri::try_from(asked.target).ok()?);
        for (name, value) in asked.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            request = request.header(name, HeaderValue::from_bytes(value).ok()?);
        }
        let mut request = request.body(Body::from(asked.body.to_vec())).ok()?;
        let somebody = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        request.extensions_mut().insert(ConnectInfo(somebody));
        // As every client names one, nothing else would be looked at without.
        request.headers_mut().entry(HOST).or_insert(HeaderValue::from_static("localhost"));
        self.runtime.block_on(async {
            let response = match self.routes.call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            let status = response.status().as_u16();
            // Answers are made in memory and whole, so they can be read.
            let body = to_bytes(response.into_body(), usize::MAX).await.ok()?.to_vec();
            Some(Answered { status, body })
        })
    }
}
