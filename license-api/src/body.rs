//! JSON bodies of requests.

use crate::error_code::ErrorCode;
use crate::problem::Problem;
use axum::extract::{FromRequest, Request};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

/// Most bytes of a body (licensing contract, section 5.1).
pub const BODY_MAX: usize = 16 * 1024;

/// A JSON object of at most 16 KiB. Unknown fields are ignored; everything else that does not fit is `invalid_request`.
///
/// The content type is not looked at: callers exist that send none.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = match Limited::new(request.into_body(), BODY_MAX).collect().await {
            Ok(bytes) => bytes.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(Problem::new(ErrorCode::TooLarge)),
            Err(_) => return Err(Problem::new(ErrorCode::InvalidRequest)),
        };
        // An array of the members in their order would be read as well (serde, "Deserializer::deserialize_struct").
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(Problem::new(ErrorCode::InvalidRequest));
        }
        serde_json::from_slice(&bytes).map(Self).map_err(|_| Problem::new(ErrorCode::InvalidRequest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Asked {
        name: String,
    }

    async fn read(text: impl Into<axum::body::Body>) -> Result<Asked, ErrorCode> {
        let request = Request::new(text.into());
        Body::<Asked>::from_request(request, &()).await.map(|body| body.0).map_err(|problem| problem.code())
    }

    #[tokio::test]
    async fn unknown_fields_are_ignored_and_the_rest_must_fit() {
        assert_eq!(read(r#" {"name":"a","other":[1]}"#).await, Ok(Asked { name: "a".to_owned() }));
        for text in
            ["", "{", "[]", r#"["a"]"#, r#" ["a"]"#, r#"{"name":1}"#, r#"{"name":"a","name":"b"}"#, r#"{"name":"a"} x"#]
        {
            assert_eq!(read(text).await, Err(ErrorCode::InvalidRequest), "{text}");
        }
    }

    #[tokio::test]
    async fn a_long_body_is_not_read_to_its_end() {
        let just = format!(r#"{{"name":"{}"}}"#, "a".repeat(BODY_MAX - 11));
        assert_eq!(just.len(), BODY_MAX);
        assert!(read(just.clone()).await.is_ok());
        assert_eq!(read(format!("{just} ")).await, Err(ErrorCode::TooLarge));
    }
}
