//! Polls as conversations with a BMC that answers by a script: rightly, changed, short, with refusals, or not at all. Behind
//! it is a simulated machine, so that what is right leads to the end of a poll.

use std::{sync::Arc, time::Duration};

use rackpoll_fuzz_driver::{Script, Target};
use rackpoll_ipmi::{
    command::{Conversation, Effort, Polls, Privilege, Request, Response, Step, completion},
    sdr::{Library, MAX_PROFILE, SdrProfile},
};
use rackpoll_model::{IpmiCommand, Reading};
use rackpoll_simulator::{
    bmc::Machine,
    content::{incident::Rate, models},
};

use crate::answers::is_told;

pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "conversations",
        about: "polls of a BMC that answers anything: they end, with a reading or a fault, within bounded steps and memory",
        run: |script| run(script, 1, &mut |_| {}),
        seeds,
        longest: 300,
        most_allocated: 2 << 20,
    },
    Target {
        name: "conversations-long",
        about: "the same with a BMC that goes on in its way for hundreds of answers",
        run: |script| run(script, 40, &mut |_| {}),
        seeds,
        longest: 60,
        most_allocated: 2 << 20,
    },
];

/// Polls in one execution; what one has learned, the next uses.
const POLLS: u8 = 4;
/// Answers that a poll may want of a machine that answers everything rightly. The largest has some 110 sensors, whose
/// records are read in up to ten parts, and then each is asked for its reading and its events; the log has less.
const RIGHT_ANSWERS: usize = 3000;
/// Records, sensors and bytes of a BMC are all bounded below this.
const MOST_READINGS: usize = 4096;

/// A machine, the script of its answers, and how often that begins anew.
struct Bmc<'a> {
    machine: Machine,
    now: Duration,
    whole: Script<'a>,
    script: Script<'a>,
    rounds: u32,
    habits: Vec<Habit>,
}

/// What it does from now on whenever it is asked this command of this record.
struct Habit {
    command: (u8, u8),
    /// What the request's data has at the place of a record id; none: any.
    record: Option<[u8; 2]>,
    does: Does,
}

enum Does {
    Refuse(u8),
    /// Another record is said to come next.
    Lead([u8; 2]),
}

/// Habits of one machine.
const MOST_HABITS: usize = 8;

/// What came of a command.
enum Heard {
    Answer(Response),
    Silence,
    /// The poll is cut off here by its deadline.
    Nothing,
}

/// The readings of the polls that a script of `conversations` leads to an end, for whoever has a use for them.
pub fn readings(input: &[u8], mut take: impl FnMut(Reading)) {
    run(input, 1, &mut take);
}

/// Scripts of `conversations`.
pub fn scripts() -> Vec<Vec<u8>> {
    seeds()
}

fn run(input: &[u8], rounds: u32, take: &mut dyn FnMut(Reading)) {
    let mut script = Script::new(input);
    let (model, polls) = (usize::from(script.byte()), 1 + script.byte() % POLLS);
    let commands: Vec<IpmiCommand> = (0..polls)
        .map(|_| {
            let which = usize::from(script.byte()) % IpmiCommand::ALL.len();
            IpmiCommand::ALL[which]
        })
        .collect();
    let models = models::all();
    let model = Arc::clone(&models[model % models.len()]);
    let machine = Machine::new(model, 7, 1_790_000_000, Rate::USUAL);
    let mut bmc = Bmc { machine, now: Duration::ZERO, whole: script, script, rounds, habits: Vec::new() };
    let mut polls = Polls::new(Arc::new(Library::new()));
    for command in commands {
        if let Some(reading) = poll(polls.begin(command).as_mut(), &mut bmc) {
            take(reading);
        }
        keep(&mut polls);
    }
}

fn poll(conversation: &mut dyn Conversation, bmc: &mut Bmc<'_>) -> Option<Reading> {
    let mut step = conversation.step(None);
    let mut right = 0;
    loop {
        let request = match step {
            Step::Ask(request) => request,
            Step::Done(Ok(reading)) => {
                look(&reading);
                return Some(reading);
            }
            Step::Done(Err(fault)) => {
                is_told(&fault);
                return None;
            }
        };
        assert!(request.data.len() < 64 && request.netfn & 1 == 0 && request.lun < 4, "{request:?}");
        right = if bmc.is_honest() { right + 1 } else { 0 };
        assert!(right < RIGHT_ANSWERS, "{right} right answers, and the poll still asks: {request:?}");
        let heard = bmc.hear(&request, conversation.patience().is_some());
        let datagrams = if matches!(heard, Heard::Silence) { 3 } else { 1 };
        conversation.effort(Effort { datagrams, took: Duration::from_millis(20) });
        step = match heard {
            Heard::Answer(response) => conversation.step(Some(response)),
            Heard::Silence => conversation.no_answer(),
            Heard::Nothing => return None,
        };
    }
}

impl Bmc<'_> {
    /// Nothing is left of the script: from here on everything is right.
    fn is_honest(&self) -> bool {
        self.script.is_over() && self.rounds <= 1
    }

    fn hear(&mut self, request: &Request, patient: bool) -> Heard {
        if self.script.is_over() && self.rounds > 1 {
            self.rounds -= 1;
            self.script = self.whole;
        }
        self.now += Duration::from_millis(20);
        let script = &mut self.script;
        let whim = match script.byte() {
            whim @ 0x80.. => whim & 0x0f,
            _ => return Heard::Answer(self.right(request)),
        };
        let refused = |completion| Heard::Answer(Response { completion, data: Vec::new() });
        match whim {
            0 => return refused(script.byte()),
            1 => return refused(completion::RESERVATION_CANCELED),
            2 => return refused(completion::NODE_BUSY),
            3 => return refused(completion::CANNOT_RETURN_BYTES),
            4 => {
                let (completion, data) = (script.byte() & 0x80, script.bytes().to_vec());
                return Heard::Answer(Response { completion, data });
            }
            5 if patient => return Heard::Silence,
            6 => return Heard::Nothing,
            7 => {
                // The log is cleared, grows, or time passes, in the middle of the poll.
                self.now += Duration::from_secs(10) * u32::from(script.byte());
                self.machine.set_power(self.now, !self.machine.power());
            }
            8 => self.clear_log(),
            15 => {
                let how = script.byte();
                let does = match how & 1 {
                    0 => Does::Lead(script.short().to_le_bytes()),
                    _ => Does::Refuse(script.byte()),
                };
                let record = request.data.get(2..4).and_then(|id| id.try_into().ok());
                let record = record.filter(|_| how & 2 == 0);
                if self.habits.len() < MOST_HABITS {
                    self.habits.push(Habit { command: (request.netfn, request.command), record, does });
                }
            }
            _ => {}
        }
        let mut response = self.right(request);
        let script = &mut self.script;
        match whim {
            9 | 10 => {
                for _ in 0..=script.byte() & 0x03 {
                    let (at, bits) = (usize::from(script.byte()), script.byte());
                    if let Some(byte) = response.data.get_mut(at) {
                        *byte ^= bits;
                    }
                }
            }
            11 => response.data.truncate(script.byte().into()),
            12 => response.data.extend_from_slice(script.bytes()),
            13 => {
                // Where a record's answer says which comes next.
                for (to, from) in response.data.iter_mut().zip(script.short().to_le_bytes()) {
                    *to = from;
                }
            }
            14 => response.data.extend([script.byte(); 200]),
            _ => {}
        }
        Heard::Answer(response)
    }

    /// The machine's answer, and what its habits make of it.
    fn right(&mut self, Request { netfn, command, data, .. }: &Request) -> Response {
        let answer = self.machine.execute(self.now, Privilege::Administrator, *netfn, *command, data);
        let mut response = match answer {
            Ok(data) => Response { completion: completion::OK, data },
            Err(completion) => Response { completion, data: Vec::new() },
        };
        for Habit { command: of, record, does } in &self.habits {
            let asked = record.is_none_or(|record| data.get(2..4) == Some(&record));
            match (*of == (*netfn, *command) && asked, does) {
                (true, Does::Refuse(code)) => {
                    response = Response { completion: *code, data: Vec::new() };
                }
                (true, Does::Lead(next)) => {
                    response.data.iter_mut().zip(next).for_each(|(to, from)| *to = *from);
                }
                (false, _) => {}
            }
        }
        response
    }

    /// Reserve SEL and Clear SEL, as another console would.
    fn clear_log(&mut self) {
        let request = |command, data| Request {
            netfn: rackpoll_ipmi::command::netfn::STORAGE,
            lun: 0,
            command,
            privilege: Privilege::Operator,
            data,
        };
        let reserved = self.right(&request(0x42, Vec::new()));
        self.right(&request(0x47, [&reserved.data[..], b"CLR\xaa"].concat()));
    }
}

fn look(reading: &Reading) {
    let readings = match reading {
        Reading::Sel(log) | Reading::SelEntries(log) => log.entries.len(),
        Reading::Sdr(sensors) | Reading::DriveHealth(sensors) => sensors.len(),
        Reading::Thresholds(sensors) => sensors.len(),
        _ => 1,
    };
    assert!(readings <= MOST_READINGS, "{readings} readings");
}

/// What is kept of a BMC's sensors between two runs of the agent comes back as it was.
fn keep(polls: &mut Polls) {
    let Some(profile) = polls.sensors(|sensors| sensors.profile()) else { return };
    let bytes = profile.to_bytes();
    assert!(bytes.len() <= MAX_PROFILE);
    assert_eq!(SdrProfile::from_bytes(&bytes), Ok(profile));
}

fn seeds() -> Vec<Vec<u8>> {
    let command = |command: IpmiCommand| {
        IpmiCommand::ALL.iter().position(|other| *other == command).unwrap_or_default() as u8
    };
    let [sel, entries, sdr, drives, thresholds] = [
        command(IpmiCommand::Sel),
        command(IpmiCommand::SelEntries),
        command(IpmiCommand::Sdr),
        command(IpmiCommand::DriveHealth),
        command(IpmiCommand::Thresholds),
    ];
    let [fru, mc, dcmi] = [command(IpmiCommand::Fru), command(IpmiCommand::Mc), command(IpmiCommand::Dcmi)];
    let mut seeds = Vec::new();
    // Every model's every command, with right answers only.
    for model in 0..5 {
        seeds.push(vec![model, 3, sel, entries, sdr, thresholds]);
        seeds.push(vec![model, 3, fru, fru, mc, dcmi]);
        seeds.push(vec![model, 3, sdr, sdr, drives, command(IpmiCommand::SelInformation)]);
    }
    seeds.push(vec![
        0,
        2,
        command(IpmiCommand::Power),
        command(IpmiCommand::Uid),
        command(IpmiCommand::Chassis),
    ]);
    // Each whim early, in the middle, and again and again.
    for poll in [sel, entries, sdr, thresholds, fru, mc, dcmi] {
        for whim in 0x80..0x90 {
            for right in [0, 2, 9, 40] {
                let arguments = [whim, 1, 0, 1, 4];
                seeds.push([vec![4, 1, poll, poll], vec![0; right], arguments.to_vec()].concat());
                seeds.push([vec![4, 1, poll, poll], vec![0; right.min(9)], arguments.repeat(5)].concat());
            }
        }
    }
    // Lists in a circle, commands that are never had, reservations that are always lost.
    for poll in [sel, entries, sdr, thresholds] {
        for right in [1, 2, 3, 6, 12] {
            for habit in [[0x8f, 0, 1, 0], [0x8f, 0, 0, 0], [0x8f, 0, 3, 0], [0x8f, 2, 2, 0]] {
                seeds.push([vec![4, 1, poll, poll], vec![0; right], habit.to_vec()].concat());
            }
            for code in [0xc0, 0xc1, 0xc5, 0xca, 0xcb, 0xff] {
                seeds.push([vec![4, 1, poll, poll], vec![0; right], vec![0x8f, 3, code]].concat());
            }
        }
    }
    for seed in &mut seeds {
        seed.truncate(60);
    }
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_answers_lead_to_a_reading() {
        for command in IpmiCommand::ALL {
            let machine = Machine::new(Arc::clone(&models::all()[0]), 7, 1_790_000_000, Rate::USUAL);
            let nothing = Script::new(&[]);
            let mut bmc = Bmc {
                machine,
                now: Duration::ZERO,
                whole: nothing,
                script: nothing,
                rounds: 1,
                habits: Vec::new(),
            };
            let mut polls = Polls::new(Arc::new(Library::new()));
            let mut conversation = polls.begin(command);
            let mut step = conversation.step(None);
            let reading = loop {
                match step {
                    Step::Ask(request) => match bmc.hear(&request, false) {
                        Heard::Answer(response) => step = conversation.step(Some(response)),
                        _ => panic!("right answers only"),
                    },
                    Step::Done(reading) => break reading,
                }
            };
            assert!(reading.is_ok(), "{command}: {reading:?}");
        }
    }
}
