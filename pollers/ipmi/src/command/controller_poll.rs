use rackpoll_model::{Controller, Fault, PowerReading, Reading};

use super::{
    Conversation, Response, Step, get_device_id, get_power_reading, get_self_test_results, get_system_guid,
};

/// `mc`: what the controller is, its self test, and the system's GUID. The latter two are left out where the BMC does
/// not have them.
#[derive(Default)]
pub struct ControllerPoll {
    controller: Option<Controller>,
    tested: bool,
}

impl ControllerPoll {
    /// At its beginning.
    pub fn new() -> Self {
        Self::default()
    }

    fn heard(&mut self, answer: &Response) -> Result<Step, Fault> {
        let Some(mut controller) = self.controller.take() else {
            let data = answer.good(get_device_id::NAME)?;
            self.controller = Some(get_device_id::controller(data)?);
            return Ok(Step::Ask(get_self_test_results::request()));
        };
        if !self.tested {
            self.tested = true;
            controller.self_test = optional(answer, get_self_test_results::decode)?;
            self.controller = Some(controller);
            return Ok(Step::Ask(get_system_guid::request()));
        }
        controller.guid = optional(answer, get_system_guid::decode)?;
        Ok(Step::Done(Ok(Reading::Controller(controller))))
    }
}

/// None where the BMC refuses.
fn optional<T>(answer: &Response, decode: fn(&[u8]) -> Result<T, Fault>) -> Result<Option<T>, Fault> {
    match answer.good("") {
        Ok(data) => decode(data).map(Some),
        Err(_) => Ok(None),
    }
}

impl Conversation for ControllerPoll {
    fn step(&mut self, answer: Option<Response>) -> Step {
        match answer {
            None => Step::Ask(get_device_id::request()),
            Some(answer) => self.heard(&answer).unwrap_or_else(|fault| Step::Done(Err(fault))),
        }
    }
}

/// `dcmi`: the system's power.
pub struct PowerReadingPoll;

impl Conversation for PowerReadingPoll {
    fn step(&mut self, answer: Option<Response>) -> Step {
        let Some(answer) = answer else { return Step::Ask(get_power_reading::request()) };
        let reading: Result<PowerReading, Fault> =
            answer.good(get_power_reading::NAME).and_then(get_power_reading::decode);
        Step::Done(reading.map(Reading::PowerReading))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rackpoll_model::{FaultKind, SelfTest};

    const DEVICE: [u8; 15] = [0x20, 0x81, 0x02, 0x1e, 0x02, 0xdf, 0xa2, 0x02, 0, 0, 1, 0, 0x0a, 0x28, 0];

    fn good(data: &[u8]) -> Option<Response> {
        Some(Response { completion: 0, data: data.to_vec() })
    }

    fn refused() -> Option<Response> {
        Some(Response { completion: 0xc1, data: Vec::new() })
    }

    fn poll(answers: [Option<Response>; 3]) -> Result<Reading, Fault> {
        let mut poll = ControllerPoll::new();
        poll.step(None);
        for answer in answers {
            if let Step::Done(result) = poll.step(answer) {
                return result;
            }
        }
        panic!("no end");
    }

    #[test]
    fn all_that_there_is() {
        let Ok(Reading::Controller(controller)) = poll([good(&DEVICE), good(&[0x57, 0x20]), good(&[9; 16])])
        else {
            panic!("a controller");
        };
        assert_eq!((controller.device, controller.revision, controller.manufacturer), (0x20, 1, 674));
        assert!(controller.device_sdrs && controller.available);
        assert_eq!((controller.support, controller.auxiliary), (0xdf, Some([0, 0x0a, 0x28, 0])));
        assert_eq!(controller.self_test, Some(SelfTest::Corrupted(0x20)));
        assert_eq!(controller.guid, Some([9; 16]));
    }

    #[test]
    fn what_the_bmc_does_not_have_is_left_out() {
        let Ok(Reading::Controller(controller)) = poll([good(&DEVICE[..11]), refused(), refused()]) else {
            panic!("a controller");
        };
        assert_eq!((controller.self_test, controller.guid, controller.auxiliary), (None, None, None));
        assert!(poll([refused(), None, None]).is_err());
        assert!(poll([good(&DEVICE), good(&[0x57]), None]).is_err());
    }

    #[test]
    fn power_that_the_user_may_not_see() {
        let refused = Some(Response { completion: 0xd4, data: Vec::new() });
        let Step::Done(Err(fault)) = PowerReadingPoll.step(refused) else { panic!("a fault") };
        assert_eq!(fault.kind, FaultKind::InsufficientPrivilege);
        assert!(fault.message.contains("Get Power Reading"), "{fault}");
    }
}
