//! Runs fuzz targets in the process, by a seed, on the stable compiler.
//!
//! A target is a plain function of bytes that panics where something is wrong, with seeds that lead deep into what it
//! tests and a bound on what one execution may allocate. The same targets feed libFuzzer (`fuzz/coverage`).

mod allocation;
mod mutation;
mod options;
mod run;
mod script;

pub use allocation::Counting;
pub use run::main;
pub use script::Script;

/// One thing that is fuzzed.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name on the command line and in names of files.
    pub name: &'static str,
    /// What it holds its subject to, for a person.
    pub about: &'static str,
    /// Panics where that does not hold. The same bytes always do the same.
    pub run: fn(&[u8]),
    /// Inputs that lead deep; mutations start from them.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Longest input that is tried, in bytes.
    pub longest: usize,
    /// Most bytes that one execution may hold allocated at any moment.
    pub most_allocated: usize,
}

#[cfg(test)]
#[global_allocator]
static ALLOCATOR: Counting = Counting;
