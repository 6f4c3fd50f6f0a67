use crate::cost::Error;

#[derive(clap::Args)]
pub struct Arguments {}

pub fn run(_: &Arguments) -> Result<(), Error> {
    Ok(())
}
