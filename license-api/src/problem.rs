//! The error shape of every route: `{"error": "<sentence>", "code": "<snake_case>"}` (licensing contract, section 5.1).

use crate::db::DbError;
use crate::error_code::ErrorCode;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Seconds after which a client may ask again when nothing better is known: longer than a fail-over of a pooler, shorter
/// than the patience of a person.
pub const RETRY_AFTER_SECONDS: u64 = 5;

/// A refused request. Never repeats its input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    code: ErrorCode,
    retry_after: Option<u64>,
    tenants: Option<Vec<TenantChoice>>,
}

/// One of several tenants that share an address; the calling service lets a person choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TenantChoice {
    /// The tenant.
    pub tenant_id: Uuid,
    /// Its company.
    pub company_name: String,
    /// `essentials` or `pro`.
    pub edition: String,
}

/// The body of a refusal.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// A sentence for people. Never repeats the input.
    error: &'static str,
    /// A stable word for programs.
    code: &'static str,
    /// Only with `ambiguous_contact`.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenants: Option<Vec<TenantChoice>>,
}

impl Problem {
    /// A refusal with the sentence of its code.
    pub const fn new(code: ErrorCode) -> Self {
        Self { code, retry_after: None, tenants: None }
    }

    /// 429, and when to ask again, in seconds.
    pub const fn too_many(retry_after: u64) -> Self {
        Self { code: ErrorCode::TooManyAttempts, retry_after: Some(retry_after), tenants: None }
    }

    /// 503, and when to ask again, in seconds.
    pub const fn unavailable(retry_after: u64) -> Self {
        Self { code: ErrorCode::TemporarilyUnavailable, retry_after: Some(retry_after), tenants: None }
    }

    /// 409 `ambiguous_contact` with the tenants to choose from.
    pub fn ambiguous(tenants: Vec<TenantChoice>) -> Self {
        Self { code: ErrorCode::AmbiguousContact, retry_after: None, tenants: Some(tenants) }
    }

    /// The code.
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// Seconds of `Retry-After`, when there are any.
    pub const fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }
}

impl From<ErrorCode> for Problem {
    fn from(code: ErrorCode) -> Self {
        if code == ErrorCode::TemporarilyUnavailable { Self::unavailable(RETRY_AFTER_SECONDS) } else { Self::new(code) }
    }
}

/// The one mapping from the database to answers. An outage is never a 4xx; what the database refuses for good is a defect
/// of ours and 500.
impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        match &error {
            DbError::Unavailable { .. } => {
                tracing::warn!("the registry does not answer: {error}");
                Self::unavailable(RETRY_AFTER_SECONDS)
            }
            DbError::Rejected { .. } => {
                tracing::error!("a statement of the registry was refused: {error}");
                Self::new(ErrorCode::Internal)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemBody { error: self.code.sentence(), code: self.code.as_str(), tenants: self.tenants.clone() };
        let mut response = (self.code.status(), Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.extensions_mut().insert(self.code);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    async fn body(problem: Problem) -> String {
        let bytes = problem.into_response().into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_refusal_is_a_sentence_and_a_code() {
        let text = body(Problem::new(ErrorCode::InvalidEdition)).await;
        assert_eq!(text, r#"{"error":"The edition must be essentials or pro.","code":"invalid_edition"}"#);
    }

    #[tokio::test]
    async fn an_outage_says_when_to_ask_again() {
        let lost = DbError::Unavailable { during: "read", sqlstate: Some("53300".to_owned()) };
        let response = Problem::from(lost).into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[header::RETRY_AFTER], "5");
        assert_eq!(response.extensions().get::<ErrorCode>(), Some(&ErrorCode::TemporarilyUnavailable));
    }

    #[test]
    fn a_defect_is_no_outage() {
        let refused = DbError::Rejected { during: "read", sqlstate: Some("42501".to_owned()), constraint: None };
        assert_eq!(Problem::from(refused).code(), ErrorCode::Internal);
    }
}
