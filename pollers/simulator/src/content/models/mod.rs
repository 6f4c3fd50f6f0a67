//! The models: five make-ups that differ in what they measure and in how their BMCs behave.

mod gpu_node;
mod microserver;
mod server;
mod storage_node;
mod twin_node;

use std::sync::{Arc, LazyLock};

use super::model::Model;

static MODELS: LazyLock<[Arc<Model>; 5]> = LazyLock::new(|| {
    [
        Arc::new(server::build()),
        Arc::new(gpu_node::build()),
        Arc::new(storage_node::build()),
        Arc::new(twin_node::build()),
        Arc::new(microserver::build()),
    ]
});

/// Every model, the order in which a mixed rack takes them.
pub fn all() -> &'static [Arc<Model>] {
    &*MODELS
}

/// By its name.
pub fn by_name(name: &str) -> Option<Arc<Model>> {
    MODELS.iter().find(|model| model.name == name).cloned()
}

/// The two-socket server, for tests that need any one.
#[cfg(test)]
pub(crate) fn server() -> Arc<Model> {
    by_name("server").unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::sensor::Kind;

    #[test]
    fn names_and_numbers_are_unique_and_differ_in_make_up() {
        let mut sizes = std::collections::BTreeSet::new();
        for model in all() {
            let mut numbers = std::collections::BTreeSet::new();
            let mut names = std::collections::BTreeSet::new();
            for sensor in &model.sensors {
                assert!(numbers.insert(sensor.number), "{} {}", model.name, sensor.name);
                assert!(names.insert(&sensor.name), "{} {}", model.name, sensor.name);
                assert!(sensor.name.len() <= 16, "{}", sensor.name);
            }
            assert!(model.records.iter().all(|record| record.len() <= 64));
            assert!(sizes.insert(model.sensors.len()), "two models of {} sensors", model.sensors.len());
            assert!((2..=4).contains(&model.slots));
        }
        assert!(all().iter().any(|model| model.sensors.len() >= 105), "one as large as large servers are");
    }

    #[test]
    fn no_analog_sensor_crosses_a_threshold_on_its_own() {
        for model in all() {
            for sensor in &model.sensors {
                let Kind::Analog(analog) = &sensor.kind else { continue };
                for offset in [-analog.swing, 0, analog.swing] {
                    let raw = analog.conversion.to_raw(analog.center + offset);
                    let crossed = analog.thresholds.crossed(&analog.conversion, raw);
                    assert_eq!(crossed, 0, "{} {}", model.name, sensor.name);
                }
                assert!(analog.swing > 0, "{} {} stands still", model.name, sensor.name);
            }
        }
    }

    #[test]
    fn fault_and_normal_states_are_states_that_the_sensor_has() {
        for model in all() {
            for sensor in &model.sensors {
                let Kind::Discrete(discrete) = &sensor.kind else { continue };
                let used = discrete.normal | discrete.fault.unwrap_or(0);
                assert_eq!(used & !discrete.states, 0, "{} {}", model.name, sensor.name);
            }
        }
    }
}
