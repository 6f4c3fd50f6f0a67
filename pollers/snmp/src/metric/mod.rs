//! The metric pollers, as pure code: what each asks for, and what it makes of the answers.
//!
//! Whoever polls asks [`questions`] what to walk, puts the [`Answers`] in, and asks again until there is nothing more to
//! ask; then [`reading`] tells the result. Some questions depend on earlier answers: the columns that only Cisco has, or a
//! fallback for a column that the agent lacks. What has to be known from the last poll is in [`Memory`].

mod answers;
mod bandwidth;
mod counters;
mod entity_sensors;
mod interface_state;
mod interfaces;
mod lldp_neighbors;
mod memory_usage;
mod pdu;
mod pdu_power;
mod pdu_sensors;
mod processor_load;
mod switch_sensors;
mod told_apart;
mod ups;

#[cfg(test)]
mod tests;

use rackpoll_model::{Fault, FaultKind, Metric, MetricReading, MetricRequest, MetricResult, Oid};

pub use answers::Answers;
use answers::is_cisco;

use crate::names::builtin;

/// What to walk next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Questions {
    /// The columns, trees or instances.
    pub roots: Vec<Oid>,
    /// How to ask for them.
    pub manner: Manner,
}

/// How to ask for several oids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manner {
    /// Columns of one table, side by side.
    #[default]
    SideBySide,
    /// One after the other: PDU gateways stop answering when they are asked for several things at once.
    OneByOne,
    /// One after the other, and where nothing lies below the oid, the instance itself.
    Instances,
}

impl Questions {
    /// Nothing to ask.
    pub fn none() -> Self {
        Self::default()
    }

    fn columns<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { roots: names.into_iter().map(builtin::oid).collect(), manner: Manner::SideBySide }
    }

    fn one_by_one<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { manner: Manner::OneByOne, ..Self::columns(names) }
    }
}

/// What a device's metrics have to remember from one poll to the next. It is in memory only: after a start of the agent the
/// first poll has nothing to compare with, and says so.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    bandwidth: bandwidth::Memory,
}

/// What to ask next, given the answers so far; nothing when it is enough.
///
/// # Errors
/// The request cannot be asked at all.
pub fn questions(request: &MetricRequest, answers: &Answers) -> Result<Questions, Fault> {
    Ok(match request.metric {
        Metric::InterfaceState => interface_state::questions(answers),
        Metric::InterfaceBandwidthUtilization => bandwidth::questions(answers),
        Metric::TxRxCounters => counters::questions(answers),
        Metric::MemoryUsage => memory_usage::questions(answers),
        Metric::ProcessorLoad => processor_load::questions(answers),
        Metric::PduPowerStatus => pdu_power::questions(answers),
        Metric::PduSensorStatus => pdu_sensors::questions(answers),
        Metric::SwitchSensorStatus => return switch_sensors::questions(request, answers),
        Metric::EntitySensors => entity_sensors::questions(answers),
        Metric::Ups => ups::questions(answers),
        Metric::LldpNeighbors => lldp_neighbors::questions(answers),
    })
}

/// What the answers say. The memory is brought up to date.
///
/// # Errors
/// There is nothing but errors.
pub fn reading(
    request: &MetricRequest,
    answers: &Answers,
    memory: &mut Memory,
) -> Result<MetricReading, Fault> {
    let errors = answers.errors();
    if let (Some((_, fault)), true) = (errors.first(), answers.is_empty()) {
        return Err(fault.clone());
    }
    let result = match request.metric {
        Metric::InterfaceState => MetricResult::InterfaceState(interface_state::rows(answers)),
        Metric::InterfaceBandwidthUtilization => {
            MetricResult::InterfaceBandwidthUtilization(bandwidth::rows(answers, &mut memory.bandwidth))
        }
        Metric::TxRxCounters => MetricResult::TxRxCounters(counters::rows(answers)),
        Metric::MemoryUsage => MetricResult::MemoryUsage(memory_usage::usage(answers)),
        Metric::ProcessorLoad => MetricResult::ProcessorLoad(processor_load::load(answers)),
        Metric::PduPowerStatus => MetricResult::PduPowerStatus(pdu_power::pdus(answers)),
        Metric::PduSensorStatus => MetricResult::PduSensorStatus(pdu_sensors::channels(answers)),
        Metric::SwitchSensorStatus => {
            MetricResult::SwitchSensorStatus(switch_sensors::sensors(request, answers))
        }
        Metric::EntitySensors => MetricResult::EntitySensors(entity_sensors::sensors(answers)),
        Metric::Ups => MetricResult::Ups(Box::new(ups::ups(answers))),
        Metric::LldpNeighbors => MetricResult::LldpNeighbors(lldp_neighbors::neighbors(answers)),
    };
    Ok(MetricReading { result, errors })
}

fn malformed(message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::MalformedCommand, message)
}
