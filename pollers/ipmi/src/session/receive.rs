use std::time::Instant;

use super::{Dropped, Session, State, login::Phase};
use crate::{
    command::Response,
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
            Datagram::Ipmi15(packet) => self.take_sessionless(now, &packet),
            Datagram::RmcpPlus(packet) => match packet.payload_type {
                PayloadType::Ipmi => self.take_in_session(now, &packet),
                PayloadType::OpenSessionResponse => self.take_open_session_response(now, packet.payload),
                PayloadType::Rakp2 => self.take_rakp2(now, packet.payload),
                PayloadType::Rakp4 => self.take_rakp4(now, packet.payload),
                _ => Err(Dropped::Unexpected),
            },
        }
    }

    /// Answers to the commands before a session.
    fn take_sessionless(&mut self, now: Instant, packet: &Ipmi15Packet<'_>) -> Result<(), Dropped> {
        let guard = self.guard;
        let State::Login(login) = &self.state else { return Err(Dropped::Unexpected) };
        let Phase::Command { request, sequence, .. } = &login.phase else { return Err(Dropped::Unexpected) };
        guard.check(packet.is_sessionless(), Dropped::SessionId)?;
        let response = LanResponse::decode(packet.payload)?;
        guard.check(response.sequence == *sequence, Dropped::RequestSequence)?;
        guard.check(response.netfn == request.netfn | 1, Dropped::NetFn)?;
        guard.check(response.command == request.command, Dropped::Command)?;
        let response = Response { completion: response.completion, data: response.data.to_vec() };
        self.finish_login_command(now, &response);
        Ok(())
    }

    /// Answers inside the session. Addresses and logical units of the answer are not compared: BMCs differ in them,
    /// and what has the right code and numbers can only be the answer.
    fn take_in_session(&mut self, now: Instant, packet: &RmcpPlusPacket<'_>) -> Result<(), Dropped> {
        let guard = self.guard;
        let State::Open(active) = &mut self.state else { return Err(Dropped::Unexpected) };
        guard.check(packet.session_id == active.console_session_id, Dropped::SessionId)?;
        let code_length = active.keys.code_length();
        // As the suite says, neither less nor more: one that does neither was allowed by its number.
        guard.check(packet.authenticated == (code_length > 0), Dropped::NotAuthenticated)?;
        guard.check(packet.encrypted == active.keys.suite().encrypts(), Dropped::NotEncrypted)?;
        if packet.authenticated {
            let verified = packet.trailer(code_length).is_ok_and(|trailer| active.keys.verify(&trailer));
            guard.check(verified, Dropped::Integrity)?;
        }
        guard.check(active.window.accepts(packet.sequence), Dropped::Sequence)?;
        active.window.mark(packet.sequence);
        active.heard(now);

        let payload = if packet.encrypted {
            active.keys.decrypt(&mut self.plain, packet.payload)?;
            &self.plain
        } else {
            packet.payload
        };
        let response = LanResponse::decode(payload)?;
        let Some(exchange) = &active.exchange else { return Err(Dropped::Unexpected) };
        guard.check(response.sequence == exchange.request_sequence, Dropped::RequestSequence)?;
        guard.check(response.netfn == exchange.request.netfn | 1, Dropped::NetFn)?;
        guard.check(response.command == exchange.request.command, Dropped::Command)?;
        let response = Response { completion: response.completion, data: response.data.to_vec() };
        self.finish_exchange(now, response);
        Ok(())
    }
}

impl Dropped {
    /// A code or check value of a login message that has the wrong length.
    pub(super) const CODE_LENGTH: Self = Self::Malformed(Malformed::Length);
}
