use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rackpoll_model::{
    Fault, FaultKind, Reading, Sensor, SensorReading, SensorState, SensorThresholds, States, Thresholds,
    event::SensorType,
};

use super::{
    memory::{Absence, Known, Learned, SensorMemory},
    repository::Source,
    sensor_record::SensorRecord,
    walk::{Turn, Walk},
};
use crate::{
    command::{
        Bridge, Conversation, Request, Response, Step, completion, get_device_id, get_device_sdr_info,
        get_sdr_repository_info, get_sensor_event_enable, get_sensor_hysteresis, get_sensor_reading,
        get_sensor_reading_factors, get_sensor_thresholds,
    },
    wire::BMC_ADDRESS,
};

/// How long a sensor may take that has never answered. Four datagrams go out in this time.
const PATIENCE: Duration = Duration::from_secs(4);
/// How often a command is asked where the BMC is busy.
const TRIES: u8 = 2;
/// How often a command is asked of a sensor before its silence is believed, the BMC answering before and after each
/// time: a fifth of all datagrams lost each way makes four of them unheard 17 times in 1,000, and three times four
/// 5 times in 1,000,000.
const SILENT_TRIES: u8 = 3;
/// Commands of a poll besides those to its sensors, at most: is it still the same repository, and a look at settings
/// that others may change.
const BESIDES: u32 = 3;

/// What a poll of sensors is after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// All sensors' readings.
    Sensors,
    /// Those of drive slots.
    Drives,
    /// The thresholds of threshold sensors.
    Thresholds,
    /// The repository itself, up to date.
    Repository,
}

/// A poll of a BMC's sensors: reads the repository where it is new or has changed, and then asks one command of each
/// sensor that has to be read.
pub struct SensorPoll {
    memory: Arc<Mutex<SensorMemory>>,
    want: Want,
    phase: Phase,
    tries: u8,
    /// A sensor was silent about a setting, and none has told one yet: many BMCs do not know these commands.
    mute: bool,
    besides: u32,
    patience: Option<Duration>,
    bridge: Option<Bridge>,
    readings: Vec<SensorReading>,
    thresholds: Vec<SensorThresholds>,
}

/// What was asked last.
#[derive(Debug, Clone)]
enum Phase {
    Begin,
    /// Is it still the BMC that it was?
    Device,
    /// Is it still the repository that it was?
    Info,
    Walk,
    /// A command to the sensor at this place of the repository.
    Sensor(usize, Asked),
    /// A sensor was silent to this. Is the BMC there?
    Proof(usize, Asked),
    /// A setting is looked at again: of this sensor, or with none the device id.
    Setting(Option<usize>),
}

#[derive(Debug, Clone)]
enum Asked {
    Reading,
    /// The factors at this raw reading of a non-linear sensor, with its states.
    Factors(u8, States),
    /// The sensor's events, after it read this.
    Events(Arc<Sensor>, SensorState),
    Thresholds,
    Hysteresis,
}

/// What has come of a command.
enum Heard {
    Answer(Response),
    Silence,
}

type Next = Result<Option<Request>, Fault>;

impl SensorPoll {
    /// A poll that uses, and adds to, what is known of the BMC.
    pub fn new(memory: Arc<Mutex<SensorMemory>>, want: Want) -> Self {
        Self {
            memory,
            want,
            phase: Phase::Begin,
            tries: 0,
            mute: false,
            besides: 0,
            patience: None,
            bridge: None,
            readings: Vec::new(),
            thresholds: Vec::new(),
        }
    }

    fn advance(&mut self, heard: Option<Heard>) -> Step {
        let memory = Arc::clone(&self.memory);
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        let next = match heard {
            None => self.begin(&mut memory),
            Some(heard) => self.heard(&mut memory, &heard),
        };
        memory.asking = match (&next, &self.phase) {
            (Ok(Some(_)), Phase::Sensor(at, _)) => Some(*at),
            _ => None,
        };
        match next {
            Ok(Some(request)) => Step::Ask(request),
            Ok(None) => Step::Done(Ok(self.reading())),
            Err(fault) => Step::Done(Err(fault)),
        }
    }

    fn reading(&mut self) -> Reading {
        let readings = std::mem::take(&mut self.readings);
        match self.want {
            Want::Sensors | Want::Repository => Reading::Sdr(readings),
            Want::Drives => Reading::DriveHealth(readings),
            Want::Thresholds => Reading::Thresholds(std::mem::take(&mut self.thresholds)),
        }
    }

    fn begin(&mut self, memory: &mut SensorMemory) -> Next {
        let silent = memory.asking.take();
        match (&mut memory.known, &memory.walk) {
            (Some(known), None) => {
                // The last poll ended while it waited for this sensor.
                if let Some(learned) = silent.and_then(|at| known.learned.get_mut(at)) {
                    learned.doubt();
                }
                let known = &*known;
                Ok(Some(if known.verified { self.info(known) } else { self.device() }))
            }
            _ => self.walk(memory),
        }
    }

    fn device(&mut self) -> Request {
        self.besides += 1;
        self.ask(Phase::Device, get_device_id::request())
    }

    fn info(&mut self, known: &Known) -> Request {
        self.besides += 1;
        let request = match known.key.source {
            Source::Repository(_) => get_sdr_repository_info::request(),
            Source::Device(_) => get_device_sdr_info::request(),
        };
        self.ask(Phase::Info, request)
    }

    fn walk(&mut self, memory: &mut SensorMemory) -> Next {
        // What was read so far may be of another repository.
        self.readings.clear();
        let size = memory.size;
        let walk = memory.walk.get_or_insert_with(|| Box::new(Walk::new(size)));
        let turn = walk.begin();
        self.turn(memory, turn)
    }

    fn turn(&mut self, memory: &mut SensorMemory, turn: Turn) -> Next {
        match turn {
            Turn::Ask(request) => Ok(Some(self.ask(Phase::Walk, request))),
            Turn::Done(walked) => {
                memory.walked(*walked);
                // All settings are fresh.
                self.besides = BESIDES;
                self.sensor(memory, 0)
            }
            Turn::Failed(fault) => {
                memory.walk = None;
                Err(fault)
            }
        }
    }

    fn ask(&mut self, phase: Phase, request: Request) -> Request {
        self.phase = phase;
        (self.patience, self.bridge) = (None, None);
        request
    }

    fn heard(&mut self, memory: &mut SensorMemory, heard: &Heard) -> Next {
        if let Heard::Answer(response) = heard
            && response.completion == completion::INSUFFICIENT_PRIVILEGE
        {
            return Err(completion::fault(self.name(), response.completion));
        }
        match (self.phase.clone(), heard) {
            (Phase::Device, Heard::Answer(response)) => {
                let id = get_device_id::decode(response.good(get_device_id::NAME)?)?;
                match memory.known.as_mut().filter(|known| known.key.is_of(&id)) {
                    Some(known) => {
                        known.verified = true;
                        let known = &*known;
                        Ok(Some(self.info(known)))
                    }
                    None => self.walk(memory),
                }
            }
            (Phase::Info, Heard::Answer(response)) => {
                let source = memory.known.as_ref().map(|known| known.key.source);
                if source.is_some_and(|source| may_be(source, response)) {
                    self.sensor(memory, 0)
                } else {
                    self.walk(memory)
                }
            }
            (Phase::Walk, Heard::Answer(response)) => {
                let turn = match &mut memory.walk {
                    Some(walk) => walk.answer(response),
                    None => Turn::Failed(Fault::new(
                        FaultKind::Internal,
                        "the walk through the SDR repository is gone",
                    )),
                };
                if let Some(walk) = &memory.walk {
                    memory.size = walk.size();
                }
                self.turn(memory, turn)
            }
            (Phase::Sensor(at, asked), Heard::Answer(response)) => {
                self.sensor_heard(memory, at, asked, response)
            }
            (Phase::Sensor(at, asked), Heard::Silence) => {
                Ok(Some(self.ask(Phase::Proof(at, asked), get_device_id::request())))
            }
            (Phase::Proof(at, asked), Heard::Answer(_)) => self.sensor_silent(memory, at, asked),
            (Phase::Setting(place), heard) => self.setting_heard(memory, place, heard),
            // No patience was given for these, so silence ends the poll from outside.
            (Phase::Begin | Phase::Device | Phase::Info | Phase::Walk | Phase::Proof(..), _) => {
                Err(Fault::new(FaultKind::Internal, "a sensor poll heard of a command that it did not ask"))
            }
        }
    }

    /// Goes on to the first sensor from this place on that has to be asked something.
    fn sensor(&mut self, memory: &mut SensorMemory, from: usize) -> Next {
        let Some(known) = &mut memory.known else { return Ok(None) };
        let Known { repository, learned, .. } = known;
        for (at, (record, learned)) in repository.sensors().iter().zip(learned).enumerate().skip(from) {
            let sensor = &record.sensor;
            match self.want {
                Want::Repository => break,
                Want::Drives if sensor.sensor_type != SensorType::DRIVE_SLOT => {}
                Want::Thresholds => {
                    let Some(limits) = &sensor.limits else { continue };
                    self.thresholds.push(SensorThresholds {
                        sensor: Arc::clone(sensor),
                        thresholds: limits.thresholds,
                        positive_hysteresis: limits.positive_hysteresis,
                        negative_hysteresis: limits.negative_hysteresis,
                    });
                    if !learned.rests() {
                        // Dell's records say that there are no thresholds to read, and there are.
                        return Ok(Some(self.ask_sensor(at, Asked::Thresholds, record, *learned)));
                    }
                }
                Want::Sensors | Want::Drives => {
                    if !learned.rests() {
                        return Ok(Some(self.ask_sensor(at, Asked::Reading, record, *learned)));
                    }
                    self.read(Arc::clone(sensor), SensorState::NoAnswer, learned);
                }
            }
        }
        Ok(self.look_at_settings(memory))
    }

    fn ask_sensor(&mut self, at: usize, asked: Asked, record: &SensorRecord, learned: Learned) -> Request {
        let (lun, number) = (record.sensor.owner.lun, record.sensor.number);
        let request = match &asked {
            Asked::Reading => get_sensor_reading::request(lun, number),
            Asked::Factors(raw, _) => get_sensor_reading_factors::request(lun, number, *raw),
            Asked::Events(..) => get_sensor_event_enable::request(lun, number),
            Asked::Thresholds => get_sensor_thresholds::request(lun, number),
            Asked::Hysteresis => get_sensor_hysteresis::request(lun, number),
        };
        self.phase = Phase::Sensor(at, asked);
        self.tries = self.tries.saturating_add(1);
        // Who has read once will read again: silence is the link's fault then. Other commands some BMCs do not know.
        let proven = learned.answered && matches!(self.phase, Phase::Sensor(_, Asked::Reading));
        self.patience = (!proven).then_some(PATIENCE);
        self.bridge = bridge(&record.sensor);
        request
    }

    fn sensor_heard(
        &mut self,
        memory: &mut SensorMemory,
        at: usize,
        asked: Asked,
        response: &Response,
    ) -> Next {
        let Some(known) = &mut memory.known else { return Ok(None) };
        let (Some(record), Some(learned)) = (known.repository.sensors().get(at), known.learned.get_mut(at))
        else {
            return Ok(None);
        };
        if matches!(asked, Asked::Reading) {
            learned.silences = 0;
        } else {
            self.mute = false;
        }
        if is_busy(response.completion) && self.tries < TRIES {
            return Ok(Some(self.ask_sensor(at, asked, record, *learned)));
        }
        self.tries = 0;
        let answer = match asked {
            Asked::Reading => {
                let state = reading(record, learned, response);
                match state {
                    SensorState::Read { raw, states, .. } if record.is_non_linear() => {
                        match known.factors.get(&(at, raw)) {
                            Some(factors) => {
                                let (sensor, state) = at_reading(record, *factors, raw, states);
                                self.with_events(at, record, learned, sensor, state)
                            }
                            None => Some(self.ask_sensor(at, Asked::Factors(raw, states), record, *learned)),
                        }
                    }
                    state => self.with_events(at, record, learned, Arc::clone(&record.sensor), state),
                }
            }
            Asked::Factors(raw, states) => {
                let factors = response.good(get_sensor_reading_factors::NAME);
                match factors.and_then(get_sensor_reading_factors::decode) {
                    Ok(factors) => {
                        known.factors.insert((at, raw), factors);
                        let (sensor, state) = at_reading(record, factors, raw, states);
                        self.with_events(at, record, learned, sensor, state)
                    }
                    // A reading that nobody can convert is none.
                    Err(_) => {
                        let state = SensorState::Unavailable { states };
                        self.with_events(at, record, learned, Arc::clone(&record.sensor), state)
                    }
                }
            }
            Asked::Events(sensor, state) => {
                if !is_busy(response.completion) {
                    let events = response.good(get_sensor_event_enable::NAME);
                    learned.event_enable = Some(events.and_then(get_sensor_event_enable::decode).ok());
                }
                self.read(sensor, state, learned);
                None
            }
            Asked::Thresholds => {
                if let Ok(thresholds) = live_thresholds(record, response)
                    && let Some(last) = self.thresholds.last_mut()
                {
                    last.thresholds = thresholds;
                }
                let more = record.hysteresis_readable;
                more.then(|| self.ask_sensor(at, Asked::Hysteresis, record, *learned))
            }
            Asked::Hysteresis => {
                let hysteresis = response.good(get_sensor_hysteresis::NAME);
                if let Ok((positive, negative)) = hysteresis.and_then(get_sensor_hysteresis::decode)
                    && let Some(last) = self.thresholds.last_mut()
                {
                    last.positive_hysteresis = record.hysteresis(positive);
                    last.negative_hysteresis = record.hysteresis(negative);
                }
                None
            }
        };
        match answer {
            Some(request) => Ok(Some(request)),
            None => self.next_sensor(memory, at),
        }
    }

    /// A sensor did not answer, and the BMC did straight before and after. On a lossy link that happens to one that is
    /// there; so it is asked again before it is believed to be silent.
    fn sensor_silent(&mut self, memory: &mut SensorMemory, at: usize, asked: Asked) -> Next {
        let Some(known) = &mut memory.known else { return Ok(None) };
        let (Some(record), Some(learned)) = (known.repository.sensors().get(at), known.learned.get_mut(at))
        else {
            return Ok(None);
        };
        match asked {
            Asked::Reading => {
                // Counted beyond this poll: its deadline may come before the last try.
                if !learned.is_silent(SILENT_TRIES) {
                    return Ok(Some(self.ask_sensor(at, asked, record, *learned)));
                }
                learned.absent(Absence::Silent);
                self.read(Arc::clone(&record.sensor), SensorState::NoAnswer, learned);
            }
            asked if self.tries < SILENT_TRIES && !self.is_mute(&asked) => {
                return Ok(Some(self.ask_sensor(at, asked, record, *learned)));
            }
            Asked::Factors(_, states) => {
                self.read(Arc::clone(&record.sensor), SensorState::Unavailable { states }, learned);
            }
            Asked::Events(sensor, state) => {
                self.mute = true;
                learned.event_enable = Some(None);
                self.read(sensor, state, learned);
            }
            // What the record says stands.
            Asked::Thresholds | Asked::Hysteresis => self.mute = true,
        }
        self.next_sensor(memory, at)
    }

    /// Whether silence to this is what the BMC has shown before. Factors make a reading, and are never taken for granted.
    fn is_mute(&self, asked: &Asked) -> bool {
        self.mute && !matches!(asked, Asked::Reading | Asked::Factors(..))
    }

    fn next_sensor(&mut self, memory: &mut SensorMemory, at: usize) -> Next {
        self.tries = 0;
        self.sensor(memory, at.saturating_add(1))
    }

    /// The sensor has its state; its events are asked where nobody knows them yet.
    fn with_events(
        &mut self,
        at: usize,
        record: &SensorRecord,
        learned: &Learned,
        sensor: Arc<Sensor>,
        state: SensorState,
    ) -> Option<Request> {
        if self.want == Want::Sensors && learned.event_enable.is_none() {
            return Some(self.ask_sensor(at, Asked::Events(sensor, state), record, *learned));
        }
        self.read(sensor, state, learned);
        None
    }

    fn read(&mut self, sensor: Arc<Sensor>, state: SensorState, learned: &Learned) {
        self.readings.push(SensorReading { sensor, state, event_enable: learned.event_enable.flatten() });
    }

    /// Looks again at settings that others may change, a few in each poll, in turn: which device it is, and each sensor's
    /// events.
    fn look_at_settings(&mut self, memory: &mut SensorMemory) -> Option<Request> {
        let known = memory.known.as_mut()?;
        if self.want != Want::Sensors || self.besides >= BESIDES {
            return None;
        }
        self.besides += 1;
        let sensors = known.repository.sensors();
        for _ in 0..=sensors.len() {
            let turn = known.turn;
            known.turn = if turn >= sensors.len() { 0 } else { turn + 1 };
            let Some(at) = turn.checked_sub(1) else {
                return Some(self.ask(Phase::Setting(None), get_device_id::request()));
            };
            let (Some(record), Some(learned)) = (sensors.get(at), known.learned.get(at)) else { continue };
            if learned.misses == 0 && learned.event_enable.is_some() {
                let (lun, number) = (record.sensor.owner.lun, record.sensor.number);
                let request = get_sensor_event_enable::request(lun, number);
                let request = self.ask(Phase::Setting(Some(at)), request);
                self.patience = Some(PATIENCE);
                self.bridge = bridge(&record.sensor);
                return Some(request);
            }
        }
        None
    }

    fn setting_heard(&mut self, memory: &mut SensorMemory, place: Option<usize>, heard: &Heard) -> Next {
        let Heard::Answer(response) = heard else { return Ok(None) };
        match place {
            None => {
                let id = response.good(get_device_id::NAME).and_then(get_device_id::decode);
                let other =
                    memory.known.as_ref().is_some_and(|known| id.is_ok_and(|id| !known.key.is_of(&id)));
                if other {
                    memory.known = None;
                    return self.walk(memory);
                }
            }
            Some(at) => {
                let events = response.good(get_sensor_event_enable::NAME);
                if let Ok(events) = events.and_then(get_sensor_event_enable::decode)
                    && let Some(learned) = memory.known.as_mut().and_then(|known| known.learned.get_mut(at))
                {
                    learned.event_enable = Some(Some(events));
                }
            }
        }
        Ok(self.look_at_settings(memory))
    }

    /// The command that was asked last.
    fn name(&self) -> &'static str {
        match &self.phase {
            Phase::Begin | Phase::Device | Phase::Proof(..) | Phase::Setting(None) => get_device_id::NAME,
            Phase::Info | Phase::Walk => get_sdr_repository_info::NAME,
            Phase::Sensor(_, Asked::Reading) => get_sensor_reading::NAME,
            Phase::Sensor(_, Asked::Factors(..)) => get_sensor_reading_factors::NAME,
            Phase::Sensor(_, Asked::Events(..)) | Phase::Setting(Some(_)) => get_sensor_event_enable::NAME,
            Phase::Sensor(_, Asked::Thresholds) => get_sensor_thresholds::NAME,
            Phase::Sensor(_, Asked::Hysteresis) => get_sensor_hysteresis::NAME,
        }
    }
}

impl Conversation for SensorPoll {
    fn step(&mut self, answer: Option<Response>) -> Step {
        self.advance(answer.map(Heard::Answer))
    }

    fn patience(&self) -> Option<Duration> {
        self.patience
    }

    fn bridge(&self) -> Option<Bridge> {
        self.bridge
    }

    fn no_answer(&mut self) -> Step {
        self.advance(Some(Heard::Silence))
    }
}

/// Whether the answer speaks of the same records. One that says nothing, as while the BMC is busy, does not speak of
/// others.
fn may_be(source: Source, response: &Response) -> bool {
    let now = match source {
        Source::Repository(_) => {
            let info = response.good(get_sdr_repository_info::NAME);
            info.and_then(get_sdr_repository_info::decode).map(Source::Repository)
        }
        Source::Device(_) => {
            let info = response.good(get_device_sdr_info::NAME);
            info.and_then(get_device_sdr_info::decode).map(Source::Device)
        }
    };
    now.map_or(true, |now| now == source)
}

/// The way to a sensor that the BMC does not have itself.
fn bridge(sensor: &Sensor) -> Option<Bridge> {
    let owner = sensor.owner;
    let own = owner.address == BMC_ADDRESS && owner.channel == 0;
    (!own).then_some(Bridge { channel: owner.channel, address: owner.address })
}

/// Codes of a BMC that cannot answer now. The sensor is there all the same.
fn is_busy(code: u8) -> bool {
    matches!(code, completion::NODE_BUSY | completion::PROCESSING_TIMEOUT | 0xce | 0xd0 | 0xd2)
}

/// What the answer to Get Sensor Reading says, and whether the sensor is there.
fn reading(record: &SensorRecord, learned: &mut Learned, response: &Response) -> SensorState {
    match response.completion {
        completion::OK => {}
        completion::NOT_PRESENT
        | completion::INVALID_DATA_FIELD
        | 0xcd
        | completion::INVALID_COMMAND
        | completion::DESTINATION_UNAVAILABLE => {
            learned.absent(Absence::Refused);
            return SensorState::NoAnswer;
        }
        _ => return SensorState::NoAnswer,
    }
    let Ok(answer) = get_sensor_reading::decode(&response.data) else { return SensorState::NoAnswer };
    learned.present();
    // Bits 7:6 of the comparisons are reserved and read as 1.
    let states = States(if record.sensor.is_threshold() { answer.states & 0x3f } else { answer.states });
    if !answer.scanning {
        SensorState::ScanningDisabled
    } else if answer.unavailable {
        SensorState::Unavailable { states }
    } else {
        let conversion = record.conversion.filter(|_| record.sensor.analog);
        SensorState::Read {
            raw: answer.raw,
            value: conversion.map(|conversion| conversion.value(answer.raw)),
            states,
        }
    }
}

/// A non-linear sensor's reading, and its limits by the same factors.
fn at_reading(
    record: &SensorRecord,
    factors: get_sensor_reading_factors::Factors,
    raw: u8,
    states: States,
) -> (Arc<Sensor>, SensorState) {
    match record.at_reading(factors) {
        Some((conversion, sensor)) => {
            (sensor, SensorState::Read { raw, value: Some(conversion.value(raw)), states })
        }
        None => (Arc::clone(&record.sensor), SensorState::Unavailable { states }),
    }
}

fn live_thresholds(record: &SensorRecord, response: &Response) -> Result<Thresholds, Fault> {
    let (given, raw) = get_sensor_thresholds::decode(response.good(get_sensor_thresholds::NAME)?)?;
    let mut raw = raw.into_iter();
    Ok(Thresholds::from_fn(|threshold| {
        raw.next().filter(|_| given.contains(threshold)).map(|raw| record.level(raw))
    }))
}
