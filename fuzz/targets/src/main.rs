//! Fuzzes the protocol crates on the stable compiler: `make fuzz`.

use std::process::ExitCode;

use rackpoll_fuzz_driver::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    rackpoll_fuzz_driver::main("cargo run --profile fuzz -p rackpoll-fuzz --", &rackpoll_fuzz::targets())
}
