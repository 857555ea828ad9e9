//! The activities: names, inputs and answers. Implemented by the crates beside this one, called by the workflows.
//!
//! The bodies are never run: the macro needs a function to read the types from.

#![expect(clippy::unimplemented, reason = "the macro of the SDK asks for this body")]
#![expect(missing_docs, reason = "the macro generates undocumented associated constants")]

use proto::v1::{
    ApplyStepReply, ApplyStepRequest, CertificateLook, DeleteRowReply, DeleteRowRequest, DomainRecord, EdgeLook,
    FindLostRunsReply, FindLostRunsRequest, HostLook, LoadDomainRequest, LookUpHostRequest, PreflightLook,
    PreflightRequest, ProbeBatchReply, ProbeBatchRequest, ProbeLook, ProbeRequest, ReadBackReply, ReadBackRequest,
    ReadCertificateRequest, ReadEdgeRequest, RecordInventoryReply, RecordInventoryRequest, SavePreflightTokenReply,
    SavePreflightTokenRequest, SweepCopiesReply, SweepCopiesRequest, SweepPage, SweepRequest, WakeDomainReply,
    WakeDomainRequest, WriteManifestsReply, WriteManifestsRequest, WriteStatusReply, WriteStatusRequest,
};
use temporalio_common::ActivityError;
use temporalio_macros::activity_definitions;

/// The row, the claim and the other records in PostgreSQL.
pub struct Store;

/// DNS as the authorities publish it.
pub struct Dns;

/// The Kubernetes API server.
pub struct Cluster;

/// The host as visitors and certificate authorities see it.
pub struct Probe;

/// The manifest directory.
pub struct Record;

/// Temporal itself: runs that are woken from outside.
pub struct Wake;

#[activity_definitions]
impl Store {
    /// Reads the row, opens or advances the claim, and judges the host name. Repeatable: the same row gives the same claim.
    #[activity(name = "loadDomain")]
    pub fn load_domain(_: LoadDomainRequest) -> Result<DomainRecord, ActivityError> {
        unimplemented!()
    }

    /// Writes status, message and details, compare-and-set against the row that was read.
    #[activity(name = "writeStatus")]
    pub fn write_status(_: WriteStatusRequest) -> Result<WriteStatusReply, ActivityError> {
        unimplemented!()
    }

    /// Records which objects a generation owns, before and after they exist.
    #[activity(name = "recordInventory")]
    pub fn record_inventory(_: RecordInventoryRequest) -> Result<RecordInventoryReply, ActivityError> {
        unimplemented!()
    }

    /// Deletes the row after a verified removal, if it is still `disabled` and unchanged.
    #[activity(name = "deleteRow")]
    pub fn delete_row(_: DeleteRowRequest) -> Result<DeleteRowReply, ActivityError> {
        unimplemented!()
    }

    /// Saves a token that the challenge responder answers until it expires.
    #[activity(name = "savePreflightToken")]
    pub fn save_preflight_token(_: SavePreflightTokenRequest) -> Result<SavePreflightTokenReply, ActivityError> {
        unimplemented!()
    }

    /// Finds rows that changed since the worker last saw them, and rows and claims that disagree.
    #[activity(name = "sweepRows")]
    pub fn sweep_rows(_: SweepRequest) -> Result<SweepPage, ActivityError> {
        unimplemented!()
    }
}

#[activity_definitions]
impl Dns {
    /// Asks every authoritative address of the host's zone, and of each zone of its alias chain.
    #[activity(name = "lookUpHost")]
    pub fn look_up_host(_: LookUpHostRequest) -> Result<HostLook, ActivityError> {
        unimplemented!()
    }
}

#[activity_definitions]
impl Probe {
    /// Fetches a token over port 80 from every published address, as a certificate authority would.
    #[activity(name = "preflightHttp01")]
    pub fn preflight_http01(_: PreflightRequest) -> Result<PreflightLook, ActivityError> {
        unimplemented!()
    }

    /// Looks at the live host over TLS and HTTP from outside.
    #[activity(name = "probeHost")]
    pub fn probe_host(_: ProbeRequest) -> Result<ProbeLook, ActivityError> {
        unimplemented!()
    }

    /// Looks at many live hosts, one try each.
    #[activity(name = "probeHosts")]
    pub fn probe_hosts(_: ProbeBatchRequest) -> Result<ProbeBatchReply, ActivityError> {
        unimplemented!()
    }
}

#[activity_definitions]
impl Cluster {
    /// Classifies the Certificate by its conditions, requests, orders and challenges.
    #[activity(name = "readCertificate")]
    pub fn read_certificate(_: ReadCertificateRequest) -> Result<CertificateLook, ActivityError> {
        unimplemented!()
    }

    /// Returns as soon as the certificate differs from what the caller saw, at most two minutes later.
    #[activity(name = "awaitCertificate")]
    pub fn await_certificate(_: ReadCertificateRequest) -> Result<CertificateLook, ActivityError> {
        unimplemented!()
    }

    /// Checks who else claims the host, and whether the edge is guarded by a validating webhook.
    #[activity(name = "readEdge")]
    pub fn read_edge(_: ReadEdgeRequest) -> Result<EdgeLook, ActivityError> {
        unimplemented!()
    }

    /// Writes or deletes one object.
    #[activity(name = "applyStep")]
    pub fn apply_step(_: ApplyStepRequest) -> Result<ApplyStepReply, ActivityError> {
        unimplemented!()
    }

    /// Reads back whether deleted objects are gone.
    #[activity(name = "readBack")]
    pub fn read_back(_: ReadBackRequest) -> Result<ReadBackReply, ActivityError> {
        unimplemented!()
    }

    /// Compares the Secret copies of many domains with their sources.
    #[activity(name = "sweepCopies")]
    pub fn sweep_copies(_: SweepCopiesRequest) -> Result<SweepCopiesReply, ActivityError> {
        unimplemented!()
    }
}

#[activity_definitions]
impl Wake {
    /// Signals a tenant's run, and starts it if none is open, in one atomic call.
    #[activity(name = "wakeDomain")]
    pub fn wake_domain(_: WakeDomainRequest) -> Result<WakeDomainReply, ActivityError> {
        unimplemented!()
    }

    /// Says of which tenants no run is open.
    #[activity(name = "findLostRuns")]
    pub fn find_lost_runs(_: FindLostRunsRequest) -> Result<FindLostRunsReply, ActivityError> {
        unimplemented!()
    }
}

#[activity_definitions]
impl Record {
    /// Writes the manifests of an apply for reviewers, when the manifest directory is set.
    #[activity(name = "writeManifests")]
    pub fn write_manifests(_: WriteManifestsRequest) -> Result<WriteManifestsReply, ActivityError> {
        unimplemented!()
    }
}

pub use cluster::{ApplyStep, AwaitCertificate, ReadBack, ReadCertificate, ReadEdge, SweepCopies};
pub use dns::LookUpHost;
pub use probe::{PreflightHttp01, ProbeHost, ProbeHosts};
pub use record::WriteManifests;
pub use store::{DeleteRow, LoadDomain, RecordInventory, SavePreflightToken, SweepRows, WriteStatus};
pub use wake::{FindLostRuns, WakeDomain};
