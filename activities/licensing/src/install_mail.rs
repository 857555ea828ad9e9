//! The mail with a code: asked for again at the licence API, rendered, and sent once.

use crate::counters::LicensingCounters;
use crate::failure::{
    CODE_ENDED, CONFIGURATION, MAIL_NOT_SENT, NO_CODE, TOO_MANY_MAILS, final_failure, of_store, transient,
};
use credentials::{KeyedHasher, Purpose};
use mail::{
    Address, CodeReason, InstallCodeMail, InstallLinks, Links, Mail, MailError, Mailbox, MessageId, Repeat, mail_key,
};
use model::tenant::failure::TRANSIENT;
use outbound::backoff::Backoff;
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use store::tenant::{InstallMail, MailState, TenantStore};
use temporalio_sdk::activities::ActivityError;
use tenancy::{Now, Outside};
use time::OffsetDateTime;

/// Install mails of one address within a day (licensing contract, section 15, "Limits").
const PER_DAY: i64 = 5;
/// Kind of the mail, in its key and its metadata (licensing contract, section 8).
const KIND: &str = "appliance-essentials-install-code";

/// Where the mails lead.
#[derive(Debug, Clone)]
pub struct Page {
    /// `NM_STORE_BASE_URL`.
    pub store: String,
    /// `APPLIANCE_SETUP_VIDEO_URL`; empty for none.
    pub video: String,
    /// `APPLIANCE_DOWNLOAD_PAGE_URL`, for mails whose caller names none; empty for none.
    pub download: String,
    /// Which links may be shown.
    pub allowed: Links,
}

/// What the mails are made and sent with.
#[derive(Clone)]
pub struct MailParts {
    /// Records what was sent.
    pub store: TenantStore,
    /// The provider, as of now.
    pub outside: Now<Outside>,
    /// Makes keyed hashes of addresses.
    pub keyed: Arc<KeyedHasher>,
    /// Who sends.
    pub sender: Mailbox,
    /// Where the mails lead.
    pub page: Page,
}

impl fmt::Debug for MailParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailParts").field("page", &self.page).finish_non_exhaustive()
    }
}

/// Whom a code is for.
pub(crate) struct Receiver<'a> {
    pub(crate) tenant_id: &'a str,
    pub(crate) company_name: &'a str,
    pub(crate) contact_name: &'a str,
    pub(crate) email: &'a str,
}

/// The code, as the licence API gave it.
pub(crate) struct Code {
    /// Empty where the API has none to give.
    pub(crate) code: SecretString,
    /// Why it is of no use any more, where it is not.
    pub(crate) state: Option<String>,
    /// Unix seconds.
    pub(crate) expires_at: i64,
    pub(crate) download_url: String,
    pub(crate) reason: CodeReason,
}

/// One try of one run.
pub(crate) struct Turn<'a> {
    pub(crate) origin_id: &'a str,
    pub(crate) now_ms: i64,
    pub(crate) attempt: u32,
    pub(crate) counters: &'a LicensingCounters,
}

/// Whether the mail of this run is to be sent, and since when; `None`: it was. An address that no mail reaches is refused before
/// anything is done for it.
pub(crate) async fn begin(parts: &MailParts, turn: &Turn<'_>, email: &str) -> Result<Option<i64>, ActivityError> {
    if let Err(error) = Address::parse(email.trim()).map_err(MailError::from) {
        turn.counters.mail(error.code());
        tell(turn, error.code(), &error.to_string());
        return Err(final_failure(MAIL_NOT_SENT, error.to_string()));
    }
    let key = parts.keyed.hash(Purpose::InstallMail, &email.trim().to_lowercase());
    let mail = InstallMail { origin_id: turn.origin_id, address_key: &key, now_ms: turn.now_ms, per_day: PER_DAY };
    match parts.store.begin_install_mail(&mail).await.map_err(|error| of_store(&error))? {
        MailState::Sent => Ok(None),
        MailState::Closed { why } => Err(final_failure(MAIL_NOT_SENT, why)),
        MailState::TooMany => {
            let text = "the address was sent five install codes within a day; start the workflow again tomorrow";
            Err(final_failure(TOO_MANY_MAILS, text))
        }
        MailState::Pending { since_ms, again } if again && is_forgotten(parts, since_ms) => {
            let why = "cannot tell whether the mail was sent: the provider has forgotten the first try";
            tell(turn, MAIL_NOT_SENT, why);
            Err(given_up(parts, turn, MAIL_NOT_SENT, why).await)
        }
        MailState::Pending { since_ms, again: _ } => Ok(Some(since_ms)),
    }
}

/// A mail that was begun and will not be sent.
async fn given_up(parts: &MailParts, turn: &Turn<'_>, kind: &'static str, why: &str) -> ActivityError {
    match close(parts, turn, why).await {
        Ok(()) => final_failure(kind, why),
        Err(error) => error,
    }
}

/// After a refusal for good there is no code to mail: the place that was kept for it is free again.
pub(crate) async fn withdraw(parts: &MailParts, turn: &Turn<'_>, error: ActivityError) -> ActivityError {
    let ActivityError::Application(failure) = &error else { return error };
    if !failure.is_non_retryable() {
        return error;
    }
    let why = format!("no new code was made: {failure}");
    tracing::warn!(
        workflow = turn.origin_id,
        attempt = turn.attempt,
        "{why}; see docs/runbook-licences.md, `A code did not arrive`"
    );
    close(parts, turn, &why).await.err().unwrap_or(error)
}

/// Sends, and records it. A code that has ended meanwhile, or that is none, is not mailed.
pub(crate) async fn send(
    parts: &MailParts,
    turn: &Turn<'_>,
    receiver: &Receiver<'_>,
    code: Code,
    since_ms: i64,
) -> Result<(), ActivityError> {
    if let Some(state) = &code.state {
        let why = format!("the code was not mailed: it is {state} already");
        return Err(given_up(parts, turn, CODE_ENDED, &why).await);
    }
    if code.code.expose_secret().is_empty() {
        let why = "the licence API has no code to give";
        tell(turn, NO_CODE, why);
        return Err(given_up(parts, turn, NO_CODE, why).await);
    }
    let key = mail_key(turn.origin_id, KIND);
    let sent = match compose(parts, receiver, code, &key, since_ms) {
        Ok(mail) => (parts.outside)().mail.send(&mail, &key).await.map(drop),
        Err(error) => Err(error),
    };
    turn.counters.mail(sent.as_ref().map_or_else(MailError::code, |()| "sent"));
    match sent {
        Ok(()) => close(parts, turn, "").await,
        Err(error @ MailError::Transient { .. }) => {
            let MailError::Transient { retry_after, .. } = &error else { unreachable!("matched above") };
            let asked = retry_after.map(|asked| asked + Backoff::STEP.spread(&mut rand::rng()));
            Err(transient(TRANSIENT, error.to_string(), asked))
        }
        Err(error) => {
            let why = error.to_string();
            tell(turn, error.code(), &why);
            Err(given_up(parts, turn, MAIL_NOT_SENT, &why).await)
        }
    }
}

/// Tells an operator that a customer waits for a code.
fn tell(turn: &Turn<'_>, code: &str, why: &str) {
    tracing::error!(
        workflow = turn.origin_id,
        code,
        attempt = turn.attempt,
        "an install code was not mailed: {why}; see docs/runbook-licences.md, `A code did not arrive`"
    );
}

async fn close(parts: &MailParts, turn: &Turn<'_>, why: &str) -> Result<(), ActivityError> {
    parts.store.end_install_mail(turn.origin_id, why).await.map_err(|error| of_store(&error))
}

/// A repeat is safe only as long as the provider remembers the key.
fn is_forgotten(parts: &MailParts, since_ms: i64) -> bool {
    let age = SystemTime::now().duration_since(at(since_ms)).unwrap_or_default();
    match (parts.outside)().mail.repeat() {
        Repeat::Harmless(remembered) => age >= remembered,
        // A second copy can only follow a crash of ours after the acceptance; both carry one Message-ID.
        Repeat::MayDeliverTwice => false,
    }
}

fn compose(
    parts: &MailParts,
    receiver: &Receiver<'_>,
    code: Code,
    key: &mail::IdempotencyKey,
    since_ms: i64,
) -> Result<Mail, MailError> {
    let address = Address::parse(receiver.email.trim())?;
    let sent_at = at(since_ms);
    let ends = OffsetDateTime::from_unix_timestamp(code.expires_at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let letter = InstallCodeMail {
        contact_name: receiver.contact_name.to_owned(),
        company_name: receiver.company_name.to_owned(),
        code: code.code,
        ends_on: ends.date().to_string(),
        reason: code.reason,
        links: InstallLinks {
            store: parts.page.store.clone(),
            download: code.download_url,
            video: parts.page.video.clone(),
            allowed: parts.page.allowed,
        },
        year: OffsetDateTime::from(sent_at).year(),
    };
    let rendered = letter.render().map_err(|_| MailError::Refused { status: None, code: CONFIGURATION })?;
    let tag = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Ok(Mail {
        to: Mailbox::new(address, receiver.contact_name),
        message_id: MessageId::of(key, &parts.sender.address),
        from: parts.sender.clone(),
        subject: rendered.subject,
        html: rendered.html,
        text: rendered.text,
        tags: vec![tag("kind", KIND), tag("tenant_id", receiver.tenant_id)],
        sent_at,
    })
}

fn at(ms: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
