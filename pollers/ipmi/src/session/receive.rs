use std::time::Instant;

use super::{
    Dropped, Session, State, Workaround,
    active::{Active, Security},
    dropped::Guard,
    login::{Asking, Phase},
};
use crate::{
    command::{
        Response, netfn,
        send_message::{self, Forwarded},
    },
    crypto::Ipmi15Authentication,
    wire::{Datagram, Ipmi15Packet, LanResponse, Malformed, PayloadType, RmcpPlusPacket},
};

impl Session {
    /// Takes a datagram of the peer's address. One that is late, doubled, forged or foreign is dropped, and the answer
    /// says which check it failed; that is nothing to act on.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), Dropped> {
        let taken = self.take_datagram(now, datagram);
        match taken {
            Ok(()) => {
                self.heard = true;
                self.statistics.received += 1;
            }
            Err(dropped) => {
                self.statistics.dropped += 1;
                self.garbage = self.garbage.saturating_add(u32::from(dropped.is_garbage()));
            }
        }
        taken
    }

    fn take_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), Dropped> {
        match Datagram::decode(datagram)? {
            Datagram::Asf(_) => Err(Dropped::Unexpected),
            Datagram::Ipmi15(packet) if matches!(self.state, State::Open(_)) => {
                self.take_in_session_15(now, &packet)
            }
            Datagram::Ipmi15(packet) => self.take_before_session(now, &packet),
            Datagram::RmcpPlus(packet) => match packet.payload_type {
                PayloadType::Ipmi => self.take_in_session(now, &packet),
                PayloadType::OpenSessionResponse => self.take_open_session_response(now, packet.payload),
                PayloadType::Rakp2 => self.take_rakp2(now, packet.payload),
                PayloadType::Rakp4 => self.take_rakp4(now, packet.payload),
                _ => Err(Dropped::Unexpected),
            },
        }
    }

    /// Answers to the commands before a session, the one that activates an IPMI 1.5 session among them.
    fn take_before_session(&mut self, now: Instant, packet: &Ipmi15Packet<'_>) -> Result<(), Dropped> {
        let guard = self.guard;
        let trusting = self.options.works_around(Workaround::NoAuthCodeCheck);
        let State::Login(login) = &self.state else { return Err(Dropped::Unexpected) };
        let Phase::Command { request, sequence, asking } = &login.phase else {
            return Err(Dropped::Unexpected);
        };
        if let Asking::Activation { key, session_id } = asking {
            // BMCs differ in whether this answer is in the session already.
            let ours = packet.session_id == *session_id || packet.session_id == 0;
            guard.check(ours, Dropped::SessionId)?;
            let (id, number) = (packet.session_id, packet.sequence.to_le_bytes());
            let verified = match packet.auth_type {
                0 => true,
                _ => trusting || key.verify(id, number, packet.payload, packet.code),
            };
            guard.check(verified, Dropped::Integrity)?;
        } else {
            guard.check(packet.is_sessionless(), Dropped::SessionId)?;
        }
        let response = LanResponse::decode(packet.payload)?;
        guard.check(response.sequence == *sequence, Dropped::RequestSequence)?;
        guard.check(response.netfn == request.netfn | 1, Dropped::NetFn)?;
        guard.check(response.command == request.command, Dropped::Command)?;
        let response = Response { completion: response.completion, data: response.data.to_vec() };
        self.finish_login_command(now, &response);
        Ok(())
    }

    /// Answers inside an RMCP+ session.
    fn take_in_session(&mut self, now: Instant, packet: &RmcpPlusPacket<'_>) -> Result<(), Dropped> {
        let guard = self.guard;
        let lenient = self.options.works_around(Workaround::NoChecksumCheck);
        let nameless = self.options.works_around(Workaround::IdZero);
        let State::Open(active) = &mut self.state else { return Err(Dropped::Unexpected) };
        let Security::RmcpPlus(keys) = &active.security else { return Err(Dropped::Unexpected) };
        let code_length = keys.code_length();
        let ours = packet.session_id == active.console_session_id
            || nameless && packet.session_id == 0 && code_length > 0;
        guard.check(ours, Dropped::SessionId)?;
        // As the suite says, neither less nor more: one that does neither was allowed by its number.
        guard.check(packet.authenticated == (code_length > 0), Dropped::NotAuthenticated)?;
        guard.check(packet.encrypted == keys.suite().encrypts(), Dropped::NotEncrypted)?;
        if packet.authenticated {
            let verified = packet.trailer(code_length).is_ok_and(|trailer| keys.verify(&trailer));
            guard.check(verified, Dropped::Integrity)?;
        }
        guard.check(active.window.accepts(packet.sequence), Dropped::Sequence)?;
        active.window.mark(packet.sequence);

        let payload = if packet.encrypted {
            keys.decrypt(&mut self.plain, packet.payload)?;
            &self.plain
        } else {
            packet.payload
        };
        active.heard(now);
        let response = if lenient && packet.authenticated {
            LanResponse::decode_unchecked(payload)?
        } else {
            LanResponse::decode(payload)?
        };
        let answer = answer_to(active, &response, guard)?;
        self.take_message(now, answer);
        Ok(())
    }

    /// Answers inside an IPMI 1.5 session.
    fn take_in_session_15(&mut self, now: Instant, packet: &Ipmi15Packet<'_>) -> Result<(), Dropped> {
        let guard = self.guard;
        let trusting = self.options.works_around(Workaround::NoAuthCodeCheck);
        let nameless = self.options.works_around(Workaround::IdZero);
        let State::Open(active) = &mut self.state else { return Err(Dropped::Unexpected) };
        let Security::Ipmi15 { key, swapped } = &active.security else { return Err(Dropped::Unexpected) };
        let ours = packet.session_id == active.console_session_id || nameless && packet.session_id == 0;
        guard.check(ours, Dropped::SessionId)?;
        // A BMC that wants bare messages and sends a code all the same has it checked (FreeIPMI's `unexpectedauth`).
        let number = packet.sequence.to_le_bytes();
        let expected = key.authentication();
        let authentication = Ipmi15Authentication::from_number(packet.auth_type);
        let kind = authentication.filter(|kind| *kind >= expected).unwrap_or(expected);
        let verified =
            trusting || key.with(kind).verify(packet.session_id, number, packet.payload, packet.code);
        guard.check(verified, Dropped::Integrity)?;
        let sequence = if *swapped { packet.sequence.swap_bytes() } else { packet.sequence };
        guard.check(active.window.accepts(sequence), Dropped::Sequence)?;
        active.window.mark(sequence);
        active.heard(now);
        let response = LanResponse::decode(packet.payload)?;
        let answer = answer_to(active, &response, guard)?;
        self.take_message(now, answer);
        Ok(())
    }

    fn take_message(&mut self, now: Instant, answer: Option<Response>) {
        if let Some(response) = answer {
            self.finish_exchange(now, response);
        }
    }
}

/// What a message of the session says about the command in flight; none where it says that the answer comes later.
///
/// Addresses and logical units of the BMC's own answers are not compared: BMCs differ in them, and what has the right
/// code and numbers can only be the answer.
fn answer_to(active: &Active, response: &LanResponse<'_>, guard: Guard) -> Result<Option<Response>, Dropped> {
    let Some(exchange) = &active.exchange else { return Err(Dropped::Unexpected) };
    guard.check(response.sequence == exchange.request_sequence, Dropped::RequestSequence)?;
    let is_inner =
        response.netfn == exchange.request.netfn | 1 && response.command == exchange.request.command;
    let is_wrapped = response.netfn == netfn::APP | 1 && response.command == send_message::COMMAND;
    let answer = match exchange.bridge {
        Some(bridge) if is_wrapped && !is_inner => {
            match send_message::decode(response.completion, response.data) {
                Forwarded::UnderWay => return Ok(None),
                Forwarded::Refused(completion) => {
                    return Ok(Some(Response { completion, data: Vec::new() }));
                }
                Forwarded::Nonsense => return Err(Dropped::Malformed(Malformed::Length)),
                Forwarded::Answered(inner) => {
                    guard.check(inner.responder == bridge.address, Dropped::SessionId)?;
                    inner
                }
            }
        }
        _ => *response,
    };
    guard.check(answer.netfn == exchange.request.netfn | 1, Dropped::NetFn)?;
    guard.check(answer.command == exchange.request.command, Dropped::Command)?;
    Ok(Some(Response { completion: answer.completion, data: answer.data.to_vec() }))
}

impl Dropped {
    /// A code or check value of a login message that has the wrong length.
    pub(super) const CODE_LENGTH: Self = Self::Malformed(Malformed::Length);
}
