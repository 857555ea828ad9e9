//! The input of `tenant create`: a file, or flags, or a file with flags laid over it.

use crate::exit::{Exit, Failure, OrExit as _};
use clap::Args;
use serde_json::{Map, Value, json};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Longest input that is read.
const INPUT_MAX: u64 = 1024 * 1024;

/// The input, part by part. Flags win over the file.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct InputArgs {
    /// The input as JSON, in the form that callers of the workflow send; `-` reads standard input. Its fields and a sample
    /// stand in docs/runbook-tenants.md.
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Option<PathBuf>,
    /// Name of the tenant.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// First name of the administrator.
    #[arg(long, value_name = "TEXT")]
    admin_first_name: Option<String>,
    /// Last name of the administrator.
    #[arg(long, value_name = "TEXT")]
    admin_last_name: Option<String>,
    /// Mail address of the administrator, which is the user name too.
    #[arg(long, value_name = "ADDRESS")]
    admin_email: Option<String>,
    /// `salt:hash` of the administrator's password, made with the application's parameters.
    #[arg(long, value_name = "SALT:HASH")]
    admin_password_hash: Option<String>,
    /// Name of a secret that is mounted into the worker and holds the administrator's password.
    #[arg(long, value_name = "NAME")]
    admin_password_ref: Option<String>,
    /// The tenant's UUID, when it was minted beforehand.
    #[arg(long, value_name = "UUID")]
    tenant_id: Option<String>,
    /// psa or algadesk.
    #[arg(long, value_name = "PRODUCT")]
    product: Option<String>,
    /// solo or pro.
    #[arg(long, value_name = "PLAN")]
    plan: Option<String>,
    /// stripe, apple_iap or manual.
    #[arg(long, value_name = "SOURCE")]
    billing_source: Option<String>,
    /// Licensed users.
    #[arg(long, value_name = "COUNT")]
    licenses: Option<i64>,
    /// Stripe's checkout session: what was bought is read from Stripe.
    #[arg(long, value_name = "ID")]
    checkout_session_id: Option<String>,
    /// Add-on; may be repeated.
    #[arg(long = "addon", value_name = "KEY")]
    addons: Vec<String>,
    /// Leaves the vendor's own record of the customer out.
    #[arg(long)]
    skip_customer_tracking: bool,
    /// Sends no mail.
    #[arg(long)]
    skip_welcome_email: bool,
}

impl InputArgs {
    /// The input as the workflow takes it.
    ///
    /// # Errors
    /// `NotFound` for a file that is not there, `Usage` for one that is no JSON object.
    pub(crate) fn read(&self) -> Result<Value, Failure> {
        let mut input = match &self.file {
            None => Map::new(),
            Some(path) => match serde_json::from_str(&text(path)?) {
                Ok(Value::Object(object)) => object,
                Ok(_) => return Err(Failure::new(Exit::Usage, "--file: must hold one JSON object")),
                Err(error) => {
                    let at = format!("line {}, column {}", error.line(), error.column());
                    return Err(Failure::new(Exit::Usage, format!("--file: is no JSON ({at})")));
                }
            },
        };
        for (field, value) in [
            ("tenantName", &self.name),
            ("tenantId", &self.tenant_id),
            ("productCode", &self.product),
            ("plan", &self.plan),
            ("billingSource", &self.billing_source),
            ("checkoutSessionId", &self.checkout_session_id),
        ] {
            put(&mut input, field, value.clone().map(Value::from));
        }
        put(&mut input, "licenseCount", self.licenses.map(Value::from));
        put(&mut input, "addons", (!self.addons.is_empty()).then(|| json!(self.addons)));
        put(&mut input, "skipCustomerTracking", self.skip_customer_tracking.then_some(Value::Bool(true)));
        put(&mut input, "skipWelcomeEmail", self.skip_welcome_email.then_some(Value::Bool(true)));
        let mut admin = match input.remove("adminUser") {
            Some(Value::Object(admin)) => admin,
            Some(other) => {
                // Told with all other faults.
                input.insert("adminUser".to_owned(), other);
                return Ok(Value::Object(input));
            }
            None => Map::new(),
        };
        for (field, value) in [
            ("firstName", &self.admin_first_name),
            ("lastName", &self.admin_last_name),
            ("email", &self.admin_email),
            ("passwordHash", &self.admin_password_hash),
            ("passwordRef", &self.admin_password_ref),
        ] {
            put(&mut admin, field, value.clone().map(Value::from));
        }
        if !admin.is_empty() {
            input.insert("adminUser".to_owned(), Value::Object(admin));
        }
        Ok(Value::Object(input))
    }
}

fn put(object: &mut Map<String, Value>, field: &str, value: Option<Value>) {
    if let Some(value) = value {
        object.insert(field.to_owned(), value);
    }
}

fn text(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().take(INPUT_MAX).read_to_string(&mut text),
        false => std::fs::File::open(path)
            .or_exit(Exit::NotFound, "could not open the file of --file")?
            .take(INPUT_MAX)
            .read_to_string(&mut text),
    };
    read.or_exit(Exit::Usage, "could not read the file of --file as text")?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use model::tenant::input::parse;

    const RUNBOOK: &str = include_str!("../../../../docs/runbook-tenants.md");

    #[test]
    fn the_sample_of_the_runbook_can_be_used() {
        let samples: Vec<&str> =
            RUNBOOK.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert_eq!(samples.len(), 1);
        let value = serde_json::from_str(samples[0]).expect("JSON");
        let tenant = parse(&value, None).expect("a valid input");
        assert_eq!((tenant.company_name.as_str(), tenant.license_count), ("Birch Ltd", Some(5)));
    }

    /// Whatever the input's reader asks for by name.
    #[test]
    fn every_field_of_the_input_stands_in_the_runbook() {
        let reader = include_str!("../../../../model/src/tenant/input.rs");
        let asked = ["top.", "part.", "line("].into_iter().flat_map(|by| reader.split(by).skip(1));
        let fields: std::collections::BTreeSet<&str> = asked
            .filter_map(|rest| rest.split_once('"').filter(|(before, _)| before.len() < 25 && !before.contains(' ')))
            .filter_map(|(_, rest)| rest.split('"').next())
            .collect();
        assert!(fields.len() > 35 && fields.contains("originalTransactionId"), "{fields:?}");
        for field in fields {
            assert!(RUNBOOK.contains(&format!("`{field}`")), "{field} is not in docs/runbook-tenants.md");
        }
    }
}
