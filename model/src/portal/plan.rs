//! What a round may do next. Plans are complete data: each step names what it touches and what it was computed from.

use crate::portal::record::{ObjectKind, OwnedObject};
use crate::reason::ReasonCode;

/// One look at the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Look {
    /// Every authoritative server of the host; answers dns and ownership.
    Dns,
    /// The HTTP-01 path from every published address, and who else claims the host at the edge.
    Preflight,
    /// The Certificate and what hangs on it.
    Certificate,
    /// The same, returning when it changes, at most two minutes later.
    AwaitCertificate,
    /// The objects at the edge, and who else claims the host.
    Edge,
    /// The host from outside; `patient` goes on trying for a while after an apply.
    Probe {
        /// Goes on trying within the activity.
        patient: bool,
    },
}

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Claims the names of the objects in the inventory, if the row still asks for this host.
    RecordInventory(Vec<OwnedObject>),
    /// Writes the Certificate.
    ApplyCertificate,
    /// Deletes a Certificate whose order failed and from which nothing serves, so that it can be made again.
    DiscardFailedCertificate(OwnedObject),
    /// Copies the Secret to the gateway's namespace.
    CopySecret,
    /// Writes the route.
    ApplyVirtualService,
    /// Writes the Gateway.
    ApplyGateway,
    /// Writes the manifests for reviewers.
    WriteManifests,
    /// Deletes one object of a generation that is no longer wanted.
    Delete(OwnedObject),
    /// Deletes what cert-manager left of a Certificate: its Orders.
    DeleteOrders(OwnedObject),
}

impl Step {
    /// The step's name on the wire, in metrics and in answers.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RecordInventory(_) => "record_inventory",
            Self::ApplyCertificate => "apply_certificate",
            Self::DiscardFailedCertificate(_) => "delete_certificate",
            Self::CopySecret => "copy_secret",
            Self::ApplyVirtualService => "apply_virtual_service",
            Self::ApplyGateway => "apply_gateway",
            Self::WriteManifests => "write_manifests",
            Self::Delete(object) => match object.kind {
                ObjectKind::VirtualService => "delete_virtual_service",
                ObjectKind::Gateway => "delete_gateway",
                ObjectKind::SecretCopy => "delete_secret_copy",
                ObjectKind::Certificate => "delete_certificate",
                ObjectKind::Secret => "delete_secret",
            },
            Self::DeleteOrders(_) => "delete_orders",
        }
    }

    /// The object that the step deletes, if it deletes one.
    pub const fn deletes(&self) -> Option<&OwnedObject> {
        match self {
            Self::Delete(object) | Self::DeleteOrders(object) | Self::DiscardFailedCertificate(object) => Some(object),
            Self::RecordInventory(_)
            | Self::ApplyCertificate
            | Self::CopySecret
            | Self::ApplyVirtualService
            | Self::ApplyGateway
            | Self::WriteManifests => None,
        }
    }
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Look at these, at the same time.
    Look(Vec<Look>),
    /// Do these, one after the other.
    Apply(Plan),
    /// The claim expired long ago and owns nothing: the row goes, and the run ends.
    Release,
    /// Nothing to do before `until_ms`, unless somebody asks.
    Rest {
        /// When to go on, Unix milliseconds.
        until_ms: i64,
        /// What we wait for, for people.
        why: String,
    },
}

/// Steps for one generation of one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Tenant that every step belongs to.
    pub tenant: String,
    /// Domain that every step belongs to.
    pub domain_id: String,
    /// Host that every write serves.
    pub host: String,
    /// Generation that every write belongs to.
    pub generation: u64,
    /// Slug of the object names.
    pub slug: String,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// Verdict of the independent check of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The plan may be applied.
    Accept,
    /// It may not: why, and a sentence for operators.
    Refuse {
        /// The rule that it breaks.
        rule: &'static str,
        /// Reason shown while the plan is withheld.
        reason: ReasonCode,
    },
}
