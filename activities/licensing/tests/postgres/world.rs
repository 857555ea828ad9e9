//! The steps, the licence API and the provider of mail of one test.

use crate::fixture::with_database;
use crate::provider::Provider;
use credentials::KeyFile;
use licensing::{LicensingCounters, MailParts, Page, RegistryActivities, RegistryApi};
use mail::{Address, Links, Mailbox};
use outbound::testkit::{Answer, Page as Reply, Recorded, ScriptedServer, install_tls_provider};
use outbound::{BaseUrl, Caller, Cleartext, Limits};
use proto::v1 as wire;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::sync::Arc;
use store::tenant::{TenantSettings, TenantStore};
use temporalio_sdk::activities::ActivityError;
use tenancy::Outside;
use time::OffsetDateTime;

pub(crate) const TENANT: &str = "11111111-2222-4333-8444-555555555555";
pub(crate) const EMAIL: &str = "it@acme.example";
pub(crate) const REGISTER: &str = "/register-tenant";
pub(crate) const REISSUE: &str = "/install-codes/reissue";
/// Lines `hash` and of one sealing key; both are numbers in a row.
const KEYS: &str =
    "hash AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n1 AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\n";
/// Long enough for any busy machine.
const LIMITS: Limits = Limits {
    connect: std::time::Duration::from_secs(30),
    total: std::time::Duration::from_secs(60),
    body_max: 100_000,
};

/// What a test works with.
pub(crate) struct World {
    pub(crate) api: ScriptedServer,
    pub(crate) provider: Arc<Provider>,
    pub(crate) steps: RegistryActivities,
}

/// Runs a test with a licence API that knows one tenant and gives its codes.
pub(crate) async fn with_world(test: impl AsyncFnOnce(&World)) {
    with_database(async |pool: &PgPool| {
        let world = World::new(pool).await;
        test(&world).await;
    })
    .await;
}

impl World {
    async fn new(pool: &PgPool) -> Self {
        install_tls_provider();
        let api = ScriptedServer::start().await;
        api.always(REGISTER, Answer::with(|asked| Reply::json(200, &registered(asked))));
        api.always(REISSUE, Answer::json(200, &reissued()));
        let tenant = json!({ "company_name": "Acme", "contact_email": EMAIL, "contact_name": null });
        api.always(&format!("/tenants/{TENANT}"), Answer::json(200, &json!({ "tenant": tenant })));
        let base = BaseUrl::parse(&api.base_url(), Cleartext::LoopbackOnly).unwrap();
        let client = RegistryApi::new(base, Arc::new(Caller::new(LIMITS).unwrap()), "s".repeat(32).into());
        let provider = Arc::new(Provider::default());
        let outside = Outside { mail: Arc::clone(&provider) as _, stripe: None, shop: None, app: None };
        let mail = MailParts {
            store: TenantStore::new(pool.clone(), TenantSettings::default()),
            outside: Arc::new(move || outside.clone()),
            keyed: Arc::new(KeyFile::parse(KEYS).unwrap().into_parts().unwrap().1),
            sender: Mailbox::new(Address::parse("noreply@shop.example").unwrap(), "Shop"),
            page: Page {
                store: "https://shop.example".to_owned(),
                video: String::new(),
                download: "https://shop.example/download".to_owned(),
                allowed: Links::HttpsOnly,
            },
        };
        let steps = RegistryActivities::new(Arc::new(move || Some(client.clone())), mail, LicensingCounters::unread());
        Self { api, provider, steps }
    }

    /// How often the licence API was asked for a path.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.api.requests_to(path).len()
    }

    /// Sends so many mails to [`EMAIL`], each of a submission of its own.
    pub(crate) async fn mail_so_many(&self, count: usize) {
        for number in 0..count {
            let request = mail_of(&submission(&format!("earlier-{number}")));
            assert!(self.steps.mail_registered(&request, 1).await.unwrap().sent);
        }
    }
}

/// The registry's answer: one submission, one tenant and one code, whoever asks how often.
fn registered(asked: &Recorded) -> Value {
    let body: Value = asked.json().unwrap();
    let submission = body["submission_id"].as_str().unwrap();
    json!({
        "tenant_id": TENANT, "install_code": code_of(submission), "download_url": "", "expires_at": 1_900_000_000,
        "claim_code_id": format!("id-of-{submission}"),
    })
}

/// The code of a submission, made of its letters.
pub(crate) fn code_of(submission: &str) -> String {
    submission.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase()
}

/// The answer to a reissue.
pub(crate) fn reissued() -> Value {
    json!({
        "install_code": "NEWCODE2", "download_url": "", "expires_at": 1_900_000_000, "claim_code_id": "id-of-the-new-one",
        "live_appliances": [],
    })
}

/// A registration of this submission.
pub(crate) fn submission(id: &str) -> wire::EssentialsRegistrationInput {
    wire::EssentialsRegistrationInput {
        submission_id: id.to_owned(),
        company_name: "Acme".to_owned(),
        contact_name: "Ann Example".to_owned(),
        contact_email: EMAIL.to_owned(),
        download_url: String::new(),
    }
}

/// What its workflow asks to be mailed.
pub(crate) fn mail_of(input: &wire::EssentialsRegistrationInput) -> wire::InstallEmailRequest {
    wire::InstallEmailRequest {
        origin_id: contract::names::essentials_registration_id(&input.submission_id),
        now_ms: now_ms(),
        registration: Some(input.clone()),
    }
}

/// What the workflow of a reissue asks in each of its steps.
pub(crate) fn request(id: &str) -> wire::ReissueEmailRequest {
    wire::ReissueEmailRequest {
        origin_id: contract::names::install_code_reissue_id(id),
        now_ms: now_ms(),
        reissue: Some(wire::ReissueInput { request_id: id.to_owned(), tenant_id: TENANT.to_owned() }),
    }
}

/// Unix milliseconds.
pub(crate) fn now_ms() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp() * 1000
}

/// Type of a failure, whether it is final, and its text.
#[track_caller]
pub(crate) fn failed<T: std::fmt::Debug>(outcome: Result<T, ActivityError>) -> (String, bool, String) {
    let ActivityError::Application(failure) = outcome.unwrap_err() else { panic!("an application failure") };
    (failure.type_name().unwrap_or_default().to_owned(), failure.is_non_retryable(), failure.to_string())
}

/// The type of a final failure.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(outcome: Result<T, ActivityError>) -> String {
    let (kind, is_final, text) = failed(outcome);
    assert!(is_final, "{kind}: {text}");
    kind
}

/// A failure that a later try may cure.
#[track_caller]
pub(crate) fn is_transient<T: std::fmt::Debug>(outcome: Result<T, ActivityError>) {
    let (kind, is_final, text) = failed(outcome);
    assert!(!is_final && kind == model::tenant::failure::TRANSIENT, "{kind}: {text}");
}
