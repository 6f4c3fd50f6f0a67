use rackpoll_model::SelInformation;

use super::*;

/// An entry: its id, and its time in the lowest byte of the stamp.
fn entry(id: u16, time: u8) -> SelEntry {
    at(id, [time, 0, 0, 0x69])
}

fn at(id: u16, time: [u8; 4]) -> SelEntry {
    let [low, high] = id.to_le_bytes();
    let [t0, t1, t2, t3] = time;
    rackpoll_ipmi::sel::decode([low, high, 2, t0, t1, t2, t3, 0x20, 0, 4, 1, 1, 1, 0x59, 0, 0])
}

fn log(erased: u32, entries: impl IntoIterator<Item = SelEntry>) -> SelLog {
    let entries: Vec<_> = entries.into_iter().collect();
    SelLog {
        information: SelInformation {
            version: 0x51,
            entries: u16::try_from(entries.len()).unwrap(),
            free_space: 1_000,
            last_addition: SelTime(0),
            last_erase: SelTime(erased),
            operations: 0,
            allocation: None,
        },
        manufacturer: None,
        entries,
        from_start: true,
        to_end: true,
    }
}

/// The ids of a poller's new entries, and the changes, of these logs one after the other.
fn polls(logs: &[SelLog]) -> Vec<(Vec<u16>, Vec<Change>)> {
    let mut cursor = None;
    logs.iter()
        .map(|log| {
            let news = news(cursor.as_ref(), log, Reach::Newest);
            cursor = Some(news.cursor);
            let first = log.entries.len() - news.entries;
            (log.entries[first..].iter().map(|entry| entry.record_id).collect(), news.changes)
        })
        .collect()
}

fn second(first: SelLog, second: SelLog) -> (Vec<u16>, Vec<Change>) {
    polls(&[first, second]).pop().unwrap()
}

#[test]
fn the_first_poll_has_all_and_the_next_ones_what_is_new() {
    let told = polls(&[
        log(7, [entry(1, 1), entry(2, 2)]),
        log(7, [entry(1, 1), entry(2, 2)]),
        log(7, [entry(1, 1), entry(2, 2), entry(3, 3)]),
    ]);
    assert_eq!(told, [(vec![1, 2], vec![]), (vec![], vec![]), (vec![3], vec![])]);
}

#[test]
fn a_clock_that_jumps_is_no_clear() {
    let before = log(7, [entry(1, 1), entry(2, 200)]);
    assert_eq!(second(before, log(7, [entry(1, 1), entry(2, 200), entry(3, 5)])), (vec![3], vec![]));
}

#[test]
fn a_clear_tells_itself_by_stamp_ids_or_record() {
    let before = || log(7, [entry(1, 1), entry(2, 2), entry(3, 3)]);
    let cleared = |sign| vec![Change::Cleared(sign)];
    // Even where the BMC's clock went back, another stamp is another stamp.
    assert_eq!(second(before(), log(5, [entry(1, 9)])), (vec![1], cleared(Sign::EraseTime)));
    assert_eq!(second(before(), log(8, [])), (vec![], cleared(Sign::EraseTime)));
    assert_eq!(second(before(), log(7, [entry(1, 9)])), (vec![1], cleared(Sign::RecordIds)));
    assert_eq!(second(before(), log(7, [])), (vec![], cleared(Sign::RecordIds)));
    let refilled = (1..=5).map(|id| entry(id, 9));
    assert_eq!(second(before(), log(7, refilled)), (vec![1, 2, 3, 4, 5], cleared(Sign::Record)));
}

#[test]
fn a_record_that_was_deleted_loses_nothing_and_repeats_nothing() {
    let before = log(7, [entry(1, 1), entry(2, 2)]);
    let (new, changes) = second(before, log(8, [entry(2, 2), entry(3, 3)]));
    assert_eq!((new, changes), (vec![3], vec![Change::Cleared(Sign::EraseTime)]));
}

#[test]
fn the_same_first_records_after_a_clear_are_new_where_there_is_no_clock() {
    let boot = || at(1, [3, 0, 0, 0]);
    let (new, changes) = second(log(7, [boot()]), log(8, [boot()]));
    assert_eq!((new, changes), (vec![1], vec![Change::Cleared(Sign::EraseTime)]));
}

#[test]
fn a_log_that_goes_round_is_no_clear() {
    let before = log(7, (1..=4).map(|id| entry(id, 1)));
    let (new, changes) = second(before, log(7, (10..=13).map(|id| entry(id, 2))));
    assert_eq!((new, changes), (vec![10, 11, 12, 13], vec![Change::Rolled(Loss::Overwritten)]));
    // Ids too: after the highest the lowest.
    let before = log(7, (0xfff0..=0xfff3).map(|id| entry(id, 1)));
    let wrapped = log(7, [entry(0xfffe, 2), entry(1, 2), entry(2, 2)]);
    assert_eq!(second(before, wrapped), (vec![0xfffe, 1, 2], vec![Change::Rolled(Loss::Overwritten)]));
    // As long as the known record is there, nothing was lost.
    let before = log(7, [entry(0xfffd, 1), entry(0xfffe, 1)]);
    assert_eq!(second(before, log(7, [entry(0xfffe, 1), entry(1, 2)])), (vec![1], vec![]));
}

#[test]
fn the_newest_part_of_a_log_cannot_tell_what_it_has_overwritten() {
    let before = log(7, (1..=4).map(|id| entry(id, 1)));
    let mut after = log(7, (10..=13).map(|id| entry(id, 2)));
    after.from_start = false;
    assert_eq!(second(before, after), (vec![10, 11, 12, 13], vec![]));
}

#[test]
fn a_poller_that_is_further_behind_than_is_remembered_is_told_so() {
    let before = log(7, (1..=9).map(|id| entry(id, 1)));
    let mut after = log(7, (14..=18).map(|id| entry(id, 2)));
    after.from_start = false;
    let cursor = news(None, &before, Reach::All).cursor;
    let told = news(Some(&cursor), &after, Reach::All);
    assert_eq!((told.entries, &told.changes[..]), (5, &[Change::Rolled(Loss::Behind)][..]));
    let again = news(Some(&told.cursor), &after, Reach::All);
    assert_eq!((again.entries, &again.changes[..]), (0, &[][..]));
    // What a clear explains is a clear.
    after.information.last_erase = SelTime(8);
    let told = news(Some(&cursor), &after, Reach::All);
    assert_eq!(told.changes, [Change::Cleared(Sign::EraseTime)]);
    // And the rest of a log that is still being read may have it.
    (after.information.last_erase, after.to_end) = (SelTime(7), false);
    assert_eq!(news(Some(&cursor), &after, Reach::All).changes, []);
}

#[test]
fn an_overflow_is_told_once() {
    let full = |entries: [SelEntry; 2]| {
        let mut log = log(7, entries);
        log.information.operations = 0x80;
        log
    };
    let told =
        polls(&[log(7, [entry(1, 1)]), full([entry(1, 1), entry(2, 2)]), full([entry(1, 1), entry(2, 2)])]);
    let overflow = Change::Rolled(Loss::Overflow);
    assert_eq!(told, [(vec![1], vec![]), (vec![2], vec![overflow]), (vec![], vec![])]);
    // Without a poll before, it is no news.
    assert_eq!(polls(&[full([entry(1, 1), entry(2, 2)])]), [(vec![1, 2], vec![])]);
}

#[test]
fn the_rest_of_a_long_log_is_waited_for() {
    let known = log(7, (1..=9).map(|id| entry(id, 1)));
    let mut part = log(7, (1..=4).map(|id| entry(id, 1)));
    part.to_end = false;
    let whole = log(7, (1..=10).map(|id| entry(id, 1)));
    let told = polls(&[known, part, whole]);
    assert_eq!(told.last_chunk(), Some(&[(vec![], vec![]), (vec![10], vec![])]));
}

#[test]
fn a_log_that_was_empty_before() {
    assert_eq!(second(log(7, []), log(7, [entry(1, 1)])), (vec![1], vec![]));
    let (new, changes) = second(log(7, []), log(8, [entry(1, 1)]));
    assert_eq!((new, changes), (vec![1], vec![Change::Cleared(Sign::EraseTime)]));
}

/// Whether each of these logs, one after the other, tells history.
fn history(logs: &[SelLog]) -> Vec<bool> {
    let mut cursor = None;
    logs.iter()
        .map(|log| {
            let news = news(cursor.as_ref(), log, Reach::Newest);
            cursor = Some(news.cursor);
            news.is_history
        })
        .collect()
}

#[test]
fn what_the_log_held_before_the_first_look_is_history() {
    let (one, two) = (|| entry(1, 1), || entry(2, 2));
    assert_eq!(history(&[log(7, [one()]), log(7, [one(), two()])]), [true, false]);
    assert_eq!(history(&[log(7, []), log(7, [one()])]), [true, false], "an empty log has no past");
    // A long log is read over several polls; all of it was there.
    let part = SelLog { to_end: false, ..log(7, [one()]) };
    assert_eq!(history(&[part.clone(), log(7, [one(), two()]), log(7, [one(), two()])]), [true, true, false]);
    // Cleared meanwhile: what it holds now came after the first look.
    assert_eq!(history(&[part, log(8, [entry(3, 3)]), log(8, [entry(3, 3)])]), [true, false, false]);
}
