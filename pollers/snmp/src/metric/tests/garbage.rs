//! Whatever an agent sends, a metric ends with a result or a fault.

use std::time::{Duration, Instant};

use rackpoll_model::{Fault, FaultKind, Metric, MetricRequest, Oid, OidWalk, Value, VarBind};

use crate::metric::{Answers, Memory, questions, reading};

/// SplitMix64: the same values on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn number(&mut self) -> u32 {
        const ODD: [u32; 6] = [0, 1, 99, 0x7fff_ffff, 0x8000_0000, u32::MAX];
        match self.below(3) {
            0 => ODD[self.below(6) as usize],
            1 => self.below(40) as u32,
            _ => self.next() as u32,
        }
    }

    fn value(&mut self) -> Value {
        let octets = |random: &mut Self| {
            let length = random.below(300);
            (0..length).map(|_| random.next() as u8).collect()
        };
        match self.below(12) {
            0 | 1 => Value::Integer(self.number() as i32),
            2 | 3 => Value::OctetString(octets(self)),
            4 => Value::ObjectId(Oid::new(&[1, 3, 6, 1, 4, 1, 9, self.number()])),
            5 => Value::Counter32(self.number()),
            6 => Value::Gauge32(self.number()),
            7 => Value::TimeTicks(self.number()),
            8 => Value::Counter64(self.next()),
            9 => Value::Opaque(octets(self)),
            10 => Value::NoSuchInstance,
            _ => Value::Unknown { tag: 0x99, data: octets(self) },
        }
    }

    fn walk(&mut self, root: &Oid) -> OidWalk {
        let rows = self.below(6);
        let mut varbinds: Vec<VarBind> = (0..rows)
            .map(|_| {
                let length = self.below(9);
                let index: Vec<u32> = (0..length).map(|_| self.number()).collect();
                VarBind { oid: root.join(&index), value: self.value() }
            })
            .collect();
        varbinds.sort_by(|one, other| one.oid.cmp(&other.oid));
        let error = (self.below(6) == 0).then(|| Fault::new(FaultKind::Timeout, "no answer"));
        OidWalk { source: root.to_string(), root: root.clone(), varbinds, error }
    }
}

#[test]
fn seeded_garbage_ends_every_metric_with_a_result_or_a_fault() {
    let start = Instant::now();
    for metric in Metric::ALL {
        let mut memory = Memory::default();
        let sensor_oids = match metric {
            Metric::SwitchSensorStatus => vec!["1.3.6.1.4.1.9.9.13".to_owned(), ".1.3".to_owned()],
            _ => Vec::new(),
        };
        let request = MetricRequest { metric, sensor_oids };
        for seed in 0..400 {
            let mut random = Random(seed);
            let mut answers = Answers::default();
            let mut rounds = 0;
            loop {
                let questions = questions(&request, &answers).unwrap();
                if questions.roots.is_empty() {
                    break;
                }
                rounds += 1;
                assert!(rounds < 10, "{metric}: no end of questions");
                let at = start + Duration::from_millis(random.below(1 << 20));
                answers.put(questions.roots.iter().map(|root| random.walk(root)).collect(), at);
            }
            let _ = reading(&request, &answers, &mut memory);
        }
    }
}
