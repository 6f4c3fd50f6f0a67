use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};

/// RFC 3339 in UTC with milliseconds: `2026-11-23T20:49:39.758Z`.
pub(super) fn rfc3339(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// JavaScript's `Date()` text in UTC: `Mon Nov 23 2026 20:49:29 GMT+0000 (Coordinated Universal Time)`.
pub(super) fn javascript(time: SystemTime) -> String {
    DateTime::<Utc>::from(time)
        .format("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)")
        .to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn both_forms() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_466_969_758);
        assert_eq!(rfc3339(time), "2026-11-23T20:49:29.758Z");
        assert_eq!(javascript(time), "Mon Nov 23 2026 20:49:29 GMT+0000 (Coordinated Universal Time)");
    }
}
