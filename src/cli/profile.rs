//! `rackpoll profile`: what the agent has learned about its BMCs.

use std::{io::Write as _, path::PathBuf, sync::Arc};

use clap::{Args, Subcommand};
use rackpoll_io::{SdrProfile, SensorMemory};
use serde_json::{Map, Value, json};

use super::{
    DEFAULT_CONFIG, Exit, answer,
    poll::{Output, show, target},
};
use crate::{
    config::{Config, IPMI_PORT},
    device::learned,
    outcome::profile::Kept,
    publish::contract::rfc3339_millis,
    state::{self, StateError},
};

/// What to do with the profiles.
#[derive(Debug, Subcommand)]
pub(super) enum ProfileCommand {
    /// Show what was learned about one BMC: cipher suite, sensors, privileges, habits, round-trip time
    Show {
        /// The BMC's address or name, with :PORT where it is not 623
        #[arg(value_name = "HOST[:PORT]")]
        host: String,
        #[command(flatten)]
        place: Place,
    },
    /// List every BMC that something was learned about
    List {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Args)]
pub(super) struct Place {
    /// Configuration file, for the state folder that it names
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    /// The agent's state folder, in place of a configuration
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// A table for people, or JSON
    #[arg(long, default_value = "table")]
    output: Output,
}

pub(super) fn run(command: ProfileCommand) -> Exit {
    let done = match command {
        ProfileCommand::Show { host, place } => show_one(&host, &place),
        ProfileCommand::List { place } => list(&place),
    };
    done.unwrap_or_else(|(message, exit)| fail(&message, exit))
}

type Failed = (String, Exit);

fn show_one(host: &str, place: &Place) -> Result<Exit, Failed> {
    let target = target(host, IPMI_PORT).map_err(|fault| (fault.message, Exit::Usage))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| (format!("no runtime: {error}"), Exit::System))?;
    let peer = runtime
        .block_on(crate::dispatch::resolve(&target))
        .map_err(|fault| (fault.message.clone(), Exit::from(&fault)))?
        .to_string();
    match kept(place)?.into_iter().find(|kept| kept.peer == peer) {
        Some(kept) => Ok(show(&whole(&kept), place.output)),
        None => Err((format!("nothing is known about {peer}; has it been polled yet?"), Exit::Unreachable)),
    }
}

fn list(place: &Place) -> Result<Exit, Failed> {
    let rows: Vec<Value> = kept(place)?.iter().map(|kept| Value::Object(row(kept))).collect();
    Ok(show(&json!({ "profiles": rows }), place.output))
}

fn kept(place: &Place) -> Result<Vec<Kept>, Failed> {
    let folder = match &place.state_dir {
        Some(folder) => folder.clone(),
        None => match Config::load(&place.config) {
            Ok(config) => config.agent.state_dir,
            Err(faults) => return Err((faults.to_string(), Exit::Config)),
        },
    };
    state::kept_profiles(&folder).map_err(|error: StateError| (error.to_string(), Exit::System))
}

/// One line of the list.
fn row(kept: &Kept) -> Map<String, Value> {
    let learned = learned::to_json(&learned::from_json(&kept.session));
    let mut row = Map::new();
    row.insert("host".to_owned(), kept.peer.as_str().into());
    for key in ["cipherSuite", "ipmi15", "roundTripMs"] {
        row.insert(key.to_owned(), learned.get(key).cloned().unwrap_or("".into()));
    }
    let habits = ["highestPrivilege", "noSetPrivilege", "hidesCipherSuites"];
    let habits: Vec<_> = habits.into_iter().filter(|key| learned.contains_key(*key)).collect();
    row.insert("habits".to_owned(), habits.join(", ").into());
    row.insert("changed".to_owned(), rfc3339_millis(kept.changed).into());
    row
}

/// All of it.
fn whole(kept: &Kept) -> Value {
    let mut object = Map::new();
    object.insert("host".to_owned(), kept.peer.as_str().into());
    object.insert("changed".to_owned(), rfc3339_millis(kept.changed).into());
    object.extend(learned::to_json(&learned::from_json(&kept.session)));
    let sensors = kept.sensors.as_deref().and_then(|bytes| SdrProfile::from_bytes(bytes).ok());
    if let Some(profile) = sensors {
        object.insert("sensors".to_owned(), sensors_of(profile));
    }
    Value::Object(object)
}

fn sensors_of(profile: SdrProfile) -> Value {
    let key = *profile.key();
    let mut memory = SensorMemory::new(Arc::default());
    memory.restore(profile);
    let absent: Vec<String> = memory.absent().map(|sensor| sensor.name.to_string()).collect();
    let count = memory.repository().map_or(0, |repository| repository.sensors().len());
    let bytes = memory.repository().map_or(0, |repository| repository.raw().len());
    let largest = match memory.read_size() {
        u8::MAX => json!("whole records"),
        size => json!(size),
    };
    json!({
        "sensors": count,
        "repositoryBytes": bytes,
        "manufacturer": key.manufacturer,
        "product": key.product,
        "firmware": format!("{}.{:02x}", key.firmware.0, key.firmware.1),
        "largestSdrRead": largest,
        "absentOrSlow": absent,
    })
}

fn fail(message: &str, exit: Exit) -> Exit {
    // The exit code tells it, too.
    let _ = writeln!(answer::err(), "rackpoll: {message}");
    exit
}
