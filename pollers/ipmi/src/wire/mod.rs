//! Wire formats, both directions: bytes are checked once and become values that cannot be nonsense.
//!
//! Every `decode` takes bytes from anyone and answers `Malformed` where they break the format; every `encode`
//! appends to a buffer of the caller's. Both ends of the protocol are here, so that a server can be built on it.

pub mod asf;
mod cipher_suites;
mod cursor;
mod ipmi15;
mod lan;
mod open_session;
mod rakp;
mod rmcp;
mod rmcp_plus;
mod status;

pub use cipher_suites::{CipherSuiteRecord, decode_records, encode_record};
pub use ipmi15::Ipmi15Packet;
pub use lan::{BMC_ADDRESS, CONSOLE_ADDRESS, LanRequest, LanResponse};
pub use open_session::{Algorithms, OpenSessionRequest, OpenSessionResponse};
pub use rakp::{Rakp1, Rakp2, Rakp3, Rakp4, Role, UserName};
pub use rmcp::{Datagram, MAX_DATAGRAM};
pub use rmcp_plus::{PayloadType, RmcpPlusPacket, Trailer, encode_sessionless};
pub use status::Status;

pub(crate) use rmcp_plus::{begin_in_session, end_payload};

/// Why bytes are not the message that they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Malformed {
    /// The bytes end before the format does.
    #[error("the message is cut short")]
    Truncated,
    /// RMCP version other than 6, or a message class that is neither ASF nor IPMI.
    #[error("not an RMCP message")]
    NotRmcp,
    /// A session header of a kind that the format does not know.
    #[error("unknown session header")]
    UnknownHeader,
    /// A checksum of the LAN message is wrong.
    #[error("a checksum of the LAN message is wrong")]
    Checksum,
    /// A length field that cannot be right.
    #[error("a length field is wrong")]
    Length,
    /// Another message than the one expected, by its own type field.
    #[error("not the expected type of message")]
    Type,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise, and noise behind headers that are right, into every decoder of both ends: none may panic.
    #[test]
    fn no_decoder_panics_on_noise() {
        let mut state = 0x1234_5678_9abc_def0u64;
        let mut noise = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        let headers: [&[u8]; 5] = [
            &[],
            &[6, 0, 0xff, 7],
            &[6, 0, 0xff, 7, 6],
            &[6, 0, 0xff, 7, 0],
            &[6, 0, 0xff, 6, 0, 0, 0x11, 0xbe],
        ];
        let mut decoded = 0;
        for round in 0..20_000 {
            let length = usize::from(noise()) % 80;
            let mut bytes = headers[round % headers.len()].to_vec();
            bytes.extend((0..length).map(|_| noise() & noise()));
            if let Ok(Datagram::RmcpPlus(packet)) = Datagram::decode(&bytes) {
                decoded += 1;
                let _ = packet.trailer(12);
                let _ = packet.trailer(usize::MAX);
            }
            let _ = LanRequest::decode(&bytes);
            let _ = LanResponse::decode(&bytes);
            let _ = OpenSessionRequest::decode(&bytes);
            let _ = OpenSessionResponse::decode(&bytes);
            let _ = Rakp1::decode(&bytes);
            let _ = Rakp2::decode(&bytes);
            let _ = Rakp3::decode(&bytes);
            let _ = Rakp4::decode(&bytes);
            let _ = decode_records(&bytes);
        }
        assert!(decoded > 100, "only {decoded} got past the header");
    }
}
