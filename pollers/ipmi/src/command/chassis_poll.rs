use rackpoll_model::{ChassisStatus, Fault, Reading};

use super::{Conversation, Response, Step, get_chassis_status};

/// The polls that Get Chassis Status answers: `power`, `uid` and `chassis`.
pub struct ChassisPoll {
    reading: fn(ChassisStatus) -> Reading,
}

impl ChassisPoll {
    /// Is the system power on.
    pub fn power() -> Self {
        Self { reading: |status| Reading::Power(status.power) }
    }

    /// The identify state.
    pub fn uid() -> Self {
        Self { reading: |status| Reading::Uid(status.uid) }
    }

    /// All of it.
    pub fn chassis() -> Self {
        Self { reading: Reading::Chassis }
    }

    fn read(&self, answer: &Response) -> Result<Reading, Fault> {
        let data = answer.good(get_chassis_status::NAME)?;
        get_chassis_status::decode(data).map(self.reading)
    }
}

impl Conversation for ChassisPoll {
    fn step(&mut self, answer: Option<Response>) -> Step {
        match answer {
            None => Step::Ask(get_chassis_status::request()),
            Some(answer) => Step::Done(self.read(&answer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rackpoll_model::{FaultKind, Uid};

    fn poll(mut poll: ChassisPoll, completion: u8, data: &[u8]) -> Result<Reading, Fault> {
        assert!(matches!(poll.step(None), Step::Ask(request) if request == get_chassis_status::request()));
        match poll.step(Some(Response { completion, data: data.to_vec() })) {
            Step::Done(result) => result,
            Step::Ask(request) => panic!("one command is enough, and it asked {request:?}"),
        }
    }

    #[test]
    fn one_command_answers_all_three() {
        let data = [0x21, 0x00, 0x60];
        assert_eq!(poll(ChassisPoll::power(), 0, &data), Ok(Reading::Power(true)));
        assert_eq!(poll(ChassisPoll::uid(), 0, &data), Ok(Reading::Uid(Uid::On)));
        assert!(
            matches!(poll(ChassisPoll::chassis(), 0, &data), Ok(Reading::Chassis(status)) if status.power)
        );
    }

    #[test]
    fn refusals_and_short_answers_are_faults() {
        assert_eq!(poll(ChassisPoll::power(), 0xd4, &[]).unwrap_err().kind, FaultKind::InsufficientPrivilege);
        assert_eq!(poll(ChassisPoll::power(), 0, &[1, 2]).unwrap_err().kind, FaultKind::BadAnswer);
    }
}
