use rackpoll_model::Fault;

use crate::command::{
    Request, Response, bad_answer, completion, get_sel_entry as entry, reserve_sel as reserve,
};

/// A lost reservation is asked for again so many times for one record.
const RESERVATIONS: u8 = 4;
/// Bytes of a part, where the BMC does not give whole records.
const PART: u8 = 8;

/// Reads one record: whole where the BMC gives it whole, else in parts under a reservation.
#[derive(Debug)]
pub(super) struct RecordRead {
    record_id: u16,
    manner: Manner,
    reservation: u16,
    reservations_left: u8,
    bytes: [u8; entry::RECORD as usize],
    have: u8,
    awaits: Awaits,
}

/// How the BMC gives its records; learned with the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Manner {
    /// Without a reservation, as the specification has it.
    #[default]
    Whole,
    /// Only under a reservation.
    Reserved,
    /// In parts, which need a reservation.
    Parts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    Reservation,
    Record,
}

/// What a record's reading came to.
#[derive(Debug)]
pub(super) enum Progress {
    Ask(Request),
    /// The record, and the id of the one after it.
    Record {
        next: u16,
        raw: [u8; entry::RECORD as usize],
    },
    /// There is no record with this id.
    Gone,
}

impl RecordRead {
    pub(super) fn new(record_id: u16, manner: Manner) -> Self {
        Self {
            record_id,
            manner,
            reservation: 0,
            reservations_left: RESERVATIONS,
            bytes: [0; entry::RECORD as usize],
            have: 0,
            awaits: Awaits::Record,
        }
    }

    /// The id that is asked for.
    pub(super) fn record_id(&self) -> u16 {
        self.record_id
    }

    /// What has been learned.
    pub(super) fn manner(&self) -> Manner {
        self.manner
    }

    pub(super) fn begin(&mut self) -> Request {
        if self.manner == Manner::Whole { self.next_part() } else { self.reserve() }
    }

    pub(super) fn heard(&mut self, answer: &Response) -> Result<Progress, Fault> {
        match self.awaits {
            Awaits::Reservation => {
                self.reservation = reserve::decode(answer.good(reserve::NAME)?)?;
                self.have = 0;
                Ok(Progress::Ask(self.next_part()))
            }
            Awaits::Record => self.record(answer),
        }
    }

    fn record(&mut self, answer: &Response) -> Result<Progress, Fault> {
        match answer.completion {
            completion::OK => {}
            completion::NOT_PRESENT => return Ok(Progress::Gone),
            completion::RESERVATION_CANCELED if self.reservations_left > 0 => {
                self.reservations_left -= 1;
                if self.manner == Manner::Whole {
                    self.manner = Manner::Reserved;
                }
                return Ok(Progress::Ask(self.reserve()));
            }
            completion::CANNOT_RETURN_BYTES | completion::REQUEST_LENGTH | completion::UNSPECIFIED
                if self.manner != Manner::Parts =>
            {
                return Ok(Progress::Ask(self.in_parts()));
            }
            _ => {
                answer.good(entry::NAME)?;
            }
        }
        let (next, part) = entry::decode(&answer.data)?;
        if self.manner != Manner::Parts && part.len() < self.bytes.len() {
            return Ok(Progress::Ask(self.in_parts()));
        }
        let place = self.bytes.iter_mut().skip(usize::from(self.have));
        let taken = place.zip(part).map(|(place, byte)| *place = *byte).count();
        if taken == 0 {
            return Err(bad_answer(entry::NAME, "a part without bytes"));
        }
        // At most 16 were taken.
        self.have = self.have.saturating_add(u8::try_from(taken).unwrap_or(entry::RECORD));
        if self.have < entry::RECORD {
            return Ok(Progress::Ask(self.next_part()));
        }
        Ok(Progress::Record { next, raw: self.bytes })
    }

    fn in_parts(&mut self) -> Request {
        self.manner = Manner::Parts;
        self.reserve()
    }

    fn reserve(&mut self) -> Request {
        self.awaits = Awaits::Reservation;
        reserve::request()
    }

    fn next_part(&mut self) -> Request {
        self.awaits = Awaits::Record;
        if self.manner == Manner::Parts {
            let length = PART.min(entry::RECORD - self.have);
            entry::part(self.reservation, self.record_id, self.have, length)
        } else {
            entry::whole(self.reservation, self.record_id)
        }
    }
}
