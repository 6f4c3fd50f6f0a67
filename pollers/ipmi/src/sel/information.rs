use rackpoll_model::{Fault, Reading, SelInformation};

use crate::command::{
    Conversation, Response, Step, get_sel_allocation_info as allocation, get_sel_info as info,
};

/// `selInformation`: the log's counts and stamps, and its allocation where the BMC tells it.
#[derive(Default)]
pub struct InformationPoll {
    information: Option<SelInformation>,
}

impl InformationPoll {
    /// At its beginning.
    pub fn new() -> Self {
        Self::default()
    }

    fn heard(&mut self, answer: &Response) -> Result<Step, Fault> {
        let Some(mut information) = self.information.take() else {
            let information = info::decode(answer.good(info::NAME)?)?;
            if information.allocation_info() {
                self.information = Some(information);
                return Ok(Step::Ask(allocation::request()));
            }
            return Ok(Step::Done(Ok(Reading::SelInformation(information))));
        };
        // The information is good without it: a BMC that announces the command and does not do it has none.
        if let Ok(data) = answer.good(allocation::NAME) {
            information.allocation = Some(allocation::decode(data)?);
        }
        Ok(Step::Done(Ok(Reading::SelInformation(information))))
    }
}

impl Conversation for InformationPoll {
    fn step(&mut self, answer: Option<Response>) -> Step {
        match answer {
            None => Step::Ask(info::request()),
            Some(answer) => self.heard(&answer).unwrap_or_else(|fault| Step::Done(Err(fault))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rackpoll_model::FaultKind;

    fn good(data: &[u8]) -> Option<Response> {
        Some(Response { completion: 0, data: data.to_vec() })
    }

    fn info_with(operations: u8) -> Vec<u8> {
        vec![0x51, 2, 0, 0xe0, 0x3f, 0, 0, 0, 0x69, 0, 0, 0, 0, operations]
    }

    #[test]
    fn the_allocation_is_asked_where_there_is_one() {
        let mut poll = InformationPoll::new();
        assert!(matches!(poll.step(None), Step::Ask(request) if request == info::request()));
        let Step::Ask(request) = poll.step(good(&info_with(0x03))) else { panic!("a second command") };
        assert_eq!(request, allocation::request());
        let Step::Done(Ok(Reading::SelInformation(information))) =
            poll.step(good(&[0, 2, 18, 0, 0xe0, 1, 0xdf, 1, 1]))
        else {
            panic!("the end");
        };
        assert_eq!(information.allocation.unwrap().units, 512);
    }

    #[test]
    fn without_allocation_one_command_is_enough() {
        let mut poll = InformationPoll::new();
        poll.step(None);
        assert!(matches!(
            poll.step(good(&info_with(0x0a))),
            Step::Done(Ok(Reading::SelInformation(SelInformation { allocation: None, .. })))
        ));
        let mut poll = InformationPoll::new();
        poll.step(None);
        poll.step(good(&info_with(0x01)));
        let refused = Some(Response { completion: 0xc1, data: Vec::new() });
        assert!(matches!(poll.step(refused), Step::Done(Ok(_))));
    }

    #[test]
    fn refusals_and_short_answers_are_faults() {
        let mut poll = InformationPoll::new();
        poll.step(None);
        let Step::Done(Err(fault)) = poll.step(good(&[0x51])) else { panic!("a fault") };
        assert_eq!(fault.kind, FaultKind::BadAnswer);
    }
}
