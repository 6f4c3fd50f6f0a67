use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
    subscriber::Interest,
};

/// Most datagrams that are read in a second, whatever they are; what comes beyond waits in the socket's buffer, and then
/// the system drops it. Traps are decoded and compared in some microseconds, so that this takes a few percent of a
/// processor (docs/traps.md has the measurement).
pub const READS_A_SECOND: u32 = 10_000;
/// They are counted by spans of this length: a storm that is short is read as fast as it comes.
const SPAN: Duration = Duration::from_millis(100);
const READS_A_SPAN: u32 = READS_A_SECOND / 10;

/// Datagrams that came to nothing before anybody was asked, since the start.
#[derive(Debug, Default)]
pub struct Heard {
    /// Not to be decoded as a message of SNMP, or a notification without its two first variables. Where the privacy key of AES
    /// is wrong, that is how its contents look.
    pub undecodable: AtomicU64,
    /// SNMPv3: a user that nobody knows.
    pub unknown_user: AtomicU64,
    /// SNMPv3: a wrong authentication or privacy key.
    pub wrong_key: AtomicU64,
    /// SNMPv3: outside the time window: an old message that was sent again, or a sender that does not know our time yet.
    pub not_in_time: AtomicU64,
    /// SNMPv3: a security level that the user has no keys for.
    pub wrong_level: AtomicU64,
    /// SNMPv3: an inform for another engine.
    pub other_engine: AtomicU64,
    /// Times that the socket could not be read.
    pub socket_failures: AtomicU64,
}

/// Hears what the library says of the datagrams that it drops, counts them, and holds its thread up where there are too
/// many. The library has no other way to tell: the messages are those of the version in Cargo.toml.
pub(super) struct Ear {
    heard: Arc<Heard>,
    pace: Mutex<Pace>,
    /// The next `failed to parse` is about a message that was counted already.
    is_counted: AtomicBool,
}

struct Pace {
    begun: Instant,
    reads: u32,
}

impl Ear {
    pub(super) fn new(heard: Arc<Heard>) -> Self {
        let pace = Mutex::new(Pace { begun: Instant::now(), reads: 0 });
        Self { heard, pace, is_counted: AtomicBool::new(false) }
    }

    pub(super) fn socket_failed(&self) {
        count(&self.heard.socket_failures);
    }

    /// One datagram more; sleeps out the span where that was its last. Nothing else runs on this thread.
    pub(super) fn pace(&self) {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let end = pace.begun + SPAN;
        if now >= end {
            *pace = Pace { begun: now, reads: 0 };
        }
        pace.reads += 1;
        if pace.reads >= READS_A_SPAN {
            std::thread::sleep(end.saturating_duration_since(now));
            *pace = Pace { begun: Instant::now(), reads: 0 };
        }
    }

    fn dropped(&self, said: &Said) {
        let heard = &*self.heard;
        match said.message.as_str() {
            "USM processing failed for inbound message" => match said.failure.as_str() {
                "WrongDigests" | "DecryptionErrors" => return self.count_ahead(&heard.wrong_key),
                "NotInTimeWindows" => return self.count_ahead(&heard.not_in_time),
                "UnknownUserNames" => count(&heard.unknown_user),
                "UnsupportedSecLevels" => count(&heard.wrong_level),
                // So a sender asks for our engine id.
                _ => {}
            },
            "message outside time window" => return self.count_ahead(&heard.not_in_time),
            "dropped v3 Inform localized to a foreign authoritative engine ID" => count(&heard.other_engine),
            "failed to parse notification" => {
                if !self.is_counted.swap(false, Ordering::Relaxed) {
                    count(&heard.undecodable);
                }
            }
            _ => return,
        }
        self.pace();
    }

    /// The library will say of this message that it could not be parsed, too.
    fn count_ahead(&self, counter: &AtomicU64) {
        count(counter);
        self.is_counted.store(true, Ordering::Relaxed);
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn is_of_interest(metadata: &Metadata<'_>) -> bool {
    metadata.is_event()
        && *metadata.level() == Level::WARN
        && matches!(metadata.target(), "async_snmp::notification" | "async_snmp::v3")
}

impl Subscriber for Ear {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_of_interest(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_of_interest(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn event(&self, event: &Event<'_>) {
        let mut said = Said::default();
        event.record(&mut said);
        self.dropped(&said);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Said {
    message: String,
    failure: String,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "snmp.failure" => self.failure = format!("{value:?}"),
            _ => {}
        }
    }
}

/// The last column of /proc/net/udp and udp6 for the socket of this address.
pub(super) fn dropped_by_system(address: SocketAddr) -> Option<u64> {
    let (file, words) = match address {
        SocketAddr::V4(v4) => ("udp", vec![v4.ip().octets()]),
        SocketAddr::V6(v6) => {
            let octets = v6.ip().octets();
            ("udp6", octets.as_chunks::<4>().0.to_vec())
        }
    };
    // The kernel prints the words as they lie in memory.
    let words: String = words.into_iter().map(|word| format!("{:08X}", u32::from_ne_bytes(word))).collect();
    let local = format!("{words}:{:04X}", address.port());
    let drops = || {
        let table = std::fs::read_to_string(format!("/proc/self/net/{file}")).ok()?;
        let row = table.lines().find(|row| row.split_whitespace().nth(1) == Some(&local))?;
        row.split_whitespace().last()?.parse().ok()
    };
    // The table is read in pieces, and where another socket goes meanwhile a row may be left out.
    (0..5).find_map(|_| drops())
}
