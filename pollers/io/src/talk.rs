use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use rackpoll_ipmi::{
    command::{Conversation, Effort, Request, Response, Step},
    session::{Event, Manner, Session, Statistics},
};
use rackpoll_model::{Fault, FaultKind, Reading};

use crate::pace::{Bucket, Pace};

/// A session, and the conversation that a poll has over it: what one lock guards.
///
/// Whoever hands the session a datagram or a time moves the conversation on at once: an answer sets off the next
/// command without a task being woken in between. The device's task is needed at the end, and where a timer of its own
/// would come too late.
pub(crate) struct Talk {
    pub(crate) session: Session,
    drive: Option<Drive>,
}

/// A conversation under way.
pub(crate) struct Drive {
    conversation: Box<dyn Conversation>,
    deadline: Instant,
    pace: Option<Pace>,
    /// Of the BMC, lent for the poll.
    bucket: Bucket,
    stage: Stage,
    /// Commands begun so far.
    asked: u64,
    /// When the last command began, and what the session had done before it.
    begun: Instant,
    before: Statistics,
    /// Sessions that had been lost before the poll.
    restarted: u64,
    /// When the device's task wakes by itself.
    armed: Option<Instant>,
    /// The device's task wants to know of every answer.
    watched: bool,
}

enum Stage {
    /// The BMC is left in peace until then; after that comes this command.
    Paused { asks: Asks, until: Instant },
    /// A command is in flight.
    Asked,
    /// The result waits for the device's task.
    Done(Result<Reading, Fault>),
}

/// What a conversation wants next.
enum Next {
    Ask(Asks),
    Done(Result<Reading, Fault>),
}

/// A command, and how it is asked.
struct Asks {
    request: Request,
    manner: Manner,
}

/// How a conversation stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    /// It is over.
    pub(crate) done: bool,
    /// When time has to be moved on.
    pub(crate) due: Instant,
    /// Which command it is at; the first is 1.
    pub(crate) asked: u64,
    /// When that began, where the BMC has said nothing since.
    pub(crate) silent_since: Option<Instant>,
}

/// What a poll has come to.
pub(crate) struct Ended {
    /// None: it was given up.
    pub(crate) result: Option<Result<Reading, Fault>>,
    pub(crate) bucket: Bucket,
    /// Sessions that were lost during the poll.
    pub(crate) restarted: u64,
    /// To be dropped when the lock is free again.
    pub(crate) conversation: Box<dyn Conversation>,
}

impl Talk {
    pub(crate) fn new(session: Session) -> Self {
        Self { session, drive: None }
    }

    /// Begins a conversation; the session has something to send after it. There must be no other under way.
    pub(crate) fn begin(
        &mut self,
        conversation: Box<dyn Conversation>,
        now: Instant,
        deadline: Instant,
        pace: Option<Pace>,
        bucket: Bucket,
    ) {
        // What an abandoned poll has left.
        while self.session.poll_event().is_some() {}
        let before = self.session.statistics();
        let mut drive = Drive {
            conversation,
            deadline,
            pace,
            bucket,
            stage: Stage::Asked,
            asked: 0,
            begun: now,
            before,
            restarted: before.restarted,
            armed: None,
            watched: false,
        };
        let next = guarded(&mut *drive.conversation, |conversation| conversation.step(None));
        drive.go_on(&mut self.session, next, now);
        self.drive = Some(drive);
        self.advance(now);
    }

    /// Ends the conversation, finished or not. A command in flight is given up: nobody waits for it any more.
    pub(crate) fn end(&mut self, now: Instant) -> Option<Ended> {
        let drive = self.drive.take()?;
        if self.session.is_busy() {
            self.session.abandon(now);
        }
        let result = match drive.stage {
            Stage::Done(result) => Some(result),
            Stage::Paused { .. } | Stage::Asked => None,
        };
        let restarted = self.session.statistics().restarted.saturating_sub(drive.restarted);
        Some(Ended { result, bucket: drive.bucket, restarted, conversation: drive.conversation })
    }

    /// Moves the conversation on by what the session has to tell; to be called when that was given something. Says
    /// whether the device's task has to look.
    pub(crate) fn advance(&mut self, now: Instant) -> bool {
        let Some(drive) = &mut self.drive else { return self.session.has_event() };
        let asked = drive.asked;
        while matches!(drive.stage, Stage::Asked) {
            let heard = match self.session.poll_event() {
                None => break,
                Some(Event::Opened(_) | Event::Closed) => continue,
                Some(Event::Answered(response)) => Some(response),
                Some(Event::Unanswered) => None,
                Some(Event::Failed(error)) => {
                    drive.stage = Stage::Done(Err(error.into()));
                    break;
                }
            };
            let next = drive.step(&self.session, heard, now);
            drive.go_on(&mut self.session, next, now);
        }
        matches!(drive.stage, Stage::Done(_))
            || drive.watched && (drive.asked > asked || self.session.has_heard())
            || drive.armed.is_some_and(|armed| drive.due(&self.session) < armed)
    }

    /// Moves time on, where it is due. Says whether something may have come of it.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        let of_session = self.session.poll_timeout().is_some_and(|due| due <= now);
        if of_session {
            self.session.handle_timeout(now);
        }
        let of_pace = self.drive.as_mut().is_some_and(|drive| drive.end_pause(&mut self.session, now));
        of_session || of_pace
    }

    /// How the conversation stands; `wakes` is when the device's task wakes by itself, where that is settled already.
    /// From now on it is woken whenever `due` comes before that.
    pub(crate) fn arm(&mut self, wakes: Option<Instant>, watched: bool) -> Option<Standing> {
        let drive = self.drive.as_mut()?;
        let due = drive.due(&self.session);
        drive.armed = Some(wakes.map_or(due, |wakes| wakes.min(due)));
        drive.watched = watched;
        let asked = matches!(drive.stage, Stage::Asked);
        Some(Standing {
            done: matches!(drive.stage, Stage::Done(_)),
            due,
            asked: drive.asked,
            silent_since: (asked && !self.session.has_heard()).then_some(drive.begun),
        })
    }
}

impl Drive {
    /// What the conversation makes of an answer, or of there being none.
    fn step(&mut self, session: &Session, heard: Option<Response>, now: Instant) -> Next {
        let took = now.saturating_duration_since(self.begun);
        let effort = Effort::since(&self.before, &session.statistics(), heard.is_some(), took);
        guarded(&mut *self.conversation, |conversation| {
            conversation.effort(effort);
            match heard {
                Some(response) => conversation.step(Some(response)),
                None => conversation.no_answer(),
            }
        })
    }

    fn go_on(&mut self, session: &mut Session, next: Next, now: Instant) {
        match next {
            Next::Done(result) => self.stage = Stage::Done(result),
            Next::Ask(asks) => {
                let wait = self.pace.map_or(Duration::ZERO, |pace| self.bucket.take(now.into(), pace));
                if wait.is_zero() {
                    self.ask(session, asks, now);
                } else {
                    self.stage = Stage::Paused { asks, until: (now + wait).min(self.deadline) };
                }
            }
        }
    }

    fn ask(&mut self, session: &mut Session, Asks { request, manner }: Asks, now: Instant) {
        if now >= self.deadline {
            let late = "the deadline passed in the middle of the poll";
            self.stage = Stage::Done(Err(Fault::new(FaultKind::Timeout, late)));
            return;
        }
        (self.begun, self.before, self.asked) = (now, session.statistics(), self.asked + 1);
        self.stage = match session.request_in(now, request, self.deadline, manner) {
            Ok(()) => Stage::Asked,
            Err(in_flight) => Stage::Done(Err(Fault::new(
                FaultKind::Internal,
                format!("the session is not free: {in_flight}"),
            ))),
        };
    }

    /// Asks what was held back, where that is over.
    fn end_pause(&mut self, session: &mut Session, now: Instant) -> bool {
        let over = matches!(self.stage, Stage::Paused { until, .. } if until <= now);
        if over && let Stage::Paused { asks, .. } = std::mem::replace(&mut self.stage, Stage::Asked) {
            self.ask(session, asks, now);
        }
        over
    }

    fn due(&self, session: &Session) -> Instant {
        match &self.stage {
            Stage::Paused { until, .. } => *until,
            Stage::Asked => session.poll_timeout().map_or(self.deadline, |due| due.min(self.deadline)),
            Stage::Done(_) => self.begun,
        }
    }
}

/// Runs a conversation's own code, all that is needed of it for its next command. It may run in the task that reads for all
/// BMCs: a fault of one must not end that.
fn guarded(conversation: &mut dyn Conversation, code: impl FnOnce(&mut dyn Conversation) -> Step) -> Next {
    let next = catch_unwind(AssertUnwindSafe(|| match code(conversation) {
        Step::Done(result) => Next::Done(result),
        Step::Ask(request) => {
            let manner = Manner { patience: conversation.patience(), bridge: conversation.bridge() };
            Next::Ask(Asks { request, manner })
        }
    }));
    next.unwrap_or_else(|_| {
        let bug = "a bug in rackpoll: what the BMC said could not be worked out; the log says where";
        Next::Done(Err(Fault::new(FaultKind::Internal, bug)))
    })
}
