//! Addresses of a name, with aliases followed through their zones.

use crate::names;
use crate::zones::{Unreached, Walk, Zone};
use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use model::portal::dns::{ALIASES_MAX, Failure};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A lookup that did not come to an end. Says nothing about the name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No server of a zone on the way answered.
    #[error("could not get an answer from the name servers of {0}")]
    Silent(String),
    /// The root or a top-level zone did not answer, or a bound was reached.
    #[error("could not reach the name servers")]
    Unreached,
    /// The alias chain has no end.
    #[error("could not follow the aliases of {0} to an end")]
    Aliases(String),
}

impl Walk<'_> {
    /// Every address of a name, v4 and v6; empty when it does not exist or has none.
    pub(crate) async fn addresses_of(&self, name: &str, depth: usize) -> Result<BTreeSet<IpAddr>, ResolveError> {
        let mut asked = name.to_owned();
        for _ in 0..=ALIASES_MAX {
            let zone = match self.zone_of(&asked, depth).await {
                Ok(zone) => zone,
                Err(Unreached::Silent(zone)) => return Err(ResolveError::Silent(zone.apex)),
                Err(Unreached::Ours) => return Err(ResolveError::Unreached),
            };
            let a = self.first_of(&zone, &asked, RecordType::A).await?;
            if let Some(alias) = names::own(&a, &asked, RecordType::CNAME).find_map(names::data) {
                asked = alias;
                continue;
            }
            let aaaa = self.first_of(&zone, &asked, RecordType::AAAA).await?;
            let v4 = names::own(&a, &asked, RecordType::A);
            return Ok(v4.chain(names::own(&aaaa, &asked, RecordType::AAAA)).filter_map(names::address).collect());
        }
        Err(ResolveError::Aliases(name.to_owned()))
    }

    /// The first authoritative answer of a zone's servers to one question.
    pub(crate) async fn first_of(&self, zone: &Zone, name: &str, kind: RecordType) -> Result<Message, ResolveError> {
        let mut ours = true;
        for server in zone.servers.iter().filter(|server| !zone.failed.contains_key(&server.address)) {
            match self.ask(server.address, name, kind).await {
                Ok(answer) if answer.metadata.authoritative => return Ok(answer),
                Err(Failure::Local) => {}
                Ok(_) | Err(_) => ours = false,
            }
        }
        if ours { Err(ResolveError::Unreached) } else { Err(ResolveError::Silent(zone.apex.clone())) }
    }
}
