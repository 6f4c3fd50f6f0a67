use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_snmp::{Auth, Client, ClientBuilder, Error, ErrorStatus, Retry};
use bytes::Bytes;
use rackpoll_model::{Fault, FaultKind, Oid, SnmpCredential, SnmpSecurity, SnmpUser, Value, VarBind};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    SnmpSockets,
    agent::{Answer, Failure},
    keys::des_salt,
    message::Kind,
    report::{Report, level},
    session::failure,
    wire::{LONGEST_EXCHANGE, Wire},
};

/// A conversation over SNMPv3, through the library.
pub(crate) struct Usm {
    client: Client<Wire>,
    /// For agents that do not authenticate what they say about their time, against RFC 3414, clause 3.2 step 7a.
    lax: OnceLock<Client<Wire>>,
    wire: Wire,
    auth: Auth,
    user: SnmpUser,
    /// The same user without privacy, to find out whether it is that which keeps an agent silent.
    doubted: Option<Auth>,
    /// How long an answer without privacy took, in milliseconds and never 0: with privacy it comes as soon, or never. 0: none has come.
    suspected: AtomicU64,
    /// An answer with privacy has come, and no silence since.
    proven: AtomicBool,
    /// How often the agent's engine had to be asked for anew.
    renewed: AtomicU32,
}

/// An agent that has told its engine id and says nothing more for so long may not be able to decrypt what it gets: many
/// keep silent then, where RFC 3414, clause 3.2 step 8a wants a report.
const DOUBTFUL: Duration = Duration::from_secs(1);
/// snmpEngineBoots.0 (RFC 3411), which stands in the clear in every message anyway.
const ENGINE_BOOTS: [u32; 11] = [1, 3, 6, 1, 6, 3, 10, 2, 1, 2, 0];

impl Usm {
    pub(crate) fn open(sockets: &SnmpSockets, wire: Wire, user: &SnmpUser) -> Result<Self, Fault> {
        let auth = sockets.keys().auth(&SnmpCredential::V3(user.clone()))?;
        let doubted = match &user.security {
            SnmpSecurity::AuthPriv((protocol, password), _) => {
                let user = SnmpUser {
                    name: user.name.clone(),
                    security: SnmpSecurity::Auth(*protocol, password.clone()),
                    context: String::new(),
                };
                Some(sockets.keys().auth(&SnmpCredential::V3(user))?)
            }
            _ => None,
        };
        let client = client(&auth, &wire, false)?;
        Ok(Self {
            client,
            lax: OnceLock::new(),
            wire,
            auth,
            user: user.clone(),
            doubted,
            suspected: AtomicU64::new(0),
            proven: AtomicBool::new(false),
            renewed: AtomicU32::new(0),
        })
    }

    /// Ends where the privacy password is found to be wrong, and never else: the agent answers to the user without privacy,
    /// and to the same question with privacy it does not.
    async fn privacy_is_wrong(&self, asking: &Client<Wire>) -> Fault {
        if let Some(auth) = &self.doubted {
            let question = async_snmp::Oid::from_slice(&ENGINE_BOOTS);
            // A refusal is authenticated, too.
            let answers = |answer: &async_snmp::Result<_>| match answer {
                Ok(_) => true,
                Err(error) => matches!(error.exchange_source(), Error::Snmp { .. }),
            };
            if self.suspected.load(Ordering::Relaxed) == 0 {
                sleep(DOUBTFUL).await;
            }
            // It has told its engine id, and so it is there.
            if self.suspected.load(Ordering::Relaxed) == 0
                && self.wire.heard().ever
                && let Ok(probe) = client(auth, &self.wire.beside(), false)
            {
                let begun = Instant::now();
                let answer = probe.get(&question).await;
                let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
                self.suspected.store(if answers(&answer) { took } else { 0 }, Ordering::Relaxed);
            }
            let took = Duration::from_millis(self.suspected.load(Ordering::Relaxed));
            if !took.is_zero() {
                match timeout(took.saturating_mul(3).max(DOUBTFUL), asking.get(&question)).await {
                    Ok(answer) if answers(&answer) => self.proven.store(true, Ordering::Relaxed),
                    _ => return Report::DecryptionError.fault(&self.user),
                }
            }
        }
        std::future::pending().await
    }

    pub(crate) async fn exchange(&self, kind: Kind, oids: &[Oid]) -> Result<Answer, Failure> {
        let oids: Vec<async_snmp::Oid> =
            oids.iter().map(|oid| async_snmp::Oid::from_slice(oid.numbers())).collect();
        let mut lax = None;
        // One engine is asked for anew, and, where that was not it, taken at its unauthenticated word about the time, for one
        // request: the word moves no clock that we keep.
        for turn in 0..3 {
            let asking = lax.as_ref().or(self.lax.get()).unwrap_or(&self.client);
            self.wire.heard().may_ask_anew = turn == 0;
            // Boxed: the library's futures are large, and thousands of polls wait with one at a time.
            let answer = Box::pin(once(asking, kind, &oids));
            let answer = if self.doubted.is_none() || self.proven.load(Ordering::Relaxed) {
                answer.await
            } else {
                tokio::select! {
                    biased;
                    answer = answer => answer,
                    fault = Box::pin(self.privacy_is_wrong(asking)) => return Err(Failure::Fault(fault)),
                }
            };
            let error = match answer {
                Ok(varbinds) => {
                    self.proven.store(true, Ordering::Relaxed);
                    if let Some(lax) = lax {
                        let _ = self.lax.set(lax);
                    }
                    return Ok(self.answer(varbinds));
                }
                Err(error) => error,
            };
            let report = match error.exchange_source() {
                Error::Report { status, .. } => Some(Report::of(status)),
                _ => self.wire.heard().report,
            };
            match report {
                Some(report) if report.is_about_the_engine() && turn < 2 => {
                    self.renewed.fetch_add(1, Ordering::Relaxed);
                    if turn == 1 && report == Report::NotInTimeWindow && self.lax.get().is_none() {
                        lax = Some(client(&self.auth, &self.wire, true).map_err(Failure::Fault)?);
                    } else if let Err(error) = Box::pin(asking.rediscover_engine()).await {
                        return Err(self.failure(&error, None));
                    }
                }
                report => return Err(self.failure(&error, report)),
            }
        }
        Err(Failure::Fault(Fault::new(FaultKind::Internal, "an exchange without an end")))
    }

    /// How often the agent's engine had to be asked for anew.
    pub(crate) fn renewed(&self) -> u32 {
        self.renewed.load(Ordering::Relaxed)
    }

    /// What silence of the agent is about.
    pub(crate) fn silence(&self) -> Fault {
        // The agent may have got another privacy password since it answered.
        self.proven.store(false, Ordering::Relaxed);
        self.suspected.store(0, Ordering::Relaxed);
        let context = match self.user.context.as_str() {
            "" => String::new(),
            context => {
                format!(", and v3-context: some agents stay silent on one that they lack, here {context:?}")
            }
        };
        let what = format!("no answer within the deadline; check address, port and firewall{context}");
        Fault::new(FaultKind::Timeout, what)
    }

    fn answer(&self, varbinds: Vec<async_snmp::VarBind>) -> Answer {
        let size = self.wire.heard().size;
        Answer { varbinds: varbinds.into_iter().map(varbind).collect(), size }
    }

    fn failure(&self, error: &Error, report: Option<Report>) -> Failure {
        if let Some(report) = report {
            return Failure::Fault(report.fault(&self.user));
        }
        match error.exchange_source() {
            // RFC 3413, clause 3.2: not about an object, but about user, security level and context.
            Error::Snmp { status: ErrorStatus::AuthorizationError, .. } => {
                Failure::Fault(no_access(&self.user))
            }
            error => failure(error),
        }
    }
}

/// The agent knows the user and lets it see nothing.
fn no_access(user: &SnmpUser) -> Fault {
    let more = match user.security {
        SnmpSecurity::None => {
            "; it may want v3-auth-proto and v3-auth-password, and v3-priv-proto and v3-priv-password"
        }
        SnmpSecurity::Auth(..) => "; it may want v3-priv-proto and v3-priv-password",
        SnmpSecurity::AuthPriv(..) => "",
    };
    let (name, level) = (&user.name, level(user));
    let what = format!(
        "the agent gives the user {name:?} no access at the security level {level} (authorizationError){more}; else give it a view there"
    );
    Fault::new(FaultKind::InsufficientPrivilege, what)
}

fn client(auth: &Auth, wire: &Wire, lax: bool) -> Result<Client<Wire>, Fault> {
    let builder = ClientBuilder::new(auth.clone())
        // The wire sends again by itself.
        .retry(Retry::none())
        .request_timeout(LONGEST_EXCHANGE)
        // How much is asked at once is decided by the walks.
        .max_oids_per_request(usize::MAX)
        .allow_unauthenticated_v3_time_correction(lax)
        .des_salt_state(des_salt()?);
    builder
        .build_with_transport(wire.clone())
        .map_err(|error| Fault::new(FaultKind::Internal, error.to_string()))
}

async fn once(
    client: &Client<Wire>,
    kind: Kind,
    oids: &[async_snmp::Oid],
) -> async_snmp::Result<Vec<async_snmp::VarBind>> {
    match kind {
        Kind::Get => client.get_many(oids).await.map(|response| response.varbinds),
        Kind::GetNext => client.get_next_many(oids).await.map(|response| response.varbinds),
        Kind::GetBulk(repetitions) => {
            client.get_bulk_with_metadata(oids, 0, repetitions).await.map(|response| response.varbinds)
        }
    }
}

pub(crate) fn varbind(varbind: async_snmp::VarBind) -> VarBind {
    VarBind { oid: Oid::new(varbind.oid.arcs()), value: value(varbind.value) }
}

fn value(value: async_snmp::Value) -> Value {
    use async_snmp::Value as Wire;
    let bytes = |bytes: Bytes| Box::from(&bytes[..]);
    match value {
        Wire::Integer(number) => Value::Integer(number),
        Wire::OctetString(string) => Value::OctetString(bytes(string)),
        Wire::Null => Value::Null,
        Wire::ObjectIdentifier(oid) => Value::ObjectId(Oid::new(oid.arcs())),
        Wire::IpAddress(address) => Value::IpAddress(address.into()),
        Wire::Counter32(number) => Value::Counter32(number),
        Wire::Gauge32(number) => Value::Gauge32(number),
        Wire::UInteger32(number) => Value::UInteger32(number),
        Wire::TimeTicks(ticks) => Value::TimeTicks(ticks),
        Wire::Opaque(contents) => Value::Opaque(bytes(contents)),
        Wire::Nsap(contents) => Value::Nsap(bytes(contents)),
        Wire::Counter64(number) => Value::Counter64(number),
        Wire::NoSuchObject => Value::NoSuchObject,
        Wire::NoSuchInstance => Value::NoSuchInstance,
        Wire::EndOfMibView => Value::EndOfMibView,
        Wire::Unknown { tag, data } => Value::Unknown { tag, data: bytes(data) },
        // The library may learn new ones; a value of a kind that nobody knows is one that cannot be read.
        _ => Value::Malformed(Box::default()),
    }
}
