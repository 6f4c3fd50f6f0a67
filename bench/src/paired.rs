//! What rounds that were measured in pairs show. Two clients are measured one after the other in each round, and the
//! round's ratio is theirs alone; a machine that is slower in one minute than in the next moves both and hardly their
//! ratio. Nothing is assumed of how the ratios are distributed, only that the rounds do not depend on each other: the
//! interval is that of the sign test, between two of the ratios themselves.

/// How often an interval is to have the true median in it, at least.
const CONFIDENCE: f64 = 0.95;

/// Two of the measured values, between which the median is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub least: f64,
    pub most: f64,
}

/// Whether the other one needs more than the first, where ratios are the other's to the first one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// The interval is above 1.
    Shown,
    /// It has 1 in it, or there are too few rounds for one.
    NotShown,
    /// It is below 1.
    Refuted,
}

/// The middle one, or the mean of the two in the middle; none of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let values = sorted(values);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// Of how many values which are the ends of the interval, counted from 1 from either end, and how often it then has the
/// true median in it: the narrowest that has it often enough. None for so few values that all of them are not enough.
pub fn rank(values: usize) -> Option<(usize, f64)> {
    // It is outside when fewer than `rank` values are on one side of the median, where each is with a chance of one half.
    let mut found = None;
    let mut chance = 0.5_f64.powi(i32::try_from(values).ok()?);
    let mut outside = 0.0;
    for rank in 1..=values / 2 {
        outside += 2.0 * chance;
        if outside > 1.0 - CONFIDENCE {
            break;
        }
        found = Some((rank, 1.0 - outside));
        chance *= (values - rank + 1) as f64 / rank as f64;
    }
    found
}

/// The interval of the median; none of too few values.
pub fn interval(values: &[f64]) -> Option<Interval> {
    let (rank, _) = rank(values.len())?;
    let values = sorted(values);
    Some(Interval { least: *values.get(rank - 1)?, most: *values.get(values.len() - rank)? })
}

pub fn finding(interval: Option<&Interval>) -> Finding {
    match interval {
        Some(interval) if interval.least > 1.0 => Finding::Shown,
        Some(interval) if interval.most < 1.0 => Finding::Refuted,
        _ => Finding::NotShown,
    }
}

/// In which order `count` clients have their turn in this round, by place. Over `2 * count` rounds each has every turn
/// twice, and any two follow each other as often in the one order as in the other.
pub fn order(round: usize, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).map(|turn| (turn + round / 2) % count).collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(count: u32) -> Vec<f64> {
        (1..=count).rev().map(f64::from).collect()
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[2.0]), Some(2.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[9.0, 1.0, 2.0, 4.0]), Some(3.0));
    }

    /// Ranks and coverage as tables of the sign test have them.
    #[test]
    fn ranks_are_those_of_the_sign_test() {
        for (count, place, covers) in [
            (6, 1, 0.968_75),
            (8, 1, 0.992_19),
            (9, 2, 0.960_94),
            (10, 2, 0.978_52),
            (20, 6, 0.958_61),
            (30, 10, 0.957_23),
            (31, 10, 0.970_55),
            (100, 40, 0.964_80),
        ] {
            let (found, chance) = rank(count as usize).unwrap();
            assert_eq!(found, place, "{count}");
            assert!((chance - covers).abs() < 1e-5, "{count}: {chance}");
            let interval = interval(&counted(count)).unwrap();
            assert_eq!((interval.least, interval.most), (place as f64, f64::from(count + 1) - place as f64));
        }
        assert!(rank(1000).is_some_and(|(place, covers)| place == 469 && covers < 0.96));
        assert_eq!(interval(&counted(5)), None);
        assert_eq!(interval(&[]), None);
    }

    /// All ways in which values can be below and above their true median, which are all as likely.
    #[test]
    fn intervals_cover_the_median_as_often_as_they_say() {
        for count in [6, 9, 12] {
            let (_, covers) = rank(count).unwrap();
            let ways = 1_u32 << count;
            let mut covering = 0;
            for way in 0..ways {
                let values: Vec<f64> =
                    (0..count).map(|value| if way >> value & 1 == 1 { 1.5 } else { 0.5 }).collect();
                covering += u32::from(finding(interval(&values).as_ref()) == Finding::NotShown);
            }
            assert!((f64::from(covering) / f64::from(ways) - covers).abs() < 1e-9, "{count}: {covering}");
            assert!(covers >= CONFIDENCE);
        }
    }

    #[test]
    fn findings_need_all_of_the_interval_on_one_side() {
        let within = |least, most| Some(Interval { least, most });
        assert_eq!(finding(within(1.001, 1.2).as_ref()), Finding::Shown);
        assert_eq!(finding(within(1.0, 1.2).as_ref()), Finding::NotShown);
        assert_eq!(finding(within(0.9, 1.1).as_ref()), Finding::NotShown);
        assert_eq!(finding(within(0.8, 0.999).as_ref()), Finding::Refuted);
        assert_eq!(finding(None), Finding::NotShown);
    }

    #[test]
    fn every_turn_comes_equally_often_to_everyone() {
        let count = 5;
        let mut turns = vec![vec![0; count]; count];
        let mut first = 0;
        for round in 0..2 * count {
            let order = order(round, count);
            for (turn, client) in order.iter().enumerate() {
                turns[*client][turn] += 1;
            }
            let place = |client| order.iter().position(|other| *other == client);
            first += usize::from(place(0) < place(1));
        }
        assert_eq!(turns, vec![vec![2; count]; count]);
        assert_eq!(first, count);
        assert_eq!(order(3, 0), [0; 0]);
    }
}
