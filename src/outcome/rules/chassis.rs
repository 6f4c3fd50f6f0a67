//! `chassispower.updated`: the power differs from the last known one.

use rackpoll_model::Reading;
use serde_json::json;

use super::{
    Severity,
    alert::{Action, Alert},
    episode::{Episode, Stage},
};

/// The power that a reading tells, if it does.
pub fn power_of(reading: &Reading) -> Option<bool> {
    match reading {
        Reading::Power(on) => Some(*on),
        Reading::Chassis(status) => Some(status.power),
        _ => None,
    }
}

/// The alert of a change, if there is one. Without a last state there is none to tell (contract.md, section 9). A switch
/// is an episode of its own: it has no end but the next switch.
pub(crate) fn power_changed(last: Option<bool>, current: bool, id: impl FnOnce() -> String) -> Option<Alert> {
    let last = last.filter(|last| *last != current)?;
    let word = |on| if on { "ON" } else { "OFF" };
    Some(Alert {
        action: Action::ChassisPower,
        severity: Severity::Information,
        data: json!({ "states": { "last": word(last), "current": word(current) } }),
        episode: Episode { id: id(), state: Stage::Open, count: 1, flapping: false },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_difference_from_a_known_state_is_a_change() {
        let states = |last, current| {
            power_changed(last, current, || "id".to_owned()).map(|alert| alert.data["states"].clone())
        };
        assert_eq!(states(None, true), None);
        assert_eq!(states(Some(true), true), None);
        assert_eq!(states(Some(true), false), Some(json!({ "last": "ON", "current": "OFF" })));
    }
}
