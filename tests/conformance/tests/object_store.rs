//! Links that are signed here, against a real store that checks signatures; and the download page that leads to it. The store is
//! s3s-fs, an implementation of its own; both are parts of the local stack, whose variables say where they are.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use license::object_store::ObjectStore;
use secrecy::SecretString;
use std::ops::Range;
use time::{Duration, OffsetDateTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Octets of the stand-in for the image, and where its mark is (ECMA-119, section 8.4).
const IMAGE: (usize, Range<usize>, &[u8]) = (18 * 2048, 16 * 2048 + 1..16 * 2048 + 6, b"CD001");
const DAY: i64 = 86_400;

fn store_with(other: Option<(&'static str, &str)>) -> Option<ObjectStore> {
    let value = |name: &'static str| match other {
        Some((changed, value)) if changed == name => Some(value.into()),
        Some(_) | None => std::env::var(name).ok().map(SecretString::from),
    };
    let store = ObjectStore::from_settings(value).unwrap();
    if store.is_none() {
        println!("not run: OBJECT_STORE_ENDPOINT is not set");
    }
    store
}

fn store() -> Option<ObjectStore> {
    store_with(None)
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    fn has_image(&self) -> bool {
        let (length, at, mark) = IMAGE;
        self.status == 200 && self.body.len() == length && &self.body[at] == mark
    }

    /// Refused by the client's fault or as something the store does not do, and nothing given away.
    fn is_refusal(&self) -> bool {
        (400..=501).contains(&self.status) && !self.body.windows(5).any(|part| part == IMAGE.2)
    }
}

/// Asks with exactly these octets: a client would normalise the address before it sends it.
async fn ask(method: &str, url: &str) -> Answer {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, target) = rest.split_at(rest.find('/').unwrap());
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request =
        format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(all[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: all.split_off(end + 4) }
}

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

#[tokio::test]
async fn a_link_of_ours_gets_the_image() {
    let Some(store) = store() else { return };
    let answer = ask("GET", &store.link(60, now())).await;
    assert!(answer.has_image(), "{}", answer.head);
}

#[tokio::test]
async fn a_link_holds_as_long_as_it_says_and_no_longer() {
    let Some(store) = store() else { return };
    for (life, age, holds) in [
        (7_200, 3_600, true),
        (3_600, 3_601, false),
        // What asks for more than seven days gets seven days.
        (30 * DAY, 7 * DAY - 600, true),
        (30 * DAY, 7 * DAY + 1, false),
    ] {
        let answer = ask("GET", &store.link(life, now() - Duration::seconds(age))).await;
        let shown = format!("life {life} s, age {age} s: {}", answer.head);
        assert!(if holds { answer.has_image() } else { answer.status == 403 && answer.is_refusal() }, "{shown}");
    }
}

/// Where the value of a parameter stands.
fn value(url: &str, name: &str) -> Range<usize> {
    let start = url.find(&format!("{name}=")).unwrap() + name.len() + 1;
    let end = url[start..].find('&').map_or(url.len(), |length| start + length);
    start..end
}

/// The address with another character at one place: a hexadecimal digit stays one, and everything else changes its meaning.
fn altered(url: &str, at: usize) -> String {
    let mut octets = url.as_bytes().to_vec();
    octets[at] = match octets[at] {
        b'9' => b'0',
        digit @ b'0'..=b'8' => digit + 1,
        b'f' => b'a',
        letter @ (b'a'..=b'e' | b'g'..=b'y' | b'A'..=b'Y') => letter + 1,
        _ => b'q',
    };
    String::from_utf8(octets).unwrap()
}

#[tokio::test]
async fn a_link_that_was_altered_anywhere_is_refused() {
    let Some(store) = store() else { return };
    let link = store.link(3_600, now());
    // Without the slash that ends the host.
    let path = link.find("//").unwrap() + 2;
    let path = path + link[path..].find('/').unwrap() + 1..link.find('?').unwrap();
    let signature = value(&link, "X-Amz-Signature");
    assert_eq!(signature.len(), 64);
    for at in signature {
        let answer = ask("GET", &altered(&link, at)).await;
        assert!(answer.status == 403 && answer.is_refusal(), "signature, {at}: {}", answer.head);
    }
    let signed = ["X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders"];
    for at in signed.iter().flat_map(|name| value(&link, name)).chain(path) {
        let url = altered(&link, at);
        let answer = ask("GET", &url).await;
        assert!(answer.is_refusal(), "{at} in {url}: {}", answer.head);
    }
    assert!(ask("GET", &link).await.has_image(), "the link itself holds");
}

#[tokio::test]
async fn a_link_is_for_reading_alone() {
    let Some(store) = store() else { return };
    let link = store.link(3_600, now());
    for method in ["HEAD", "PUT", "POST", "DELETE"] {
        let answer = ask(method, &link).await;
        assert!(answer.status == 403 && answer.is_refusal(), "{method}: {}", answer.head);
    }
    assert!(ask("GET", &link).await.has_image());
}

#[tokio::test]
async fn nobody_but_the_holder_of_the_key_signs() {
    let Some(store) = store() else { return };
    let link = store.link(3_600, now());
    let unsigned = link.split('?').next().unwrap();
    let mut urls = vec![unsigned.to_owned()];
    for other in [("OBJECT_STORE_SECRET_KEY", "another secret"), ("OBJECT_STORE_ACCESS_KEY", "somebody")] {
        urls.push(store_with(Some(other)).unwrap().link(3_600, now()));
    }
    // Signed for another object.
    let elsewhere = store_with(Some(("APPLIANCE_ISO_KEY", "appliance/other.iso"))).unwrap().link(3_600, now());
    urls.push(format!("{unsigned}?{}", elsewhere.split_once('?').unwrap().1));
    for url in urls {
        let answer = ask("GET", &url).await;
        assert!(answer.status == 403 && answer.is_refusal(), "{url}: {}", answer.head);
    }
}

#[tokio::test]
async fn the_download_page_leads_to_the_image() {
    let (Some(_), Ok(page)) = (store(), std::env::var("TENANTRY_DEV_DOWNLOAD_PAGE")) else {
        println!("not run: TENANTRY_DEV_DOWNLOAD_PAGE is not set");
        return;
    };
    let answer = ask("GET", &page).await;
    assert_eq!((answer.status, answer.header("cache-control")), (303, Some("no-store")), "{}", answer.head);
    let link = answer.header("location").unwrap();
    let life: u32 = link[value(link, "X-Amz-Expires")].parse().unwrap();
    assert!((1..=604_800).contains(&life), "{life}");
    assert!(ask("GET", link).await.has_image());
    // The page says nothing beside the link, and takes nothing.
    let secret = std::env::var("OBJECT_STORE_SECRET_KEY").unwrap();
    assert!(answer.body.is_empty() && !answer.head.contains(&secret));
    assert_eq!(ask("POST", &page).await.status, 405);
    assert_eq!(ask("GET", &format!("{page}/other")).await.status, 404);
}
