//! What looking for alerts costs beside the polls that are looked at: 10,000 rules over 10,000 devices.
//!
//! `cargo run --release --example rules_cost [KIND]`. It starts the agent, as a process of its own, on simulated devices
//! without any rule, and takes the agent's CPU time for a poll: exchange, decoding, printing, cache and outbox. No broker
//! listens, so that publishing does not count. Then it plays the results that the agent has cached to 10,000 rules, as
//! those of 10,000 devices; and last it starts the agent once more with the rules in its configuration. Rules are to cost
//! less than a tenth of the poll.

use std::{
    io::{self, Write},
    net::Ipv4Addr,
    path::Path,
    process::{Child, Command},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rackpoll::{
    cli,
    outcome::rules::{Budget, Compiler, Replay, RuleKind, Rules, Watch},
};
use rackpoll_simulator::{
    content::{incident::Rate, sel::SensorEvent},
    rack::{DEFAULT_COMMUNITY, DEFAULT_PASSWORD, DEFAULT_USER, Rack, RackConfig},
};
use rusqlite::{Connection, OpenFlags};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};

const RULES: usize = 10_000;
const DEVICES: usize = 10_000;
/// Polls that are played of each kind: some for each device, since a device's first poll is not like the later ones.
const PLAYED: usize = 20_000;
const BMCS: usize = 40;
const AGENTS: usize = 40;
/// Logins and the reading of repositories are no polls.
const WARM_UP: Duration = Duration::from_secs(15);
const MEASURED: Duration = Duration::from_secs(20);

/// USER_HZ, the unit of /proc/PID/stat on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// One kind of poll.
struct Case {
    name: &'static str,
    poller: &'static str,
    on_bmcs: bool,
    kind: RuleKind,
    /// Every BMC logs an event a second.
    logs: bool,
}

const SEL_ENTRIES: &str = "ipmi = \"selEntries\"";

const CASES: [Case; 4] = [
    Case { name: "sdr", poller: "ipmi = \"sdr\"", on_bmcs: true, kind: RuleKind::Entries, logs: false },
    Case { name: "selEntries", poller: SEL_ENTRIES, on_bmcs: true, kind: RuleKind::Entries, logs: false },
    Case {
        name: "selEntries, new ones",
        poller: SEL_ENTRIES,
        on_bmcs: true,
        kind: RuleKind::Entries,
        logs: true,
    },
    Case {
        name: "snmp walk of ifTable",
        poller: "snmp = { oids = [\".1.3.6.1.2.1.2.2\"] }",
        on_bmcs: false,
        kind: RuleKind::Values,
        logs: false,
    },
];

fn main() -> cli::Exit {
    // Started by itself, it is the agent.
    if std::env::args().nth(1).as_deref() == Some("run") {
        return cli::main();
    }
    match measure() {
        Ok(()) => cli::Exit::Success,
        Err(error) => {
            drop(writeln!(io::stderr(), "rules_cost: {error}"));
            cli::Exit::System
        }
    }
}

fn measure() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let base = Ipv4Addr::from(0x7f30_0000 | ((std::process::id() & 0xfff) << 8));
    let config = RackConfig {
        bmcs: BMCS,
        agents: AGENTS,
        base,
        bmc_port: 0,
        agent_port: 0,
        incidents: Rate::NEVER,
        ..RackConfig::default()
    };
    let rack = runtime.block_on(Rack::start(config)).map_err(io::Error::other)?;
    let mut out = io::stdout().lock();
    let wanted = std::env::args().nth(1);
    for case in CASES.iter().filter(|case| wanted.as_ref().is_none_or(|wanted| wanted == case.name)) {
        let polled = poll(case, &rack, None)?;
        let first = polled.results.first().map(said).unwrap_or_default();
        writeln!(
            out,
            "{}: a poll takes {:.3} CPU ms ({} polls, {} things in a result)",
            case.name,
            polled.millis,
            polled.polls,
            first.len()
        )?;
        for (what, tells) in [("tell nothing", false), ("one that tells", true)] {
            let rules = rules(case, &first, tells);
            let (millis, alerts) = play(case, &rules, &polled.results)?;
            let share = |millis: f64| millis * 100.0 / polled.millis;
            writeln!(
                out,
                "  {RULES} rules, {what}: {millis:.4} CPU ms a poll, {:.2} % of it; {alerts:.2} alerts a poll",
                share(millis)
            )?;
            let more = poll(case, &rack, Some(&rules))?.millis - polled.millis;
            writeln!(out, "    in the agent: {more:+.3} CPU ms a poll, {:+.1} %", share(more))?;
        }
    }
    runtime.block_on(rack.stop());
    Ok(())
}

/// What the agent did.
struct Polled {
    millis: f64,
    polls: u64,
    results: Vec<Map<String, Value>>,
}

/// Ends the agent, whatever happens.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn poll(case: &Case, rack: &Rack, rules: Option<&Value>) -> io::Result<Polled> {
    let folder = tempfile::tempdir()?;
    let configuration = folder.path().join("rackpoll.toml");
    std::fs::write(&configuration, configured(case, rack, folder.path(), rules))?;
    let log = std::fs::File::create(folder.path().join("log"))?;
    #[expect(clippy::disallowed_methods, reason = "the agent's CPU time is to be its own")]
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("run").arg("--config").arg(&configuration).stdout(log.try_clone()?).stderr(log);
    let agent = Agent(command.spawn()?);
    let rest = |time: Duration| {
        let until = Instant::now() + time;
        while Instant::now() < until {
            if case.logs {
                log_events(rack);
            }
            thread::sleep(Duration::from_secs(1));
        }
    };
    rest(WARM_UP);
    let before = (ticks(agent.0.id())?, polls(folder.path())?);
    rest(MEASURED);
    let after = (ticks(agent.0.id())?, polls(folder.path())?);
    let polls = after.1.saturating_sub(before.1);
    if polls < 100 {
        let said = std::fs::read_to_string(folder.path().join("log"))?;
        return Err(io::Error::other(format!("{polls} polls only:\n{said}")));
    }
    let results = results(folder.path())?;
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let millis = (after.0 - before.0) as f64 * 1_000.0 / TICKS_PER_SECOND / polls as f64;
    Ok(Polled { millis, polls, results })
}

/// Each BMC logs that a sensor went over one of its thresholds.
fn log_events(rack: &Rack) {
    static LOGGED: AtomicU32 = AtomicU32::new(0);
    for bmc in rack.devices().iter().filter_map(rackpoll_simulator::rack::Device::bmc) {
        let [number, reading, ..] = LOGGED.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        // Temperature, upper critical going high (IPMI 2.0 tables 42-2 and 42-3), with reading and threshold.
        let data = [0x59, reading, number];
        bmc.log_event(SensorEvent { sensor_type: 1, number, event_type: 1, asserted: true, data });
    }
}

fn configured(case: &Case, rack: &Rack, folder: &Path, rules: Option<&Value>) -> String {
    let quiet = match rules {
        Some(rules) => format!("alerts = {}", toml(rules)),
        // Discrete states are told at each poll without any rule; here nothing is to be told.
        None if case.name == "sdr" => "alerts = [{ action = \"ignore\" }]".to_owned(),
        None => String::new(),
    };
    let mut text = format!(
        "[agent]\nstate-dir = \"{}\"\n[bus]\nurl = \"mqtt://127.0.0.1:1\"\n\
         [[credential]]\nname = \"bmc\"\nuser = \"{DEFAULT_USER}\"\npassword = \"{DEFAULT_PASSWORD}\"\n\
         [[credential]]\nname = \"net\"\ncommunity = \"{DEFAULT_COMMUNITY}\"\n\
         [[poller]]\nid = \"p\"\ndevices = [\"d*\"]\n{}\nevery = \"1s\"\n{quiet}\n",
        folder.display(),
        case.poller
    );
    let devices = rack.devices().iter().filter(|device| match case.on_bmcs {
        true => device.bmc().is_some(),
        false => device.agent().is_some() && device.model.contains("switch"),
    });
    let credential = if case.on_bmcs { "bmc" } else { "net" };
    for (number, device) in devices.enumerate() {
        let host = device.address;
        text.push_str(&format!(
            "[[device]]\nname = \"d{number}\"\nhost = \"{host}\"\ncredential = \"{credential}\"\n"
        ));
    }
    text
}

/// Rules as the configuration has them; texts are written alike.
fn toml(rules: &Value) -> String {
    match rules {
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(",\n")),
        Value::Object(map) => {
            let fields =
                map.iter().map(|(key, value)| format!("{} = {}", Value::from(key.as_str()), toml(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// User and system time of a process so far, in clock ticks.
fn ticks(process: u32) -> io::Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Fields 14 and 15, counted from behind the program's name, which may hold anything.
    let fields = stat.rsplit_once(") ").map(|(_, fields)| fields).unwrap_or_default();
    let numbers = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    Ok(numbers.sum())
}

fn state(folder: &Path) -> io::Result<Connection> {
    Connection::open_with_flags(folder.join("rackpoll.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(io::Error::other)
}

fn polls(folder: &Path) -> io::Result<u64> {
    state(folder)?
        .query_row("SELECT COALESCE(SUM(last), 0) FROM last_sequence", [], |row| row.get(0))
        .map_err(io::Error::other)
}

/// The `value` of everything that the agent remembers.
fn results(folder: &Path) -> io::Result<Vec<Map<String, Value>>> {
    let state = state(folder)?;
    let mut statement = state.prepare("SELECT entry FROM cache").map_err(io::Error::other)?;
    let entries = statement.query_map([], |row| row.get::<_, String>(0)).map_err(io::Error::other)?;
    let entries: Vec<String> = entries.collect::<Result<_, _>>().map_err(io::Error::other)?;
    entries.iter().map(|entry| serde_json::from_str(entry).map_err(io::Error::other)).collect()
}

/// The keys that rules may name: ids of sensors, oids; for a SEL, which is mostly silent, numbers of sensors.
fn said(result: &Map<String, Value>) -> Vec<String> {
    if let Some(sensors) = result.get("sdr").and_then(Value::as_array) {
        let ids = sensors.iter().filter_map(|sensor| sensor.get("sensorId")?.as_str());
        return ids.map(str::to_owned).collect();
    }
    if result.contains_key("selEntries") {
        return (0..256).map(|number| format!("{number:02x}")).collect();
    }
    let walks = result.get("result").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let values = walks.iter().filter_map(|walk| walk.get("values")?.as_object());
    values.flat_map(|values| values.keys().cloned()).collect()
}

/// Nine in ten name a thing that the result has, one in ten has an expression; they look, and tell nothing, but for one
/// where `tells`.
fn rules(case: &Case, things: &[String], tells: bool) -> Value {
    let thing = |number: usize| things.get(number % things.len().max(1)).map_or("", String::as_str);
    let rule = |number: usize| match (case.name, number) {
        // Sensors are told unless a rule says otherwise; the first rule does, and the others come after it.
        ("sdr", 0) => json!({ "action": "ignore" }),
        ("sdr", 1) if tells => json!({ "sdrType": "Discrete", "statesAsserted": "/./", "action": "warning" }),
        ("sdr", _) if number.is_multiple_of(10) => {
            json!({ "statesAsserted": format!("/^state {number} of/"), "action": "warning" })
        }
        ("sdr", _) => {
            json!({ "sensorId": thing(number), "status": format!("Status {number}"), "action": "critical" })
        }
        ("selEntries" | "selEntries, new ones", 0) if tells => {
            json!({ "Description": "/./", "action": "warning" })
        }
        ("selEntries" | "selEntries, new ones", _) if number.is_multiple_of(10) => {
            json!({ "Description": format!("/^state {number} of/"), "action": "warning" })
        }
        ("selEntries" | "selEntries, new ones", _) => {
            json!({ "Sensor Number": thing(number), "Event Data": format!("{number:06x}") })
        }
        (_, 0) if tells => json!({ thing(0): { "min": 0 } }),
        (_, _) if number.is_multiple_of(10) => json!({
            format!("/^\\.1\\.3\\.6\\.1\\.2\\.1\\.2\\.2\\.1\\.{number}\\./"): { "greaterThan": i64::MAX }
        }),
        _ => json!({ thing(number): { "greaterThan": i64::MAX, "severity": "critical" } }),
    };
    (0..RULES).map(rule).collect()
}

/// CPU time of the rules for one poll, and the alerts that it made.
fn play(case: &Case, rules: &Value, results: &[Map<String, Value>]) -> io::Result<(f64, f64)> {
    let rules = Rules::read(case.kind, rules, "alerts", &mut Compiler::default(), Budget::of_configuration())
        .map_err(|faults| io::Error::other(format!("{faults:?}")))?;
    let watch = Watch { rules: vec![Arc::new(rules)], ..Watch::default() };
    let mut replay = Replay::default();
    let pollers: Vec<String> = (0..DEVICES).map(|device| format!("p@{device}")).collect();
    let mut alerts = 0_usize;
    let begun = cpu_seconds();
    for (poll, (poller, result)) in
        pollers.iter().cycle().zip(results.iter().cycle()).take(PLAYED).enumerate()
    {
        alerts += replay.result(poller, result, &watch, i64::try_from(poll).unwrap_or(i64::MAX)).len();
    }
    let spent = cpu_seconds() - begun;
    #[expect(clippy::cast_precision_loss, reason = "some thousand polls")]
    let a_poll = |of: f64| of / PLAYED as f64;
    #[expect(clippy::cast_precision_loss, reason = "less than a million")]
    let alerts = alerts as f64;
    Ok((a_poll(spent * 1_000.0), a_poll(alerts)))
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a second")]
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
