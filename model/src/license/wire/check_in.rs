//! `POST /check-in`: an appliance asks for its present licence (licensing contract, section 5.3).

use super::secret_text;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// The request.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckInRequest {
    /// The secret of the appliance, from its redemption.
    #[serde(with = "secret_text")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub appliance_credential: SecretString,
    /// `sub` of the licence that the appliance has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_license_sub: Option<String>,
    /// `exp` of that licence, in unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_exp: Option<i64>,
}

/// The answer: `{"status": "ok", "jwt": …, "exp": …, "now": …, "keyset"?: …}` and so on.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckInAnswer {
    /// What became of the licence.
    #[serde(flatten)]
    pub outcome: CheckInOutcome,
    /// The server's time in unix seconds. Older servers send none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<i64>,
    /// The newest keyset statement, where the server has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyset: Option<String>,
}

/// `status`, and what it brings.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum CheckInOutcome {
    /// A licence to store.
    Ok {
        /// The licence.
        #[serde(with = "secret_text")]
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        jwt: SecretString,
        /// Its `exp` in unix seconds.
        exp: i64,
    },
    /// The appliance has the present licence.
    NoChange {
        /// Its `exp` in unix seconds.
        exp: i64,
    },
    /// Nothing is licensed any more.
    Revoked,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn round_trip(text: &str) -> CheckInAnswer {
        let answer: CheckInAnswer = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&answer).unwrap(), text);
        answer
    }

    #[test]
    fn answers_keep_their_members() {
        let ok = round_trip(r#"{"status":"ok","jwt":"a.b.c","exp":5,"now":4,"keyset":"k.s.t"}"#);
        assert!(!format!("{ok:?}").contains("a.b.c"));
        round_trip(r#"{"status":"no_change","exp":5,"now":4}"#);
        round_trip(r#"{"status":"revoked","now":4}"#);
    }

    #[test]
    fn an_older_server_sends_neither_time_nor_keyset() {
        assert!(round_trip(r#"{"status":"revoked"}"#).now.is_none());
    }
}
