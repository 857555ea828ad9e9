//! The interop vector, both ways, and tokens of which every byte is changed.

use super::*;
use crate::built_in::{built_in, development_root, development_signer};
use crate::verifier::Verifier;
use futures::executor::block_on;
use model::license::claims::TenantId;
use model::license::edition::Tier;
use model::license::keyset::{Keyset, KeysetFailure, Source};
use model::license::token::{Audience, CheckSignature, Terms, VerifiedLicense, VerifyFailure};
use model::license::token_keys::{TestKeys, TrustSet, TrustedKey};
use proptest::prelude::*;
use std::num::NonZeroU64;

const SPKI: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE/T6zqz8QYxR7FzXXi622hwTIiNls2XM8G9iS+0mhmAeYh5TvMr6clzPBpvoiayJmIIeh8ELMRoLIkEBGaxl1TQ==";
const SIGNATURE: &str = "FrCG3nkkRvCj6jmt-EmbIWc8WMDIWwKtiZm9ebviqCV3qrNZSvPdN6IMM4WFTPde-4N1mjJVtXfN00mS9bU4nQ";
const TENANT: &str = "11111111-2222-4333-8444-555555555555";
const NOW: i64 = 1_800_000_000;

fn vector_signer() -> DevelopmentSigner {
    let kid = KeyId::parse("rust-tv1").unwrap();
    DevelopmentSigner::from_text(kid, "alga-rust-licensing-test-vector-key-1").unwrap()
}

fn vector_claims() -> LicenseClaims {
    LicenseClaims {
        subject: "lic_tv0001".to_owned(),
        customer: "Acme MSP".to_owned(),
        tier: Tier::Pro,
        seats: NonZeroU64::new(25),
        tenant: TenantId::parse(TENANT).unwrap(),
        issued_at: 1_767_225_600,
        expires_at: 4_070_908_800,
    }
}

/// The vector as the contract writes it (section 6.3).
fn vector() -> String {
    let header = r#"{"alg":"ES256","typ":"JWT","kid":"rust-tv1"}"#;
    let payload = concat!(
        r#"{"iss":"nineminds-license","sub":"lic_tv0001","cust":"Acme MSP","tier":"pro","seats":25,"#,
        r#""aud":"11111111-2222-4333-8444-555555555555","iat":1767225600,"exp":4070908800}"#
    );
    let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    format!("{}.{}.{SIGNATURE}", encode(header), encode(payload))
}

fn trust() -> TrustSet {
    TrustSet::parse_map(format!(r#"{{"rust-tv1":"{SPKI}"}}"#).as_bytes()).unwrap()
}

fn verify_for(text: &str, tenant: &str, signatures: &dyn CheckSignature) -> Result<VerifiedLicense, VerifyFailure> {
    let tenant = TenantId::parse(tenant).unwrap();
    let terms = Terms { now: NOW, audience: Audience::Tenant(&tenant) };
    UncheckedToken::new(text).verify(&trust(), signatures, terms)
}

#[test]
fn the_vector_is_verified() {
    let license = verify_for(&vector(), TENANT, &Verifier::default()).unwrap();
    assert_eq!((license.kid(), license.subject(), license.customer()), ("rust-tv1", "lic_tv0001", "Acme MSP"));
    assert_eq!((license.tier(), license.seats()), (Tier::Pro, NonZeroU64::new(25)));
    assert_eq!(license.audience(), Some(TENANT));
    let other = verify_for(&vector(), "99999999-2222-4333-8444-555555555555", &Verifier::default());
    assert_eq!(other, Err(VerifyFailure::WrongTenant));
}

#[test]
fn the_vector_is_reproduced_bit_for_bit() {
    assert_eq!(vector_signer().public_key().to_spki(), SPKI);
    let signed = block_on(sign_license(&vector_signer(), &vector_claims())).unwrap();
    assert_eq!(signed.expose(), vector());
}

#[test]
fn the_key_of_the_vector_is_in_no_trust_set() {
    for test_keys in [TestKeys::Accepted, TestKeys::Refused] {
        let built_in = built_in(test_keys);
        let all = built_in.licenses.iter().chain(built_in.roots.keys().iter());
        assert!(all.into_iter().all(|(kid, entry)| kid != "rust-tv1" && entry.key.to_spki() != SPKI));
    }
}

/// Signs as another signer does, and then takes the other value of s.
#[derive(Debug)]
struct HighS(DevelopmentSigner);

#[async_trait]
impl LicenseSigner for HighS {
    fn kid(&self) -> &KeyId {
        self.0.kid()
    }

    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    async fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(other_s(&self.0.sign(message).await?))
    }
}

/// The same signature with n − s for s.
fn other_s(signature: &[u8; 64]) -> [u8; 64] {
    let signature = Signature::from_slice(signature).unwrap();
    let (r, s) = signature.split_scalars();
    let negated = -*s;
    Signature::from_scalars(r.to_bytes(), negated.to_bytes()).unwrap().to_bytes().into()
}

fn has_low_s(signature: Signature) -> bool {
    signature.normalize_s() == signature
}

#[test]
fn a_verifier_takes_either_s_and_a_signer_writes_the_low_one() {
    let (rest, signature) = vector().rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let low: [u8; 64] = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap().try_into().unwrap();
    assert!(has_low_s(Signature::from_slice(&low).unwrap()), "the vector has the low one");
    let high = format!("{rest}.{}", BASE64URL_NOPAD.encode(&other_s(&low)));
    assert_ne!(high, vector());
    assert!(verify_for(&high, TENANT, &Verifier::default()).is_ok());
    // RFC 6979 gives the high one for about every second message.
    for seats in 1..=16 {
        let claims = LicenseClaims { seats: NonZeroU64::new(seats), ..vector_claims() };
        for signer in [&vector_signer() as &dyn LicenseSigner, &HighS(vector_signer())] {
            let token = block_on(sign_license(signer, &claims)).unwrap();
            let signature = token.expose().rsplit('.').next().unwrap();
            let signature = Signature::from_slice(&BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap()).unwrap();
            assert!(has_low_s(signature));
            assert!(verify_for(token.expose(), TENANT, &Verifier::default()).is_ok());
        }
    }
}

#[test]
fn claims_that_no_verifier_accepts_are_not_signed() {
    let claims = LicenseClaims { customer: String::new(), ..vector_claims() };
    let refused = block_on(sign_license(&vector_signer(), &claims));
    assert!(matches!(refused, Err(SignError::Claims(ClaimsError::NoCustomer))));
}

/// Gives no signature.
#[derive(Debug)]
struct Broken(DevelopmentSigner);

#[async_trait]
impl LicenseSigner for Broken {
    fn kid(&self) -> &KeyId {
        self.0.kid()
    }

    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    async fn sign(&self, _: &[u8]) -> Result<[u8; 64], SignError> {
        Ok([0; 64])
    }
}

#[test]
fn what_is_no_signature_is_not_sent() {
    let refused = block_on(sign_license(&Broken(vector_signer()), &vector_claims()));
    assert!(matches!(refused, Err(SignError::NotASignature { .. })));
}

fn token_with(customer: &str, seats: Option<u64>) -> String {
    let seats = seats.and_then(NonZeroU64::new);
    let claims = LicenseClaims { customer: customer.to_owned(), seats, ..vector_claims() };
    block_on(sign_license(&vector_signer(), &claims)).unwrap().expose().to_owned()
}

#[test]
fn a_token_of_which_any_byte_is_changed_does_not_count() {
    let signatures = Verifier::default();
    let good = vector();
    assert!(verify_for(&good, TENANT, &signatures).is_ok());
    for at in 0..good.len() {
        for other in
            [b'A', b'_', b'.', b'=', b' ', b'+', b'\n', b'"', good.as_bytes()[at] ^ 1, good.as_bytes()[at] ^ 32]
        {
            let mut bytes = good.clone().into_bytes();
            if bytes[at] == other {
                continue;
            }
            bytes[at] = other;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            assert!(verify_for(&text, TENANT, &signatures).is_err(), "byte {at} as {other}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_was_signed_verifies(customer in "\\PC{1,30}", seats: Option<u64>) {
        let seats = seats.map(|seats| seats >> 1);
        let license = verify_for(&token_with(&customer, seats), TENANT, &Verifier::default()).unwrap();
        prop_assert_eq!(license.customer(), customer);
        prop_assert_eq!(license.seats(), seats.and_then(NonZeroU64::new));
    }

    #[test]
    fn whatever_was_changed_does_not(at in 0usize..420, byte in 0u8..128, how in 0..3) {
        let good = vector();
        let at = at % good.len();
        let mut bytes = good.clone().into_bytes();
        match how {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => { bytes.remove(at); }
        }
        let text = String::from_utf8(bytes).unwrap();
        let found = verify_for(&text, TENANT, &Verifier::default());
        prop_assert_eq!(found.is_ok(), text == good, "{}", text);
    }
}

#[test]
fn statements_are_signed_by_a_root_and_by_no_licence_key() {
    let keys = built_in(TestKeys::Accepted);
    let signer = vector_signer();
    let stated = KeysetClaims {
        version: 3,
        issued_at: NOW,
        expires_at: NOW + 86_400,
        keys: vec![("v2".to_owned(), TrustedKey::always(signer.public_key()))],
    };
    let read = |text: &str| Keyset::verify(text, &keys.roots, &Verifier::default(), Source::Delivered, NOW);
    let keyset = read(&block_on(sign_keyset(&development_root(), &stated)).unwrap()).unwrap();
    assert_eq!(keyset.version(), 3);
    assert_eq!(keys.trust(Some(&keyset)).key("v2", NOW), Some(&signer.public_key()));
    let by_license = read(&block_on(sign_keyset(&development_signer(), &stated)).unwrap());
    assert_eq!(by_license, Err(KeysetFailure::Unverified(VerifyFailure::UnknownKid)));
    // The same, when the licence key takes the root's name.
    let posing = DevelopmentSigner(LocalKey { kid: development_root().kid().clone(), ..development_signer().0 });
    let posed = read(&block_on(sign_keyset(&posing, &stated)).unwrap());
    assert_eq!(posed, Err(KeysetFailure::Unverified(VerifyFailure::BadSignature)));
}

#[test]
fn nothing_shows_a_key() {
    assert_eq!(format!("{:?}", vector_signer()), r#"DevelopmentSigner(LocalKey { kid: KeyId("rust-tv1"), .. })"#);
}
