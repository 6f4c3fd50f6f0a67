use std::{fmt, str::FromStr};

/// The metric pollers, by the names that they have on the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metric {
    /// What each interface is set to and does (IF-MIB).
    InterfaceState,
    /// How busy each interface was since the last poll (IF-MIB).
    InterfaceBandwidthUtilization,
    /// What each interface has counted (IF-MIB).
    TxRxCounters,
    /// Memory in use (HOST-RESOURCES-MIB, CISCO-PROCESS-MIB).
    MemoryUsage,
    /// How busy each processor is (HOST-RESOURCES-MIB, CISCO-PROCESS-MIB).
    ProcessorLoad,
    /// Power of PDUs and their outlets (HAWK-I2-MIB).
    PduPowerStatus,
    /// Sensors and contacts of PDUs (HAWK-I2-MIB).
    PduSensorStatus,
    /// Whatever oids are configured.
    SwitchSensorStatus,
    /// Sensors with names, units and status (ENTITY-SENSOR-MIB, CISCO-ENTITY-SENSOR-MIB). Not RackHD's.
    EntitySensors,
    /// Uninterruptible power supplies (UPS-MIB). Not RackHD's.
    Ups,
    /// What is at the other end of each port (LLDP-MIB). Not RackHD's.
    LldpNeighbors,
}

impl Metric {
    /// Every metric, RackHD's first.
    pub const ALL: [Self; 11] = [
        Self::InterfaceState,
        Self::InterfaceBandwidthUtilization,
        Self::TxRxCounters,
        Self::MemoryUsage,
        Self::ProcessorLoad,
        Self::PduPowerStatus,
        Self::PduSensorStatus,
        Self::SwitchSensorStatus,
        Self::EntitySensors,
        Self::Ups,
        Self::LldpNeighbors,
    ];

    /// The word in routing keys and commands.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InterfaceState => "snmp-interface-state",
            Self::InterfaceBandwidthUtilization => "snmp-interface-bandwidth-utilization",
            Self::TxRxCounters => "snmp-txrx-counters",
            Self::MemoryUsage => "snmp-memory-usage",
            Self::ProcessorLoad => "snmp-processor-load",
            Self::PduPowerStatus => "snmp-pdu-power-status",
            Self::PduSensorStatus => "snmp-pdu-sensor-status",
            Self::SwitchSensorStatus => "snmp-switch-sensor-status",
            Self::EntitySensors => "snmp-entity-sensors",
            Self::Ups => "snmp-ups",
            Self::LldpNeighbors => "snmp-lldp-neighbors",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown metric {word:?}; known are {}", Metric::ALL.map(Metric::as_str).join(", "))]
pub struct UnknownMetric {
    /// The word, or its beginning.
    pub word: String,
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(word: &str) -> Result<Self, UnknownMetric> {
        Self::ALL
            .into_iter()
            .find(|metric| metric.as_str() == word)
            .ok_or_else(|| UnknownMetric { word: word.chars().take(64).collect() })
    }
}

/// A metric and what it has to be told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MetricRequest {
    /// Which one.
    pub metric: Metric,
    /// The oids of [`Metric::SwitchSensorStatus`], as written; empty for all others.
    pub sensor_oids: Vec<String>,
}

impl From<Metric> for MetricRequest {
    /// A metric that needs to be told nothing.
    fn from(metric: Metric) -> Self {
        Self { metric, sensor_oids: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_metrics_and_back() {
        for metric in Metric::ALL {
            assert_eq!(metric.as_str().parse(), Ok(metric));
        }
        let unknown = "snmp-fan".parse::<Metric>().unwrap_err().to_string();
        assert!(unknown.contains("snmp-fan") && unknown.contains("snmp-lldp-neighbors"), "{unknown}");
    }
}
