use super::{Malformed, Status, cursor::Cursor};

/// The three algorithm numbers of a session (IPMI 2.0 tables 13-17 to 13-19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Algorithms {
    /// Authentication algorithm.
    pub authentication: u8,
    /// Integrity algorithm.
    pub integrity: u8,
    /// Confidentiality algorithm.
    pub confidentiality: u8,
}

/// RMCP+ Open Session Request (IPMI 2.0 table 13-9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenSessionRequest {
    /// Comes back in the answer.
    pub tag: u8,
    /// Requested maximum privilege; 0 asks for the highest that the algorithms allow.
    pub privilege: u8,
    /// The console's id of the session, not 0.
    pub console_session_id: u32,
    /// What is proposed.
    pub algorithms: Algorithms,
}

/// RMCP+ Open Session Response (table 13-10). Refusals may be as short as two bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenSessionResponse {
    /// The BMC has a session for us.
    Accepted {
        /// The request's tag.
        tag: u8,
        /// Maximum privilege that the BMC allows.
        privilege: u8,
        /// The console's id, as it was in the request.
        console_session_id: u32,
        /// The BMC's id of the session.
        managed_session_id: u32,
        /// What the BMC has chosen.
        algorithms: Algorithms,
    },
    /// It has not.
    Refused {
        /// The request's tag.
        tag: u8,
        /// Why, never `Status::OK`.
        status: Status,
        /// The console's id, where the answer is long enough to hold it.
        console_session_id: Option<u32>,
    },
}

impl OpenSessionRequest {
    /// Takes a payload apart.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let [tag, privilege, _, _] = cursor.array()?;
        let console_session_id = cursor.u32()?;
        let algorithms = decode_algorithms(&mut cursor)?;
        Ok(Self { tag, privilege: privilege & 0x0f, console_session_id, algorithms })
    }

    /// Appends the payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.tag, self.privilege, 0, 0]);
        out.extend_from_slice(&self.console_session_id.to_le_bytes());
        encode_algorithms(out, self.algorithms);
    }
}

impl OpenSessionResponse {
    /// Takes a payload apart.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let [tag, status] = cursor.array()?;
        let status = Status(status);
        if status != Status::OK {
            let console_session_id = cursor.skip(2).and_then(|()| cursor.u32()).ok();
            return Ok(Self::Refused { tag, status, console_session_id });
        }
        let [privilege, _reserved] = cursor.array()?;
        let console_session_id = cursor.u32()?;
        let managed_session_id = cursor.u32()?;
        let algorithms = decode_algorithms(&mut cursor)?;
        Ok(Self::Accepted {
            tag,
            privilege: privilege & 0x0f,
            console_session_id,
            managed_session_id,
            algorithms,
        })
    }

    /// Appends the payload; a refusal in its long form where the console's id is known.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Accepted { tag, privilege, console_session_id, managed_session_id, algorithms } => {
                out.extend_from_slice(&[tag, Status::OK.0, privilege, 0]);
                out.extend_from_slice(&console_session_id.to_le_bytes());
                out.extend_from_slice(&managed_session_id.to_le_bytes());
                encode_algorithms(out, algorithms);
            }
            Self::Refused { tag, status, console_session_id } => {
                out.extend_from_slice(&[tag, status.0]);
                if let Some(id) = console_session_id {
                    out.extend_from_slice(&[0, 0]);
                    out.extend_from_slice(&id.to_le_bytes());
                }
            }
        }
    }
}

/// Length of one algorithm payload (table 13-9).
const ALGORITHM_PAYLOAD: u8 = 8;

fn decode_algorithms(cursor: &mut Cursor<'_>) -> Result<Algorithms, Malformed> {
    let mut numbers = [0; 3];
    for (kind, number) in numbers.iter_mut().enumerate() {
        let [payload_kind, _, _, length, algorithm, _, _, _] = cursor.array()?;
        if usize::from(payload_kind) != kind {
            return Err(Malformed::Type);
        }
        // Length 0 is the wildcard of table 13-9: the BMC chooses. It carries no algorithm, so nothing is agreed on.
        if length != ALGORITHM_PAYLOAD {
            return Err(Malformed::Length);
        }
        *number = algorithm & 0x3f;
    }
    let [authentication, integrity, confidentiality] = numbers;
    Ok(Algorithms { authentication, integrity, confidentiality })
}

fn encode_algorithms(out: &mut Vec<u8>, algorithms: Algorithms) {
    let numbers = [algorithms.authentication, algorithms.integrity, algorithms.confidentiality];
    for (kind, number) in (0u8..).zip(numbers) {
        out.extend_from_slice(&[kind, 0, 0, ALGORITHM_PAYLOAD, number, 0, 0, 0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUITE_3: Algorithms = Algorithms { authentication: 1, integrity: 1, confidentiality: 1 };

    #[test]
    fn request_comes_back_and_no_prefix_panics() {
        let request =
            OpenSessionRequest { tag: 3, privilege: 2, console_session_id: 0xa0a2_a3a4, algorithms: SUITE_3 };
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        assert_eq!(bytes.len(), 32);
        assert_eq!(OpenSessionRequest::decode(&bytes), Ok(request));
        for length in 0..bytes.len() {
            assert_eq!(OpenSessionRequest::decode(&bytes[..length]), Err(Malformed::Truncated));
        }
    }

    #[test]
    fn acceptance_comes_back() {
        let response = OpenSessionResponse::Accepted {
            tag: 3,
            privilege: 4,
            console_session_id: 1,
            managed_session_id: 2,
            algorithms: SUITE_3,
        };
        let mut bytes = Vec::new();
        response.encode(&mut bytes);
        assert_eq!(bytes.len(), 36);
        assert_eq!(OpenSessionResponse::decode(&bytes), Ok(response));
        for length in 0..bytes.len() {
            assert!(OpenSessionResponse::decode(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn refusals_of_two_and_of_eight_bytes() {
        let short = OpenSessionResponse::decode(&[9, 0x01]);
        assert_eq!(
            short,
            Ok(OpenSessionResponse::Refused {
                tag: 9,
                status: Status::NO_RESOURCES,
                console_session_id: None
            })
        );
        let long = OpenSessionResponse::Refused {
            tag: 9,
            status: Status::NO_CIPHER_SUITE,
            console_session_id: Some(7),
        };
        let mut bytes = Vec::new();
        long.encode(&mut bytes);
        assert_eq!(bytes.len(), 8);
        assert_eq!(OpenSessionResponse::decode(&bytes), Ok(long));
    }
}
