//! `rackpoll rules`: are the rules of alerts right, what would they have told, and why.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use chrono::DateTime;
use clap::{Args, Subcommand};
use rackpoll_model::PollRequest;
use serde_json::{Map, Value};

use super::{DEFAULT_CONFIG, Exit, answer};
use crate::{
    config::{Config, ScheduledPoll},
    outcome::rules::{
        Alert, Budget, Compiler, Explanation, Replay, RuleKind, Rules, Watch, explain_entry, explain_value,
    },
    state,
};

/// What about the rules.
#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// Check the rules of a configuration: faults, rules that can never match or never have a say, keys that no result has
    Check(Configuration),
    /// Play stored results to the rules: which would have fired, when, why
    Test(TestArguments),
    /// Tell what each rule of a poller says of one entry or value
    Explain(ExplainArguments),
}

#[derive(Debug, Args)]
pub(super) struct Configuration {
    /// Configuration file; drop-ins are read from conf.d/ beside it
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct TestArguments {
    #[command(flatten)]
    configuration: Configuration,
    /// Results as JSON lines: messages of the bus, or their `value`; `-` is standard input
    #[arg(long, value_name = "FILE", required_unless_present = "state", conflicts_with = "state")]
    capture: Option<PathBuf>,
    /// Folder of an agent's state file: the results that it remembers
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Only this poller's results
    #[arg(long, value_name = "ID")]
    poller: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    #[command(flatten)]
    configuration: Configuration,
    /// The poller whose rules are asked: its id, or <id>@<device>
    #[arg(long, value_name = "ID")]
    poller: String,
    /// A SEL entry or a sensor as in results, or for SNMP an object of keys and values: '{".1.3.6.1.2.1.1.5.0": "lab"}'
    #[arg(value_name = "JSON")]
    subject: String,
}

/// Longest line of a capture: a large switch's walk.
const LONGEST_LINE: u64 = 64 << 20;

pub(super) fn run(command: &RulesCommand) -> Exit {
    let (mut out, mut err) = (answer::out(), answer::err());
    let done = match command {
        RulesCommand::Check(arguments) => check(&arguments.config, &mut out, &mut err),
        RulesCommand::Test(arguments) => test(arguments, &mut out, &mut err),
        RulesCommand::Explain(arguments) => explain(arguments, &mut out, &mut err),
    };
    // The answer cannot be written.
    done.unwrap_or(Exit::System)
}

fn load(path: &Path, err: &mut dyn Write) -> io::Result<Option<Config>> {
    match Config::load(path) {
        Ok(config) => Ok(Some(config)),
        Err(faults) => writeln!(err, "{faults}").map(|()| None),
    }
}

fn check(path: &Path, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let Some(config) = load(path, err)? else { return Ok(Exit::Config) };
    let found: Vec<_> = config.warnings.iter().filter(|warning| is_of_rules(&warning.what)).collect();
    for warning in &found {
        writeln!(err, "{warning}")?;
    }
    let mut sets: Vec<&Arc<Rules>> = config.polls.iter().flat_map(|poll| &poll.watch.rules).collect();
    sets.sort_by_key(|rules| Arc::as_ptr(rules));
    sets.dedup_by_key(|rules| Arc::as_ptr(rules));
    let rules: usize = sets.iter().map(|rules| rules.len()).sum();
    let watched = config.polls.iter().filter(|poll| !poll.watch.rules.is_empty()).count();
    writeln!(out, "{rules} rules, which look at the results of {watched} of {} polls", config.polls.len())?;
    if found.is_empty() {
        return Ok(Exit::Success);
    }
    writeln!(err, "{} of them deserve a second look", found.len())?;
    Ok(Exit::BadAnswer)
}

fn is_of_rules(what: &str) -> bool {
    what.starts_with("the rule ") || what.ends_with("rules of this list deserve a second look")
}

/// A stored result.
struct Stored {
    poller: String,
    at: i64,
    value: Map<String, Value>,
}

fn test(arguments: &TestArguments, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let Some(config) = load(&arguments.configuration.config, err)? else { return Ok(Exit::Config) };
    let results = match (&arguments.capture, &arguments.state) {
        (Some(capture), _) => read_capture(capture),
        (None, Some(folder)) => read_state(folder),
        (None, None) => Ok(Vec::new()),
    };
    let results = match results {
        Ok(results) => results,
        Err(why) => {
            writeln!(err, "{why}")?;
            return Ok(Exit::BadAnswer);
        }
    };
    let mut replay = Replay::default();
    let mut compiler = Compiler::default();
    let (mut played, mut told) = (0_u64, 0_u64);
    for result in &results {
        if arguments.poller.as_ref().is_some_and(|only| *only != result.poller) {
            continue;
        }
        played += 1;
        let watch = match config.polls.iter().find(|poll| poll.work_item_id == result.poller) {
            Some(poll) => Arc::clone(&poll.watch),
            None => Arc::new(of_command(result, &config, &mut compiler, err)?),
        };
        for alert in replay.result(&result.poller, &result.value, &watch, result.at) {
            told += 1;
            writeln!(out, "{}", line(result, &alert))?;
        }
    }
    writeln!(out, "{told} alerts from {played} results")?;
    Ok(Exit::Success)
}

/// The rules that a command brought, where it was no poller of the configuration.
fn of_command(
    result: &Stored,
    config: &Config,
    compiler: &mut Compiler,
    err: &mut dyn Write,
) -> io::Result<Watch> {
    let of_config = result.value.get("config").and_then(|config| config.get("alerts"));
    let kind = if result.value.contains_key("config") { RuleKind::Values } else { RuleKind::Entries };
    let written = of_config.or_else(|| result.value.get("alerts")).unwrap_or(&Value::Null);
    let mut watch = Watch { calm: Arc::clone(&config.calm), ..Watch::default() };
    match Rules::read(kind, written, "alerts", compiler, Budget::of_command()) {
        Ok(rules) => watch.rules.push(Arc::new(rules)),
        Err(faults) => {
            for fault in faults {
                writeln!(err, "{}: {fault}", result.poller)?;
            }
        }
    }
    Ok(watch)
}

fn line(result: &Stored, alert: &Alert) -> String {
    let at = DateTime::from_timestamp_millis(result.at).unwrap_or_default().format("%Y-%m-%dT%H:%M:%SZ");
    let data = &alert.data;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let what = match data {
        _ if data.get("reading").is_some() => {
            let reading = &data["reading"];
            let state = reading.get("stateAsserted").or_else(|| reading.get("status"));
            format!("{}: {}", text(&reading["sensorId"]), state.map(text).unwrap_or_default())
        }
        _ if data.get("alert").is_some() => {
            let entry = &data["alert"]["reading"];
            let matches = &data["alert"]["matches"];
            format!("record {}: {}, by {matches}", text(&entry["SEL Record ID"]), text(&entry["Description"]))
        }
        _ if data.get("oid").is_some() => {
            let matched = data.get("matched").map(|matched| format!(", by {matched}")).unwrap_or_default();
            format!("{} = {}{matched}", text(&data["oid"]), data["value"])
        }
        _ => data.get("states").or_else(|| data.get("status")).unwrap_or(data).to_string(),
    };
    let (action, state) = (alert.action.as_str(), alert.episode.state.as_str());
    format!("{at}  {}  {action}  {}  {state}  {what}", result.poller, alert.severity)
}

fn read_capture(path: &Path) -> Result<Vec<Stored>, String> {
    let wrong = |error: io::Error| format!("{}: {error}", path.display());
    let input: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(BufReader::new(io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(path).map_err(wrong)?))
    };
    read_lines(input, &path.display().to_string())
}

fn read_lines(mut input: impl BufRead, name: &str) -> Result<Vec<Stored>, String> {
    let mut results = Vec::new();
    for number in 1_usize.. {
        let mut line = Vec::new();
        let read = io::Read::take(&mut input, LONGEST_LINE).read_until(b'\n', &mut line);
        match read {
            Ok(0) => break,
            Ok(_) if line.trim_ascii().is_empty() => continue,
            Ok(_) => {}
            Err(error) => return Err(format!("{name}:{number}: {error}")),
        }
        let message: Value =
            serde_json::from_slice(&line).map_err(|error| format!("{name}:{number}: not JSON: {error}"))?;
        let Some(value) = value_of(message) else {
            return Err(format!(
                "{name}:{number}: no result: neither a message with `value` nor a value with `host`"
            ));
        };
        results.push(stored(None, value));
    }
    Ok(results)
}

/// The `value` of a result: of a message as it is on the bus, of one with its key beside its body, or itself.
fn value_of(message: Value) -> Option<Map<String, Value>> {
    let Value::Object(mut message) = message else { return None };
    for key in ["body", "payload", "value"] {
        match message.shift_remove(key) {
            Some(Value::Object(inner)) => return value_of(Value::Object(inner)),
            // Some tools print a message's body as a text.
            Some(Value::String(text)) => return value_of(serde_json::from_str(&text).ok()?),
            _ => {}
        }
    }
    message.contains_key("host").then_some(message)
}

fn stored(poller: Option<String>, value: Map<String, Value>) -> Stored {
    let id = value.get("workItemId").and_then(Value::as_str).map(str::to_owned);
    let host = value.get("host").and_then(Value::as_str).unwrap_or_default().to_owned();
    let finished = value.get("_poll").and_then(|poll| poll.get("finishedAt")).and_then(Value::as_str);
    let at = finished.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    let now = || {
        let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    };
    Stored {
        poller: poller.or(id).unwrap_or(host),
        at: at.map_or_else(now, |at| at.timestamp_millis()),
        value,
    }
}

fn read_state(folder: &Path) -> Result<Vec<Stored>, String> {
    let entries = state::cached_results(folder).map_err(|error| error.to_string())?;
    let mut results = Vec::with_capacity(entries.len());
    for (poller, entry) in entries {
        match serde_json::from_str(&entry) {
            Ok(Value::Object(value)) => results.push(stored(Some(poller), value)),
            _ => return Err(format!("{}: a result of {poller} is no JSON object", folder.display())),
        }
    }
    Ok(results)
}

fn explain(arguments: &ExplainArguments, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let Some(config) = load(&arguments.configuration.config, err)? else { return Ok(Exit::Config) };
    let wanted = arguments.poller.as_str();
    let is_it = |poll: &&Arc<ScheduledPoll>| poll.work_item_id == wanted || poll.poller.as_str() == wanted;
    let Some(poll) = config.polls.iter().find(is_it) else {
        writeln!(err, "there is no poller {wanted:?}")?;
        return Ok(Exit::Usage);
    };
    let Ok(Value::Object(subject)) = serde_json::from_str(&arguments.subject) else {
        writeln!(err, "what is to be explained has to be a JSON object")?;
        return Ok(Exit::Usage);
    };
    let rules = || poll.watch.rules.iter().map(|rules| &**rules);
    let explanations: Vec<Explanation> = match poll.request {
        PollRequest::Ipmi(_) => explain_entry(rules(), &subject),
        PollRequest::Snmp(_) => {
            subject.iter().flat_map(|(key, value)| explain_value(rules(), key, value)).collect()
        }
    };
    if explanations.is_empty() {
        writeln!(out, "no rule of {} looks at this", poll.work_item_id)?;
    }
    for Explanation { rule, matches, why } in &explanations {
        let word = if *matches { "matches" } else { "does not match" };
        writeln!(out, "{word}: {rule}: {why}")?;
    }
    if let (PollRequest::Ipmi(_), Some(last)) =
        (&poll.request, explanations.iter().rfind(|told| told.matches))
    {
        writeln!(out, "the last rule that matches has the say: {}", last.why)?;
    }
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CONFIG: &str = r#"
[[credential]]
name = "c"
user = "u"
password = { file = "p" }
community = { file = "p" }
[[device]]
name = "d"
host = "10.0.0.1"
credential = "c"
[[poller]]
id = "log"
devices = "d"
ipmi = "selEntries"
every = "1m"
alerts = [{ "Sensor Type" = "Fan", action = "critical" }, { Description = "/low/" }]
[[poller]]
id = "walk"
devices = "d"
snmp = { oids = [".1.3"] }
every = "1m"
alerts = [{ ".1.3.6" = { greaterThan = 5, severity = "warning" } }]
"#;

    fn folder(config: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("p"), "secret").unwrap();
        let path = folder.path().join("rackpoll.toml");
        std::fs::write(&path, config).unwrap();
        (folder, path)
    }

    fn printed(
        run: impl FnOnce(&mut dyn Write, &mut dyn Write) -> io::Result<Exit>,
    ) -> (Exit, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = run(&mut out, &mut err).unwrap();
        (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn good_rules_pass_and_those_that_do_nothing_do_not() {
        let (_folder, path) = folder(CONFIG);
        let (exit, out, err) = printed(|out, err| check(&path, out, err));
        assert_eq!((exit, err.as_str()), (Exit::Success, ""));
        assert_eq!(out, "3 rules, which look at the results of 2 of 2 polls\n");
        let (_folder, path) =
            folder(&CONFIG.replace("Sensor Type", "Sensor Typ").replace("1.3.6\"", "1.4\""));
        let (exit, _, err) = printed(|out, err| check(&path, out, err));
        assert_eq!(exit, Exit::BadAnswer);
        assert!(
            err.contains("rackpoll.toml:16: the rule") && err.contains("did you mean `Sensor Type`?"),
            "{err}"
        );
        assert!(err.contains("`.1.4` is below no oid that is asked"), "{err}");
        let (_folder, path) = folder(&CONFIG.replace("greaterThan", "greater"));
        let (exit, _, err) = printed(|out, err| check(&path, out, err));
        assert_eq!(exit, Exit::Config);
        assert!(err.contains("rackpoll.toml:22: `alerts[0][\".1.3.6\"].greater`: there is no such"), "{err}");
    }

    #[test]
    fn a_capture_is_played_to_the_rules() {
        let (folder, path) = folder(CONFIG);
        let entry = json!({ "SEL Record ID": "0007", "Sensor Type": "Fan", "Description": "going low" });
        let value = |id: &str, more: Value| {
            let mut value = json!({ "host": "10.0.0.1", "workItemId": id, "_poll": { "finishedAt": "2026-11-24T10:00:00.000Z" } });
            value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            value
        };
        let walk = |number: u32| {
            value(
                "walk",
                json!({ "result": [{ "source": ".1.3", "values": { ".1.3.6": number.to_string() } }] }),
            )
        };
        let lines = [
            json!({ "value": value("log", json!({ "selEntries": [entry] })) }),
            json!({ "routing_key": "x", "body": { "value": walk(6) } }),
            walk(6),
            json!({ "payload": json!({ "value": walk(7) }).to_string() }),
            value("other", json!({ "power": true })),
            value("other", json!({ "power": false })),
        ];
        let capture = folder.path().join("capture");
        std::fs::write(&capture, lines.map(|line| line.to_string()).join("\n\n")).unwrap();
        let arguments = |poller: Option<&str>| TestArguments {
            configuration: Configuration { config: path.clone() },
            capture: Some(capture.clone()),
            state: None,
            poller: poller.map(str::to_owned),
        };
        let (exit, out, err) = printed(|out, err| test(&arguments(None), out, err));
        assert_eq!((exit, err.as_str()), (Exit::Success, ""));
        let at = "2026-11-24T10:00:00Z";
        let expected = [
            format!(
                "{at}  log  sel.updated  information  open  record 0007: going low, by [{{\"Sensor Type\":\"Fan\"}},{{\"Description\":\"/low/\"}}]"
            ),
            format!("{at}  walk  snmp.updated  warning  open  .1.3.6 = \"6\", by {{\"greaterThan\":5}}"),
            format!("{at}  walk  snmp.updated  warning  repeat  .1.3.6 = \"7\", by {{\"greaterThan\":5}}"),
            format!(
                "{at}  other  chassispower.updated  information  open  {{\"last\":\"ON\",\"current\":\"OFF\"}}"
            ),
            "4 alerts from 6 results".to_owned(),
        ];
        assert_eq!(out.lines().collect::<Vec<_>>(), expected);
        let (_, out, _) = printed(|out, err| test(&arguments(Some("other")), out, err));
        assert!(out.ends_with("1 alerts from 2 results\n"), "{out}");

        std::fs::write(&capture, "{\"value\":{\"host\":\"h\"}}\nnonsense\n").unwrap();
        let (exit, _, err) = printed(|out, err| test(&arguments(None), out, err));
        assert_eq!(exit, Exit::BadAnswer);
        assert!(err.contains("capture:2: not JSON"), "{err}");
    }

    #[test]
    fn one_match_is_explained() {
        let (_folder, path) = folder(CONFIG);
        let explained = |poller: &str, subject: &str| {
            let arguments = ExplainArguments {
                configuration: Configuration { config: path.clone() },
                poller: poller.to_owned(),
                subject: subject.to_owned(),
            };
            let (exit, out, err) = printed(|out, err| explain(&arguments, out, err));
            (exit, out + &err)
        };
        let (exit, told) = explained("log", r#"{"Sensor Type":"Fan","Description":"high"}"#);
        assert_eq!(exit, Exit::Success);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(
            lines,
            [
                r#"matches: {"Sensor Type":"Fan"}: critical"#,
                r#"does not match: {"Description":"/low/"}: `Description` is "high", which /low/ does not match"#,
                "the last rule that matches has the say: critical",
            ]
        );
        let (_, told) = explained("walk", r#"{".1.3.6":"4",".1.3.7":"9"}"#);
        assert!(told.contains("for which `greaterThan` does not hold"), "{told}");
        assert_eq!(explained("walk", r#"{".9":"4"}"#).1, "no rule of walk looks at this\n");
        assert_eq!(explained("none", "{}").0, Exit::Usage);
        assert_eq!(explained("log", "7").0, Exit::Usage);
    }
}
