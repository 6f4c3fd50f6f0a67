use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rackpoll_model::{Fault, FaultKind, Reading, SelEntry, SelInformation, SelLog};

use super::{
    memory::{Known, Memory, RECORDS},
    record::decode,
    record_read::{Progress, RecordRead},
};
use crate::command::{
    Conversation, Response, Step, bad_answer, get_device_id as device_id, get_sel_entry as entry,
    get_sel_info as info,
};

/// Entries that `sel` gives out.
const LATEST: usize = 25;
/// Records that `sel` remembers, so that a poller sees what came since its last poll even where that is more than it
/// gives out.
const LATEST_REMEMBERED: usize = 256;
/// Records that one `selEntries` poll reads at most; the next poll goes on from there. As many as are remembered: a log
/// of that length is whole after one poll, even where nobody asks for long and the memory is gone by the next one.
const AT_ONCE: usize = RECORDS;
/// A log that changes while it is read is read anew so many times in one poll.
const ANEW: u8 = 3;

/// Which part of the log is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The newest records.
    Latest,
    /// All of them.
    All,
}

/// `sel` and `selEntries`: reads what is not known yet. Where the last known record is still there, that is only what
/// came after it; else `sel` walks back from the last record by record ids, and `selEntries` forward from the first.
pub struct LogPoll {
    part: Part,
    memory: Arc<Mutex<Memory>>,
    manufacturer: Arc<Mutex<Option<Manufacturer>>>,
    information: Option<SelInformation>,
    phase: Phase,
    reading: RecordRead,
    /// Ids walked in this poll: a chain that comes back to one of them has no end.
    walked: HashSet<u16>,
    read: usize,
    anew: u8,
    /// Some of what is known was read in this poll without a known record before it.
    fresh: bool,
    to_end: bool,
}

/// What Get Device ID said of the BMC's maker, if it answered.
#[derive(Debug, Clone, Copy)]
pub struct Manufacturer(Option<u32>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Start,
    Device,
    Information,
    /// Is the last known record still there?
    LastKnown,
    /// Reads the record after the last known one.
    Forward,
    /// Reads the log's last record.
    Last,
    /// Reads the record before the oldest known one.
    Back,
    /// Was the log cleared while it was read?
    Check,
}

impl LogPoll {
    /// The newest records.
    pub fn latest(memory: Arc<Mutex<Memory>>, manufacturer: Arc<Mutex<Option<Manufacturer>>>) -> Self {
        Self::new(Part::Latest, memory, manufacturer)
    }

    /// All records, at most `AT_ONCE` new ones in one poll.
    pub fn all(memory: Arc<Mutex<Memory>>, manufacturer: Arc<Mutex<Option<Manufacturer>>>) -> Self {
        Self::new(Part::All, memory, manufacturer)
    }

    fn new(part: Part, memory: Arc<Mutex<Memory>>, manufacturer: Arc<Mutex<Option<Manufacturer>>>) -> Self {
        Self {
            part,
            memory,
            manufacturer,
            information: None,
            phase: Phase::Start,
            reading: RecordRead::new(entry::FIRST, super::record_read::Manner::Whole),
            walked: HashSet::new(),
            read: 0,
            anew: ANEW,
            fresh: false,
            to_end: false,
        }
    }

    fn heard(&mut self, answer: &Response) -> Result<Step, Fault> {
        match self.phase {
            Phase::Start | Phase::Device => {
                // A BMC that does not say who made it has the texts of the specification.
                let made = answer.good(device_id::NAME).ok().and_then(|data| device_id::decode(data).ok());
                *lock(&self.manufacturer) = Some(Manufacturer(made.map(|device| device.manufacturer)));
                Ok(self.ask_information())
            }
            Phase::Information => {
                let information = info::decode(answer.good(info::NAME)?)?;
                self.information = Some(information);
                Ok(self.begin(&information))
            }
            Phase::Check => {
                let information = info::decode(answer.good(info::NAME)?)?;
                let before = self.information.replace(information);
                if before.is_some_and(|before| before.last_erase == information.last_erase) {
                    return Ok(self.done());
                }
                self.start_anew()
            }
            Phase::LastKnown | Phase::Forward | Phase::Last | Phase::Back => {
                let progress = self.reading.heard(answer)?;
                lock(&self.memory).manner = self.reading.manner();
                match progress {
                    Progress::Ask(request) => Ok(Step::Ask(request)),
                    Progress::Record { next, raw } => self.got(next, raw),
                    Progress::Gone => self.gone(),
                }
            }
        }
    }

    fn ask_information(&mut self) -> Step {
        self.phase = Phase::Information;
        Step::Ask(info::request())
    }

    /// Where to begin, with what is known from earlier polls.
    fn begin(&mut self, information: &SelInformation) -> Step {
        let last_known = {
            let mut memory = lock(&self.memory);
            // Whatever a log holds after it was cleared, it is not what was known.
            if memory.erased.replace(information.last_erase) != Some(information.last_erase) {
                memory.forget();
            }
            if information.entries == 0 {
                memory.forget();
                (memory.from_start, memory.to_end) = (true, true);
            }
            memory.records.back().map(|known| known.id)
        };
        if information.entries == 0 {
            self.to_end = true;
            return self.done();
        }
        match last_known {
            Some(id) => self.ask_record(Phase::LastKnown, id),
            None => self.read_unknown(),
        }
    }

    fn read_unknown(&mut self) -> Step {
        let gaps = {
            let mut memory = lock(&self.memory);
            memory.forget();
            memory.gaps
        };
        self.fresh = true;
        self.walked.clear();
        match self.part {
            Part::Latest if !gaps => self.ask_record(Phase::Last, entry::LAST),
            Part::Latest | Part::All => self.walk_from_first(),
        }
    }

    fn walk_from_first(&mut self) -> Step {
        {
            let mut memory = lock(&self.memory);
            memory.forget();
            memory.from_start = true;
        }
        self.fresh = true;
        self.walked.clear();
        self.ask_record(Phase::Forward, entry::FIRST)
    }

    /// The log has changed under the reading hand.
    fn start_anew(&mut self) -> Result<Step, Fault> {
        if self.anew == 0 {
            let message = "the SEL changes faster than it can be read; poll it again later";
            return Err(Fault::new(FaultKind::Busy, message));
        }
        self.anew -= 1;
        self.walked.clear();
        lock(&self.memory).forget();
        Ok(self.ask_information())
    }

    fn ask_record(&mut self, phase: Phase, record_id: u16) -> Step {
        self.phase = phase;
        self.reading = RecordRead::new(record_id, lock(&self.memory).manner);
        Step::Ask(self.reading.begin())
    }

    fn got(&mut self, next: u16, raw: [u8; 16]) -> Result<Step, Fault> {
        let asked = self.reading.record_id();
        let id = if matches!(asked, entry::FIRST | entry::LAST) { record_id(raw) } else { asked };
        match self.phase {
            Phase::LastKnown => {
                let same = lock(&self.memory).records.back().is_some_and(|known| known.raw == raw);
                if same { self.follow(id, next) } else { Ok(self.read_unknown()) }
            }
            Phase::Back => {
                // The record before is the one whose next record is the oldest known one.
                let before = record_id(raw) == asked
                    && lock(&self.memory).records.front().is_some_and(|oldest| oldest.id == next);
                if !before {
                    return Ok(self.by_the_chain());
                }
                lock(&self.memory).records.push_front(Known { id, raw });
                Ok(self.back())
            }
            _ => {
                lock(&self.memory).append(Known { id, raw }, self.bound());
                self.read += 1;
                self.follow(id, next)
            }
        }
    }

    fn gone(&mut self) -> Result<Step, Fault> {
        match self.phase {
            Phase::Back => Ok(self.by_the_chain()),
            Phase::LastKnown => Ok(self.read_unknown()),
            // The log has become empty, or what was said to come next is not there any more.
            _ => self.start_anew(),
        }
    }

    /// The ids have gaps, so nothing tells the record before; the chain of next records has none.
    fn by_the_chain(&mut self) -> Step {
        lock(&self.memory).gaps = true;
        self.walk_from_first()
    }

    /// Goes on with the record after `id`, if there is one and this poll still may.
    fn follow(&mut self, id: u16, next: u16) -> Result<Step, Fault> {
        if next == entry::FIRST || !self.walked.insert(id) {
            lock(&self.memory).forget();
            return Err(bad_answer(entry::NAME, format_args!("the records after {id:#06x} have no end")));
        }
        if next == entry::LAST {
            self.to_end = true;
            lock(&self.memory).to_end = true;
            return Ok(self.back());
        }
        match self.part {
            Part::All if self.read >= AT_ONCE => Ok(self.finish()),
            // So far behind, the newest are found faster from the end.
            Part::Latest if self.read >= LATEST_REMEMBERED && !self.fresh => Ok(self.read_unknown()),
            Part::All | Part::Latest => Ok(self.ask_record(Phase::Forward, next)),
        }
    }

    /// The end of the log is known; `sel` may want more records before the oldest known one.
    fn back(&mut self) -> Step {
        let entries = self.information.map_or(0, |information| usize::from(information.entries));
        let (enough, oldest) = {
            let mut memory = lock(&self.memory);
            let known = memory.records.len();
            // The log may have grown meanwhile, so that more are known than were announced.
            memory.from_start |= known >= entries && self.fresh;
            let enough = memory.from_start || known >= entries.min(LATEST);
            (enough, memory.records.front().map_or(entry::FIRST, |oldest| oldest.id))
        };
        if enough || self.part == Part::All {
            return self.finish();
        }
        self.fresh = true;
        match oldest.checked_sub(1) {
            Some(before) if before != entry::FIRST => self.ask_record(Phase::Back, before),
            _ => self.by_the_chain(),
        }
    }

    /// What follows a known record needs no check; what was read without one may be of two logs, before a clear and after.
    fn finish(&mut self) -> Step {
        if self.fresh { self.check() } else { self.done() }
    }

    fn check(&mut self) -> Step {
        self.phase = Phase::Check;
        Step::Ask(info::request())
    }

    fn done(&self) -> Step {
        let Some(information) = self.information else {
            return Step::Done(Err(bad_answer(info::NAME, "there is none")));
        };
        let memory = lock(&self.memory);
        let entries: Vec<SelEntry> = memory.records.iter().map(|known| decode(known.raw)).collect();
        let log = SelLog {
            information,
            manufacturer: lock(&self.manufacturer).and_then(|manufacturer| manufacturer.0),
            entries,
            from_start: memory.from_start,
            to_end: self.to_end,
        };
        Step::Done(Ok(match self.part {
            Part::Latest => Reading::Sel(log),
            Part::All => Reading::SelEntries(log),
        }))
    }

    fn bound(&self) -> usize {
        match self.part {
            Part::Latest => LATEST_REMEMBERED,
            Part::All => RECORDS,
        }
    }
}

impl Conversation for LogPoll {
    fn step(&mut self, answer: Option<Response>) -> Step {
        match answer {
            None if lock(&self.manufacturer).is_none() => {
                self.phase = Phase::Device;
                Step::Ask(device_id::request())
            }
            None => self.ask_information(),
            Some(answer) => self.heard(&answer).unwrap_or_else(|fault| Step::Done(Err(fault))),
        }
    }
}

fn record_id(raw: [u8; 16]) -> u16 {
    u16::from_le_bytes([raw[0], raw[1]])
}

/// One poll of a BMC at a time holds these; a panic elsewhere leaves them whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
