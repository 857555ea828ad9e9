//! `POST /register`: a code becomes a tenant's identity and, for paid editions, a licence (licensing contract, section 5.3).

use super::super::edition::Edition;
use super::secret_text;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The request. The code is its only proof.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisterRequest {
    /// The code as it was typed; 8 to 26 letters and digits, with blanks and dashes where they please.
    #[serde(with = "secret_text")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub claim_code: SecretString,
    /// The id that the appliance gave itself; 1 to 128 of `A-Z a-z 0-9 . _ : -`, the first a letter or digit.
    pub appliance_id: String,
    /// The tenant of a code that has none, as codes of old subscriptions; otherwise ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The tenant of an appliance that is installed: another one is refused, and the code stays live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_tenant_id: Option<String>,
    /// `true`: a code without a licence is refused, and stays live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_license: Option<bool>,
}

/// The answer.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisterAnswer {
    /// The tenant, which the appliance adopts.
    pub tenant_id: String,
    /// `essentials` or `pro`.
    #[serde(with = "edition_word")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub edition: Edition,
    /// The tenant's company.
    pub company_name: String,
    /// The tenant's contact.
    pub contact_email: String,
    /// Licence and credential of a paid code.
    #[serde(flatten)]
    pub license: Option<RegisterLicense>,
}

/// Names and addresses of persons are not shown.
impl fmt::Debug for RegisterAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisterAnswer")
            .field("tenant_id", &self.tenant_id)
            .field("edition", &self.edition)
            .field("license", &self.license)
            .finish_non_exhaustive()
    }
}

/// What a paid code brings beside the identity: all three or none.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisterLicense {
    /// The secret of check-in, 64 lower-case hexadecimal characters. Told once.
    #[serde(with = "secret_text")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub appliance_credential: SecretString,
    /// The licence, bound to the tenant.
    #[serde(with = "secret_text")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub first_jwt: SecretString,
    /// Where the appliance checks in.
    pub check_in_url: String,
}

mod edition_word {
    use super::Edition;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(edition: &Edition, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(edition.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Edition, D::Error> {
        let word = String::deserialize(deserializer)?;
        Edition::parse(&word).ok_or_else(|| D::Error::custom("the edition must be essentials or pro"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    const PAID: &str = concat!(
        r#"{"tenant_id":"11111111-2222-4333-8444-555555555555","edition":"pro","company_name":"Acme","#,
        r#""contact_email":"it@acme.example","appliance_credential":"c0ffee","first_jwt":"a.b.c","#,
        r#""check_in_url":"https://license.nineminds.com/check-in"}"#
    );

    #[test]
    fn an_answer_is_what_it_was_made_of() {
        let answer: RegisterAnswer = serde_json::from_str(PAID).unwrap();
        assert_eq!(answer.license.as_ref().unwrap().first_jwt.expose_secret(), "a.b.c");
        assert_eq!(serde_json::to_string(&answer).unwrap(), PAID);
    }

    #[test]
    fn an_essentials_answer_has_no_licence() {
        let text = r#"{"tenant_id":"t","edition":"essentials","company_name":"A","contact_email":"a@b.example"}"#;
        let answer: RegisterAnswer = serde_json::from_str(text).unwrap();
        assert!(answer.license.is_none());
        assert_eq!(serde_json::to_string(&answer).unwrap(), text);
    }

    #[test]
    fn the_old_name_of_an_edition_is_read_and_never_written() {
        let answer: RegisterAnswer = serde_json::from_str(&PAID.replace("\"pro\"", "\"premium\"")).unwrap();
        assert_eq!(serde_json::to_string(&answer).unwrap(), PAID);
    }

    #[test]
    fn a_request_carries_what_was_asked_and_nothing_more() {
        let request: RegisterRequest =
            serde_json::from_str(r#"{"claim_code":" k7qpm2rx ","appliance_id":"a-1","other":1,"tenant_id":null}"#)
                .unwrap();
        assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"claim_code":" k7qpm2rx ","appliance_id":"a-1"}"#);
    }

    #[test]
    fn nothing_shows_a_secret() {
        let answer: RegisterAnswer = serde_json::from_str(PAID).unwrap();
        let request: RegisterRequest = serde_json::from_str(r#"{"claim_code":"K7QPM2RX","appliance_id":"a"}"#).unwrap();
        let shown = format!("{answer:?} {request:?}");
        assert!(!shown.contains("c0ffee") && !shown.contains("a.b.c") && !shown.contains("K7QP"), "{shown}");
        assert!(!shown.contains("acme.example") && !shown.contains("Acme"), "{shown}");
        let error =
            serde_json::from_str::<RegisterRequest>(r#"{"claim_code":77777777,"appliance_id":"a"}"#).unwrap_err();
        assert!(!error.to_string().contains("K7QP"), "{error}");
    }
}
