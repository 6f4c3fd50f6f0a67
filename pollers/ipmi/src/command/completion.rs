//! Completion codes (IPMI 2.0 table 5-2).

use rackpoll_model::{Fault, FaultKind};

/// Command completed normally.
pub const OK: u8 = 0x00;
/// Node busy: resources for the command are temporarily not there. Not the same as gone.
pub const NODE_BUSY: u8 = 0xc0;
/// Invalid command: unknown or not supported.
pub const INVALID_COMMAND: u8 = 0xc1;
/// Timeout while processing the command.
pub const PROCESSING_TIMEOUT: u8 = 0xc3;
/// Out of space.
pub const OUT_OF_SPACE: u8 = 0xc4;
/// Reservation canceled or invalid.
pub const RESERVATION_CANCELED: u8 = 0xc5;
/// Request data length invalid.
pub const REQUEST_LENGTH: u8 = 0xc7;
/// Parameter out of range.
pub const OUT_OF_RANGE: u8 = 0xc9;
/// Cannot return the number of requested data bytes.
pub const CANNOT_RETURN_BYTES: u8 = 0xca;
/// Requested sensor, data or record not present.
pub const NOT_PRESENT: u8 = 0xcb;
/// Invalid data field in the request.
pub const INVALID_DATA_FIELD: u8 = 0xcc;
/// The destination is unavailable: a controller that nothing answers for.
pub const DESTINATION_UNAVAILABLE: u8 = 0xd3;
/// Insufficient privilege level.
pub const INSUFFICIENT_PRIVILEGE: u8 = 0xd4;
/// Command or parameter not supported in the present state.
pub const NOT_IN_THIS_STATE: u8 = 0xd5;
/// Unspecified error.
pub const UNSPECIFIED: u8 = 0xff;

/// What the code means, in words for a person.
pub fn meaning(code: u8) -> &'static str {
    match code {
        OK => "completed normally",
        0x01..=0x7e => "an OEM code",
        0x80..=0xbe => "a code of this command's own",
        NODE_BUSY => "busy",
        INVALID_COMMAND => "the command is unknown or not supported",
        0xc2 => "the command is not valid for this logical unit",
        PROCESSING_TIMEOUT => "a time-out while processing the command",
        OUT_OF_SPACE => "out of space",
        RESERVATION_CANCELED => "the reservation is canceled or invalid",
        0xc6 => "the request data is truncated",
        REQUEST_LENGTH => "the request's length is invalid",
        0xc8 => "the request's length is over the limit",
        OUT_OF_RANGE => "a parameter is out of range",
        CANNOT_RETURN_BYTES => "the number of bytes asked for cannot be returned",
        NOT_PRESENT => "the sensor, data or record is not present",
        INVALID_DATA_FIELD => "a field of the request is invalid",
        0xcd => "the command is not for this kind of sensor or record",
        0xce => "no response could be provided",
        0xcf => "a duplicated request",
        0xd0 => "the SDR repository is being updated",
        0xd1 => "the firmware is being updated",
        0xd2 => "the BMC is initializing",
        DESTINATION_UNAVAILABLE => "the destination is unavailable",
        INSUFFICIENT_PRIVILEGE => "insufficient privilege",
        NOT_IN_THIS_STATE => "not supported in the present state",
        0xd6 => "the sub-function is disabled",
        UNSPECIFIED => "an unspecified error",
        _ => "an unknown code",
    }
}

/// The fault that a refusal of `command` (its name in the specification) stands for.
pub fn fault(command: &str, code: u8) -> Fault {
    let what = meaning(code);
    match code {
        INSUFFICIENT_PRIVILEGE => Fault::new(
            FaultKind::InsufficientPrivilege,
            format!(
                "{command} needs more privilege than this user's session has (completion code 0xd4); raise the user's privilege limit on the BMC's LAN channel"
            ),
        ),
        NODE_BUSY | PROCESSING_TIMEOUT | 0xce | 0xd0 | 0xd1 | 0xd2 => {
            Fault::new(FaultKind::Busy, format!("{command}: {what} (completion code {code:#04x})"))
        }
        _ => Fault::new(FaultKind::Refused, format!("{command}: {what} (completion code {code:#04x})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_kinds_by_who_can_help() {
        assert_eq!(fault("X", 0xd4).kind, FaultKind::InsufficientPrivilege);
        assert_eq!(fault("X", 0xc0).kind, FaultKind::Busy);
        assert_eq!(fault("X", 0xc1).kind, FaultKind::Refused);
        assert!(
            fault("Get SDR", 0xcb).message.contains("Get SDR") && fault("X", 0xcb).message.contains("0xcb")
        );
    }
}
