//! The fields of a form that was sent. What was sent is wiped when it is dropped: it may hold a key.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use zeroize::Zeroize as _;

use super::refusal::Refusal;
use super::root::Root;
use crate::state::App;

/// The most fields of a form or of an address: the largest of ours has half as many.
const FIELDS_MAX: usize = 64;

/// Fields by name, in order. Those that are empty count as absent.
#[derive(Default)]
pub(super) struct Fields {
    named: Vec<(String, String)>,
    /// There were more than are read.
    more: bool,
}

/// What is said to whoever sends more fields than are read: some of them would be ignored.
pub(super) const TOO_MANY: &str =
    "this has more than 64 fields, and no form here has as many; nothing was done";

impl Fields {
    /// Reads `application/x-www-form-urlencoded`, as forms and queries are.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let mut fields = form_urlencoded::parse(bytes);
        let read = fields.by_ref().take(FIELDS_MAX);
        // A browser ends the lines of a text field with both characters.
        let read = read.map(|(name, value)| (name.into_owned(), value.trim().replace("\r\n", "\n")));
        let named = read.filter(|(_, value)| !value.is_empty()).collect();
        Self { named, more: fields.next().is_some() }
    }

    /// Whether nothing of what was sent is missing here.
    pub(super) fn are_whole(&self) -> bool {
        !self.more
    }

    /// Every field with its value, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.named.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A field's value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// A field's value, empty if it is absent.
    pub(super) fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    /// Every value of a field that may be chosen several times.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value)
    }
}

impl Drop for Fields {
    fn drop(&mut self) {
        for (_, value) in &mut self.named {
            value.zeroize();
        }
    }
}

impl FromRequest<App> for Fields {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refusal> {
        let root = Root::of(request.uri().path());
        let media = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media = media.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let message = "a form of a page sends application/x-www-form-urlencoded";
            return Err(Refusal::new(
                root,
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "UNSUPPORTED_MEDIA_TYPE",
                message,
            ));
        }
        let body = Bytes::from_request(request, app).await.map_err(|rejection| {
            let message = "the form is larger than 256 KiB, or could not be read";
            Refusal::new(root, rejection.status(), "PAYLOAD_TOO_LARGE", message)
        })?;
        let fields = Self::parse(&body);
        if !fields.are_whole() {
            return Err(Refusal::new(root, StatusCode::UNPROCESSABLE_ENTITY, "FORM_INVALID", TOO_MANY));
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_trimmed_and_empty_ones_are_absent() {
        let fields = Fields::parse(b"name=%20a%20b%20&note=&scope=x&scope=y&text=1%0D%0A2");
        assert_eq!((fields.get("name"), fields.get("note")), (Some("a b"), None));
        assert_eq!(fields.all("scope").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(fields.text("text"), "1\n2");
    }

    #[test]
    fn what_is_not_read_is_told() {
        let most = ["a=1"; FIELDS_MAX].join("&");
        assert!(Fields::parse(most.as_bytes()).are_whole());
        assert!(!Fields::parse(format!("{most}&a=1").as_bytes()).are_whole());
    }
}
