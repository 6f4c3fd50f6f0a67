//! The `rackpoll` program.

use rackpoll::cli;

fn main() -> cli::Exit {
    // lapin's, rumqttc's and our own TLS take this provider; without it they would have to guess.
    let _ = rustls::crypto::ring::default_provider().install_default();
    cli::main()
}
