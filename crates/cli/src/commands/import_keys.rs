//! `import-keys`: keys that another system gave out, accepted here as they are, at the machine itself.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _};
use std::path::{Path, PathBuf};

use authority::importing::{Brought, CarryOut, ForeignKey, ForeignText, Import, Pending};
use authority::{Authority, Failure, InputError, Options};
use clap::Args;
use credentials::claims::Issuer;
use credentials::digest::parse_digest;
use credentials::secret::Secret;
use domain::ids::TenantId;
use domain::key::{KeyPrefix, LastFour, Owner, Reach};
use domain::names::{Email, Name, Slug};
use domain::role::Scopes;
use domain::time::Timestamp;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::args::{DataArgs, GuardArgs, SecretArgs};
use crate::client::when::When;
use crate::error::CliError;
use crate::output::{self, Output, OutputArgs};
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  keyledger import-keys --data /var/lib/keyledger --from keys.jsonl --dry-run
  keyledger import-keys --data /var/lib/keyledger --from keys.jsonl

One JSON object a line; name, tenant, an owner and a key are needed:
  {\"name\": \"laptop\", \"tenant\": \"acme\", \"user\": \"ada@example.com\", \"sha256\": \"…\"}
  {\"name\": \"etl\", \"tenant\": \"acme\", \"service_account\": \"etl-agent\", \"secret\": \"pcu_…\",
   \"expires_at\": \"2027-01-01T00:00:00Z\", \"scopes\": [\"keyledger:read\"]}
With sha256, \"prefix\" and \"last_four\" say what lists show of the key. A user's key acts in all tenants of the
user, and in this one if none is named; \"confined\": true keeps it to this one.

Stop the server first: one process writes a ledger. What is here already is passed over, so that an import
can be repeated. Owners must exist; nothing but keys is made. Ends with 1 if a line was refused.";

/// A line longer than this is none.
const LINE_BYTES_MAX: u64 = 64 << 10;
/// So many keys are on their way at once: enough to fill a commit.
const BEGUN_MAX: usize = 512;
/// Shorter texts can be guessed from their digest.
const SECRET_BYTES_MIN: usize = 16;
/// So many refusals are told.
const REFUSED_TOLD_MAX: usize = 1_000;

/// Which keys, into which ledger.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ImportKeysArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The file with one key a line, as JSON; -: standard input
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Ask the rules and tell what would be refused; change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    guard: GuardArgs,
    #[command(flatten)]
    secrets: SecretArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// One line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    tenant: String,
    user: Option<String>,
    service_account: Option<String>,
    secret: Option<String>,
    sha256: Option<String>,
    prefix: Option<String>,
    last_four: Option<String>,
    expires_at: Option<String>,
    scopes: Option<Vec<String>>,
    #[serde(default)]
    confined: bool,
}

/// Why a line is refused.
struct Refused {
    code: &'static str,
    why: String,
}

impl Refused {
    fn malformed(why: impl Into<String>) -> Self {
        Self { code: "INVALID", why: why.into() }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self { code: failure.code(), why: failure.to_string() }
    }
}

/// What came of it.
#[derive(Default)]
struct Report {
    lines: u64,
    imported: u64,
    known: u64,
    refused: u64,
    told: Vec<(u64, Refused)>,
}

impl Report {
    fn refuse(&mut self, line: u64, refused: Refused) {
        self.refused += 1;
        if self.told.len() < REFUSED_TOLD_MAX {
            self.told.push((line, refused));
        }
    }
}

/// Imports them, and reports.
pub fn run(args: ImportKeysArgs) -> Result<(), CliError> {
    let lines = Lines::open(&args.from)?;
    // Nothing is minted here, so nothing carries the name of an issuer.
    let issuer = Issuer::parse("http://localhost").expect("this is a well-formed issuer");
    let folder = args.data.folder(Some(&args.guard));
    let authority =
        Authority::open(Options { secrets: args.secrets.sources(), ..Options::new(folder, issuer) })?;
    let report = import(&args, &authority, lines)?;
    // The ledger is closed, its guard written, before anybody hears of it.
    drop(authority);
    let text = match args.output.output {
        Output::Json => for_programs(&report, args.dry_run),
        Output::Table => for_people(&report, args.dry_run),
    };
    output::write(&text)?;
    if report.refused == 0 { Ok(()) } else { Err(CliError::LinesRefused { count: report.refused }) }
}

/// The lines of a file, or of a pipe, which can be read only once.
struct Lines {
    path: PathBuf,
    from: BufReader<Box<dyn Read>>,
    /// How many there are; none: nobody knows before they are read.
    total: Option<u64>,
    number: u64,
}

/// One line as it was read.
enum ReadLine {
    Text(Zeroizing<Vec<u8>>),
    TooLong,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, CliError> {
        let unread = |error| CliError::ImportUnreadable { path: path.to_owned(), error };
        let (from, total): (Box<dyn Read>, _) = if path == Path::new("-") {
            (Box::new(io::stdin()), None)
        } else {
            let mut file = File::open(path).map_err(unread)?;
            let whole = file.metadata().map_err(unread)?.is_file();
            let total = if whole { Some(count(&mut file).map_err(unread)?) } else { None };
            (Box::new(file), total)
        };
        Ok(Self { path: path.to_owned(), from: BufReader::new(from), total, number: 0 })
    }

    fn next(&mut self) -> Result<Option<ReadLine>, CliError> {
        let mut line = Zeroizing::new(vec![]);
        let unread = |path: &Path, error| CliError::ImportUnreadable { path: path.to_owned(), error };
        let mut piece = |line: &mut Vec<u8>| self.from.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', line);
        if piece(&mut line).map_err(|error| unread(&self.path, error))? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let too_long = line.len() as u64 == LINE_BYTES_MAX && !line.ends_with(b"\n");
        let mut rest = Zeroizing::new(vec![]);
        while too_long && !rest.ends_with(b"\n") {
            rest.clear();
            if piece(&mut rest).map_err(|error| unread(&self.path, error))? == 0 {
                break;
            }
        }
        if self.number == 1 && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(Some(if too_long { ReadLine::TooLong } else { ReadLine::Text(line) }))
    }
}

/// What some editors begin a text with; it says nothing.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// How many lines a file has; it is at its beginning again afterwards.
fn count(file: &mut File) -> io::Result<u64> {
    let (mut lines, mut piece, mut open) = (0, vec![0; 1 << 16], false);
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            file.rewind()?;
            return Ok(lines + u64::from(open));
        }
        lines += piece[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
        open = piece[read - 1] != b'\n';
    }
}

fn import(args: &ImportKeysArgs, authority: &Authority, mut lines: Lines) -> Result<Report, CliError> {
    let carry_out = if args.dry_run { CarryOut::No } else { CarryOut::Yes };
    let mut import = Import::new(authority, carry_out);
    let mut owners = Owners { authority, tenants: HashMap::new(), owners: HashMap::new() };
    let mut report = Report::default();
    let mut begun: VecDeque<(u64, Pending)> = VecDeque::new();
    let mut progress = Progress::of(args.output.output, "keys");
    while let Some(line) = lines.next()? {
        let number = lines.number;
        report.lines = number;
        let text = match line {
            ReadLine::Text(text) if text.trim_ascii().is_empty() => continue,
            ReadLine::Text(text) => text,
            ReadLine::TooLong => {
                report.refuse(number, Refused::malformed("the line is longer than 64 KiB"));
                continue;
            }
        };
        let mut brought = read_line(&text, &mut owners).and_then(|key| Ok((import.bring(&key)?, key)));
        if let Ok((Brought::UnderWay, key)) = &brought {
            settle(&mut begun, 0, &mut report);
            import.settled();
            brought = import.bring(key).map(|again| (again, key.clone())).map_err(Refused::from);
        }
        match brought {
            Ok((Brought::Begun(pending), _)) => begun.push_back((number, pending)),
            Ok((Brought::Would, _)) => report.imported += 1,
            Ok((Brought::Known | Brought::UnderWay, _)) => report.known += 1,
            Ok((Brought::OfAnother(owner), _)) => report.refuse(number, of_another(owner)),
            Err(refused) => report.refuse(number, refused),
        }
        if begun.len() >= BEGUN_MAX {
            settle(&mut begun, BEGUN_MAX / 2, &mut report);
        }
        progress.tell("importing", number, lines.total.unwrap_or(number));
    }
    settle(&mut begun, 0, &mut report);
    report.told.sort_by_key(|(line, _)| *line);
    Ok(report)
}

/// Waits until no more than so many keys are on their way.
fn settle(begun: &mut VecDeque<(u64, Pending)>, left: usize, report: &mut Report) {
    while begun.len() > left {
        let Some((line, pending)) = begun.pop_front() else { return };
        match pending.wait() {
            Ok(_) => report.imported += 1,
            Err(failure) => report.refuse(line, failure.into()),
        }
    }
}

fn of_another(owner: Owner) -> Refused {
    let why = match owner {
        Owner::User(user) => format!("this key is here already, as a key of user {user}"),
        Owner::ServiceAccount(account) => {
            format!("this key is here already, as a key of service account {account}")
        }
    };
    Refused { code: "KEY_OF_ANOTHER", why }
}

/// What owners were looked up: most files name few, often.
struct Owners<'a> {
    authority: &'a Authority,
    tenants: HashMap<String, TenantId>,
    owners: HashMap<(TenantId, Named), Owner>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Named {
    User(String),
    ServiceAccount(String),
}

impl Owners<'_> {
    fn tenant(&mut self, slug: &str) -> Result<TenantId, Refused> {
        if let Some(tenant) = self.tenants.get(slug) {
            return Ok(*tenant);
        }
        let parsed = Slug::parse(slug).map_err(Failure::from)?;
        let why = || format!("there is no tenant {slug:?}; make it first: keyledger tenant create");
        let tenant = self.authority.tenant_with(&parsed)?;
        let tenant = tenant.ok_or_else(|| Refused { code: "NOT_FOUND", why: why() })?;
        self.tenants.insert(slug.to_owned(), tenant);
        Ok(tenant)
    }

    fn owner(&mut self, tenant: TenantId, named: Named) -> Result<Owner, Refused> {
        let place = (tenant, named);
        if let Some(owner) = self.owners.get(&place) {
            return Ok(*owner);
        }
        let none = |why| Refused { code: "NOT_FOUND", why };
        let owner = match &place.1 {
            Named::User(email) => {
                let user = self.authority.user_of(&Email::parse(email).map_err(Failure::from)?)?;
                let why = || format!("there is no user {email:?}; make one first: keyledger member add");
                Owner::User(user.ok_or_else(|| none(why()))?)
            }
            Named::ServiceAccount(name) => {
                let account =
                    self.authority.account_with(tenant, &Name::parse(name).map_err(Failure::from)?)?;
                let why = || {
                    format!(
                        "there is no service account {name:?} in the tenant; make it first: keyledger service-account create"
                    )
                };
                Owner::ServiceAccount(account.ok_or_else(|| none(why()))?)
            }
        };
        self.owners.insert(place, owner);
        Ok(owner)
    }
}

fn read_line(line: &[u8], owners: &mut Owners<'_>) -> Result<ForeignKey, Refused> {
    // The message of the parser names a place and a field, never a value.
    let line: Line = serde_json::from_slice(line).map_err(|error| {
        let what =
            if error.is_data() { "a field is missing, unknown or of another type" } else { "not JSON" };
        Refused::malformed(format!("{what}, at column {}", error.column()))
    })?;
    let text = text_of(&line, owners.authority)?;
    let tenant = owners.tenant(&line.tenant)?;
    let named = match (line.user, line.service_account) {
        (Some(user), None) => Named::User(user),
        (None, Some(account)) => Named::ServiceAccount(account),
        (Some(_), Some(_)) | (None, None) => {
            return Err(Refused::malformed("name one owner: user or service_account"));
        }
    };
    let owner = owners.owner(tenant, named)?;
    let reach = match owner {
        Owner::User(_) if !line.confined => Reach::AnyTenant { home: tenant },
        Owner::User(_) | Owner::ServiceAccount(_) => Reach::Tenant(tenant),
    };
    let scopes = match line.scopes {
        None => Scopes::All,
        Some(list) if list.is_empty() => Scopes::parse("").map_err(Failure::from)?,
        Some(list) => Scopes::parse(&list.join(" ")).map_err(Failure::from)?,
    };
    let expires_at = line.expires_at.as_deref().map(end).transpose()?;
    let name = Name::parse(&line.name).map_err(Failure::from)?;
    Ok(ForeignKey { owner, reach, name, text, scopes, expires_at })
}

fn end(text: &str) -> Result<Timestamp, Refused> {
    match When::parse(text) {
        Ok(When::At(instant)) => Ok(instant),
        Ok(When::FromNow { .. }) | Err(_) => {
            let rule = "give RFC 3339 with an offset, such as 2031-01-01T00:00:00Z";
            Err(Failure::from(InputError::Malformed { field: "expires_at", rule }).into())
        }
    }
}

fn text_of(line: &Line, authority: &Authority) -> Result<ForeignText, Refused> {
    let malformed = |field, rule| Refused::from(Failure::from(InputError::Malformed { field, rule }));
    let mut text = match (&line.secret, &line.sha256) {
        (Some(secret), None) => {
            let secret = Secret::parse(secret).map_err(|error| Refused::malformed(error.to_string()))?;
            if secret.expose().len() < SECRET_BYTES_MIN {
                let rule = "a key of fewer than 16 characters can be guessed from its digest; give its owner another";
                return Err(malformed("secret", rule));
            }
            if secret.expose().starts_with("eyJ") && secret.expose().contains('.') {
                let rule = "this looks like a token, and would be taken for one; give its owner a key";
                return Err(malformed("secret", rule));
            }
            authority.foreign_text(&secret)
        }
        (None, Some(digest)) => {
            let rule = "the SHA-256 of a key's whole text is 64 hexadecimal digits";
            let digest = parse_digest(digest).ok_or_else(|| malformed("sha256", rule))?;
            let last_four = LastFour::parse(*b"____").expect("underscores are admitted");
            ForeignText { digest, ours: None, prefix: ForeignText::no_prefix(), last_four }
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(malformed("secret", "give either secret, the key's text, or sha256, its digest"));
        }
    };
    if let Some(prefix) = &line.prefix {
        let rule = "2 to 12 lower-case letters and digits, a letter first, without the underscore";
        text.prefix = KeyPrefix::parse(prefix).ok_or_else(|| malformed("prefix", rule))?;
    }
    if let Some(last) = &line.last_four {
        let rule = "four letters, digits, - or _";
        let bytes = last.as_bytes().try_into().ok().and_then(LastFour::parse);
        text.last_four = bytes.ok_or_else(|| malformed("last_four", rule))?;
    }
    Ok(text)
}

fn for_programs(report: &Report, dry_run: bool) -> String {
    let refused: Vec<_> = report
        .told
        .iter()
        .map(|(line, Refused { code, why })| json!({"line": line, "code": code, "message": why}))
        .collect();
    let json = json!({
        "dry_run": dry_run,
        "lines": report.lines,
        "imported": report.imported,
        "known": report.known,
        "refused": report.refused,
        "refusals": refused,
    });
    format!("{json}\n")
}

fn for_people(report: &Report, dry_run: bool) -> String {
    let mut text = String::new();
    for (line, Refused { code, why }) in &report.told {
        text += &format!("line {line}: {code}: {why}\n");
    }
    if report.refused > report.told.len() as u64 {
        text += &format!("and {} more\n", report.refused - report.told.len() as u64);
    }
    let done = if dry_run { "would be imported" } else { "imported" };
    let Report { imported, known, refused, .. } = report;
    text + &format!("{imported} {done}, {known} here already, {refused} refused\n")
}
