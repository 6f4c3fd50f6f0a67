//! `rackpoll poll`: one device, once, without a bus.

use std::{
    collections::BTreeSet, io::Write as _, path::PathBuf, sync::Arc, time::Duration, time::SystemTime,
};

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use rackpoll_io::{CipherSuite, Ipmi15Authentication, Workaround};
use rackpoll_model::{
    Fault, FaultKind, IpmiCommand, Metric, MetricRequest, PollRequest, Secret, SnmpRequest,
};
use rackpoll_snmp::names::Names;
use serde_json::{Map, Value};

use super::{Exit, answer, snmp_login::SnmpLogin, table};
use crate::{
    app,
    config::{self, Host, IPMI_PORT, SNMP_PORT},
    job::{Access, Credential, Outcome, Subject, Target, Topic},
    observe::log,
    publish::contract,
};

/// Which protocol.
#[derive(Debug, Subcommand)]
pub(super) enum PollCommand {
    /// A BMC over IPMI 2.0 (RMCP+): power, uid, chassis, selInformation, sel, selEntries, sdr, driveHealth, thresholds, fru, mc, dcmi
    Ipmi(Box<IpmiArguments>),
    /// A switch, PDU or BMC over SNMP v1, v2c or v3
    Snmp(Box<SnmpArguments>),
}

#[derive(Debug, Args)]
pub(super) struct IpmiArguments {
    /// What to ask: power, uid, chassis, selInformation, sel, selEntries, sdr, driveHealth, thresholds, fru,
    /// mc or dcmi
    command: IpmiCommand,
    /// The BMC's address or name, with :PORT where it is not 623
    #[arg(long, value_name = "HOST[:PORT]")]
    host: String,
    /// The BMC's user
    #[arg(long)]
    user: String,
    /// Environment variable that holds the password
    #[arg(long, value_name = "VAR", required_unless_present = "password_file")]
    password_env: Option<String>,
    /// File that holds the password; a newline at its end does not count
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    password_file: Option<PathBuf>,
    /// Cipher suite: 0 to 3 or 15 to 17, of which only 3 and 17 encrypt; `auto` asks the BMC and takes the stronger of
    /// those two
    #[arg(long, value_name = "SUITE", default_value = "auto", value_parser = suite)]
    cipher_suite: Suite,
    /// Environment variable that holds the BMC's own key (K_G), as text or as 0x and 40 hex digits
    #[arg(long, value_name = "VAR")]
    kg_env: Option<String>,
    /// File that holds the BMC's own key; a newline at its end does not count
    #[arg(long, value_name = "FILE", conflicts_with = "kg_env")]
    kg_file: Option<PathBuf>,
    /// Allow an IPMI 1.5 session, which encrypts nothing, where the BMC knows no IPMI 2.0: md5, password or none
    #[arg(long = "ipmi-1-5", value_name = "KIND", value_parser = ipmi_15)]
    ipmi_15: Vec<Ipmi15Authentication>,
    /// Live with a habit of the BMC, by FreeIPMI's name for it (docs/workarounds.md)
    #[arg(long, value_name = "NAME", value_parser = workaround)]
    workaround: Vec<Workaround>,
    #[command(flatten)]
    common: Common,
}

/// What `--cipher-suite` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suite {
    Auto,
    One(CipherSuite),
}

fn suite(text: &str) -> Result<Suite, String> {
    if text == "auto" {
        return Ok(Suite::Auto);
    }
    let suite = text.parse().ok().and_then(CipherSuite::from_id);
    suite.map(Suite::One).ok_or_else(|| "the suites are auto, 0, 1, 2, 3, 15, 16 and 17".to_owned())
}

fn ipmi_15(text: &str) -> Result<Ipmi15Authentication, String> {
    let kind = Ipmi15Authentication::ALL.into_iter().find(|kind| kind.as_str() == text);
    kind.ok_or_else(|| "the kinds are md5, password and none".to_owned())
}

fn workaround(text: &str) -> Result<Workaround, String> {
    text.parse().map_err(|_| {
        let known: Vec<_> = Workaround::ALL.iter().map(|known| known.as_str()).collect();
        format!("there are {}", known.join(", "))
    })
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true)))]
pub(super) struct SnmpArguments {
    /// The agent's address or name, with :PORT where it is not 161
    #[arg(long, value_name = "HOST[:PORT]")]
    host: String,
    #[command(flatten)]
    login: SnmpLogin,
    /// Oid to walk, as .1.3.6.1.2.1.1; may be given several times
    #[arg(long, value_name = "OID", group = "what", num_args = 1..)]
    oid: Vec<String>,
    /// Variable to get, as .1.3.6.1.2.1.1.5.0; may be given several times
    #[arg(long, value_name = "OID", group = "what", num_args = 1..)]
    get: Vec<String>,
    /// Oid whose first variables are wanted; may be given several times
    #[arg(long, value_name = "OID", group = "what", num_args = 1..)]
    bulk: Vec<String>,
    /// How many variables of each --bulk
    #[arg(long, value_name = "NUMBER", requires = "bulk", default_value_t = config::USUAL_ROWS)]
    rows: u32,
    /// Table of which columns are wanted, as .1.3.6.1.2.1.2.2
    #[arg(long, value_name = "OID", group = "what", requires = "column")]
    table: Option<String>,
    /// Number of a column of --table; may be given several times
    #[arg(long, value_name = "NUMBER", requires = "table", num_args = 1..)]
    column: Vec<u32>,
    /// Print names and words instead of numbers
    #[arg(long, conflicts_with = "metric")]
    names: bool,
    /// Folder of MIB files, for oids that are written MODULE::NAME; may be given several times
    #[arg(long, value_name = "FOLDER")]
    mib_dir: Vec<PathBuf>,
    /// Metric to poll instead, as snmp-interface-state
    #[arg(long, value_name = "NAME", group = "what")]
    metric: Option<Metric>,
    /// Oid that snmp-switch-sensor-status walks; may be given several times
    #[arg(long, value_name = "OID", num_args = 1.., requires = "metric")]
    sensor_oid: Vec<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    /// How long it may take, login included
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    timeout: Duration,
    /// A table for people, or the result message's `value`
    #[arg(long, default_value = "table")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    Table,
    Json,
}

/// A poll that the arguments describe.
struct Wanted {
    request: PollRequest,
    target: Target,
    credential: Credential,
    topic: Topic,
    value: Map<String, Value>,
    by_name: bool,
    names: Arc<Names>,
    common: Common,
}

pub(super) fn run(command: PollCommand) -> Exit {
    log::start(log::Format::Text, tracing::level_filters::LevelFilter::WARN);
    let wanted = match command {
        PollCommand::Ipmi(arguments) => ipmi(*arguments),
        PollCommand::Snmp(arguments) => snmp(*arguments),
    };
    let outcome = wanted.and_then(|wanted| {
        let output = wanted.common.output;
        poll(wanted).map(|outcome| (outcome, output))
    });
    let (outcome, output) = match outcome {
        Ok(done) => done,
        Err(fault) => return fail(&fault),
    };
    if let Err(fault) = &outcome.reading {
        return fail(fault);
    }
    show(&contract::result_value(&outcome), output)
}

fn ipmi(arguments: IpmiArguments) -> Result<Wanted, Fault> {
    let password = secret("password", arguments.password_env, arguments.password_file)?;
    let target = target(&arguments.host, IPMI_PORT)?;
    let mut value = Map::new();
    value.insert("host".into(), arguments.host.into());
    value.insert("user".into(), arguments.user.clone().into());
    let k_g = match (&arguments.kg_env, &arguments.kg_file) {
        (None, None) => None,
        _ => Some(secret("kg", arguments.kg_env, arguments.kg_file)?),
    };
    let k_g = k_g
        .map(|text| config::bmc_key(&text))
        .transpose()
        .map_err(|why| Fault::new(FaultKind::MalformedCommand, format!("the BMC's key {why}")))?;
    let cipher_suites = match arguments.cipher_suite {
        Suite::Auto => Vec::new(),
        Suite::One(suite) => vec![suite],
    };
    for suite in &cipher_suites {
        if let Some(weakness) = suite.weakness() {
            tracing::warn!("cipher suite {suite} {weakness}");
        }
    }
    let access = Access { k_g, cipher_suites, ipmi_15: arguments.ipmi_15, workarounds: arguments.workaround };
    Ok(Wanted {
        request: PollRequest::Ipmi(arguments.command),
        target,
        credential: Credential::Ipmi { user: arguments.user, password, access },
        topic: Topic::Ipmi(arguments.command.as_str().to_owned()),
        value,
        by_name: false,
        names: Names::shared(),
        common: arguments.common,
    })
}

fn snmp(arguments: SnmpArguments) -> Result<Wanted, Fault> {
    let given = [
        ("--oid", arguments.oid.as_slice()),
        ("--get", arguments.get.as_slice()),
        ("--bulk", arguments.bulk.as_slice()),
        ("--table", arguments.table.as_slice()),
        ("--sensor-oid", arguments.sensor_oid.as_slice()),
    ];
    let given = given.iter().flat_map(|(flag, oids)| oids.iter().map(move |oid| (flag, oid)));
    let names = names(&arguments.mib_dir, given.clone().map(|(_, oid)| oid.as_str()));
    for (flag, oid) in given {
        names.resolve(oid).map_err(|fault| malformed(format!("{flag} {oid:?}: {fault}")))?;
    }
    let request = if let Some(metric) = arguments.metric {
        let oids = arguments.sensor_oid.iter();
        metric_poll(metric, oids.map(|oid| config::in_numbers(oid, &names)).collect())?
    } else if let Some(table) = arguments.table {
        SnmpRequest::Table(table, arguments.column)
    } else if !arguments.get.is_empty() {
        SnmpRequest::Get(arguments.get)
    } else if !arguments.bulk.is_empty() {
        SnmpRequest::Bulk(arguments.bulk, arguments.rows.max(1))
    } else {
        SnmpRequest::Oids(arguments.oid)
    };
    let topic = match &request {
        SnmpRequest::Metric(request) => Topic::Metric(request.metric.to_string()),
        _ => Topic::Snmp,
    };
    let config = config::snmp_config(&request);
    let credential = arguments.login.credential()?;
    let target = target(&arguments.host, SNMP_PORT)?;
    let mut value = Map::new();
    value.insert("host".into(), arguments.host.into());
    value.insert("config".into(), config.into());
    Ok(Wanted {
        request: PollRequest::Snmp(request),
        target,
        credential: Credential::Snmp(credential),
        topic,
        value,
        by_name: arguments.names,
        names,
        common: arguments.common,
    })
}

/// What `--metric` asks.
fn metric_poll(metric: Metric, sensor_oids: Vec<String>) -> Result<SnmpRequest, Fault> {
    match (metric, sensor_oids.is_empty()) {
        (Metric::SwitchSensorStatus, true) => Err(malformed(format!("--metric {metric} needs --sensor-oid"))),
        (Metric::SwitchSensorStatus, false) | (_, true) => {
            Ok(SnmpRequest::Metric(MetricRequest { metric, sensor_oids }))
        }
        (_, false) => Err(malformed(format!("--sensor-oid is for --metric {}", Metric::SwitchSensorStatus))),
    }
}

/// The built-in names, and those of the modules that these oids name.
fn names<'a>(folders: &[PathBuf], oids: impl Iterator<Item = &'a str>) -> Arc<Names> {
    if folders.is_empty() {
        return Names::shared();
    }
    let mut names = Names::builtin();
    let modules = oids.filter_map(|oid| Some(oid.split_once("::")?.0.to_owned()));
    let modules: BTreeSet<String> = modules.filter(|module| !names.has_module(module)).collect();
    for finding in names.load(folders, &modules) {
        tracing::warn!("{finding}");
    }
    Arc::new(names)
}

fn malformed(message: String) -> Fault {
    Fault::new(FaultKind::MalformedCommand, message)
}

fn duration(text: &str) -> Result<Duration, String> {
    config::duration::parse(text).ok_or_else(|| "write a time with its unit, as 10s or 500ms".to_owned())
}

pub(super) fn target(host: &str, default_port: u16) -> Result<Target, Fault> {
    let parsed = Host::parse(host)
        .map_err(|fault| Fault::new(FaultKind::MalformedCommand, format!("--host {host:?}: {fault}")))?;
    Ok(parsed.target(default_port))
}

/// Reads a secret from where the arguments say. Its text never comes from the command line, which others can see.
pub(super) fn secret(what: &str, variable: Option<String>, file: Option<PathBuf>) -> Result<Secret, Fault> {
    let wrong = |message: String| Fault::new(FaultKind::MalformedCommand, message);
    if let Some(variable) = variable {
        let text = std::env::var_os(&variable).ok_or_else(|| {
            wrong(format!("--{what}-env {variable}: there is no such environment variable"))
        })?;
        return Ok(Secret::new(text.into_encoded_bytes()));
    }
    let file = file.ok_or_else(|| wrong(format!("--{what}-env or --{what}-file is needed")))?;
    let mut bytes =
        std::fs::read(&file).map_err(|error| wrong(format!("--{what}-file {}: {error}", file.display())))?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(Secret::new(bytes))
}

fn poll(wanted: Wanted) -> Result<Outcome, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::new(FaultKind::Internal, format!("no runtime: {error}")))?;
    runtime.block_on(async {
        let lines = app::lines(&wanted.names, None, None)
            .map_err(|error| Fault::new(FaultKind::Internal, error.to_string()))?;
        let started_at = SystemTime::now();
        let deadline = tokio::time::Instant::now() + wanted.common.timeout;
        let peer = crate::dispatch::resolve(&wanted.target).await?;
        let mut line = crate::device::Lines::line(&lines, peer, &wanted.credential);
        let reading = line.poll(&wanted.request, deadline).await.map(Arc::new);
        let finished_at = SystemTime::now();
        let attempts = line.attempts();
        line.close(Duration::from_secs(1)).await;
        Ok(Outcome {
            subject: Subject {
                topic: wanted.topic,
                work_item_id: None,
                node: None,
                graph_id: String::new(),
                value: wanted.value,
                scheduled_at: started_at,
                skipped: 0,
                reply: None,
                recorded: None,
                watch: Arc::default(),
                divert: None,
                ticket: None,
                names: wanted.by_name.then_some(wanted.names),
            },
            target: Some(wanted.target),
            peer: Some(peer),
            started_at,
            finished_at,
            attempts,
            reading,
        })
    })
}

fn fail(fault: &Fault) -> Exit {
    // The exit code tells it, too.
    let _ = writeln!(answer::err(), "rackpoll: {}", fault.message);
    Exit::from(fault)
}

pub(super) fn show(value: &Value, output: Output) -> Exit {
    let mut out = answer::out();
    let written = match output {
        Output::Json => writeln!(out, "{value:#}"),
        Output::Table => out.write_all(table::render(value).as_bytes()),
    };
    match written.and_then(|()| out.flush()) {
        Ok(()) => Exit::Success,
        Err(error) => {
            tracing::error!("the answer cannot be written: {error}");
            Exit::System
        }
    }
}
