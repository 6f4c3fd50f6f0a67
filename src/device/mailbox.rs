use std::collections::VecDeque;

use rackpoll_model::PollRequest;

use crate::job::{Credential, Job, Priority};

/// Jobs that one poll answers: identical in request, user and secret (the device is the mailbox's own).
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
            request: job.request.clone(),
            credential: job.credential.clone(),
            priority: job.priority,
            jobs: vec![job],
        }
    }

    /// Whether this poll answers that job too (contract.md, section 2, Merging).
    pub(super) fn answers(&self, job: &Job) -> bool {
        self.request == job.request && self.credential == job.credential
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
