/// RMCP+ and RAKP message status code (IPMI 2.0 table 13-15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u8);

impl Status {
    /// No errors.
    pub const OK: Self = Self(0x00);
    /// Insufficient resources to create a session: all slots are taken.
    pub const NO_RESOURCES: Self = Self(0x01);
    /// Invalid session id.
    pub const INVALID_SESSION_ID: Self = Self(0x02);
    /// Invalid authentication algorithm.
    pub const INVALID_AUTHENTICATION: Self = Self(0x04);
    /// Invalid integrity algorithm.
    pub const INVALID_INTEGRITY: Self = Self(0x05);
    /// No matching authentication payload.
    pub const NO_AUTHENTICATION: Self = Self(0x06);
    /// No matching integrity payload.
    pub const NO_INTEGRITY: Self = Self(0x07);
    /// Inactive session id.
    pub const INACTIVE_SESSION_ID: Self = Self(0x08);
    /// Invalid role.
    pub const INVALID_ROLE: Self = Self(0x09);
    /// Unauthorized role or privilege level requested.
    pub const UNAUTHORIZED_ROLE: Self = Self(0x0a);
    /// Insufficient resources to create a session at the requested role.
    pub const NO_RESOURCES_AT_ROLE: Self = Self(0x0b);
    /// Invalid name length.
    pub const INVALID_NAME_LENGTH: Self = Self(0x0c);
    /// Unauthorized name: no such user, or it is disabled.
    pub const UNAUTHORIZED_NAME: Self = Self(0x0d);
    /// Unauthorized GUID.
    pub const UNAUTHORIZED_GUID: Self = Self(0x0e);
    /// Invalid integrity check value.
    pub const INVALID_INTEGRITY_CHECK: Self = Self(0x0f);
    /// Invalid confidentiality algorithm.
    pub const INVALID_CONFIDENTIALITY: Self = Self(0x10);
    /// No cipher suite match with the proposed algorithms.
    pub const NO_CIPHER_SUITE: Self = Self(0x11);
    /// Illegal or unrecognized parameter.
    pub const ILLEGAL_PARAMETER: Self = Self(0x12);

    /// What the code means, in words for a person.
    pub fn meaning(self) -> &'static str {
        match self.0 {
            0x00 => "no errors",
            0x01 => "no free session slot",
            0x02 => "invalid session id",
            0x03 => "invalid payload type",
            0x04 => "invalid authentication algorithm",
            0x05 => "invalid integrity algorithm",
            0x06 => "no matching authentication payload",
            0x07 => "no matching integrity payload",
            0x08 => "inactive session id",
            0x09 => "invalid role",
            0x0a => "unauthorized role or privilege level",
            0x0b => "no free session slot at this privilege level",
            0x0c => "invalid name length",
            0x0d => "unauthorized name",
            0x0e => "unauthorized GUID",
            0x0f => "invalid integrity check value",
            0x10 => "invalid confidentiality algorithm",
            0x11 => "no cipher suite matches the proposed algorithms",
            0x12 => "illegal or unrecognized parameter",
            _ => "unknown status",
        }
    }

    /// Whether it says that the proposed algorithms will not do.
    pub fn refuses_algorithms(self) -> bool {
        matches!(
            self,
            Self::INVALID_AUTHENTICATION
                | Self::INVALID_INTEGRITY
                | Self::NO_AUTHENTICATION
                | Self::NO_INTEGRITY
                | Self::INVALID_CONFIDENTIALITY
                | Self::NO_CIPHER_SUITE
        )
    }
}
