use std::collections::HashSet;

use rackpoll_model::{Fault, FaultKind};

use super::{
    record::HEADER,
    repository::{Key, Source},
};
use crate::command::{
    Request, Response, bad_answer, completion, get_device_id, get_device_sdr, get_device_sdr_info,
    get_sdr::{self, FIRST, LAST, Part, WHOLE},
    get_sdr_repository_info, reserve_device_sdr_repository, reserve_sdr_repository,
};

/// Most records of a repository. Ids have 16 bits; the largest server that we know of has some 400.
const MAX_RECORDS: usize = 4096;
/// Most bytes of a repository: its free space has 16 bits.
const MAX_BYTES: usize = 1 << 17;
/// How often a reservation may be lost in one walk: any other console's walk cancels it.
const MAX_RESERVATIONS: u32 = 16;
/// How often the repository may change under a walk before the last reading of it is taken.
const MAX_RESTARTS: u32 = 2;
/// How often in a row a command is asked again where the BMC is busy.
const MAX_BUSY: u32 = 3;

/// Bytes of a record to ask for at once, learned by asking for more. The steps come from what BMCs are known to bear:
/// all of it, then buffers of 64, 32 and 24 bytes less their headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReadSize(u8);

impl ReadSize {
    const STEPS: [u8; 6] = [WHOLE, 56, 28, 20, 14, 7];

    pub(super) fn new(size: u8) -> Self {
        Self(Self::STEPS.into_iter().find(|step| *step <= size).unwrap_or(7))
    }

    pub(super) fn get(self) -> u8 {
        self.0
    }

    fn smaller(self) -> Option<Self> {
        Self::STEPS.into_iter().find(|step| *step < self.0).map(Self)
    }
}

impl Default for ReadSize {
    fn default() -> Self {
        Self(WHOLE)
    }
}

/// What comes next in a walk.
pub(super) enum Turn {
    Ask(Request),
    Done(Box<Walked>),
    Failed(Fault),
}

/// A repository as it was read.
pub(super) struct Walked {
    pub(super) key: Key,
    pub(super) raw: Box<[u8]>,
    pub(super) size: ReadSize,
}

/// Reads a repository record by record, in parts where the BMC wants that. A walk that its poll's deadline interrupts
/// is taken up again by the next poll.
pub(super) struct Walk {
    step: Step,
    size: ReadSize,
    /// What it was when the current record was begun.
    proven: ReadSize,
    id: Option<get_device_id::DeviceId>,
    source: Option<Source>,
    device_records: bool,
    reservation: u16,
    reservations: u32,
    restarts: u32,
    busy: u32,
    /// The record at which the walk was interrupted the last time.
    interrupted: Option<u16>,
    /// The record that is being read, and what there is of it.
    current: u16,
    part: Vec<u8>,
    next: u16,
    seen: HashSet<u16>,
    raw: Vec<u8>,
}

/// What was asked last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    DeviceId,
    /// Before the walk, or when it is taken up again.
    Info,
    Reserve,
    Record,
    /// After the walk.
    InfoAgain,
}

impl Walk {
    pub(super) fn new(size: ReadSize) -> Self {
        Self {
            step: Step::DeviceId,
            size,
            proven: size,
            id: None,
            source: None,
            device_records: false,
            reservation: 0,
            reservations: 0,
            restarts: 0,
            busy: 0,
            interrupted: None,
            current: FIRST,
            part: Vec::new(),
            next: LAST,
            seen: HashSet::new(),
            raw: Vec::new(),
        }
    }

    /// Begins, or goes on after an interruption: whether it is still the same repository is asked first.
    pub(super) fn begin(&mut self) -> Turn {
        (self.busy, self.reservations, self.restarts) = (0, 0, 0);
        if self.interrupted == Some(self.current) {
            // A whole poll has brought no more of this record: some BMCs do not answer what they have no buffer for.
            self.size = self.size.smaller().unwrap_or(self.size);
        }
        self.interrupted = (self.step == Step::Record).then_some(self.current);
        self.ask(Step::DeviceId)
    }

    /// Bytes to ask for at once, as learned so far.
    pub(super) fn size(&self) -> ReadSize {
        self.size
    }

    /// Bytes of whole records that it has read.
    pub(super) fn bytes(&self) -> usize {
        self.raw.len()
    }

    pub(super) fn answer(&mut self, response: &Response) -> Turn {
        if let completion::NODE_BUSY | 0xd0 | 0xd2 = response.completion {
            self.busy += 1;
            if self.busy > MAX_BUSY {
                return Turn::Failed(completion::fault(self.name(), response.completion));
            }
            return self.ask(self.step);
        }
        self.busy = 0;
        let turn = match self.step {
            Step::DeviceId => self.device_id(response),
            Step::Info => self.info(response),
            Step::Reserve => self.reserved(response),
            Step::Record => self.record(response),
            Step::InfoAgain => self.info_again(response),
        };
        turn.unwrap_or_else(Turn::Failed)
    }

    fn device_id(&mut self, response: &Response) -> Result<Turn, Fault> {
        let id = get_device_id::decode(response.good(get_device_id::NAME)?)?;
        if self.id != Some(id) {
            self.forget();
            self.device_records = !id.sdr_repository && id.device_sdrs;
        }
        self.id = Some(id);
        Ok(self.ask(Step::Info))
    }

    fn info(&mut self, response: &Response) -> Result<Turn, Fault> {
        let other = self.id.is_some_and(|id| id.device_sdrs);
        if response.completion == completion::INVALID_COMMAND && !self.device_records && other {
            // It says that it has a repository, and has not.
            self.device_records = true;
            return Ok(self.ask(Step::Info));
        }
        let source = self.source(response)?;
        if self.source.is_some_and(|known| known != source) {
            self.forget();
        }
        self.source = Some(source);
        if self.seen.contains(&self.current) {
            // The walk was interrupted after its last record, and that is all that there was to ask.
            return self.info_again(response);
        }
        Ok(self.reserve())
    }

    fn reserve(&mut self) -> Turn {
        self.reservations += 1;
        if self.reservations > MAX_RESERVATIONS {
            let again =
                "the reservation of the SDR repository is lost again and again: others read or change it";
            return Turn::Failed(Fault::new(FaultKind::Busy, again));
        }
        self.ask(Step::Reserve)
    }

    fn reserved(&mut self, response: &Response) -> Result<Turn, Fault> {
        self.reservation = match response.completion {
            // Whole records can be read without one.
            completion::INVALID_COMMAND => 0,
            _ => reserve_sdr_repository::decode(response.good(self.name())?)?,
        };
        self.part.clear();
        Ok(self.ask(Step::Record))
    }

    fn record(&mut self, response: &Response) -> Result<Turn, Fault> {
        match response.completion {
            completion::OK => {}
            completion::RESERVATION_CANCELED => return Ok(self.reserve()),
            completion::CANNOT_RETURN_BYTES
            | completion::PROCESSING_TIMEOUT
            | completion::REQUEST_LENGTH
            | 0xc8
            | completion::UNSPECIFIED => {
                return Ok(match self.size.smaller() {
                    Some(smaller) => {
                        self.size = smaller;
                        self.ask(Step::Record)
                    }
                    None => self.give_up_record(response.completion),
                });
            }
            code => return Ok(self.give_up_record(code)),
        }
        let (next, bytes) = get_sdr::decode(&response.data)?;
        let wanted = self.wanted();
        let bytes = match wanted {
            WHOLE => bytes,
            // Some give more than was asked for.
            wanted => bytes.get(..usize::from(wanted)).unwrap_or(bytes),
        };
        if bytes.is_empty() {
            return Ok(self.give_up_record(completion::OK));
        }
        self.next = next;
        self.part.extend_from_slice(bytes);
        let Some(length) = self.length() else { return Ok(self.ask(Step::Record)) };
        if self.part.len() < length {
            // Offsets have eight bits, and records have 64 bytes at most: this one is none.
            let reachable = self.part.len() <= usize::from(u8::MAX);
            return Ok(if reachable { self.ask(Step::Record) } else { self.give_up_record(completion::OK) });
        }
        self.proven = self.size;
        self.part.truncate(length);
        self.raw.append(&mut self.part);
        if self.seen.len() >= MAX_RECORDS || self.raw.len() > MAX_BYTES {
            return Err(bad_answer(self.name(), "the repository has no end"));
        }
        Ok(self.go_on())
    }

    /// A record cannot be read. On some BMCs that is always the last one (freeipmi#29).
    fn give_up_record(&mut self, code: u8) -> Turn {
        let begun = !self.part.is_empty();
        self.part.clear();
        // It was not the size.
        self.size = self.proven;
        if begun {
            // What comes after it is known.
            return self.go_on();
        }
        let records = match self.source {
            Some(Source::Repository(info)) => usize::from(info.records),
            Some(Source::Device(_)) | None => usize::MAX,
        };
        let last = !self.raw.is_empty() && self.seen.len().saturating_add(1) >= records;
        if last || records == 0 {
            return self.ask(Step::InfoAgain);
        }
        Turn::Failed(match code {
            completion::OK => bad_answer(self.name(), format_args!("record {:#06x} is empty", self.current)),
            code => completion::fault(self.name(), code),
        })
    }

    /// To the next record. One that was there before ends the walk as the end mark does: the list goes in a circle.
    fn go_on(&mut self) -> Turn {
        self.seen.insert(self.current);
        if self.next == LAST || self.next == FIRST || self.seen.contains(&self.next) {
            return self.ask(Step::InfoAgain);
        }
        self.current = self.next;
        self.ask(Step::Record)
    }

    fn info_again(&mut self, response: &Response) -> Result<Turn, Fault> {
        let source = self.source(response)?;
        if self.source != Some(source) {
            self.restarts += 1;
            if self.restarts <= MAX_RESTARTS {
                self.forget();
                self.source = Some(source);
                return Ok(self.reserve());
            }
            // The stamps of some BMCs run with their clock. The next poll will ask again.
        }
        let Some(id) = self.id else {
            return Err(Fault::new(
                FaultKind::Internal,
                "a walk through the SDR repository without a device id",
            ));
        };
        let raw = std::mem::take(&mut self.raw).into_boxed_slice();
        Ok(Turn::Done(Box::new(Walked { key: Key::new(&id, source), raw, size: self.size })))
    }

    /// Begins at the first record again.
    fn forget(&mut self) {
        self.current = FIRST;
        self.part.clear();
        self.raw.clear();
        self.seen.clear();
        self.source = None;
    }

    fn source(&self, response: &Response) -> Result<Source, Fault> {
        let data = response.good(self.name())?;
        if self.device_records {
            get_device_sdr_info::decode(data).map(Source::Device)
        } else {
            get_sdr_repository_info::decode(data).map(Source::Repository)
        }
    }

    /// Whole length of the current record, once its header is there.
    fn length(&self) -> Option<usize> {
        self.part.get(HEADER - 1).map(|body| HEADER + usize::from(*body))
    }

    /// Bytes to ask for now.
    fn wanted(&self) -> u8 {
        match self.length() {
            None if self.size.get() == WHOLE && self.part.is_empty() => WHOLE,
            // The header says how long the record is. Asking past its end is an error to some.
            None => (HEADER - self.part.len().min(HEADER)) as u8,
            Some(length) => {
                let missing = length.saturating_sub(self.part.len());
                u8::try_from(missing).unwrap_or(WHOLE - 1).min(self.size.get())
            }
        }
    }

    fn ask(&mut self, step: Step) -> Turn {
        self.step = step;
        Turn::Ask(match (step, self.device_records) {
            (Step::DeviceId, _) => get_device_id::request(),
            (Step::Info | Step::InfoAgain, false) => get_sdr_repository_info::request(),
            (Step::Info | Step::InfoAgain, true) => get_device_sdr_info::request(),
            (Step::Reserve, false) => reserve_sdr_repository::request(),
            (Step::Reserve, true) => reserve_device_sdr_repository::request(),
            (Step::Record, device) => {
                let part = Part {
                    reservation: self.reservation,
                    record: self.current,
                    offset: u8::try_from(self.part.len()).unwrap_or(u8::MAX),
                    length: self.wanted(),
                };
                if device { get_device_sdr::request(part) } else { get_sdr::request(part) }
            }
        })
    }

    fn name(&self) -> &'static str {
        match (self.step, self.device_records) {
            (Step::DeviceId, _) => get_device_id::NAME,
            (Step::Info | Step::InfoAgain, false) => get_sdr_repository_info::NAME,
            (Step::Info | Step::InfoAgain, true) => get_device_sdr_info::NAME,
            (Step::Reserve, false) => reserve_sdr_repository::NAME,
            (Step::Reserve, true) => reserve_device_sdr_repository::NAME,
            (Step::Record, false) => get_sdr::NAME,
            (Step::Record, true) => get_device_sdr::NAME,
        }
    }
}
