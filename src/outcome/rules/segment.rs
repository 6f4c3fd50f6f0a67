//! `segment.inaccessible`: most nodes of a segment (a tag, a network) vanish together. One event names them all, and the
//! single events are held back.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

/// The segments of a configuration, and when they count as gone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Segments {
    /// How long a node's event is held back, so that others can join it.
    pub hold: Duration,
    /// Percent of a segment's nodes that have to be gone.
    pub share: u8,
    /// And at least so many.
    pub least: usize,
    /// Every segment with its nodes.
    pub nodes: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// The segments of every node.
    pub of_node: HashMap<Arc<str>, Vec<Arc<str>>>,
}

/// What is to be done about nodes whose events were held back long enough.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Verdicts {
    /// Segments that are gone, with the nodes that go into their event: those that are due and those that are held.
    pub(crate) segments: BTreeMap<String, BTreeSet<String>>,
    /// Nodes that are told one by one.
    pub(crate) single: BTreeSet<String>,
}

impl Segments {
    /// Whether a node belongs to a segment, so that its event may have to wait.
    pub fn has(&self, node: &str) -> bool {
        self.of_node.contains_key(node)
    }

    /// Whether so many gone nodes are most of the segment.
    pub(crate) fn is_gone(&self, segment: &str, gone: usize) -> bool {
        let all = self.nodes.get(segment).map_or(0, BTreeSet::len);
        gone >= self.least.max(1) && gone.saturating_mul(100) >= all.saturating_mul(self.share.into())
    }

    /// Judges the nodes that are `due`. `held` are all that are held back, these among them; `open` the segments that
    /// are told as gone, with their nodes.
    pub(crate) fn judge(
        &self,
        due: &BTreeSet<String>,
        held: &BTreeSet<String>,
        open: &BTreeMap<String, BTreeSet<String>>,
    ) -> Verdicts {
        let mut gone: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for node in held {
            for segment in self.of_node.get(node.as_str()).into_iter().flatten() {
                gone.entry(segment).or_default().insert(node);
            }
        }
        let mut verdicts = Verdicts::default();
        for node in due {
            let segments = self.of_node.get(node.as_str()).into_iter().flatten();
            // Of several that are gone, the one with the most nodes says it best.
            let best = segments
                .filter_map(|segment| {
                    let held = gone.get(&**segment)?;
                    let told = open.get(&**segment).map_or(0, BTreeSet::len);
                    let all = held.len() + told;
                    (told > 0 || self.is_gone(segment, all)).then_some((all, segment, held))
                })
                .max_by_key(|(all, ..)| *all);
            match best {
                Some((_, segment, held)) => {
                    let nodes = verdicts.segments.entry(segment.to_string()).or_default();
                    nodes.extend(held.iter().map(|node| (*node).to_owned()));
                }
                None => {
                    verdicts.single.insert(node.clone());
                }
            }
        }
        verdicts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(nodes: &[&str]) -> BTreeSet<String> {
        nodes.iter().map(|node| (*node).to_owned()).collect()
    }

    fn segments() -> Segments {
        let mut segments = Segments { share: 60, least: 2, ..Segments::default() };
        for (segment, nodes) in [("rack", &["a", "b", "c", "d"][..]), ("pair", &["d", "e"])] {
            for node in nodes {
                let (segment, node): (Arc<str>, Arc<str>) = (Arc::from(segment), Arc::from(*node));
                segments.nodes.entry(Arc::clone(&segment)).or_default().insert(Arc::clone(&node));
                segments.of_node.entry(node).or_default().push(segment);
            }
        }
        segments
    }

    #[test]
    fn most_of_a_segment_is_told_as_one_and_fewer_one_by_one() {
        let none = BTreeMap::new();
        let judge = |due: &[&str], held: &[&str], open: &BTreeMap<_, _>| {
            segments().judge(&set(due), &set(held), open)
        };
        assert_eq!(judge(&["a", "b"], &["a", "b"], &none).single, set(&["a", "b"]));
        let all = judge(&["a", "b"], &["a", "b", "c"], &none);
        assert_eq!((all.single.len(), all.segments["rack"].clone()), (0, set(&["a", "b", "c"])));
        // A straggler joins the segment that is told already, however few they are.
        let open = BTreeMap::from([("rack".to_owned(), set(&["a", "b", "c"]))]);
        assert_eq!(judge(&["d"], &["d"], &open).segments["rack"], set(&["d"]));
        // Of two the larger.
        let both = judge(&["d"], &["a", "b", "c", "d", "e"], &none);
        assert_eq!(both.segments.keys().collect::<Vec<_>>(), ["rack"]);
        assert_eq!(judge(&["x"], &["x"], &none).single, set(&["x"]), "a node that left the configuration");
        assert!(!segments().is_gone("nowhere", 1));
    }
}
