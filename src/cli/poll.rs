//! `rackpoll poll`: one device, once, without a bus.

use std::{path::PathBuf, sync::Arc, time::Duration, time::SystemTime};

use clap::{Args, Subcommand, ValueEnum};
use rackpoll_io::CipherSuite;
use rackpoll_model::{Fault, FaultKind, IpmiCommand, PollRequest, Secret, SnmpRequest};
use serde_json::{Map, Value};

use super::{Exit, table};
use crate::{
    app,
    config::{self, Host, IPMI_PORT, SNMP_PORT},
    job::{Credential, Outcome, Subject, Target, Topic},
    observe::log,
    publish::contract,
};

/// Which protocol.
#[derive(Debug, Subcommand)]
pub(super) enum PollCommand {
    /// A BMC over IPMI 2.0 (RMCP+): power, uid, chassis, selInformation, sel, sdr, driveHealth, thresholds
    Ipmi(IpmiArguments),
    /// A switch, PDU or BMC over SNMP v2c
    Snmp(SnmpArguments),
}

#[derive(Debug, Args)]
pub(super) struct IpmiArguments {
    /// What to ask: power, uid, chassis, selInformation, sel, sdr, driveHealth or thresholds
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
    /// Cipher suite; `auto` asks the BMC and takes the strongest of 17 and 3
    #[arg(long, value_name = "SUITE", default_value = "auto")]
    cipher_suite: Suite,
    #[command(flatten)]
    common: Common,
}

/// Cipher suites that the agent speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// The strongest that the BMC offers.
    Auto,
    /// RAKP-HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128.
    #[value(name = "3")]
    Three,
    /// RAKP-HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128.
    #[value(name = "17")]
    Seventeen,
}

#[derive(Debug, Args)]
pub(super) struct SnmpArguments {
    /// The agent's address or name, with :PORT where it is not 161
    #[arg(long, value_name = "HOST[:PORT]")]
    host: String,
    /// Environment variable that holds the community
    #[arg(long, value_name = "VAR", required_unless_present = "community_file")]
    community_env: Option<String>,
    /// File that holds the community; a newline at its end does not count
    #[arg(long, value_name = "FILE", conflicts_with = "community_env")]
    community_file: Option<PathBuf>,
    /// Oid to walk, as .1.3.6.1.2.1.1; may be given several times
    #[arg(long, value_name = "OID", required = true, num_args = 1..)]
    oid: Vec<String>,
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
enum Output {
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
    suite: Option<CipherSuite>,
    common: Common,
}

pub(super) fn run(command: PollCommand) -> Exit {
    log::start(log::Format::Text, tracing::level_filters::LevelFilter::WARN);
    let wanted = match command {
        PollCommand::Ipmi(arguments) => ipmi(arguments),
        PollCommand::Snmp(arguments) => snmp(arguments),
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
    Ok(Wanted {
        request: PollRequest::Ipmi(arguments.command),
        target,
        credential: Credential::Ipmi { user: arguments.user, password },
        topic: Topic::Ipmi(arguments.command.as_str().to_owned()),
        value,
        suite: match arguments.cipher_suite {
            Suite::Auto => None,
            Suite::Three => Some(CipherSuite::Three),
            Suite::Seventeen => Some(CipherSuite::Seventeen),
        },
        common: arguments.common,
    })
}

fn snmp(arguments: SnmpArguments) -> Result<Wanted, Fault> {
    for oid in &arguments.oid {
        config::check_oid(oid)
            .map_err(|fault| Fault::new(FaultKind::MalformedCommand, format!("--oid {oid:?}: {fault}")))?;
    }
    let community = secret("community", arguments.community_env, arguments.community_file)?;
    let target = target(&arguments.host, SNMP_PORT)?;
    let mut value = Map::new();
    value.insert("host".into(), arguments.host.into());
    value.insert("config".into(), serde_json::json!({ "oids": arguments.oid }));
    Ok(Wanted {
        request: PollRequest::Snmp(SnmpRequest::Oids(arguments.oid)),
        target,
        credential: Credential::Community(community),
        topic: Topic::Snmp,
        value,
        suite: None,
        common: arguments.common,
    })
}

fn duration(text: &str) -> Result<Duration, String> {
    config::duration::parse(text).ok_or_else(|| "write a time with its unit, as 10s or 500ms".to_owned())
}

fn target(host: &str, default_port: u16) -> Result<Target, Fault> {
    let parsed = Host::parse(host)
        .map_err(|fault| Fault::new(FaultKind::MalformedCommand, format!("--host {host:?}: {fault}")))?;
    Ok(parsed.target(default_port))
}

/// Reads a secret from where the arguments say. Its text never comes from the command line, which others can see.
fn secret(what: &str, variable: Option<String>, file: Option<PathBuf>) -> Result<Secret, Fault> {
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
        let lines =
            app::lines(wanted.suite).map_err(|error| Fault::new(FaultKind::Internal, error.to_string()))?;
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
                ticket: None,
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

#[expect(clippy::print_stderr, reason = "the answer of a command for people")]
fn fail(fault: &Fault) -> Exit {
    eprintln!("rackpoll: {}", fault.message);
    Exit::from(fault)
}

#[expect(clippy::print_stdout, reason = "the answer of a command for people")]
fn show(value: &Value, output: Output) -> Exit {
    match output {
        Output::Json => println!("{value:#}"),
        Output::Table => print!("{}", table::render(value)),
    }
    Exit::Success
}
