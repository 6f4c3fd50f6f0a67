//! A rack without the agent around it: `cargo run -p rackpoll-simulator --example rack -- [BMCS] [AGENTS] [MODEL]`.

use rackpoll_simulator::rack::{RackConfig, run};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut config = RackConfig::default();
    if let Some(bmcs) = arguments.next() {
        config.bmcs = bmcs.parse()?;
    }
    if let Some(agents) = arguments.next() {
        config.agents = agents.parse()?;
    }
    config.model = arguments.next();
    let shutdown = async {
        // Without a signal handler the first interrupt ends the process: as good.
        let _ = tokio::signal::ctrl_c().await;
    };
    run(config, &mut std::io::stdout(), shutdown).await?;
    Ok(())
}
