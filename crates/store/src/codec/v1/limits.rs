//! The limits of a key as they are stored: networks, rates.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bincode::{Decode, Encode};
use domain::limits::RateLimit;
use domain::network::{AllowedAddresses, Network};

use crate::codec::codes::address;
use crate::codec::error::Malformed;

/// The bytes of an IPv4 address are followed by twelve zeros.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct NetworkV1 {
    kind: u8,
    first: [u8; 16],
    prefix_bits: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite, wincode::SchemaRead))]
pub(in crate::codec) struct RateLimitV1 {
    requests: u32,
    period_seconds: u32,
}

impl From<&Network> for NetworkV1 {
    fn from(network: &Network) -> Self {
        let (kind, first) = match network.first() {
            IpAddr::V4(v4) => {
                let mut first = [0; 16];
                first[..4].copy_from_slice(&v4.octets());
                (address::V4, first)
            }
            IpAddr::V6(v6) => (address::V6, v6.octets()),
        };
        Self { kind, first, prefix_bits: network.prefix_bits() }
    }
}

impl TryFrom<NetworkV1> for Network {
    type Error = Malformed;

    fn try_from(stored: NetworkV1) -> Result<Self, Malformed> {
        let first: IpAddr = match stored.kind {
            address::V4 => {
                let [a, b, c, d, ..] = stored.first;
                Ipv4Addr::new(a, b, c, d).into()
            }
            address::V6 => Ipv6Addr::from(stored.first).into(),
            found => return Err(Malformed::Code { what: "network", found }),
        };
        let network = Self::new(first, stored.prefix_bits)?;
        // Bytes behind an IPv4 address, or one that is written as IPv6, would be a second spelling.
        if NetworkV1::from(&network) == stored { Ok(network) } else { Err(Malformed::NetworkSpelling) }
    }
}

/// None: from everywhere. Otherwise the networks in strictly ascending order, IPv4 first.
pub(in crate::codec) fn of_addresses(addresses: &AllowedAddresses) -> Option<Vec<NetworkV1>> {
    match addresses {
        AllowedAddresses::Any => None,
        AllowedAddresses::Only(list) => Some(list.as_slice().iter().map(NetworkV1::from).collect()),
    }
}

pub(in crate::codec) fn addresses(stored: Option<Vec<NetworkV1>>) -> Result<AllowedAddresses, Malformed> {
    let Some(stored) = stored else { return Ok(AllowedAddresses::Any) };
    let networks: Result<Vec<Network>, _> = stored.into_iter().map(Network::try_from).collect();
    let networks = networks?;
    if !networks.is_sorted_by(|a, b| a < b) {
        return Err(Malformed::NetworkOrder);
    }
    Ok(AllowedAddresses::only(networks)?)
}

impl From<RateLimit> for RateLimitV1 {
    fn from(rate: RateLimit) -> Self {
        Self { requests: rate.requests(), period_seconds: rate.period_seconds() }
    }
}

impl TryFrom<RateLimitV1> for RateLimit {
    type Error = Malformed;

    fn try_from(stored: RateLimitV1) -> Result<Self, Malformed> {
        Ok(Self::new(stored.requests, stored.period_seconds)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(kind: u8, first: &[u8], prefix_bits: u8) -> NetworkV1 {
        let mut bytes = [0; 16];
        bytes[..first.len()].copy_from_slice(first);
        NetworkV1 { kind, first: bytes, prefix_bits }
    }

    #[test]
    fn a_network_has_one_spelling() {
        let ours = Network::parse("10.0.0.0/8").unwrap();
        assert_eq!(Network::try_from(stored(4, &[10], 8)), Ok(ours));
        assert!(matches!(Network::try_from(stored(4, &[10, 1], 8)), Err(Malformed::Network(_))));
        assert!(matches!(Network::try_from(stored(4, &[10], 33)), Err(Malformed::Network(_))));
        assert_eq!(Network::try_from(stored(4, &[10, 0, 0, 0, 1], 8)), Err(Malformed::NetworkSpelling));
        let mapped = stored(6, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10], 104);
        assert_eq!(Network::try_from(mapped), Err(Malformed::NetworkSpelling));
        let unknown = Malformed::Code { what: "network", found: 5 };
        assert_eq!(Network::try_from(stored(5, &[10], 8)), Err(unknown));
    }

    #[test]
    fn a_list_of_networks_has_one_order_and_is_not_empty() {
        let (low, high) = (stored(4, &[10], 8), stored(4, &[11], 8));
        assert!(addresses(Some(vec![low.clone(), high.clone()])).is_ok());
        assert_eq!(addresses(Some(vec![high, low.clone()])), Err(Malformed::NetworkOrder));
        assert_eq!(addresses(Some(vec![low.clone(), low])), Err(Malformed::NetworkOrder));
        assert!(matches!(addresses(Some(vec![])), Err(Malformed::NetworkList(_))));
        assert_eq!(addresses(None), Ok(AllowedAddresses::Any));
    }

    #[test]
    fn a_rate_has_bounds() {
        let stored = RateLimitV1 { requests: 0, period_seconds: 1 };
        assert!(matches!(RateLimit::try_from(stored), Err(Malformed::RateLimit(_))));
    }
}
