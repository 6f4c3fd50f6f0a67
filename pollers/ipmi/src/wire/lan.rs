use super::{Malformed, cursor::Cursor};

/// The BMC's slave address (IPMI 2.0 clause 13.8).
pub const BMC_ADDRESS: u8 = 0x20;
/// The software id of a remote console (clause 5.5).
pub const CONSOLE_ADDRESS: u8 = 0x81;

/// Request form of the LAN message (IPMI 2.0 table 13-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LanRequest<'a> {
    /// Responder's address; `BMC_ADDRESS`.
    pub responder: u8,
    /// Responder's logical unit, 0 to 3.
    pub lun: u8,
    /// Network function, even.
    pub netfn: u8,
    /// Requester's address; `CONSOLE_ADDRESS`.
    pub requester: u8,
    /// Requester's logical unit.
    pub requester_lun: u8,
    /// Request sequence number, six bits.
    pub sequence: u8,
    /// Command number.
    pub command: u8,
    /// After the command number.
    pub data: &'a [u8],
}

/// Response form of the LAN message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LanResponse<'a> {
    /// Requester's address, as it was in the request.
    pub requester: u8,
    /// Requester's logical unit.
    pub requester_lun: u8,
    /// Network function of the request plus one.
    pub netfn: u8,
    /// Responder's address.
    pub responder: u8,
    /// Responder's logical unit.
    pub lun: u8,
    /// Request sequence number of the request.
    pub sequence: u8,
    /// Command number of the request.
    pub command: u8,
    /// Completion code; 0 is success (table 5-2).
    pub completion: u8,
    /// After the completion code.
    pub data: &'a [u8],
}

impl<'a> LanRequest<'a> {
    /// Checks both checksums and takes the message apart.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let Parts { first, first_low, netfn, second, sequence, second_low, command, rest } =
            take_apart(bytes)?;
        Ok(Self {
            responder: first,
            lun: first_low,
            netfn,
            requester: second,
            requester_lun: second_low,
            sequence,
            command,
            data: rest,
        })
    }

    /// Appends the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_header(out, self.responder, self.netfn, self.lun);
        let body = out.len();
        out.extend_from_slice(&[
            self.requester,
            self.sequence << 2 | self.requester_lun & 0x03,
            self.command,
        ]);
        out.extend_from_slice(self.data);
        put_checksum(out, body);
    }
}

impl<'a> LanResponse<'a> {
    /// Checks both checksums and takes the message apart.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Self::of(take_apart(bytes)?)
    }

    /// Takes the message apart, whatever its checksums say: for BMCs that get them wrong, where another code covers the
    /// message.
    pub fn decode_unchecked(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Self::of(cut(bytes)?)
    }

    fn of(parts: Parts<'a>) -> Result<Self, Malformed> {
        let Parts { first, first_low, netfn, second, sequence, second_low, command, rest } = parts;
        let (&completion, data) = rest.split_first().ok_or(Malformed::Truncated)?;
        Ok(Self {
            requester: first,
            requester_lun: first_low,
            netfn,
            responder: second,
            lun: second_low,
            sequence,
            command,
            completion,
            data,
        })
    }

    /// Appends the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_header(out, self.requester, self.netfn, self.requester_lun);
        let body = out.len();
        out.extend_from_slice(&[
            self.responder,
            self.sequence << 2 | self.lun & 0x03,
            self.command,
            self.completion,
        ]);
        out.extend_from_slice(self.data);
        put_checksum(out, body);
    }

    /// The answer to `request`.
    pub fn to(request: &LanRequest<'_>, completion: u8, data: &'a [u8]) -> Self {
        Self {
            requester: request.requester,
            requester_lun: request.requester_lun,
            netfn: request.netfn | 1,
            responder: request.responder,
            lun: request.lun,
            sequence: request.sequence,
            command: request.command,
            completion,
            data,
        }
    }
}

/// Both forms have the same bones.
struct Parts<'a> {
    first: u8,
    first_low: u8,
    netfn: u8,
    second: u8,
    sequence: u8,
    second_low: u8,
    command: u8,
    rest: &'a [u8],
}

fn take_apart(bytes: &[u8]) -> Result<Parts<'_>, Malformed> {
    let parts = cut(bytes)?;
    match bytes.split_at_checked(3) {
        Some((header, body)) if sum(header) == 0 && sum(body) == 0 => Ok(parts),
        _ => Err(Malformed::Checksum),
    }
}

/// Without a look at the checksums.
fn cut(bytes: &[u8]) -> Result<Parts<'_>, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let header: [u8; 3] = cursor.array()?;
    // Address, sequence, command, checksum.
    if cursor.rest().len() < 4 {
        return Err(Malformed::Truncated);
    }
    let [first, netfn, _checksum] = header;
    let [second, sequence, command] = cursor.array()?;
    let rest = cursor.rest();
    Ok(Parts {
        first,
        first_low: netfn & 0x03,
        netfn: netfn >> 2,
        second,
        sequence: sequence >> 2,
        second_low: sequence & 0x03,
        command,
        rest: rest.split_last().map_or(&[], |(_checksum, data)| data),
    })
}

fn put_header(out: &mut Vec<u8>, address: u8, netfn: u8, lun: u8) {
    let start = out.len();
    out.extend_from_slice(&[address, netfn << 2 | lun & 0x03]);
    put_checksum(out, start);
}

fn put_checksum(out: &mut Vec<u8>, from: usize) {
    let checksum = out.get(from..).map_or(0, sum).wrapping_neg();
    out.push(checksum);
}

/// Two's complement checksum: the bytes with their checksum add up to 0 (clause 13.8).
fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHASSIS_STATUS: LanRequest<'static> = LanRequest {
        responder: BMC_ADDRESS,
        lun: 0,
        netfn: 0x00,
        requester: CONSOLE_ADDRESS,
        requester_lun: 0,
        sequence: 5,
        command: 0x01,
        data: &[],
    };

    #[test]
    fn request_is_pinned_and_comes_back() {
        let mut bytes = Vec::new();
        CHASSIS_STATUS.encode(&mut bytes);
        assert_eq!(bytes, [0x20, 0x00, 0xe0, 0x81, 0x14, 0x01, 0x6a]);
        assert_eq!(LanRequest::decode(&bytes), Ok(CHASSIS_STATUS));
    }

    #[test]
    fn response_answers_its_request_and_comes_back() {
        let response = LanResponse::to(&CHASSIS_STATUS, 0x00, &[0x21, 0x10, 0x40]);
        let mut bytes = Vec::new();
        response.encode(&mut bytes);
        assert_eq!(&bytes[..2], [0x81, 0x04]);
        assert_eq!(LanResponse::decode(&bytes), Ok(response));
    }

    #[test]
    fn any_changed_byte_breaks_a_checksum_and_no_prefix_panics() {
        let mut bytes = Vec::new();
        LanResponse::to(&CHASSIS_STATUS, 0x00, &[1, 2, 3]).encode(&mut bytes);
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 0x40;
            assert_eq!(LanResponse::decode(&changed), Err(Malformed::Checksum));
            assert!(LanResponse::decode(&bytes[..index]).is_err());
        }
    }

    #[test]
    fn shortest_messages() {
        // A response without a completion code is none.
        let mut bytes = Vec::new();
        CHASSIS_STATUS.encode(&mut bytes);
        assert_eq!(LanResponse::decode(&bytes), Err(Malformed::Truncated));
    }
}
