//! What the inputs of the licensing workflows must have, checked before anything is asked of anybody.
//!
//! The licence API has the last word about names and addresses; these checks name the field before a call is made.

use crate::tenant::address::is_mailable;
use crate::tenant::fault::{Fault, FaultCode};

/// Longest submission id or subscription reference (licensing contract, section 5.2, as the licence API reads them).
const REFERENCE_MAX: usize = 128;
/// Longest request id: with `install-code-reissue:` before it, it is the `Idempotency-Key` of a reissue, which has at most 128
/// characters (licensing contract, section 5.1).
pub const REQUEST_ID_MAX: usize = 107;
/// Longest name (licensing contract, section 15, "Names in mails").
const NAME_MAX: usize = 100;
/// Longest link.
const LINK_MAX: usize = 2048;

/// A registration as it came in.
#[derive(Debug, Clone, Copy)]
pub struct RegistrationFields<'a> {
    /// `submissionId`.
    pub submission_id: &'a str,
    /// `companyName`.
    pub company_name: &'a str,
    /// `contactName`; may be empty.
    pub contact_name: &'a str,
    /// `contactEmail`.
    pub contact_email: &'a str,
    /// `downloadUrl`; may be empty where no image is offered.
    pub download_url: &'a str,
}

/// Every fault of a registration; empty when it can be sent.
pub fn of_registration(fields: &RegistrationFields<'_>) -> Vec<Fault> {
    let mut faults = reference("submissionId", fields.submission_id);
    match fields.company_name.trim() {
        "" => faults.push(Fault::of("companyName", FaultCode::Required)),
        name => faults.extend(line("companyName", name, NAME_MAX)),
    }
    faults.extend(line("contactName", fields.contact_name.trim(), NAME_MAX));
    match fields.contact_email.trim() {
        "" => faults.push(Fault::of("contactEmail", FaultCode::Required)),
        address if !is_mailable(address) => faults.push(Fault::of("contactEmail", FaultCode::NotAnAddress)),
        _ => {}
    }
    faults.extend(line("downloadUrl", fields.download_url, LINK_MAX));
    faults
}

/// Every fault of a reissue.
pub fn of_reissue(request_id: &str, tenant_id: &str) -> Vec<Fault> {
    let mut faults = key_part("requestId", request_id);
    match tenant_id.trim() {
        "" => faults.push(Fault::of("tenantId", FaultCode::Required)),
        id if !is_uuid(id) => faults.push(Fault::of("tenantId", FaultCode::NotAUuid)),
        _ => {}
    }
    faults
}

/// Every fault of a revocation.
pub fn of_revocation(stripe_sub_id: &str) -> Vec<Fault> {
    reference("stripeSubId", stripe_sub_id)
}

/// Every fault of an input that holds a secret, or the reference of one: exactly one of both.
pub fn of_secret_or_reference(field: &'static str, secret: &str, request_ref: &str) -> Vec<Fault> {
    match (secret.trim().is_empty(), request_ref.is_empty()) {
        (true, true) => vec![Fault::of(field, FaultCode::Required)],
        (false, false) => vec![Fault { field: "requestRef".to_owned(), code: FaultCode::Contradicts, with: field }],
        (false, true) => Vec::new(),
        (true, false) => reference("requestRef", request_ref),
    }
}

/// A name that becomes part of an `Idempotency-Key`: `[A-Za-z0-9._:-]` (licensing contract, section 5.1).
fn key_part(field: &'static str, text: &str) -> Vec<Fault> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
    let code = match text {
        "" => FaultCode::Required,
        text if text.len() > REQUEST_ID_MAX => FaultCode::TooLong,
        text if !text.bytes().all(fits) => FaultCode::BadForm,
        _ => return Vec::new(),
    };
    vec![Fault::of(field, code)]
}

/// An opaque name of another system, sent in a body and never as a key: 1 to 128 printable ASCII characters without blanks.
fn reference(field: &'static str, text: &str) -> Vec<Fault> {
    let code = match text {
        "" => FaultCode::Required,
        text if text.len() > REFERENCE_MAX => FaultCode::TooLong,
        text if !text.bytes().all(|byte| byte.is_ascii_graphic()) => FaultCode::BadForm,
        _ => return Vec::new(),
    };
    vec![Fault::of(field, code)]
}

fn line(field: &'static str, text: &str, longest: usize) -> Option<Fault> {
    if text.chars().count() > longest {
        return Some(Fault::of(field, FaultCode::TooLong));
    }
    text.chars().any(char::is_control).then(|| Fault::of(field, FaultCode::ControlCharacter))
}

/// The 36 characters of a UUID, in either case (RFC 9562, section 4).
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: RegistrationFields<'static> = RegistrationFields {
        submission_id: "order-4711",
        company_name: "Acme",
        contact_name: "",
        contact_email: "it@acme.test",
        download_url: "https://shop.test/download",
    };

    fn fields(faults: &[Fault]) -> Vec<(&str, FaultCode)> {
        faults.iter().map(|fault| (fault.field.as_str(), fault.code)).collect()
    }

    #[test]
    fn a_registration_that_can_be_sent_has_no_fault_and_may_lack_name_and_link() {
        assert_eq!(of_registration(&GOOD), []);
        assert_eq!(of_registration(&RegistrationFields { download_url: "", ..GOOD }), []);
    }

    #[test]
    fn every_fault_of_a_registration_is_named_at_once() {
        let long = "a".repeat(101);
        let bad = RegistrationFields {
            submission_id: "two words",
            company_name: " ",
            contact_name: &long,
            contact_email: "nobody",
            download_url: "https://shop.test/\r\nBcc: x",
        };
        let expected = [
            ("submissionId", FaultCode::BadForm),
            ("companyName", FaultCode::Required),
            ("contactName", FaultCode::TooLong),
            ("contactEmail", FaultCode::NotAnAddress),
            ("downloadUrl", FaultCode::ControlCharacter),
        ];
        assert_eq!(fields(&of_registration(&bad)), expected);
    }

    #[test]
    fn an_address_that_is_admitted_can_be_mailed() {
        for (address, _, mailable) in crate::tenant::address::CASES {
            // White space around an address is not part of it.
            let mailable = mailable || is_mailable(address.trim());
            let refused = of_registration(&RegistrationFields { contact_email: address, ..GOOD });
            assert_eq!(refused.is_empty(), mailable, "{address:?}: {refused:?}");
        }
    }

    #[test]
    fn a_submission_travels_in_the_body_and_may_hold_what_a_key_may_not() {
        let long = format!("order/4711#{}", "x".repeat(117));
        assert_eq!(of_registration(&RegistrationFields { submission_id: &long, ..GOOD }), []);
    }

    #[test]
    fn a_request_id_is_part_of_an_idempotency_key() {
        let tenant = "11111111-2222-4333-8444-555555555555";
        let longest = "r".repeat(REQUEST_ID_MAX);
        for id in ["r", "Order:4711_acme.1-2", &longest] {
            assert_eq!(of_reissue(id, tenant), [], "{id}");
        }
        let longer = "r".repeat(REQUEST_ID_MAX + 1);
        for (id, code) in [
            (longer.as_str(), FaultCode::TooLong),
            ("order/4711", FaultCode::BadForm),
            ("a#b", FaultCode::BadForm),
            ("a b", FaultCode::BadForm),
            ("é", FaultCode::BadForm),
        ] {
            assert_eq!(fields(&of_reissue(id, tenant)), [("requestId", code)], "{id}");
        }
    }

    #[test]
    fn a_reissue_needs_a_request_and_a_tenant() {
        assert_eq!(of_reissue("r", "11111111-2222-4333-8444-555555555555"), []);
        assert_eq!(
            fields(&of_reissue("", "x")),
            [("requestId", FaultCode::Required), ("tenantId", FaultCode::NotAUuid)]
        );
        assert_eq!(fields(&of_reissue("r", " ")), [("tenantId", FaultCode::Required)]);
    }

    #[test]
    fn a_secret_or_its_reference_and_not_both() {
        let check = |secret, reference| {
            of_secret_or_reference("claimCode", secret, reference).iter().map(|f| f.code).collect::<Vec<_>>()
        };
        assert_eq!(check("K7QPM2RX", ""), []);
        assert_eq!(check("", "0123456789abcdef"), []);
        assert_eq!(check(" ", ""), [FaultCode::Required]);
        assert_eq!(check("K7QPM2RX", "0123"), [FaultCode::Contradicts]);
        assert_eq!(check("", "a b"), [FaultCode::BadForm]);
    }

    #[test]
    fn a_revocation_needs_a_subscription() {
        assert_eq!(of_revocation("sub_1"), []);
        assert_eq!(fields(&of_revocation(&"s".repeat(129))), [("stripeSubId", FaultCode::TooLong)]);
    }
}
