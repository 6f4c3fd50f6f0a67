use std::sync::Arc;

use super::{Calm, Rules, Window};

/// What is looked for in a poller's results, and how calmly it is told.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// Rules of the tags, of the device, of the poller or the command, in this order: the later has the say.
    pub rules: Vec<Arc<Rules>>,
    /// How calmly.
    pub calm: Arc<Calm>,
    /// When nothing is told.
    pub maintenance: Vec<Arc<Window>>,
    /// RackHD's type of the node, in its events.
    pub node_type: Option<Arc<str>>,
}

impl Watch {
    /// Whether a maintenance window is open.
    pub fn is_quiet(&self, now: i64) -> bool {
        self.maintenance.iter().any(|window| window.covers(now))
    }

    /// All rules in their order.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rules> + Clone {
        self.rules.iter().map(|rules| &**rules)
    }
}
