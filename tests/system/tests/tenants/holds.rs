//! Holding a creation in the middle of one of its activities, until a test lets it go.
//!
//! Steps in the database meet a trigger after their first write, which takes a shared advisory lock named after step and
//! tenant: free of cost, until a test holds that lock. Calls outside meet a scripted server that answers when a gate opens.

use crate::cell::Cell;
use crate::world::{CALLBACK_PATH, MAIL_PATH, STATUS_PATH, World, mail_taken};
use outbound::testkit::{Answer, Gate, Page, Recorded};
use serde_json::{Value, json};
use sqlx::Postgres;
use sqlx::pool::PoolConnection;

/// A moment in the middle of an activity's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    FetchStripe,
    CreateTenant,
    Seeds,
    Admin,
    Settings,
    CustomerClient,
    CustomerContact,
    TagCustomer,
    /// The mail is on its way to the provider.
    Mail,
    /// The provider has taken the mail, and the credential is being forgotten.
    MailNoted,
    Record,
    CheckoutStatus,
    Callback,
}

impl Point {
    /// Every one, those outside first: they share paths of the scripted servers, so that they have to be there before others
    /// come by.
    pub(crate) const ALL: [Self; 13] = [
        Self::Mail,
        Self::CheckoutStatus,
        Self::Callback,
        Self::FetchStripe,
        Self::CreateTenant,
        Self::Seeds,
        Self::Admin,
        Self::Settings,
        Self::CustomerClient,
        Self::CustomerContact,
        Self::TagCustomer,
        Self::MailNoted,
        Self::Record,
    ];

    /// The activity, and where in it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::FetchStripe => "fetchStripeDetailsFromCheckout",
            Self::CreateTenant => "createTenant",
            Self::Seeds => "run_onboarding_seeds",
            Self::Admin => "createAdminUser",
            Self::Settings => "setupTenantData",
            Self::CustomerClient => "createCustomerClientActivity",
            Self::CustomerContact => "createCustomerContactActivity",
            Self::TagCustomer => "tagCustomerClientActivity",
            Self::Mail => "sendWelcomeEmail",
            Self::MailNoted => "sendWelcomeEmail (taken)",
            Self::Record => "recordCreation",
            Self::CheckoutStatus => "updateCheckoutSessionStatus",
            Self::Callback => "sendShopCallback",
        }
    }

    /// Whether it waits for a system outside.
    pub(crate) const fn is_outside(self) -> bool {
        match self {
            Self::FetchStripe | Self::Mail | Self::CheckoutStatus | Self::Callback => true,
            Self::CreateTenant
            | Self::Seeds
            | Self::Admin
            | Self::Settings
            | Self::CustomerClient
            | Self::CustomerContact
            | Self::TagCustomer
            | Self::MailNoted
            | Self::Record => false,
        }
    }

    /// A creation that comes by here. Only those that need a checkout have one: the shop's paths are shared.
    pub(crate) fn cell(self, world: &World, fault: &str) -> Cell {
        let label = format!("{fault}{self:?}");
        match self {
            Self::FetchStripe | Self::CheckoutStatus | Self::Callback => Cell::bought(world, &label),
            Self::CreateTenant
            | Self::Seeds
            | Self::Admin
            | Self::Settings
            | Self::CustomerClient
            | Self::CustomerContact
            | Self::TagCustomer
            | Self::Mail
            | Self::MailNoted
            | Self::Record => Cell::new(world, &label),
        }
    }

    /// Closes the way for one creation.
    pub(crate) async fn hold(self, world: &World, cell: &Cell) -> anyhow::Result<Holder> {
        let gate = Gate::closed();
        let answer = |page| Answer::Held(gate.clone(), page);
        match self {
            Self::FetchStripe => {
                // Before what the session always answers.
                world.stripe.then(&cell.checkout_path(), answer(cell.session(crate::world::PRICE)));
            }
            Self::Mail => world.mail.then(MAIL_PATH, answer(mail_taken())),
            Self::CheckoutStatus => world.shop.then(STATUS_PATH, answer(Page::status(200))),
            Self::Callback => world.shop.then(CALLBACK_PATH, answer(Page::status(200))),
            Self::CreateTenant
            | Self::Seeds
            | Self::Admin
            | Self::Settings
            | Self::CustomerClient
            | Self::CustomerContact
            | Self::TagCustomer
            | Self::MailNoted
            | Self::Record => return self.hold_rows(world, cell).await,
        }
        Ok(Holder::Outside(gate))
    }

    async fn hold_rows(self, world: &World, cell: &Cell) -> anyhow::Result<Holder> {
        let mut conn = world.rig.database.acquire().await?;
        let (pid,): (i32,) =
            sqlx::query_as("SELECT pg_backend_pid() FROM (SELECT pg_advisory_lock(hashtextextended($1, 0))) AS held")
                .persistent(false)
                .bind(format!("hold {} {}", self.as_str(), cell.name))
                .fetch_one(&mut *conn)
                .await?;
        Ok(Holder::Rows { conn, pid })
    }

    /// Whether the creation stands here now. Outside that is so as soon as it was asked.
    pub(crate) async fn is_reached(self, world: &World, cell: &Cell, holder: &Holder) -> anyhow::Result<bool> {
        let told = |path: &str, field: &str| {
            let of_cell =
                |request: &Recorded| request.json::<Value>().is_some_and(|body| body[field] == json!(cell.checkout()));
            world.shop.requests_to(path).iter().any(of_cell)
        };
        Ok(match (self, holder) {
            (Self::FetchStripe, _) => !world.stripe.requests_to(&cell.checkout_path()).is_empty(),
            (Self::Mail, _) => !world.mails_to(&cell.email).is_empty(),
            (Self::CheckoutStatus, _) => told(STATUS_PATH, "checkoutSessionId"),
            (Self::Callback, _) => told(CALLBACK_PATH, "sessionId"),
            (_, Holder::Rows { pid, .. }) => {
                let waits = format!(
                    "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE {pid} = ANY (pg_blocking_pids(pid)))::text"
                );
                world.rig.ask(&waits).await? == "true"
            }
            (_, Holder::Outside(_)) => false,
        })
    }
}

/// What keeps the way closed.
pub(crate) enum Holder {
    /// A lock of this session.
    Rows { conn: PoolConnection<Postgres>, pid: i32 },
    /// A gate of a scripted server.
    Outside(Gate),
}

impl Holder {
    /// Opens the way. A session that ended with its database holds nothing any more.
    pub(crate) async fn release(self) {
        match self {
            Self::Rows { mut conn, .. } => {
                let _ = sqlx::query("SELECT pg_advisory_unlock_all()").persistent(false).execute(&mut *conn).await;
                conn.close_on_drop();
            }
            Self::Outside(gate) => gate.open(),
        }
    }
}

/// The places where steps of the database can be held: table, event, step, and the name of the row's creation.
const PLACES: [(&str, &str, Point, &str); 9] = [
    ("public.client_locations", "INSERT", Point::CreateTenant, OF_TENANT),
    ("public.roles", "INSERT", Point::Seeds, OF_TENANT),
    ("public.user_roles", "INSERT", Point::Admin, OF_TENANT),
    ("public.tenant_companies", "INSERT", Point::Settings, OF_TENANT),
    (
        "public.clients",
        "INSERT",
        Point::CustomerClient,
        "SELECT client_name FROM public.tenants WHERE tenant::text = $1.properties ->> 'tenant_id'",
    ),
    (
        "public.contacts",
        "INSERT",
        Point::CustomerContact,
        "SELECT t.client_name FROM public.tenants t JOIN public.clients c ON t.tenant::text = c.properties ->> 'tenant_id' \
         WHERE c.tenant = $1.tenant AND c.client_id = $1.client_id",
    ),
    (
        "public.tag_mappings",
        "INSERT",
        Point::TagCustomer,
        "SELECT t.client_name FROM public.tenants t JOIN public.clients c ON t.tenant::text = c.properties ->> 'tenant_id' \
         WHERE c.tenant = $1.tenant AND c.client_id = $1.tagged_id",
    ),
    (
        "tenantry.activity_ledger",
        "UPDATE",
        Point::MailNoted,
        "SELECT client_name FROM public.tenants WHERE tenant = $1.tenant AND $1.activity = 'sendWelcomeEmail' \
         AND ($1.result ->> 'delivered')::boolean",
    ),
    ("tenantry.creations", "UPDATE", Point::Record, OF_TENANT),
];

const OF_TENANT: &str = "SELECT client_name FROM public.tenants WHERE tenant = $1.tenant";

/// Makes the places.
pub(crate) async fn prepare(world: &World) -> anyhow::Result<()> {
    let mut text = "CREATE FUNCTION public.test_hold() RETURNS trigger LANGUAGE plpgsql AS $body$
        DECLARE name text;
        BEGIN
          EXECUTE TG_ARGV[1] INTO name USING NEW;
          IF name IS NOT NULL THEN
            PERFORM pg_advisory_xact_lock_shared(hashtextextended('hold ' || TG_ARGV[0] || ' ' || name, 0));
          END IF;
          RETURN NULL;
        END $body$;"
        .to_owned();
    for (table, event, point, name) in PLACES {
        let (step, name) = (point.as_str(), name.replace('\'', "''"));
        text.push_str(&format!(
            "CREATE TRIGGER test_hold AFTER {event} ON {table} FOR EACH ROW \
             EXECUTE FUNCTION public.test_hold('{step}', '{name}');"
        ));
    }
    world.rig.sql(&text).await
}
