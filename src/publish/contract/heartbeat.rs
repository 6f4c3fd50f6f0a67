use std::time::{Duration, SystemTime};

use serde_json::json;

use super::time::rfc3339;
use crate::publish::{Exchange, Message, MessageKind};

/// The word of this service in heartbeats.
const SERVICE: &str = "rackpoll";

/// A sign of life.
#[derive(Debug, Clone, Copy)]
pub struct Heartbeat<'a> {
    /// The machine's full name; its dots are words of the routing key.
    pub host_name: &'a str,
    /// The process.
    pub pid: u32,
    /// Whom it runs as.
    pub uid: u32,
    /// Resident memory, bytes, where the system tells it.
    pub resident: Option<u64>,
    /// When.
    pub at: SystemTime,
    /// When the last one was.
    pub last: Option<SystemTime>,
    /// How soon the next one comes.
    pub every: Duration,
}

/// `heartbeat.updated.information.<fqdn>.<service>` (contract.md, section 5), with the fields of RackHD's services that
/// mean something here.
pub fn heartbeat(heartbeat: &Heartbeat<'_>) -> Message {
    let Heartbeat { host_name, pid, uid, resident, at, last, every } = *heartbeat;
    let id = format!("{host_name}.{SERVICE}");
    let body = json!({
        "type": "heartbeat",
        "action": "updated",
        "typeId": id,
        "nodeId": null,
        "severity": "information",
        "data": {
            "name": SERVICE,
            "title": SERVICE,
            "pid": pid,
            "uid": uid,
            "platform": std::env::consts::OS,
            "release": { "name": SERVICE, "version": env!("CARGO_PKG_VERSION") },
            "memoryUsage": { "rss": resident },
            "currentTime": rfc3339(at),
            "lastUpdate": last.map(rfc3339),
            "nextUpdate": rfc3339(at.checked_add(every).unwrap_or(at)),
            "cpuUsage": "NA",
        },
        "version": "1.0",
        "createdAt": rfc3339(at),
    });
    Message {
        exchange: Exchange::Events,
        routing_key: format!("heartbeat.updated.information.{id}"),
        kind: MessageKind::Object,
        correlation: None,
        body: body.to_string().into_bytes(),
    }
}
