//! Cryptography of RMCP+ sessions: cipher suites 3 and 17, and where they are allowed by name 0 to 2, 15 and 16.
//!
//! RAKP-HMAC key exchange (IPMI 2.0 clauses 13.19 to 13.23, 13.28 and 13.31), integrity (clause 13.28.1 and 13.28.4)
//! and AES-CBC-128 (clause 13.29). Keys are wiped when dropped and cannot print themselves.

mod confidentiality;
mod ipmi15;
mod mac;
mod rakp;
mod sealed;
mod session_keys;
mod suite;

pub use ipmi15::{IPMI_15_PASSWORD, Ipmi15Authentication, Ipmi15Key};
pub use mac::AuthCode;
pub use rakp::Transcript;
pub use sealed::{Unsealed, seal, unseal};
pub use session_keys::SessionKeys;
pub use suite::{Authentication, CipherSuite, Integrity};
