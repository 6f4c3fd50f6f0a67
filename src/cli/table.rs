//! JSON as a table for people: lists of objects become columns, objects become lines of label and value.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Columns of a list of readings that say what a person asks for first; other lists show all their keys.
const FIRST: [&str; 6] =
    ["sensorId", "sensorType", "sensorReading", "sensorReadingUnits", "status", "statesAsserted"];

/// Renders a result's `value`.
pub(super) fn render(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(object) => render_object(object, &mut out),
        other => line(&text(other), &mut out),
    }
    out
}

fn render_object(object: &Map<String, Value>, out: &mut String) {
    let plain: Vec<_> = object.iter().filter(|(_, value)| !is_list_of_objects(value)).collect();
    let width = plain.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
    for (key, value) in plain {
        match value {
            Value::Object(inner) => {
                line(&format!("{key}:"), out);
                let width = inner.keys().map(|key| key.chars().count()).max().unwrap_or(0);
                for (key, value) in inner {
                    line(&format!("  {key:width$}  {}", text(value)), out);
                }
            }
            _ => line(&format!("{key:width$}  {}", text(value)), out),
        }
    }
    for (key, value) in object.iter().filter(|(_, value)| is_list_of_objects(value)) {
        let Value::Array(rows) = value else { continue };
        line(&format!("\n{key} ({})", rows.len()), out);
        render_rows(rows, out);
    }
}

fn render_rows(rows: &[Value], out: &mut String) {
    if rows.iter().any(|row| row.get("values").is_some()) {
        return render_walks(rows, out);
    }
    let mut columns: Vec<&str> = Vec::new();
    for row in rows.iter().filter_map(Value::as_object) {
        for key in row.keys().map(String::as_str).filter(|key| !columns.contains(key)).collect::<Vec<_>>() {
            columns.push(key);
        }
    }
    if columns.contains(&"sensorReading") {
        columns.retain(|column| FIRST.contains(column));
    }
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| columns.iter().map(|column| row.get(column).map(text).unwrap_or_default()).collect())
        .collect();
    let headings: Vec<String> = columns.iter().map(|column| heading(column).to_owned()).collect();
    let widths: Vec<usize> = headings
        .iter()
        .enumerate()
        .map(|(place, heading)| {
            let widest = cells.iter().filter_map(|row| row.get(place)).map(|cell| cell.chars().count()).max();
            widest.unwrap_or(0).max(heading.chars().count())
        })
        .collect();
    let write_row = |cells: &[String], out: &mut String| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
        line(padded.join("  ").trim_end(), out);
    };
    write_row(&headings, out);
    for row in &cells {
        write_row(row, out);
    }
}

/// Thresholds under the short names that the other columns of sensors use for them, so that a line holds all six.
fn heading(column: &str) -> &str {
    match column {
        "lowerNonRecoverable" => "lnr",
        "lowerCritical" => "lcr",
        "lowerNonCritical" => "lnc",
        "upperNonCritical" => "unc",
        "upperCritical" => "ucr",
        "upperNonRecoverable" => "unr",
        "positiveHysteresis" => "hyst+",
        "negativeHysteresis" => "hyst-",
        other => other,
    }
}

/// SNMP: one line a value, as `snmpwalk` prints it.
fn render_walks(rows: &[Value], out: &mut String) {
    for row in rows {
        for (oid, value) in row.get("values").and_then(Value::as_object).into_iter().flatten() {
            line(&format!("{oid}  {}", text(value)), out);
        }
        if let Some(error) = row.get("error") {
            let source = row.get("source").map(text).unwrap_or_default();
            let message = error.get("message").map(text).unwrap_or_default();
            line(&format!("{source}  failed: {message}"), out);
        }
    }
}

fn is_list_of_objects(value: &Value) -> bool {
    matches!(value, Value::Array(rows) if rows.first().is_some_and(Value::is_object))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

fn line(text: &str, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_become_columns() {
        let value = json!({"host": "h", "sel": [
            {"logId": "1", "event": "Correctable ECC"}, {"logId": "2a", "event": "x"}]});
        assert_eq!(render(&value), "host  h\n\nsel (2)\nlogId  event\n1      Correctable ECC\n2a     x\n");
    }

    #[test]
    fn sensors_show_what_people_ask_for_first() {
        let value = json!({"sdr": [{"sensorId": "T (0x1)", "entityId": "7.1", "sensorReading": "41"}]});
        assert_eq!(render(&value), "\nsdr (1)\nsensorId  sensorReading\nT (0x1)   41\n");
    }

    #[test]
    fn drives_and_thresholds_show_all() {
        let drives = json!({"driveHealth": [{"name": "Drive 0", "status": "Drive Present"}]});
        assert_eq!(render(&drives), "\ndriveHealth (1)\nname     status\nDrive 0  Drive Present\n");
        let thresholds = json!({"thresholds": [{
            "sensorId": "T (0x1)", "lowerCritical": 5.0, "upperCritical": null, "positiveHysteresis": 2, "unit": "degrees C"}]});
        assert_eq!(
            render(&thresholds),
            "\nthresholds (1)\nsensorId  lcr  ucr  hyst+  unit\nT (0x1)   5.0  -    2      degrees C\n"
        );
    }

    #[test]
    fn devices_cannot_write_control_characters_to_the_terminal() {
        assert!(!render(&json!({"a": "\u{1b}[31mred"})).contains('\u{1b}'));
    }
}
