use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rackpoll_model::{
    Fault, FaultKind, Reading, Sensor, SensorReading, SensorState, SensorThresholds, States, Thresholds,
    event::SensorType,
};

use super::{
    link::LONGEST,
    memory::{Absence, Known, Learned, SensorMemory, Setting},
    repository::Source,
    sensor_record::SensorRecord,
    walk::{Turn, Walk},
};
use crate::{
    command::{
        Bridge, Conversation, Effort, Request, Response, Step, completion, get_device_id,
        get_device_sdr_info, get_sdr_repository_info, get_sensor_event_enable, get_sensor_hysteresis,
        get_sensor_reading, get_sensor_reading_factors, get_sensor_thresholds,
    },
    wire::BMC_ADDRESS,
};

/// Time that is spread over the sensors which are asked once more at the end, on top of the patience that the link makes
/// necessary: where there are few of them, also one that takes seconds is heard.
const SPARE: Duration = Duration::from_secs(8);
/// How often a command is asked where the BMC is busy.
const TRIES: u8 = 2;
/// How often a command about a setting is asked of a silent sensor, at least.
const SILENT_TRIES: u8 = 2;
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
/// sensor that has to be read. Those that do not answer are asked again at the end, until as many datagrams have stayed
/// without an answer as the link makes necessary. Of those that were silent before, one a poll is asked.
pub struct SensorPoll {
    memory: Arc<Mutex<SensorMemory>>,
    want: Want,
    phase: Phase,
    /// How often the command was asked, and how many datagrams of it were without an answer.
    tries: u8,
    unheard: u32,
    /// What the last command has taken.
    effort: Option<Effort>,
    besides: u32,
    patience: Option<Duration>,
    bridge: Option<Bridge>,
    /// One for each sensor of the repository, where it has one.
    readings: Vec<Option<SensorReading>>,
    /// Sensors to be asked once more, when all others have been asked.
    later: VecDeque<usize>,
    /// All others have been asked, and this is the time that one of these may take on top of the link's patience.
    spare: Option<Duration>,
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

impl Asked {
    /// The setting that it is about; a reading and its factors are none.
    fn setting(&self) -> Option<Setting> {
        match self {
            Self::Reading | Self::Factors(..) => None,
            Self::Events(..) => Some(Setting::Events),
            Self::Thresholds => Some(Setting::Thresholds),
            Self::Hysteresis => Some(Setting::Hysteresis),
        }
    }
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
            unheard: 0,
            effort: None,
            besides: 0,
            patience: None,
            bridge: None,
            readings: Vec::new(),
            later: VecDeque::new(),
            spare: None,
            thresholds: Vec::new(),
        }
    }

    fn advance(&mut self, heard: Option<Heard>) -> Step {
        let memory = Arc::clone(&self.memory);
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(Heard::Answer(_)), Some(effort)) = (&heard, self.effort) {
            memory.link.answered(effort);
        }
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
        let readings = std::mem::take(&mut self.readings).into_iter().flatten().collect();
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
                known.ask_thresholds_again();
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
        self.later.clear();
        self.spare = None;
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
                if let Some(known) = &mut memory.known {
                    known.verified = false;
                }
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
                let datagrams = self.effort.map_or(1, |effort| effort.datagrams);
                self.unheard = self.unheard.saturating_add(datagrams);
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
        let silent_to_thresholds = known.is_mute(Setting::Thresholds);
        let Known { repository, learned, .. } = known;
        self.readings.resize_with(repository.sensors().len(), || None);
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
                    if !learned.rests() && !learned.was_silent() && !silent_to_thresholds {
                        // Dell's records say that there are no thresholds to read, and there are.
                        let patience = memory.link.patience();
                        return Ok(Some(self.ask_sensor(at, Asked::Thresholds, record, *learned, patience)));
                    }
                }
                Want::Sensors | Want::Drives => {
                    let rests = learned.rests();
                    if learned.silences > 0 {
                        // The last poll ended before it could be asked once more.
                        self.later.push_back(at);
                    } else if !rests && !learned.was_silent() {
                        let patience = memory.link.patience();
                        return Ok(Some(self.ask_sensor(at, Asked::Reading, record, *learned, patience)));
                    }
                    // What holds unless it is asked at the end.
                    self.read(at, Arc::clone(sensor), SensorState::NoAnswer, learned);
                }
            }
        }
        if matches!(self.want, Want::Sensors | Want::Drives) {
            self.later.extend(self.least_missed(memory));
        }
        self.spare = Some(SPARE / u32::try_from(self.later.len()).unwrap_or(u32::MAX).max(1));
        Ok(self.sensor_later(memory))
    }

    /// Of the sensors that were silent before and have rested, the one that was missed least often. Each one may cost
    /// seconds, so no poll asks more.
    fn least_missed(&self, memory: &SensorMemory) -> Option<usize> {
        let known = memory.known.as_ref()?;
        let sensors = known.repository.sensors().iter().zip(&known.learned).enumerate();
        let due = sensors.filter(|(at, (_, learned))| {
            learned.was_silent() && learned.rest == 0 && self.readings.get(*at).is_some_and(Option::is_some)
        });
        due.min_by_key(|(_, (_, learned))| learned.misses).map(|(at, _)| at)
    }

    /// Asks the next one of the sensors that have not answered yet, or goes on to the settings.
    fn sensor_later(&mut self, memory: &mut SensorMemory) -> Option<Request> {
        let Some(at) = self.later.pop_front() else { return self.look_at_settings(memory) };
        let known = memory.known.as_ref()?;
        let (record, learned) = (known.repository.sensors().get(at)?, known.learned.get(at)?);
        let patience = memory.link.patience().max(self.spare.unwrap_or_default()).min(LONGEST);
        Some(self.ask_sensor(at, Asked::Reading, record, *learned, patience))
    }

    fn ask_sensor(
        &mut self,
        at: usize,
        asked: Asked,
        record: &SensorRecord,
        learned: Learned,
        patience: Duration,
    ) -> Request {
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
        self.patience = (!proven).then_some(patience);
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
        let patience = memory.link.patience();
        let Some(known) = &mut memory.known else { return Ok(None) };
        if let Some(setting) = asked.setting() {
            known.told(setting, true);
        }
        let silent_to_events = known.is_mute(Setting::Events);
        let silent_to_hysteresis = known.is_mute(Setting::Hysteresis);
        let (Some(record), Some(learned)) = (known.repository.sensors().get(at), known.learned.get_mut(at))
        else {
            return Ok(None);
        };
        if matches!(asked, Asked::Reading) {
            (learned.silences, learned.unheard) = (0, 0);
        }
        if is_busy(response.completion) && self.tries < TRIES {
            return Ok(Some(self.ask_sensor(at, asked, record, *learned, patience)));
        }
        (self.tries, self.unheard) = (0, 0);
        let (sensor, state) = match asked {
            Asked::Reading => match reading(record, learned, response) {
                SensorState::Read { raw, states, .. } if record.is_non_linear() => {
                    let Some(factors) = known.factors.get(&(at, raw)) else {
                        let asked = Asked::Factors(raw, states);
                        return Ok(Some(self.ask_sensor(at, asked, record, *learned, patience)));
                    };
                    at_reading(record, *factors, raw, states)
                }
                state => (Arc::clone(&record.sensor), state),
            },
            Asked::Factors(raw, states) => {
                let factors = response.good(get_sensor_reading_factors::NAME);
                match factors.and_then(get_sensor_reading_factors::decode) {
                    Ok(factors) => {
                        known.factors.insert((at, raw), factors);
                        at_reading(record, factors, raw, states)
                    }
                    // A reading that nobody can convert is none.
                    Err(_) => (Arc::clone(&record.sensor), SensorState::Unavailable { states }),
                }
            }
            Asked::Events(sensor, state) => {
                if !is_busy(response.completion) {
                    let events = response.good(get_sensor_event_enable::NAME);
                    learned.event_enable = Some(events.and_then(get_sensor_event_enable::decode).ok());
                }
                self.read(at, sensor, state, learned);
                return self.next_sensor(memory, at);
            }
            Asked::Thresholds => {
                if let Ok(thresholds) = live_thresholds(record, response)
                    && let Some(last) = self.thresholds.last_mut()
                {
                    last.thresholds = thresholds;
                }
                if record.hysteresis_readable && !silent_to_hysteresis {
                    return Ok(Some(self.ask_sensor(at, Asked::Hysteresis, record, *learned, patience)));
                }
                return self.next_sensor(memory, at);
            }
            Asked::Hysteresis => {
                let hysteresis = response.good(get_sensor_hysteresis::NAME);
                if let Ok((positive, negative)) = hysteresis.and_then(get_sensor_hysteresis::decode)
                    && let Some(last) = self.thresholds.last_mut()
                {
                    last.positive_hysteresis = record.hysteresis(positive);
                    last.negative_hysteresis = record.hysteresis(negative);
                }
                return self.next_sensor(memory, at);
            }
        };
        // Its events are asked where nobody knows them yet.
        if self.want == Want::Sensors && learned.event_enable.is_none() {
            if !silent_to_events {
                let asked = Asked::Events(sensor, state);
                return Ok(Some(self.ask_sensor(at, asked, record, *learned, patience)));
            }
            learned.event_enable = Some(None);
        }
        self.read(at, sensor, state, learned);
        self.next_sensor(memory, at)
    }

    /// A sensor did not answer, and the BMC did straight before and after. On a lossy link that happens to one that is
    /// there; so it is asked again before it is believed to be silent.
    fn sensor_silent(&mut self, memory: &mut SensorMemory, at: usize, asked: Asked) -> Next {
        let (patience, needed) = (memory.link.patience(), memory.link.needed());
        let Some(known) = &mut memory.known else { return Ok(None) };
        let (Some(record), Some(learned)) = (known.repository.sensors().get(at), known.learned.get_mut(at))
        else {
            return Ok(None);
        };
        if matches!(asked, Asked::Reading) {
            // Counted beyond this poll: its deadline may come before the last try.
            if learned.is_silent(self.unheard, needed) {
                learned.absent(Absence::Silent);
                self.read(at, Arc::clone(&record.sensor), SensorState::NoAnswer, learned);
            } else {
                self.later.push_back(at);
            }
            return self.next_sensor(memory, at);
        }
        if self.tries < SILENT_TRIES || self.unheard < needed {
            return Ok(Some(self.ask_sensor(at, asked, record, *learned, patience)));
        }
        let setting = asked.setting();
        match asked {
            Asked::Factors(_, states) => {
                self.read(at, Arc::clone(&record.sensor), SensorState::Unavailable { states }, learned);
            }
            Asked::Events(sensor, state) => {
                learned.event_enable = Some(None);
                self.read(at, sensor, state, learned);
            }
            // What the record says stands.
            Asked::Reading | Asked::Thresholds | Asked::Hysteresis => {}
        }
        if let Some(setting) = setting {
            known.told(setting, false);
        }
        self.next_sensor(memory, at)
    }

    fn next_sensor(&mut self, memory: &mut SensorMemory, at: usize) -> Next {
        (self.tries, self.unheard) = (0, 0);
        if self.spare.is_some() {
            Ok(self.sensor_later(memory))
        } else {
            self.sensor(memory, at.saturating_add(1))
        }
    }

    fn read(&mut self, at: usize, sensor: Arc<Sensor>, state: SensorState, learned: &Learned) {
        if let Some(place) = self.readings.get_mut(at) {
            *place = Some(SensorReading { sensor, state, event_enable: learned.event_enable.flatten() });
        }
    }

    /// Looks again at settings that others may change, a few in each poll, in turn: which device it is, and each sensor's
    /// events.
    fn look_at_settings(&mut self, memory: &mut SensorMemory) -> Option<Request> {
        let patience = memory.link.patience();
        let known = memory.known.as_mut()?;
        if self.want != Want::Sensors || self.besides >= BESIDES {
            return None;
        }
        self.besides += 1;
        let silent_to_events = known.is_mute(Setting::Events);
        let sensors = known.repository.sensors();
        for _ in 0..=sensors.len() {
            let turn = known.turn;
            known.turn = if turn >= sensors.len() { 0 } else { turn + 1 };
            let Some(at) = turn.checked_sub(1) else {
                return Some(self.ask(Phase::Setting(None), get_device_id::request()));
            };
            let (Some(record), Some(learned)) = (sensors.get(at), known.learned.get(at)) else { continue };
            if learned.misses == 0 && learned.event_enable.is_some() && !silent_to_events {
                let (lun, number) = (record.sensor.owner.lun, record.sensor.number);
                let request = get_sensor_event_enable::request(lun, number);
                let request = self.ask(Phase::Setting(Some(at)), request);
                self.patience = Some(patience);
                self.bridge = bridge(&record.sensor);
                return Some(request);
            }
        }
        None
    }

    fn setting_heard(&mut self, memory: &mut SensorMemory, place: Option<usize>, heard: &Heard) -> Next {
        let Heard::Answer(response) = heard else {
            let known = memory.known.as_mut();
            if let Some(known) = known
                && place.and_then(|at| known.learned.get(at)).is_some_and(|it| it.event_enable == Some(None))
            {
                known.told(Setting::Events, false);
            }
            return Ok(None);
        };
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
                if let Some(known) = &mut memory.known {
                    known.told(Setting::Events, true);
                    if let Ok(events) = events.and_then(get_sensor_event_enable::decode)
                        && let Some(learned) = known.learned.get_mut(at)
                    {
                        learned.event_enable = Some(Some(events));
                    }
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

    fn effort(&mut self, effort: Effort) {
        self.effort = Some(effort);
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
