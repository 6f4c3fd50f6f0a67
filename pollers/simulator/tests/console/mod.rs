//! A remote console of few lines, for what a well-behaved client never does: wrong codes, replays, jumps.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use rackpoll_ipmi::{
    command::Privilege,
    crypto::{CipherSuite, SessionKeys, Transcript, Unsealed, seal, unseal},
    wire::{
        Algorithms, BMC_ADDRESS, CONSOLE_ADDRESS, Datagram, LanRequest, LanResponse, OpenSessionRequest,
        OpenSessionResponse, PayloadType, Rakp1, Rakp2, Rakp3, Rakp4, Role, Status, UserName,
        encode_sessionless,
    },
};
use rackpoll_model::Secret;
use rackpoll_simulator::{
    bmc::{BmcConfig, BmcServer, User},
    content::{incident::Rate, models},
};

pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const FROM: &str = "127.0.0.1:50000";

/// A BMC in virtual time.
pub(crate) struct Bench {
    pub(crate) bmc: BmcServer,
    pub(crate) now: Instant,
    next_console_id: u32,
}

/// An open session.
pub(crate) struct Session {
    pub(crate) id: u32,
    pub(crate) console_id: u32,
    pub(crate) keys: SessionKeys,
    pub(crate) sequence: u32,
    pub(crate) request_sequence: u8,
}

pub(crate) fn config(model: &str) -> BmcConfig {
    let user = |name: &str, limit, enabled| User {
        name: name.to_owned(),
        password: Secret::from(PASSWORD),
        limit,
        enabled,
    };
    BmcConfig {
        users: Arc::new([
            user("admin", Privilege::Administrator, true),
            user("viewer", Privilege::User, true),
            user("gone", Privilege::Administrator, false),
        ]),
        incidents: Rate::NEVER,
        ..BmcConfig::new(models::by_name(model).unwrap(), 77)
    }
}

impl Bench {
    pub(crate) fn new(config: BmcConfig) -> Self {
        let now = Instant::now();
        Self { bmc: BmcServer::new(config, now), now, next_console_id: 0x1000 }
    }

    pub(crate) fn wait(&mut self, time: Duration) {
        self.now += time;
    }

    /// Hands a datagram in; every answer's bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let from: SocketAddr = FROM.parse().unwrap();
        let answers = self.bmc.handle_datagram(self.now, from, bytes);
        assert!(answers.iter().all(|answer| answer.to == from && answer.at >= self.now));
        answers.into_iter().map(|answer| answer.bytes).collect()
    }

    pub(crate) fn open(&mut self, suite: CipherSuite, privilege: u8) -> OpenSessionResponse {
        self.open_with(suite.algorithms(), privilege)
    }

    pub(crate) fn open_with(&mut self, algorithms: Algorithms, privilege: u8) -> OpenSessionResponse {
        self.next_console_id += 1;
        let request =
            OpenSessionRequest { tag: 1, privilege, console_session_id: self.next_console_id, algorithms };
        let mut payload = Vec::new();
        request.encode(&mut payload);
        let answers = self.send_sessionless(PayloadType::OpenSessionRequest, &payload);
        OpenSessionResponse::decode(&payload_of(&answers[0], PayloadType::OpenSessionResponse)).unwrap()
    }

    pub(crate) fn send_sessionless(&mut self, kind: PayloadType, payload: &[u8]) -> Vec<Vec<u8>> {
        let mut datagram = Vec::new();
        encode_sessionless(&mut datagram, kind, payload);
        self.send(&datagram)
    }

    /// A whole login, or the status that refused it.
    pub(crate) fn login(
        &mut self,
        suite: CipherSuite,
        user: &str,
        password: &str,
        role: Role,
    ) -> Result<Session, Status> {
        let opened = self.open(suite, role.privilege());
        let (console_session_id, managed_session_id) = match opened {
            OpenSessionResponse::Accepted { console_session_id, managed_session_id, .. } => {
                (console_session_id, managed_session_id)
            }
            OpenSessionResponse::Refused { status, .. } => return Err(status),
        };
        let user = UserName::new(user.as_bytes()).unwrap();
        let console_random = [7; 16];
        let mut payload = Vec::new();
        Rakp1 { tag: 2, managed_session_id, console_random, role, user }.encode(&mut payload);
        let answers = self.send_sessionless(PayloadType::Rakp1, &payload);
        let payload = payload_of(&answers[0], PayloadType::Rakp2);
        let (managed_random, guid, code) = match Rakp2::decode(&payload).unwrap() {
            Rakp2::Accepted { managed_random, guid, code, .. } => (managed_random, guid, code.to_vec()),
            Rakp2::Refused { status, .. } => return Err(status),
        };
        let transcript = Transcript {
            console_session_id,
            managed_session_id,
            console_random,
            managed_random,
            guid,
            role,
            user,
        };
        let right = Secret::from(PASSWORD);
        let algorithm = suite.authentication();
        assert!(transcript.rakp2_code(algorithm, &right).matches(&code), "RAKP 2 proves the password");
        let password = Secret::from(password);
        let code = transcript.rakp3_code(algorithm, &password);
        let mut payload = Vec::new();
        Rakp3 { tag: 3, status: Status::OK, managed_session_id, code: code.as_bytes() }.encode(&mut payload);
        let answers = self.send_sessionless(PayloadType::Rakp3, &payload);
        let payload = payload_of(&answers[0], PayloadType::Rakp4);
        let keys = SessionKeys::derive(suite, &password, None, &transcript);
        match Rakp4::decode(&payload).unwrap() {
            Rakp4::Accepted { check, .. } => assert!(keys.rakp4_check(&transcript).matches(check)),
            Rakp4::Refused { status, .. } => return Err(status),
        }
        Ok(Session {
            id: managed_session_id,
            console_id: console_session_id,
            keys,
            sequence: 0,
            request_sequence: 0,
        })
    }

    pub(crate) fn admin(&mut self) -> Session {
        self.login(CipherSuite::Seventeen, "admin", PASSWORD, Role::name_only(4)).unwrap()
    }

    /// A command and its answer: completion code and data.
    pub(crate) fn ask(
        &mut self,
        session: &mut Session,
        netfn: u8,
        command: u8,
        data: &[u8],
    ) -> Option<(u8, Vec<u8>)> {
        let datagram = session.datagram(netfn, command, data);
        let answers = self.send(&datagram);
        answers.first().map(|bytes| session.read(bytes))
    }

    pub(crate) fn good(&mut self, session: &mut Session, netfn: u8, command: u8, data: &[u8]) -> Vec<u8> {
        let (completion, data) = self.ask(session, netfn, command, data).expect("an answer");
        assert_eq!(completion, 0);
        data
    }
}

impl Session {
    pub(crate) fn datagram(&mut self, netfn: u8, command: u8, data: &[u8]) -> Vec<u8> {
        self.sequence += 1;
        self.request_sequence = (self.request_sequence + 1) % 64;
        let request = LanRequest {
            responder: BMC_ADDRESS,
            lun: 0,
            netfn,
            requester: CONSOLE_ADDRESS,
            requester_lun: 0,
            sequence: self.request_sequence,
            command,
            data,
        };
        let mut payload = Vec::new();
        request.encode(&mut payload);
        let mut datagram = Vec::new();
        seal(&mut datagram, &self.keys, PayloadType::Ipmi, self.id, self.sequence, [3; 16], &payload);
        datagram
    }

    pub(crate) fn read(&self, bytes: &[u8]) -> (u8, Vec<u8>) {
        let Ok(Datagram::RmcpPlus(packet)) = Datagram::decode(bytes) else { panic!("not RMCP+") };
        assert_eq!(packet.session_id, self.console_id);
        let mut plain = Vec::new();
        assert_eq!(unseal(&mut plain, &self.keys, &packet), Unsealed::Plain);
        let response = LanResponse::decode(&plain).unwrap();
        (response.completion, response.data.to_vec())
    }
}

pub(crate) fn payload_of(bytes: &[u8], kind: PayloadType) -> Vec<u8> {
    let Ok(Datagram::RmcpPlus(packet)) = Datagram::decode(bytes) else { panic!("not RMCP+") };
    assert_eq!((packet.payload_type, packet.session_id), (kind, 0));
    packet.payload.to_vec()
}
