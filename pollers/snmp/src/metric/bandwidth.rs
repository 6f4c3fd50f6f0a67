//! `snmp-interface-bandwidth-utilization`: how much of each interface's speed was used since the last poll.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use rackpoll_model::InterfaceUtilization;

use super::{
    Answers, Questions,
    interfaces::{any_broke, interfaces, needs_descriptions},
};

const COLUMNS: [&str; 6] =
    ["ifName", "ifHCInOctets", "ifHCOutOctets", "ifHighSpeed", "ifSpeed", "ifCounterDiscontinuityTime"];
/// Asked for only where some interfaces have no 64-bit counters.
const NARROW: [&str; 2] = ["ifInOctets", "ifOutOctets"];

/// How far sysUpTime may be from where our clock expects it: agents look at theirs only now and then.
const SLACK: Duration = Duration::from_secs(5);

/// Interfaces that are remembered after a poll that did not reach them.
const MOST_MISSED: usize = 65_536;

/// What the last poll saw.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    up_time: Option<(Ticks, Instant)>,
    interfaces: HashMap<String, Seen>,
}

/// One interface at the last poll.
#[derive(Debug, Clone)]
struct Seen {
    at: Instant,
    input: Option<Octets>,
    output: Option<Octets>,
    /// ifCounterDiscontinuityTime: when the counters last began anew, on the device's clock.
    since: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Octets {
    /// Of 64 bits: what goes back has begun anew.
    Wide(u64),
    /// Of 32 bits: what goes back has wrapped.
    Narrow(u32),
}

/// Hundredths of a second since the device's management started.
type Ticks = u32;

pub(super) fn questions(answers: &Answers) -> Questions {
    if !answers.has_asked("ifName") {
        return Questions::columns(std::iter::once("sysUpTime").chain(COLUMNS));
    }
    let mut more = Vec::new();
    if needs_descriptions(answers, &columns()) {
        more.push("ifDescr");
    }
    if !answers.has_asked(NARROW[0]) && some_lack_wide_counters(answers) {
        more.extend(NARROW);
    }
    Questions::columns(more)
}

fn columns() -> Vec<&'static str> {
    COLUMNS.into_iter().chain(NARROW).collect()
}

fn some_lack_wide_counters(answers: &Answers) -> bool {
    let wide = ["ifHCInOctets", "ifHCOutOctets"].map(|name| answers.column(name));
    let interfaces = interfaces(answers, &COLUMNS);
    // Without any row it may still have ifTable, in which ifName is not.
    interfaces.is_empty()
        || interfaces
            .iter()
            .any(|interface| wide.iter().any(|column| column.unsigned(&interface.index).is_none()))
}

pub(super) fn rows(answers: &Answers, memory: &mut Memory) -> Vec<InterfaceUtilization> {
    let columns = columns();
    let [wide_in, wide_out, narrow_in, narrow_out, high_speeds, speeds, since] = [
        "ifHCInOctets",
        "ifHCOutOctets",
        "ifInOctets",
        "ifOutOctets",
        "ifHighSpeed",
        "ifSpeed",
        "ifCounterDiscontinuityTime",
    ]
    .map(|name| answers.column(name));
    let started_anew = memory.follow_up_time(answers);
    let mut seen = HashMap::new();
    let mut utilizations = Vec::new();
    for interface in interfaces(answers, &columns) {
        let index = &interface.index;
        let octets = |wide: Option<u64>, narrow: Option<u64>| match (wide, narrow) {
            (Some(wide), _) => Some(Octets::Wide(wide)),
            (None, Some(narrow)) => u32::try_from(narrow).ok().map(Octets::Narrow),
            (None, None) => None,
        };
        let now = Seen {
            at: counted_at(answers).unwrap_or_else(Instant::now),
            input: octets(wide_in.unsigned(index), narrow_in.unsigned(index)),
            output: octets(wide_out.unsigned(index), narrow_out.unsigned(index)),
            since: since.unsigned(index),
        };
        let speed = speed(speeds.unsigned(index), high_speeds.unsigned(index));
        let before = memory.interfaces.get(&interface.name).filter(|before| {
            let began_anew = matches!((before.since, now.since), (Some(before), Some(now)) if before != now);
            !started_anew && !began_anew
        });
        let percent = |which: fn(&Seen) -> Option<Octets>| {
            let before = before?;
            let elapsed = now.at.checked_duration_since(before.at)?;
            percent(which(before)?, which(&now)?, elapsed, speed?)
        };
        utilizations.push(InterfaceUtilization {
            input: percent(|seen| seen.input),
            output: percent(|seen| seen.output),
            name: interface.name.clone(),
        });
        seen.insert(interface.name, now);
    }
    memory.keep(seen, started_anew, any_broke(answers, &columns));
    utilizations
}

/// When the octets were read.
fn counted_at(answers: &Answers) -> Option<Instant> {
    answers.at("ifHCInOctets")
}

impl Memory {
    /// Takes note of sysUpTime; true where the device has started anew since the last poll.
    fn follow_up_time(&mut self, answers: &Answers) -> bool {
        let ticks = answers.scalar("sysUpTime").and_then(|value| value.unsigned());
        let now = ticks.and_then(|ticks| Ticks::try_from(ticks).ok()).zip(answers.at("sysUpTime"));
        // A poll in which sysUpTime got lost says nothing about it.
        let Some(now) = now else { return false };
        let before = self.up_time.replace(now);
        before.is_some_and(|before| started_anew(before, now))
    }

    fn keep(&mut self, seen: HashMap<String, Seen>, started_anew: bool, incomplete: bool) {
        let before = std::mem::replace(&mut self.interfaces, seen);
        if incomplete && !started_anew {
            for (name, missed) in before {
                if self.interfaces.len() >= MOST_MISSED {
                    break;
                }
                self.interfaces.entry(name).or_insert(missed);
            }
        }
    }
}

/// Whether the device started between these two looks at its clock.
///
/// A clock that went back either wrapped, which it does after 497 days, or was set to 0. One that went on was set to 0 all the
/// same where less time has passed since its start than since the last look, and it is not where the last look expects it.
fn started_anew((before, before_at): (Ticks, Instant), (now, now_at): (Ticks, Instant)) -> bool {
    let in_ticks = |duration: Duration| i64::try_from(duration.as_millis() / 10).unwrap_or(i64::MAX);
    let elapsed = in_ticks(now_at.saturating_duration_since(before_at));
    let slack = in_ticks(SLACK);
    let expected = i64::from(before).saturating_add(elapsed);
    let now = i64::from(now);
    /// Where TimeTicks wrap.
    const WRAP: i64 = 1 << 32;
    let is_near = |other: i64| (now - other).abs() <= slack;
    if is_near(expected) || is_near(expected.rem_euclid(WRAP)) || is_near(expected - WRAP) {
        return false;
    }
    now < i64::from(before) || now <= elapsed.saturating_add(slack)
}

/// Bits per second: ifHighSpeed, in millions, where the agent has it.
fn speed(if_speed: Option<u64>, if_high_speed: Option<u64>) -> Option<u64> {
    let high = if_high_speed.filter(|&high| high > 0).map(|high| high.saturating_mul(1_000_000));
    high.or_else(|| if_speed.filter(|&speed| speed > 0 && speed < u64::from(u32::MAX)))
}

/// Percent of the speed. None where the counter began anew, or may have wrapped more than once.
#[expect(clippy::cast_precision_loss, reason = "a percentage needs no more than a double's 53 bits")]
fn percent(before: Octets, now: Octets, elapsed: Duration, speed: u64) -> Option<f64> {
    let seconds = elapsed.as_secs_f64();
    if seconds <= 0.0 {
        return None;
    }
    let possible = speed as f64 / 8.0 * seconds;
    let octets = match (before, now) {
        (Octets::Wide(before), Octets::Wide(now)) => now.checked_sub(before)? as f64,
        (Octets::Narrow(before), Octets::Narrow(now)) => {
            let octets = f64::from(now.wrapping_sub(before));
            // What no line carries is no wrap but a counter that began anew; a tenth is for clocks that disagree.
            if possible >= f64::from(u32::MAX) || octets > possible * 1.1 {
                return None;
            }
            octets
        }
        _ => return None,
    };
    Some(octets * 100.0 / possible)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn anew(before: Ticks, elapsed: Duration, now: Ticks) -> bool {
        let start = Instant::now();
        started_anew((before, start), (now, start + elapsed))
    }

    #[test]
    fn a_clock_that_goes_on_goes_on() {
        assert!(!anew(1_000, 60 * SECOND, 7_000));
        assert!(!anew(1_000, 60 * SECOND, 7_400));
        // Agents that look at their clock now and then, or never.
        assert!(!anew(100_000, 60 * SECOND, 100_000));
        assert!(!anew(0, Duration::ZERO, 0));
    }

    #[test]
    fn a_clock_that_goes_back_has_started_anew_unless_it_wrapped() {
        assert!(anew(1_000_000, 60 * SECOND, 500));
        assert!(anew(1_000_000, 60 * SECOND, 990_000));
        assert!(!anew(u32::MAX - 1_000, 60 * SECOND, 5_000));
        assert!(anew(u32::MAX - 1_000_000, 60 * SECOND, 5_000));
    }

    #[test]
    fn a_start_shows_when_the_clock_has_overtaken_the_last_look() {
        // Looked at 30 s after one start, and 590 s after the next one, ten minutes later.
        assert!(anew(3_000, 600 * SECOND, 59_000 - 2_000));
        assert!(!anew(3_000, 600 * SECOND, 63_000));
    }

    #[test]
    fn octets_become_percent_of_the_speed() {
        // 75 MB in 60 s are 10 Mb/s: a tenth of 100 Mb/s.
        let wide = |before, now| percent(Octets::Wide(before), Octets::Wide(now), 60 * SECOND, 100_000_000);
        assert_eq!(wide(0, 75_000_000), Some(10.0));
        assert_eq!(wide(1 << 63, (1 << 63) + 75_000_000), Some(10.0));
        assert_eq!(wide(75_000_000, 0), None);
        let narrow =
            |before, now| percent(Octets::Narrow(before), Octets::Narrow(now), 60 * SECOND, 100_000_000);
        assert_eq!(narrow(u32::MAX - 4_999_999, 70_000_000), Some(10.0));
        // 750 MB is all that 100 Mb/s carry in a minute.
        assert_eq!(narrow(1_000_000_000, 0), None);
        assert_eq!(percent(Octets::Narrow(0), Octets::Wide(9), SECOND, 1), None);
    }

    #[test]
    fn a_narrow_counter_that_may_wrap_twice_says_nothing() {
        // 1 Gb/s fills 32 bits of octets in 34.4 s.
        let after =
            |seconds| percent(Octets::Narrow(0), Octets::Narrow(1_000), seconds * SECOND, 1_000_000_000);
        assert!(after(34).is_some());
        assert_eq!(after(35), None);
        assert_eq!(percent(Octets::Wide(0), Octets::Wide(5), Duration::ZERO, 1), None);
    }

    #[test]
    fn the_speed_is_the_one_that_has_room() {
        assert_eq!(speed(Some(u32::MAX.into()), Some(40_000)), Some(40_000_000_000));
        assert_eq!(speed(Some(u32::MAX.into()), None), None);
        assert_eq!(speed(Some(64_000), Some(0)), Some(64_000));
        assert_eq!(speed(Some(0), Some(0)), None);
        assert_eq!(speed(None, Some(u64::MAX)), Some(u64::MAX));
    }
}
