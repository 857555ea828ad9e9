//! One look at a host: everything that the verdict wants to know, within the bounds.

use crate::exchange::{Question, Recursion, ask};
use crate::names;
use crate::settings::{ADDRESSES_MAX, HOP_ADDRESSES_MAX, RESOLVERS_MAX};
use crate::zones::{NameServer, Unreached, Walk, Zone};
use futures::future::join_all;
use hickory_proto::rr::RecordType;
use model::portal::dns::{
    ALIASES_MAX, Answer, Cut, Failure, HostObservation, NameView, RecursiveView, ServerView, Sibling, Target, TextView,
    Wanted, next_alias,
};
use model::portal::network::is_within;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Looks at a host. Never fails: what could not be seen is part of the observation.
pub(crate) async fn observe(walk: &Walk<'_>, host: &str, wanted: &Wanted, at_ms: i64) -> HostObservation {
    let mut seen = HostObservation {
        host: host.to_owned(),
        cut: Cut::Found,
        hops: Vec::new(),
        targets: Vec::new(),
        proof: Vec::new(),
        doubled: BTreeSet::new(),
        sibling: Sibling::Unknown,
        recursive: Vec::new(),
        at_ms,
    };
    let zone = match walk.zone_of(host, 0).await {
        Ok(zone) => zone,
        // Servers that failed on the way are told one by one; a zone without any address has none to tell of.
        Err(Unreached::Silent(zone)) if !zone.servers.is_empty() => *zone,
        Err(Unreached::Silent(zone)) => {
            seen.cut = Cut::Unserved { zone: zone.apex };
            return seen;
        }
        Err(Unreached::Ours) => {
            seen.cut = Cut::Failed;
            return seen;
        }
    };
    if let Some(missing) = missing_domain(host, &zone) {
        seen.cut = Cut::Absent { zone: missing };
        return seen;
    }
    seen.hops.push(name_view(walk, &zone, host).await);
    let (proof, sibling, targets, hops) = futures::join!(
        texts(walk, &zone, &wanted.proof_name),
        sibling(walk, &zone, host),
        targets(walk, wanted),
        aliases(walk, &seen.hops[0], wanted),
    );
    seen.hops.extend(hops);
    (seen.sibling, seen.targets) = (sibling, targets);
    let missing = proof.iter().all(|view| view.answer.records().next().is_none());
    if missing {
        seen.doubled = doubled(walk, &zone, &wanted.proof_name).await;
    }
    seen.proof = proof;
    seen.recursive = recursive(walk, &seen.hops[0]).await;
    seen
}

/// The registrable domain, where a zone above it says that the host does not exist. The Public Suffix List is a hint for
/// registries only: below a private suffix such as a hosting service, a missing name is just a missing name.
fn missing_domain(host: &str, zone: &Zone) -> Option<String> {
    let registry = psl::suffix(host.as_bytes()).is_some_and(|suffix| suffix.typ() != Some(psl::Type::Private));
    let registrable = psl::domain_str(host)?;
    let above = registrable.len() > zone.apex.len() && (zone.apex.is_empty() || is_within(registrable, &zone.apex));
    (registry && above && zone.no_such_name).then(|| registrable.to_owned())
}

/// What every authoritative address says about the host: SOA, CNAME, A, AAAA.
async fn name_view(walk: &Walk<'_>, zone: &Zone, host: &str) -> NameView {
    let views = zone.servers.iter().take(ADDRESSES_MAX).map(|server| async move {
        if let Some(failure) = zone.failed.get(&server.address) {
            return failed_view(server, *failure);
        }
        let soa = walk.ask(server.address, &zone.apex, RecordType::SOA).await;
        if let Err(failure) = soa {
            return failed_view(server, failure);
        }
        let cname = question(walk, server, host, RecordType::CNAME).await;
        if let Some(failure) = cname.failure() {
            return ServerView { serial: names::serial(&soa), ..failed_view(server, failure) };
        }
        let (a, aaaa) =
            futures::join!(question(walk, server, host, RecordType::A), question(walk, server, host, RecordType::AAAA));
        ServerView { server: server.label(), serial: names::serial(&soa), cname, a, aaaa }
    });
    NameView { name: host.to_owned(), zone: zone.apex.clone(), servers: join_all(views).await }
}

async fn question(walk: &Walk<'_>, server: &NameServer, name: &str, kind: RecordType) -> Answer {
    names::answer(&walk.ask(server.address, name, kind).await, name, kind)
}

fn failed_view(server: &NameServer, failure: Failure) -> ServerView {
    let failed = || Answer::Failed(failure);
    ServerView { server: server.label(), serial: None, cname: failed(), a: failed(), aaaa: failed() }
}

/// The hops after the host, each through its own zone, until an accepted target, the end, a loop or a bound.
async fn aliases(walk: &Walk<'_>, host: &NameView, wanted: &Wanted) -> Vec<NameView> {
    let mut hops: Vec<NameView> = Vec::new();
    let mut next = next_alias(host, &wanted.accepted_targets);
    while let Some(name) = next {
        let known = name == host.name || hops.iter().any(|hop| hop.name == name);
        if known || wanted.accepted_targets.contains(&name) || hops.len() == ALIASES_MAX {
            break;
        }
        let view = hop_view(walk, &name).await;
        next = next_alias(&view, &wanted.accepted_targets);
        hops.push(view);
    }
    hops
}

/// A later hop: A and, where there is no alias, AAAA. The alias stands in the answer to A.
async fn hop_view(walk: &Walk<'_>, name: &str) -> NameView {
    let zone = match walk.zone_of(name, 0).await {
        Ok(zone) => zone,
        Err(Unreached::Silent(zone)) => *zone,
        Err(Unreached::Ours) => {
            let nobody = NameServer { name: "the way there".to_owned(), address: [0, 0, 0, 0].into() };
            let servers = vec![failed_view(&nobody, Failure::Local)];
            return NameView { name: name.to_owned(), zone: String::new(), servers };
        }
    };
    let views = zone.servers.iter().take(HOP_ADDRESSES_MAX).map(|server| {
        let zone = &zone;
        async move {
            if let Some(failure) = zone.failed.get(&server.address) {
                return failed_view(server, *failure);
            }
            let result = walk.ask(server.address, name, RecordType::A).await;
            let cname = names::answer(&result, name, RecordType::CNAME);
            let a = names::answer(&result, name, RecordType::A);
            let aaaa = match &cname {
                Answer::Records(_) => Answer::NoData,
                Answer::Failed(failure) => Answer::Failed(*failure),
                Answer::NoData | Answer::NoName => question(walk, server, name, RecordType::AAAA).await,
            };
            ServerView { server: server.label(), serial: None, cname, a, aaaa }
        }
    });
    NameView { name: name.to_owned(), zone: zone.apex.clone(), servers: join_all(views).await }
}

/// TXT at the proof name, from every address of the host's zone; where the proof name is a zone of its own, from that one.
async fn texts(walk: &Walk<'_>, zone: &Zone, name: &str) -> Vec<TextView> {
    let views = texts_in(walk, zone, name).await;
    let lame = |view: &TextView| view.answer.failure() == Some(Failure::Lame);
    if views.is_empty() || !views.iter().all(lame) || zone.failed.len() == zone.servers.len() {
        return views;
    }
    match walk.zone_of(name, 0).await {
        Ok(own) if own.apex != zone.apex => texts_in(walk, &own, name).await,
        Ok(_) | Err(_) => views,
    }
}

async fn texts_in(walk: &Walk<'_>, zone: &Zone, name: &str) -> Vec<TextView> {
    let views = zone.servers.iter().take(ADDRESSES_MAX).map(|server| async move {
        let answer = match zone.failed.get(&server.address) {
            Some(failure) => Answer::Failed(*failure),
            None => question(walk, server, name, RecordType::TXT).await,
        };
        TextView { server: server.label(), answer }
    });
    join_all(views).await
}

/// Texts at the proof name with the zone appended again, as some panels do.
async fn doubled(walk: &Walk<'_>, zone: &Zone, name: &str) -> BTreeSet<String> {
    let name = format!("{name}.{}", zone.apex);
    match walk.first_of(zone, &name, RecordType::TXT).await {
        Ok(answer) => names::own(&answer, &name, RecordType::TXT).filter_map(names::data).collect(),
        Err(_) => BTreeSet::new(),
    }
}

/// A random name beside the host. One server is enough: a wildcard on one of them is a wildcard.
async fn sibling(walk: &Walk<'_>, zone: &Zone, host: &str) -> Sibling {
    let Some((_, parent)) = host.split_once('.').filter(|(_, parent)| is_within(parent, &zone.apex)) else {
        return Sibling::NotAsked;
    };
    // 64 random bits: nobody has this name, and nobody can prepare for it.
    let name = format!("portal-check-{:016x}.{parent}", rand::random::<u64>());
    let Ok(a) = walk.first_of(zone, &name, RecordType::A).await else { return Sibling::Unknown };
    let of = |kind| names::own(&a, &name, kind).filter_map(names::data);
    let mut shows: BTreeSet<String> = of(RecordType::CNAME).chain(of(RecordType::A)).collect();
    if names::own(&a, &name, RecordType::CNAME).next().is_none() {
        let Ok(aaaa) = walk.first_of(zone, &name, RecordType::AAAA).await else { return Sibling::Unknown };
        shows.extend(names::own(&aaaa, &name, RecordType::AAAA).filter_map(names::data));
    }
    Sibling::Shows(shows)
}

/// Addresses of every accepted target, one after another, because they share their zone.
async fn targets(walk: &Walk<'_>, wanted: &Wanted) -> Vec<Target> {
    let mut targets = Vec::with_capacity(wanted.accepted_targets.len());
    for name in &wanted.accepted_targets {
        let addresses = walk.addresses_of(name, 0).await.ok();
        targets.push(Target { name: name.clone(), addresses });
    }
    targets
}

/// What the resolvers say about the type that the host has.
async fn recursive(walk: &Walk<'_>, host: &NameView) -> Vec<RecursiveView> {
    let has = |of: fn(&ServerView) -> &Answer| host.servers.iter().any(|view| of(view).records().next().is_some());
    let kind = match (has(|view| &view.cname), has(|view| &view.a), has(|view| &view.aaaa)) {
        (true, _, _) => RecordType::CNAME,
        (false, false, true) => RecordType::AAAA,
        (false, _, _) => RecordType::A,
    };
    let resolvers = walk.settings.resolvers.iter().take(RESOLVERS_MAX);
    join_all(resolvers.map(|resolver| through_resolver(walk, *resolver, &host.name, kind))).await
}

async fn through_resolver(walk: &Walk<'_>, resolver: SocketAddr, name: &str, kind: RecordType) -> RecursiveView {
    let result = match names::wire(name) {
        Some(name) => {
            let question = Question { name: &name, kind, recursion: Recursion::On };
            ask(walk.settings, &walk.budget, resolver, question).await
        }
        None => Err(Failure::Local),
    };
    let negative_ttl = result.as_ref().ok().and_then(names::negative_ttl);
    let result = result.map(|mut message| {
        // A resolver answers from its cache; authority is not asked of it.
        message.metadata.authoritative = true;
        message
    });
    RecursiveView { server: resolver.to_string(), answer: names::answer(&result, name, kind), negative_ttl }
}
