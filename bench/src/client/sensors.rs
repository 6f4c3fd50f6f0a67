use std::{collections::BTreeMap, fmt};

use rackpoll_model::{IpmiCommand, Reading, SensorState};

use super::{LIMIT, ours};
use crate::cost::Error;

/// What the polls of a BMC's sensors have come to.
#[derive(Debug, Default, PartialEq)]
pub struct Seen {
    /// Datagrams sent to the first BMC for one poll more, after all that count.
    pub exchanges: u64,
    /// Its sensors, those that this poll had to leave out among them.
    pub sensors: u64,
    /// Sensors of this poll that the BMC did not refuse and that were not left out.
    pub answered: u64,
    /// Analog readings of this poll by sensor name; a name may come more than once.
    pub values: BTreeMap<String, Vec<f64>>,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {} {}", self.exchanges, self.sensors, self.answered)?;
        for (name, values) in &self.values {
            for value in values {
                writeln!(f, "{name}\t{value}")?;
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for Seen {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut lines = text.lines();
        let counts: Vec<_> = lines.next().unwrap_or_default().split(' ').map(str::parse).collect();
        let [Ok(exchanges), Ok(sensors), Ok(answered)] = counts[..] else {
            return Err(format!("no counts of sensors: {text:?}").into());
        };
        let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for line in lines {
            let (name, value) = line.split_once('\t').ok_or("no reading")?;
            values.entry(name.to_owned()).or_default().push(value.parse()?);
        }
        Ok(Self { exchanges, sensors, answered, values })
    }
}

/// One poll more of the first BMC.
pub async fn see(sessions: &mut ours::Sessions) -> Result<Seen, Error> {
    let first = sessions.devices.first_mut().ok_or("no BMC")?;
    let sent = first.statistics().sent;
    let reading = first.poll(IpmiCommand::Sdr, tokio::time::Instant::now() + LIMIT).await?;
    let exchanges = first.statistics().sent - sent;
    let Reading::Sdr(readings) = reading else { return Err("a poll of sensors gave another reading".into()) };
    let mut seen = Seen { exchanges, sensors: readings.len() as u64, ..Seen::default() };
    for reading in &readings {
        seen.answered += u64::from(reading.state != SensorState::NoAnswer);
        if let SensorState::Read { value: Some(value), .. } = reading.state {
            seen.values.entry(reading.sensor.name.to_string()).or_default().push(value);
        }
    }
    Ok(seen)
}
