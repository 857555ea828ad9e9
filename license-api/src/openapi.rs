//! The OpenAPI document, made from the handlers themselves.

use crate::error_code::ErrorCode;
use crate::routes;
use crate::state::AppState;
use axum::Router;
use axum::response::{IntoResponse, Response};
use http::header;
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{self, ContentBuilder, HeaderBuilder, OpenApi as Document, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Common parts of the document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Licence API",
        description = "Registration, install codes, licences and check-in. Errors are {\"error\", \"code\"}; overload and a \
                       lost database are 503 with Retry-After."
    ),
    modifiers(&ServiceSecret),
    components(schemas(crate::problem::ProblemBody))
)]
struct Base;

/// The bearer secret of service routes.
struct ServiceSecret;

impl Modify for ServiceSecret {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("service", SecurityScheme::Http(scheme));
    }
}

fn collect() -> (Router<AppState>, Document) {
    let (router, mut document) = OpenApiRouter::with_openapi(Base::openapi()).merge(routes::all()).split_for_parts();
    surround(&mut document);
    identity_alone(&mut document);
    name_codes(&mut document);
    document.merge(health().into_openapi());
    (router, document)
}

fn health() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(routes::health::healthz)).routes(routes!(routes::health::readyz))
}

/// The words that `code` can be.
fn name_codes(document: &mut Document) {
    let schemas = document.components.as_mut().map(|components| &mut components.schemas);
    let Some(RefOr::T(Schema::Object(problem))) = schemas.and_then(|schemas| schemas.get_mut("ProblemBody")) else {
        return;
    };
    if let Some(RefOr::T(Schema::Object(code))) = problem.properties.get_mut("code") {
        let words: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        code.enum_values = Some(words.into_iter().map(Into::into).collect());
    }
}

/// Adds what no handler answers by itself: a body that is too long or does not come, the limits around all routes, and the
/// headers of answers that are given again and of refusals for a while.
fn surround(document: &mut Document) {
    let problem = |text: &str| -> RefOr<openapi::Response> {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemBody"))).build();
        ResponseBuilder::new().description(text).content("application/json", content).build().into()
    };
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            let answers = &mut operation.responses.responses;
            if operation.request_body.is_some() {
                answers.entry("408".to_owned()).or_insert_with(|| problem("The body did not come in time"));
                answers.entry("413".to_owned()).or_insert_with(|| problem("The body has more than 16 KiB"));
            }
            answers.entry("503".to_owned()).or_insert_with(|| problem("Overload; ask again after `Retry-After`"));
            let keyed = operation.parameters.iter().flatten().any(|parameter| parameter.name == "Idempotency-Key");
            for (status, answer) in answers {
                let RefOr::T(answer) = answer else { continue };
                match status.as_str() {
                    "429" | "503" => header(answer, "Retry-After", "Seconds after which to ask again", Type::Integer),
                    "200" | "201" if keyed => {
                        header(answer, "Idempotent-Replayed", "`true` when the answer was given before", Type::String);
                    }
                    _ => {}
                }
            }
        }
    }
}

fn header(answer: &mut openapi::Response, name: &str, text: &str, kind: Type) {
    let schema = ObjectBuilder::new().schema_type(kind).build();
    let header = HeaderBuilder::new().schema(schema).description(Some(text)).build();
    answer.headers.insert(name.to_owned(), header);
}

/// The members of a licence are there all together or not at all. They stand beside those of the identity, and there an object
/// without them is no null, as which a derived schema describes it.
fn identity_alone(document: &mut Document) {
    let schemas = document.components.as_mut().map(|components| &mut components.schemas);
    let Some(RefOr::T(Schema::AllOf(answer))) = schemas.and_then(|schemas| schemas.get_mut("RegisterAnswer")) else {
        return;
    };
    for part in &mut answer.items {
        if let RefOr::T(Schema::OneOf(_)) = part {
            let alone =
                ObjectBuilder::new().schema_type(Type::Object).description(Some("No licence: an essentials code"));
            let licensed = Ref::from_schema_name("RegisterLicense");
            *part = AnyOfBuilder::new().item(licensed).item(alone).into();
        }
    }
}

/// The routes behind the limits, and the document as JSON.
pub(crate) fn routes() -> (Router<AppState>, Arc<str>) {
    let (router, document) = collect();
    (router, document_text(&document).into())
}

/// `/healthz` and `/readyz`, which answer also when the service is overloaded.
pub(crate) fn health_routes() -> Router<AppState> {
    health().into()
}

fn document_text(document: &Document) -> String {
    document.to_pretty_json().expect("the document serialises")
}

/// The OpenAPI 3.1 document of every route, as JSON text.
pub fn document() -> String {
    document_text(&collect().1)
}

/// `GET /openapi.json`.
pub(crate) async fn answer(document: Arc<str>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn parsed() -> Value {
        serde_json::from_str(&document()).unwrap()
    }

    #[test]
    fn every_route_says_what_surrounds_it() {
        let document = parsed();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let answers = operation["responses"].as_object().unwrap();
                assert!(path == "/healthz" || answers.contains_key("503"), "{method} {path}");
                let has_body = operation.get("requestBody").is_some();
                assert_eq!(answers.contains_key("413") && answers.contains_key("408"), has_body, "{method} {path}");
                assert!(!has_body || answers.contains_key("400"), "{method} {path}");
                for status in ["429", "503"] {
                    let answer = answers.get(status).filter(|_| !path.ends_with('z'));
                    let waits = answer.is_none_or(|answer| answer["headers"]["Retry-After"].is_object());
                    assert!(waits, "{method} {path} {status}");
                }
            }
        }
    }

    #[test]
    fn headers_and_filters_are_where_they_are_read() {
        let document = parsed();
        let mut keyed = 0;
        for (path, operations) in document["paths"].as_object().unwrap() {
            for operation in operations.as_object().unwrap().values() {
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    let (name, place) = (parameter["name"].as_str().unwrap(), parameter["in"].as_str().unwrap());
                    let expected = match name {
                        "tenant_id" => ("path", true),
                        "Idempotency-Key" => ("header", false),
                        _ => ("query", false),
                    };
                    assert_eq!((place, parameter["required"] == true), expected, "{path} {name}");
                    if name == "Idempotency-Key" {
                        keyed += 1;
                        let headers = &operation["responses"]["200"]["headers"];
                        assert!(headers["Idempotent-Replayed"].is_object(), "{path}");
                    }
                }
            }
        }
        assert_eq!(keyed, 7);
    }

    #[test]
    fn every_code_is_named_and_no_text_is_of_the_source() {
        let document = parsed();
        let codes = document["components"]["schemas"]["ProblemBody"]["properties"]["code"]["enum"].as_array().unwrap();
        assert!(ErrorCode::ALL.iter().all(|code| codes.contains(&code.as_str().into())), "{codes:?}");
        let text = document.to_string();
        assert!(!text.contains("::") && !text.contains("[`"), "a link of Rust");
        let statuses: Vec<_> =
            document["paths"]["/register"]["post"]["responses"].as_object().unwrap().keys().collect();
        assert_eq!(statuses, ["200", "400", "403", "408", "409", "410", "413", "429", "503"]);
    }

    #[test]
    fn the_service_serves_the_document_that_the_command_prints() {
        assert_eq!(*routes().1, *document());
    }

    #[test]
    fn an_identity_without_a_licence_fits_its_schema() {
        let document = parsed();
        let parts = &document["components"]["schemas"]["RegisterAnswer"]["allOf"];
        assert_eq!(parts[0]["anyOf"][0]["$ref"], "#/components/schemas/RegisterLicense");
        assert_eq!(parts[0]["anyOf"][1]["type"], "object");
        assert!(!parts.to_string().contains("null"), "{parts}");
    }
}
