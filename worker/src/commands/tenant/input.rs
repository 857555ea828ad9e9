//! The input of `tenant create`: a file, or flags, or a file with flags laid over it.

use crate::exit::{Exit, Failure, OrExit as _};
use clap::Args;
use serde_json::{Map, Value, json};
use std::io::Read;
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
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
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
    match path == Path::new("-") {
        true => limited(std::io::stdin()),
        false => limited(std::fs::File::open(path).or_exit(Exit::NotFound, "could not open the file of --file")?),
    }
}

/// All of it as text, up to the limit.
fn limited(from: impl Read) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    from.take(INPUT_MAX + 1).read_to_end(&mut bytes).or_exit(Exit::Usage, "could not read the file of --file")?;
    if bytes.len() as u64 > INPUT_MAX {
        return Err(Failure::new(Exit::Usage, format!("--file: has more than {INPUT_MAX} bytes, which is the limit")));
    }
    String::from_utf8(bytes).or_exit(Exit::Usage, "could not read the file of --file as text")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        input: InputArgs,
    }

    #[test]
    fn a_file_has_a_limit_that_is_named() {
        let limit = usize::try_from(INPUT_MAX).expect("small");
        assert_eq!(limited([b' '].repeat(limit).as_slice()).expect("fits").len(), limit);
        let failure = limited([b' '].repeat(limit + 1).as_slice()).expect_err("too long");
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.to_string().contains("more than 1048576 bytes"), "{failure}");
        assert_eq!(limited([0xff].as_slice()).expect_err("no text").exit, Exit::Usage);
    }

    #[test]
    fn a_negative_number_is_told_by_its_field() {
        let line = Line::try_parse_from(["x", "--name", "Acme", "--licenses", "-1"]).expect("understood");
        let input = line.input.read().expect("read");
        let faults = model::tenant::input::parse(&input, None).expect_err("out of range");
        assert!(model::tenant::fault::line(&faults).contains("licenseCount: OUT_OF_RANGE"), "{faults:?}");
    }
}
