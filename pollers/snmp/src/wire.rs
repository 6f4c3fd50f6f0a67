use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_snmp::{Candidate, Error, ReceiveLimits, RequestRegistration, Transport, UdpHandle, ber};
use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, sleep_until};

use crate::{
    elements::{Elements, INTEGER, OBJECT_ID, OCTET_STRING, SEQUENCE},
    pace::Pace,
    report::Report,
};

/// The tag that stands for contents that do not fit their own: private, primitive, number 30, which no RFC uses.
pub(crate) const MALFORMED: u8 = 0xde;

/// The shared socket as one device sees it. It sends again what is not answered, and lets an answer through that has a
/// value in it that cannot be decoded: async-snmp itself would drop the whole datagram, and nobody would know why.
#[derive(Clone)]
pub(crate) struct Wire {
    handle: UdpHandle,
    heard: Arc<Mutex<Heard>>,
}

/// What has come back from the device.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pace: Pace,
    /// Bytes of the last answer that was taken.
    pub(crate) size: usize,
    /// Answers to the exchange under way that were dropped: not decodable, or of a sender who cannot prove it is the device.
    pub(crate) dropped: u32,
    /// The report that came in place of an answer to the exchange under way.
    pub(crate) report: Option<Report>,
    /// Whether an answer that is not believed ends the exchange, so that the agent's engine is asked for anew.
    pub(crate) may_ask_anew: bool,
    /// Whether there was ever an answer.
    pub(crate) ever: bool,
    /// Requests, and how many of them were sent again.
    pub(crate) sent: u64,
    pub(crate) resent: u64,
}

impl Wire {
    pub(crate) fn new(handle: UdpHandle) -> Self {
        Self { handle, heard: Arc::default() }
    }

    /// Another way to the same device, which hears for itself.
    pub(crate) fn beside(&self) -> Self {
        Self::new(self.handle.clone())
    }

    pub(crate) fn heard(&self) -> MutexGuard<'_, Heard> {
        // Nothing that holds the lock can panic, and what is in it is never half written.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Wire {
    async fn send(&self, data: &[u8]) -> async_snmp::Result<()> {
        self.handle.send(data).await
    }

    async fn request_with<T, F>(
        &self,
        data: &[u8],
        registration: RequestRegistration,
        mut validate: F,
    ) -> async_snmp::Result<T>
    where
        T: Send,
        F: FnMut(Bytes, SocketAddr) -> async_snmp::Result<Candidate<T>> + Send,
    {
        let begun = Instant::now();
        let mut wait = {
            let mut heard = self.heard();
            heard.dropped = 0;
            heard.report = None;
            heard.sent += 1;
            heard.pace.first_wait()
        };
        let mut again = false;
        let exchange = self.handle.request_with(data, registration, |datagram: Bytes, source| {
            let size = datagram.len();
            let mut candidate = validate(datagram.clone(), source)?;
            if matches!(candidate, Candidate::Reject)
                && let Some(mended) = mend(&datagram)
            {
                candidate = validate(mended, source)?;
            }
            let mut heard = self.heard();
            match candidate {
                Candidate::Accept(_) => {
                    heard.size = size;
                    heard.ever = true;
                }
                Candidate::Reject => {
                    heard.dropped = heard.dropped.saturating_add(1);
                    let may_ask_anew = heard.may_ask_anew;
                    let worth_it = |report: &Report| *report != Report::Unbelieved || may_ask_anew;
                    if let Some(report) = Report::read(&datagram).filter(worth_it) {
                        heard.report = Some(report);
                        heard.ever = true;
                        // Asking again with the same keys brings the same report.
                        return Err(Error::Auth { target: source }.boxed());
                    }
                }
            }
            Ok(candidate)
        });
        tokio::pin!(exchange);
        let mut due = begun + wait;
        loop {
            tokio::select! {
                biased;
                result = &mut exchange => {
                    if result.is_ok() && !again {
                        self.heard().pace.measured(begun.elapsed());
                    }
                    return result;
                }
                () = sleep_until(due) => {
                    again = true;
                    self.heard().resent += 1;
                    // The same bytes with the same id: an answer to any of them is an answer. What the socket does not
                    // take is lost like any datagram.
                    let _ = self.handle.send(data).await;
                    wait = Pace::next_wait(wait);
                    due = Instant::now() + wait;
                }
            }
        }
    }

    fn peer_addr(&self) -> SocketAddr {
        self.handle.peer_addr()
    }

    fn local_addr(&self) -> SocketAddr {
        self.handle.local_addr()
    }

    fn is_reliable(&self) -> bool {
        false
    }

    fn receive_limits(&self) -> ReceiveLimits {
        self.handle.receive_limits()
    }

    fn send_capacity(&self) -> usize {
        self.handle.send_capacity()
    }
}

/// Response-PDU (RFC 3416, clause 3).
const RESPONSE: u8 = 0xa2;

/// The datagram of SNMPv1 or v2c with another tag at each value that cannot be decoded. `None` where nothing can be or has
/// to be mended: a name that cannot be decoded, or lengths that contradict each other.
pub fn mend(datagram: &Bytes) -> Option<Bytes> {
    let mut mended: Option<BytesMut> = None;
    let mut message = Elements::new(datagram).inside(SEQUENCE)?;
    message.inside(INTEGER)?;
    // SNMPv3 has a SEQUENCE here, and its variable bindings may be encrypted.
    message.inside(OCTET_STRING)?;
    let mut pdu = message.inside(RESPONSE)?;
    for _ in 0..3 {
        pdu.inside(INTEGER)?;
    }
    let mut list = pdu.inside(SEQUENCE)?;
    while !list.is_empty() {
        let begin = list.at;
        let mut varbind = list.inside(SEQUENCE)?;
        let bytes = datagram.get(begin..list.at)?;
        if async_snmp::VarBind::decode(&mut ber::Decoder::from_slice(bytes)).is_ok() {
            continue;
        }
        let name = varbind.at;
        varbind.inside(OBJECT_ID)?;
        let value = varbind.at;
        ber::Decoder::from_slice(datagram.get(name..value)?).read_oid().ok()?;
        varbind.element()?;
        if !varbind.is_empty() {
            return None;
        }
        let copy = mended.get_or_insert_with(|| BytesMut::from(&datagram[..]));
        *copy.get_mut(value)? = MALFORMED;
    }
    mended.map(BytesMut::freeze)
}

/// How long an exchange may last at all; whoever asks brings a deadline of their own, which is shorter.
pub(crate) const LONGEST_EXCHANGE: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    /// A response of SNMPv2c, community `c`, request id 7, with these varbinds.
    fn response(varbinds: &[&[u8]]) -> Bytes {
        let list = element(0x30, &varbinds.concat());
        let pdu = element(0xa2, &[b"\x02\x01\x07\x02\x01\x00\x02\x01\x00".as_slice(), &list].concat());
        element(0x30, &[b"\x02\x01\x01\x04\x01c".as_slice(), &pdu].concat()).into()
    }

    fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
        assert!(contents.len() < 128);
        [&[tag, u8::try_from(contents.len()).unwrap()], contents].concat()
    }

    const GOOD: &[u8] = b"\x30\x08\x06\x03\x2b\x06\x01\x02\x01\x05";
    /// An IpAddress of three bytes.
    const BAD: &[u8] = b"\x30\x0a\x06\x03\x2b\x06\x02\x40\x03\x0a\x00\x01";

    #[test]
    fn a_value_that_cannot_be_decoded_gets_another_tag() {
        let mended = mend(&response(&[GOOD, BAD, GOOD])).unwrap();
        let as_it_should_be = [&BAD[..7], &[MALFORMED], &BAD[8..]].concat();
        assert_eq!(mended, response(&[GOOD, &as_it_should_be, GOOD]));
    }

    #[test]
    fn what_needs_no_mending_or_cannot_be_mended_is_left_alone() {
        assert_eq!(mend(&response(&[GOOD, GOOD])), None);
        assert_eq!(mend(&response(&[])), None);
        // A name without an end.
        assert_eq!(mend(&response(&[b"\x30\x08\x06\x03\x2b\x06\x81\x02\x01\x05"])), None);
        // A value that is longer than its varbind.
        assert_eq!(mend(&response(&[b"\x30\x08\x06\x03\x2b\x06\x01\x40\x09\x05"])), None);
        let whole = response(&[GOOD, BAD]);
        for length in 0..whole.len() {
            assert_eq!(mend(&whole.slice(..length)), None, "cut to {length}");
        }
    }
}
