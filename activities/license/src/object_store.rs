//! The store of the appliance's image, and links into it (licensing contract, section 11).

use crate::presign::{Get, LIFE_MAX_SECONDS, Signer, presign};
use secrecy::SecretString;
use time::OffsetDateTime;
use url::{Position, Url};

/// The settings that are there together or not at all.
const REQUIRED: [&str; 5] = [
    "OBJECT_STORE_ENDPOINT",
    "OBJECT_STORE_REGION",
    "OBJECT_STORE_BUCKET",
    "OBJECT_STORE_ACCESS_KEY",
    "OBJECT_STORE_SECRET_KEY",
];
/// The setting with the object's key.
const ISO_KEY: &str = "APPLIANCE_ISO_KEY";
/// The object's key when none is set.
const ISO_KEY_DEFAULT: &str = "appliance/current/alga-appliance.iso";

/// Where the image lies, and who signs links to it.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    origin: String,
    host: String,
    path: String,
    signer: Signer,
}

/// Why the settings cannot be used. Shows no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectStoreError {
    /// Some of the five are set, and not all.
    #[error(
        "cannot presign downloads: {missing} is not set; set all of OBJECT_STORE_ENDPOINT, _REGION, _BUCKET, _ACCESS_KEY and _SECRET_KEY, or none"
    )]
    Partial {
        /// The first that is missing.
        missing: &'static str,
    },
    /// The endpoint is no origin.
    #[error("cannot presign downloads: OBJECT_STORE_ENDPOINT must be http(s) with a host, and no path, query or user")]
    Endpoint,
}

impl ObjectStore {
    /// Reads the settings through `value`, which gives one by its name; blank ones count as not set. None when none is set:
    /// then `download_url` is empty everywhere.
    ///
    /// # Errors
    /// [`ObjectStoreError`]: a partial set stops the start.
    pub fn from_settings(
        mut value: impl FnMut(&'static str) -> Option<SecretString>,
    ) -> Result<Option<Self>, ObjectStoreError> {
        use secrecy::ExposeSecret as _;
        let mut read = |name| value(name).filter(|text| !text.expose_secret().trim().is_empty());
        let [endpoint, region, bucket, access_key, secret_key] = REQUIRED.map(&mut read);
        let iso = read(ISO_KEY);
        let (endpoint, region, bucket, access_key, secret_key) =
            match (endpoint, region, bucket, access_key, secret_key) {
                (None, None, None, None, None) => return Ok(None),
                (Some(endpoint), Some(region), Some(bucket), Some(access_key), Some(secret_key)) => {
                    (endpoint, region, bucket, access_key, secret_key)
                }
                (endpoint, region, bucket, access_key, secret_key) => {
                    let found = [&endpoint, &region, &bucket, &access_key, &secret_key];
                    let missing = REQUIRED.iter().zip(found).find(|(_, value)| value.is_none());
                    let missing = missing.map_or(REQUIRED[0], |(name, _)| name);
                    return Err(ObjectStoreError::Partial { missing });
                }
            };
        let plain = |text: &SecretString| text.expose_secret().trim().to_owned();
        let url = Url::parse(&plain(&endpoint)).map_err(|_| ObjectStoreError::Endpoint)?;
        let is_origin = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !is_origin {
            return Err(ObjectStoreError::Endpoint);
        }
        let key = iso.as_ref().map_or_else(|| ISO_KEY_DEFAULT.to_owned(), plain);
        Ok(Some(Self {
            origin: url[..Position::BeforePath].to_owned(),
            host: url[Position::BeforeHost..Position::AfterPort].to_owned(),
            path: format!("/{}/{}", plain(&bucket), key.trim_start_matches('/')),
            signer: Signer {
                access_key: plain(&access_key),
                secret_key: plain(&secret_key).into(),
                region: plain(&region),
            },
        }))
    }

    /// A link to the image that holds from `at` for as long as the code does, and for seven days at most.
    pub fn link(&self, code_life_seconds: i64, at: OffsetDateTime) -> String {
        let life = u32::try_from(code_life_seconds.max(1)).unwrap_or(LIFE_MAX_SECONDS);
        let get = Get { host: &self.host, path: &self.path, life_seconds: life };
        format!("{}{}", self.origin, presign(&self.signer, get, at))
    }
}

#[cfg(test)]
#[path = "object_store_tests.rs"]
mod tests;
