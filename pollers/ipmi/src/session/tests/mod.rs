//! Two ends in virtual time: a session, a link that misbehaves by a seed, and a BMC.

mod bmc;
mod checks;
mod garbage;
mod ipmi15;
mod life;
mod link;
mod logins;
mod lossy;
mod patience;
mod workarounds;

use std::time::{Duration, Instant};

use rackpoll_model::{Fault, Secret};

use super::*;
use crate::command::{Request, netfn};
use bmc::Bmc;
use link::{Faults, Link, Seeded, Side};

/// Where virtual time begins; only differences matter.
#[expect(
    clippy::disallowed_methods,
    reason = "std has no other way to make an Instant, and only differences count"
)]
fn epoch() -> Instant {
    Instant::now()
}

const SECOND: Duration = Duration::from_secs(1);
const USER: &str = "viewer";
const PASSWORD: &str = "secret of viewer";

fn options() -> Options {
    Options::new(USER, Secret::from(PASSWORD)).unwrap()
}

/// A command that the test's BMC answers with its own data.
fn echo(number: u32) -> Request {
    let data = number.to_le_bytes().to_vec();
    Request { netfn: netfn::STORAGE, lun: 0, command: 0x42, privilege: Privilege::User, data }
}

/// Session, link and BMC with one clock.
struct World {
    now: Instant,
    session: Session,
    link: Link,
    bmc: Bmc,
}

impl World {
    fn new(bmc: Bmc) -> Self {
        Self::with(options(), Profile::default(), bmc, Faults::NONE, 1)
    }

    fn with(options: Options, profile: Profile, bmc: Bmc, faults: Faults, seed: u64) -> Self {
        let session = Session::new(options, profile, Box::new(Seeded::new(seed)));
        Self { now: epoch(), session, link: Link::new(faults, seed ^ 0x5eed), bmc }
    }

    /// Hands everything over that the session wants sent.
    fn flush(&mut self) {
        while let Some(datagram) = self.session.poll_transmit() {
            self.link.send(self.now, Side::Bmc, datagram.to_vec());
        }
    }

    /// The next thing that happens, at its time. False: nothing will ever happen.
    fn tick(&mut self) -> bool {
        self.flush();
        let next = match (self.link.next_arrival(), self.session.poll_timeout()) {
            (Some(arrival), Some(timeout)) => arrival.min(timeout),
            (Some(time), None) | (None, Some(time)) => time,
            (None, None) => return false,
        };
        self.now = self.now.max(next);
        while let Some((side, datagram)) = self.link.arrival(self.now) {
            match side {
                Side::Bmc => {
                    for answer in self.bmc.answer(self.now, &datagram) {
                        self.link.send(self.now, Side::Console, answer);
                    }
                }
                Side::Console => {
                    let _ = self.session.handle_datagram(self.now, &datagram);
                }
            }
        }
        self.session.handle_timeout(self.now);
        true
    }

    /// Runs until an event that ends what was asked; `Opened` inside a request is stepped over.
    fn run(&mut self) -> Event {
        for _ in 0..100_000 {
            match self.session.poll_event() {
                Some(Event::Opened(_)) if self.session.wanted.is_some() => {}
                Some(event) => return event,
                None => assert!(self.tick(), "everything is at rest and there is no event"),
            }
        }
        panic!("no event after 100,000 steps");
    }

    /// Lets time pass.
    fn rest(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            self.flush();
            let next = self.link.next_arrival().into_iter().chain(self.session.poll_timeout()).min();
            if next.is_none_or(|next| next > until) {
                break;
            }
            self.tick();
        }
        self.now = until;
        assert!(self.session.poll_event().is_none());
    }

    fn ask(&mut self, request: Request, limit: Duration) -> Result<Response, Fault> {
        self.session.request(self.now, request, self.now + limit).unwrap();
        match self.run() {
            Event::Answered(response) => Ok(response),
            Event::Failed(error) => Err(error.into()),
            event => panic!("{event:?}"),
        }
    }

    fn echo(&mut self, number: u32, limit: Duration) -> Result<(), Fault> {
        let response = self.ask(echo(number), limit)?;
        assert_eq!((response.completion, response.data), (0, number.to_le_bytes().to_vec()));
        Ok(())
    }
}
