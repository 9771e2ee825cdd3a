//! Who comes with a request: from which address, in what kind of program, by which interface.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use authority::usage::{CallerKind, UseWay};
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};

use crate::caller_kind;
use crate::interface::Interface;
use crate::state::App;

/// Whoever sent a request, before any credential is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visitor {
    /// From where, if that is known.
    pub(crate) address: Option<IpAddr>,
    /// In what kind of program, by its own word.
    pub(crate) kind: CallerKind,
    /// By which interface.
    pub(crate) way: UseWay,
}

impl Visitor {
    /// Whoever sent a request of these parts by this way.
    pub(crate) fn of(app: &App, way: UseWay, headers: &HeaderMap, extensions: &Extensions) -> Self {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>();
        let address = peer.and_then(|peer| app.running.proxies.client(peer.0.ip(), headers));
        Self { address, kind: caller_kind::of(headers), way }
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let way = match Interface::at(parts.uri.path(), &parts.headers) {
            Interface::GraphQl(_) => UseWay::GraphQl,
            Interface::OAuth => UseWay::OAuth,
            Interface::Rest => UseWay::Rest,
            Interface::Ui(_) => UseWay::Ui,
        };
        Ok(Self::of(app, way, &parts.headers, &parts.extensions))
    }
}
