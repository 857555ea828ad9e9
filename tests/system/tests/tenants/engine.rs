//! The real workflows and activities in a worker inside of this process, whose answers can be lost or late.

use crate::world::{INTERNAL_SECRET, RESEND_KEY, STRIPE_KEY, WEBHOOK_SECRET, World};
use anyhow::Context as _;
use billing::{StripeHttp, StripeSettings};
use credentials::KeyFile;
use devstack::MANAGEMENT_TENANT;
use mail::{Address, Mailbox, Resend};
use outbound::{BaseUrl, Caller, Cleartext, LegacySignature, Limits, Shop, ShopSettings};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use store::tenant::{TenantSettings, TenantStore};
use temporalio_client::Client;
use temporalio_sdk::activities::ActivityError;
use temporalio_sdk::interceptors::{ActivityInboundInterceptor, ExecuteActivityInput, ExecuteActivityOutput, Next};
use temporalio_sdk::runtime::RuntimeOptions;
use temporalio_sdk::{ApplicationFailure, Runtime, Worker, WorkerOptions};
use tenancy::{CredentialMode, Hashing, Outside, Secrets, TenancyActivities, TenancyCounters, TenancySettings};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;
use workflows::tenant::{AlgadeskTenantCreation, TenantCreation};

/// What happens to the first answer of an activity. Its work is done and committed by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It never arrives: the attempt counts as failed.
    Lost,
    /// It arrives when another attempt has answered.
    Late,
}

/// One activity of one run.
type Place = (String, String);

/// Which answers are lost or late, and which were.
#[derive(Clone, Default)]
pub(crate) struct Fates(Arc<Inner>);

#[derive(Default)]
struct Inner {
    asked: Mutex<BTreeMap<Place, Fate>>,
    met: Mutex<BTreeSet<Place>>,
    /// Places whose later attempt has answered.
    answered: watch::Sender<BTreeSet<Place>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fates {
    /// Asks for the fate of an activity's first answer.
    pub(crate) fn ask(&self, workflow_id: &str, activity: &str, fate: Fate) {
        lock(&self.0.asked).insert((workflow_id.to_owned(), activity.to_owned()), fate);
    }

    /// Whether it came to that.
    pub(crate) fn was_met(&self, workflow_id: &str, activity: &str) -> bool {
        lock(&self.0.met).contains(&(workflow_id.to_owned(), activity.to_owned()))
    }
}

impl ActivityInboundInterceptor for Fates {
    fn execute_activity<'a>(
        &'a self,
        input: ExecuteActivityInput,
        next: Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
    ) -> ExecuteActivityOutput<'a> {
        let info = input.activity_info();
        let place = (info.workflow_id.clone().unwrap_or_default(), info.activity_type.clone());
        Box::pin(async move {
            let answer = next.run(input).await?;
            let fate = lock(&self.0.asked).remove(&place);
            match fate {
                None => {
                    self.0.answered.send_if_modified(|answered| answered.insert(place));
                    Ok(answer)
                }
                Some(Fate::Lost) => {
                    lock(&self.0.met).insert(place);
                    let failure = ApplicationFailure::builder(anyhow::anyhow!("the answer is lost"));
                    Err(ActivityError::application(failure.build()))
                }
                Some(Fate::Late) => {
                    let mut answered = self.0.answered.subscribe();
                    // The sender lives as long as this interceptor.
                    let _ = answered.wait_for(|answered| answered.contains(&place)).await;
                    lock(&self.0.met).insert(place);
                    Ok(answer)
                }
            }
        })
    }
}

/// A worker on a thread of its own, as the binary runs it; `Worker::run` is not `Send`.
pub(crate) struct Engine {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Engine {
    /// Starts it on a queue of its own.
    pub(crate) fn start(world: &World, queue: &str, fates: Fates) -> anyhow::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (client, parts, queue) = (world.rig.temporal.clone(), Parts::of(world)?, queue.to_owned());
        let thread = std::thread::Builder::new().name("lossy-worker".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(drive(client, &queue, parts, fates, stopped))
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    /// Ends it; says why when it had ended by itself.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        drop(self.stop.take());
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result.context("the worker"),
            Some(Err(_)) => anyhow::bail!("the worker's thread panicked"),
            None => Ok(()),
        }
    }
}

async fn drive(
    client: Client,
    queue: &str,
    parts: Parts,
    fates: Fates,
    stopped: oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    let options = RuntimeOptions::builder().heartbeat_interval(None).build().map_err(anyhow::Error::msg)?;
    let runtime = Runtime::from_current_tokio(options)?;
    let mut options = WorkerOptions::new(queue)
        .graceful_shutdown_period(Duration::from_secs(1))
        .activity_inbound_interceptor(fates)
        .build();
    options
        .register_workflow::<TenantCreation>()?
        .register_workflow::<AlgadeskTenantCreation>()?
        .register_activities(parts.activities()?);
    let mut worker = Worker::new(&runtime, client, options)?;
    let shutdown = worker.shutdown_handle();
    tokio::spawn(async move {
        let _ = stopped.await;
        shutdown();
    });
    worker.run().await?;
    Ok(())
}

/// What the activities are made from, as the binary makes it from its settings.
struct Parts {
    database: String,
    keys: String,
    hasher: credentials::PasswordHasher,
    stripe: BaseUrl,
    shop: BaseUrl,
    mail: BaseUrl,
}

impl Parts {
    fn of(world: &World) -> anyhow::Result<Self> {
        let value = |name: &str| world.rig.environment.get(name).cloned().with_context(|| format!("no {name}"));
        let (user, password) = (value("TENANTRY_DB_USER")?, value("TENANTRY_DB_PASSWORD")?);
        let (port, name) = (value("DB_PORT")?, value("DB_NAME_SERVER")?);
        let url = |server: &outbound::testkit::ScriptedServer| {
            BaseUrl::parse(&server.base_url(), Cleartext::LoopbackOnly).context("not a base URL")
        };
        Ok(Self {
            database: format!("postgres://{user}:{password}@127.0.0.1:{port}/{name}"),
            keys: value("TENANTRY_SEALING_KEYS_FILE")?,
            hasher: world.hasher.clone(),
            stripe: url(&world.stripe)?,
            shop: url(&world.shop)?,
            mail: url(&world.mail)?,
        })
    }

    fn activities(self) -> anyhow::Result<TenancyActivities> {
        let management = Uuid::parse_str(MANAGEMENT_TENANT)?;
        let pool = store::pool(store::connect_options(&self.database)?, 20);
        let store = TenantStore::new(pool, TenantSettings { billing_tenant: Some(management) });
        let (sealing, keyed) = KeyFile::read(Path::new(&self.keys))?.into_parts()?;
        let sealing = Arc::new(sealing);
        let hashing = Hashing::new(self.hasher, 2);
        let secrets = Secrets {
            hashing: Arc::new(move || hashing.clone()),
            sealing: Arc::new(move || Arc::clone(&sealing)),
            keyed: Arc::new(keyed),
        };
        let caller = Arc::new(Caller::new(Limits::default())?);
        let stripe = StripeSettings {
            base: self.stripe,
            secret_key: SecretString::from(STRIPE_KEY),
            per_user_prices: BTreeSet::new(),
        };
        let shop = ShopSettings {
            base: self.shop,
            internal_secret: SecretString::from(INTERNAL_SECRET),
            webhook_secret: SecretString::from(WEBHOOK_SECRET),
            legacy_signature: LegacySignature::Sent,
        };
        let outside = Outside {
            mail: Arc::new(Resend::new(caller.clone(), self.mail, &SecretString::from(RESEND_KEY))?),
            stripe: Some(Arc::new(StripeHttp::new(caller.clone(), stripe)?)),
            shop: Some(Arc::new(Shop::new(caller, shop)?)),
            app: None,
        };
        let settings = TenancySettings {
            management_tenant: Some(management),
            credential_mode: CredentialMode::Mail,
            sign_in_url: "https://app.tenantry.test".to_owned(),
            support_url: "https://support.tenantry.test".to_owned(),
            sender: Mailbox::new(Address::parse("noreply@tenantry.test")?, "System"),
            secret_folder: None,
        };
        let outside = Arc::new(move || outside.clone());
        Ok(TenancyActivities::new(store, settings, secrets, outside, TenancyCounters::unread()))
    }
}
