//! What a file of keys may say.

use super::*;

const NOW: i64 = 1_800_000_000;
/// The key of the licensing contract's vector, §6.3.
const SPKI: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE/T6zqz8QYxR7FzXXi622hwTIiNls2XM8G9iS+0mhmAeYh5TvMr6clzPBpvoiayJmIIeh8ELMRoLIkEBGaxl1TQ==";

fn read_keys(members: &str) -> Result<Vec<(String, TrustedKey)>, Failure> {
    keys(format!(r#"[{{"kid":"v4","spki":"{SPKI}"{members}}}]"#).as_bytes())
}

#[test]
fn a_key_has_bounds_where_they_are_stated() {
    let [(kid, key)] = &read_keys("").expect("a key")[..] else { panic!("one key") };
    assert_eq!((kid.as_str(), key.not_before, key.not_after, key.revoked), ("v4", None, None, false));
    let [(_, key)] = &read_keys(r#","not_before":5,"not_after":9,"revoked":true"#).expect("a key")[..] else {
        panic!("one key")
    };
    assert_eq!((key.not_before, key.not_after, key.revoked), (Some(5), Some(9), true));
}

#[test]
fn what_is_not_clear_is_refused() {
    for members in [r#","revokd":true"#, r#","revoked":"yes""#, r#","not_after":"2027-01-01""#, r#","kid":"v5""#] {
        let failure = read_keys(members).expect_err(members);
        assert_eq!(failure.exit, Exit::Usage, "{members}");
        assert!(failure.to_string().starts_with("cannot use the file of --keys: line 1"), "{failure}");
    }
    let failure = keys(br#"[{"kid":"v4","spki":"x"}]"#).expect_err("no key");
    assert!(failure.to_string().contains("the key v4: not an uncompressed P-256 key"), "{failure}");
}

/// Signs with the root key of development.
async fn signed(kid: &str, keys: &str, version: u64, until: i64) -> Result<Exit, Failure> {
    let folder = tempfile::tempdir().expect("a folder");
    let (key, list) = (folder.path().join("root.pem"), folder.path().join("keys.json"));
    std::fs::write(&key, devstack::development_key(license::built_in::DEVELOPMENT_ROOT_TEXT)).expect("a key");
    std::fs::write(&list, keys).expect("a list");
    let kid = KeyId::parse(kid).expect("an id");
    run(&SignKeysetArgs { key, kid, keys: list, version, until }, Output::Json, NOW).await
}

#[tokio::test]
async fn what_appliances_would_refuse_is_not_printed() {
    let one = format!(r#"{{"kid":"v4","spki":"{SPKI}"}}"#);
    assert_eq!(signed("root1-test", &format!("[{one}]"), 7, NOW + 60).await.expect("signed"), Exit::Ok);
    assert_eq!(signed("root1-test", "[]", 1, NOW + 60).await.expect("signed"), Exit::Ok);
    let built_in = one.replace("v4", license::built_in::DEVELOPMENT_KID);
    for (keys, until, told) in [
        (format!("[{one},{one}]"), NOW + 60, "no appliance would take this statement"),
        (format!("[{built_in}]"), NOW + 60, "replaces the key v1-test, which is built in"),
        (format!("[{one}]"), NOW, "--until: must be in the future"),
    ] {
        let failure = signed("root1-test", &keys, 7, until).await.expect_err(told);
        assert_eq!(failure.exit, Exit::Usage, "{told}");
        assert!(failure.to_string().contains(told), "{failure}");
    }
}
