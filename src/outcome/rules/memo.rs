use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// What was once found out about a text. Oids, sensors and states come again at every poll of every device; whoever makes
/// texts up that never come again makes all of it be forgotten, and nothing grow.
#[derive(Debug)]
pub(super) struct Memo<T> {
    known: Mutex<HashMap<Box<str>, T>>,
    most: usize,
}

/// Longer texts are looked at anew each time.
const LONGEST: usize = 256;

impl<T: Clone> Memo<T> {
    /// Remembers so many texts at most.
    pub(super) fn of(most: usize) -> Self {
        Self { known: Mutex::default(), most }
    }

    pub(super) fn get_or_make(&self, text: &str, make: impl FnOnce() -> T) -> T {
        if let Some(found) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(text) {
            return found.clone();
        }
        let made = make();
        if text.len() <= LONGEST {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= self.most {
                known.clear();
            }
            known.insert(text.into(), made.clone());
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_looked_at_once_and_no_more_are_kept_than_allowed() {
        let memo = Memo::of(3);
        let mut made = 0;
        for text in ["a", "b", "a", "b", "c", "d", "a"] {
            memo.get_or_make(text, || made += 1);
            assert!(memo.known.lock().unwrap().len() <= 3);
        }
        // `d` had no room, so that `a` was forgotten.
        assert_eq!(made, 5);
        memo.get_or_make(&"x".repeat(LONGEST + 1), || ());
        assert_eq!(memo.known.lock().unwrap().len(), 2);
    }
}
