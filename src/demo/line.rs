//! Messages of the bus as lines for people.

use serde_json::{Map, Value};

/// Longest summary on a line; a terminal that a person reads has not much more.
const LONGEST_SUMMARY: usize = 140;

/// What a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A poll went well.
    Result,
    /// A poll failed.
    Failure,
    /// Something changed.
    Alert,
    /// A node came or went.
    Event,
}

/// A message, ready to be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it tells.
    pub kind: Kind,
    /// The text, without colours; no control characters, whatever the device said.
    pub text: String,
}

impl Line {
    /// The line for a message, if people want to see it: results, failures, alerts and node events.
    pub fn of(topic: &str, body: &[u8]) -> Option<Self> {
        let levels: Vec<&str> = topic.split('/').collect();
        let (kind, what) = match *levels.as_slice() {
            [_, "task", "ipmi", "command", command, "result", _] => (Kind::Result, command),
            [_, "task", "ipmi", "command", command, "failed", _] => (Kind::Failure, command),
            [_, "task", "snmp", "command", "result", _] => (Kind::Result, "snmp"),
            [_, "task", "snmp", "command", "failed", _] => (Kind::Failure, "snmp"),
            [_, "task", "metric", metric, "result", _] => (Kind::Result, metric),
            [_, "task", "metric", metric, "failed", _] => (Kind::Failure, metric),
            [_, "events", "polleralert", ..] => (Kind::Alert, "ALERT"),
            [_, "events", "node", state, ..] => (Kind::Event, state),
            _ => return None,
        };
        let message: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = match kind {
            Kind::Result => result(what, &message["value"]),
            Kind::Failure => failure(what, &message["value"]),
            Kind::Alert => alert(&message),
            Kind::Event => {
                let node = printable(message["nodeId"].as_str().unwrap_or("?"));
                columns(&message["createdAt"], &node, what, "")
            }
        };
        Some(Self { kind, text })
    }

    /// The text in the colour of its kind: alerts stand out, failures are red.
    pub fn coloured(&self) -> String {
        match self.kind {
            Kind::Result => self.text.clone(),
            Kind::Failure => format!("\x1b[31m{}\x1b[0m", self.text),
            Kind::Alert => format!("\x1b[1;30;43m{}\x1b[0m", self.text),
            Kind::Event => format!("\x1b[36m{}\x1b[0m", self.text),
        }
    }
}

fn columns(time: &Value, device: &str, what: &str, summary: &str) -> String {
    // 2026-11-24T02:30:00.123Z
    let time = time.as_str().and_then(|time| time.get(11..19)).unwrap_or("--:--:--");
    format!("{time}  {device:<12} {:<15} {summary}", printable(what)).trim_end().to_owned()
}

fn result(what: &str, value: &Value) -> String {
    let reading = match what {
        "snmp" => oids(&value["result"]),
        "power" => on_off(&value[what]).to_owned(),
        "chassis" => chassis(&value[what]),
        "selInformation" => sel_information(&value[what]),
        "sel" => sel(&value[what]),
        "sdr" => sdr(&value[what]),
        command if value.get(command).is_some() => printable(&plain(&value[command])),
        _ if value["result"].is_null() => "nothing to compare with yet".to_owned(),
        _ => printable(&plain(&value["result"])),
    };
    columns(&value["_poll"]["finishedAt"], &device(value), what, &reading)
}

fn failure(what: &str, value: &Value) -> String {
    let error = &value["error"];
    let summary = format!(
        "FAILED, {} is to blame: {}",
        plain(&error["blame"]),
        plain(error.get("message").unwrap_or(&error["name"]))
    );
    columns(&value["_poll"]["finishedAt"], &device(value), what, &printable(&summary))
}

fn alert(event: &Value) -> String {
    let data = &event["data"];
    let change = match event["action"].as_str().unwrap_or_default() {
        "chassispower.updated" => {
            let [last, current] = ["last", "current"].map(|key| plain(&data["states"][key]));
            format!("power went from {last} to {current}")
        }
        "sdr.updated" => sensor_change(data),
        "sel.updated" => {
            let entry = &data["alert"]["reading"];
            ["Sensor Type", "Description", "Event Direction"].map(|key| plain(&entry[key])).join(", ")
        }
        "snmp.updated" => format!("{} is {}", plain(&data["oid"]), plain(&data["value"])),
        _ => plain(data),
    };
    let summary = format!("{} ({}): {change}", plain(&event["action"]), plain(&event["severity"]));
    let device = match (event["typeId"].as_str(), event["nodeId"].as_str()) {
        (Some(id), node) if id.contains('@') || node.is_none() => device_of_work_item(id),
        _ => plain(&event["nodeId"]),
    };
    columns(&event["createdAt"], &printable(&device), "ALERT", &printable(&summary))
}

fn sensor_change(data: &Value) -> String {
    let sensor = &data["reading"];
    let name = plain(&sensor["sensorId"]);
    let state = match sensor["stateAsserted"].as_str() {
        Some(state) => state.to_owned(),
        None => {
            let [reading, units, status] =
                ["sensorReading", "sensorReadingUnits", "status"].map(|key| plain(&sensor[key]));
            format!("{reading} {units}, {status}")
        }
    };
    let over = if data["inCondition"] == Value::Bool(false) { "over: " } else { "" };
    format!("{over}{name}: {state}")
}

/// Whom a result is about: the device of `<poller>@<device>`, else the node, else the address.
fn device(value: &Value) -> String {
    let name = match (value["workItemId"].as_str(), value["node"].as_str()) {
        (Some(id), _) if id.contains('@') => device_of_work_item(id),
        (_, Some(node)) => node.to_owned(),
        _ => plain(&value["host"]),
    };
    printable(&name)
}

fn device_of_work_item(id: &str) -> String {
    id.split_once('@').map_or(id, |(_, device)| device).to_owned()
}

fn on_off(value: &Value) -> &'static str {
    match value.as_bool() {
        Some(true) => "on",
        Some(false) => "off",
        None => "?",
    }
}

fn chassis(value: &Value) -> String {
    let mut text = format!("power {}, identify light {}", on_off(&value["power"]), plain(&value["uid"]));
    let flags = value.as_object().into_iter().flatten();
    for (flag, _) in flags.filter(|(flag, set)| *flag != "power" && **set == Value::Bool(true)) {
        text.push_str(", ");
        text.push_str(flag);
    }
    printable(&text)
}

fn sel_information(value: &Value) -> String {
    printable(&format!("{} entries, {} used", plain(&value["Entries"]), plain(&value["Percent Used"])))
}

fn sel(value: &Value) -> String {
    let Some(entries) = value.as_array() else { return "?".into() };
    let Some(last) = entries.last() else { return "no entries".into() };
    let last = ["sensorType", "sensorNumber", "event", "value"].map(|key| plain(&last[key])).join(" ");
    printable(&format!("{} entries, the last: {last}", entries.len()))
}

fn sdr(value: &Value) -> String {
    let Some(sensors) = value.as_array() else { return "?".into() };
    let reading = |sensor: &Value| {
        let name = plain(&sensor["sensorId"]);
        let name = name.split(" (").next().unwrap_or_default().to_owned();
        let words = [name, plain(&sensor["sensorReading"]), plain(&sensor["sensorReadingUnits"])];
        words.join(" ").trim_end().to_owned()
    };
    let numeric = |sensor: &&Value| plain(&sensor["sensorReading"]).parse::<f64>().is_ok();
    // `ns` and its like are sensors without a reading, not in trouble (contract.md, section 5).
    let troubled = |sensor: &&Value| {
        let quiet =
            ["", "ok", "Not Available", "ns", "No Reading", "na", "Disabled", "disabled", "Not Readable"];
        sensor["sdrType"] == "Threshold" && !quiet.contains(&plain(&sensor["status"]).as_str())
    };
    let mut text = format!("{} sensors", sensors.len());
    for sensor in sensors.iter().filter(troubled).take(3) {
        text.push_str(&format!(", {} is {}", reading(sensor), plain(&sensor["status"])));
    }
    if let Some(sample) = sensors.iter().find(|sensor| numeric(sensor) && !troubled(sensor)) {
        text.push_str(&format!(", {}", reading(sample)));
    }
    printable(&text)
}

fn oids(result: &Value) -> String {
    let walks = result.as_array().map(Vec::as_slice).unwrap_or_default();
    let values = || walks.iter().filter_map(|walk| walk["values"].as_object()).flatten();
    let mut text = format!("{} values of {} oids", values().count(), walks.len());
    if let Some((oid, value)) = values().find(|(_, value)| plain(value).chars().any(char::is_alphabetic)) {
        text.push_str(&format!(", {oid} = {}", plain(value)));
    }
    for error in walks.iter().filter_map(|walk| walk.get("error")) {
        text.push_str(&format!(", {}", plain(&error["message"])));
    }
    printable(&text)
}

/// A string without its quotes; objects as `key value` pairs, for they are for people here.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "?".into(),
        Value::String(text) => text.clone(),
        Value::Object(map) => pairs(map),
        Value::Number(number) if number.is_f64() => format!("{:.2}", number.as_f64().unwrap_or_default()),
        other => other.to_string(),
    }
}

fn pairs(map: &Map<String, Value>) -> String {
    map.iter().map(|(key, value)| format!("{key} {}", plain(value))).collect::<Vec<_>>().join(", ")
}

/// One line, of bounded length, without anything that moves a terminal's cursor.
fn printable(text: &str) -> String {
    let mut short: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_SUMMARY).collect();
    if text.chars().nth(LONGEST_SUMMARY).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(topic: &str, body: Value) -> Line {
        Line::of(topic, body.to_string().as_bytes()).unwrap()
    }

    fn poll() -> Value {
        json!({ "finishedAt": "2026-11-24T02:30:07.123Z" })
    }

    #[test]
    fn results() {
        let power = json!({ "value": {
            "host": "127.1.0.1", "workItemId": "power@bmc-1", "power": true, "_poll": poll() } });
        assert_eq!(
            line("on/task/ipmi/command/power/result/g", power),
            Line { kind: Kind::Result, text: "02:30:07  bmc-1        power           on".into() }
        );
        let sdr = json!({ "value": { "node": "n7", "workItemId": "x", "_poll": poll(), "sdr": [
            { "sensorId": "SEL (0x10)", "sdrType": "Discrete", "sensorReading": "0h", "sensorReadingUnits": "", "status": "" },
            { "sensorId": "Fan 2 (0x31)", "sdrType": "Threshold", "sensorReading": "480", "sensorReadingUnits": "RPM", "status": "Lower Critical" },
            { "sensorId": "CPU (0x32)", "sdrType": "Threshold", "sensorReading": "41", "sensorReadingUnits": "degrees C", "status": "ok" },
        ] } });
        assert_eq!(
            line("on/task/ipmi/command/sdr/result/g", sdr).text,
            "02:30:07  n7           sdr             3 sensors, Fan 2 480 RPM is Lower Critical, CPU 41 degrees C"
        );
        let snmp = json!({ "value": { "workItemId": "system@switch-1", "_poll": poll(), "result": [
            { "source": ".1.3.6.1.2.1.1", "values": { ".1.3.6.1.2.1.1.3.0": "0:0:00:01.00", ".1.3.6.1.2.1.1.5.0": "sw-a" } },
            { "source": ".1.3.9", "values": {}, "error": { "name": "TimeoutError", "message": "no answer" } } ] } });
        assert_eq!(
            line("on/task/snmp/command/result/g", snmp).text,
            "02:30:07  switch-1     snmp            2 values of 2 oids, .1.3.6.1.2.1.1.5.0 = sw-a, no answer"
        );
        let chassis = json!({ "value": { "host": "10.0.0.1", "chassis": { "uid": "On", "power": false, "intrusion": true, "powerFault": false } } });
        assert_eq!(
            line("on/task/ipmi/command/chassis/result/g", chassis).text,
            "--:--:--  10.0.0.1     chassis         power off, identify light On, intrusion"
        );
    }

    #[test]
    fn failures_say_who_is_to_blame() {
        let body = json!({ "value": { "workItemId": "power@bmc-8", "_poll": poll(),
            "error": { "name": "TimeoutError", "message": "no answer from 127.1.0.8:623", "blame": "network", "retry": true } } });
        assert_eq!(
            line("on/task/ipmi/command/power/failed/g", body),
            Line {
                kind: Kind::Failure,
                text: "02:30:07  bmc-8        power           FAILED, network is to blame: no answer from 127.1.0.8:623".into()
            }
        );
    }

    #[test]
    fn alerts() {
        let body = json!({ "type": "polleralert", "action": "chassispower.updated", "typeId": "power@bmc-2",
            "nodeId": "bmc-2", "severity": "information", "data": { "states": { "last": "ON", "current": "OFF" } },
            "createdAt": "2026-11-24T02:30:08.000Z" });
        let line = line("on/events/polleralert/chassispower/updated/information/power@bmc-2/bmc-2", body);
        assert_eq!(line.kind, Kind::Alert);
        assert_eq!(
            line.text,
            "02:30:08  bmc-2        ALERT           chassispower.updated (information): power went from ON to OFF"
        );
    }

    #[test]
    fn what_people_do_not_want_to_see() {
        for topic in
            ["on/task/poller/alert/g", "on/events/heartbeat/updated/information/h/s", "on/status/a", "x", ""]
        {
            assert_eq!(Line::of(topic, b"{}"), None, "{topic}");
        }
    }

    #[test]
    fn nothing_a_device_says_moves_the_cursor_or_fills_the_screen() {
        let name = format!("\x1b[2J{}\r\nsecond line", "x".repeat(5_000));
        let body = json!({ "value": { "host": name, "workItemId": name, "sel": [{ "event": name }], "error": { "message": name } } });
        for topic in ["on/task/ipmi/command/sel/result/g", "on/task/ipmi/command/sel/failed/g"] {
            let text = line(topic, body.clone()).text;
            assert!(
                !text.chars().any(char::is_control) && text.chars().count() < 2 * LONGEST_SUMMARY + 60,
                "{text}"
            );
        }
        for body in [&b"\xff"[..], b"", b"[]", b"{\"value\":7}"] {
            for topic in [
                "on/task/ipmi/command/sdr/result/g",
                "on/task/snmp/command/failed/g",
                "on/events/polleralert/x",
            ] {
                assert!(Line::of(topic, body).is_some());
            }
        }
    }
}
