use std::{collections::BTreeMap, sync::Arc};

use rackpoll_model::EventEnable;

use super::{
    library::Library,
    link::Link,
    profile::SdrProfile,
    repository::{Key, Repository},
    walk::{ReadSize, Walk, Walked},
};
use crate::command::get_sensor_reading_factors::Factors;

/// Polls that a sensor which is not there is left out of, at most, where the BMC says so at once. An answer costs little
/// there, and a drive that is put in should be seen soon.
const LONGEST_REFUSED: u8 = 7;
/// The same where the BMC does not answer, which costs seconds.
const LONGEST_SILENT: u8 = 63;

/// What the sensor polls of one BMC remember of it.
#[derive(Default)]
pub struct SensorMemory {
    pub(super) library: Arc<Library>,
    pub(super) known: Option<Known>,
    /// A walk that a deadline interrupted.
    pub(super) walk: Option<Box<Walk>>,
    pub(super) size: ReadSize,
    pub(super) link: Link,
    /// The sensor that a poll is asking just now. Where the next poll finds one, the last ended there: it was silent.
    pub(super) asking: Option<usize>,
}

/// A repository that was read, and what was learned of its sensors.
pub(super) struct Known {
    pub(super) key: Key,
    pub(super) repository: Arc<Repository>,
    /// One for each sensor of the repository.
    pub(super) learned: Vec<Learned>,
    /// The device id is that of the key, as far as this run of the agent knows, and no walk has failed that was to bring
    /// a newer repository.
    pub(super) verified: bool,
    /// Which setting is looked at next.
    pub(super) turn: usize,
    /// How many sensors in a row did not answer each of these commands.
    pub(super) mute: [u8; Setting::COUNT],
    /// Factors of non-linear sensors by sensor and raw reading: at most 256 a sensor.
    pub(super) factors: BTreeMap<(usize, u8), Factors>,
}

/// The commands about a sensor's settings. Some BMCs answer some of them never, whatever the sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    Events,
    Thresholds,
    Hysteresis,
}

impl Setting {
    const COUNT: usize = 3;
    /// After so many sensors in a row that were silent to it, a BMC is believed not to answer a command at all.
    const MUTE: u8 = 3;
}

impl Known {
    fn new(key: Key, repository: Arc<Repository>, learned: Vec<Learned>, verified: bool) -> Self {
        let (turn, mute, factors) = (0, [0; Setting::COUNT], BTreeMap::new());
        Self { key, repository, learned, verified, turn, mute, factors }
    }

    /// Whether the BMC does not answer this command, as far as we know.
    pub(super) fn is_mute(&self, setting: Setting) -> bool {
        self.mute.get(setting as usize).is_some_and(|silent| *silent >= Setting::MUTE)
    }

    /// A sensor has answered this command, or not.
    pub(super) fn told(&mut self, setting: Setting, answered: bool) {
        if let Some(silent) = self.mute.get_mut(setting as usize) {
            *silent = if answered { 0 } else { silent.saturating_add(1) };
        }
    }

    /// One sensor more is asked for its thresholds before they count as never told. Events are asked once anyway.
    pub(super) fn ask_thresholds_again(&mut self) {
        for setting in [Setting::Thresholds, Setting::Hysteresis] {
            if let Some(silent) = self.mute.get_mut(setting as usize) {
                *silent = (*silent).min(Setting::MUTE - 1);
            }
        }
    }
}

/// What was learned of one sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Learned {
    /// Its events; `Some(None)`: the BMC does not say.
    pub(super) event_enable: Option<Option<EventEnable>>,
    /// It has answered: silence is the link's fault, not its own.
    pub(super) answered: bool,
    /// How often in a row it was not there.
    pub(super) misses: u8,
    /// Polls to be left out of yet.
    pub(super) rest: u8,
    /// Tries in a row that it was silent to while the BMC answered others, and their datagrams.
    pub(super) silences: u8,
    pub(super) unheard: u8,
}

/// How a sensor that is not there is found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    Refused,
    Silent,
}

impl Learned {
    /// A poll ended while it waited for this sensor, which had answered before: from now on silence is counted, from the
    /// beginning.
    pub(super) fn doubt(&mut self) {
        if self.answered {
            *self = Self { event_enable: self.event_enable, ..Self::default() };
        }
    }

    /// It was silent to so many datagrams. Whether that is to be believed: where it was as many as the link makes
    /// necessary, at two times at least unless it was found silent before.
    pub(super) fn is_silent(&mut self, datagrams: u32, needed: u32) -> bool {
        self.silences = self.silences.saturating_add(1);
        self.unheard = self.unheard.saturating_add(u8::try_from(datagrams).unwrap_or(u8::MAX));
        u32::from(self.unheard) >= needed && (self.silences > 1 || self.was_silent())
    }

    /// It did not answer when it was asked the last time.
    pub(super) fn was_silent(&self) -> bool {
        self.misses > 0 && !self.answered
    }

    /// It is there.
    pub(super) fn present(&mut self) {
        *self = Self { event_enable: self.event_enable, answered: true, ..Self::default() };
    }

    /// It is not there: it is left out of the next polls, of twice as many each time.
    pub(super) fn absent(&mut self, how: Absence) {
        let longest = match how {
            Absence::Refused => LONGEST_REFUSED,
            Absence::Silent => LONGEST_SILENT,
        };
        self.answered = how == Absence::Refused;
        let twice = 1u8.checked_shl(self.misses.into()).map_or(longest, |polls| polls.saturating_sub(1));
        self.rest = twice.min(longest);
        self.misses = self.misses.saturating_add(1);
        (self.silences, self.unheard) = (0, 0);
    }

    /// Whether it is left out of this poll; counts the poll.
    pub(super) fn rests(&mut self) -> bool {
        let rests = self.rest > 0;
        self.rest = self.rest.saturating_sub(1);
        rests
    }
}

impl SensorMemory {
    /// Remembers nothing yet. Repositories come from the library, so that equal ones are there once.
    pub fn new(library: Arc<Library>) -> Self {
        Self { library, ..Self::default() }
    }

    /// The repository, where it has been read.
    pub fn repository(&self) -> Option<&Arc<Repository>> {
        self.known.as_ref().map(|known| &known.repository)
    }

    /// The repository, where it is the BMC's as far as this run of the agent knows. One that was kept by an earlier run,
    /// or has turned out to be outdated, is not.
    pub fn current(&self) -> Option<&Arc<Repository>> {
        let known = self.known.as_ref().filter(|known| known.verified && self.walk.is_none());
        known.map(|known| &known.repository)
    }

    /// How many bytes of the repository a walk has read that its poll's deadline interrupted; 0 where there is no such walk.
    pub fn interrupted(&self) -> usize {
        self.walk.as_ref().map_or(0, |walk| walk.bytes())
    }

    /// What the repository belongs to, where it has been read.
    pub fn key(&self) -> Option<&Key> {
        self.known.as_ref().map(|known| &known.key)
    }

    /// Sensors that are not there, as far as we know, in the repository's order.
    pub fn absent(&self) -> impl Iterator<Item = &Arc<rackpoll_model::Sensor>> {
        let known = self.known.iter();
        known
            .flat_map(|known| known.repository.sensors().iter().zip(&known.learned))
            .filter_map(|(record, learned)| (learned.misses > 0).then_some(&record.sensor))
    }

    /// How many sensors' settings are known, or known to be untold.
    pub fn settled(&self) -> usize {
        let known = self.known.iter();
        known.flat_map(|known| &known.learned).filter(|learned| learned.event_enable.is_some()).count()
    }

    /// Largest part of a record that the BMC gives at once, in bytes; 255: all of it.
    pub fn read_size(&self) -> u8 {
        self.size.get()
    }

    /// What is worth keeping for the next run of the agent.
    pub fn profile(&self) -> Option<SdrProfile> {
        let known = self.known.as_ref()?;
        // Tries that a sensor has left before it counts as silent are those of one run.
        let learned =
            known.learned.iter().map(|learned| Learned { silences: 0, unheard: 0, ..*learned }).collect();
        Some(SdrProfile {
            key: known.key,
            raw: known.repository.raw().into(),
            read_size: self.size.get(),
            learned,
        })
    }

    /// Takes over what an earlier run has kept. It is checked against the BMC before it is used.
    pub fn restore(&mut self, profile: SdrProfile) {
        let SdrProfile { key, raw, read_size, mut learned } = profile;
        let repository = self.library.repository(raw, key.manufacturer);
        learned.resize(repository.sensors().len(), Learned::default());
        self.size = ReadSize::new(read_size);
        self.known = Some(Known::new(key, repository, learned, false));
    }

    /// The walk is over. What was learned of the sensors holds on where their records are the same.
    pub(super) fn walked(&mut self, walked: Walked) {
        let Walked { key, raw, size } = walked;
        self.size = size;
        self.walk = None;
        let repository = self.library.repository(raw, key.manufacturer);
        let same = self.known.take().filter(|known| {
            Key { source: key.source, ..known.key } == key && Arc::ptr_eq(&known.repository, &repository)
        });
        self.known = Some(match same {
            Some(known) => Known { key, verified: true, ..known },
            None => {
                let learned = vec![Learned::default(); repository.sensors().len()];
                Known::new(key, repository, learned, true)
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rests(learned: &mut Learned, how: Absence) -> Vec<u8> {
        let mut rests = Vec::new();
        for _ in 0..9 {
            learned.absent(how);
            rests.push((0..=u8::MAX).take_while(|_| learned.rests()).count() as u8);
        }
        rests
    }

    #[test]
    fn absent_sensors_are_asked_less_and_less() {
        let mut learned = Learned::default();
        assert_eq!(rests(&mut learned, Absence::Refused), [0, 1, 3, 7, 7, 7, 7, 7, 7]);
        learned.present();
        assert_eq!(learned, Learned { answered: true, ..Learned::default() });
        assert_eq!(rests(&mut learned, Absence::Silent), [0, 1, 3, 7, 15, 31, 63, 63, 63]);
    }
}
