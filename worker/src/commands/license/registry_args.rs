//! What the commands of the registry take.

use clap::{Args, Subcommand};
use uuid::Uuid;

/// Arguments of `license register-tenant`.
#[derive(Debug, Args)]
pub(super) struct RegisterArgs {
    /// Name of the company.
    #[arg(long, value_name = "NAME")]
    pub(super) company: String,
    /// Address of the contact, to which codes are mailed.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) email: String,
    /// essentials or pro.
    #[arg(long, default_value = "essentials")]
    pub(super) edition: String,
    /// Name of the contact.
    #[arg(long, value_name = "NAME")]
    pub(super) contact: Option<String>,
    /// The order's id: one submission is one tenant, however often this is repeated.
    #[arg(long, value_name = "ID")]
    pub(super) submission: Option<String>,
    /// Pins the tenant's id.
    #[arg(long, value_name = "UUID")]
    pub(super) tenant: Option<Uuid>,
    /// The paid subscription; without it a pro tenant gets no code yet.
    #[arg(long, value_name = "ID")]
    pub(super) subscription: Option<String>,
    /// Seats; unlimited when left out.
    #[arg(long)]
    pub(super) seats: Option<i64>,
    /// connected or airgap.
    #[arg(long)]
    pub(super) transport: Option<String>,
    /// As the shop does it for essentials: the registration workflow registers, and mails the code. Nothing shows it here.
    #[arg(long, requires = "submission", conflicts_with_all = ["tenant", "subscription", "seats", "transport"])]
    pub(super) mail: bool,
    /// The page that the mail's download link leads to; only with --mail.
    #[arg(long, value_name = "URL", requires = "mail")]
    pub(super) download_page: Option<String>,
}

/// Arguments of `license reissue`.
#[derive(Debug, Args)]
pub(super) struct ReissueArgs {
    /// The tenant.
    #[arg(long, value_name = "UUID", required_unless_present = "email")]
    pub(super) tenant: Option<Uuid>,
    /// The address of its contact.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) email: Option<String>,
    /// Also ends every appliance of the tenant, whose credentials stop working.
    #[arg(long)]
    pub(super) revoke_appliances: bool,
    /// Idempotency key, 16 to 128 characters, with --mail at most 107: the same key gives the same code.
    #[arg(long, value_name = "KEY")]
    pub(super) key: Option<String>,
    /// The reissue workflow mails the code to the tenant's contact. Nothing shows it here.
    #[arg(long, requires = "tenant", conflicts_with_all = ["email", "revoke_appliances"])]
    pub(super) mail: bool,
}

/// Arguments of `license claim-code`.
#[derive(Debug, Args)]
pub(super) struct ClaimCodeArgs {
    /// The subscription.
    #[arg(long, value_name = "ID")]
    pub(super) subscription: String,
    /// Idempotency key, 16 to 128 characters: the same key gives the same code.
    #[arg(long, value_name = "KEY")]
    pub(super) key: Option<String>,
}

/// Arguments of `license entitle`.
#[derive(Debug, Args)]
pub(super) struct EntitleArgs {
    /// The subscription.
    #[arg(long, value_name = "ID")]
    pub(super) subscription: String,
    /// Name of the customer, as the licence shows it.
    #[arg(long, value_name = "NAME")]
    pub(super) customer: String,
    /// Seats; unlimited when left out.
    #[arg(long)]
    pub(super) seats: Option<i64>,
    /// connected or airgap.
    #[arg(long, default_value = "connected")]
    pub(super) transport: String,
    /// The tenant; needed for airgap, and where the subscription has none yet.
    #[arg(long, value_name = "UUID")]
    pub(super) tenant: Option<Uuid>,
}

/// Arguments of `license revoke`.
#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    /// The subscription.
    #[arg(long, value_name = "ID")]
    pub(super) subscription: String,
}

/// Commands of `license tenants`.
#[derive(Debug, Subcommand)]
pub(super) enum TenantsCommand {
    /// Lists registered tenants, the newest first.
    List {
        /// Part of the name or address, or the beginning of the id.
        #[arg(long)]
        query: Option<String>,
        /// A status: registered, installed, active, suspended, cancelled.
        #[arg(long)]
        status: Option<String>,
        /// essentials or pro.
        #[arg(long)]
        edition: Option<String>,
        /// 1 to 200.
        #[arg(long, default_value_t = 50)]
        limit: u16,
        /// `next_cursor` of the page before.
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Shows one tenant with its subscription, codes and appliances. Codes are masked.
    #[command(after_help = "Examples:\n  tenantry license tenants show --tenant 11111111-2222-4333-8444-555555555555")]
    Show {
        /// The tenant.
        #[arg(long, value_name = "UUID")]
        tenant: Uuid,
    },
    /// Suspends or cancels a tenant, or lifts either with `active`.
    #[command(after_help = "Examples:\n  tenantry license tenants set-status --tenant \
                            11111111-2222-4333-8444-555555555555 --status suspended")]
    SetStatus {
        /// The tenant.
        #[arg(long, value_name = "UUID")]
        tenant: Uuid,
        /// suspended, cancelled, or active.
        #[arg(long)]
        status: String,
    },
}

/// Commands of `license appliance`.
#[derive(Debug, Subcommand)]
pub(super) enum ApplianceCommand {
    /// Ends one appliance of a subscription: its credential stops working.
    #[command(after_help = "Examples:\n  tenantry license appliance revoke --subscription sub_4711 --appliance \
                            appliance-0123456789abcdef0123456789abcdef")]
    Revoke {
        /// The subscription.
        #[arg(long, value_name = "ID")]
        subscription: String,
        /// The id that the appliance gave itself.
        #[arg(long, value_name = "ID")]
        appliance: String,
    },
}
