//! The input of the creation workflows: read once, with every fault at once, before anything is written (contract, 3.1, R10).

mod carry;
mod reader;

use super::address::is_mailable;
use super::fault::{Fault, FaultCode};
use super::names::is_external_id;
use super::product::{BillingSource, EmailProvider, Plan, Product};
use reader::Reader;
use secrecy::SecretString;
use serde_json::Value;

/// Longest name of a company or a person, in characters. The columns are texts without a length; this one has no valid reason
/// to be longer, and it stands in the subject of tickets and in mail headers.
const NAME_MAX: usize = 255;
/// Longest whole input, in bytes of compact JSON. Its fields together are far shorter; it is carried to a successor as text in
/// JSON, where every quote takes twice its room, and a payload of Temporal has at most 2 MiB.
const INPUT_MAX: usize = 256 * 1024;
/// Longest mail address, in characters; its bytes are counted by the rule for addresses.
const ADDRESS_MAX: usize = 254;
/// Longest line of an address.
const LINE_MAX: usize = 500;
/// Bounds of a password, in characters. The lower one is the application's own rule for chosen passwords.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=1024;
/// Licensed users of one tenant. The column is a 32-bit integer; a larger order is a mistake.
const LICENSES: std::ops::RangeInclusive<i64> = 1..=1_000_000;
/// Add-ons of one tenant.
const ADDONS_MAX: usize = 50;

/// A checked request for a tenant.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Id that the caller minted, in lower case.
    pub tenant_id: Option<String>,
    /// Company name: `companyName`, else `tenantName`.
    pub company_name: String,
    /// Name of the tenant's own client: `clientName`, else the company's.
    pub client_name: String,
    /// The administrator.
    pub admin: NewAdmin,
    /// Carried without effect.
    pub contract_line: String,
    /// Provider of the tenant's outgoing mail; absent means the application's default.
    pub email_provider: Option<EmailProvider>,
    /// Licensed users.
    pub license_count: Option<u32>,
    /// Plan that the caller gives; what Stripe says beats it.
    pub plan: Option<Plan>,
    /// Product.
    pub product: Product,
    /// Source of billing.
    pub billing_source: BillingSource,
    /// Stripe's checkout session.
    pub checkout_session_id: String,
    /// Stripe's other ids.
    pub stripe: StripeIds,
    /// The subscription bought in Apple's store.
    pub apple_iap: Option<AppleIap>,
    /// Billing address, as far as it is known.
    pub billing_address: BillingAddress,
    /// Keys of add-ons, without duplicates.
    pub addons: Vec<String>,
    /// The vendor's own record of this customer is not wanted.
    pub skip_customer_tracking: bool,
    /// No mail is sent.
    pub skip_welcome_email: bool,
}

/// The first administrator.
#[derive(Debug, Clone)]
pub struct NewAdmin {
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Address in lower case.
    pub email: String,
    /// How the password was given.
    pub password: GivenPassword,
}

/// An operator's password, in one of the forms that are accepted.
#[derive(Debug, Clone, Default)]
pub enum GivenPassword {
    /// None: one is generated, or a link is sent.
    #[default]
    None,
    /// The legacy form: the password itself.
    Text(SecretString),
    /// `salt:hash`, made with the application's parameters.
    Hash(String),
    /// Name of a mounted secret.
    Reference(String),
}

impl GivenPassword {
    /// Tells whether an operator chose the password.
    pub const fn is_given(&self) -> bool {
        match self {
            Self::None => false,
            Self::Text(_) | Self::Hash(_) | Self::Reference(_) => true,
        }
    }
}

/// Stripe's ids; empty where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StripeIds {
    /// `stripeCustomerId`.
    pub customer: String,
    /// `stripeSubscriptionId`.
    pub subscription: String,
    /// `stripeSubscriptionItemId`: the per-user item.
    pub subscription_item: String,
    /// `stripePriceId`: the per-user price.
    pub price: String,
    /// `stripeBaseItemId`: the base fee.
    pub base_item: String,
    /// `stripeBasePriceId`.
    pub base_price: String,
}

/// A subscription bought in Apple's store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are Apple's own names")]
pub struct AppleIap {
    pub original_transaction_id: String,
    pub product_id: String,
    pub bundle_id: String,
    pub environment: String,
    pub app_account_token: String,
    pub latest_transaction_id: String,
    pub expires_at: String,
    pub original_purchase_at: String,
}

/// A billing address; empty where nothing is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct BillingAddress {
    pub line1: String,
    pub line2: String,
    pub city: String,
    pub state: String,
    pub postal_code: String,
    pub country_code: String,
    pub phone: String,
}

/// Reads and checks an input. `forced` is the product that the workflow's own type stands for.
///
/// Total: whatever JSON comes, the answer is a request that can be carried out, or every fault of it.
///
/// # Errors
/// The faults, by field; never a value.
pub fn parse(input: &Value, forced: Option<Product>) -> Result<NewTenant, Vec<Fault>> {
    let mut faults = Vec::new();
    if !input.is_object() {
        return Err(vec![Fault::of("$", FaultCode::NotAnObject)]);
    }
    if input.to_string().len() > INPUT_MAX {
        return Err(vec![Fault::of("$", FaultCode::TooLong)]);
    }
    let mut top = Reader::new(input, "", &mut faults);
    let tenant_name = top.required("tenantName", NAME_MAX);
    let company_name = top.text("companyName", NAME_MAX).unwrap_or_else(|| tenant_name.clone());
    let client_name = top.text("clientName", NAME_MAX).unwrap_or_else(|| company_name.clone());
    let tenant_id = top.uuid("tenantId");
    let contract_line = top.text("contractLine", NAME_MAX).unwrap_or_default();
    let email_provider = top.word("emailProvider", EmailProvider::parse);
    let license_count = top.integer("licenseCount", LICENSES).and_then(|count| u32::try_from(count).ok());
    let plan = top.word("plan", Plan::parse);
    let product = top.word("productCode", Product::parse);
    let billing_source = top.word("billingSource", BillingSource::parse);
    let checkout_session_id = top.external_id("checkoutSessionId");
    let stripe = StripeIds {
        customer: top.external_id("stripeCustomerId"),
        subscription: top.external_id("stripeSubscriptionId"),
        subscription_item: top.external_id("stripeSubscriptionItemId"),
        price: top.external_id("stripePriceId"),
        base_item: top.external_id("stripeBaseItemId"),
        base_price: top.external_id("stripeBasePriceId"),
    };
    let addons = top.words("addons", ADDONS_MAX);
    let skip_customer_tracking = top.flag("skipCustomerTracking");
    let skip_welcome_email = top.flag("skipWelcomeEmail");
    let admin = read_admin(&mut top);
    let apple_iap = read_apple(&mut top);
    let billing_address = read_address(&mut top);

    let billing_source = billing_source.unwrap_or(BillingSource::Stripe);
    check_billing(billing_source, &stripe, &checkout_session_id, apple_iap.is_some(), &mut faults);
    match admin {
        Some(admin) if faults.is_empty() => Ok(NewTenant {
            tenant_id,
            company_name,
            client_name,
            admin,
            contract_line,
            email_provider,
            license_count,
            plan,
            product: forced.or(product).unwrap_or(Product::Psa),
            billing_source,
            checkout_session_id,
            stripe,
            apple_iap: apple_iap.flatten(),
            billing_address,
            addons,
            skip_customer_tracking,
            skip_welcome_email,
        }),
        Some(_) | None => {
            faults.sort();
            faults.dedup();
            Err(faults)
        }
    }
}

fn read_admin(top: &mut Reader<'_>) -> Option<NewAdmin> {
    let mut part = top.required_object("adminUser")?;
    let first_name = part.required("firstName", NAME_MAX);
    let last_name = part.required("lastName", NAME_MAX);
    let email = part.required("email", ADDRESS_MAX).to_lowercase();
    if !email.is_empty() && !is_mailable(&email) {
        part.fault("email", FaultCode::NotAnAddress);
    }
    let password = part.secret("password", PASSWORD_CHARS);
    let hash = part.text("passwordHash", LINE_MAX);
    let reference = part.text("passwordRef", NAME_MAX);
    if hash.as_deref().is_some_and(|text| !is_password_hash(text)) {
        part.fault("passwordHash", FaultCode::BadForm);
    }
    if reference.as_deref().is_some_and(|text| !is_secret_name(text)) {
        part.fault("passwordRef", FaultCode::BadForm);
    }
    let given = [password.is_some(), hash.is_some(), reference.is_some()].into_iter().filter(|given| *given).count();
    if given > 1 {
        part.contradiction("password", "passwordHash or passwordRef");
    }
    let password = match (password, hash, reference) {
        (Some(text), _, _) => GivenPassword::Text(text),
        (None, Some(hash), _) => GivenPassword::Hash(hash),
        (None, None, Some(name)) => GivenPassword::Reference(name),
        (None, None, None) => GivenPassword::None,
    };
    Some(NewAdmin { first_name, last_name, email, password })
}

/// `Some(None)`: it is there and faulty.
fn read_apple(top: &mut Reader<'_>) -> Option<Option<AppleIap>> {
    let mut part = top.object("appleIap")?;
    let before = part.faults();
    let apple = AppleIap {
        original_transaction_id: part.required_id("originalTransactionId"),
        product_id: part.required_id("productId"),
        bundle_id: part.required_id("bundleId"),
        environment: part
            .required_word("environment", |word| matches!(word, "Production" | "Sandbox").then(|| word.to_owned()))
            .unwrap_or_default(),
        app_account_token: part.uuid("appAccountToken").unwrap_or_default(),
        latest_transaction_id: part.external_id("latestTransactionId"),
        expires_at: part.instant("expiresAt"),
        original_purchase_at: part.instant("originalPurchaseAt"),
    };
    Some((part.faults() == before).then_some(apple))
}

fn read_address(top: &mut Reader<'_>) -> BillingAddress {
    let Some(mut part) = top.object("billingAddress") else { return BillingAddress::default() };
    let mut line = |field| part.text(field, LINE_MAX).unwrap_or_default();
    let mut address = BillingAddress {
        line1: line("line1"),
        line2: line("line2"),
        city: line("city"),
        state: line("state"),
        postal_code: line("postalCode"),
        country_code: line("countryCode"),
        phone: line("phone"),
    };
    address.country_code = address.country_code.to_ascii_uppercase();
    let code = &address.country_code;
    if !code.is_empty() && (code.len() != 2 || !code.chars().all(|c| c.is_ascii_uppercase())) {
        part.fault("countryCode", FaultCode::BadForm);
    }
    address
}

/// Billing is consistent, or nothing is created: an unlinked paying tenant is nobody's (contract, R12).
fn check_billing(source: BillingSource, stripe: &StripeIds, checkout: &str, apple: bool, faults: &mut Vec<Fault>) {
    let mut needed = |field: &'static str, with| {
        // A field that is faulty has been reported already.
        if !faults.iter().any(|fault| fault.field.starts_with(field)) {
            faults.push(Fault { field: field.to_owned(), code: FaultCode::NeededWith, with });
        }
    };
    if source == BillingSource::AppleIap && !apple {
        needed("appleIap", "billingSource");
    }
    // A checkout without a customer is read from Stripe, which then gives all of them.
    let read_later = !checkout.is_empty() && stripe.customer.is_empty();
    if !read_later && !stripe.subscription.is_empty() {
        if stripe.customer.is_empty() {
            needed("stripeCustomerId", "stripeSubscriptionId");
        }
        if stripe.price.is_empty() {
            needed("stripePriceId", "stripeSubscriptionId");
        }
    }
    if apple && source != BillingSource::AppleIap {
        let with = "billingSource";
        faults.push(Fault { field: "appleIap".to_owned(), code: FaultCode::Contradicts, with });
    }
}

/// `<salt in hex>:<hash in hex>`, as the product stores it (contract, section 6).
fn is_password_hash(text: &str) -> bool {
    let hex = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let bytes = |part: &str| hex(part) && part.len().is_multiple_of(2);
    text.split_once(':').is_some_and(|(salt, hash)| bytes(salt) && bytes(hash))
}

/// A file name below the folder of secrets, and nothing that leads out of it.
fn is_secret_name(text: &str) -> bool {
    is_external_id(text) && !text.starts_with('.') && !text.contains("..") && !text.contains(':')
}

#[cfg(test)]
mod tests;
