//! Who calls a service route.

use crate::error_code::ErrorCode;
use crate::problem::Problem;
use crate::state::AppState;
use axum::extract::{FromRequestParts, MatchedPath};
use http::header;
use http::request::Parts;
use std::time::Instant;

/// The service whose secret opened the route. Taking it as an argument is what makes a handler a service route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    name: String,
}

impl Caller {
    /// The name of the secret: the scope of idempotency keys.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What audit rows show.
    pub fn actor(&self) -> String {
        format!("service:{}", self.name)
    }
}

/// The path without its parameters: what scopes name. `/tenants/{tenant_id}` is `/tenants`.
fn scope(path: &str) -> &str {
    match path.find("/{") {
        Some(end) if path.ends_with('}') => &path[..end],
        Some(_) | None => path,
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let presented = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, secret)| secret.trim());
        let secrets = state.secrets.current(Instant::now());
        match presented.and_then(|secret| secrets.name_of(secret, scope(path))) {
            Some(name) => Ok(Self { name: name.to_owned() }),
            None => Err(Problem::new(ErrorCode::Unauthorized)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_path_without_its_parameter() {
        assert_eq!(scope("/tenants/{tenant_id}"), "/tenants");
        assert_eq!(scope("/tenants/{tenant_id}/status"), "/tenants/{tenant_id}/status");
        assert_eq!(scope("/sign"), "/sign");
    }
}
