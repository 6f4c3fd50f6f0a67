use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use super::repository::Repository;

/// Repositories in use, each once: servers of one make have the same records, and a thousand of them share one decoded
/// repository.
#[derive(Debug, Default)]
pub struct Library {
    shelves: Mutex<HashMap<u64, Vec<Weak<Repository>>>>,
    hasher: RandomState,
}

impl Library {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The repository of these records, decoded where nobody has it yet.
    pub fn repository(&self, raw: Box<[u8]>, manufacturer: u32) -> Arc<Repository> {
        let mark = self.hasher.hash_one((&raw, manufacturer));
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let known = shelves.get(&mark).into_iter().flatten().filter_map(Weak::upgrade);
        for repository in known {
            if repository.manufacturer() == manufacturer && *repository.raw() == *raw {
                return repository;
            }
        }
        let repository = Arc::new(Repository::decode(raw, manufacturer));
        // Those that nobody has any more go when another comes, so there are never many.
        shelves.retain(|_, shelf| {
            shelf.retain(|repository| repository.strong_count() > 0);
            !shelf.is_empty()
        });
        shelves.entry(mark).or_default().push(Arc::downgrade(&repository));
        repository
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_records_are_decoded_once_and_forgotten_with_their_last_user() {
        let library = Library::new();
        let raw = || vec![1u8, 0, 0x51, 0xc0, 3, 0, 0, 0].into_boxed_slice();
        let first = library.repository(raw(), 1);
        assert!(Arc::ptr_eq(&first, &library.repository(raw(), 1)));
        assert!(!Arc::ptr_eq(&first, &library.repository(raw(), 2)));
        drop(first);
        let _other = library.repository(Box::default(), 1);
        assert_eq!(library.shelves.lock().unwrap().values().map(Vec::len).sum::<usize>(), 1);
    }
}
