use std::{collections::VecDeque, sync::Arc};

use rackpoll_model::{IpmiCommand, PollRequest, Reading};

use crate::job::{Credential, Job, Priority};

/// Jobs that one poll answers: identical in user and secret (the device is the mailbox's own), and in what they ask or
/// in the command that answers it.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) request: PollRequest,
    pub(super) credential: Credential,
    pub(super) priority: Priority,
    pub(super) jobs: Vec<Job>,
}

impl Visit {
    pub(super) fn new(job: Job) -> Self {
        Self {
            request: asked(&job.request),
            credential: job.credential.clone(),
            priority: job.priority,
            jobs: vec![job],
        }
    }

    /// Whether this poll answers that job too (contract.md, section 2, Merging).
    pub(super) fn answers(&self, job: &Job) -> bool {
        self.request == asked(&job.request) && self.credential == job.credential
    }
}

/// What is asked of the device for this: power and identify state are parts of the chassis' status, and cost no command
/// of their own.
fn asked(request: &PollRequest) -> PollRequest {
    match request {
        PollRequest::Ipmi(IpmiCommand::Power | IpmiCommand::Uid) => PollRequest::Ipmi(IpmiCommand::Chassis),
        other => other.clone(),
    }
}

/// The part of a visit's reading that one of its jobs wants.
pub(super) fn part(request: &PollRequest, reading: &Arc<Reading>) -> Arc<Reading> {
    match (request, &**reading) {
        (PollRequest::Ipmi(IpmiCommand::Power), Reading::Chassis(status)) => {
            Arc::new(Reading::Power(status.power))
        }
        (PollRequest::Ipmi(IpmiCommand::Uid), Reading::Chassis(status)) => Arc::new(Reading::Uid(status.uid)),
        _ => Arc::clone(reading),
    }
}

/// What a device still has to be asked: commands before ticks, each in the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    waiting: VecDeque<Visit>,
}

impl Mailbox {
    /// Adds the job to an identical visit that waits, or as a visit of its own.
    pub(super) fn put(&mut self, job: Job) {
        if let Some(visit) = self.waiting.iter_mut().find(|visit| visit.answers(&job)) {
            visit.priority = visit.priority.max(job.priority);
            visit.jobs.push(job);
        } else {
            self.waiting.push_back(Visit::new(job));
        }
    }

    /// The next visit, if any.
    pub(super) fn take(&mut self) -> Option<Visit> {
        let command = self.waiting.iter().position(|visit| visit.priority == Priority::Command);
        self.waiting.remove(command.unwrap_or(0))
    }

    /// How many jobs wait, merged ones counted each.
    pub(super) fn len(&self) -> usize {
        self.waiting.iter().map(|visit| visit.jobs.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use rackpoll_model::{ChassisStatus, Uid};

    use super::*;
    use crate::device::testing::{job, job_with};

    #[test]
    fn identical_jobs_share_a_visit() {
        let mut mailbox = Mailbox::default();
        mailbox.put(job("a", Priority::Schedule));
        mailbox.put(job("b", Priority::Schedule));
        assert_eq!(mailbox.len(), 2);
        let visit = mailbox.take().unwrap();
        assert_eq!(visit.jobs.len(), 2);
        assert!(mailbox.take().is_none());
    }

    fn of(id: &str, command: IpmiCommand) -> Job {
        Job { request: PollRequest::Ipmi(command), ..job(id, Priority::Schedule) }
    }

    #[test]
    fn power_uid_and_chassis_are_one_visit_and_each_has_its_part() {
        let mut mailbox = Mailbox::default();
        for command in [IpmiCommand::Power, IpmiCommand::Sdr, IpmiCommand::Uid, IpmiCommand::Chassis] {
            mailbox.put(of("a", command));
        }
        let visit = mailbox.take().unwrap();
        assert_eq!(visit.request, PollRequest::Ipmi(IpmiCommand::Chassis));
        let status = ChassisStatus {
            power: true,
            uid: Uid::On,
            power_overload: false,
            interlock: false,
            power_fault: false,
            power_control_fault: false,
            intrusion: false,
            front_panel_lockout: false,
            drive_fault: false,
            cooling_fault: false,
        };
        let reading = Arc::new(Reading::Chassis(status));
        let parts: Vec<_> = visit.jobs.iter().map(|job| part(&job.request, &reading)).collect();
        assert_eq!(*parts[0], Reading::Power(true));
        assert_eq!(*parts[1], Reading::Uid(Uid::On));
        assert!(Arc::ptr_eq(&parts[2], &reading));
        assert_eq!(mailbox.take().unwrap().jobs.len(), 1);
        assert!(mailbox.take().is_none());
    }

    #[test]
    fn another_secret_is_another_visit() {
        let mut mailbox = Mailbox::default();
        mailbox.put(job("a", Priority::Schedule));
        mailbox.put(job_with("b", Priority::Schedule, "another secret"));
        assert_eq!(mailbox.take().unwrap().jobs.len(), 1);
        assert_eq!(mailbox.take().unwrap().jobs.len(), 1);
    }

    #[test]
    fn commands_go_before_ticks() {
        let mut mailbox = Mailbox::default();
        mailbox.put(job_with("tick", Priority::Schedule, "one"));
        mailbox.put(job_with("command", Priority::Command, "two"));
        assert_eq!(mailbox.take().unwrap().priority, Priority::Command);
        assert_eq!(mailbox.take().unwrap().priority, Priority::Schedule);
    }
}
