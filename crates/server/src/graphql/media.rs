//! The media type of an answer: of the two that there are, the one that the caller accepts best.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// The media type of the answer, and with it which status an error has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// `application/json`, for those who take anything or say nothing: existing clients.
    AnyJson,
    /// `application/json`, asked for by name: GraphQL over HTTP answers 200 to every well-formed request.
    Json,
    /// `application/graphql-response+json`, whose status tells how it went.
    GraphQlResponse,
}

/// Nothing that there is, is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAcceptable;

const JSON: (&str, &str) = ("application", "json");
const GRAPHQL_RESPONSE: (&str, &str) = ("application", "graphql-response+json");
const HTML: (&str, &str) = ("text", "html");

impl Media {
    /// What the caller accepts best. The newer type only for those who name it, or refuse the older.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, NotAcceptable> {
        let ranges = ranges(headers);
        if ranges.is_empty() {
            return Ok(Self::AnyJson);
        }
        let accepted = |media| worth(&ranges, media).filter(|worth| worth.quality > 0);
        match (accepted(GRAPHQL_RESPONSE), accepted(JSON)) {
            (Some(newer), Some(json)) if !newer.by_name || json.quality > newer.quality => Ok(json.media()),
            (Some(_), _) => Ok(Self::GraphQlResponse),
            (None, Some(json)) => Ok(json.media()),
            (None, None) => Err(NotAcceptable),
        }
    }

    /// The type as the answer's header has it.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::AnyJson | Self::Json => "application/json; charset=utf-8",
            Self::GraphQlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }
}

/// Whether the caller names HTML: a browser does, and no client of the API.
pub(crate) fn names_html(headers: &HeaderMap) -> bool {
    worth(&ranges(headers), HTML).is_some_and(|worth| worth.by_name && worth.quality > 0)
}

/// A media range of RFC 9110, section 12.5.1.
struct Range {
    kind: String,
    subtype: String,
    /// Thousandths.
    quality: u16,
}

/// How much a type is wanted.
#[derive(Clone, Copy)]
struct Worth {
    quality: u16,
    by_name: bool,
}

impl Worth {
    fn media(self) -> Media {
        if self.by_name { Media::Json } else { Media::AnyJson }
    }
}

/// What the most specific of the ranges that fit says.
fn worth(ranges: &[Range], (kind, subtype): (&str, &str)) -> Option<Worth> {
    let fitting = ranges.iter().filter_map(|range| {
        let specific = match (range.kind.as_str(), range.subtype.as_str()) {
            (k, s) if k == kind && s == subtype => 2,
            (k, "*") if k == kind => 1,
            ("*", "*") => 0,
            _ => return None,
        };
        Some((specific, range.quality))
    });
    fitting.max().map(|(specific, quality)| Worth { quality, by_name: specific == 2 })
}

fn ranges(headers: &HeaderMap) -> Vec<Range> {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(range).collect()
}

/// One range; none if it is empty, or no range.
fn range(text: &str) -> Option<Range> {
    let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
    let media = parts.next()?;
    let (kind, subtype) = media.split_once('/')?;
    let mut quality = 1000;
    for parameter in parts {
        match parameter.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
            // A weight that is none is not held against the type.
            Some(("q", weight)) => quality = thousandths(weight).unwrap_or(1000),
            // An encoding that we do not write.
            Some(("charset", charset)) if !is_utf8(charset) => return Some(none_of(kind, subtype)),
            Some(_) | None => {}
        }
    }
    Some(Range { kind: kind.to_owned(), subtype: subtype.to_owned(), quality })
}

fn none_of(kind: &str, subtype: &str) -> Range {
    Range { kind: kind.to_owned(), subtype: subtype.to_owned(), quality: 0 }
}

/// Whether a `charset` parameter names UTF-8, in quotes or not.
pub(crate) fn is_utf8(charset: &str) -> bool {
    let charset = charset.trim_matches('"');
    ["utf-8", "utf8"].iter().any(|name| charset.eq_ignore_ascii_case(name))
}

/// A weight of RFC 9110, section 12.4.2: 0 to 1 with at most three decimals.
fn thousandths(weight: &str) -> Option<u16> {
    let (whole, decimals) = weight.split_once('.').unwrap_or((weight, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match whole {
        "0" => format!("{decimals:0<3}").parse().ok(),
        "1" if decimals.bytes().all(|byte| byte == b'0') => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(accept: &str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT, HeaderValue::from_str(accept).unwrap())])
    }

    #[test]
    fn the_type_accepted_best_is_chosen() {
        use Media::{AnyJson, GraphQlResponse, Json};
        for (accept, expected) in [
            ("*/*", Ok(AnyJson)),
            ("", Ok(AnyJson)),
            ("application/*", Ok(AnyJson)),
            ("text/html, */*;q=0.8", Ok(AnyJson)),
            ("application/json", Ok(Json)),
            ("Application/JSON; charset=UTF-8", Ok(Json)),
            ("application/json, */*", Ok(Json)),
            ("application/graphql-response+json", Ok(GraphQlResponse)),
            (
                "application/graphql-response+json; charset=\"utf-8\", application/json;q=0.9",
                Ok(GraphQlResponse),
            ),
            ("application/json, application/graphql-response+json", Ok(GraphQlResponse)),
            ("application/graphql-response+json;q=0.5, application/json;q=0.501", Ok(Json)),
            ("application/graphql-response+json;q=0.5, */*;q=0.1", Ok(GraphQlResponse)),
            ("application/graphql-response+json;q=0, */*", Ok(AnyJson)),
            ("application/json;q=0, */*", Ok(GraphQlResponse)),
            ("application/json; charset=iso-8859-1", Err(NotAcceptable)),
            ("application/json;q=0.0, application/graphql-response+json", Ok(GraphQlResponse)),
            ("application/json;q=nonsense", Ok(Json)),
            ("text/html", Err(NotAcceptable)),
            ("*/*;q=0", Err(NotAcceptable)),
            ("application/json; charset=iso-8859-1, text/plain", Err(NotAcceptable)),
        ] {
            assert_eq!(Media::of(&headers(accept)), expected, "{accept:?}");
        }
        assert_eq!(Media::of(&HeaderMap::new()), Ok(AnyJson));
    }

    #[test]
    fn only_browsers_name_html() {
        assert!(names_html(&headers("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")));
        for other in ["*/*", "text/*", "text/html;q=0", "application/json"] {
            assert!(!names_html(&headers(other)), "{other}");
        }
    }
}
