use crate::agent::Answer;

/// Bytes that an answer may have so that it stays one frame of Ethernet, less what message and PDU take: 1,472 less some
/// 120 for SNMPv3 and some room for values longer than those before.
const ROOM: usize = 1_250;
/// A variable's size until one is seen: an oid of 12 numbers and a counter take less, a description more.
const USUAL_SIZE: usize = 60;
/// Most repetitions: more do not fit into a frame.
const MOST: u32 = 50;
/// So many good answers in a row raise the limit that silence or tooBig has set, by half.
const GOOD_ENOUGH: u32 = 8;

/// What an agent puts up with: learned from poll to poll, forgotten with the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Habits {
    bulk: Bulk,
    /// Most repetitions that seem to be answered.
    limit: u32,
    good: u32,
    /// Bytes a variable, as of late.
    size: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bulk {
    Unproven,
    /// It has failed once where GETNEXT has not: the answer was too large for the path, or there is no GETBULK.
    Doubted,
    Works,
    Missing,
}

impl Default for Habits {
    fn default() -> Self {
        Self { bulk: Bulk::Unproven, limit: MOST, good: 0, size: USUAL_SIZE }
    }
}

impl Habits {
    /// Whether GETBULK is worth a try.
    pub(crate) fn may_ask_in_bulk(&self) -> bool {
        self.bulk != Bulk::Missing
    }

    /// Whether GETBULK has ever been answered.
    pub(crate) fn has_answered_in_bulk(&self) -> bool {
        self.bulk == Bulk::Works
    }

    /// How many rows of so many columns to ask for.
    pub(crate) fn repetitions(&self, columns: usize) -> u32 {
        let row = self.size.saturating_mul(columns.max(1)).max(1);
        let fitting = u32::try_from(ROOM / row).unwrap_or(MOST);
        fitting.clamp(1, self.limit)
    }

    /// A GETBULK was answered.
    pub(crate) fn answered(&mut self, answer: &Answer) {
        self.bulk = Bulk::Works;
        let size = answer.size.checked_div(answer.varbinds.len()).unwrap_or(USUAL_SIZE).max(1);
        // Down by steps, up at once: a frame too many costs more than an exchange.
        self.size = if size > self.size { size } else { (self.size * 3 + size) / 4 };
        self.good = self.good.saturating_add(1);
        if self.good >= GOOD_ENOUGH && self.limit < MOST {
            self.good = 0;
            self.limit = self.limit.saturating_add((self.limit / 2).max(1)).min(MOST);
        }
    }

    /// So many repetitions were too many, or the answer got lost for its size.
    pub(crate) fn ask_less(&mut self, repetitions: u32) {
        self.good = 0;
        self.limit = (repetitions / 3).max(1);
    }

    /// GETNEXT was answered where GETBULK was not, or with an error or without variables. An agent whose GETBULK has
    /// worked before was unlucky, or has one object that is broken; any other has one more try, with the smallest answer.
    pub(crate) fn answers_to_get_next(&mut self) {
        match self.bulk {
            Bulk::Unproven => {
                self.bulk = Bulk::Doubted;
                self.limit = 1;
            }
            Bulk::Doubted => self.bulk = Bulk::Missing,
            Bulk::Works | Bulk::Missing => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use rackpoll_model::{Oid, Value, VarBind};

    use super::*;

    fn answer(varbinds: usize, size: usize) -> Answer {
        let varbind = VarBind { oid: Oid::new(&[1, 3]), value: Value::Null };
        Answer { varbinds: std::iter::repeat_n(varbind, varbinds).collect(), size }
    }

    #[test]
    fn repetitions_keep_answers_within_a_frame() {
        let mut habits = Habits::default();
        assert_eq!(habits.repetitions(1), 20);
        assert_eq!(habits.repetitions(8), 2);
        assert_eq!(habits.repetitions(1_000), 1);
        for _ in 0..20 {
            habits.answered(&answer(20, 500));
        }
        assert!((40..=50).contains(&habits.repetitions(1)), "{habits:?}");
        habits.answered(&answer(4, 1_200));
        assert_eq!(habits.repetitions(1), 4, "at once");
        habits.answered(&answer(1, 60_000));
        assert_eq!(habits.repetitions(1), 1);
    }

    #[test]
    fn less_is_asked_for_a_while() {
        let mut habits = Habits::default();
        habits.ask_less(20);
        assert_eq!(habits.repetitions(1), 6);
        habits.ask_less(2);
        habits.ask_less(1);
        assert_eq!(habits.repetitions(1), 1);
        for _ in 0..24 {
            habits.answered(&answer(1, 60));
        }
        assert_eq!(habits.repetitions(1), 4, "1, 2, 3, 4");
    }

    #[test]
    fn get_bulk_is_given_up_only_where_it_never_worked() {
        let mut habits = Habits::default();
        habits.answers_to_get_next();
        assert!(habits.may_ask_in_bulk());
        assert_eq!(habits.repetitions(1), 1, "one more try");
        habits.answers_to_get_next();
        assert!(!habits.may_ask_in_bulk());
        let mut habits = Habits::default();
        habits.answered(&answer(1, 60));
        habits.answers_to_get_next();
        assert!(habits.may_ask_in_bulk());
    }
}
