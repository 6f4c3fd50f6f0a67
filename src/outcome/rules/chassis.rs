//! `chassispower.updated`: the power differs from the last known one.

use rackpoll_model::Reading;

use crate::publish::contract::PowerChange;

/// The power that a reading tells, if it does.
pub fn power_of(reading: &Reading) -> Option<bool> {
    match reading {
        Reading::Power(on) => Some(*on),
        Reading::Chassis(status) => Some(status.power),
        _ => None,
    }
}

/// The change, if there is one. Without a last state there is none to tell (contract.md, section 9).
pub fn power_changed(last: Option<bool>, current: bool) -> Option<PowerChange> {
    last.filter(|last| *last != current).map(|last| PowerChange { last, current })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_difference_from_a_known_state_is_a_change() {
        assert_eq!(power_changed(None, true), None);
        assert_eq!(power_changed(Some(true), true), None);
        assert_eq!(power_changed(Some(true), false), Some(PowerChange { last: true, current: false }));
    }
}
