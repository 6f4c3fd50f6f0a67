use std::{path::PathBuf, time::Duration};

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// Names of targets; none: all.
    pub(crate) targets: Vec<String>,
    /// Executions of each target.
    pub(crate) executions: u64,
    pub(crate) seed: u64,
    /// Time for all targets together, divided evenly.
    pub(crate) limit: Option<Duration>,
    /// Where inputs that fail are written.
    pub(crate) folder: PathBuf,
    /// One input to run, in place of fuzzing.
    pub(crate) replay: Option<PathBuf>,
    /// A folder for the seeds of each target, in place of fuzzing.
    pub(crate) seeds: Option<PathBuf>,
    pub(crate) list: bool,
}

pub(crate) const USAGE: &str = "\
options:
  --target NAME       only this target; may be given several times
  --executions N      executions of each target (100000)
  --seed N            what every input follows from (1)
  --seconds N         ends after this time, which the targets share evenly (no limit)
  --folder DIRECTORY  where inputs that fail are written (target/fuzz/found)
  --replay FILE       runs this one input, with --target
  --write-seeds DIR   writes the seeds of each target to DIR/NAME/, for libFuzzer
  --list              names the targets";

impl Options {
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            targets: Vec::new(),
            executions: 100_000,
            seed: 1,
            limit: None,
            folder: PathBuf::from("target/fuzz/found"),
            replay: None,
            seeds: None,
            list: false,
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            if argument == "--list" {
                options.list = true;
                continue;
            }
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            let number = |text: String| {
                text.replace('_', "").parse::<u64>().map_err(|_| format!("{text:?} is no number"))
            };
            match argument.as_str() {
                "--target" => options.targets.push(value()?),
                "--executions" => options.executions = number(value()?)?,
                "--seed" => options.seed = number(value()?)?,
                "--seconds" => options.limit = Some(Duration::from_secs(number(value()?)?)),
                "--folder" => options.folder = value()?.into(),
                "--replay" => options.replay = Some(value()?.into()),
                "--write-seeds" => options.seeds = Some(value()?.into()),
                _ => return Err(format!("unknown option {argument:?}")),
            }
        }
        if options.replay.is_some() && options.targets.len() != 1 {
            return Err("--replay needs exactly one --target".to_owned());
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn every_option_is_read() {
        let options = parse(
            "--target a --target b --executions 1_000 --seed 7 --seconds 20 --folder f --write-seeds s --list",
        );
        let expected = Options {
            targets: vec!["a".to_owned(), "b".to_owned()],
            executions: 1000,
            seed: 7,
            limit: Some(Duration::from_secs(20)),
            folder: "f".into(),
            replay: None,
            seeds: Some("s".into()),
            list: true,
        };
        assert_eq!(options, Ok(expected));
        assert_eq!(parse("--target a --replay x").map(|options| options.replay), Ok(Some("x".into())));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in ["--executions", "--executions many", "--speed 7", "--replay x", "x"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
