//! A small world, in which rounds are run until they rest, and properties that hold in every world.

use super::*;
use crate::finding::Finding;
use crate::portal::audit::{AuditFacts, audit};
use crate::portal::axis::{OwnershipState, PolicyState};
use crate::portal::health::{CertificateLook, DnsLook, EdgeObjectsLook, ProbeLook};
use crate::portal::plan::Verdict;
use crate::portal::record::Status;
use crate::portal::status::face;
use crate::portal::testing::{claim, health_at, row, settings};
use proptest::prelude::*;

/// What is true outside, and what has been written.
#[derive(Debug, Clone)]
struct World {
    now: i64,
    dns: DnsState,
    silent: bool,
    dns_looks: u32,
    expired: bool,
    path_open: bool,
    authority_refuses: bool,
    conflict: bool,
    edge_answers: bool,
    certificate: bool,
    copied: bool,
    route: bool,
    gateway: bool,
    orders: u32,
    inventory: Vec<OwnedObject>,
    health: Health,
    statuses: Vec<Status>,
}

impl World {
    fn good() -> Self {
        let now = 1_000_000;
        Self {
            now,
            dns: DnsState::Correct,
            silent: false,
            dns_looks: 0,
            expired: false,
            path_open: true,
            authority_refuses: false,
            conflict: false,
            edge_answers: true,
            certificate: false,
            copied: false,
            route: false,
            gateway: false,
            orders: 0,
            inventory: Vec::new(),
            health: health_at(now),
            statuses: vec![Status::PendingDns],
        }
    }

    /// Runs rounds until one rests; a bound catches a decision that never does.
    fn run(&mut self) -> i64 {
        for _ in 0..60 {
            self.note();
            let (row, claim, settings) = (row(), claim(), settings());
            let situation = Situation {
                row: &row,
                claim: &claim,
                inventory: &self.inventory,
                health: &self.health,
                settings: &settings,
                now_ms: self.now,
            };
            match decide(&situation) {
                Decision::Rest { until_ms, .. } => {
                    assert!(until_ms > self.now, "a rest that is over: {:?}", self.health);
                    return until_ms;
                }
                Decision::Look(looks) => looks.into_iter().for_each(|look| self.look(look)),
                Decision::Release => panic!("the row of a young claim goes"),
                Decision::Apply(plan) => {
                    let facts = AuditFacts {
                        row: &row,
                        claim: &claim,
                        inventory: &self.inventory,
                        health: &self.health,
                        settings: &settings,
                    };
                    assert_eq!(audit(&plan, &facts), Verdict::Accept, "{plan:?}");
                    plan.steps.into_iter().for_each(|step| self.apply(step));
                }
            }
            self.now += 100;
        }
        panic!("rounds never rest: {:?}", self.health);
    }

    /// Rests and goes on until `until` has passed.
    fn run_until(&mut self, until: i64) {
        while self.now < until {
            let next = self.run();
            self.now = next.min(until);
        }
        self.run();
    }

    fn note(&mut self) {
        let status = face(&self.health, false, self.now).status;
        if self.statuses.last() != Some(&status) {
            self.statuses.push(status);
        }
    }

    fn look(&mut self, look: Look) {
        if look == Look::AwaitCertificate && self.expired {
            // A long look that sees no change ends after two minutes.
            self.now += 120_000;
        }
        let (now, h) = (self.now, &mut self.health);
        match look {
            Look::Dns => {
                let correct = self.dns == DnsState::Correct;
                self.dns_looks += 1;
                let look = DnsLook {
                    dns: if self.silent {
                        Finding::unknown(ReasonCode::DnsServfail)
                    } else if correct {
                        Finding::good(self.dns)
                    } else {
                        Finding::bad(self.dns, ReasonCode::DnsNoRecords)
                    },
                    ownership: match (self.silent, correct) {
                        (true, _) => Finding::unknown(ReasonCode::DnsServfail),
                        (false, true) => Finding::good(OwnershipState::Proven),
                        (false, false) => Finding::good(OwnershipState::Pending),
                    },
                    proof_method: String::new(),
                    addresses: vec![],
                    chain: vec![],
                    observed_cname: String::new(),
                    evidence_digest: self.dns.to_word(),
                };
                h.fold_dns(look, 20_000, now);
                reschedule_dns(h, &settings(), Jitter::NONE, now);
            }
            Look::Preflight => {
                let finding = match self.path_open {
                    true => Finding::good(CertificateState::None),
                    false => Finding::bad(CertificateState::Preflight, ReasonCode::Http01WrongContent),
                };
                h.fold_preflight(finding, now);
                reschedule_certificate(h, Jitter::NONE, now);
            }
            Look::Certificate | Look::AwaitCertificate => {
                let exists = self.inventory.iter().any(|o| o.kind == ObjectKind::Certificate) && self.orders > 0;
                if !exists {
                    return;
                }
                self.certificate = !self.authority_refuses;
                let finding = if self.expired {
                    Finding::bad(CertificateState::Expired, ReasonCode::CertExpired)
                } else if self.certificate {
                    Finding::good(CertificateState::Issued)
                } else {
                    Finding::bad(CertificateState::Failed, ReasonCode::AcmeOrderInvalid)
                };
                let fingerprint = if self.certificate { "leaf".to_owned() } else { String::new() };
                h.fold_certificate(
                    CertificateLook {
                        finding,
                        exists,
                        secret_name: String::new(),
                        fingerprint,
                        not_after_ms: 0,
                        retry_at_ms: 0,
                    },
                    now,
                );
                reschedule_certificate(h, Jitter::NONE, now);
            }
            Look::Edge => {
                let finding = match self.conflict {
                    true => Finding::bad(EdgeState::Conflict, ReasonCode::EdgeConflictHost),
                    false => Finding::good(if self.gateway { EdgeState::Accepted } else { EdgeState::None }),
                };
                let copied_fingerprint = if self.copied { "leaf".to_owned() } else { String::new() };
                h.fold_edge_objects(
                    EdgeObjectsLook { finding, gateway: self.gateway, virtual_service: self.route, copied_fingerprint },
                    now,
                );
                reschedule_edge(h, Jitter::NONE, now);
            }
            Look::Probe { .. } => {
                let answers = self.edge_answers && self.dns == DnsState::Correct && !self.expired;
                let works = self.gateway && self.route && answers;
                let finding = match works {
                    true => Finding::good(EdgeState::Serving),
                    false => Finding::bad(EdgeState::Unreachable, ReasonCode::EdgeUnreachable),
                };
                h.fold_probe(ProbeLook { finding, fingerprint: String::new(), not_after_ms: 0 }, now);
                reschedule_edge(h, Jitter::NONE, now);
            }
        }
    }

    fn apply(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::RecordInventory(objects) => self.inventory = objects,
            Step::ApplyCertificate if self.health.certificate_good() => {}
            Step::ApplyCertificate => {
                self.orders += 1;
                self.health.certificate.set(CertificateState::Ordering, now);
                self.health.certificate.next_check_ms = now;
                self.health.certificate_memory.ordered_ms = now;
            }
            Step::DiscardFailedCertificate(object) => {
                self.inventory.retain(|o| *o != object);
                self.health.certificate_memory.ordered_ms = 0;
            }
            Step::CopySecret => {
                self.copied = true;
                self.health.edge_memory.copied_fingerprint = "leaf".to_owned();
            }
            Step::ApplyVirtualService => self.route = true,
            Step::ApplyGateway => {
                self.gateway = true;
                self.health.edge_memory.applied = true;
                self.health.edge_memory.applied_ms = now;
                self.health.edge.next_check_ms = now;
            }
            Step::WriteManifests => {}
            Step::Delete(object) | Step::DeleteOrders(object) => self.inventory.retain(|o| *o != object),
        }
    }
}

trait ToWord {
    fn to_word(self) -> String;
}

impl ToWord for DnsState {
    fn to_word(self) -> String {
        use crate::finding::AxisWord as _;
        self.word().to_owned()
    }
}

const HOUR: i64 = 3_600_000;

#[test]
fn a_good_domain_walks_through_every_status_to_active() {
    let mut world = World::good();
    world.run_until(world.now + 60_000);
    assert_eq!(
        world.statuses,
        [
            Status::PendingDns,
            Status::VerifyingDns,
            Status::PendingCertificate,
            Status::CertificateIssuing,
            Status::Deploying,
            Status::Active
        ]
    );
    assert_eq!(world.orders, 1);
}

#[test]
fn no_order_is_placed_without_a_second_look() {
    let mut world = World::good();
    let rest = world.run();
    assert_eq!((world.orders, rest - world.health.dns_memory.first_good_ms), (0, 20_000));
}

#[test]
fn a_closed_challenge_path_spends_no_order() {
    let mut world = World { path_open: false, ..World::good() };
    world.run_until(world.now + 2 * HOUR);
    assert_eq!((world.orders, world.statuses.last()), (0, Some(&Status::PendingCertificate)));
    world.path_open = true;
    world.run_until(world.now + HOUR);
    assert_eq!((world.orders, world.statuses.last()), (1, Some(&Status::Active)));
}

#[test]
fn a_refusing_authority_is_asked_at_most_four_times_an_hour() {
    let mut world = World { authority_refuses: true, ..World::good() };
    world.run_until(world.now + HOUR);
    assert!((2..=4).contains(&world.orders), "{}", world.orders);
    assert_eq!(world.statuses.last(), Some(&Status::CertificateFailed));
    world.authority_refuses = false;
    ask_now(&mut world.health, world.now);
    world.run_until(world.now + 2 * HOUR);
    assert_eq!(world.statuses.last(), Some(&Status::Active));
}

#[test]
fn impatience_never_spends_more_than_four_orders_an_hour() {
    let mut world = World { authority_refuses: true, ..World::good() };
    let end = world.now + HOUR;
    while world.now < end {
        ask_now(&mut world.health, world.now);
        world.run();
        world.now += 5_000;
    }
    assert!(world.orders <= 4, "{} orders", world.orders);
}

#[test]
fn broken_dns_of_a_live_domain_shows_at_once_and_counts_after_fifteen_minutes() {
    let mut world = World::good();
    world.run_until(world.now + 60_000);
    world.dns = DnsState::Absent;
    ask_now(&mut world.health, world.now);
    world.run();
    let shown = face(&world.health, false, world.now);
    assert_eq!((shown.status, shown.reason), (Status::Active, Some(ReasonCode::DnsNoRecords)));
    world.run_until(world.now + 17 * 60_000);
    assert_eq!(world.statuses.last(), Some(&Status::VerifyingDns));
    assert!(world.gateway && world.route && world.copied, "what served was taken away");
    world.dns = DnsState::Correct;
    world.run_until(world.now + 20 * 60_000);
    assert_eq!((world.statuses.last(), world.orders), (Some(&Status::Active), 1));
}

#[test]
fn a_live_domain_rests_for_weeks() {
    let mut world = World::good();
    world.run_until(world.now + HOUR / 2);
    assert!(world.run() - world.now > 29 * 24 * HOUR);
}

#[test]
fn a_conflict_is_waited_for_and_then_served() {
    let mut world = World { conflict: true, ..World::good() };
    world.run_until(world.now + HOUR);
    let shown = face(&world.health, false, world.now);
    assert_eq!((shown.status, shown.reason), (Status::PendingCertificate, Some(ReasonCode::EdgeConflictHost)));
    assert_eq!(world.orders, 0, "an order was spent on a host that somebody else has");
    world.conflict = false;
    world.run_until(world.now + 2 * 60_000);
    assert_eq!((world.statuses.last(), world.orders), (Some(&Status::Active), 1));
}

#[test]
fn an_expired_certificate_ends_active_and_a_new_one_brings_it_back() {
    let mut world = World::good();
    world.run_until(world.now + 60_000);
    world.expired = true;
    ask_now(&mut world.health, world.now);
    world.run_until(world.now + 17 * 60_000);
    assert_eq!(world.statuses.last(), Some(&Status::CertificateFailed), "visitors get an expired certificate");
    assert!(world.gateway && world.route && world.copied);
    world.expired = false;
    world.run_until(world.now + 30 * 60_000);
    assert_eq!(world.statuses.last(), Some(&Status::Active));
}

#[test]
fn a_host_that_policy_refuses_later_is_still_seen_from_outside() {
    let mut world = World::good();
    world.run_until(world.now + 60_000);
    world.health.policy.state = *PolicyState::ALL.iter().find(|s| **s != PolicyState::Allowed).unwrap();
    world.edge_answers = false;
    ask_now(&mut world.health, world.now);
    world.run_until(world.now + 17 * 60_000);
    assert!(!world.health.edge_memory.serving_now, "nobody looked");
}

#[test]
fn silent_name_servers_are_asked_less_and_less_and_the_claim_expires() {
    let mut world = World { silent: true, ..World::good() };
    world.run_until(world.now + 24 * HOUR);
    assert!((50..150).contains(&world.dns_looks), "{} looks on the first day", world.dns_looks);
    let before = world.dns_looks;
    world.run_until(world.now + 9 * 24 * HOUR);
    assert!(world.dns_looks - before < 9 * 30, "{} looks in nine days", world.dns_looks - before);
    world.run_until(world.now + 5 * 24 * HOUR);
    assert_eq!(world.health.ownership.reason, Some(ReasonCode::ClaimExpired));
    assert!(world.health.ownership.vars.contains_key("t"), "the message names the time");
}

#[test]
fn a_route_that_is_gone_is_put_back_in_the_round_that_sees_it_though_the_probe_fails_too() {
    let mut world = World::good();
    world.run_until(world.now + 60_000);
    (world.route, world.edge_answers) = (false, false);
    ask_now(&mut world.health, world.now);
    world.run();
    assert!(world.route, "the probe's finding delayed the write that mends it");
}

#[test]
fn the_next_generation_of_a_served_host_stays_active() {
    let mut world = World::good();
    world.run_until(world.now + 60_000);
    let next = world.health.next_generation(world.health.generation + 1, world.now);
    let mut policy = next;
    policy.policy = world.health.policy.clone();
    assert_eq!(face(&policy, false, world.now).status, Status::Active);
    assert!(policy.certificate_good() && !policy.edge_memory.applied && !policy.dns_good());
}

#[test]
fn an_expired_claim_stops_and_a_request_resumes_it() {
    let mut world = World { dns: DnsState::Absent, ..World::good() };
    world.run_until(world.now + 15 * 24 * HOUR);
    assert_eq!(world.health.ownership.reason, Some(ReasonCode::ClaimExpired));
    assert_eq!(world.statuses.last(), Some(&Status::DnsFailed));
    world.dns = DnsState::Correct;
    expiry::resume(&mut world.health, world.now);
    ask_now(&mut world.health, world.now);
    world.run_until(world.now + HOUR);
    assert_eq!(world.statuses.last(), Some(&Status::Active));
}

#[test]
fn a_sweep_does_not_resume_an_expired_claim() {
    let mut world = World { dns: DnsState::Absent, ..World::good() };
    world.run_until(world.now + 15 * 24 * HOUR);
    ask_now(&mut world.health, world.now);
    world.run();
    assert_eq!(world.health.ownership.reason, Some(ReasonCode::ClaimExpired));
}

#[test]
fn a_lapse_of_an_old_domain_is_watched_and_not_expired() {
    let mut world = World::good();
    world.run_until(world.now + 40 * 24 * HOUR);
    world.dns = DnsState::Absent;
    ask_now(&mut world.health, world.now);
    world.run_until(world.now + 2 * HOUR);
    assert_eq!(world.statuses.last(), Some(&Status::VerifyingDns));
    world.dns = DnsState::Correct;
    world.run_until(world.now + HOUR);
    assert_eq!(world.statuses.last(), Some(&Status::Active));
}

#[test]
fn objects_of_the_same_host_are_never_replaced() {
    let (row, settings, claim) = (row(), settings(), Claim { generation: 3, ..claim() });
    let mut world = World::good();
    world.run_until(world.now + 60_000);
    let mut inventory = objects_of("s", 1, &claim.host, &settings);
    let other = objects_of("s-g2", 2, "other.customer.test", &settings);
    inventory.extend(other.clone());
    let health = &world.health;
    let s =
        Situation { row: &row, claim: &claim, inventory: &inventory, health, settings: &settings, now_ms: world.now };
    assert_eq!(slug_in_force(&row.id, 3, &claim.host, &inventory), "s");
    let deleted: Vec<_> = replaced_objects(&s).iter().filter_map(Step::deletes).cloned().collect();
    assert!(!deleted.is_empty() && deleted.iter().all(|object| other.contains(object)), "{deleted:?}");
}

fn any_dns() -> impl Strategy<Value = DnsState> {
    prop::sample::select(DnsState::ALL)
}

proptest! {
    /// In any order of troubles and repairs, rounds rest, plans pass the audit, and the domain ends served.
    #[test]
    fn any_order_of_troubles_converges(
        troubles in prop::collection::vec((any_dns(), any::<[bool; 5]>(), 1..HOUR), 1..8),
    ) {
        let mut world = World::good();
        for (dns, [path, refuses, conflict, answers, ask], wait) in troubles {
            (world.dns, world.path_open, world.authority_refuses) = (dns, path, refuses);
            (world.conflict, world.edge_answers) = (conflict, answers);
            if ask {
                ask_now(&mut world.health, world.now);
            }
            world.run_until(world.now + wait);
        }
        let good = World::good();
        (world.dns, world.path_open, world.authority_refuses) = (good.dns, true, false);
        (world.conflict, world.edge_answers) = (false, true);
        ask_now(&mut world.health, world.now);
        world.run_until(world.now + 30 * HOUR);
        prop_assert_eq!(world.statuses.last(), Some(&Status::Active));
    }

    /// Once served, no trouble takes an object away.
    #[test]
    fn what_serves_keeps_its_objects(dns in any_dns(), flags in any::<[bool; 4]>(), wait in 1..48 * HOUR) {
        let mut world = World::good();
        world.run_until(world.now + 60_000);
        world.dns = dns;
        [world.path_open, world.authority_refuses, world.conflict, world.edge_answers] = flags;
        ask_now(&mut world.health, world.now);
        world.run_until(world.now + wait);
        prop_assert!(world.gateway && world.route && world.copied);
    }
}
