//! What the pages of the web UI cost: each in a large tenant of a large ledger, beside a small one in the same run.
//!
//! A page is timed from its request to its last byte, on a connection of its own, by whoever has the other core.

use std::path::Path;

use crate::browser::Browser;
use crate::folders;
use crate::grown::key_string;
use crate::process::Serving;
use crate::report::{Figure, Report, Wanted};
use crate::rounds::median;

/// The tenant that is looked at, and how many keys the whole ledger has: a million events come of it.
const LARGE: (u64, u64) = (100_000, 631_000);
const SMALL: (u64, u64) = (100, 100);
const ROUNDS: usize = 15;
/// How far the two moments of the difference lie apart.
const COMPARED: u64 = 10_000;

/// Somebody signed in at one of the servers.
struct Reader {
    /// It goes on as long as the reader does.
    _server: Serving,
    browser: Browser,
    head: u64,
    user: String,
}

impl Reader {
    fn of(scratch: &Path, (of_tenant, keys): (u64, u64)) -> Result<Self, String> {
        let data = folders::with_a_tenant_of(scratch, of_tenant, keys)?;
        let server = Serving::keyledger(&data)?;
        let browser = Browser::signed_in(&server.url, &folders::administrator_key(&data)?)?;
        let (_, page) = browser.page("/ui/time")?;
        let head = between(&page, " max=\"", "\"").and_then(|head| head.parse().ok());
        let head = head.ok_or("the time machine does not say where the log ends")?;
        let (_, form) = browser.page("/ui/keys/new")?;
        let user =
            between(&form, "<option value=\"", "\"").ok_or("the form of a new key names nobody")?.to_owned();
        Ok(Self { _server: server, browser, head, user })
    }

    /// Where a page is in this ledger. The first tenant's events come first.
    fn path(&self, page: Page) -> String {
        let middle = self.head.min(LARGE.0) / 2;
        match page {
            Page::OwnKeys => format!("/ui/keys?owner={}", self.user),
            Page::Keys => "/ui/keys".to_owned(),
            Page::KeysFound => "/ui/keys?q=99".to_owned(),
            Page::KeysThen => format!("/ui/keys?as_of={middle}"),
            Page::Key => format!("/ui/keys/{}", key_string(50).id()),
            Page::Events => "/ui/events".to_owned(),
            Page::TimeMachine => "/ui/time".to_owned(),
            Page::TimeMachineThen => format!("/ui/time?as_of={middle}"),
            Page::Difference => {
                let to = (middle + COMPARED).min(self.head);
                format!("/ui/time?as_of={middle}&to={to}")
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Page {
    OwnKeys,
    Keys,
    KeysFound,
    KeysThen,
    Key,
    Events,
    TimeMachine,
    TimeMachineThen,
    Difference,
}

/// The pages, what they are called, and how many milliseconds they may take in the large ledger.
const PAGES: [(Page, &str, f64); 9] = [
    (Page::OwnKeys, "own keys", 50.0),
    (Page::Keys, "the tenant's keys", 300.0),
    (Page::KeysFound, "the tenant's keys, by name", 1_000.0),
    (Page::KeysThen, "the tenant's keys then", 300.0),
    (Page::Key, "one key", 50.0),
    (Page::Events, "events", 50.0),
    (Page::TimeMachine, "time machine", 300.0),
    (Page::TimeMachineThen, "time machine, then", 300.0),
    (Page::Difference, "difference of 10,000 events", 300.0),
];

/// Asks for every page of both ledgers, in turn.
pub fn measure(scratch: &Path, report: &mut Report) -> Result<(), String> {
    let (large, small) = (Reader::of(scratch, LARGE)?, Reader::of(scratch, SMALL)?);
    report.add(Figure::of("events of the large ledger", large.head as f64, ""));
    for (page, name, at_most) in PAGES {
        let ask = |reader: &Reader| {
            let (took, _) = reader.browser.page(&reader.path(page))?;
            Ok::<_, String>(took.as_secs_f64() * 1e3)
        };
        // The first look warms the caches, as a server that runs has them.
        ask(&large)?;
        ask(&small)?;
        let (mut of_large, mut of_small) = (vec![], vec![]);
        for _ in 0..ROUNDS {
            of_large.push(ask(&large)?);
            of_small.push(ask(&small)?);
        }
        let figure = Figure::of(format!("page: {name}"), median(&of_large), "ms");
        report.add(figure.beside("a small ledger", median(&of_small)).wanted(Wanted::AtMost(at_most)));
    }
    Ok(())
}

fn between<'t>(text: &'t str, begin: &str, end: &str) -> Option<&'t str> {
    text.split_once(begin)?.1.split(end).next()
}
