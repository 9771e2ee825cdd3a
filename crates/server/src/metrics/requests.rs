//! Meters of requests: how many are under way, how long they took, how they ended. No lock, and nothing allocated
//! once a thread knows a route.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram, counter, histogram};

/// The methods that are told apart, on every line and label; any other is a stranger's text.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];

/// What requests are measured with.
pub(crate) struct Requests {
    in_flight: AtomicU64,
    responses: [Counter; 5],
}

/// A request under way; also one whose caller leaves ends.
pub(crate) struct InFlight<'a>(&'a Requests);

impl Requests {
    pub(crate) fn new() -> Self {
        let class = |class: &'static str| counter!("keyledger_http_responses_total", "class" => class);
        Self { in_flight: AtomicU64::new(0), responses: ["1xx", "2xx", "3xx", "4xx", "5xx"].map(class) }
    }

    /// A request begins.
    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self)
    }

    /// How many are under way.
    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl InFlight<'_> {
    /// It was answered. The route is its template, which is one of ours.
    pub(crate) fn answered(self, route: &str, method: &Method, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.0.responses[class].increment(1);
        ROUTES.with_borrow_mut(|routes| {
            let place = place(method);
            // There are few routes: to compare their names is less work than to hash one.
            let known = routes.iter().position(|known| *known.route == *route).unwrap_or_else(|| {
                routes.push(Known { route: route.into(), histograms: Default::default() });
                routes.len() - 1
            });
            let handle = routes[known].histograms[place].get_or_insert_with(|| {
                let (route, method) = (route.to_owned(), METHODS[place]);
                histogram!("keyledger_http_request_duration_seconds", "route" => route, "method" => method)
            });
            handle.record(took);
        });
    }
}

thread_local! {
    /// The handles that this thread has used. Routes are those of the router, so there are few.
    static ROUTES: RefCell<Vec<Known>> = RefCell::default();
}

/// A route that this thread has served, and its handles by method.
struct Known {
    route: Box<str>,
    histograms: [Option<Histogram>; METHODS.len()],
}

/// The word for a method, on labels and in the log.
pub(crate) fn method_word(method: &Method) -> &'static str {
    METHODS[place(method)]
}

fn place(method: &Method) -> usize {
    let last = METHODS.len() - 1;
    METHODS[..last].iter().position(|known| *known == method.as_str()).unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_a_bounded_set() {
        assert_eq!(method_word(&Method::GET), "GET");
        for strange in ["PROPFIND", "get", "KLU_SECRET"] {
            assert_eq!(method_word(&Method::from_bytes(strange.as_bytes()).unwrap()), "other");
        }
    }

    #[test]
    fn a_request_whose_caller_leaves_is_under_way_no_more() {
        let requests = Requests::new();
        let first = requests.begin();
        let second = requests.begin();
        assert_eq!(requests.in_flight(), 2);
        drop(first);
        second.answered("/livez", &Method::GET, StatusCode::OK, Duration::from_millis(1));
        assert_eq!(requests.in_flight(), 0);
    }
}
