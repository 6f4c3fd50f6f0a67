//! Cron expressions as crontab(5) reads them, optionally with seconds first.
//!
//! The crate `cron` counts weekdays from 1 = Sunday, joins day of month and day of week by *and*, and runs a time that a
//! change of clocks skips or doubles not at all or twice. Crontabs have meant something else for forty years.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

/// A set of moments on the wall clock. Masks have bit n set where the value n is in the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    seconds: u64,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Day of month and day of week are both restricted: either is enough.
    either_day: bool,
    /// Minute or hour begins with `*`: the times follow elapsed time through changes of clocks. Others are meant once a day.
    follows_elapsed_time: bool,
}

/// Why an expression cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronFault {
    /// Neither five nor six.
    #[error(
        "a cron expression has 5 fields (minute hour day month weekday), or 6 with seconds first; here are {0}"
    )]
    Fields(usize),
    /// `@daily` and the like.
    #[error("write the five fields; short forms with @ are not read")]
    ShortForm,
    /// A field that cannot be read.
    #[error("{field} {text:?} is wrong: {why}")]
    Field {
        /// Which one.
        field: &'static str,
        /// The item as written, shortened.
        text: String,
        /// What would be right.
        why: String,
    },
    /// `0 0 30 2 *`.
    #[error("this time never comes")]
    Never,
}

struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    names: &'static [&'static str],
}

const SECOND: Field = Field { name: "second", low: 0, high: 59, names: &[] };
const MINUTE: Field = Field { name: "minute", low: 0, high: 59, names: &[] };
const HOUR: Field = Field { name: "hour", low: 0, high: 23, names: &[] };
const DAY: Field = Field { name: "day of month", low: 1, high: 31, names: &[] };
const MONTH: Field = Field {
    name: "month",
    low: 1,
    high: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAY: Field =
    Field { name: "day of week", low: 0, high: 7, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

/// A day of month, month and weekday that come together at all do so within 40 years (29 February over 2100).
const DAYS_AHEAD: u32 = 366 * 41;

impl Cron {
    /// Reads five fields, or six with seconds first.
    ///
    /// # Errors
    /// Which field is wrong and why; or that the time never comes.
    pub fn parse(text: &str) -> Result<Self, CronFault> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        if text.trim_start().starts_with('@') {
            return Err(CronFault::ShortForm);
        }
        let (second, [minute, hour, day, month, weekday]) = match *fields.as_slice() {
            [a, b, c, d, e] => ("0", [a, b, c, d, e]),
            [second, a, b, c, d, e] => (second, [a, b, c, d, e]),
            _ => return Err(CronFault::Fields(fields.len())),
        };
        let weekdays = WEEKDAY.read(weekday)?;
        let cron = Self {
            seconds: SECOND.read(second)?,
            minutes: MINUTE.read(minute)?,
            hours: HOUR.read(hour)?,
            days: DAY.read(day)?,
            months: MONTH.read(month)?,
            // 7 is Sunday too.
            weekdays: (weekdays | (weekdays >> 7)) & 0x7f,
            either_day: !day.starts_with('*') && !weekday.starts_with('*'),
            follows_elapsed_time: minute.starts_with('*') || hour.starts_with('*'),
        };
        // Any start will do: the calendar repeats.
        if cron.next_after(0, Tz::UTC).is_none() { Err(CronFault::Never) } else { Ok(cron) }
    }

    /// The first of its moments after `now`, both in milliseconds since 1970 in UTC.
    ///
    /// A time that a change of clocks skips is taken at the change; one that comes twice is taken the first time. Where
    /// minute or hour begin with `*`, the first is left out and the second is taken twice, so that the distance stays.
    pub fn next_after(&self, now: i64, zone: Tz) -> Option<i64> {
        let first =
            self.search(now, zone, Clock { zone, later: false, skip_gaps: self.follows_elapsed_time });
        if !self.follows_elapsed_time {
            return first;
        }
        let second = self.search(now, zone, Clock { zone, later: true, skip_gaps: true });
        first.into_iter().chain(second).min()
    }

    fn search(&self, now: i64, zone: Tz, clock: Clock) -> Option<i64> {
        let local = DateTime::from_timestamp_millis(now)?.with_timezone(&zone).date_naive();
        // The day before, whose last hour may come again after midnight.
        let mut date = local.checked_sub_days(Days::new(1))?;
        for _ in 0..DAYS_AHEAD {
            if self.has_day(date)
                && let Some(found) = self.search_day(now, date, clock)
            {
                return Some(found);
            }
            date = date.succ_opt()?;
        }
        None
    }

    fn has_day(&self, date: NaiveDate) -> bool {
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().num_days_from_sunday());
        let right_day = if self.either_day { day || weekday } else { day && weekday };
        has(self.months, date.month()) && right_day
    }

    /// `clock` never runs backwards over one day, so the first hit is the earliest.
    fn search_day(&self, now: i64, date: NaiveDate, clock: Clock) -> Option<i64> {
        let at = |hour, minute, second| {
            NaiveTime::from_hms_opt(hour, minute, second).map(|time| date.and_time(time))
        };
        let is_over = |end: NaiveDateTime| clock.bound(end).is_none_or(|end| end <= now);
        for hour in members(self.hours) {
            if is_over(at(hour, 59, 59)?) {
                continue;
            }
            for minute in members(self.minutes) {
                if is_over(at(hour, minute, 59)?) {
                    continue;
                }
                for second in members(self.seconds) {
                    let found = clock.moment(at(hour, minute, second)?);
                    if let Some(found) = found.filter(|found| *found > now) {
                        return Some(found);
                    }
                }
            }
        }
        None
    }
}

fn has(mask: u64, value: u32) -> bool {
    1_u64.checked_shl(value).is_some_and(|bit| mask & bit != 0)
}

fn members(mask: u64) -> impl Iterator<Item = u32> {
    (0..60).filter(move |value| has(mask, *value))
}

/// One way to turn times on the wall into moments.
#[derive(Clone, Copy)]
struct Clock {
    zone: Tz,
    /// Of two moments with the same time on the wall, take the later.
    later: bool,
    /// A time that the clocks skip is no moment at all; else it is the moment of the change.
    skip_gaps: bool,
}

impl Clock {
    fn moment(self, wall: NaiveDateTime) -> Option<i64> {
        match self.zone.from_local_datetime(&wall) {
            chrono::LocalResult::None if self.skip_gaps => None,
            _ => self.bound(wall),
        }
    }

    fn bound(self, wall: NaiveDateTime) -> Option<i64> {
        let found = self.zone.from_local_datetime(&wall);
        let exact = if self.later { found.latest() } else { found.earliest() };
        match exact {
            Some(moment) => Some(moment.timestamp_millis()),
            None => self.end_of_gap(wall),
        }
    }

    /// Clocks change at whole minutes; the longest gap so far was a day (Samoa, 2011).
    fn end_of_gap(self, wall: NaiveDateTime) -> Option<i64> {
        let minute = wall.and_utc().timestamp().div_euclid(60);
        (1..=25 * 60).find_map(|ahead| {
            let wall = DateTime::UNIX_EPOCH
                .naive_utc()
                .checked_add_signed(TimeDelta::try_minutes(minute + ahead)?)?;
            Some(self.zone.from_local_datetime(&wall).earliest()?.timestamp_millis())
        })
    }
}

impl Field {
    fn read(&self, text: &str) -> Result<u64, CronFault> {
        text.split(',').try_fold(0, |mask, item| Ok(mask | self.item(item)?))
    }

    fn item(&self, item: &str) -> Result<u64, CronFault> {
        let wrong =
            |why: String| CronFault::Field { field: self.name, text: item.chars().take(32).collect(), why };
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        let (low, high) = match range.split_once('-') {
            Some((low, high)) => (self.value(low, &wrong)?, self.value(high, &wrong)?),
            // Sunday once, not twice.
            None if range == "*" && self.high == 7 => (0, 6),
            None if range == "*" => (self.low, self.high),
            None if step.is_some() => return Err(wrong("a step needs a range or * before it".to_owned())),
            None => {
                let value = self.value(range, &wrong)?;
                (value, value)
            }
        };
        if low > high {
            return Err(wrong("the range runs backwards".to_owned()));
        }
        let step = match step {
            None => 1,
            Some(step) => match number(step) {
                Some(step) if step > 0 && step <= self.high => step,
                _ => return Err(wrong(format!("the step has to be 1 to {}", self.high))),
            },
        };
        let step = usize::try_from(step).unwrap_or(1);
        Ok((low..=high).step_by(step).fold(0, |mask, value| mask | 1_u64.checked_shl(value).unwrap_or(0)))
    }

    fn value(&self, text: &str, wrong: &dyn Fn(String) -> CronFault) -> Result<u32, CronFault> {
        let named = self.names.iter().zip(self.low..).find(|(name, _)| name.eq_ignore_ascii_case(text));
        if let Some((_, value)) = named {
            return Ok(value);
        }
        match number(text) {
            Some(value) if (self.low..=self.high).contains(&value) => Ok(value),
            _ if self.names.is_empty() => Err(wrong(format!("it has to be {} to {}", self.low, self.high))),
            _ => Err(wrong(format!(
                "it has to be {} to {} or a name's first three letters",
                self.low, self.high
            ))),
        }
    }
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
    }

    /// The next `count` moments after `from`, in UTC.
    fn run(expression: &str, zone: Tz, from: &str, count: usize) -> Vec<String> {
        let cron = Cron::parse(expression).unwrap();
        let mut now = millis(from);
        (0..count)
            .map(|_| {
                now = cron.next_after(now, zone).unwrap();
                DateTime::from_timestamp_millis(now).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string()
            })
            .collect()
    }

    #[test]
    fn five_fields_and_six() {
        assert_eq!(
            run("*/20 * * * *", Tz::UTC, "2026-11-24T00:20:00Z", 3),
            ["2026-11-24T00:40:00Z", "2026-11-24T01:00:00Z", "2026-11-24T01:20:00Z"]
        );
        assert_eq!(
            run("*/30 59 23 31 12 *", Tz::UTC, "2026-11-24T00:00:00.001Z", 3),
            ["2026-12-31T23:59:00Z", "2026-12-31T23:59:30Z", "2027-12-31T23:59:00Z"]
        );
    }

    #[test]
    fn the_next_moment_is_strictly_later() {
        assert_eq!(run("0 0 * * *", Tz::UTC, "2026-11-24T00:00:00Z", 1), ["2026-11-25T00:00:00Z"]);
        assert_eq!(run("0 0 * * *", Tz::UTC, "2026-11-23T23:59:59.999Z", 1), ["2026-11-24T00:00:00Z"]);
    }

    #[test]
    fn weekdays_count_as_in_crontab() {
        // 2026-11-22 is a Sunday.
        for sunday in ["0", "7", "sun", "SUN"] {
            let expression = format!("0 6 * * {sunday}");
            assert_eq!(
                run(&expression, Tz::UTC, "2026-11-20T00:00:00Z", 1),
                ["2026-11-22T06:00:00Z"],
                "{sunday}"
            );
        }
        assert_eq!(run("0 6 * * 1", Tz::UTC, "2026-11-20T00:00:00Z", 1), ["2026-11-23T06:00:00Z"]);
        assert_eq!(
            run("0 6 * * fri-7", Tz::UTC, "2026-11-22T07:00:00Z", 3),
            ["2026-11-27T06:00:00Z", "2026-11-28T06:00:00Z", "2026-11-29T06:00:00Z"]
        );
        assert_eq!(
            run("0 6 * * */2", Tz::UTC, "2026-11-22T07:00:00Z", 4),
            ["2026-11-24T06:00:00Z", "2026-11-26T06:00:00Z", "2026-11-28T06:00:00Z", "2026-11-29T06:00:00Z"]
        );
    }

    #[test]
    fn either_day_is_enough_where_both_are_restricted() {
        assert_eq!(
            run("0 0 1,15 * 5", Tz::UTC, "2026-11-12T00:00:00Z", 4),
            ["2026-11-13T00:00:00Z", "2026-11-15T00:00:00Z", "2026-11-20T00:00:00Z", "2026-11-27T00:00:00Z"]
        );
        // With a star in one of them both have to hold.
        assert_eq!(
            run("0 0 */2 * 5", Tz::UTC, "2026-11-12T00:00:00Z", 2),
            ["2026-11-13T00:00:00Z", "2026-11-27T00:00:00Z"]
        );
    }

    #[test]
    fn leap_days_come() {
        assert_eq!(run("0 0 29 2 *", Tz::UTC, "2096-03-01T00:00:00Z", 1), ["2104-02-29T00:00:00Z"]);
        assert_eq!(Cron::parse("0 0 30 2 *"), Err(CronFault::Never));
        assert_eq!(Cron::parse("0 0 31 4,6,9,11 *"), Err(CronFault::Never));
    }

    #[test]
    fn a_skipped_time_runs_at_the_change_and_once() {
        // Berlin, 2027-03-28: 02:00 becomes 03:00 at 01:00 UTC.
        assert_eq!(
            run("30 2 * * *", Tz::Europe__Berlin, "2027-03-27T02:00:00Z", 2),
            ["2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"]
        );
        assert_eq!(
            run("15,45 2 28 3 *", Tz::Europe__Berlin, "2027-03-27T02:00:00Z", 2),
            ["2027-03-28T01:00:00Z", "2028-03-28T00:15:00Z"]
        );
    }

    #[test]
    fn a_doubled_time_runs_once() {
        // Berlin, 2026-10-25: 03:00 becomes 02:00 at 01:00 UTC.
        assert_eq!(
            run("30 2 * * *", Tz::Europe__Berlin, "2026-10-24T12:00:00Z", 2),
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        );
    }

    #[test]
    fn steady_expressions_stay_steady_through_changes() {
        for from in ["2027-03-28T00:00:00Z", "2026-10-24T23:00:00Z"] {
            let got = run("*/15 * * * *", Tz::Europe__Berlin, from, 16);
            let expected: Vec<_> = (1..=16)
                .map(|n| {
                    let at = millis(from) + n * 900_000;
                    DateTime::from_timestamp_millis(at).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string()
                })
                .collect();
            assert_eq!(got, expected);
        }
        // An hour that does not exist is left out; the change itself is no moment of this expression.
        assert_eq!(
            run("7 * * * *", Tz::Europe__Berlin, "2027-03-28T00:00:00Z", 2),
            ["2027-03-28T00:07:00Z", "2027-03-28T01:07:00Z"]
        );
    }

    #[test]
    fn half_hour_changes_and_skipped_days() {
        // Lord Howe Island, 2026-10-04: 02:00 becomes 02:30 at 15:30 UTC the day before.
        assert_eq!(
            run("10 2 * * *", Tz::Australia__Lord_Howe, "2026-10-03T00:00:00Z", 1),
            ["2026-10-03T15:30:00Z"]
        );
        // Samoa had no 30 December 2011; the change was at 10:00 UTC.
        assert_eq!(
            run("0 12 30 12 *", Tz::Pacific__Apia, "2011-12-01T00:00:00Z", 1),
            ["2011-12-30T10:00:00Z"]
        );
    }

    #[test]
    fn every_field_is_checked() {
        for text in [
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * 32 * *",
            "* * * 13 *",
            "* * * 0 *",
            "* * * * 8",
            "*/0 * * * *",
            "*/60 * * * *",
            "5-1 * * * *",
            "5/2 * * * *",
            "a * * * *",
            ", * * * *",
            "1, * * * *",
            "- * * * *",
            "* * * * mond",
            "+1 * * * *",
            "99999999999 * * * *",
            "60 * * * * *",
            "? * * * *",
            "é * * * *",
        ] {
            assert!(
                matches!(Cron::parse(text), Err(CronFault::Field { .. })),
                "{text}: {:?}",
                Cron::parse(text)
            );
        }
        assert_eq!(Cron::parse("* * * *"), Err(CronFault::Fields(4)));
        assert_eq!(Cron::parse("* * * * * * *"), Err(CronFault::Fields(7)));
        assert_eq!(Cron::parse(""), Err(CronFault::Fields(0)));
        assert_eq!(Cron::parse("@daily"), Err(CronFault::ShortForm));
    }
}
