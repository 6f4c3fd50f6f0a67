use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};

/// RFC 3339 in UTC with milliseconds: `2026-11-23T20:49:39.758Z`.
pub(super) fn rfc3339(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The same of milliseconds since 1970.
pub fn rfc3339_millis(millis: i64) -> String {
    rfc3339(SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
}

/// JavaScript's `Date()` text in UTC: `Mon Nov 23 2026 20:49:29 GMT+0000 (Coordinated Universal Time)`.
pub(super) fn javascript(time: SystemTime) -> String {
    DateTime::<Utc>::from(time)
        .format("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)")
        .to_string()
}

/// MM/DD/YYYY of a BMC's seconds since 1970, in UTC.
pub(super) fn bmc_date(seconds: u32) -> String {
    bmc(seconds).format("%m/%d/%Y").to_string()
}

/// HH:MM:SS of a BMC's seconds since 1970, in UTC.
pub(super) fn bmc_time(seconds: u32) -> String {
    bmc(seconds).format("%H:%M:%S").to_string()
}

/// Seconds since the BMC's start, as `ipmitool` writes them: `S+ HH:MM:SS`, and from a day on `S+ YY/DDD HH:MM:SS`, with
/// year and day counted from 1970.
pub(super) fn since_start(seconds: u32) -> String {
    let days = if seconds < 86_400 { "" } else { "%y/%j " };
    bmc(seconds).format(&format!("S+ {days}%H:%M:%S")).to_string()
}

fn bmc(seconds: u32) -> DateTime<Utc> {
    DateTime::<Utc>::from(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_466_969_758);
        assert_eq!(rfc3339(time), "2026-11-23T20:49:29.758Z");
        assert_eq!(javascript(time), "Mon Nov 23 2026 20:49:29 GMT+0000 (Coordinated Universal Time)");
    }

    #[test]
    fn a_bmc_counts_seconds() {
        assert_eq!((bmc_date(0x6900_0000), bmc_time(0x6900_0000)), ("10/27/2025".into(), "23:28:00".into()));
        assert_eq!(since_start(100), "S+ 00:01:40");
        assert_eq!(since_start(90_000), "S+ 70/002 01:00:00");
        assert_eq!(since_start(40_000_000), "S+ 71/098 23:06:40");
        assert_eq!(bmc_date(u32::MAX), "02/07/2106");
    }
}
