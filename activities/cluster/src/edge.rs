//! Looks at the edge: who claims the host, whether a webhook guards it, and what of ours is there.

use crate::activities::ClusterActivities;
use crate::api::{Effect, text};
use crate::failure::ClusterError;
use crate::fingerprint;
use crate::kind::Kind;
use crate::ownership::{self, Refusal};
use contract::convert::{finding_to_wire, identity_from_wire};
use kube::api::ListParams;
use model::finding::{Evidence, Finding};
use model::portal::axis::EdgeState;
use model::portal::edge::{ClaimKind, Conflict, ObjectRef, OwnObjects, guarded};
use model::portal::manifest;
use model::portal::names::{DomainIdentity, SHARED_HTTP_NAME};
use model::reason::ReasonCode;
use proto::v1::{EdgeLook, ReadEdgeRequest};
use serde_json::Value;
use std::collections::BTreeSet;

/// Answer of a preflight: what an apply would meet, without any effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// Our object and the foreign claim on the host.
    pub conflict: Option<(String, String)>,
    /// A validating webhook with failurePolicy Fail covers the Istio kinds.
    pub guarded: bool,
    /// What the server said against a dry run of the Gateway or VirtualService; `None` when it took both.
    pub rejected: Option<String>,
}

/// The identity of a host that nobody has registered: for a preflight only.
pub fn preflight_identity(host: &str) -> DomainIdentity {
    DomainIdentity {
        tenant_id: "00000000-0000-4000-8000-000000000000".to_owned(),
        portal_domain_id: "00000000-0000-4000-8000-000000000000".to_owned(),
        former_ids: Vec::new(),
        host: host.to_owned(),
        generation: 1,
        fence: 0,
        probe_nonce: "preflight".to_owned(),
        slug: String::new(),
    }
}

impl ClusterActivities {
    /// Looks at the edge for one domain. Never fails: what could not be read is `unknown` with `CLUSTER_READ_UNKNOWN`.
    pub async fn look_at_edge(&self, request: &ReadEdgeRequest) -> EdgeLook {
        let domain = identity_from_wire(request.objects.as_ref());
        match self.edge_look(&domain, request).await {
            Ok(look) => look,
            Err(error) => {
                tracing::warn!(domain.id = %domain.portal_domain_id, error = %error, "could not look at the edge");
                let finding = Finding::<EdgeState>::unknown(ReasonCode::ClusterReadUnknown).evidence(Evidence {
                    server: "kubernetes".to_owned(),
                    question: "edge".to_owned(),
                    answer: error.to_string(),
                    at_ms: request.now_ms,
                });
                EdgeLook { finding: Some(finding_to_wire(&finding)), ..EdgeLook::default() }
            }
        }
    }

    /// Judges a host as an apply would, without effect: conflicts, guard, and a server-side dry run through the webhook.
    ///
    /// # Errors
    /// `CLUSTER_READ_UNKNOWN` when the cluster could not be read.
    pub async fn preflight(&self, domain: &DomainIdentity) -> Result<Preflight, ClusterError> {
        let conflict = self.claimed_elsewhere(domain).await?;
        let settings = &self.settings().edge;
        let names = domain.names();
        let objects = [
            (Kind::VirtualService, manifest::virtual_service(domain, settings, &names.gateway)),
            (Kind::IstioGateway, manifest::gateway(domain, settings, &names.secret)),
        ];
        let mut rejected = None;
        for (kind, object) in &objects {
            match self.calls().apply(*kind, object, Effect::DryRun).await {
                Ok(_) => {}
                Err(ClusterError::Refused { detail, .. }) => rejected = rejected.or(Some(detail)),
                Err(error) => return Err(error),
            }
        }
        Ok(Preflight {
            conflict: conflict.map(|c| (c.own.to_string(), c.other.to_string())),
            guarded: self.is_guarded().await?,
            rejected,
        })
    }

    async fn edge_look(&self, domain: &DomainIdentity, request: &ReadEdgeRequest) -> Result<EdgeLook, ClusterError> {
        let settings = &self.settings().edge;
        let names = domain.names();
        let gateway = self.locate(Kind::IstioGateway, &settings.gateway_namespace, domain, &names.gateway).await?;
        let route = self.locate(Kind::VirtualService, &settings.vs_namespace, domain, &names.virtual_service).await?;
        let secret_name = match &gateway {
            Some(found) => credential(found).unwrap_or(&names.secret).to_owned(),
            None => names.secret.clone(),
        };
        let copy = self.calls().read(Kind::Secret, Some(&settings.gateway_namespace), &secret_name).await?;
        let copied = copy.as_ref().map(fingerprint::of_secret).unwrap_or_default();

        let foreign =
            [&gateway, &route].into_iter().flatten().find(|o| ownership::admit(o, domain) == Err(Refusal::Foreign));
        let of_host = |kind, object: &Option<Value>| {
            object.as_ref().is_some_and(|o| ownership::stands_for(kind, o, &domain.host))
        };
        let gateway_exists = foreign.is_none() && of_host(Kind::IstioGateway, &gateway);
        let route_exists = foreign.is_none() && of_host(Kind::VirtualService, &route);

        let conflict = match foreign {
            Some(object) => Some((self.own_gateway(domain).to_string(), crate::certificate::object_place(object))),
            None => self.claimed_elsewhere(domain).await?.map(|c| (c.own.to_string(), c.other.to_string())),
        };
        let fresh =
            !copied.is_empty() && (request.fingerprint_sha256.is_empty() || copied == request.fingerprint_sha256);
        let finding = match conflict {
            Some((own, other)) => {
                Finding::bad(EdgeState::Conflict, ReasonCode::EdgeConflictHost).var("own", own).var("other", other)
            }
            None if gateway_exists && route_exists && fresh => Finding::good(EdgeState::Accepted),
            None if gateway_exists && route_exists => {
                Finding::bad(EdgeState::SecretMissing, ReasonCode::SecretNotMirrored)
            }
            // What is still to be written is stopped here; what stands already does not need the guard.
            None if !self.is_guarded().await? => Finding::bad(EdgeState::None, ReasonCode::EdgeUnguarded),
            None => Finding::good(EdgeState::None),
        };
        let mut objects = Vec::new();
        if gateway_exists {
            objects.extend(gateway.iter().map(|o| self.inventory("gateway", domain, o)));
        }
        if route_exists {
            objects.extend(route.iter().map(|o| self.inventory("virtual_service", domain, o)));
        }
        if !self.settings().one_namespace() {
            let ours = copy.iter().filter(|o| ownership::admit(o, domain) != Err(Refusal::Foreign));
            objects.extend(ours.map(|o| self.inventory("secret_copy", domain, o)));
        }
        Ok(EdgeLook {
            finding: Some(finding_to_wire(&finding)),
            gateway_exists,
            virtual_service_exists: route_exists,
            copied_fingerprint_sha256: copied,
            objects,
        })
    }

    /// The first foreign claim on the host, from the index of all claims.
    pub(crate) async fn claimed_elsewhere(&self, domain: &DomainIdentity) -> Result<Option<Conflict>, ClusterError> {
        if !self.watches().edge_ready(self.settings().sync_timeout).await {
            return Err(ClusterError::NotSynced);
        }
        let settings = &self.settings().edge;
        let object = |kind, namespace: &str, name: &str| ObjectRef {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let mut shared = BTreeSet::from([
            object(ClaimKind::IstioGateway, &settings.gateway_namespace, SHARED_HTTP_NAME),
            object(ClaimKind::VirtualService, &settings.vs_namespace, SHARED_HTTP_NAME),
        ]);
        if let Some((namespace, name)) = &settings.base_virtual_service {
            shared.insert(object(ClaimKind::VirtualService, namespace, name));
        }
        let own = OwnObjects { domain: domain.clone(), object: self.own_gateway(domain), shared };
        Ok(self.watches().conflict(&domain.host, &own))
    }

    fn own_gateway(&self, domain: &DomainIdentity) -> ObjectRef {
        ObjectRef {
            kind: ClaimKind::IstioGateway,
            namespace: self.settings().edge.gateway_namespace.clone(),
            name: domain.names().gateway,
        }
    }

    /// Whether a validating webhook with failurePolicy Fail covers the Istio kinds. A handful of objects, read each time.
    pub(crate) async fn is_guarded(&self) -> Result<bool, ClusterError> {
        let configurations = self.calls().list(Kind::Webhook, None, &ListParams::default().limit(500)).await?;
        Ok(guarded(&configurations))
    }
}

/// The Secret that a Gateway names.
pub(crate) fn credential(gateway: &Value) -> Option<&str> {
    let servers = gateway.pointer("/spec/servers").and_then(Value::as_array)?;
    servers.iter().map(|s| text(s, "/tls/credentialName")).find(|name| !name.is_empty())
}
