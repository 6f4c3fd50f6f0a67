use std::collections::{HashMap, HashSet};

/// Names as they were, and with `#` and the row's own number where several rows have the same. None of the doubled ones keeps
/// the bare name: it would pass to another row when the first goes away.
pub(super) fn told_apart<N: std::fmt::Display>(rows: Vec<(String, N)>) -> Vec<String> {
    let mut counts = HashMap::<&str, usize>::new();
    for (name, _) in &rows {
        let count = counts.entry(name).or_default();
        *count = count.saturating_add(1);
    }
    let doubled: Vec<bool> =
        rows.iter().map(|(name, _)| counts.get(name.as_str()).is_some_and(|&count| count > 1)).collect();
    let mut taken: HashSet<String> = rows
        .iter()
        .zip(&doubled)
        .filter(|(_, doubled)| !**doubled)
        .map(|((name, _), _)| name.clone())
        .collect();
    rows.into_iter()
        .zip(doubled)
        .map(|((name, number), doubled)| {
            if !doubled {
                return name;
            }
            let mut apart = format!("{name}#{number}");
            while !taken.insert(apart.clone()) {
                apart.push('#');
            }
            apart
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(rows: &[(&str, u32)]) -> Vec<String> {
        told_apart(rows.iter().map(|&(name, number)| (name.to_owned(), number)).collect())
    }

    #[test]
    fn single_names_stay_and_doubled_ones_get_their_number() {
        assert_eq!(names(&[("a", 1), ("b", 2), ("a", 7)]), ["a#1", "b", "a#7"]);
        assert_eq!(names(&[]), [""; 0]);
    }

    #[test]
    fn a_name_that_looks_like_another_told_apart_stays_its_own() {
        assert_eq!(names(&[("a#1", 3), ("a", 1), ("a", 2)]), ["a#1", "a#1#", "a#2"]);
    }
}
