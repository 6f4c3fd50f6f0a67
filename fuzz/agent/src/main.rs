//! Fuzzes the agent on the stable compiler: `make fuzz-agent`.

use std::process::ExitCode;

use rackpoll_fuzz_driver::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    rackpoll_fuzz_driver::main("cargo run -p rackpoll-fuzz-agent --", &rackpoll_fuzz_agent::targets())
}
