//! A session of the pollers', two links and a simulated BMC with one clock, in virtual time.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use rackpoll_ipmi::{
    command::{Conversation, Effort, Request, Step},
    session::{Event, Manner, Options, Profile, Random, Session, Statistics},
};
use rackpoll_model::{Fault, FaultKind, Reading, Secret};
use rackpoll_simulator::{
    bmc::{BmcConfig, BmcServer},
    link::{Faults, Link, Wire},
    random::hash,
};

use crate::console::{FROM, PASSWORD};

/// A poll's deadline unless configured otherwise.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Loses a fifth each way, doubles, reorders, and delays by up to half a second.
pub(crate) const BAD: Faults = Faults {
    loss: 0.2,
    duplication: 0.1,
    reordering: 0.1,
    garbage: 0.0,
    delay: Duration::ZERO,
    jitter: Duration::from_millis(500),
};

/// Random bytes by a seed.
pub(crate) struct Seeded(pub(crate) u64);

impl Random for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = hash(self.0, &[1]);
            *byte = self.0 as u8;
        }
    }
}

enum Passage {
    Bmc(Vec<u8>),
    Console(Vec<u8>),
}

/// A session, two links and a BMC with one clock.
pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) session: Session,
    pub(crate) bmc: BmcServer,
    pub(crate) inward: Link,
    pub(crate) outward: Link,
    wire: Wire<Passage>,
}

pub(crate) fn options(user: &str) -> Options {
    Options::new(user, Secret::from(PASSWORD)).unwrap()
}

impl World {
    pub(crate) fn new(config: BmcConfig) -> Self {
        Self::with(config, options("viewer"), Faults::default(), 1)
    }

    pub(crate) fn with(config: BmcConfig, options: Options, faults: Faults, seed: u64) -> Self {
        let now = Instant::now();
        Self {
            now,
            session: Session::new(options, Profile::default(), Box::new(Seeded(seed))),
            bmc: BmcServer::new(config, now),
            inward: Link::new(faults, hash(seed, &[2])),
            outward: Link::new(faults, hash(seed, &[3])),
            wire: Wire::new(),
        }
    }

    fn flush(&mut self) {
        while let Some(datagram) = self.session.poll_transmit() {
            for (at, bytes) in self.inward.carry(self.now, datagram.to_vec()) {
                self.wire.send(at, Passage::Bmc(bytes));
            }
        }
    }

    fn next(&mut self) -> Option<Instant> {
        self.flush();
        self.wire.next_at().into_iter().chain(self.session.poll_timeout()).min()
    }

    fn step(&mut self, to: Instant) {
        let from: SocketAddr = FROM.parse().unwrap();
        self.now = self.now.max(to);
        while let Some(passage) = self.wire.receive(self.now) {
            match passage {
                Passage::Bmc(bytes) => {
                    for answer in self.bmc.handle_datagram(self.now, from, &bytes) {
                        for (at, bytes) in self.outward.carry(answer.at, answer.bytes) {
                            self.wire.send(at, Passage::Console(bytes));
                        }
                    }
                }
                Passage::Console(bytes) => {
                    let _ = self.session.handle_datagram(self.now, &bytes);
                    self.flush();
                }
            }
        }
        self.session.handle_timeout(self.now);
    }

    pub(crate) fn run(&mut self) -> Event {
        loop {
            match self.session.poll_event() {
                Some(Event::Opened(_)) => {}
                Some(event) => return event,
                None => {
                    let next = self.next().expect("everything is at rest and there is no event");
                    self.step(next);
                }
            }
        }
    }

    pub(crate) fn rest(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(next) = self.next().filter(|next| *next <= until) {
            self.step(next);
        }
        self.now = until;
    }

    pub(crate) fn ask(&mut self, request: Request) -> Result<(u8, Vec<u8>), Fault> {
        self.session.request(self.now, request, self.now + LIMIT).unwrap();
        match self.run() {
            Event::Answered(answer) => Ok((answer.completion, answer.data)),
            Event::Failed(error) => Err(error.into()),
            event => panic!("{event:?}"),
        }
    }

    pub(crate) fn good(&mut self, request: Request) -> Vec<u8> {
        let (completion, data) = self.ask(request).unwrap();
        assert_eq!(completion, 0);
        data
    }

    /// Runs a poll as the pollers' driver does.
    pub(crate) fn poll(
        &mut self,
        mut conversation: impl Conversation,
        limit: Duration,
    ) -> Result<Reading, Fault> {
        let deadline = self.now + limit;
        let mut step = conversation.step(None);
        loop {
            let request = match step {
                Step::Done(result) => return result,
                Step::Ask(request) => request,
            };
            if self.now >= deadline {
                return Err(Fault::new(FaultKind::Timeout, "the deadline passed in the middle of the poll"));
            }
            let manner = Manner { patience: conversation.patience(), bridge: conversation.bridge() };
            let (begun, before) = (self.now, self.statistics());
            self.session.request_in(self.now, request, deadline, manner).unwrap();
            let event = self.run();
            let answered = matches!(event, Event::Answered(_));
            conversation.effort(Effort::since(&before, &self.statistics(), answered, self.now - begun));
            step = match event {
                Event::Answered(response) => conversation.step(Some(response)),
                Event::Unanswered => conversation.no_answer(),
                Event::Failed(error) => return Err(error.into()),
                event => panic!("{event:?}"),
            };
        }
    }

    pub(crate) fn statistics(&self) -> Statistics {
        self.session.statistics()
    }
}
