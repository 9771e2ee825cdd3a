//! A deployment in this process, for targets that need one to get beyond the door.

use std::cell::RefCell;
use std::sync::Arc;

use authority::compose::{TenantInput, UserInput};
use authority::{Authority, Options, Shown};
use credentials::claims::Issuer;
use domain::event::TenantPolicy;
use domain::names::{Email, Name, Slug};
use server::ServeOptions;
use server::loopback::{Answered, Asked, Loopback};
use store::DataFolder;
use tempfile::TempDir;

/// A ledger with one tenant and its administrator, and the routes over it.
pub(super) struct World {
    pub(super) authority: Arc<Authority>,
    pub(super) key: String,
    pub(super) key_id: String,
    loopback: Loopback,
    _scratch: TempDir,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Does something in the world of this thread. If its key is no more afterwards, the next one gets a new world.
pub(super) fn with(act: impl FnOnce(&World)) {
    WORLD.with_borrow_mut(|world| {
        act(world.get_or_insert_with(World::new));
        world.take_if(|world| world.authority.authenticate(Shown::from_nowhere(&world.key), None).is_err());
    });
}

impl World {
    fn new() -> Self {
        let scratch = tempfile::tempdir().expect("scratch is writable");
        let issuer = Issuer::parse("https://keys.example.com").expect("an issuer");
        let options = Options::new(DataFolder::at(scratch.path().join("data")), issuer);
        let name = |text: &str| Name::parse(text).expect("a name");
        let slug = Slug::parse("acme").expect("a slug");
        let tenant = TenantInput { slug, name: name("Acme"), policy: TenantPolicy::default() };
        let user = UserInput { email: Email::parse("ada@example.com").expect("an address"), name: None };
        let made = Authority::initialise(options.clone(), &tenant, &user).expect("a ledger can be made");
        let authority = Arc::new(Authority::open(options).expect("it can be opened"));
        let anywhere = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let serve = ServeOptions { guesses_per_minute_max: 0, ..ServeOptions::new(anywhere) };
        let loopback = Loopback::new(Arc::clone(&authority), &serve).expect("a runtime can be made");
        let (key, key_id) = (made.key_string.expose().to_owned(), made.key_string.id().to_string());
        Self { authority, key, key_id, loopback, _scratch: scratch }
    }

    /// Asks; the answer is never that the server failed.
    pub(super) fn ask(&self, asked: Asked<'_>) -> Option<Answered> {
        let answered = self.loopback.ask(asked)?;
        let text = String::from_utf8_lossy(&answered.body);
        assert!(answered.status < 500, "{}: {text}", answered.status);
        Some(answered)
    }
}
