use std::{collections::HashMap, ffi::OsString, fs, os::unix::fs::PermissionsExt, time::Duration};

use rackpoll_model::{
    AuthProtocol, IpmiCommand, PollRequest, PrivProtocol, Secret, SnmpCredential, SnmpRequest, SnmpSecurity,
};
use serde_json::json;

use super::*;
use crate::job::{Access, Credential, Topic};

fn parse_with(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigFaults> {
    let variables: HashMap<&str, OsString> =
        variables.iter().map(|(name, value)| (*name, OsString::from(value))).collect();
    let surroundings = Surroundings {
        variable: &|name| variables.get(name).cloned(),
        host_name: "r1_mgmt.example.org".to_owned(),
    };
    Config::parse(text, "t.toml".as_ref(), &surroundings)
}

fn parse(text: &str) -> Result<Config, ConfigFaults> {
    parse_with(text, &[])
}

/// What is wrong with a text, one line each.
fn faults(text: &str) -> Vec<String> {
    parse(text).unwrap_err().to_string().lines().map(str::to_owned).collect()
}

const FLEET: &str = r#"
[[credential]]
name = "bmc"
user = "monitor"
password = "sesame"
[[credential]]
name = "net"
community = "sesame"
[[device]]
name = "r1-u01"
host = "10.1.1.1"
credential = "bmc"
node = "5858c7f7f6f0ce7d08a7298b"
tags = ["rack1"]
[[device]]
name = "r1-u02"
host = "10.1.1.2:6230"
credential = "bmc"
[[device]]
name = "sw1"
host = "sw1.example.org"
credential = "net"
tags = ["rack1"]
"#;

fn fleet(more: &str) -> Config {
    parse(&format!("{FLEET}{more}")).unwrap()
}

#[test]
fn nothing_at_all_is_a_configuration() {
    let config = parse("").unwrap();
    assert_eq!(config.agent.name.as_str(), "r1_mgmt");
    assert_eq!(config.agent.zone.as_str(), "default");
    assert_eq!(config.agent.state_dir, Path::new("/var/lib/rackpoll"));
    assert_eq!(config.agent.cache_entries, 10);
    assert_eq!(config.agent.timeout, Duration::from_secs(30));
    assert!(config.agent.serves.is_none() && config.agent.serves_graphs.is_none());
    assert!(matches!(config.bus.broker, Broker::Embedded { port: 1883 }));
    assert_eq!(config.bus.prefix.as_str(), "on");
    assert!(config.polls.is_empty() && config.warnings.is_empty() && config.encryption.is_none());
    let config = parse_with("", &[("STATE_DIRECTORY", "/var/lib/private/rackpoll:/other")]).unwrap();
    assert_eq!(config.agent.state_dir, Path::new("/var/lib/private/rackpoll"));
}

#[test]
fn all_faults_come_at_once_with_line_and_hint() {
    let text = r#"
[agent]
nam = "x"
timeout = 30
cache-entries = 0
serves = ["10.0.0.0/33"]

[bus]
url = "ampq://host"

[[credential]]
name = "bmc"
user = "a-name-that-is-too-long"
password = "x"

[[device]]
name = "r1.u01"
host = "10.0.0.300"
credential = "bcm"

[[device]]
name = "d"
host = "10.0.0.1"
credential = "bmc"

[[poller]]
id = "p"
devices = ["e"]
ipmi = "sdrr"
evry = "60s"

[[poler]]
"#;
    assert_eq!(
        faults(text),
        [
            "t.toml:3: unknown key `nam` in [agent]; did you mean `name`?",
            "t.toml:4: `timeout` needs a unit; did you mean \"30s\"?",
            "t.toml:5: `cache-entries` has to be 1 to 1000, not 0",
            "t.toml:6: `serves` holds networks, not \"10.0.0.0/33\"; write \"10.1.0.0/16\" or \"fd00::/8\"",
            "t.toml:9: `url` has the unknown protocol \"ampq\"; write \"amqp://user@host/vhost\", amqps, mqtt, mqtts, or \"embedded\"",
            "t.toml:13: `user` has more than the 16 bytes that IPMI 2.0 allows",
            "t.toml:17: `name` has to be 1 to 64 of A-Z a-z 0-9 _ -, not \"r1.u01\"",
            "t.toml:18: the host is no IPv4 or IPv6 address, name, host:port or [v6]:port",
            "t.toml:19: there is no credential `bcm`; did you mean `bmc`?",
            "t.toml:26: [[poller]] needs `every` or `cron`; write every = \"60s\"",
            "t.toml:28: there is no device `e`",
            "t.toml:29: there is no IPMI command \"sdrr\"; did you mean `sdr`?",
            "t.toml:30: unknown key `evry` in [[poller]]; did you mean `every`?",
            "t.toml:32: unknown key `poler` in the configuration; did you mean `poller`?",
        ]
    );
}

#[test]
fn broken_toml_is_told_with_its_lines_and_the_rest_too() {
    let faults = faults("[agent]\nname = \nzone = \"z z\"\ncache-entries = 99999999999999999999\n");
    assert!(faults.iter().any(|fault| fault.starts_with("t.toml:2: not TOML: ")), "{faults:?}");
    assert!(faults.iter().any(|fault| fault.starts_with("t.toml:3: `zone`")), "{faults:?}");
    assert!(faults.iter().any(|fault| fault.starts_with("t.toml:4: this number is too large")), "{faults:?}");
}

#[test]
fn wrong_kinds_are_told() {
    for (text, expected) in [
        ("agent = 7", "`agent` has to be a table"),
        ("[[agent]]", "there is one `agent` only; did you mean `[agent]`?"),
        ("[device]\nname = \"d\"", "`device` is a list of tables; did you mean `[[device]]`?"),
        ("device = [7]", "`device` holds tables, not a whole number"),
        ("[agent]\nname = 7", "`name` has to be a text, not a whole number"),
        ("[agent]\nserves = 7", "`serves` has to be a list of texts"),
        ("[agent]\nserves = [7]", "here is a whole number"),
        ("[agent]\ngraph-id = \"x\"", "`graph-id` has to be a UUID"),
        ("[agent]\ntimeout = \"1ms\"", "`timeout` has to be 100ms to 1h, not 1ms"),
        ("[agent]\ntimeout = \"30\"", "did you mean \"30s\"?"),
        ("[encryption]\nkey = \"AAAA\"", "`key` has to be base64 of 32 bytes"),
        ("[encryption]\nallow-default-key = 1", "`allow-default-key` has to be true or false"),
        ("[[credential]]\nname = \"c\"", "needs `user` and `password`, `community`, or `v3-user`"),
        ("[[credential]]\nname = \"c\"\nuser = \"u\"", "has a `user` and no `password`"),
        (
            "[[credential]]\nname = \"c\"\ncommunity = \"c\"\nv3-user = \"u\"",
            "has `community` or `v3-user`, not both",
        ),
        ("[[credential]]\nname = \"c\"\nsnmp-version = \"1\"", "`snmp-version` goes with `community`"),
        (
            "[[credential]]\nname = \"c\"\ncommunity = \"c\"\nsnmp-version = \"3\"",
            "`snmp-version` is \"1\" or \"2c\"",
        ),
        ("[[credential]]\nname = \"c\"\nv3-context = \"x\"", "`v3-context` needs `v3-user`"),
        (
            "[[credential]]\nname = \"c\"\nv3-user = \"u\"\nv3-auth-proto = \"SHA\"",
            "`v3-auth-proto` needs `v3-auth-password`",
        ),
        (
            "[[credential]]\nname = \"c\"\nv3-user = \"u\"\nv3-auth-password = \"12345678\"",
            "`v3-auth-password` needs `v3-auth-proto`",
        ),
        (
            "[[credential]]\nname = \"c\"\nv3-user = \"u\"\nv3-auth-proto = \"SHA3\"\nv3-auth-password = \"12345678\"",
            "`v3-auth-proto` \"SHA3\": there is no such authentication protocol",
        ),
        (
            "[[credential]]\nname = \"c\"\nv3-user = \"u\"\nv3-auth-proto = \"SHA\"\nv3-auth-password = \"1234567\"",
            "at least 8 bytes",
        ),
        (
            "[[credential]]\nname = \"c\"\nv3-user = \"u\"\nv3-priv-proto = \"AES\"\nv3-priv-password = \"12345678\"",
            "no privacy without authentication",
        ),
        ("[[credential]]\nuser = \"u\"\npassword = \"p\"", "[[credential]] needs `name`"),
        ("[[device]]\nname = \"d\"", "[[device]] needs `host`"),
        ("[[device]]\nname = \"d\"\nhost = \"00:11:22:33:44:55\"", "MAC address"),
        ("[[device]]\nname = \"d\"\nhost = \"h\"\ntags = [\"a b\"]", "a tag has to be"),
    ] {
        let faults = faults(text);
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{text}: {faults:?}");
    }
}

#[test]
fn names_are_given_once() {
    let twice = faults(&format!("{FLEET}[[device]]\nname = \"sw1\"\nhost = \"x\"\n"));
    assert_eq!(twice.len(), 1, "{twice:?}");
    assert!(twice[0].contains("there is a device `sw1` already, at t.toml:"), "{twice:?}");
}

#[test]
fn work_item_ids_follow_how_devices_are_named() {
    let ids = |devices: &str| -> Vec<String> {
        let config = fleet(&format!(
            "[[poller]]\nid = \"p\"\ndevices = {devices}\nipmi = \"power\"\nevery = \"60s\"\n"
        ));
        config.polls.iter().map(|poll| poll.work_item_id.clone()).collect()
    };
    assert_eq!(ids("\"r1-u01\""), ["p"]);
    assert_eq!(ids("[\"r1-u01\"]"), ["p"]);
    assert_eq!(ids("[\"r1-u01\", \"r1-u02\"]"), ["p@r1-u01", "p@r1-u02"]);
    assert_eq!(ids("\"r1-*\""), ["p@r1-u01", "p@r1-u02"]);
    assert_eq!(ids("\"r1-u0[1]\""), ["p@r1-u01"], "a pattern that finds one device may find two tomorrow");
    assert_eq!(ids("[\"r1-u02\", \"r1-u0?\"]"), ["p@r1-u01", "p@r1-u02"]);
    assert_eq!(ids("\"none-*\""), Vec::<String>::new());
}

#[test]
fn a_scheduled_poll_carries_what_rackhd_would_have_sent() {
    let config = fleet(
        r#"
[encryption]
key = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
[[poller]]
id = "power"
devices = "r1-u01"
ipmi = "power"
every = "60s"
timeout = "5s"
alerts = [{ "Event Data" = "/x/", action = "warning", password = "sesame" }]
[[poller]]
id = "if"
devices = ["sw1"]
snmp = { oids = [".1.3.6.1.2.1.2.2", "1.3.6.1.2.1.1"] }
every = "1m30s"
[[poller]]
id = "load"
devices = ["sw1"]
snmp = { metric = "snmp-processor-load" }
cron = "0 */5 * * * *"
paused = true
"#,
    );
    let [power, interfaces, load] = config.polls.as_slice() else { panic!("three polls") };
    assert_eq!(power.request, PollRequest::Ipmi(IpmiCommand::Power));
    assert_eq!(power.topic, Topic::Ipmi("power".into()));
    assert_eq!((power.target.name.as_str(), power.target.port), ("10.1.1.1", 623));
    assert_eq!(
        power.credential,
        Credential::Ipmi {
            user: "monitor".into(),
            password: Secret::from("sesame"),
            access: Access::default()
        }
    );
    assert_eq!(power.timeout, Duration::from_secs(5));
    let value = json!({
        "host": "10.1.1.1", "user": "monitor", "node": "5858c7f7f6f0ce7d08a7298b", "workItemId": "power",
    });
    assert_eq!(power.watch.rules.len(), 1);
    assert_eq!(serde_json::Value::Object(power.value.clone()), value);

    let oids = [".1.3.6.1.2.1.2.2".to_owned(), "1.3.6.1.2.1.1".to_owned()];
    assert_eq!(interfaces.request, PollRequest::Snmp(SnmpRequest::Oids(oids.to_vec())));
    assert_eq!((interfaces.topic.clone(), interfaces.target.port), (Topic::Snmp, 161));
    let keys: Vec<&str> = interfaces.value.keys().map(String::as_str).collect();
    assert_eq!(keys, ["host", "community", "workItemId", "pollInterval", "config"]);
    assert_eq!(interfaces.value["pollInterval"], json!(90_000));
    assert_eq!(interfaces.value["config"], json!({ "oids": oids }));
    let hidden = interfaces.value["community"].as_str().unwrap();
    assert_eq!(config.encryption.unwrap().decrypt(hidden), Some(Secret::from("sesame")));

    assert_eq!(load.topic, Topic::Metric("snmp-processor-load".into()));
    assert!(load.paused && !power.paused);
    assert!(!load.value.contains_key("pollInterval"));
    let job = power.job("graph", std::time::UNIX_EPOCH, 3);
    assert_eq!((job.subject.work_item_id.as_deref(), job.subject.skipped), (Some("power"), 3));
}

#[test]
fn pollers_are_checked_to_the_bottom() {
    let wrong = |lines: &str| {
        let text = format!("{FLEET}[[poller]]\nid = \"p\"\n{lines}\n");
        faults(&text).join("\n")
    };
    let ipmi = "devices = \"r1-u01\"\nipmi = \"sdr\"\n";
    let snmp = "devices = \"sw1\"\nevery = \"1m\"\n";
    for (lines, expected) in [
        (
            "devices = \"sw1\"\nipmi = \"sdr\"\nevery = \"1m\"".to_owned(),
            "needs `user` and `password` of the credential `net`",
        ),
        (
            "devices = \"r1-u01\"\nsnmp = { oids = [\"1\"] }\nevery = \"1m\"".to_owned(),
            "needs `community` or `v3-user` of the credential `bmc`",
        ),
        (format!("{ipmi}every = \"1m\"\ncron = \"* * * * *\""), "`every` or `cron`, not both"),
        (format!("{ipmi}every = \"1m\"\nsnmp = {{}}"), "`ipmi` or `snmp`, not both"),
        (format!("{ipmi}every = \"1m\"\ntimezone = \"UTC\""), "`timezone` belongs to `cron`"),
        (format!("{ipmi}every = \"1m\"\nspread = \"2m\""), "`spread` is longer than `every`"),
        (format!("{ipmi}every = \"10ms\""), "`every` has to be 100ms to 366d, not 10ms"),
        (format!("{ipmi}cron = \"* * * *\""), "a cron expression has 5 fields"),
        (format!("{ipmi}cron = \"0 0 30 2 *\""), "this time never comes"),
        (format!("{ipmi}cron = \"0 0 * * *\"\ntimezone = \"Europe/Berln\""), "did you mean `Europe/Berlin`?"),
        (format!("{ipmi}cron = \"0 0 * * *\"\nspread = true"), "write spread = \"30s\""),
        (format!("{ipmi}every = \"1m\"\nalerts = \"x\""), "`alerts` is a list of tables"),
        (format!("{ipmi}every = \"1m\"\npaused = 1"), "`paused` has to be true or false"),
        (format!("{snmp}snmp = \"x\""), "`snmp` has to be a table"),
        (format!("{snmp}snmp = {{}}"), "`snmp` needs one of `oids`, `get`, `bulk`, `table` and `metric`"),
        (format!("{snmp}snmp = {{ oids = [] }}"), "`oids` holds 1 to 256 oids, not 0"),
        (format!("{snmp}snmp = {{ oids = [\"sysDescription\"] }}"), "there is no object sysDescription"),
        (
            format!("{snmp}snmp = {{ oids = [\"NO-SUCH-MIB::x\"] }}"),
            "NO-SUCH-MIB is neither built in nor loaded",
        ),
        (format!("{snmp}snmp = {{ metric = \"snmp-ups\", names = true }}"), "`names` is for `oids`"),
        (format!("{snmp}snmp = {{ oids = [\"1..3\"] }}"), "an oid is 1 to 128 numbers"),
        (
            format!("{snmp}snmp = {{ metric = \"snmp-lldp-neighbours\" }}"),
            "did you mean `snmp-lldp-neighbors`?",
        ),
        (format!("{snmp}snmp = {{ metric = \"snmp-cpu\" }}"), "there is no metric"),
        (format!("{snmp}snmp = {{ metric = \"snmp-switch-sensor-status\" }}"), "needs `sensor-oids`"),
        (
            format!("{snmp}snmp = {{ metric = \"snmp-switch-sensor-status\", sensor-oids = [] }}"),
            "`sensor-oids` holds 1 to 256 oids, not 0",
        ),
        (
            format!("{snmp}snmp = {{ metric = \"snmp-ups\", sensor-oids = [\"1.3\"] }}"),
            "`sensor-oids` are for `snmp-switch-sensor-status`",
        ),
        (
            format!("{snmp}snmp = {{ oids = [\"1.3\"], sensor-oids = [\"1.3\"] }}"),
            "`sensor-oids` goes with `metric`",
        ),
        (format!("{snmp}snmp = {{ oid = [\"1.3\"] }}"), "did you mean `oids`?"),
        ("ipmi = \"sdr\"\nevery = \"1m\"".to_owned(), "[[poller]] needs `devices`"),
        ("devices = []\nipmi = \"sdr\"\nevery = \"1m\"".to_owned(), "`devices` is an empty list"),
        ("devices = \"r1 u01\"\nipmi = \"sdr\"\nevery = \"1m\"".to_owned(), "write a name, a pattern"),
    ] {
        let told = wrong(&lines);
        assert!(told.contains(expected), "{lines}:\n{told}");
    }
}

#[test]
fn brokers_are_read_from_urls() {
    let broker = |lines: &str| parse_with(&format!("[bus]\n{lines}"), &[("P", "sesame")]).unwrap().bus.broker;
    let Broker::Amqp { server, vhost } =
        broker("url = \"amqp://u%40x@h1:99,h2/a%2Fb\"\npassword = { env = \"P\" }")
    else {
        panic!("AMQP")
    };
    assert_eq!(server.hosts, [("h1".to_owned(), 99), ("h2".to_owned(), 5672)]);
    assert_eq!(server.login, Some(("u@x".to_owned(), Secret::from("sesame"))));
    assert_eq!((vhost.as_str(), server.tls), ("a/b", None));
    let Broker::Amqp { server, vhost } = broker("url = [\"amqps://h1\", \"amqps://[fd00::1]\"]") else {
        panic!("AMQP")
    };
    assert_eq!(server.hosts, [("h1".to_owned(), 5671), ("fd00::1".to_owned(), 5671)]);
    assert_eq!(server.login, Some(("guest".to_owned(), Secret::from("guest"))));
    assert_eq!(vhost, "/");
    assert_eq!(server.tls, Some(Tls { ca_file: None, identity: None }));
    let Broker::Mqtt { server } = broker("url = \"mqtts://h\"") else { panic!("MQTT") };
    assert_eq!((server.hosts, server.login), (vec![("h".to_owned(), 8883)], None));
    assert!(matches!(broker("embedded-port = 2883"), Broker::Embedded { port: 2883 }));
    assert!(matches!(broker("url = \"embedded\""), Broker::Embedded { port: 1883 }));
}

#[test]
fn bus_settings_that_contradict_each_other_are_faults() {
    for (lines, expected) in [
        ("url = \"http://h\"", "unknown protocol"),
        ("url = \"h\"", "is no URL"),
        ("url = \"amqp://\"", "is wrong: the host is empty"),
        ("url = \"amqp://h:0\"", "port has to be 1 to 65535"),
        ("url = \"amqp://h?x=1\"", "no parameters"),
        ("url = \"amqp://h/%zz\"", "virtual host that cannot be read"),
        ("url = \"mqtt://h/x\"", "MQTT does not know"),
        ("url = \"amqp://u@h\"", "there is no `password`"),
        ("url = \"amqp://h\"\npassword = \"x\"", "a password and no user"),
        ("url = \"amqp://u:a@h\"\npassword = \"x\"", "`password` is given too"),
        ("url = [\"amqp://h\", \"mqtt://h\"]", "have to agree"),
        ("url = []", "`url` is an empty list"),
        ("password = \"x\"", "means nothing for the embedded broker"),
        ("url = \"amqps://h\"\nca-file = \"/nonexistent/ca.pem\"", "cannot be read"),
        ("url = \"amqp://h\"\nca-file = \"/dev/null\"", "did you mean amqps://?"),
        ("url = \"amqps://h\"\ncertificate-file = \"/dev/null\"", "needs `key-file`"),
        ("embedded-port = 70000", "1 to 65535"),
        ("prefix = \"a.b\"", "`prefix` has to be"),
    ] {
        let told = faults(&format!("[bus]\n{lines}")).join("\n");
        assert!(told.contains(expected), "{lines}:\n{told}");
    }
}

#[test]
fn the_default_key_has_to_be_allowed_by_name() {
    let key = "[encryption]\nkey = \"qxfO2D3tIJsZACu7UA6Fbw0avowo8r79ALzn+WeuC8M=\"\n";
    assert!(faults(key).join("\n").contains("hides nothing"));
    assert!(parse(&format!("{key}allow-default-key = true")).unwrap().encryption.unwrap().is_default());
}

#[test]
fn secrets_come_from_where_they_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8], mode: u32| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    file("private", b"from file\r\n", 0o600);
    file("open", b"from open file", 0o644);
    file("empty", b"\n", 0o600);
    file("large", &[b'x'; 5_000], 0o600);
    let credentials = folder.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::write(credentials.join("bmc"), "from systemd\n").unwrap();
    fs::set_permissions(credentials.join("bmc"), fs::Permissions::from_mode(0o400)).unwrap();

    let read = |source: &str| {
        let directory = credentials.clone().into_os_string();
        let surroundings = Surroundings {
            variable: &|name| match name {
                "CREDENTIALS_DIRECTORY" => Some(directory.clone()),
                "SET" => Some("from environment".into()),
                "EMPTY" => Some(OsString::new()),
                _ => None,
            },
            host_name: "h".to_owned(),
        };
        let text = format!("[[credential]]\nname = \"c\"\ncommunity = {source}\n");
        let at = folder.path().join("rackpoll.toml");
        match Config::parse(&text, &at, &surroundings) {
            Ok(config) => {
                let Some(Credential::Snmp(SnmpCredential::V2c(secret))) =
                    config.credentials[&Name::new("c").unwrap()].snmp.clone()
                else {
                    panic!("a community")
                };
                Ok((secret.expose_str().unwrap().to_owned(), config.warnings.len()))
            }
            Err(faults) => Err(faults.to_string()),
        }
    };
    let good = |text: &str, warnings: usize| Ok((text.to_owned(), warnings));
    assert_eq!(read("{ env = \"SET\" }"), good("from environment", 0));
    assert_eq!(read("{ file = \"private\" }"), good("from file", 0));
    assert_eq!(read("{ file = \"open\" }"), good("from open file", 1));
    assert_eq!(read("{ credential = \"bmc\" }"), good("from systemd", 0));
    assert_eq!(read("\"literal\""), good("literal", 1));
    for (source, expected) in [
        ("{ env = \"UNSET\" }", "environment variable UNSET, which is not set"),
        ("{ env = \"EMPTY\" }", "`community` is empty"),
        ("{ env = \"A=B\" }", "names no environment variable"),
        ("{ file = \"none\" }", "cannot be read: No such file"),
        ("{ file = \"empty\" }", "`community` is empty"),
        ("{ file = \"large\" }", "more than 4096 bytes"),
        ("{ file = \".\" }", "is a directory"),
        ("{ credential = \"none\" }", "cannot be read: No such file"),
        ("{ credential = \"../open\" }", "names no systemd credential"),
        ("{}", "names no source"),
        ("{ env = \"SET\", file = \"private\" }", "more than one source"),
        ("{ evn = \"SET\" }", "did you mean `env`?"),
        ("7", "`community` has to be a secret"),
    ] {
        let told = read(source).unwrap_err();
        assert!(told.contains(expected), "{source}: {told}");
    }
}

#[test]
fn without_systemd_its_credentials_are_told_apart() {
    let told = faults("[[credential]]\nname = \"c\"\ncommunity = { credential = \"x\" }").join("\n");
    assert!(told.contains("CREDENTIALS_DIRECTORY is not set"), "{told}");
}

#[test]
fn no_secret_is_printed() {
    let secret = "s3cr3t-Zq9";
    let texts = [
        format!(
            "[[credential]]\nname = \"c\"\nuser = \"u\"\npassword = \"{secret}\"\n[[device]]\nname = \"d\"\nhost = \"h\"\ncredential = \"c\"\n[[poller]]\nid = \"p\"\ndevices = \"d\"\nipmi = \"power\"\nevery = \"1m\"\n"
        ),
        format!("[[credential]]\nname = \"c\"\nuser = \"u\"\npassword = \"{secret}-and-more-than-that\"\n"),
        format!("[[credential]]\nname = \"c\"\npassword = \"{secret}\"\n"),
        format!("[[credential]]\nname = \"c\"\ncommunity = [\"{secret}\"]\n"),
        format!("[bus]\nurl = \"amqp://u:{secret}@h\"\n"),
        format!("[bus]\nurl = \"amqp://u:{secret}@h:x\"\n"),
        format!("[bus]\nurl = \"u:{secret}@h\"\n"),
        format!("[bus]\nurl = \"u:{secret}@h://\"\n"),
        format!("[bus]\npassword = \"{secret}\"\n"),
        format!("[encryption]\nkey = \"{secret}\"\n"),
        format!("[[device]]\nname = \"d\"\nhost = \"u:{secret}@h\"\n"),
    ];
    let (mut good, mut bad) = (0, 0);
    for text in texts {
        let told = match parse(&text) {
            Ok(config) => {
                good += 1;
                format!("{config:?}")
            }
            Err(faults) => {
                bad += 1;
                format!("{faults} {faults:?}")
            }
        };
        assert!(!told.contains(secret), "{text}\n{told}");
    }
    assert_eq!((good, bad), (2, 9));
}

#[test]
fn drop_ins_stand_in_and_add() {
    let folder = tempfile::tempdir().unwrap();
    let main = folder.path().join("rackpoll.toml");
    fs::write(&main, "[agent]\nname = \"a\"\nzone = \"z\"\n[[device]]\nname = \"d1\"\nhost = \"h1\"\n")
        .unwrap();
    fs::create_dir(folder.path().join("conf.d")).unwrap();
    let drop_in = |name: &str, text: &str| fs::write(folder.path().join("conf.d").join(name), text).unwrap();
    drop_in("10-a.toml", "[agent]\nname = \"b\"\n[[device]]\nname = \"d2\"\nhost = \"h2\"\n");
    drop_in("20-b.toml", "[agent]\nname = \"c\"\n");
    drop_in("README", "not toml");
    drop_in(".hidden.toml", "not toml");
    let config = Config::load(&main).unwrap();
    assert_eq!((config.agent.name.as_str(), config.agent.zone.as_str()), ("c", "z"));
    let devices: Vec<&str> = config.devices.keys().map(Name::as_str).collect();
    assert_eq!(devices, ["d1", "d2"]);

    drop_in("30-c.toml", "\n[[device]]\nname = \"d1\"\nhost = \"h3\"\n[agent]\nzon = \"x\"\n");
    let told = Config::load(&main).unwrap_err().to_string();
    let file = folder.path().join("conf.d/30-c.toml");
    assert!(
        told.contains(&format!(
            "{}:3: there is a device `d1` already, at {}:5",
            file.display(),
            main.display()
        )),
        "{told}"
    );
    assert!(told.contains(&format!("{}:6: unknown key `zon`", file.display())), "{told}");
}

#[test]
fn files_that_cannot_be_read_are_faults() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rackpoll.toml");
    assert!(Config::load(&path).unwrap_err().to_string().contains("cannot be read: No such file"));
    fs::write(&path, [b'#', 0xff]).unwrap();
    assert!(Config::load(&path).unwrap_err().to_string().contains("is not UTF-8 (byte 1)"));
}

const SHIPPED: &str = include_str!("../../config/rackpoll.toml");

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn shipped_configurations_load() {
    let config = Config::load(&repository("config/rackpoll.toml")).unwrap();
    assert!(config.warnings.is_empty() && config.polls.is_empty());
    let surroundings = Surroundings {
        variable: &|name| match name {
            "RACKPOLL_SHARED_KEY" => Some("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=".into()),
            "RACKPOLL_BUS_PASSWORD" | "RACKPOLL_BMC_PASSWORD" | "RACKPOLL_COMMUNITY" => Some("x".into()),
            _ => None,
        },
        host_name: "h".to_owned(),
    };
    let config =
        Config::load_in(&repository("config/examples/rabbitmq/rackpoll.toml"), &surroundings).unwrap();
    assert_eq!(config.warnings, []);
    assert_eq!((config.devices.len(), config.polls.len()), (4, 10));
}

/// Every key that the shipped file explains is a key, and every default that it shows is one that is accepted.
#[test]
fn what_the_shipped_file_shows_is_right() {
    let shown: String = SHIPPED
        .lines()
        .map(|line| {
            line.strip_prefix('#')
                .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '['))
                .unwrap_or(line)
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let told: Vec<String> =
        faults(&shown).into_iter().filter(|fault| !fault.contains("CREDENTIALS_DIRECTORY")).collect();
    let only = |word: &str| told.iter().filter(|fault| fault.contains(word)).count();
    // Files that are not there, and settings of TLS and login beside the embedded broker.
    assert_eq!(
        told.len(),
        only("cannot be read") + only("means nothing for the embedded broker"),
        "{told:#?}"
    );
    for key in ["outbox-messages", "certificate-file", "allow-default-key", "networks", "timezone", "paused"]
    {
        assert!(shown.lines().any(|line| line.starts_with(key)), "{key} is not shown");
    }
}

#[test]
fn rules_come_from_tags_devices_and_pollers_in_this_order() {
    let config = parse(
        r#"
[[credential]]
name = "c"
user = "u"
password = "p"
community = "q"
[[tag]]
name = "rack1"
alerts = { sel = [{ "Sensor Type" = "Fan" }], snmp = [{ ".1.3" = "x" }, { ".1.4" = { min = 1 } }] }
[[tag]]
name = "unused"
[[device]]
name = "d"
host = "h"
credential = "c"
tags = ["nowhere", "rack1"]
node-type = "compute"
alerts = { sel = [{}, {}, {}] }
[calm]
for = 3
repeat = "1h"
flap = { changes = 2, within = "10m" }
[[maintenance]]
devices = ["tag:rack1"]
from = 2026-12-01T22:00:00Z
until = "2026-12-02T02:00:00+01:00"
[[maintenance]]
devices = ["d"]
cron = "0 2 * * sun"
lasts = "2h"
[[poller]]
id = "log"
devices = "d"
ipmi = "selEntries"
every = "1m"
alerts = [{ Description = "/x/" }, { Description = "y" }, { Description = "z" }, { "Event Data" = "q" }]
[[poller]]
id = "walk"
devices = "d"
snmp = { oids = [".1"] }
every = "1m"
calm = { for = "30s", repeat = false, flap = false, tell-cleared-values = true }
"#,
    )
    .unwrap();
    let [log, walk] = config.polls.as_slice() else { panic!("two polls") };
    let counts = |poll: &ScheduledPoll| poll.watch.rules.iter().map(|rules| rules.len()).collect::<Vec<_>>();
    assert_eq!((counts(log), counts(walk)), (vec![1, 3, 4], vec![2]));
    assert_eq!(log.watch.node_type.as_deref(), Some("compute"));
    assert_eq!(log.watch.maintenance.len(), 2);
    let begins = 1_796_162_400_000; // 2026-12-01T22:00:00Z
    let covered = [begins - 1, begins, begins + 3 * 3_600_000].map(|now| log.watch.is_quiet(now));
    assert_eq!(covered, [false, true, false], "until is 01:00 UTC");
    use crate::outcome::rules::{Flap, Lasting, Repeat};
    let calm = &log.watch.calm;
    assert_eq!(calm.lasts, Lasting::Polls(3));
    assert_eq!(calm.repeat, Repeat::AtMostEvery(Duration::from_secs(3_600)));
    assert_eq!(calm.flap, Some(Flap { changes: 2, within: Duration::from_secs(600) }));
    let calm = &walk.watch.calm;
    assert_eq!(calm.lasts, Lasting::Time(Duration::from_secs(30)));
    assert_eq!((calm.repeat, calm.flap, calm.tell_value_cleared), (Repeat::Never, None, true));
}

#[test]
fn wrong_rules_are_told_with_file_line_and_reason() {
    let rules = |lines: &str| {
        let text = format!(
            "{FLEET}[[poller]]\nid = \"p\"\ndevices = \"r1-u01\"\nipmi = \"sdr\"\nevery = \"1m\"\n{lines}\n"
        );
        let line = |fault: String| {
            let (place, what) = fault.split_once(": ").unwrap();
            (
                place.strip_prefix("t.toml:").unwrap().parse::<usize>().unwrap() - FLEET.lines().count(),
                what.to_owned(),
            )
        };
        faults(&text).into_iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        rules(
            "alerts = [\n  { status = \"x\" },\n  { status = \"/(/\", action = \"bad\" },\n  { value = { mni = 1 } },\n]"
        ),
        [
            (8, "`alerts[1].action`: has to be one of information, warning, critical or ignore".to_owned()),
            (9, "`alerts[2].value.mni`: there is no such validation rule; did you mean `min`?".to_owned()),
        ]
    );
    for (lines, expected) in [
        ("alerts = [7]", "`alerts` is a list of tables; write alerts = [{ .. }]"),
        ("[[tag]]\nname = \"t\"\nalerts = { sel = 7 }", "`alerts.sel` is a list of tables"),
        (
            "[[tag]]\nname = \"t\"\nalerts = { snmp = [{ \"1\" = 7 }] }",
            "`alerts.snmp[0][\"1\"]`: needs a text",
        ),
        ("[[tag]]\nname = \"t\"\nalerts = { sell = [] }", "did you mean `sel`?"),
        ("[[tag]]\nname = \"t\"\n[[tag]]\nname = \"t\"", "there is a tag `t` already"),
        ("calm = { for = 0 }", "`for` has to be 1 to 10000 polls, not 0"),
        ("calm = { fro = 1 }", "did you mean `for`?"),
        ("calm = { repeat = 7 }", "`repeat` has to be true, false or a length of time"),
        ("calm = { flap = { changes = 3 } }", "`flap` needs `within`"),
        ("calm = { flap = true }", "write flap = { changes = 3, within = \"10m\" }"),
        ("[[maintenance]]\ndevices = \"r1-*\"", "has `from` and `until`, or `cron` and `lasts`"),
        ("[[maintenance]]\ndevices = \"r1-*\"\ncron = \"* * * * *\"", "needs `lasts`"),
        (
            "[[maintenance]]\ndevices = \"r1-*\"\nfrom = 2026-12-01\nuntil = 7",
            "a date with time and zone, not 2026-12-01",
        ),
        (
            "[[maintenance]]\ndevices = \"r1-*\"\nfrom = 2026-12-02T00:00:00Z\nuntil = 2026-12-01T00:00:00Z",
            "ends before it begins",
        ),
        ("[[maintenance]]\ncron = \"* * * * *\"\nlasts = \"1h\"", "[[maintenance]] needs `devices`"),
    ] {
        let told = rules(lines);
        assert!(told.iter().any(|(_, what)| what.contains(expected)), "{lines}: {told:?}");
    }
}

#[test]
fn segments_are_tags_and_networks_of_nodes() {
    let nodes = FLEET.replace(
        "host = \"10.1.1.2:6230\"",
        "host = \"10.1.1.2:6230\"\nnode = \"n2\"\ntags = [\"rack1\", \"row\"]",
    );
    let config =
        parse(&format!("{nodes}[reachability]\nsegments = [\"tags\", \"/24\"]\nhold = \"5s\"")).unwrap();
    let segments = &config.segments;
    let names: Vec<(&str, usize)> =
        segments.nodes.iter().map(|(name, nodes)| (&**name, nodes.len())).collect();
    assert_eq!(names, [("10-1-1-0_24", 2), ("rack1", 2), ("row", 1)]);
    assert_eq!((segments.hold, segments.share, segments.least), (Duration::from_secs(5), 60, 3));
    assert!(segments.has("n2") && !segments.has("sw1"));
    assert!(config_without_segments().segments.nodes.is_empty());
    for (lines, expected) in [
        ("segments = [\"rack1\"]", "`segments` holds tags and sizes of networks, not \"rack1\""),
        ("segments = [\"/4\"]", "write \"tag:rack1\""),
        ("share = 101", "`share` has to be 1 to 100"),
        ("hold = \"0s\"", "`hold` has to be 1s to 1h"),
    ] {
        let told = faults(&format!("{FLEET}[reachability]\n{lines}\n")).join("\n");
        assert!(told.contains(expected), "{lines}: {told}");
    }
}

fn config_without_segments() -> Config {
    fleet("")
}

#[test]
fn rules_that_do_nothing_are_warned_of() {
    let config = fleet(
        "[[poller]]\nid = \"p\"\ndevices = \"r1-u01\"\nipmi = \"sdr\"\nevery = \"1m\"\nalerts = [{ Status = \"x\" }]\n",
    );
    let told: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert!(
        told.iter().any(|told| told.contains("no sensor has a key `Status`; did you mean `status`?")),
        "{told:?}"
    );
}

const LOGIN: &str = "[[credential]]\nname = \"bmc\"\nuser = \"u\"\npassword = { env = \"P\" }\n";

fn access(more: &str) -> (Access, Vec<String>) {
    let text = format!("{LOGIN}{more}");
    let config = parse_with(&text, &[("P", "sesame"), ("K", "0x0102030405060708090a0b0c0d0e0f1011121314")]);
    let config = config.unwrap();
    let warnings = config.warnings.iter().map(ToString::to_string).collect();
    match config.credentials.into_values().next().unwrap().ipmi {
        Some(Credential::Ipmi { access, .. }) => (access, warnings),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_credential_logs_in_the_usual_way_unless_it_says_otherwise() {
    assert_eq!(access(""), (Access::default(), Vec::new()));
    let (access, warnings) = access(
        "kg = { env = \"K\" }\ncipher-suites = [17, 2]\nipmi-1-5 = [\"md5\"]\nworkarounds = [\"authcap\", \"idzero\"]\n",
    );
    assert_eq!(access.k_g, Some(Secret::new((1..=20).collect::<Vec<u8>>())));
    assert_eq!(access.cipher_suites.iter().map(|suite| suite.id()).collect::<Vec<_>>(), [17, 2]);
    assert_eq!(access.ipmi_15.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(), ["md5"]);
    assert_eq!(access.workarounds.iter().map(|one| one.as_str()).collect::<Vec<_>>(), ["authcap", "idzero"]);
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains(":6") && warnings[0].contains("suite 2 does not encrypt"), "{warnings:?}");
    assert!(warnings[1].contains("does not encrypt"), "{warnings:?}");
}

#[test]
fn wrong_ways_to_log_in_are_named() {
    for (more, said) in [
        ("cipher-suites = [17, 4]", "list of numbers: 0, 1, 2, 3, 15, 16, 17"),
        ("cipher-suites = 17", "write cipher-suites = [17, 3]"),
        ("cipher-suites = []", "allows none at all"),
        ("ipmi-1-5 = [\"md2\"]", "knows no \"md2\""),
        ("workarounds = [\"authcapp\"]", "authcap"),
        ("kg = \"0x00\"", "not 20 bytes in hex"),
        ("kg = \"a key of more than twenty bytes\"", "1 to 20 bytes"),
    ] {
        let faults = parse_with(&format!("{LOGIN}{more}\n"), &[("P", "sesame")]).unwrap_err().to_string();
        assert!(faults.contains(said) && faults.contains(":5"), "{more}: {faults}");
    }
    let long = parse_with(&format!("{LOGIN}ipmi-1-5 = [\"md5\"]\n"), &[("P", "seventeen bytes !")]);
    assert!(long.unwrap_err().to_string().contains("16 bytes that IPMI 1.5 allows"));
    let community = "[[credential]]\nname = \"n\"\ncommunity = \"c\"\ncipher-suites = [17]\n";
    assert!(parse(community).unwrap_err().to_string().contains("has no `user`"));
}

#[test]
fn users_of_snmpv3_have_the_level_of_their_keys() {
    let user = |more: &str| {
        let text = format!("[[credential]]\nname = \"c\"\nv3-user = \"ops\"\n{more}");
        let config = parse(&text).unwrap();
        match config.credentials[&Name::new("c").unwrap()].snmp.clone() {
            Some(Credential::Snmp(SnmpCredential::V3(user))) => user,
            other => panic!("{other:?}"),
        }
    };
    let (auth, privacy) = (Secret::from("auth-password"), Secret::from("priv-password"));
    assert_eq!(user("").security, SnmpSecurity::None);
    let authenticated = "v3-auth-proto = \"SHA-256\"\nv3-auth-password = \"auth-password\"\n";
    assert_eq!(user(authenticated).security, SnmpSecurity::Auth(AuthProtocol::Sha256, auth.clone()));
    let both = format!(
        "{authenticated}v3-priv-proto = \"aes-256\"\nv3-priv-password = \"priv-password\"\nv3-context = \"vlan-7\"\n"
    );
    let user = user(&both);
    let expected = SnmpSecurity::AuthPriv((AuthProtocol::Sha256, auth), (PrivProtocol::Aes256, privacy));
    assert_eq!((user.name.as_str(), user.context.as_str(), user.security), ("ops", "vlan-7", expected));
}

#[test]
fn snmp_polls_ask_in_one_of_their_kinds() {
    let poller =
        |snmp: &str| format!("[[poller]]\nid = \"p\"\ndevices = [\"sw1\"]\nsnmp = {snmp}\nevery = \"60s\"\n");
    let oid = || vec!["1.3.6.1.2.1.1".to_owned()];
    for (snmp, request, config) in [
        ("{ oids = [\"1.3.6.1.2.1.1\"] }", SnmpRequest::Oids(oid()), json!({ "oids": oid() })),
        ("{ get = \"1.3.6.1.2.1.1\" }", SnmpRequest::Get(oid()), json!({ "get": oid() })),
        (
            "{ bulk = [\"1.3.6.1.2.1.1\"] }",
            SnmpRequest::Bulk(oid(), 10),
            json!({ "bulk": oid(), "rows": 10 }),
        ),
        (
            "{ bulk = [\"1.3.6.1.2.1.1\"], rows = 3 }",
            SnmpRequest::Bulk(oid(), 3),
            json!({ "bulk": oid(), "rows": 3 }),
        ),
        (
            "{ table = \"1.3.6.1.2.1.1\", columns = [2, 8] }",
            SnmpRequest::Table(oid().remove(0), vec![2, 8]),
            json!({ "table": "1.3.6.1.2.1.1", "columns": [2, 8] }),
        ),
    ] {
        let config_read = fleet(&poller(snmp));
        let poll = &config_read.polls[0];
        assert_eq!(poll.request, PollRequest::Snmp(request), "{snmp}");
        assert_eq!(poll.value["config"], config, "{snmp}");
        assert_eq!(poll.topic, Topic::Snmp);
    }
    for (snmp, expected) in [
        ("{ get = [\"1.3\"], bulk = [\"1.3\"] }", "`snmp` has `get` or `bulk`, not both"),
        ("{}", "`snmp` needs one of `oids`, `get`, `bulk`, `table` and `metric`"),
        ("{ get = [\"1.3\"], rows = 3 }", "`rows` goes with `bulk`, not with `get`"),
        ("{ bulk = [\"1.3\"], rows = 0 }", "`rows` has to be 1 to 10000, not 0"),
        ("{ table = \"1.3\" }", "`table` needs `columns`"),
        ("{ table = \"1.3\", columns = [] }", "`columns` holds 1 to 128 numbers"),
        ("{ table = \"1.3\", columns = [0] }", "and 0 is none"),
        ("{ table = \"1.3\", columns = [\"2\"] }", "and here is a text"),
        ("{ table = \"1.3..1\", columns = [2] }", "\"1.3..1\" is wrong"),
        ("{ oids = [\"5.1\"] }", "an oid begins with 0, 1 or 2"),
    ] {
        let faults = faults(&format!("{FLEET}{}", poller(snmp)));
        assert!(faults.len() == 1 && faults[0].contains(expected), "{snmp}: {faults:?}");
    }
}

#[test]
fn oids_are_asked_by_name_and_answered_so_where_it_is_said() {
    let with = |snmp: &str, section: &str| {
        let text = format!(
            "{section}{FLEET}[[poller]]\nid = \"p\"\ndevices = \"sw1\"\nevery = \"1m\"\nsnmp = {snmp}\n"
        );
        parse(&text)
    };
    let named = with("{ oids = [\"IF-MIB::ifOperStatus\", \"sysDescr.0\"], names = true }", "").unwrap();
    assert!(named.polls[0].names.is_some());
    assert_eq!(named.polls[0].value["config"]["oids"], json!(["IF-MIB::ifOperStatus", "sysDescr.0"]));
    let numeric = with("{ oids = [\"sysDescr.0\"] }", "").unwrap();
    assert!(numeric.polls[0].names.is_none());
    let sensors =
        "{ metric = \"snmp-switch-sensor-status\", sensor-oids = [\"entPhySensorValue.1\", \"1.3\"] }";
    let sensors = with(sensors, "").unwrap();
    let expected = json!([".1.3.6.1.2.1.99.1.1.1.4.1", "1.3"]);
    assert_eq!(sensors.polls[0].value["config"]["sensorOids"], expected);

    let usual = "[snmp]\nsensor-oids = [\".1.3.6.1.4.1.9.9.13\", \"entPhySensorValue\"]\n";
    let usual_oids = json!([".1.3.6.1.4.1.9.9.13", ".1.3.6.1.2.1.99.1.1.1.4"]);
    for (snmp, expected) in [
        ("{ metric = \"snmp-switch-sensor-status\" }", &usual_oids),
        ("{ metric = \"snmp-switch-sensor-status\", sensor-oids = \"1.3\" }", &json!(["1.3"])),
    ] {
        let config = with(snmp, usual).unwrap();
        assert_eq!(config.polls[0].value["config"]["sensorOids"], *expected, "{snmp}");
    }

    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pollers/snmp/tests/mibs");
    let section = format!(
        "[snmp]\nmib-dirs = [{:?}]\nmib-modules = [\"RACK-FAN-MIB\", \"RACK-BROKEN-MIB\"]\n",
        folder.display().to_string()
    );
    let loaded = with("{ oids = [\"RACK-FAN-MIB::fanState\"] }", &section).unwrap();
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.iter().any(|told| told.contains("RACK-BROKEN-MIB.mib:21:")), "{warnings:#?}");
    for (section, expected) in [
        ("[snmp]\nmib-dirs = [\"/x\"]\n", "`mib-dirs` needs `mib-modules`"),
        ("[snmp]\nmib-modules = [\"X-MIB\"]\n", "`mib-modules` needs `mib-dirs`"),
        ("[snmp]\nmib-dirs = [\"/x\"]\nmib-modules = [\"x\"]\n", "holds names of modules"),
        ("[snmp]\nmibs = 1\n", "unknown"),
        ("[snmp]\nsensor-oids = []\n", "t.toml:2: `sensor-oids` holds 1 to 256 oids, not 0"),
        ("[snmp]\nsensor-oids = 7\n", "t.toml:2: `sensor-oids` has to be a list of texts"),
        ("[snmp]\nsensor-oids = [\"1.3\",\n\"fanSpeed\"]\n", "t.toml:3: \"fanSpeed\" is wrong"),
        ("", "write sensor-oids = [\"..\"] here, or in [snmp] for all"),
    ] {
        let told = with("{ metric = \"snmp-switch-sensor-status\" }", section).unwrap_err();
        // A fault in [snmp] breeds none in the pollers, where it is about what they would take.
        let told = told.to_string();
        assert!(!section.contains("sensor-oids") || told.lines().count() == 1, "{section}: {told}");
        assert!(told.contains(expected), "{section}: {told}");
    }
}

#[test]
fn traps_are_listened_for_where_that_is_said() {
    assert!(fleet("").traps.is_none());
    assert!(fleet("[traps]\nmax-per-second = 9").traps.is_none());
    let traps =
        fleet("[traps]\nlisten = [\"0.0.0.0\", \"[::1]:1162\"]\nrelays = \"10.9.0.1\"").traps.unwrap();
    assert_eq!(traps.listen, ["0.0.0.0:162".parse().unwrap(), "[::1]:1162".parse().unwrap()]);
    assert_eq!((traps.per_second, traps.per_device), (200, 10));
    assert_eq!(traps.relays, ["10.9.0.1/32".parse().unwrap()]);
    assert_eq!(traps.credentials.len(), 2);
    let named = fleet("[traps]\nlisten = \"127.0.0.1\"\ncredentials = [\"net\"]").traps.unwrap();
    assert_eq!(named.credentials.keys().map(Name::as_str).collect::<Vec<_>>(), ["net"]);
}

#[test]
fn traps_that_cannot_be_are_refused_with_their_place() {
    let user = |name: &str, password: &str| {
        format!(
            "[[credential]]\nname = \"{name}\"\nv3-user = \"monitor\"\nv3-auth-proto = \"SHA\"\nv3-auth-password = \"{password}\"\n"
        )
    };
    let listen = "[traps]\nlisten = \"127.0.0.1:1162\"\n";
    let (one, other) = (user("one", "sesame, sesame"), user("other", "open, sesame"));
    assert_eq!(
        parse(&format!("{listen}{one}{}", user("same", "sesame, sesame")))
            .unwrap()
            .traps
            .unwrap()
            .users
            .len(),
        1
    );
    assert_eq!(
        faults(&format!("{listen}{one}{other}")),
        [
            "t.toml:1: the credentials `one` and `other` have the same `v3-user` with other passwords or protocols, and a trap \
             tells only the user's name; name in `credentials` of [traps] those that traps come with, and not both, or rename the \
             user of `other`"
        ]
    );
    assert!(parse(&format!("{one}{other}")).is_ok(), "nobody listens");
    assert_eq!(
        parse(&format!("{listen}credentials = \"one\"\n{one}{other}")).unwrap().traps.unwrap().users.len(),
        1
    );
    for (text, fault) in [
        (
            "listen = \"somewhere\"",
            "t.toml:2: `listen` holds addresses with ports, not \"somewhere\"; write \"0.0.0.0:162\"",
        ),
        (
            "listen = [\"0.0.0.0\", \"::\"]",
            "t.toml:2: `listen` holds 0.0.0.0:162 and [::]:162, and [::] hears IPv4, too; write \"[::]:162\" alone",
        ),
        ("listen = [\"::1\", \"[::1]:162\"]", "t.toml:2: `listen` holds [::1]:162 twice"),
        (
            "listen = \"::1\"\ncredentials = \"nte\"",
            "t.toml:3: there is no credential \"nte\"; did you mean `net`?",
        ),
        ("max-per-second = 0", "t.toml:2: `max-per-second` has to be 1 to 10000, not 0"),
        ("relays = \"me\"", "t.toml:2: `relays` holds networks, not \"me\""),
        ("port = 162", "t.toml:2: unknown key `port` in [traps]"),
    ] {
        let told = faults(&format!("[traps]\n{text}\n{FLEET}"));
        assert!(told.len() == 1 && told[0].starts_with(fault), "{told:?}");
    }
    let poller = "[[poller]]\nid = \"p\"\ndevices = \"r1-u01\"\nipmi = \"sel\"\nevery = \"1h\"\n";
    let told = faults(&format!("{FLEET}{poller}traps = [\"1.3.6\", \"linkDwn\"]"));
    assert!(told.len() == 1 && told[0].contains("\"linkDwn\" is wrong"), "{told:?}");
    let traps = fleet(&format!("{poller}traps = \"IF-MIB::linkDown\"")).polls[0].traps.clone().unwrap();
    assert_eq!(traps[0].to_string(), ".1.3.6.1.6.3.1.1.5.3");
}
