//! What a run holds in memory. Everything here is either carried by continue-as-new or read again.

use contract::convert::health_from_carry;
use model::portal::health::Health;
use model::portal::record::{Claim, OwnedObject, Row, RunSettings, Status};
use proto::v1::{PortalDomainInput, ReconcileReply};

/// State of one run.
#[derive(Debug)]
pub(crate) struct RunState {
    /// Tenant, from the workflow id: the only tenant that this run ever works for.
    pub(crate) tenant: String,
    /// Row that the newest believable request named; empty means "the tenant's row".
    pub(crate) wanted_id: String,
    /// Requests received: signals, updates, the start itself.
    pub(crate) requests: u64,
    /// Requests that a round has taken.
    pub(crate) taken: u64,
    /// Requests whose looks have been made; an update waits for its own.
    pub(crate) served: u64,
    /// When requests last made us look at everything.
    pub(crate) asked_ms: i64,
    /// A request is taken, and its looks wait for their distance to the ones before.
    pub(crate) ask_due: bool,
    /// What is known.
    pub(crate) health: Option<Health>,
    /// What was read last.
    pub(crate) loaded: Option<Loaded>,
    /// Face that was last written to the row.
    pub(crate) written: Option<Written>,
    /// Looked at since the last write.
    pub(crate) looked: bool,
    /// When the row was first seen missing; 0 when it is there.
    pub(crate) vanished_ms: i64,
    /// When the current removal began; 0 when none is under way.
    pub(crate) removing_ms: i64,
    /// What the run waits for, for people.
    pub(crate) waiting_for: String,
    /// Outcome of the last round.
    pub(crate) last: ReconcileReply,
    /// Steps of the current round.
    pub(crate) steps: Vec<String>,
    /// When this run began.
    pub(crate) began_ms: i64,
}

/// Row, claim and inventory as last read.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) row: Row,
    pub(crate) claim: Claim,
    pub(crate) inventory: Vec<OwnedObject>,
    /// Ids of earlier rows of the tenant whose objects are in the inventory.
    pub(crate) former_ids: Vec<String>,
    pub(crate) settings: RunSettings,
    pub(crate) worker_build: String,
    /// Since when all removals are held; 0 when they are not.
    pub(crate) removals_held_ms: i64,
}

/// What the row was last told, so that nothing is written twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) status: String,
    pub(crate) message: String,
    pub(crate) reason: String,
    pub(crate) secret_name: String,
    pub(crate) axes: Vec<(String, String)>,
}

impl RunState {
    pub(crate) fn new(tenant: &str, input: &PortalDomainInput) -> Self {
        let resumed = input.carry.as_ref();
        Self {
            tenant: tenant.to_owned(),
            wanted_id: input.portal_domain_id.clone(),
            // A fresh start is a request; a continued run goes on where it was.
            requests: u64::from(resumed.is_none_or(|carry| carry.pending_request)),
            taken: 0,
            served: 0,
            asked_ms: 0,
            ask_due: false,
            health: resumed.filter(|carry| carry.generation > 0).map(health_from_carry),
            loaded: None,
            written: None,
            looked: false,
            vanished_ms: 0,
            removing_ms: 0,
            waiting_for: String::new(),
            last: ReconcileReply::default(),
            steps: Vec::new(),
            began_ms: 0,
        }
    }

    /// Notes a request. Another tenant's is refused: the answer is whether it was taken.
    pub(crate) fn request(&mut self, input: &PortalDomainInput) -> bool {
        if !input.tenant_id.is_empty() && input.tenant_id != self.tenant {
            return false;
        }
        if !input.portal_domain_id.is_empty() {
            self.wanted_id.clone_from(&input.portal_domain_id);
        }
        self.requests += 1;
        true
    }

    pub(crate) fn pending(&self) -> bool {
        self.requests > self.taken
    }

    /// The row is disabled or gone, whether its removal has begun, is held, or waits for a second look.
    pub(crate) fn removing(&self) -> bool {
        self.loaded.as_ref().is_some_and(|loaded| loaded.row.status == Status::Disabled)
    }

    /// A request is waiting, or taken and not served yet.
    pub(crate) fn busy(&self) -> bool {
        self.pending() || self.ask_due || self.served < self.taken
    }
}
