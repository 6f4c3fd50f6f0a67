//! Which sensors a log's events are of, and what their raw readings and thresholds come to.

use std::{collections::HashMap, sync::Arc};

use rackpoll_model::{
    EventData, EventSensor, SelBody, SelEntry, SensorOwner, SystemEvent, event::SensorType,
};

use super::{
    record::Record,
    repository::Repository,
    sensor_record::{SensorRecord, Sharing},
};

/// What an event says of its sensor: owner, number and type.
type Key = (SensorOwner, u8, SensorType);

/// A sensor of the repository: one of several, where they share a record.
struct Found<'a> {
    record: Option<&'a SensorRecord>,
    id_string: &'a str,
    sharing: Option<(Sharing, u8)>,
    /// Made when the first event needs it; all others share it.
    name: Option<Arc<str>>,
}

impl Repository {
    /// Says of each event which sensor it is of, where a record of its owner has its number and type: the number alone
    /// may be that of another sensor, as after a change of firmware. Raw readings and thresholds become values where the
    /// record is a full one of a threshold sensor with analog readings (IPMI 2.0 clauses 36.3 and 43.1).
    pub fn explain(&self, entries: &mut [SelEntry]) {
        let keys = entries.iter().filter_map(key);
        let mut sensors: HashMap<Key, Option<Found<'_>>> = keys.map(|key| (key, None)).collect();
        if sensors.is_empty() {
            return;
        }
        self.find(&mut sensors);
        for entry in entries {
            let sensor = key(entry).and_then(|key| sensors.get_mut(&key)?.as_mut());
            if let (Some(sensor), SelBody::Event(event)) = (sensor, &entry.body) {
                entry.sensor = Some(sensor.of(event));
            }
        }
    }

    /// Finds these sensors; where two records are of one, the first has the say.
    fn find<'a>(&'a self, wanted: &mut HashMap<Key, Option<Found<'a>>>) {
        let readable = self.sensors().iter().map(|record| {
            let sensor = &*record.sensor;
            let key = (sensor.owner, sensor.number, sensor.sensor_type);
            (key, Some(record), &*sensor.name, record.sharing)
        });
        let event_only = self.others().iter().filter_map(|record| match record {
            Record::EventOnly(sensor) => {
                let key = (sensor.owner, sensor.number, sensor.sensor_type);
                Some((key, None, &*sensor.name, sensor.sharing))
            }
            _ => None,
        });
        for ((owner, first, sensor_type), record, id_string, sharing) in readable.chain(event_only) {
            for place in 0..sharing.map_or(1, |sharing| sharing.count) {
                let Some(number) = first.checked_add(place) else { break };
                if let Some(found @ None) = wanted.get_mut(&(owner, number, sensor_type)) {
                    let sharing = sharing.map(|sharing| (sharing, place));
                    *found = Some(Found { record, id_string, sharing, name: None });
                }
            }
        }
    }
}

/// None for manufacturers' records.
fn key(entry: &SelEntry) -> Option<Key> {
    match &entry.body {
        SelBody::Event(event) => Some((event.owner(), event.sensor_number, event.sensor_type)),
        SelBody::OemTimestamped { .. } | SelBody::Oem { .. } => None,
    }
}

impl Found<'_> {
    fn of(&mut self, event: &SystemEvent) -> EventSensor {
        let trigger_reading = match event.data2() {
            EventData::TriggerReading(raw) => self.value(raw),
            _ => None,
        };
        let trigger_threshold = match event.data3() {
            EventData::TriggerThreshold(raw) => self.value(raw),
            _ => None,
        };
        let has_value = trigger_reading.or(trigger_threshold).is_some();
        EventSensor {
            name: self.name(),
            unit: self.record.filter(|_| has_value).map(|record| record.sensor.unit),
            trigger_reading,
            trigger_threshold,
        }
    }

    /// The record's own sensor is called as where it is read (`sdr`), and the others that share the record by their places:
    /// some BMCs write records of one drive as if there were several.
    fn name(&mut self) -> Option<Arc<str>> {
        if self.name.is_none() {
            let name: Arc<str> = match self.sharing {
                Some((sharing, place @ 1..)) => sharing.name(self.id_string, place).into(),
                Some((_, 0)) | None => self.id_string.into(),
            };
            self.name = Some(name).filter(|name| !name.is_empty());
        }
        self.name.clone()
    }

    /// None where the formula has no value, and for non-linear sensors: their record's factors hold for no reading
    /// (clause 36.2), and those at this one would have to be asked for.
    fn value(&self, raw: u8) -> Option<f64> {
        let record = self.record?;
        let is_analog = record.sensor.is_threshold() && record.sensor.analog && !record.is_non_linear();
        let conversion = record.conversion.filter(|_| is_analog)?;
        Some(conversion.value(raw)).filter(|value| value.is_finite())
    }
}
