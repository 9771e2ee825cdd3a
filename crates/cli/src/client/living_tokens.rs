//! How many tokens live, in words: approximate, as the server counts them since it started.

use serde_json::Value;

use super::show;

/// What is asked of them.
pub const SELECTION: &str = "tokens { living last_ends_at counted_since uncounted_until approximate }";

/// What is known of them; null: the answer does not say.
pub fn words(tokens: &Value) -> String {
    if tokens.is_null() {
        return "not kept".to_owned();
    }
    let uncounted = tokens["uncounted_until"].as_str();
    let least = if uncounted.is_some() { "at least " } else { "" };
    let last = match tokens["last_ends_at"].as_str() {
        Some(_) => format!(", the last until {}", show::cell(tokens, "last_ends_at")),
        None => String::new(),
    };
    let others = uncounted.map(|_| {
        let (until, since) = (show::cell(tokens, "uncounted_until"), show::cell(tokens, "counted_since"));
        format!("; counted since {since}: until {until} there may be others, made before")
    });
    format!("{least}{}{last}{}", show::cell_or(tokens, "living", "0"), others.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_counted_is_said() {
        let tokens = |living: u64, last: Option<&str>, uncounted: Option<&str>| {
            words(
                &json!({"living": living, "last_ends_at": last, "counted_since": "S", "uncounted_until": uncounted}),
            )
        };
        assert_eq!(words(&Value::Null), "not kept");
        assert_eq!(tokens(0, None, None), "0");
        assert_eq!(tokens(2, Some("L"), None), "2, the last until L");
        let told = "at least 2, the last until L; counted since S: until U there may be others, made before";
        assert_eq!(tokens(2, Some("L"), Some("U")), told);
    }
}
