//! How a device's place is written: an address, a name, `host:port`, `[v6]:port`.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use crate::job::Target;

/// A device's place as it was written, and what it means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host {
    written: String,
    place: Place,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Address(IpAddr),
    Name(String),
}

/// Why a text names no device's place. The text itself is not in it: it may hold a password (`user:password@host`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostFault {
    /// Nothing at all.
    #[error("the host is empty")]
    Empty,
    /// A MAC address; resolving those is not built yet.
    #[error("the host is a MAC address, which cannot be resolved yet; give an address or a name")]
    MacAddress,
    /// `fe80::1%eth0`.
    #[error("the host is an IPv6 address with a zone, which is not supported yet")]
    ZonedAddress,
    /// Port 0, too large, or no number.
    #[error("the host's port has to be 1 to 65535")]
    Port,
    /// `0.0.0.0`, `::`, a multicast or broadcast address.
    #[error("the host is no address of a single device")]
    NotUnicast,
    /// Neither an address nor a name.
    #[error("the host is no IPv4 or IPv6 address, name, host:port or [v6]:port")]
    Malformed,
}

impl Host {
    /// Reads any of the forms of contract.md, section 2.
    pub fn parse(text: &str) -> Result<Self, HostFault> {
        if text.is_empty() {
            return Err(HostFault::Empty);
        }
        if is_mac(text) {
            return Err(HostFault::MacAddress);
        }
        let (place, port) = split(text)?;
        Ok(Self { written: text.to_owned(), place, port })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The address, where it was written as one.
    pub fn address(&self) -> Option<IpAddr> {
        match self.place {
            Place::Address(address) => Some(address),
            Place::Name(_) => None,
        }
    }

    /// The place with its port: the written one, else the protocol's. Two writings of one address give one `name`.
    pub fn target(&self, default_port: u16) -> Target {
        let name = match &self.place {
            Place::Address(address) => address.to_string(),
            Place::Name(name) => name.clone(),
        };
        Target { host: self.written.clone(), name, port: self.port.unwrap_or(default_port) }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

fn split(text: &str) -> Result<(Place, Option<u16>), HostFault> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, tail) = rest.split_once(']').ok_or(HostFault::Malformed)?;
        let address = v6(inside)?.ok_or(HostFault::Malformed)?;
        let port = match tail.strip_prefix(':') {
            Some(digits) => Some(port(digits)?),
            None if tail.is_empty() => None,
            None => return Err(HostFault::Malformed),
        };
        return Ok((Place::Address(unicast(address.into())?), port));
    }
    if text.bytes().filter(|byte| *byte == b':').count() > 1 {
        let address = v6(text)?.ok_or(HostFault::Malformed)?;
        return Ok((Place::Address(unicast(address.into())?), None));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, digits)) => (host, Some(port(digits)?)),
        None => (text, None),
    };
    if let Ok(address) = host.parse::<std::net::Ipv4Addr>() {
        return Ok((Place::Address(unicast(address.into())?), port));
    }
    Ok((Place::Name(host_name(host).ok_or(HostFault::Malformed)?), port))
}

fn port(digits: &str) -> Result<u16, HostFault> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(HostFault::Port);
    }
    digits.parse().ok().filter(|port| *port != 0).ok_or(HostFault::Port)
}

fn v6(text: &str) -> Result<Option<Ipv6Addr>, HostFault> {
    match text.split_once('%') {
        Some((address, _)) if address.parse::<Ipv6Addr>().is_ok() => Err(HostFault::ZonedAddress),
        Some(_) => Ok(None),
        None => Ok(text.parse().ok()),
    }
}

/// IPv4 in IPv6 clothes is IPv4, or fences drawn in IPv4 would not hold.
fn unicast(address: IpAddr) -> Result<IpAddr, HostFault> {
    let address = address.to_canonical();
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    if address.is_unspecified() || address.is_multicast() || broadcast {
        return Err(HostFault::NotUnicast);
    }
    Ok(address)
}

/// A name by RFC 1123, with the underscore that some sites use, in lower case.
///
/// A name that ends in a number is refused: resolvers read `10.1` or `0x7f000001` as addresses in old notations.
fn host_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let label_is_good = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    (name.len() <= 253 && !numeric && name.split('.').all(label_is_good)).then(|| name.to_ascii_lowercase())
}

/// `^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$`
fn is_mac(text: &str) -> bool {
    text.len() == 17
        && text.bytes().enumerate().all(|(at, byte)| {
            if at % 3 == 2 { byte == b':' || byte == b'-' } else { byte.is_ascii_hexdigit() }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_contract() {
        for (text, name, port) in [
            ("10.1.2.3", "10.1.2.3", 623),
            ("10.1.2.3:6230", "10.1.2.3", 6230),
            ("BMC-7.example.org", "bmc-7.example.org", 623),
            ("bmc:161", "bmc", 161),
            ("fe80::1", "fe80::1", 623),
            ("FE80:0:0::1", "fe80::1", 623),
            ("[fe80::1]", "fe80::1", 623),
            ("[fe80::1]:99", "fe80::1", 99),
            ("::ffff:10.0.0.1", "10.0.0.1", 623),
        ] {
            let target = Host::parse(text).unwrap().target(623);
            assert_eq!((target.host.as_str(), target.name.as_str(), target.port), (text, name, port));
        }
    }

    #[test]
    fn everything_else_is_told_apart() {
        for (text, fault) in [
            ("", HostFault::Empty),
            ("00:1b:2C:3d:4e:5f", HostFault::MacAddress),
            ("00-1b-2C-3d-4e-5f", HostFault::MacAddress),
            ("fe80::1%eth0", HostFault::ZonedAddress),
            ("10.0.0.1:0", HostFault::Port),
            ("10.0.0.1:70000", HostFault::Port),
            ("10.0.0.1:+1", HostFault::Port),
            ("bmc:", HostFault::Port),
            ("0.0.0.0", HostFault::NotUnicast),
            ("224.0.0.1", HostFault::NotUnicast),
            ("255.255.255.255", HostFault::NotUnicast),
            ("[::]:623", HostFault::NotUnicast),
            ("10.1", HostFault::Malformed),
            ("300.1.1.1", HostFault::Malformed),
            ("0x7f000001", HostFault::Malformed),
            ("2130706433", HostFault::Malformed),
            ("a b", HostFault::Malformed),
            ("-x", HostFault::Malformed),
            ("admin:secret@10.0.0.1", HostFault::Port),
            ("a@b", HostFault::Malformed),
            ("[fe80::1", HostFault::Malformed),
            ("[fe80::1]x", HostFault::Malformed),
            ("a..b", HostFault::Malformed),
            (".", HostFault::Malformed),
            ("tést", HostFault::Malformed),
        ] {
            assert_eq!(Host::parse(text), Err(fault), "{text}");
        }
    }
}
