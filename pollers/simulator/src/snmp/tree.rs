//! The objects of an agent: one sorted list serves all agents of a make-up, values follow from seed and time.

use std::time::Duration;

use super::ber::Value;
use crate::{
    content::sensor::wander,
    random::{hash, unit},
};

/// What an agent's values depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment<'a> {
    pub(super) name: &'a str,
    pub(super) seed: u64,
    pub(super) age: Duration,
}

/// An object's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Object {
    Fixed(Value),
    /// The agent's name.
    Name,
    /// Time since the agent's start.
    Uptime,
    /// Hardware address of the port with this number.
    Address(u8),
    /// Grows with the traffic; the lower 32 bits.
    Counter32(Flow),
    /// The same, whole.
    Counter64(Flow),
    /// Wanders around a centre, signed, as the sensor values of RFC 3433 are.
    Sensor {
        center: i32,
        swing: i32,
    },
}

/// Something that is counted: octets of a port, and what is derived of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Flow {
    /// What the flow is one of: two objects with the same source move together.
    pub(super) source: u32,
    /// On average, a second.
    pub(super) rate: f64,
    /// Where it stood at the agent's start.
    pub(super) start: u64,
}

impl Flow {
    /// The count at this age: it always grows, sometimes faster and sometimes slower.
    fn count(&self, moment: Moment<'_>) -> u64 {
        let bits = hash(moment.seed, &[0xf10, u64::from(self.source)]);
        let share = 0.2 + 1.6 * unit(bits);
        let period = 60.0 + (bits % 240) as f64;
        let seconds = moment.age.as_secs_f64();
        // The integral of a rate that swings by 80 per cent.
        let turns = std::f64::consts::TAU / period;
        let weighted = seconds + 0.8 / turns * (1.0 - (turns * seconds).cos());
        self.start.wrapping_add((self.rate * share * weighted) as u64)
    }
}

impl Object {
    fn value(&self, name: &[u32], moment: Moment<'_>) -> Value {
        match self {
            Self::Fixed(value) => value.clone(),
            Self::Name => Value::Octets(moment.name.as_bytes().to_vec()),
            Self::Uptime => Value::TimeTicks((moment.age.as_millis() / 10) as u32),
            Self::Address(port) => {
                // Locally administered.
                let [a, b, c, ..] = hash(moment.seed, &[0xadd]).to_le_bytes();
                Value::Octets(vec![0x02, 0x00, a, b, c, *port])
            }
            Self::Counter32(flow) => Value::Counter32(flow.count(moment) as u32),
            Self::Counter64(flow) => Value::Counter64(flow.count(moment)),
            Self::Sensor { center, swing } => {
                Value::Integer(center.saturating_add((f64::from(*swing) * line(name, moment)) as i32))
            }
        }
    }
}

fn line(name: &[u32], moment: Moment<'_>) -> f64 {
    let object = name.iter().fold(moment.seed, |seed, arc| hash(seed, &[u64::from(*arc)]));
    wander(object, moment.age)
}

/// All objects of a make-up, by name.
#[derive(Debug, Default)]
pub(super) struct Tree {
    objects: Vec<(Vec<u32>, Object)>,
}

impl Tree {
    /// Sorts by name; of two with the same name the first stays.
    pub(super) fn new(mut objects: Vec<(Vec<u32>, Object)>) -> Self {
        objects.sort_by(|a, b| a.0.cmp(&b.0));
        objects.dedup_by(|a, b| a.0 == b.0);
        Self { objects }
    }

    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    /// The value of exactly this name; otherwise which of the exceptions says why not.
    pub(super) fn get(&self, name: &[u32], moment: Moment<'_>) -> Value {
        let place = self.objects.partition_point(|(other, _)| other.as_slice() < name);
        match self.objects.get(place) {
            Some((found, object)) if found == name => object.value(name, moment),
            // The column or scalar exists, this instance does not (RFC 3416 section 4.2.1).
            _ if self.knows_object_of(name) => Value::NoSuchInstance,
            _ => Value::NoSuchObject,
        }
    }

    /// The first name after this one, with its value.
    pub(super) fn next(&self, name: &[u32], moment: Moment<'_>) -> Option<(&[u32], Value)> {
        let place = self.objects.partition_point(|(other, _)| other.as_slice() <= name);
        let (name, object) = self.objects.get(place)?;
        Some((name, object.value(name, moment)))
    }

    /// Whether an object has another instance: a name that differs in the last arc only.
    fn knows_object_of(&self, name: &[u32]) -> bool {
        let Some((_, object)) = name.split_last() else { return false };
        let place = self.objects.partition_point(|(other, _)| other.as_slice() < object);
        self.objects.get(place).is_some_and(|(found, _)| {
            found.len() == name.len() && found.split_last().is_some_and(|(_, prefix)| prefix == object)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let fixed = |value| Object::Fixed(Value::Integer(value));
        Tree::new(vec![
            (vec![1, 3, 2, 10], fixed(3)),
            (vec![1, 3, 1, 0], fixed(1)),
            (vec![1, 3, 2, 9], fixed(2)),
        ])
    }

    const NOW: Moment<'static> = Moment { name: "x", seed: 1, age: Duration::from_secs(100) };

    #[test]
    fn walks_in_order_of_numbers() {
        let tree = tree();
        let mut name = vec![1, 3];
        let mut seen = Vec::new();
        while let Some((next, value)) = tree.next(&name, NOW) {
            seen.push(value);
            name = next.to_vec();
        }
        assert_eq!(seen, [Value::Integer(1), Value::Integer(2), Value::Integer(3)]);
    }

    #[test]
    fn tells_a_missing_instance_from_a_missing_object() {
        let tree = tree();
        assert_eq!(tree.get(&[1, 3, 2, 9], NOW), Value::Integer(2));
        assert_eq!(tree.get(&[1, 3, 2, 11], NOW), Value::NoSuchInstance);
        assert_eq!(tree.get(&[1, 3, 4, 0], NOW), Value::NoSuchObject);
        assert_eq!(tree.get(&[], NOW), Value::NoSuchObject);
    }

    #[test]
    fn counters_only_grow_and_pass_the_32_bit_limit() {
        let flow = Flow { source: 3, rate: 100_000_000.0, start: u64::from(u32::MAX) - 10 };
        let mut last = 0;
        for second in 0..2000 {
            let count = flow.count(Moment { age: Duration::from_secs(second), ..NOW });
            assert!(count >= last, "{second}");
            last = count;
        }
        assert!(last > 1 << 34);
    }
}
