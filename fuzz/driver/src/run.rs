use std::{
    fmt, fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use crate::{
    Target,
    allocation::most_held,
    mutation::Mutator,
    options::{Options, USAGE},
};

/// One execution may last so long. The slowest take milliseconds: this is for loops that do not end.
const LONGEST_EXECUTION: Duration = Duration::from_secs(20);
/// Executions between looks at the clock.
const STRETCH: u64 = 64;

/// Does what the command line says; the whole of a fuzzing program.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]
pub fn main(program: &'static str, targets: &[Target]) -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(wrong) => {
            eprintln!("{wrong}\n{USAGE}");
            return ExitCode::from(64);
        }
    };
    let known = |name: &String| targets.iter().any(|target| target.name == *name);
    if let Some(unknown) = options.targets.iter().find(|name| !known(name)) {
        eprintln!("there is no target {unknown:?}; --list names them");
        return ExitCode::from(64);
    }
    let mut chosen = targets.iter().filter(|target| {
        options.targets.is_empty() || options.targets.iter().any(|name| name == target.name)
    });
    if options.list {
        chosen.for_each(|target| println!("{:<20} {}", target.name, target.about));
        return ExitCode::SUCCESS;
    }
    if let Some(folder) = &options.seeds {
        return match chosen.try_for_each(|target| write_seeds(target, folder)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&format!("{}: {error}", folder.display())),
        };
    }
    if let Some(path) = &options.replay {
        return match fs::read(path) {
            Ok(input) => chosen.next().map(|target| replay(target, &input)).unwrap_or(ExitCode::FAILURE),
            Err(error) => failed(&format!("{}: {error}", path.display())),
        };
    }

    let chosen: Vec<&Target> = chosen.collect();
    let share = options.limit.map(|limit| limit / u32::try_from(chosen.len()).unwrap_or(u32::MAX).max(1));
    let (mut executions, mut failures) = (0u64, 0);
    let begun = Instant::now();
    for target in chosen {
        let watch = Watch::new(program, target, &options.folder);
        match watch.over(|watch| fuzz(target, options.executions, options.seed, share, watch)) {
            Ok(tally) => {
                executions += tally.executions;
                println!("{:<20} {tally}, bound {}", target.name, target.most_allocated);
            }
            Err(found) => {
                failures += 1;
                eprintln!("{}", watch.told(&found));
            }
        }
    }
    println!("{executions} executions in {:.1} s, seed {}", begun.elapsed().as_secs_f64(), options.seed);
    if failures == 0 { ExitCode::SUCCESS } else { failed(&format!("{failures} targets failed")) }
}

#[expect(clippy::print_stderr, reason = "a program for the terminal")]
fn failed(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]
fn replay(target: &Target, input: &[u8]) -> ExitCode {
    match execute(target, input) {
        Ok(held) => {
            println!("{}: {} bytes: nothing wrong; {held} bytes allocated", target.name, input.len());
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{}: {} bytes: {why}", target.name, input.len());
            ExitCode::FAILURE
        }
    }
}

fn write_seeds(target: &Target, folder: &Path) -> io::Result<()> {
    let folder = folder.join(target.name);
    fs::create_dir_all(&folder)?;
    for (number, seed) in (target.seeds)().iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:03}")), seed)?;
    }
    Ok(())
}

/// What a run has seen.
#[derive(Debug, Clone, Copy)]
struct Tally {
    executions: u64,
    time: Duration,
    /// The most bytes that an execution held at a time.
    most_held: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.time.as_secs_f64();
        let rate = self.executions as f64 / seconds.max(1e-9);
        write!(
            f,
            "{:>9} executions in {seconds:>6.2} s {rate:>9.0}/s, at most {} bytes allocated",
            self.executions, self.most_held
        )
    }
}

/// An input that fails, and how.
#[derive(Debug)]
struct Found {
    input: Vec<u8>,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Panicked,
    Held { bytes: usize, bound: usize },
    Endless,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked => f.write_str("panics"),
            Self::Held { bytes, bound } => write!(f, "holds {bytes} bytes at a time, {bound} allowed"),
            Self::Endless => write!(f, "is not done after {} s", LONGEST_EXECUTION.as_secs()),
        }
    }
}

/// One execution: the bytes that it held, or what was wrong.
fn execute(target: &Target, input: &[u8]) -> Result<usize, Why> {
    let mut outcome = Ok(());
    let bytes = most_held(|| outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input))));
    let bound = target.most_allocated;
    match outcome {
        Err(_) => Err(Why::Panicked),
        Ok(()) if bytes > bound => Err(Why::Held { bytes, bound }),
        Ok(()) => Ok(bytes),
    }
}

/// Runs seeds as they are, and then mutations of them.
fn fuzz(
    target: &Target,
    executions: u64,
    seed: u64,
    limit: Option<Duration>,
    watch: &Watch<'_>,
) -> Result<Tally, Found> {
    let seeds = (target.seeds)();
    // What is made once and kept is no cost of an execution.
    if let Some(first) = seeds.first() {
        let _ = catch_unwind(AssertUnwindSafe(|| (target.run)(first)));
    }
    let mut mutator = Mutator::new(seeds.clone(), target.longest, seed);
    let mut seeds = seeds.into_iter();
    let begun = Instant::now();
    let mut tally = Tally { executions: 0, time: Duration::ZERO, most_held: 0 };
    let mut input = Vec::new();
    while tally.executions < executions {
        match seeds.next() {
            Some(seed) => input = seed,
            None => mutator.next(&mut input),
        }
        watch.begin(&input);
        match execute(target, &input) {
            Ok(held) => tally.most_held = tally.most_held.max(held),
            Err(why) => return Err(Found { input, why }),
        }
        tally.executions += 1;
        let late = || limit.is_some_and(|limit| begun.elapsed() >= limit);
        if tally.executions.is_multiple_of(STRETCH) && late() {
            break;
        }
    }
    tally.time = begun.elapsed();
    Ok(tally)
}

/// Knows the input that is being run, so that one that never ends can be told too.
struct Watch<'a> {
    program: &'static str,
    target: &'a Target,
    folder: &'a Path,
    begun: AtomicU64,
    input: Mutex<Vec<u8>>,
}

impl<'a> Watch<'a> {
    fn new(program: &'static str, target: &'a Target, folder: &'a Path) -> Self {
        Self { program, target, folder, begun: AtomicU64::new(0), input: Mutex::new(Vec::new()) }
    }

    fn begin(&self, input: &[u8]) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let mut current = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        current.clear();
        current.extend_from_slice(input);
    }

    fn current(&self) -> Vec<u8> {
        self.input.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does `work` and looks now and then whether it still moves on. Where it does not, the process ends: a loop in the
    /// same process cannot be stopped otherwise.
    #[expect(clippy::print_stderr, reason = "a program for the terminal")]
    fn over<T>(&self, work: impl FnOnce(&Self) -> T) -> T {
        let (done, ended) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let mut before = self.begun.load(Ordering::Relaxed);
                while ended.recv_timeout(LONGEST_EXECUTION) == Err(RecvTimeoutError::Timeout) {
                    let begun = self.begun.load(Ordering::Relaxed);
                    if begun == before {
                        let input = self.current();
                        eprintln!("{}", self.told(&Found { input, why: Why::Endless }));
                        std::process::exit(1);
                    }
                    before = begun;
                }
            });
            let result = work(self);
            drop(done);
            result
        })
    }

    /// Writes the input to a file; what there is to say about it.
    fn told(&self, found: &Found) -> String {
        let name = self.target.name;
        let what = format!("{name}: an input of {} bytes {}", found.input.len(), found.why);
        match self.write(&found.input) {
            Ok(path) => {
                let path = path.display();
                format!("{what}; run it again with\n  {} --target {name} --replay {path}", self.program)
            }
            Err(error) => {
                let folder = self.folder.display();
                format!("{what}, and cannot be written to {folder} ({error}): {}", found.input.escape_ascii())
            }
        }
    }

    fn write(&self, input: &[u8]) -> io::Result<PathBuf> {
        fs::create_dir_all(self.folder)?;
        // FNV-1a: a name that is the same for the same input.
        let hash = input.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let path = self.folder.join(format!("{}-{hash:016x}", self.target.name));
        fs::write(&path, input)?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(run: fn(&[u8])) -> Target {
        let seeds = || vec![vec![1, 2, 3, 4, 5], Vec::new()];
        Target {
            name: "planted",
            about: "a fault that is known",
            run,
            seeds,
            longest: 32,
            most_allocated: 100,
        }
    }

    fn find(target: &Target, executions: u64) -> Result<Tally, Found> {
        let watch = Watch::new("fuzz", target, Path::new("nowhere"));
        watch.over(|watch| fuzz(target, executions, 1, None, watch))
    }

    #[test]
    fn a_planted_panic_is_found_and_comes_again() {
        let planted = target(|input| assert!(!matches!(input, [1, 2, 0xff, ..])));
        let found = find(&planted, 100_000).unwrap_err();
        assert_eq!((&found.input[..3], found.why), (&[1, 2, 0xff][..], Why::Panicked));
        assert_eq!(execute(&planted, &found.input), Err(Why::Panicked));
        assert_eq!(execute(&planted, &[1, 2]), Ok(0));
    }

    #[test]
    fn too_much_memory_is_found() {
        let planted = target(|input| {
            let size = input.get(1).map_or(0, |byte| usize::from(*byte));
            std::hint::black_box(Vec::<u8>::with_capacity(size));
        });
        let found = find(&planted, 100_000).unwrap_err();
        assert!(matches!(found.why, Why::Held { bytes: 101.., bound: 100 }), "{found:?}");
    }

    #[test]
    fn where_nothing_is_wrong_all_executions_are_made_and_counted() {
        let tally = find(&target(|_| {}), 1000).unwrap();
        assert_eq!((tally.executions, tally.most_held), (1000, 0));
    }

    #[test]
    fn an_input_that_fails_is_kept_and_said_how_to_run() {
        let folder = std::env::temp_dir().join(format!("rackpoll-fuzz-{}", std::process::id()));
        let planted = target(|_| {});
        let watch = Watch::new("cargo fuzz", &planted, &folder);
        let told = watch.told(&Found { input: vec![7, 7], why: Why::Panicked });
        let path = told.split("--replay ").nth(1).unwrap();
        assert!(told.contains("cargo fuzz --target planted"), "{told}");
        assert_eq!(fs::read(path).unwrap(), [7, 7]);
        fs::remove_dir_all(&folder).unwrap();
    }
}
