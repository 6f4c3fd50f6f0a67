//! The session as a machine that is operated by a script: its owner asks, gives up and closes; its peer answers or lies; the
//! link loses, doubles, reorders and changes; time passes. The clock is virtual.

mod peer;

use std::time::{Duration, Instant};

use rackpoll_fuzz_driver::{Script, Target};
use rackpoll_ipmi::{
    command::{Privilege, Request, netfn},
    crypto::{CipherSuite, Ipmi15Authentication},
    session::{Event, InFlight, Manner, Options, Profile, Random, Session, Timing},
};
use rackpoll_model::Secret;

use crate::seeds::with_right_checksums;
use peer::{BEHIND, CLOSE, ECHO, Peer, Seen, labels};

pub(crate) const TARGETS: &[Target] = &[Target {
    name: "session",
    about: "the session by operations: one command in flight, one outcome a request, by its deadline, to the right question",
    run,
    seeds,
    longest: 700,
    most_allocated: 64 << 10,
}];

/// Datagrams on their way, and of the first ones so many may come again.
const UNDER_WAY: usize = 24;
/// Operations of one script.
const OPERATIONS: usize = 300;
/// A machine at rest asks to be woken rarely; more calls at one moment are a loop.
const CALLS_AT_ONCE: usize = 4;
/// Datagrams that one operation may make it send: a farewell, what began again, and one to spare.
const SENT_AT_ONCE: usize = 4;

const PASSWORD: &str = "secret of viewer";

struct Seeded(rackpoll_simulator::random::Random);

impl Random for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.0.next_u64() as u8);
    }
}

/// What the owner waits for.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// None: only that the session is open.
    number: Option<u32>,
    deadline: Instant,
    patient: bool,
}

struct World {
    now: Instant,
    session: Session,
    peer: Peer,
    under_way: Vec<Vec<u8>>,
    delivered: Vec<Vec<u8>>,
    waiting: Option<Waiting>,
    /// By when it has to be closed.
    closing: Option<Instant>,
    /// The number of the last question.
    number: u32,
    answered: u32,
    /// The command that the peer works on, as far as the session can know.
    in_flight: Option<Seen>,
    /// Packets carry codes, so that nobody but the peer can make them.
    signed: bool,
    /// The peer has a key that the session lacks: every login fails.
    wrong_key: bool,
}

fn run(input: &[u8]) {
    let mut script = Script::new(input);
    World::new(&mut script).run(script);
}

impl World {
    fn new(script: &mut Script<'_>) -> Self {
        let (login, habits) = (script.byte(), script.byte());
        let old = login & 0x80 != 0;
        let kind = Ipmi15Authentication::ALL.into_iter().cycle().nth(usize::from(login & 0x07));
        let kind = kind.filter(|_| old);
        let suites: &[CipherSuite] = match login & 0x07 {
            _ if old => &CipherSuite::ENCRYPTED,
            0..=2 => &CipherSuite::ENCRYPTED,
            3 => &[CipherSuite::Three],
            4 => &[CipherSuite::Seventeen],
            5 => &[CipherSuite::Two, CipherSuite::Sixteen],
            6 => &[CipherSuite::One],
            _ => &CipherSuite::ALL,
        };
        let k_g = (login & 0x08 != 0 && !old).then(|| Secret::from("key of the BMC"));
        let mut options =
            Options::new("viewer", Secret::from(PASSWORD)).expect("a name that fits").suites(suites);
        // Suite 0 needs no key at all.
        let wrong_key = k_g.is_some() && login & 0x10 != 0 && login & 0x07 != 7;
        if let Some(k_g) = k_g.clone().filter(|_| !wrong_key) {
            options = options.k_g(k_g).expect("a key that fits");
        }
        if let Some(kind) = kind {
            options = options.ipmi_15(&[kind]).expect("a password that fits");
        }
        let timing = Timing::default();
        let options = options.timing(match habits & 0x03 {
            0 | 1 => timing,
            2 => Timing { keep_alive: None, ..timing },
            _ => Timing { disuse: Duration::from_secs(40), ..timing },
        });
        let profile = Profile {
            suite: (login & 0x20 != 0 && !old).then_some(suites.first().copied()).flatten(),
            ipmi_15: kind.filter(|_| login & 0x20 != 0),
            highest_privilege: login & 0x40 != 0,
            ..Profile::default()
        };
        let random = Seeded(rackpoll_simulator::random::Random::new(habits.into()));
        let mut peer = Peer::new(Secret::from(PASSWORD), k_g, wrong_key);
        peer.old = old;
        Self {
            // Only differences count.
            now: Instant::now(),
            session: Session::new(options, profile, Box::new(random)),
            peer,
            under_way: Vec::new(),
            delivered: Vec::new(),
            waiting: None,
            closing: None,
            number: 0,
            answered: 0,
            in_flight: None,
            signed: match kind {
                Some(kind) => kind != Ipmi15Authentication::None,
                None => matches!(login & 0x07, 0..=5),
            },
            wrong_key,
        }
    }

    fn run(mut self, mut script: Script<'_>) {
        for _ in 0..OPERATIONS {
            if script.is_over() {
                break;
            }
            self.operate(&mut script);
            self.settle(&mut script);
        }
        self.end_by_the_clock();
        self.heal();
    }

    fn operate(&mut self, script: &mut Script<'_>) {
        match script.byte() & 0x0f {
            0..=2 => self.go_on(),
            3 => self.request(script),
            4 => self.deliver_one(script, |bytes, _| bytes),
            5 => {
                let Some(datagram) = self.pick(script) else { return };
                let datagram = changed(datagram, script);
                self.hand_in(&datagram);
            }
            6 => {
                self.take(script);
            }
            7 => {
                let Some(datagram) = self.pick(script) else { return };
                self.hand_in(&datagram);
            }
            8 => self.wake(),
            9 => {
                self.now += Duration::from_millis(50) * u32::from(script.byte());
                self.tick();
            }
            10 => self.tick(),
            11 => {
                self.session.abandon(self.now);
                self.waiting = None;
                self.in_flight = None;
            }
            12 => {
                self.session.close(self.now);
                self.waiting = None;
                self.in_flight = None;
                self.closing = self.closing.or(Some(self.now + Timing::default().close_limit));
            }
            13 => self.open(script),
            14 => self.noise(script),
            _ => match script.byte() & 0x03 {
                0 => self.peer.forget_sessions(),
                1 => self.peer.mute = !self.peer.mute,
                _ => {
                    let Some(datagram) = nth(&self.delivered, script.byte()) else { return };
                    self.hand_in(&datagram);
                }
            },
        }
    }

    /// What happens next where nobody interferes.
    fn go_on(&mut self) {
        if self.under_way.is_empty() {
            self.wake();
        } else {
            let datagram = self.under_way.remove(0);
            self.hand_in(&datagram);
        }
    }

    fn request(&mut self, script: &mut Script<'_>) {
        let time = Duration::from_millis(100) * u32::from(script.byte());
        self.ask(time, script.byte());
    }

    fn ask(&mut self, time: Duration, kind: u8) {
        let privilege = match kind & 0x03 {
            0 | 1 => Privilege::User,
            2 => Privilege::Operator,
            _ => Privilege::Administrator,
        };
        let patience = (kind & 0x04 != 0).then(|| Duration::from_millis(200) * u32::from(kind >> 4));
        let bridge = (kind & 0x08 != 0).then_some(BEHIND);
        let number = self.number.wrapping_add(1);
        let data = number.to_le_bytes().to_vec();
        let request = Request { netfn: netfn::STORAGE, lun: 0, command: ECHO, privilege, data };
        let deadline = self.now + time;
        let manner = Manner { patience, bridge };
        let accepted = self.session.request_in(self.now, request, deadline, manner);
        self.asked(accepted, Waiting { number: Some(number), deadline, patient: patience.is_some() });
    }

    fn open(&mut self, script: &mut Script<'_>) {
        let deadline = self.now + Duration::from_millis(100) * u32::from(script.byte());
        let accepted = self.session.open(self.now, deadline);
        self.asked(accepted, Waiting { number: None, deadline, patient: false });
    }

    fn asked(&mut self, accepted: Result<(), InFlight>, waiting: Waiting) {
        let busy = self.waiting.is_some() || self.closing.is_some();
        assert_eq!(accepted.is_err(), busy, "one at a time, and only one at a time, is taken");
        if accepted.is_ok() {
            self.number = waiting.number.unwrap_or(self.number);
            self.waiting = Some(waiting);
        }
    }

    fn deliver_one(&mut self, script: &mut Script<'_>, change: impl Fn(Vec<u8>, &mut Script<'_>) -> Vec<u8>) {
        if let Some(datagram) = self.take(script) {
            self.hand_in(&change(datagram, script));
        }
    }

    /// Bytes of anybody's: as they are, behind RMCP headers, or as a command's answer outside of sessions.
    fn noise(&mut self, script: &mut Script<'_>) {
        let how = script.byte();
        let bytes = script.bytes();
        let datagram = match how & 0x03 {
            0 => bytes.to_vec(),
            1 => [&[6, 0, 0xff, 7], bytes].concat(),
            2 => {
                let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
                let header = [&[6, 0, 0xff, 7, 0][..], &[0; 8], &[length]].concat();
                [header, with_right_checksums(bytes)].concat()
            }
            _ => {
                let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes();
                let kind = 0x11 + (how >> 2) % 5;
                [&[6, 0, 0xff, 7, 6, kind][..], &[0; 8], &length, bytes].concat()
            }
        };
        self.hand_in(&datagram);
    }

    fn pick(&self, script: &mut Script<'_>) -> Option<Vec<u8>> {
        nth(&self.under_way, script.byte())
    }

    fn take(&mut self, script: &mut Script<'_>) -> Option<Vec<u8>> {
        let at = usize::from(script.byte()).checked_rem(self.under_way.len())?;
        Some(self.under_way.remove(at))
    }

    fn hand_in(&mut self, datagram: &[u8]) {
        if self.session.handle_datagram(self.now, datagram).is_ok() {
            // What was in flight is answered, or another message of the login has its turn.
            self.in_flight = None;
        }
        if self.delivered.len() < UNDER_WAY {
            self.delivered.push(datagram.to_vec());
        }
    }

    /// Time goes on to the moment for which the session has asked.
    fn wake(&mut self) {
        if let Some(time) = self.session.poll_timeout() {
            self.now = self.now.max(time);
            self.tick();
        }
    }

    /// Wakes the session, as often as it asks for at this moment.
    fn tick(&mut self) {
        let mut calls = 0;
        loop {
            self.session.handle_timeout(self.now);
            self.in_flight = None;
            calls += 1;
            if self.session.poll_timeout().is_none_or(|time| time > self.now) {
                break;
            }
            assert!(calls < CALLS_AT_ONCE, "it wants to be woken at once, for ever");
        }
        self.take_events();
        if let Some(waiting) = self.waiting {
            assert!(waiting.deadline > self.now, "no outcome by the deadline: {waiting:?}");
        }
        assert!(self.closing.is_none_or(|limit| limit > self.now), "not closed within its limit");
    }

    /// Takes what there is to send and to tell, and looks whether it may be so.
    fn settle(&mut self, script: &mut Script<'_>) {
        let mut sent = 0;
        while let Some(datagram) = self.session.poll_transmit().map(<[u8]>::to_vec) {
            sent += 1;
            assert!(sent <= SENT_AT_ONCE, "one thing that happens makes it send {sent} datagrams");
            if let Some(seen) = self.peer.answer(&datagram, script, &mut self.under_way) {
                self.look(seen);
            }
        }
        let excess = self.under_way.len().saturating_sub(UNDER_WAY);
        self.under_way.drain(..excess);
        self.take_events();
        if self.waiting.is_some() || self.closing.is_some() {
            assert!(self.session.poll_timeout().is_some(), "it waits, and for no time");
        }
    }

    /// A command of a session has reached the peer.
    fn look(&mut self, seen: Seen) {
        if (seen.netfn, seen.command) == (netfn::APP, CLOSE) {
            // Also as a farewell to a session that is over.
            return;
        }
        if let Some(before) = self.in_flight {
            assert_eq!(seen, before, "a second command is in flight");
        }
        self.in_flight = Some(seen);
        if let Some(number) = seen.number {
            let wanted = self.waiting.and_then(|waiting| waiting.number);
            assert_eq!(wanted, Some(number), "it asks what nobody waits for");
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Opened(_) => match self.waiting {
                    Some(Waiting { number: None, .. }) => self.waiting = None,
                    Some(_) => {}
                    None => panic!("it logs in for nobody"),
                },
                Event::Answered(response) => {
                    let waiting = self.waiting.take().expect("somebody who waits");
                    let number = waiting.number.expect("a question");
                    if self.signed
                        && let Some((own, answers)) = labels(&response.data)
                    {
                        assert!(own, "an answer with other numbers was taken for the answer to {number}");
                        assert_eq!(answers, number, "the answer to another question was taken");
                    }
                    if response.completion == 0 {
                        self.answered = number;
                    }
                }
                Event::Unanswered => {
                    let waiting = self.waiting.take().expect("somebody who waits");
                    assert!(waiting.patient, "only a request with a patience stays without an answer");
                }
                Event::Failed(error) => {
                    assert!(self.waiting.take().is_some(), "{error:?} of nobody's");
                    let fault = rackpoll_model::Fault::from(error);
                    assert!((1..500).contains(&fault.message.len()), "{fault}");
                }
                Event::Closed => {
                    assert!(self.closing.take().is_some(), "nobody has asked it to close");
                }
            }
        }
    }

    /// No datagram comes any more: every deadline is kept all the same.
    fn end_by_the_clock(&mut self) {
        let nothing = &mut Script::new(&[]);
        let mut steps = 0;
        while self.waiting.is_some() || self.closing.is_some() {
            self.wake();
            self.under_way.clear();
            self.settle(nothing);
            steps += 1;
            assert!(steps < 1000, "it never ends");
        }
    }

    /// Whatever was said, a BMC that behaves from now on is polled again.
    fn heal(&mut self) {
        self.peer.mute = false;
        for _ in 0..3 {
            // As the agent polls on: a BMC without a free slot is left in peace for a minute.
            self.now += Duration::from_secs(70);
            self.tick();
            self.settle(&mut Script::new(&[]));
            self.ask(Duration::from_secs(60), 0);
            let number = self.number;
            let mut steps = 0;
            while self.waiting.is_some() {
                self.settle(&mut Script::new(&[]));
                if self.waiting.is_some() {
                    self.go_on();
                }
                steps += 1;
                assert!(steps < 1000, "it never ends");
            }
            assert!(!(self.wrong_key && self.answered == number), "logged in without the key");
            if self.wrong_key || self.answered == number {
                return;
            }
        }
        panic!("three requests to a BMC that behaves, and no answer");
    }
}

fn nth(datagrams: &[Vec<u8>], which: u8) -> Option<Vec<u8>> {
    let at = usize::from(which).checked_rem(datagrams.len())?;
    datagrams.get(at).cloned()
}

/// Some bytes differ, or it is cut.
fn changed(mut datagram: Vec<u8>, script: &mut Script<'_>) -> Vec<u8> {
    let how = script.byte();
    for _ in 0..=how & 0x03 {
        let (at, bits) = (usize::from(script.byte()), script.byte());
        if let Some(byte) = datagram.get_mut(at) {
            *byte ^= bits;
        }
    }
    if how & 0x04 != 0 {
        datagram.truncate(script.byte().into());
    }
    datagram
}

fn seeds() -> Vec<Vec<u8>> {
    let go_on = |times: usize| vec![0; times];
    // An operation, with a whim of 0 for what it sends.
    let request = |time: u8, kind: u8| vec![3, time, kind, 0];
    let mut seeds = Vec::new();
    // Logins of every kind, a command, and another in the same session.
    for login in [0, 3, 4, 5, 6, 7, 0x08, 0x18, 0x20, 0x40, 0x28, 0x80, 0x81, 0x82, 0xa0, 0xa1, 0xa2] {
        // To the BMC itself, and to a controller behind it.
        for kind in [0, 0x08] {
            seeds.push([vec![login, 0], request(100, kind), go_on(16), request(50, kind), go_on(4)].concat());
        }
    }
    let opened_15 = [vec![0xa0, 1], request(200, 0), go_on(6)].concat();
    let opened = [vec![0x24, 1], request(200, 0), go_on(10)].concat();
    // Privilege, patience, and what the owner does in the middle.
    for kind in [1, 2, 3, 0x24, 0x74, 0x7c] {
        seeds.push([opened.clone(), request(200, kind), go_on(12), request(200, kind), go_on(8)].concat());
    }
    for middle in [8, 9, 10, 11, 12, 13] {
        let operation = vec![middle, 40, 0];
        seeds
            .push([opened.clone(), request(200, 0), operation, go_on(6), request(90, 0), go_on(12)].concat());
    }
    // Whims of the peer, at every step of a login and of a command.
    for whim in 0..16 {
        for step in 0..5 {
            for login in [0, 0x80] {
                let mut seed = [vec![login, 0], request(200, 0), go_on(60)].concat();
                if let Some(byte) = seed.get_mut(5 + 2 * step) {
                    *byte = 0x80 | whim;
                }
                seeds.push(seed);
            }
        }
        for (opened, kind) in [(&opened, 0), (&opened, 0x08), (&opened_15, 0), (&opened_15, 0x08)] {
            seeds.push([opened.clone(), vec![3, 200, kind, 0x80 | whim, 1, 0], go_on(12)].concat());
        }
    }
    // The link: reordered, changed, lost, doubled, noise, a peer that restarts, and datagrams that come again.
    for operation in [4, 5, 6, 7, 14, 15] {
        let meddling: Vec<u8> = (0..8).flat_map(|which| [operation, which, 0, 0]).collect();
        seeds.push([opened.clone(), request(250, 0), meddling, go_on(10), request(90, 0), go_on(9)].concat());
    }
    // The numbers of commands have six bits: the answer to the first comes again when its number does.
    for which in 4..12 {
        let questions = (0..64).flat_map(|_| [request(250, 0), go_on(1)].concat()).collect();
        seeds.push([opened.clone(), questions, request(250, 0), vec![15, 2, which], go_on(2)].concat());
    }
    // Rest until the keep-alive and beyond.
    let rest: Vec<u8> = (0..24).flat_map(|_| [9, 200, 0, 0]).collect();
    seeds.push([opened, rest, request(90, 0), go_on(9)].concat());
    seeds
}
