//! One program for all targets; `FUZZ_TARGET` says which.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static RUN: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
    let target = rackpoll_fuzz::targets().into_iter().find(|target| target.name == name);
    target.unwrap_or_else(|| panic!("there is no target {name}")).run
});

fuzz_target!(|input: &[u8]| RUN(input));
