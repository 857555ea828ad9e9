//! The welcome mail: a credential is made, kept sealed, sent, and forgotten.
//!
//! Two orders of the same steps. A creation puts the hash in force before the mail goes out: the account has no other way in.
//! A mail that is sent again puts it in force after the provider accepted it: until then the old password still works.

use crate::counters::TenancyCounters;
use crate::failure::{final_failure, of_call, of_store, transient};
use crate::password;
use crate::settings::{CredentialMode, Outside, Secrets, TenancySettings};
use credentials::{Sealed, system_random};
use mail::{
    Address, Credential, Mail, MailError, Mailbox, MessageId, Product, Repeat, Welcome, WelcomeError, mail_key,
};
use model::tenant::failure::FailureType;
use model::tenant::product::CredentialDelivery;
use model::tenant::step::Step;
use model::time::iso8601;
use outbound::backoff::Backoff;
use proto::v1 as wire;
use secrecy::{ExposeSecret as _, SecretString};
use std::time::{Duration, SystemTime};
use store::tenant::{AtMost, Delivery, StoredCredential, TenantStore};
use temporalio_sdk::activities::ActivityError;
use time::OffsetDateTime;
use uuid::Uuid;

/// Welcome mails that one user can be sent again within an hour (contract, R8).
const RESENDS_PER_HOUR: i64 = 3;
const HOUR_MS: i64 = 3_600_000;
/// Code of a refusal: as many were sent as may be within the hour.
const TOO_MANY: &str = "TOO_MANY_IN_AN_HOUR";
/// Code of a mail that an earlier attempt gave up.
const CLOSED: &str = "CLOSED";
/// Code of a mail whose step failed, or did not end within its time.
const LEFT_OUT: &str = "STEP_LEFT_OUT";
/// Code of a mail for which there is nobody.
const NO_ADMINISTRATOR: &str = "NO_ADMINISTRATOR";
/// Code of a mail of which nobody knows whether it went out.
const OUTCOME_UNKNOWN: &str = "OUTCOME_UNKNOWN";

/// What the steps work with.
pub(crate) struct Means<'a> {
    pub(crate) store: &'a TenantStore,
    pub(crate) settings: &'a TenancySettings,
    pub(crate) secrets: &'a Secrets,
    pub(crate) outside: Outside,
    pub(crate) counters: &'a TenancyCounters,
    pub(crate) attempt: u32,
}

/// Whom the mail is for, and what it says.
pub(crate) struct Letter<'a> {
    pub(crate) origin_id: &'a str,
    pub(crate) activity: &'static str,
    pub(crate) now_ms: i64,
    pub(crate) tenant: Uuid,
    pub(crate) tenant_name: &'a str,
    pub(crate) user: Uuid,
    pub(crate) full_name: String,
    pub(crate) email: &'a str,
    pub(crate) product: &'a str,
    pub(crate) kind: Kind,
}

/// Which mail it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The first one; the operator may have chosen the password.
    First {
        /// The administrator has an operator's password already.
        operator_supplied: bool,
    },
    /// One that somebody asked for.
    Again,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::First { .. } => "tenant_welcome",
            Self::Again => "tenant_welcome_again",
        }
    }

    const fn at_most(self) -> Option<AtMost> {
        match self {
            Self::First { .. } => None,
            Self::Again => Some(AtMost { count: RESENDS_PER_HOUR, window_ms: HOUR_MS }),
        }
    }
}

/// Sends the mail once, whatever is repeated. A refusal is an answer: it says why, and a tenant without its mail is complete.
pub(crate) async fn send(means: &Means<'_>, letter: &Letter<'_>) -> Result<wire::WelcomeEmailReply, ActivityError> {
    let delivery = match (letter.kind, means.settings.credential_mode) {
        (Kind::First { operator_supplied: true }, _) => CredentialDelivery::OperatorSupplied,
        (_, CredentialMode::Link) => CredentialDelivery::Link,
        (_, CredentialMode::Mail) => CredentialDelivery::Mail,
    };
    let address = match Address::parse(letter.email) {
        Ok(address) => address,
        Err(error) => {
            let error = MailError::from(error);
            tell_unsent(means.counters, letter.tenant, error.code(), &error.to_string());
            return Ok(not_sent(error.code(), &error.to_string(), delivery));
        }
    };
    let made = make(means, letter, delivery).await?;
    let stored = made.stored(letter);
    let (sealed, since_ms) = match means.store.keep_credential(&stored).await.map_err(of_store)? {
        Delivery::Delivered => return Ok(sent(delivery)),
        Delivery::Pending { sealed, since_ms } => (sealed, since_ms),
        Delivery::Closed { why } => return Ok(not_sent(CLOSED, &why, delivery)),
        Delivery::NoUser => return Ok(no_administrator(means.counters, letter.tenant)),
        Delivery::TooMany { count, next_ms } => {
            let next = iso8601(next_ms);
            let error = format!("the mail was sent again {count} times within the hour; the next is allowed at {next}");
            let reply = not_sent(TOO_MANY, &error, delivery);
            return Ok(wire::WelcomeEmailReply { next_allowed_ms: next_ms, ..reply });
        }
    };
    let repeated = since_ms != letter.now_ms || sealed != made.sealed;
    if repeated && is_forgotten(means, since_ms) {
        let error = "cannot tell whether the mail was sent: the provider has forgotten the first try";
        means.store.close_credential(&stored, error).await.map_err(of_store)?;
        tell_unsent(means.counters, letter.tenant, OUTCOME_UNKNOWN, error);
        return Ok(not_sent(OUTCOME_UNKNOWN, error, delivery));
    }
    let password = open(means, &stored.key(), &sealed)?;
    let key = mail_key(letter.origin_id, letter.kind.word());
    let mail = compose(means, letter, address, &key, password.as_ref(), since_ms)?;
    let outcome = means.outside.mail.send(&mail, &key).await;
    means.counters.mail(outcome.as_ref().map_or_else(MailError::code, |_| "sent"));
    if let Err(error) = outcome {
        return refused(means, letter, &stored, &error, delivery).await;
    }
    if delivery == CredentialDelivery::Link {
        ask_for_link(means, letter).await?;
    }
    finish(means, letter, password, &sealed).await?;
    Ok(sent(delivery))
}

/// There is nobody to write to: no mail, and the tenant is there.
pub(crate) fn no_administrator(counters: &TenancyCounters, tenant: Uuid) -> wire::WelcomeEmailReply {
    let error = "the administrator is no active internal user with the role Admin any more";
    tell_unsent(counters, tenant, NO_ADMINISTRATOR, error);
    not_sent(NO_ADMINISTRATOR, error, CredentialDelivery::Undelivered)
}

/// A step that was left out with its failure: nobody has told of it yet. `why` is the failure's word.
pub(crate) fn step_left_out(counters: &TenancyCounters, tenant: &str, why: &str) {
    counters.unsent(LEFT_OUT);
    tracing::error!(
        tenant.id = tenant,
        step = Step::SendingWelcomeEmail.as_str(),
        reason = why,
        "the welcome mail of tenant {tenant} did not go out: its step was left out ({why}); see `tenantry tenant resend-welcome`"
    );
}

/// A mail that will not go out: somebody has to act. Each is told once, where it is given up.
fn tell_unsent(counters: &TenancyCounters, tenant: Uuid, code: &'static str, error: &str) {
    counters.unsent(code);
    tracing::error!(
        tenant.id = %tenant, step = Step::SendingWelcomeEmail.as_str(), reason = code,
        "the welcome mail of tenant {tenant} did not go out: {error}; see `tenantry tenant resend-welcome`"
    );
}

/// A credential as it was made by this attempt; a repeat makes one too, and then uses the one that is kept.
struct Made {
    sealed: String,
    hash: Option<String>,
}

impl Made {
    fn stored<'a>(&'a self, letter: &Letter<'a>) -> StoredCredential<'a> {
        StoredCredential {
            origin_id: letter.origin_id,
            activity: letter.activity,
            tenant: letter.tenant,
            user: letter.user,
            sealed: &self.sealed,
            hash: self.hash.as_deref(),
            now_ms: letter.now_ms,
            at_most: letter.kind.at_most(),
        }
    }
}

async fn make(means: &Means<'_>, letter: &Letter<'_>, delivery: CredentialDelivery) -> Result<Made, ActivityError> {
    let mut made = Made { sealed: String::new(), hash: None };
    if delivery != CredentialDelivery::Mail {
        return Ok(made);
    }
    let password = password::generate();
    let aad = made.stored(letter).key();
    let sealed =
        (means.secrets.sealing)().seal(password.expose_secret().as_bytes(), aad.as_bytes(), &mut system_random());
    made.sealed = sealed.to_string();
    if letter.kind != Kind::Again {
        made.hash = Some((means.secrets.hashing)().hash(password).await.expose().to_owned());
    }
    Ok(made)
}

/// The password that is kept. A key that is missing is waited for: the mail must be the same as before.
fn open(means: &Means<'_>, aad: &str, sealed: &str) -> Result<Option<SecretString>, ActivityError> {
    if sealed.is_empty() {
        return Ok(None);
    }
    let sealed = Sealed::parse(sealed)
        .map_err(|_| final_failure(FailureType::IdempotencyConflict, "the kept credential cannot be read", None))?;
    let opened = (means.secrets.sealing)().open_text(&sealed, aad.as_bytes());
    opened.map(Some).map_err(|error| {
        tracing::error!("a credential cannot be opened: {error}; put the key back into TENANTRY_SEALING_KEYS_FILE");
        transient(format!("could not open the kept credential: {error}"), None)
    })
}

/// A repeat is safe only as long as the provider remembers the key.
fn is_forgotten(means: &Means<'_>, since_ms: i64) -> bool {
    let age = SystemTime::now().duration_since(at(since_ms)).unwrap_or_default();
    match means.outside.mail.repeat() {
        Repeat::Harmless(remembered) => age >= remembered,
        // A second copy can only follow a crash of ours after the acceptance; both carry one Message-ID.
        Repeat::MayDeliverTwice => false,
    }
}

fn compose(
    means: &Means<'_>,
    letter: &Letter<'_>,
    to: Address,
    key: &mail::IdempotencyKey,
    password: Option<&SecretString>,
    since_ms: i64,
) -> Result<Mail, ActivityError> {
    let settings = means.settings;
    let sent_at = at(since_ms);
    let credential = match (letter.kind, password) {
        (_, Some(password)) => Credential::Password { password: password.clone() },
        (Kind::First { operator_supplied: true }, None) => Credential::Chosen,
        (_, None) => Credential::Link,
    };
    let welcome = Welcome {
        full_name: letter.full_name.clone(),
        tenant_name: letter.tenant_name.to_owned(),
        product: if letter.product == "algadesk" { Product::Algadesk } else { Product::Psa },
        sign_in_url: settings.sign_in_url.clone(),
        support_url: settings.support_url.clone(),
        credential,
        year: OffsetDateTime::from(sent_at).year(),
    };
    let rendered = welcome
        .render()
        .map_err(|error: WelcomeError| final_failure(FailureType::Configuration, error.to_string(), None))?;
    let tag = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Ok(Mail {
        to: Mailbox::new(to, &letter.full_name),
        message_id: MessageId::of(key, &settings.sender.address),
        from: settings.sender.clone(),
        subject: rendered.subject,
        html: rendered.html,
        text: rendered.text,
        tags: vec![
            tag("workflow", "tenant_creation"),
            tag("email_type", "tenant_welcome"),
            tag("tenant_id", &letter.tenant.to_string()),
        ],
        sent_at,
    })
}

/// A refusal is final: the credential is forgotten, and a repeat is answered the same.
async fn refused(
    means: &Means<'_>,
    letter: &Letter<'_>,
    stored: &StoredCredential<'_>,
    error: &MailError,
    delivery: CredentialDelivery,
) -> Result<wire::WelcomeEmailReply, ActivityError> {
    if let MailError::Transient { retry_after, .. } = error {
        let mut rng = rand::rng();
        let pause = match retry_after {
            Some(asked) => *asked + Backoff::STEP.spread(&mut rng),
            None => Backoff::STEP.pause(means.attempt, &mut rng),
        };
        return Err(transient(error.to_string(), Some(pause)));
    }
    means.store.close_credential(stored, &error.to_string()).await.map_err(of_store)?;
    tell_unsent(means.counters, letter.tenant, error.code(), &error.to_string());
    Ok(not_sent(error.code(), &error.to_string(), delivery))
}

/// The application mails the link itself.
async fn ask_for_link(means: &Means<'_>, letter: &Letter<'_>) -> Result<(), ActivityError> {
    let Some(app) = &means.outside.app else {
        let text = "ALGA_WEBHOOK_SECRET: is needed for CREDENTIAL_MODE=link";
        return Err(final_failure(FailureType::Configuration, text, None));
    };
    let asked = app.password_reset(letter.email, SystemTime::now()).await;
    asked.map_err(|error| of_call(&error, Backoff::STEP, means.attempt))
}

/// Forgets the credential. Of a mail that was sent again, the hash comes into force now.
async fn finish(
    means: &Means<'_>,
    letter: &Letter<'_>,
    password: Option<SecretString>,
    sealed: &str,
) -> Result<(), ActivityError> {
    let hash = match (letter.kind, password) {
        (Kind::Again, Some(password)) => Some((means.secrets.hashing)().hash(password).await.expose().to_owned()),
        (_, _) => None,
    };
    let made = Made { sealed: sealed.to_owned(), hash };
    means.store.delivered(&made.stored(letter)).await.map_err(of_store)
}

fn sent(delivery: CredentialDelivery) -> wire::WelcomeEmailReply {
    reply(true, delivery, "", "")
}

/// Without the mail nobody has the credential, except an operator's.
fn not_sent(code: &str, error: &str, delivery: CredentialDelivery) -> wire::WelcomeEmailReply {
    let delivery = match delivery {
        CredentialDelivery::OperatorSupplied => delivery,
        CredentialDelivery::Link | CredentialDelivery::Mail | CredentialDelivery::Undelivered => {
            CredentialDelivery::Undelivered
        }
    };
    reply(false, delivery, code, error)
}

fn reply(sent: bool, delivery: CredentialDelivery, code: &str, error: &str) -> wire::WelcomeEmailReply {
    wire::WelcomeEmailReply {
        email_sent: Some(sent),
        credential_delivery: delivery.as_str().to_owned(),
        error: error.to_owned(),
        code: code.to_owned(),
        next_allowed_ms: 0,
    }
}

fn at(ms: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
