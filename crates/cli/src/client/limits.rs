//! Limits of keys as people write them: networks in CIDR notation, rates such as `100/1m`.

use clap::Args;
use domain::limits::RateLimit;
use domain::network::Network;
use serde_json::{Value, json};

use super::seconds::Seconds;
use super::show;
use crate::args::MalformedValue;

/// What a new key is to be held to.
#[derive(Debug, Default, Args)]
pub struct LimitArgs {
    /// Accept it only from this network or address, such as 10.0.0.0/8; several with commas between [default: from wherever the key used is]
    #[arg(long, value_name = "CIDR", value_parser = Network::parse, value_delimiter = ',')]
    pub allow: Vec<Network>,
    /// Accept it at most so often, such as 100/1m [default: as often as it is shown]
    #[arg(long, value_name = "RATE", value_parser = Rate::parse)]
    pub rate: Option<Rate>,
}

/// So many requests in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub RateLimit);

impl Rate {
    /// Reads `100/1m`, `5/s` or `1000/24h`.
    pub fn parse(text: &str) -> Result<Self, MalformedValue> {
        let malformed = MalformedValue(
            "give requests and a time, such as 100/1m, 5/s or 10000/24h: at most 1000000 in at most a day",
        );
        let (requests, time) = text.split_once('/').ok_or(malformed)?;
        let requests: u32 = requests.parse().map_err(|_| malformed)?;
        // A unit alone is one of it.
        let one = time.starts_with(|c: char| c.is_ascii_alphabetic()).then(|| format!("1{time}"));
        let seconds = Seconds::parse(one.as_deref().unwrap_or(time)).map_err(|_| malformed)?;
        let seconds = u32::try_from(seconds.0).map_err(|_| malformed)?;
        RateLimit::new(requests, seconds).map(Self).map_err(|_| malformed)
    }

    /// As the API takes it.
    pub fn input(self) -> Value {
        json!({"requests": self.0.requests(), "period_seconds": self.0.period_seconds()})
    }
}

/// Networks as the API takes them; null if there are none.
pub fn networks(networks: &[Network]) -> Value {
    if networks.is_empty() { Value::Null } else { networks.iter().map(Network::to_string).collect() }
}

/// From where a listed key is accepted, for people.
pub fn addresses_of(key: &Value) -> String {
    show::cell_or(key, "allowed_addresses", "anywhere")
}

/// How often a listed key is accepted, for people.
pub fn rate_of(key: &Value) -> String {
    let rate = &key["rate_limit"];
    match (rate["requests"].as_u64(), rate["period_seconds"].as_u64()) {
        (Some(requests), Some(seconds)) => format!("{requests} requests in {seconds} s"),
        (_, _) => "any".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_requests_in_a_time() {
        let read = |text: &str| Rate::parse(text).map(|rate| (rate.0.requests(), rate.0.period_seconds()));
        assert_eq!(read("100/1m").unwrap(), (100, 60));
        assert_eq!(read("5/s").unwrap(), (5, 1));
        assert_eq!(read("10000/24h").unwrap(), (10_000, 86_400));
        for bad in
            ["", "100", "/1m", "100/", "0/1m", "1000001/1m", "1/25h", "10/30", "-1/1m", "1/1m/1m", "ten/1m"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
