//! The vector of the AWS documentation, and what it does not reach.

use super::*;
use time::macros::datetime;

fn signer() -> Signer {
    Signer {
        access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
        region: "us-east-1".to_owned(),
    }
}

fn get(life_seconds: u32) -> Get<'static> {
    Get { host: "examplebucket.s3.amazonaws.com", path: "/test.txt", life_seconds }
}

/// Contract, section 11; AWS, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)", example.
#[test]
fn the_documented_link() {
    let expected = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
        &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
        &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    assert_eq!(presign(&signer(), get(86_400), datetime!(2013-05-24 00:00:00 UTC)), expected);
    // The same instant in another zone.
    assert_eq!(presign(&signer(), get(86_400), datetime!(2013-05-24 02:00:00 +2)), expected);
}

#[test]
fn a_life_is_cut_to_what_the_scheme_allows() {
    let life = |seconds| {
        let link = presign(&signer(), get(seconds), datetime!(2013-05-24 00:00:00 UTC));
        link.split('&').find_map(|part| part.strip_prefix("X-Amz-Expires=")).unwrap().to_owned()
    };
    assert_eq!(
        [life(0), life(1), life(604_800), life(604_801), life(u32::MAX)],
        ["1", "1", "604800", "604800", "604800"]
    );
}

#[test]
fn everything_that_is_signed_changes_the_signature() {
    let at = datetime!(2013-05-24 00:00:00 UTC);
    let signature = |signer: &Signer, get, at| presign(signer, get, at).rsplit('=').next().unwrap().to_owned();
    let first = signature(&signer(), get(60), at);
    assert_eq!(first, signature(&signer(), get(60), at));
    for other in [
        signature(&signer(), get(61), at),
        signature(&signer(), get(60), at + time::Duration::SECOND),
        signature(&signer(), Get { host: "other.example", ..get(60) }, at),
        signature(&signer(), Get { path: "/other", ..get(60) }, at),
        signature(&Signer { region: "eu-central-1".to_owned(), ..signer() }, get(60), at),
        signature(&Signer { secret_key: "other".into(), ..signer() }, get(60), at),
    ] {
        assert_ne!(first, other);
    }
}

#[test]
fn names_are_encoded_byte_by_byte() {
    assert_eq!(encode("/a b/\u{e9}+~.-_%", Slash::Kept), "/a%20b/%C3%A9%2B~.-_%25");
    assert_eq!(encode("a/b", Slash::Encoded), "a%2Fb");
}

#[test]
fn the_secret_is_not_shown() {
    assert!(!format!("{:?}", signer()).contains("wJalr"));
    assert!(!presign(&signer(), get(1), datetime!(2013-05-24 00:00:00 UTC)).contains("wJalr"));
}
