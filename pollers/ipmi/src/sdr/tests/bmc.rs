//! A BMC made of records and answers, and a driver that counts what it is asked.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use rackpoll_model::{Fault, Reading, SensorReading, SensorState};

use crate::{
    command::{Bridge, Conversation as _, Effort, Request, Response, Step},
    sdr::{Library, SensorMemory, SensorPoll, Want},
};

/// What a sensor does with a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Data(Vec<u8>),
    Code(u8),
    Silence,
}

/// Something that happens to the BMC between commands.
type Hook = Box<dyn FnMut(&mut Bmc, &Request)>;

pub(super) struct Bmc {
    /// Get Device ID.
    pub(super) id: Vec<u8>,
    pub(super) records: Vec<Vec<u8>>,
    pub(super) stamps: (u32, u32),
    /// Most bytes of a record at once, and the code for more, or `SILENT`.
    pub(super) buffer: (usize, u8),
    /// Whether there is a repository; otherwise records of the device's own.
    pub(super) repository: bool,
    pub(super) reservation: u16,
    /// Ids that follow each other otherwise than in `records`.
    pub(super) next: BTreeMap<u16, u16>,
    /// Records that cannot be read, and the code.
    pub(super) broken: BTreeMap<u16, u8>,
    /// Answers by command and sensor number; without one, it is not present.
    pub(super) sensors: BTreeMap<(u8, u8), Answer>,
    /// Datagrams that a command takes which is answered.
    pub(super) datagrams: u32,
    /// Runs before each command is answered.
    pub(super) hook: Option<Hook>,
    /// How often each command was asked: network function and command.
    pub(super) asked: BTreeMap<(u8, u8), usize>,
    /// Where bridged commands went.
    pub(super) bridged: Vec<Bridge>,
}

/// In place of a completion code: no answer.
pub(super) const SILENT: u8 = 0;

pub(super) const DEVICE_ID: (u8, u8) = (0x06, 0x01);
pub(super) const INFO: (u8, u8) = (0x0a, 0x20);
pub(super) const RESERVE: (u8, u8) = (0x0a, 0x22);
pub(super) const SDR: (u8, u8) = (0x0a, 0x23);
pub(super) const DEVICE_SDR: (u8, u8) = (0x04, 0x21);
pub(super) const FACTORS: (u8, u8) = (0x04, 0x23);
pub(super) const HYSTERESIS: (u8, u8) = (0x04, 0x25);
pub(super) const THRESHOLDS: (u8, u8) = (0x04, 0x27);
pub(super) const EVENTS: (u8, u8) = (0x04, 0x29);
pub(super) const READING: (u8, u8) = (0x04, 0x2d);

impl Bmc {
    /// With these sensors (full or compact records from `records`), each of which reads and has its events on.
    pub(super) fn new(records: Vec<Vec<u8>>) -> Self {
        let mut sensors = BTreeMap::new();
        for record in records.iter().filter(|record| matches!(record[3], 1 | 2)) {
            sensors.insert((READING.1, record[7]), Answer::Data(vec![0x29, 0xc0, 0xc0, 0x80]));
            sensors.insert((EVENTS.1, record[7]), Answer::Data(vec![0xc0, 0x95, 0x0a, 0x00, 0x00]));
        }
        Self {
            id: vec![0x20, 0x01, 0x02, 0x30, 0x02, 0xbf, 0xa2, 0x02, 0x00, 0x00, 0x01],
            records,
            stamps: (7, 3),
            buffer: (255, 0xca),
            repository: true,
            reservation: 0,
            next: BTreeMap::new(),
            broken: BTreeMap::new(),
            sensors,
            datagrams: 1,
            hook: None,
            asked: BTreeMap::new(),
            bridged: Vec::new(),
        }
    }

    pub(super) fn count(&self, command: (u8, u8)) -> usize {
        self.asked.get(&command).copied().unwrap_or(0)
    }

    pub(super) fn total(&self) -> usize {
        self.asked.values().sum()
    }

    fn answer(&mut self, request: &Request) -> Answer {
        if let Some(mut hook) = self.hook.take() {
            hook(self, request);
            self.hook = Some(hook);
        }
        *self.asked.entry((request.netfn, request.command)).or_default() += 1;
        let records = self.records.len() as u16;
        match (request.netfn, request.command) {
            DEVICE_ID => Answer::Data(self.id.clone()),
            INFO if self.repository => {
                let mut data = vec![0x51];
                data.extend_from_slice(&records.to_le_bytes());
                data.extend_from_slice(&[0xfe, 0xff]);
                data.extend_from_slice(&self.stamps.0.to_le_bytes());
                data.extend_from_slice(&self.stamps.1.to_le_bytes());
                data.push(0x02);
                Answer::Data(data)
            }
            (0x04, 0x20) if !self.repository => {
                let mut data = vec![records as u8, 0x81];
                data.extend_from_slice(&self.stamps.0.to_le_bytes());
                Answer::Data(data)
            }
            RESERVE | (0x04, 0x22) if self.repository == (request.netfn == 0x0a) => {
                self.reservation += 1;
                Answer::Data(self.reservation.to_le_bytes().into())
            }
            SDR | DEVICE_SDR if self.repository == (request.netfn == 0x0a) => self.part(&request.data),
            (0x04, command) => {
                let answer = self.sensors.get(&(command, request.data[0])).cloned();
                answer.unwrap_or(Answer::Code(0xcb))
            }
            _ => Answer::Code(0xc1),
        }
    }

    fn part(&self, data: &[u8]) -> Answer {
        let [v0, v1, r0, r1, offset, length] = *data else { return Answer::Code(0xc7) };
        if u16::from_le_bytes([v0, v1]) != self.reservation {
            return Answer::Code(0xc5);
        }
        let mut id = u16::from_le_bytes([r0, r1]);
        let id_of = |record: &Vec<u8>| u16::from_le_bytes([record[0], record[1]]);
        if id == 0 {
            id = self.records.first().map_or(0, id_of);
        }
        if let Some(code) = self.broken.get(&id) {
            return Answer::Code(*code);
        }
        let Some(place) = self.records.iter().position(|record| id_of(record) == id) else {
            return Answer::Code(0xcb);
        };
        let next = self.next.get(&id).copied();
        let next = next.unwrap_or_else(|| self.records.get(place + 1).map_or(0xffff, id_of));
        let rest = self.records[place].get(usize::from(offset)..).unwrap_or_default();
        let length = if length == 0xff { rest.len() } else { usize::from(length) };
        if length > self.buffer.0 {
            return if self.buffer.1 == SILENT { Answer::Silence } else { Answer::Code(self.buffer.1) };
        }
        let Some(bytes) = rest.get(..length) else { return Answer::Code(0xc9) };
        let mut data = next.to_le_bytes().to_vec();
        data.extend_from_slice(bytes);
        Answer::Data(data)
    }

    /// Runs a poll to its end.
    pub(super) fn poll(&mut self, memory: &Arc<Mutex<SensorMemory>>, want: Want) -> Result<Reading, Fault> {
        self.poll_part(memory, want, usize::MAX).expect("the poll ends")
    }

    /// Runs a poll for at most so many commands; none where it has not ended by then.
    pub(super) fn poll_part(
        &mut self,
        memory: &Arc<Mutex<SensorMemory>>,
        want: Want,
        commands: usize,
    ) -> Option<Result<Reading, Fault>> {
        let mut poll = SensorPoll::new(Arc::clone(memory), want);
        let mut step = poll.step(None);
        for _ in 0..commands {
            let request = match step {
                Step::Done(result) => return Some(result),
                Step::Ask(request) => request,
            };
            self.bridged.extend(poll.bridge());
            let answer = self.answer(&request);
            let effort = |datagrams, took| Effort { datagrams, took: Duration::from_millis(took) };
            poll.effort(if answer == Answer::Silence { effort(3, 500) } else { effort(self.datagrams, 5) });
            step = match answer {
                Answer::Data(data) => poll.step(Some(Response { completion: 0, data })),
                Answer::Code(completion) => poll.step(Some(Response { completion, data: Vec::new() })),
                // The driver gives a poll up that waits for ever.
                Answer::Silence => match poll.patience() {
                    Some(_) => poll.no_answer(),
                    None => return None,
                },
            };
        }
        None
    }

    /// The readings of a good poll of all sensors.
    pub(super) fn sensors(&mut self, memory: &Arc<Mutex<SensorMemory>>) -> Vec<SensorReading> {
        match self.poll(memory, Want::Sensors) {
            Ok(Reading::Sdr(readings)) => readings,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn states(&mut self, memory: &Arc<Mutex<SensorMemory>>) -> Vec<SensorState> {
        self.sensors(memory).iter().map(|reading| reading.state).collect()
    }
}

pub(super) fn memory() -> Arc<Mutex<SensorMemory>> {
    Arc::new(Mutex::new(SensorMemory::new(Arc::new(Library::new()))))
}

fn header(id: u16, kind: u8, body: Vec<u8>) -> Vec<u8> {
    let mut record = id.to_le_bytes().to_vec();
    record.extend_from_slice(&[0x51, kind, body.len() as u8]);
    record.extend(body);
    record
}

/// A full record of a temperature: M 1, two's complement, thresholds lnc lcr unc ucr.
pub(super) fn temperature(id: u16, number: u8, name: &str) -> Vec<u8> {
    let mut body = vec![0x20, 0x00, number, 0x07, 0x01, 0x7f, 0x68, 0x01, 0x01];
    body.extend_from_slice(&[0x95, 0x3a, 0x95, 0x3a, 0x1b, 0x1b]);
    body.extend_from_slice(&[0x80, 0x01, 0x00, 0x00, 1, 3, 0, 0, 0, 0]);
    body.extend_from_slice(&[0x07, 50, 95, 10, 0x7f, 0x80, 0, 114, 105, 0, 5, 10, 4, 4, 0, 0, 0x00]);
    body.push(0xc0 | name.len() as u8);
    body.extend_from_slice(name.as_bytes());
    header(id, 0x01, body)
}

/// A compact record of a drive slot.
pub(super) fn drive(id: u16, number: u8, name: &str) -> Vec<u8> {
    let mut body = vec![0x20, 0x00, number, 0x04, number, 0x67, 0x40, 0x0d, 0x6f];
    body.extend_from_slice(&[
        0x0f, 0x00, 0x0f, 0x00, 0x0f, 0x00, 0xc0, 0, 0, 0x01, 0x00, 0, 0, 0, 0, 0, 0x2a,
    ]);
    body.push(0xc0 | name.len() as u8);
    body.extend_from_slice(name.as_bytes());
    header(id, 0x02, body)
}

/// A record of the manufacturer's.
pub(super) fn oem(id: u16) -> Vec<u8> {
    header(id, 0xc0, vec![0xa2, 0x02, 0x00, 1, 2, 3])
}

/// Two temperatures, an OEM record, two drives.
pub(super) fn server() -> Vec<Vec<u8>> {
    vec![
        temperature(0x10, 1, "Inlet"),
        oem(0x11),
        temperature(0x20, 2, "Exhaust Temp"),
        drive(0x21, 0x30, "Drive 0"),
        drive(0x30, 0x31, "Drive 1"),
    ]
}
