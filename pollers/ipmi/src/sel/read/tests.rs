//! A log with habits, and what the conversations make of it.

use super::*;
use crate::command::{Request, completion, get_sel_entry, netfn, reserve_sel};

/// A BMC's log. What it does not do, it refuses.
struct Log {
    records: Vec<[u8; 16]>,
    erased: u32,
    /// Bytes that one answer may hold.
    most: usize,
    /// Whole records need a reservation too.
    strict: bool,
    reservation: u16,
    /// The next reservations are lost before they are used.
    lose: u8,
    /// Commands so far.
    commands: usize,
    /// At this command the log is cleared and holds these.
    clear: Option<(usize, Vec<[u8; 16]>)>,
    /// After the last record comes the first.
    endless: bool,
}

fn record(id: u16, what: u8) -> [u8; 16] {
    let [low, high] = id.to_le_bytes();
    [low, high, 2, what, 0, 0, 0x69, 0x20, 0, 4, 1, 1, 1, 0x59, 0, 0]
}

impl Log {
    fn new(ids: impl IntoIterator<Item = u16>) -> Self {
        Self {
            records: ids.into_iter().map(|id| record(id, 0)).collect(),
            erased: 7,
            most: 64,
            strict: false,
            reservation: 1,
            lose: 0,
            commands: 0,
            clear: None,
            endless: false,
        }
    }

    fn add(&mut self, ids: impl IntoIterator<Item = u16>) {
        self.records.extend(ids.into_iter().map(|id| record(id, 0)));
    }

    fn answer(&mut self, request: &Request) -> Response {
        self.commands += 1;
        if let Some((_, records)) = self.clear.take_if(|(at, _)| *at == self.commands) {
            self.records = records;
            self.erased += 1;
        }
        let good = |data: Vec<u8>| Response { completion: completion::OK, data };
        let bad = |completion| Response { completion, data: Vec::new() };
        match (request.netfn, request.command) {
            (netfn::APP, device_id::COMMAND) => {
                good(vec![0x20, 1, 2, 0x10, 2, 0xbf, 0xa2, 0x02, 0, 0, 1, 0, 0, 0, 0])
            }
            (netfn::STORAGE, info::COMMAND) => {
                let mut data = vec![0x51];
                data.extend(u16::try_from(self.records.len()).unwrap().to_le_bytes());
                data.extend([0, 0x10, 0, 0, 0, 0]);
                data.extend(self.erased.to_le_bytes());
                data.push(0x02);
                good(data)
            }
            (netfn::STORAGE, reserve_sel::COMMAND) => {
                self.reservation += 1;
                let given = self.reservation;
                if self.lose > 0 {
                    self.lose -= 1;
                    self.reservation += 1;
                }
                good(given.to_le_bytes().to_vec())
            }
            (netfn::STORAGE, get_sel_entry::COMMAND) => self.entry(&request.data),
            _ => bad(completion::INVALID_COMMAND),
        }
    }

    fn entry(&self, data: &[u8]) -> Response {
        let bad = |completion| Response { completion, data: Vec::new() };
        let reservation = u16::from_le_bytes([data[0], data[1]]);
        let id = u16::from_le_bytes([data[2], data[3]]);
        let (offset, length) = (usize::from(data[4]), usize::from(data[5]));
        let place = match id {
            0 => (!self.records.is_empty()).then_some(0),
            0xffff => self.records.len().checked_sub(1),
            id => self.records.iter().position(|record| record_id(*record) == id),
        };
        let Some(place) = place else { return bad(completion::NOT_PRESENT) };
        if (self.strict || offset > 0) && reservation != self.reservation {
            return bad(completion::RESERVATION_CANCELED);
        }
        let record = self.records[place];
        let part = &record[offset..(offset + length).min(16)];
        if part.len() > self.most {
            return bad(completion::CANNOT_RETURN_BYTES);
        }
        let after = self.records.get(place + 1).or(self.endless.then(|| &self.records[0]));
        let mut data = after.map_or(0xffff, |record| record_id(*record)).to_le_bytes().to_vec();
        data.extend(part);
        Response { completion: completion::OK, data }
    }
}

/// A BMC with what is remembered of it.
#[derive(Default)]
struct Reader {
    memory: Arc<Mutex<Memory>>,
    whole: Arc<Mutex<Memory>>,
    manufacturer: Arc<Mutex<Option<Manufacturer>>>,
}

impl Reader {
    fn run(&self, mut poll: LogPoll, log: &mut Log) -> Result<SelLog, Fault> {
        let mut answer = None;
        for _ in 0..20_000 {
            match poll.step(answer.take()) {
                Step::Ask(request) => answer = Some(log.answer(&request)),
                Step::Done(result) => {
                    return result.map(|reading| match reading {
                        Reading::Sel(log) | Reading::SelEntries(log) => log,
                        other => panic!("{other:?}"),
                    });
                }
            }
        }
        panic!("no end");
    }

    fn latest(&self, log: &mut Log) -> Result<SelLog, Fault> {
        let poll = LogPoll::latest(Arc::clone(&self.memory), Arc::clone(&self.manufacturer));
        self.run(poll, log)
    }

    fn all(&self, log: &mut Log) -> Result<SelLog, Fault> {
        let poll = LogPoll::all(Arc::clone(&self.whole), Arc::clone(&self.manufacturer));
        self.run(poll, log)
    }
}

fn ids(log: &SelLog) -> Vec<u16> {
    log.entries.iter().map(|entry| entry.record_id).collect()
}

/// Commands that one poll took.
fn commands(log: &mut Log, poll: impl FnOnce(&mut Log)) -> usize {
    let before = log.commands;
    poll(log);
    log.commands - before
}

#[test]
fn the_latest_are_read_from_the_end() {
    let mut log = Log::new(1..=500);
    let reader = Reader::default();
    let taken = commands(&mut log, |log| {
        let read = reader.latest(log).unwrap();
        assert_eq!(ids(&read), (476..=500).collect::<Vec<_>>());
        assert!(read.to_end && !read.from_start);
        assert_eq!(read.manufacturer, Some(674));
    });
    // Device id, information, records, and the information once more.
    assert_eq!(taken, 3 + 25);
}

#[test]
fn the_next_poll_reads_only_what_is_new() {
    let mut log = Log::new(1..=500);
    let reader = Reader::default();
    reader.latest(&mut log).unwrap();
    assert_eq!(commands(&mut log, |log| drop(reader.latest(log).unwrap())), 2);
    log.add(501..=503);
    let taken = commands(&mut log, |log| {
        assert_eq!(ids(&reader.latest(log).unwrap()).last_chunk(), Some(&[501, 502, 503]));
    });
    assert_eq!(taken, 2 + 3);
}

#[test]
fn a_short_log_is_known_whole() {
    for length in 0..=26 {
        let mut log = Log::new(1..=length);
        let read = Reader::default().latest(&mut log).unwrap();
        assert_eq!(read.entries.len(), usize::from(length.min(25)));
        assert_eq!(read.from_start, length <= 25, "{length}");
        assert!(read.to_end);
    }
}

#[test]
fn all_records_are_read_once() {
    let mut log = Log::new(1..=300);
    let reader = Reader::default();
    let read = reader.all(&mut log).unwrap();
    assert_eq!(ids(&read), (1..=300).collect::<Vec<_>>());
    assert!(read.from_start && read.to_end);
    log.add([301]);
    let taken = commands(&mut log, |log| assert_eq!(reader.all(log).unwrap().entries.len(), 301));
    assert_eq!(taken, 3);
}

#[test]
fn a_long_log_is_read_in_several_polls() {
    let mut log = Log::new(1..=5_000);
    let reader = Reader::default();
    let first = reader.all(&mut log).unwrap();
    assert_eq!(first.entries.len(), AT_ONCE);
    assert!(first.from_start && !first.to_end);
    let second = reader.all(&mut log).unwrap();
    // What is remembered is bounded.
    assert_eq!(ids(&second), (905..=5_000).collect::<Vec<_>>());
    assert!(second.to_end && !second.from_start);
}

#[test]
fn ids_with_gaps_go_by_the_chain() {
    let mut log = Log::new((1..=60).map(|n| n * 20));
    let reader = Reader::default();
    let read = reader.latest(&mut log).unwrap();
    assert_eq!(ids(&read), (1..=60).map(|n| n * 20).collect::<Vec<_>>());
    log.add([1_220]);
    let taken = commands(&mut log, |log| {
        assert_eq!(ids(&reader.latest(log).unwrap()).last(), Some(&1_220));
    });
    assert_eq!(taken, 3);
    // Once known, the way back is not tried again.
    log.records.clear();
    log.erased += 1;
    log.add((1..=40).map(|n| n * 20));
    assert_eq!(reader.latest(&mut log).unwrap().entries.len(), 40);
}

#[test]
fn ids_that_wrap_go_by_the_chain() {
    let mut log = Log::new((0xfff0..=0xfffe).chain(1..=5));
    let read = Reader::default().latest(&mut log).unwrap();
    assert_eq!(ids(&read), (0xfff0..=0xfffe).chain(1..=5).collect::<Vec<_>>());
}

#[test]
fn a_cleared_log_is_read_anew() {
    let mut log = Log::new(1..=50);
    let reader = Reader::default();
    reader.latest(&mut log).unwrap();
    // Same ids and as many: only the stamp tells.
    log.records = (1..=50).map(|id| record(id, 1)).collect();
    log.erased += 1;
    let read = reader.latest(&mut log).unwrap();
    assert_eq!(read.entries.last().unwrap().raw, record(50, 1));
    // A BMC without erase stamps: the last known record is another one, or is gone.
    log.records = (1..=50).map(|id| record(id, 2)).collect();
    assert_eq!(reader.latest(&mut log).unwrap().entries.last().unwrap().raw, record(50, 2));
    log.records.truncate(10);
    assert_eq!(reader.latest(&mut log).unwrap().entries.len(), 10);
    log.records.clear();
    assert_eq!(reader.latest(&mut log).unwrap().entries, []);
}

#[test]
fn a_log_cleared_during_the_read_is_not_mixed() {
    for at in 3..=33 {
        for all in [false, true] {
            let mut log = Log::new(1..=30);
            let after: Vec<_> = (1..=28).map(|id| record(id, 1)).collect();
            log.clear = Some((at, after));
            let reader = Reader::default();
            let read = if all { reader.all(&mut log) } else { reader.latest(&mut log) }.unwrap();
            let kinds: HashSet<u8> = read.entries.iter().map(|entry| entry.raw[3]).collect();
            assert_eq!(kinds.len(), 1, "two logs in one, cleared at command {at}");
        }
    }
}

#[test]
fn a_log_that_never_rests_is_a_fault() {
    let mut log = Log::new(1..=30);
    let reader = Reader::default();
    let mut poll = LogPoll::all(Arc::clone(&reader.whole), Arc::clone(&reader.manufacturer));
    let mut answer = None;
    let fault = loop {
        match poll.step(answer.take()) {
            Step::Ask(request) => {
                if request.command == info::COMMAND {
                    log.erased += 1;
                }
                answer = Some(log.answer(&request));
            }
            Step::Done(result) => break result.unwrap_err(),
        }
    };
    assert_eq!(fault.kind, FaultKind::Busy);
    assert!(log.commands < 200);
}

#[test]
fn small_buffers_and_lost_reservations() {
    for (most, strict, lose) in [(8, false, 0), (8, true, 3), (64, true, 0), (64, true, 2), (10, false, 4)] {
        let mut log = Log::new(1..=30);
        (log.most, log.strict, log.lose) = (most, strict, lose);
        let reader = Reader::default();
        assert_eq!(ids(&reader.latest(&mut log).unwrap()), (6..=30).collect::<Vec<_>>());
        assert_eq!(reader.all(&mut log).map(|read| read.entries.len()), Ok(30));
    }
    let mut log = Log::new(1..=30);
    (log.strict, log.lose) = (true, u8::MAX);
    let fault = Reader::default().latest(&mut log).unwrap_err();
    assert!(fault.message.contains("Get SEL Entry"), "{fault}");
    assert!(log.commands < 20);
}

#[test]
fn a_chain_without_end_is_a_bad_answer() {
    for all in [false, true] {
        let mut log = Log::new(1..=20);
        log.endless = true;
        let reader = Reader::default();
        let fault = if all { reader.all(&mut log) } else { reader.latest(&mut log) }.unwrap_err();
        assert_eq!(fault.kind, FaultKind::BadAnswer);
        // Nothing of it stays.
        log.endless = false;
        assert_eq!(reader.all(&mut log).unwrap().entries.len(), 20);
    }
}

#[test]
fn a_poll_that_was_given_up_does_not_spoil_the_next() {
    for stop in 0..60 {
        let mut log = Log::new(1..=30);
        let reader = Reader::default();
        for all in [false, true] {
            let mut poll = if all {
                LogPoll::all(Arc::clone(&reader.whole), Arc::clone(&reader.manufacturer))
            } else {
                LogPoll::latest(Arc::clone(&reader.memory), Arc::clone(&reader.manufacturer))
            };
            let mut answer = None;
            for _ in 0..stop {
                match poll.step(answer.take()) {
                    Step::Ask(request) => answer = Some(log.answer(&request)),
                    Step::Done(_) => break,
                }
            }
            let read = if all { reader.all(&mut log) } else { reader.latest(&mut log) }.unwrap();
            let latest: Vec<_> = ids(&read).into_iter().rev().take(25).rev().collect();
            assert_eq!(latest, (6..=30).collect::<Vec<_>>(), "given up after {stop}");
        }
    }
}

#[test]
fn garbage_ends_and_does_not_panic() {
    // A generator of its own (xorshift), so that a failure can be repeated.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let reader = Reader::default();
    for round in 0..4_000 {
        let mut poll = if round % 2 == 0 {
            LogPoll::all(Arc::clone(&reader.whole), Arc::clone(&reader.manufacturer))
        } else {
            LogPoll::latest(Arc::clone(&reader.memory), Arc::clone(&reader.manufacturer))
        };
        let mut answer = None;
        for _ in 0..200 {
            match poll.step(answer.take()) {
                Step::Ask(_) => {
                    let completion = match random() % 8 {
                        0 => completion::RESERVATION_CANCELED,
                        1 => completion::NOT_PRESENT,
                        2 => random() as u8,
                        _ => completion::OK,
                    };
                    let length = usize::try_from(random() % 24).unwrap();
                    let data = (0..length).map(|_| random() as u8 & random() as u8).collect();
                    answer = Some(Response { completion, data });
                }
                Step::Done(_) => break,
            }
        }
        assert!(lock(&reader.whole).records.len() <= RECORDS);
        assert!(lock(&reader.memory).records.len() <= LATEST_REMEMBERED);
    }
}
