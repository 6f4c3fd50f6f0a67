use rackpoll_model::{SystemEvent, event};

use super::manufacturer;

/// The sensor type's name as `ipmitool` prints it.
pub(super) fn sensor_type(event: &SystemEvent, _manufacturer: Option<u32>) -> &'static str {
    event.sensor_type.name().unwrap_or("Unknown")
}

/// The event's text as `ipmitool` prints it, empty where it knows none. Blanks at its end stay: RackHD's parsers keep
/// them, and rules match the whole text.
pub(super) fn description(event: &SystemEvent, manufacturer: Option<u32>) -> String {
    let data2 = event.specified_data2();
    let text = event::event_text(event.event_type, event.sensor_type, event.offset(), data2);
    match (text, manufacturer::detail(event, manufacturer)) {
        (None, _) => String::new(),
        (Some(text), None) => text.to_owned(),
        (Some(text), Some(detail)) => format!("{text} ({detail})"),
    }
}
