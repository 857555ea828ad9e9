//! The endpoint, asked over HTTP as the Temporal UI and CLI ask it.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use codec::server::{BODY_BYTES_MAX, Settings, router};
use codec::{SensitiveCodec, WatchedKeys};
use data_encoding::BASE64;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use tokio::net::TcpListener;

const UI: &str = "http://localhost:8233";
const TOKEN: &str = "a-token-of-enough-characters";
const CANARY: &str = "canary-4711";

/// A server, and a client as a program without a browser is one.
struct Bench {
    client: Client,
    address: String,
}

impl Bench {
    async fn new(settings: Settings) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = router(codec(&[("a", 1)]), settings);
        tokio::spawn(async move { axum::serve(listener, router).await });
        // The client asks for a provider although nothing here is TLS; another test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { client: Client::builder().no_proxy().build().unwrap(), address }
    }

    fn post(&self, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.address);
        self.client.post(url).header("Content-Type", "application/json").header("X-Namespace", "default")
    }

    async fn ask(&self, path: &str, body: &Value) -> Value {
        let response = self.post(path).body(body.to_string()).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }

    /// What a browser sends before the UI's request (Fetch standard, "CORS-preflight fetch"): names sorted, lower case.
    async fn preflight(&self, origin: &str) -> Response {
        self.client
            .request(Method::OPTIONS, format!("{}/decode", self.address))
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "authorization,content-type,x-namespace")
            .header("Sec-Fetch-Mode", "cors")
            .send()
            .await
            .unwrap()
    }
}

fn codec(keys: &[(&str, u8)]) -> SensitiveCodec {
    let folder = tempfile::tempdir().unwrap();
    let line = |(id, first): &(&str, u8)| {
        let key: [u8; 32] = std::array::from_fn(|index| first.wrapping_add(index as u8));
        format!("{id} {}\n", BASE64.encode(&key))
    };
    std::fs::write(folder.path().join("keys"), keys.iter().map(line).collect::<String>()).unwrap();
    SensitiveCodec::new(WatchedKeys::open(folder.path().join("keys")).unwrap())
}

fn base64(text: &str) -> String {
    BASE64.encode(text.as_bytes())
}

fn payload(marked: bool) -> Value {
    let mut metadata = json!({ "encoding": base64("json/plain") });
    if marked {
        metadata["tenantry-sensitive"] = json!(base64("1"));
    }
    json!({ "metadata": metadata, "data": base64(&format!("\"{CANARY}\"")) })
}

fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

fn for_the_ui() -> Settings {
    Settings::new([UI], None).unwrap()
}

#[tokio::test]
async fn marked_payloads_are_encrypted_and_all_are_given_back() {
    let bench = Bench::new(Settings::default()).await;
    let body = json!({ "payloads": [payload(false), payload(true)] });
    let encoded = bench.ask("/encode", &body).await;
    assert_eq!(encoded["payloads"][0], body["payloads"][0]);
    let metadata = &encoded["payloads"][1]["metadata"];
    let expected = json!({
        "encoding": base64("binary/encrypted"),
        "encryption-cipher": base64("tenantry/AES-256-GCM/1"),
        "encryption-key-id": base64("a"),
    });
    assert_eq!(metadata, &expected);
    assert_eq!(bench.ask("/decode", &encoded).await, body);
    assert_eq!(bench.ask("/decode", &body).await, body);
}

#[tokio::test]
async fn only_the_last_part_of_the_path_counts() {
    let bench = Bench::new(Settings::default()).await;
    let body = json!({ "payloads": [payload(true)] });
    let encoded = bench.ask("/tools/default/encode", &body).await;
    assert_eq!(bench.ask("/default/decode", &encoded).await, body);
    for path in ["/", "/decode/", "/decoded", "/decode/other"] {
        assert_eq!(bench.post(path).body("{}").send().await.unwrap().status(), StatusCode::NOT_FOUND, "{path}");
    }
    let response = bench.client.get(format!("{}/decode", bench.address)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(value(response.headers(), "allow"), Some("POST"));
}

#[tokio::test]
async fn an_answer_is_json_that_nobody_stores() {
    let bench = Bench::new(Settings::default()).await;
    let response = bench.post("/decode").body("{\"payloads\":[]}").send().await.unwrap();
    assert_eq!(value(response.headers(), "content-type"), Some("application/json"));
    assert_eq!(value(response.headers(), "cache-control"), Some("no-store"));
    assert_eq!(value(response.headers(), "access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_wrong_body_is_refused_and_not_repeated() {
    let bench = Bench::new(Settings::default()).await;
    let wrong = [String::new(), CANARY.to_owned(), format!("{{\"payloads\":[{{\"{CANARY}\":1}}]}}")];
    for body in wrong {
        let response = bench.post("/decode").body(body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.text().await.unwrap(), "the body is no Payloads message in proto JSON\n");
    }
    // The refusal may come before the body was sent, and the connection end with it.
    let long = bench.post("/decode").body(" ".repeat(BODY_BYTES_MAX + 1)).send().await;
    assert!(long.is_err() || long.is_ok_and(|response| response.status() == StatusCode::PAYLOAD_TOO_LARGE));
    let just = format!("{{}}{}", " ".repeat(BODY_BYTES_MAX - 2));
    assert_eq!(bench.post("/decode").body(just).send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_missing_key_is_named_and_a_damaged_payload_comes_back() {
    let bench = Bench::new(Settings::default()).await;
    let encoded = bench.ask("/encode", &json!({ "payloads": [payload(true)] })).await;
    let mut other = encoded.clone();
    other["payloads"][0]["metadata"]["encryption-key-id"] = json!(base64("b"));
    let response = bench.post("/decode").body(other.to_string()).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let text = "could not decrypt a payload: the key b is not in the file of payload keys\n";
    assert_eq!(response.text().await.unwrap(), text);
    let mut damaged = encoded;
    damaged["payloads"][0]["data"] = json!(base64("damaged"));
    assert_eq!(bench.ask("/decode", &damaged).await, damaged);
}

#[tokio::test]
async fn the_browser_of_a_listed_page_may_ask_and_read() {
    let bench = Bench::new(for_the_ui()).await;
    let response = bench.preflight(UI).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let headers = response.headers();
    assert_eq!(value(headers, "access-control-allow-origin"), Some(UI));
    assert_eq!(value(headers, "access-control-allow-methods"), Some("POST"));
    assert_eq!(value(headers, "access-control-allow-headers"), Some("authorization, content-type, x-namespace"));
    assert_eq!(value(headers, "access-control-allow-credentials"), Some("true"));
    assert_eq!(value(headers, "vary"), Some("origin"));
    let body = json!({ "payloads": [payload(true)] });
    for (body, status) in [(body.to_string(), StatusCode::OK), ("{".to_owned(), StatusCode::BAD_REQUEST)] {
        let response = bench.post("/decode").header("Origin", UI).body(body).send().await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(value(response.headers(), "access-control-allow-origin"), Some(UI), "the page can read {status}");
        assert_eq!(value(response.headers(), "vary"), Some("origin"));
    }
}

#[tokio::test]
async fn other_pages_are_refused_before_anything_is_decrypted() {
    let bench = Bench::new(for_the_ui()).await;
    for origin in ["http://localhost:8234", "https://localhost:8233", "http://localhost", "null", "http://evil.example"]
    {
        let post = bench.post("/decode").header("Origin", origin).body("{}");
        for response in [bench.preflight(origin).await, post.send().await.unwrap()] {
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{origin}");
            assert_eq!(value(response.headers(), "access-control-allow-origin"), None);
        }
    }
    // The CLI is no page and sends no origin.
    assert_eq!(bench.ask("/decode", &json!({})).await, json!({}));
}

#[tokio::test]
async fn a_token_is_asked_of_requests_and_not_of_preflights() {
    let bench = Bench::new(Settings::new([UI], Some(&TOKEN.into())).unwrap()).await;
    let response = bench.post("/decode").body("{}").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(value(response.headers(), "www-authenticate"), Some("Bearer"));
    assert_eq!(bench.preflight(UI).await.status(), StatusCode::NO_CONTENT);
    for (token, status) in [("another token of its size", StatusCode::UNAUTHORIZED), (TOKEN, StatusCode::OK)] {
        let response = bench.post("/decode").header("Origin", UI).bearer_auth(token).body("{}").send().await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(value(response.headers(), "access-control-allow-origin"), Some(UI));
    }
}
