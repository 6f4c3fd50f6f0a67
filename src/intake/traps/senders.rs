use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use futures_util::StreamExt;
use ipnet::IpNet;
use rackpoll_model::{Metric, Oid, PollRequest, Secret, SecurityLevel, SnmpCredential, SnmpRequest};
use rackpoll_snmp::{
    names::Names,
    traps::{Envelope, Proof},
};
use subtle::ConstantTimeEq;

use crate::{
    config::{Config, Name, ScheduledPoll, Traps},
    job::Credential,
};

/// How long looking up a device's name may take.
const LOOKUP_LIMIT: Duration = Duration::from_secs(5);
/// Names that are looked up side by side.
const LOOKUPS: usize = 16;
/// linkDown and linkUp (RFC 2863).
const LINK_TRAPS: [[u32; 10]; 2] = [[1, 3, 6, 1, 6, 3, 1, 1, 5, 3], [1, 3, 6, 1, 6, 3, 1, 1, 5, 4]];
/// `interfaces` and `ifMIB` (RFC 2863).
const INTERFACES: [[u32; 7]; 2] = [[1, 3, 6, 1, 2, 1, 2], [1, 3, 6, 1, 2, 1, 31]];

/// Who may send notifications: the devices, by their addresses, and what they have to know.
pub(super) struct Senders {
    pub(super) devices: Vec<Sender>,
    keys: Vec<Key>,
    relays: Vec<IpNet>,
    /// The devices at an address.
    places: RwLock<HashMap<IpAddr, Arc<[usize]>>>,
}

/// A device.
pub(super) struct Sender {
    pub(super) name: Name,
    pub(super) node: Option<Name>,
    /// As it is written.
    pub(super) host: String,
    /// Its address, or a name to look up.
    place: Result<IpAddr, String>,
    credential: Option<Name>,
    pub(super) polls: Vec<Raised>,
}

/// A poll that notifications of its device may raise.
pub(super) struct Raised {
    pub(super) poll: Arc<ScheduledPoll>,
    is_of_interfaces: bool,
}

/// A credential that notifications may come with.
struct Key {
    credential: Name,
    networks: Vec<IpNet>,
    what: KeyKind,
}

enum KeyKind {
    Community(Secret),
    User(String, SecurityLevel),
}

/// Why a notification is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    UnknownSource,
    WrongCommunity,
    WrongUser,
}

impl Senders {
    pub(super) fn new(traps: &Traps, config: &Config) -> Self {
        let mut polls: HashMap<&Name, Vec<Raised>> = HashMap::new();
        for poll in &config.polls {
            let is_of_interfaces = is_of_interfaces(&poll.request, &config.names);
            polls.entry(&poll.device).or_default().push(Raised { poll: Arc::clone(poll), is_of_interfaces });
        }
        let devices: Vec<Sender> = config
            .devices
            .iter()
            .map(|(name, device)| Sender {
                name: name.clone(),
                node: device.node.clone(),
                host: device.host.as_str().to_owned(),
                place: device
                    .host
                    .address()
                    .map(|address| address.to_canonical())
                    .ok_or_else(|| device.host.target(0).name),
                credential: device.credential.clone(),
                polls: polls.remove(name).unwrap_or_default(),
            })
            .collect();
        let keys = traps.credentials.iter().filter_map(|(name, credential)| {
            let Some(Credential::Snmp(snmp)) = &credential.snmp else { return None };
            let what = match snmp {
                SnmpCredential::V1(community) | SnmpCredential::V2c(community) => {
                    KeyKind::Community(community.clone())
                }
                SnmpCredential::V3(user) => KeyKind::User(user.name.clone(), user.security.level()),
            };
            Some(Key { credential: name.clone(), networks: credential.networks.clone(), what })
        });
        let keys = keys.collect();
        let senders = Self { devices, keys, relays: traps.relays.clone(), places: RwLock::default() };
        senders.place(&HashMap::new());
        senders
    }

    /// Looks up the devices that are known by name; where that fails, the addresses of the last time stay.
    pub(super) async fn resolve(&self) {
        let named: Vec<_> = (self.devices.iter().enumerate())
            .filter_map(|(index, device)| Some(look_up(index, device.place.clone().err()?)))
            .collect();
        let found: Vec<_> = futures_util::stream::iter(named).buffer_unordered(LOOKUPS).collect().await;
        if found.is_empty() {
            return;
        }
        let lost = found.iter().filter(|(_, addresses)| addresses.is_none()).count();
        if lost > 0 {
            tracing::warn!(
                devices = lost,
                "no address for the names of some devices: their traps are not known as theirs"
            );
        }
        let known = |index: usize| -> Vec<IpAddr> {
            let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
            places.iter().filter(|(_, here)| here.contains(&index)).map(|(at, _)| *at).collect()
        };
        let found = found
            .into_iter()
            .map(|(index, addresses)| (index, addresses.unwrap_or_else(|| known(index))))
            .collect();
        self.place(&found);
    }

    fn place(&self, found: &HashMap<usize, Vec<IpAddr>>) {
        let mut places: HashMap<IpAddr, Vec<usize>> = HashMap::new();
        for (index, device) in self.devices.iter().enumerate() {
            let addresses = match &device.place {
                Ok(address) => std::slice::from_ref(address),
                Err(_) => found.get(&index).map_or([].as_slice(), Vec::as_slice),
            };
            for address in addresses {
                let here = places.entry(*address).or_default();
                if !here.contains(&index) {
                    here.push(index);
                }
            }
        }
        let places = places.into_iter().map(|(at, here)| (at, here.into())).collect();
        *self.places.write().unwrap_or_else(PoisonError::into_inner) = places;
    }

    /// The devices that a notification is of, and the address by which they are known. What a relay sends is of the device
    /// that it names.
    pub(super) fn find(&self, source: IpAddr, agent: Option<IpAddr>) -> Option<(IpAddr, Arc<[usize]>)> {
        let source = source.to_canonical();
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let at = |address: IpAddr| places.get(&address).map(|here| (address, Arc::clone(here)));
        at(source).or_else(|| {
            let is_relay = self.relays.iter().any(|network| network.contains(&source));
            agent.filter(|_| is_relay).and_then(|agent| at(agent.to_canonical()))
        })
    }

    /// Whether a notification is of a device, and knows what it has to know: the address.
    pub(super) fn judge(&self, envelope: &Envelope<'_>) -> Result<IpAddr, Refusal> {
        let (address, devices) =
            self.find(envelope.source.ip(), envelope.agent).ok_or(Refusal::UnknownSource)?;
        let is_for = |key: &&Key| {
            let is_own = |index: &usize| {
                self.devices
                    .get(*index)
                    .is_some_and(|device| device.credential.as_ref() == Some(&key.credential))
            };
            devices.iter().any(is_own) || key.networks.iter().any(|network| network.contains(&address))
        };
        let keys = self.keys.iter().filter(is_for);
        match envelope.proof {
            Proof::Community(theirs) => {
                // All are compared, however early one fits.
                let fits = keys.fold(subtle::Choice::from(0), |fits, key| match &key.what {
                    KeyKind::Community(ours) => fits | ours.expose().ct_eq(theirs),
                    KeyKind::User(..) => fits,
                });
                if fits.into() { Ok(address) } else { Err(Refusal::WrongCommunity) }
            }
            Proof::User(name, level) => {
                // Whoever has keys has to use them.
                let fits = |key: &Key| matches!(&key.what, KeyKind::User(ours, least) if ours.as_bytes() == name && level >= *least);
                if keys.into_iter().any(fits) { Ok(address) } else { Err(Refusal::WrongUser) }
            }
        }
    }
}

async fn look_up(index: usize, name: String) -> (usize, Option<Vec<IpAddr>>) {
    let addresses = tokio::time::timeout(LOOKUP_LIMIT, tokio::net::lookup_host((name, 0))).await;
    let addresses = addresses.ok().and_then(Result::ok);
    (index, addresses.map(|found| found.map(|address| address.ip().to_canonical()).collect()))
}

impl Sender {
    /// The polls that a notification raises, by their places.
    pub(super) fn raised_by(&self, oid: &Oid) -> Vec<usize> {
        let is_link = LINK_TRAPS.iter().any(|link| oid.numbers() == link);
        // Paused pollers run by what names them, and by nothing else.
        let says_nothing = |raised: &Raised| {
            let is_snmp = matches!(raised.poll.request, PollRequest::Snmp(_));
            raised.poll.traps.is_none() && is_snmp && !raised.poll.paused
        };
        let only_interfaces =
            is_link && self.polls.iter().any(|raised| says_nothing(raised) && raised.is_of_interfaces);
        let is_raised = |raised: &Raised| match &raised.poll.traps {
            Some(traps) => traps.iter().any(|root| oid.is_within(root)),
            None => says_nothing(raised) && (raised.is_of_interfaces || !only_interfaces),
        };
        self.polls
            .iter()
            .enumerate()
            .filter(|(_, raised)| is_raised(raised))
            .map(|(place, _)| place)
            .collect()
    }
}

/// Whether a poll tells of interfaces.
fn is_of_interfaces(request: &PollRequest, names: &Names) -> bool {
    match request {
        PollRequest::Ipmi(_) => false,
        PollRequest::Snmp(SnmpRequest::Metric(request)) => matches!(
            request.metric,
            Metric::InterfaceState | Metric::InterfaceBandwidthUtilization | Metric::TxRxCounters
        ),
        PollRequest::Snmp(request) => request.oids().iter().any(|oid| {
            let interfaces = |oid: Oid| INTERFACES.iter().any(|root| oid.numbers().starts_with(root));
            names.resolve(oid).is_ok_and(interfaces)
        }),
    }
}

#[cfg(test)]
mod tests;
