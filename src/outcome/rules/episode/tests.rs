use std::time::Duration;

use super::*;
use crate::outcome::rules::calm::Flap;

const SECOND: i64 = 1_000;

/// Plays polls, one every ten seconds: `x` the condition holds, `.` it does not, `q` it holds in a maintenance window,
/// `-` the poll does not mention it. What is told: `O`pen, `R`epeat, `C`lear, `F` open and flapping, `.` nothing.
fn play(calm: &Calm, polls: &str) -> String {
    let mut conditions = Conditions::default();
    let mut told = String::new();
    for (number, poll) in polls.chars().enumerate() {
        let now = i64::try_from(number).unwrap() * 10 * SECOND;
        // What is not on disk is lost at every poll.
        let text = serde_json::to_string(&conditions).unwrap();
        conditions = serde_json::from_str(&text).unwrap();
        let id = |key: &str| format!("{key}:{number}");
        let mut round = Round::new(&mut conditions, calm, now, poll == 'q', &id);
        let saw = Saw { holds: poll != '.', severity: Severity::Warning, value: None, lasts: None };
        let seen = if poll == '-' { None } else { round.see("k", &saw) };
        let gone = round.finish(|_| false);
        let episode =
            seen.or_else(|| gone.into_iter().next().map(|(_, e, s)| (e, s))).map(|(episode, _)| episode);
        told.push(match episode.map(|episode| (episode.state, episode.flapping)) {
            None => '.',
            Some((Stage::Open, false)) => 'O',
            Some((Stage::Open, true)) => 'F',
            Some((Stage::Repeat, _)) => 'R',
            Some((Stage::Clear, _)) => 'C',
        });
    }
    told
}

#[test]
fn episodes_by_their_table() {
    let rackhd = Calm::default();
    let three_polls = Calm { lasts: Lasting::Polls(3), ..Calm::default() };
    let twenty_seconds = Calm { lasts: Lasting::Time(Duration::from_secs(20)), ..Calm::default() };
    let slow_clear = Calm { clears: Lasting::Polls(2), repeat: Repeat::Never, ..Calm::default() };
    let once = Calm { repeat: Repeat::Never, ..Calm::default() };
    let sometimes = Calm { repeat: Repeat::AtMostEvery(Duration::from_secs(30)), ..Calm::default() };
    let flap = Calm {
        flap: Some(Flap { changes: 2, within: Duration::from_secs(60) }),
        repeat: Repeat::Never,
        ..Calm::default()
    };
    for (name, calm, polls, told) in [
        ("as RackHD", &rackhd, "..xxx..x.", "..ORRC.OC"),
        ("gone without a word", &rackhd, "xx-.x", "ORC.O"),
        ("for three polls", &three_polls, "xx.xxxx.", ".....OR C".replace(' ', "").as_str()),
        ("for twenty seconds", &twenty_seconds, "xx.xxxx", ".....OR"),
        ("gone for two polls", &slow_clear, "xx.xx..x", "O.....CO"),
        ("once", &once, "xxx.xx", "O..CO."),
        ("at most every thirty seconds", &sometimes, "xxxxxxx.", "O..R..RC"),
        ("maintenance", &rackhd, "qqxq.q", "..O.C."),
        // The third beginning within a minute is told as flapping; it is over when it has been gone for a minute.
        ("flapping", &flap, "x.x.x.x.x.......x", "OCOCF..........CO"),
    ] {
        assert_eq!(play(calm, polls), told, "{name}: {polls}");
    }
}

#[test]
fn an_episode_keeps_its_id_and_counts_its_events() {
    let calm = Calm::default();
    let mut conditions = Conditions::default();
    let mut told = Vec::new();
    for (number, holds) in [true, true, false, true].into_iter().enumerate() {
        let id = |key: &str| format!("{key}:{number}");
        let mut round = Round::new(&mut conditions, &calm, 0, false, &id);
        let saw = Saw { holds, severity: Severity::Critical, value: None, lasts: None };
        told.extend(round.see("k", &saw).map(|(episode, severity)| (episode.id, episode.count, severity)));
        assert!(round.finish(|_| false).is_empty());
    }
    let critical = Severity::Critical;
    let expected = [("k:0", 1, critical), ("k:0", 2, critical), ("k:0", 2, critical), ("k:3", 1, critical)];
    assert_eq!(told, expected.map(|(id, count, severity)| (id.to_owned(), count, severity)));
}

#[test]
fn a_value_that_stays_is_told_once() {
    let calm = Calm::default();
    let mut conditions = Conditions::default();
    let mut told = String::new();
    for value in ["1", "1", "2", "2", "1"] {
        let id = str::to_owned;
        let mut round = Round::new(&mut conditions, &calm, 0, false, &id);
        let saw = Saw { holds: true, severity: Severity::Warning, value: Some(value), lasts: None };
        told.push_str(round.see("k", &saw).map_or(".", |(episode, _)| episode.state.as_str()));
        round.finish(|_| false);
    }
    assert_eq!(told, "open.repeat.repeat");
}

#[test]
fn what_could_not_be_looked_at_stays_as_it_is() {
    let calm = Calm::default();
    let mut conditions = Conditions::default();
    let id = str::to_owned;
    let saw = Saw { holds: true, severity: Severity::Warning, value: None, lasts: None };
    let mut round = Round::new(&mut conditions, &calm, 0, false, &id);
    assert!(round.see("k", &saw).is_some());
    round.finish(|_| false);
    let before = conditions.clone();
    assert!(Round::new(&mut conditions, &calm, 1, false, &id).finish(|key| key == "k").is_empty());
    assert_eq!(conditions, before);
    assert_eq!(Round::new(&mut conditions, &calm, 1, false, &id).finish(|_| false).len(), 1);
    assert_eq!(conditions, Conditions::default());
}
