//! `rackpoll check`: is the configuration right, and what would it poll?

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
};

use crate::config::{Broker, Config, ConfigFault, ScheduledPoll, duration};

/// Nothing to complain about.
pub const EXIT_GOOD: u8 = 0;
/// `EX_CONFIG` of sysexits(3).
pub const EXIT_CONFIG: u8 = 78;

/// Checks the configuration at `path`. What it would poll goes to `out`; every fault and warning goes to `err`, one a
/// line as `file:line: what; hint`. Returns the exit code.
///
/// # Errors
/// Where `out` or `err` cannot be written to.
pub fn check(path: &Path, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    match Config::load(path) {
        Ok(config) => {
            print_warnings(&config.warnings, err)?;
            summarize(path, &config, out)?;
            Ok(EXIT_GOOD)
        }
        Err(faults) => {
            print_warnings(&faults.warnings, err)?;
            writeln!(err, "{faults}")?;
            let plural = if faults.faults.len() == 1 { "" } else { "s" };
            writeln!(
                err,
                "{} fault{plural}; nothing would run with this configuration",
                faults.faults.len()
            )?;
            Ok(EXIT_CONFIG)
        }
    }
}

fn print_warnings(warnings: &[ConfigFault], err: &mut dyn Write) -> io::Result<()> {
    warnings.iter().try_for_each(|warning| writeln!(err, "warning: {warning}"))
}

fn summarize(path: &Path, config: &Config, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} is good.", path.display())?;
    writeln!(out, "agent {} in zone {}", config.agent.name, config.agent.zone)?;
    writeln!(out, "bus: {}", broker(&config.bus.broker))?;
    writeln!(out, "devices: {}, credentials: {}", config.devices.len(), config.credentials.len())?;
    if let Some(traps) = &config.traps {
        let addresses: Vec<String> = traps.listen.iter().map(ToString::to_string).collect();
        writeln!(out, "traps: listening on {}", addresses.join(", "))?;
    }
    let mut pollers: BTreeMap<&str, Vec<&ScheduledPoll>> = BTreeMap::new();
    for poll in &config.polls {
        pollers.entry(poll.poller.as_str()).or_default().push(poll);
    }
    if pollers.is_empty() {
        return writeln!(out, "no pollers: only commands from the bus are polled");
    }
    for (id, polls) in pollers {
        let Some(first) = polls.first() else { continue };
        let when = match first.schedule.interval() {
            Some(interval) => format!("every {}", duration::print(interval)),
            None => "at cron times".to_owned(),
        };
        let plural = if polls.len() == 1 { "" } else { "s" };
        let paused = if first.paused { ", paused" } else { "" };
        writeln!(out, "poller {id}: {} of {} device{plural} {when}{paused}", what(first), polls.len())?;
    }
    let a_second: f64 = config
        .polls
        .iter()
        .filter(|poll| !poll.paused)
        .filter_map(|poll| Some(poll.schedule.interval()?.as_secs_f64().recip()))
        .sum();
    writeln!(out, "{a_second:.1} polls a second, cron times not counted")
}

fn what(poll: &ScheduledPoll) -> String {
    use rackpoll_model::{PollRequest, SnmpRequest};
    match &poll.request {
        PollRequest::Ipmi(command) => format!("ipmi {command}"),
        PollRequest::Snmp(SnmpRequest::Metric(request)) => format!("snmp {}", request.metric),
        PollRequest::Snmp(SnmpRequest::Table(table, columns)) => {
            format!("snmp {} columns of {table}", columns.len())
        }
        PollRequest::Snmp(request) => format!("snmp {} oids", request.oids().len()),
    }
}

fn broker(broker: &Broker) -> String {
    let (protocol, server) = match broker {
        Broker::Embedded { port } => return format!("embedded MQTT 5 broker on 127.0.0.1:{port}"),
        Broker::Amqp { server, .. } => ("AMQP", server),
        Broker::Mqtt { server } => ("MQTT 5", server),
    };
    let hosts: Vec<String> = server.hosts.iter().map(|(host, port)| format!("{host} port {port}")).collect();
    let tls = if server.tls.is_some() { " over TLS" } else { "" };
    format!("{protocol}{tls} at {}", hosts.join(", then "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(path: &Path) -> (u8, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = check(path, &mut out, &mut err).unwrap();
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn a_good_file_is_summed_up_and_a_bad_one_told_in_full() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rackpoll.toml");
        let good = "[agent]\nname = \"a\"\n[bus]\nurl = \"amqps://mq1,mq2\"\n\
            [[credential]]\nname = \"c\"\nuser = \"u\"\npassword = \"p\"\n\
            [[device]]\nname = \"d1\"\nhost = \"h1\"\ncredential = \"c\"\n\
            [[device]]\nname = \"d2\"\nhost = \"h2\"\ncredential = \"c\"\n\
            [[poller]]\nid = \"p\"\ndevices = \"*\"\nipmi = \"power\"\nevery = \"500ms\"\n\
            [[poller]]\nid = \"q\"\ndevices = \"d1\"\nipmi = \"sel\"\ncron = \"0 * * * *\"\npaused = true\n";
        std::fs::write(&path, good).unwrap();
        let (code, out, err) = run(&path);
        assert_eq!(code, EXIT_GOOD);
        let lines: Vec<&str> = out.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "agent a in zone default",
                "bus: AMQP over TLS at mq1 port 5671, then mq2 port 5671",
                "devices: 2, credentials: 1",
                "poller p: ipmi power of 2 devices every 500ms",
                "poller q: ipmi sel of 1 device at cron times, paused",
                "4.0 polls a second, cron times not counted",
            ]
        );
        assert!(err.starts_with("warning: ") && err.lines().count() == 1, "{err}");

        std::fs::write(&path, format!("{good}x = 1\n[[device]]\n")).unwrap();
        let (code, out, err) = run(&path);
        assert_eq!((code, out.as_str()), (EXIT_CONFIG, ""));
        assert!(err.contains("rackpoll.toml:28: unknown key `x` in [[poller]]"), "{err}");
        assert!(err.contains("[[device]] needs `name`") && err.contains("[[device]] needs `host`"), "{err}");
        assert!(err.ends_with("3 faults; nothing would run with this configuration\n"), "{err}");
    }
}
