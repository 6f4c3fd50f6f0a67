use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rackpoll_ipmi::{command::Privilege, crypto::CipherSuite};
use rackpoll_model::Secret;

use super::{
    Outages, RackError,
    device::{Device, Host},
    models,
};
use crate::{
    bmc::{Behaviour, BmcConfig, BmcServer, Quirks, User},
    content::{incident::Rate, model::Model},
    link::Faults,
    random::hash,
    snmp::{self, Agent, AgentModel},
};

/// User of every simulated BMC, an administrator. A simulated BMC guards nothing: its password is no secret.
pub const DEFAULT_USER: &str = "admin";
/// Its password, unless the configuration says otherwise.
pub const DEFAULT_PASSWORD: &str = "simulated";
/// Community of every simulated agent, unless the configuration says otherwise.
pub const DEFAULT_COMMUNITY: &str = "simulated";
/// A second user with the same password, at USER.
pub const VIEWER: &str = "viewer";

/// What to simulate.
#[derive(Debug, Clone)]
pub struct RackConfig {
    /// How many BMCs.
    pub bmcs: usize,
    /// How many SNMP agents.
    pub agents: usize,
    /// The devices have the addresses after this one; agents begin at the next multiple of 256.
    pub base: Ipv4Addr,
    /// Port of the BMCs; 0 for any free one each. 623, the right one, takes privileges.
    pub bmc_port: u16,
    /// Port of the agents; 0 for any free one each. 161, the right one, takes privileges.
    pub agent_port: u16,
    /// All BMCs of this model; otherwise of all models by turns.
    pub model: Option<String>,
    /// All agents of this make-up; otherwise of all make-ups by turns.
    pub agent_model: Option<String>,
    /// Password of the BMCs' users.
    pub password: Secret,
    /// The BMCs' own key (K_G); none by default.
    pub k_g: Option<Secret>,
    /// Cipher suites that the BMCs offer.
    pub suites: Vec<CipherSuite>,
    /// The BMCs' habits.
    pub quirks: Quirks,
    /// Community of the agents.
    pub community: Secret,
    /// What the link to each device does, each way.
    pub faults: Faults,
    /// The same seed gives the same rack.
    pub seed: u64,
    /// Records that the BMCs' event logs hold, where not as their models.
    pub sel_capacity: Option<u16>,
    /// How often a sensor crosses a threshold or has a fault.
    pub incidents: Rate,
    /// Time that a BMC takes to answer a command.
    pub response_time: Duration,
    /// A BMC's session time-out.
    pub session_timeout: Duration,
    /// Session slots of every BMC; otherwise as its model has them.
    pub slots: Option<usize>,
    /// This many of the BMCs, from the last one on, fail now and then.
    pub failing: usize,
    /// How they fail.
    pub outages: Outages,
}

impl Default for RackConfig {
    fn default() -> Self {
        Self {
            bmcs: 8,
            agents: 3,
            base: Ipv4Addr::new(127, 1, 0, 0),
            bmc_port: 6230,
            agent_port: 1610,
            model: None,
            agent_model: None,
            password: Secret::from(DEFAULT_PASSWORD),
            k_g: None,
            suites: CipherSuite::ENCRYPTED.to_vec(),
            quirks: Quirks::default(),
            community: Secret::from(DEFAULT_COMMUNITY),
            faults: Faults::default(),
            seed: 1,
            sel_capacity: None,
            incidents: Rate::USUAL,
            response_time: Duration::from_millis(1),
            session_timeout: Duration::from_secs(60),
            slots: None,
            failing: 0,
            outages: Outages::USUAL,
        }
    }
}

/// What the devices of a rack are made of.
pub(super) struct MakeUps {
    models: Vec<Arc<Model>>,
    agents: Vec<Arc<AgentModel>>,
    users: Arc<[User]>,
    clock: u32,
}

impl RackConfig {
    /// Where each device is: BMCs, then agents.
    pub(super) fn addresses(&self) -> Result<Vec<SocketAddr>, RackError> {
        let devices = self.bmcs.saturating_add(self.agents);
        let too_far = || RackError::NotLoopback { base: self.base, devices };
        let base = u32::from(self.base);
        let count = |number: usize| u32::try_from(number).map_err(|_| too_far());
        let (bmcs, agents) = (count(self.bmcs)?, count(self.agents)?);
        let first_agent = if bmcs == 0 {
            base
        } else {
            let last = base.checked_add(bmcs).ok_or_else(too_far)?;
            (last & !0xff).checked_add(0x100).ok_or_else(too_far)?
        };
        // The last address of 127/8 is a broadcast address.
        let end = first_agent.checked_add(agents).ok_or_else(too_far)?;
        if !self.base.is_loopback() || end >= u32::from(Ipv4Addr::new(127, 255, 255, 255)) {
            return Err(too_far());
        }
        let at = |number: u32, port: u16| SocketAddr::from((Ipv4Addr::from(number), port));
        let bmcs = (1..=bmcs).map(|place| at(base.wrapping_add(place), self.bmc_port));
        let agents = (1..=agents).map(|place| at(first_agent.wrapping_add(place), self.agent_port));
        Ok(bmcs.chain(agents).collect())
    }

    pub(super) fn make_ups(&self) -> Result<MakeUps, RackError> {
        let models = chosen(models::all(), self.model.as_deref(), |model| model.name)?;
        let agents = chosen(snmp::all_models(), self.agent_model.as_deref(), |model| model.name)?;
        let user = |name: &str, limit| User {
            name: name.to_owned(),
            password: self.password.clone(),
            limit,
            enabled: true,
        };
        let users = Arc::new([user(DEFAULT_USER, Privilege::Administrator), user(VIEWER, Privilege::User)]);
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as u32);
        Ok(MakeUps { models, agents, users, clock })
    }

    /// The device at this place: BMCs come first.
    pub(super) fn device(
        &self,
        place: usize,
        address: SocketAddr,
        make_ups: &MakeUps,
        now: Instant,
    ) -> (Device, Host) {
        let seed = hash(self.seed, &[place as u64]);
        match place.checked_sub(self.bmcs) {
            None => {
                let model = pick(&make_ups.models, place);
                let outages = (place >= self.bmcs.saturating_sub(self.failing)).then_some(self.outages);
                let config = BmcConfig {
                    users: Arc::clone(&make_ups.users),
                    k_g: self.k_g.clone(),
                    suites: self.suites.clone(),
                    quirks: self.quirks.clone(),
                    slots: self.slots.unwrap_or(model.slots),
                    session_timeout: self.session_timeout,
                    response_time: self.response_time,
                    incidents: self.incidents,
                    sel_capacity: self.sel_capacity,
                    clock: make_ups.clock,
                    behaviour: Behaviour::Normal,
                    ..BmcConfig::new(model, seed)
                };
                let name = format!("node{:02}", place.saturating_add(1));
                Host::bmc(name, address, BmcServer::new(config, now), self.faults, outages, now)
            }
            Some(place) => {
                let model: Arc<AgentModel> = pick(&make_ups.agents, place);
                let name = format!("{}{}", model.device, place.saturating_add(1));
                let agent = Agent::new(Arc::clone(&model), name.clone(), seed, self.community.clone(), now);
                Host::agent(name, address, &model, agent, self.faults, seed, now)
            }
        }
    }
}

/// The one of this name, or all.
fn chosen<T>(all: &[Arc<T>], name: Option<&str>, named: fn(&T) -> &str) -> Result<Vec<Arc<T>>, RackError> {
    let Some(name) = name else { return Ok(all.to_vec()) };
    let found = all.iter().find(|model| named(model) == name);
    found.map(|model| vec![Arc::clone(model)]).ok_or_else(|| RackError::UnknownModel {
        name: name.chars().take(64).collect(),
        known: all.iter().map(|model| named(model)).collect::<Vec<_>>().join(", "),
    })
}

/// By turns.
fn pick<T>(among: &[Arc<T>], place: usize) -> Arc<T> {
    // Neither list is ever empty.
    let place = place.checked_rem(among.len()).unwrap_or(0);
    Arc::clone(&among[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_count_up_and_agents_begin_anew() {
        let config =
            RackConfig { bmcs: 300, agents: 2, bmc_port: 623, agent_port: 161, ..RackConfig::default() };
        let addresses = config.addresses().unwrap();
        assert_eq!(addresses[0].to_string(), "127.1.0.1:623");
        assert_eq!(addresses[299].to_string(), "127.1.1.44:623");
        assert_eq!(addresses[300].to_string(), "127.1.2.1:161");
        assert_eq!(addresses.len(), 302);
    }

    #[test]
    fn only_loopback_and_only_what_fits() {
        let base = |base| RackConfig { base, ..RackConfig::default() };
        assert!(base(Ipv4Addr::new(10, 0, 0, 0)).addresses().is_err());
        assert!(base(Ipv4Addr::new(127, 255, 255, 250)).addresses().is_err());
        assert!(base(Ipv4Addr::new(255, 255, 255, 255)).addresses().is_err());
        assert!(RackConfig { bmcs: usize::MAX, ..RackConfig::default() }.addresses().is_err());
    }
}
