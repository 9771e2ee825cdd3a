//! Networks: blocks of IP addresses in CIDR notation (RFC 4632, RFC 4291), and the lists of them that keys may carry.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;

use crate::rejection::Refusal;

/// A block of addresses: those that begin with the same bits.
///
/// An IPv4 address that is written as IPv6 (`::ffff:192.0.2.1`) is that IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    first: IpAddr,
    prefix_bits: u8,
}

/// Why a text is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Not an address, or not followed by a length that it can have.
    #[error("a network is an IP address, or a block in CIDR notation such as 192.0.2.0/24 or 2001:db8::/32")]
    Malformed,
    /// The address goes on behind the prefix: it is not clear which block is meant.
    #[error("this block begins at {first}; write {first}, or a longer prefix")]
    NotAtItsStart {
        /// The block that holds the address.
        first: Network,
    },
}

impl Network {
    /// The block of this address and this many bits, if the address is the block's first.
    pub fn new(first: IpAddr, prefix_bits: u8) -> Result<Self, NetworkError> {
        if prefix_bits > width(first) {
            return Err(NetworkError::Malformed);
        }
        let (first, prefix_bits) = match (first.to_canonical(), first) {
            // `::ffff:192.0.2.0/120` is `192.0.2.0/24`. A shorter prefix reaches beyond the mapped addresses.
            (v4 @ IpAddr::V4(_), IpAddr::V6(_)) if prefix_bits >= 96 => (v4, prefix_bits - 96),
            (_, given) => (given, prefix_bits),
        };
        let block = Self { first: masked(first, prefix_bits), prefix_bits };
        if block.first == first { Ok(block) } else { Err(NetworkError::NotAtItsStart { first: block }) }
    }

    /// Reads an address or a block.
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, p)| (address, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Malformed)?;
        let Some(prefix) = prefix else { return Self::new(address, width(address)) };
        // `parse` of a number would take a sign.
        if prefix.is_empty() || !prefix.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NetworkError::Malformed);
        }
        Self::new(address, prefix.parse().map_err(|_| NetworkError::Malformed)?)
    }

    /// The first address of the block.
    pub const fn first(&self) -> IpAddr {
        self.first
    }

    /// How many leading bits all of its addresses share.
    pub const fn prefix_bits(&self) -> u8 {
        self.prefix_bits
    }

    /// Whether the address lies in the block.
    pub fn contains(&self, address: IpAddr) -> bool {
        masked(address.to_canonical(), self.prefix_bits) == self.first
    }

    /// Whether all of the other block lies in this one.
    pub fn covers(&self, other: &Self) -> bool {
        self.prefix_bits <= other.prefix_bits && masked(other.first, self.prefix_bits) == self.first
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix_bits)
    }
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The address with nothing behind its first bits; of more bits than it has, all are kept.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits.into())).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits.into())).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

/// From where a key is accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum AllowedAddresses {
    /// From everywhere.
    #[default]
    Any,
    /// From these networks and from nowhere else.
    Only(NetworkList),
}

/// A sorted list of networks without repetition; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NetworkList(Vec<Network>);

/// Why networks are not a list that a key can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkListError {
    /// A key that is accepted from nowhere would be a revoked one.
    #[error("name at least one network; without a list the key is accepted from everywhere")]
    Empty,
    /// More than one key can carry.
    #[error("a key may name at most {} networks", AllowedAddresses::COUNT_MAX)]
    TooMany,
    /// One of them is none.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

impl NetworkList {
    /// The networks in order.
    pub fn as_slice(&self) -> &[Network] {
        &self.0
    }
}

impl AllowedAddresses {
    /// The most networks that one key can name.
    pub const COUNT_MAX: usize = 32;

    /// These networks, in whatever order and however often they are given.
    pub fn only(networks: impl IntoIterator<Item = Network>) -> Result<Self, NetworkListError> {
        let mut networks: Vec<_> = networks.into_iter().collect();
        networks.sort_unstable();
        networks.dedup();
        match networks.len() {
            0 => Err(NetworkListError::Empty),
            n if n > Self::COUNT_MAX => Err(NetworkListError::TooMany),
            _ => Ok(Self::Only(NetworkList(networks))),
        }
    }

    /// Reads each as [`Network::parse`] does.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, NetworkListError> {
        let networks: Result<Vec<_>, _> = texts.into_iter().map(Network::parse).collect();
        Self::only(networks?)
    }

    /// Lets a caller at this address in. One whose address nobody knows may be anywhere.
    pub fn admit(&self, address: Option<IpAddr>) -> Result<(), Refusal> {
        let listed = match self {
            Self::Any => true,
            Self::Only(list) => {
                address.is_some_and(|address| list.0.iter().any(|network| network.contains(address)))
            }
        };
        if listed { Ok(()) } else { Err(Refusal::AddressNotAllowed) }
    }

    /// Whether each of these networks lies in one of the others: such a list lets nobody more in.
    pub fn within(&self, wider: &Self) -> bool {
        match (self, wider) {
            (_, Self::Any) => true,
            (Self::Any, Self::Only(_)) => false,
            (Self::Only(list), Self::Only(wider)) => {
                list.0.iter().all(|network| wider.0.iter().any(|wide| wide.covers(network)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn blocks_are_read_in_cidr_notation_and_written_so() {
        for text in ["192.0.2.0/24", "10.0.0.0/8", "0.0.0.0/0", "::/0", "2001:db8::/32", "192.0.2.7/32"] {
            assert_eq!(network(text).to_string(), text);
        }
        assert_eq!(network("192.0.2.7"), network("192.0.2.7/32"));
        assert_eq!(network("2001:db8::1").to_string(), "2001:db8::1/128");
        let malformed = ["", "/", "10/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/+8", "::/129", "a.example/8"];
        for text in
            malformed.into_iter().chain(["10.0.0.0/08x", " 10.0.0.0/8", "10.0.0.0/8/8", "fe80::1%eth0"])
        {
            assert_eq!(Network::parse(text), Err(NetworkError::Malformed), "{text}");
        }
    }

    #[test]
    fn a_block_is_named_by_its_first_address() {
        let error = Network::parse("10.1.2.3/8").unwrap_err();
        assert_eq!(error, NetworkError::NotAtItsStart { first: network("10.0.0.0/8") });
        assert!(error.to_string().contains("10.0.0.0/8"));
        assert!(Network::parse("2001:db8::1/32").is_err());
        assert!(Network::parse("1.0.0.0/0").is_err());
    }

    #[test]
    fn an_address_lies_in_the_blocks_whose_bits_it_begins_with() {
        for (block, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.128/25", "192.0.2.128", "192.0.2.127"),
            ("192.0.2.7/32", "192.0.2.7", "192.0.2.6"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"),
            ("::/0", "ffff::", "192.0.2.1"),
        ] {
            assert!(network(block).contains(address(inside)), "{inside} in {block}");
            assert!(!network(block).contains(address(outside)), "{outside} in {block}");
        }
    }

    #[test]
    fn a_mapped_address_is_the_one_that_it_maps() {
        assert_eq!(network("::ffff:192.0.2.0/120"), network("192.0.2.0/24"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert!(network("192.0.2.0/24").contains(address("::ffff:192.0.2.9")));
        assert!(!network("192.0.2.0/24").contains(address("::192.0.2.9")));
    }

    #[test]
    fn a_block_covers_those_that_lie_in_it() {
        let covers = |wide: &str, narrow: &str| network(wide).covers(&network(narrow));
        assert!(covers("10.0.0.0/8", "10.0.0.0/8") && covers("10.0.0.0/8", "10.255.0.0/16"));
        assert!(covers("0.0.0.0/0", "10.0.0.0/8") && covers("::/0", "2001:db8::/32"));
        assert!(!covers("10.0.0.0/16", "10.0.0.0/8") && !covers("10.0.0.0/8", "11.0.0.0/16"));
        assert!(!covers("::/0", "10.0.0.0/8") && !covers("0.0.0.0/0", "::/0"));
    }

    #[test]
    fn lists_are_sorted_bounded_and_never_empty() {
        let list = AllowedAddresses::parse(["10.1.0.0/16", "10.0.0.0/16", "10.1.0.0/16"]).unwrap();
        let AllowedAddresses::Only(networks) = &list else { panic!("a list") };
        assert_eq!(networks.as_slice(), [network("10.0.0.0/16"), network("10.1.0.0/16")]);
        assert_eq!(AllowedAddresses::parse([]), Err(NetworkListError::Empty));
        let many: Vec<_> = (0..33).map(|n| format!("10.0.{n}.0/24")).collect();
        assert_eq!(AllowedAddresses::parse(many.iter().map(String::as_str)), Err(NetworkListError::TooMany));
    }

    #[test]
    fn who_is_nowhere_is_in_no_network() {
        let list = AllowedAddresses::parse(["10.0.0.0/8", "2001:db8::/32"]).unwrap();
        for inside in ["10.9.9.9", "2001:db8::5"] {
            assert_eq!(list.admit(Some(address(inside))), Ok(()));
        }
        for outside in [Some(address("11.0.0.1")), None] {
            assert_eq!(list.admit(outside), Err(Refusal::AddressNotAllowed));
            assert_eq!(AllowedAddresses::Any.admit(outside), Ok(()));
        }
    }

    #[test]
    fn a_list_is_within_another_if_each_of_its_networks_is() {
        let list = |texts: &[&str]| AllowedAddresses::parse(texts.iter().copied()).unwrap();
        let wide = list(&["10.0.0.0/8", "192.0.2.0/24"]);
        assert!(list(&["10.1.0.0/16", "192.0.2.7"]).within(&wide) && wide.within(&wide));
        assert!(!list(&["10.1.0.0/16", "192.0.3.7"]).within(&wide));
        assert!(wide.within(&AllowedAddresses::Any) && !AllowedAddresses::Any.within(&wide));
    }
}
