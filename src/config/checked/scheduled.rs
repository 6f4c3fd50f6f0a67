use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use rackpoll_model::{Oid, PollRequest};
use rackpoll_snmp::names::Names;
use serde_json::{Map, Value};

use super::Name;
use crate::{
    intake::Schedule,
    job::{Credential, Job, Priority, Subject, Target, Topic},
    outcome::rules::Watch,
};

/// Port of RMCP (IPMI 2.0 clause 13.1.2).
pub const IPMI_PORT: u16 = 623;
/// Port of SNMP agents (RFC 3417).
pub const SNMP_PORT: u16 = 161;

/// One poller on one device.
#[derive(Debug, Clone)]
pub struct ScheduledPoll {
    /// The poller's id, or `<poller>@<device>` where the poller is not bound to one plain name.
    pub work_item_id: String,
    /// The poller's id.
    pub poller: Name,
    /// The device's name.
    pub device: Name,
    /// RackHD's node of the device.
    pub node: Option<Name>,
    /// What is asked.
    pub request: PollRequest,
    /// First words of the result's routing key.
    pub topic: Topic,
    /// Where the device is.
    pub target: Target,
    /// With what to log in.
    pub credential: Credential,
    /// How long a poll may take.
    pub timeout: Duration,
    /// When it is due.
    pub schedule: Schedule,
    /// Does not run.
    pub paused: bool,
    /// The traps that raise it, where it says so: these oids and what is below them.
    pub traps: Option<Arc<[Oid]>>,
    /// What is looked for in its results.
    pub watch: Arc<Watch>,
    /// With these names and words its results go out, where it wants them so.
    pub names: Option<Arc<Names>>,
    /// What RackHD would have sent, without any secret and without rules: the agent itself looks for what they say.
    pub value: Map<String, Value>,
}

impl ScheduledPoll {
    /// The job of one run.
    pub fn job(&self, graph_id: &str, scheduled_at: SystemTime, skipped: u64) -> Job {
        Job {
            request: self.request.clone(),
            target: self.target.clone(),
            credential: self.credential.clone(),
            timeout: self.timeout,
            priority: Priority::Schedule,
            wait: None,
            subject: Subject {
                topic: self.topic.clone(),
                work_item_id: Some(self.work_item_id.clone()),
                node: self.node.as_ref().map(ToString::to_string),
                graph_id: graph_id.to_owned(),
                value: self.value.clone(),
                scheduled_at,
                skipped,
                reply: None,
                recorded: None,
                watch: Arc::clone(&self.watch),
                divert: None,
                ticket: None,
                names: self.names.clone(),
            },
        }
    }
}
