//! Record data from its presentation form.

use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::{Name, RData, RecordType};
use std::str::FromStr;

/// Longest character-string of a TXT record in octets (RFC 1035 §3.3.14).
const TXT_STRING_MAX: usize = 255;

/// Reads a record type that can be served.
pub(crate) fn record_type(kind: &str) -> Result<RecordType, String> {
    RecordType::from_str(&kind.to_ascii_uppercase())
        .map_err(|_| format!("{kind:?} is no record type; there are A, AAAA, CAA, CNAME, MX, NS and TXT"))
}

/// Reads record data. TXT may be written with or without quotes; names are absolute with or without the trailing dot.
pub(crate) fn read(kind: RecordType, value: &str) -> Result<RData, String> {
    let bad = |error: &dyn std::fmt::Display| format!("could not read {value:?} as {kind}: {error}");
    if kind == RecordType::TXT && !value.starts_with('"') {
        let parts: Vec<&[u8]> = value.as_bytes().chunks(TXT_STRING_MAX).collect();
        return Ok(RData::TXT(TXT::from_bytes(if parts.is_empty() { vec![b"".as_slice()] } else { parts })));
    }
    let named = [RecordType::CNAME, RecordType::NS, RecordType::PTR, RecordType::MX, RecordType::SRV].contains(&kind);
    let absolute = if named && !value.ends_with('.') { format!("{value}.") } else { value.to_owned() };
    RData::try_from_str(kind, &absolute).map_err(|error| bad(&error))
}

/// Reads an absolute name from its plain form.
pub(crate) fn name(plain: &str) -> Result<Name, String> {
    Name::from_ascii(format!("{plain}.")).map_err(|error| format!("{plain:?} is no name: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presentation_forms_are_read() {
        for (kind, value) in [
            ("A", "127.0.0.1"),
            ("aaaa", "::1"),
            ("CNAME", "a.b.test"),
            ("TXT", "portal-ownership=abc; with spaces"),
            ("TXT", "\"a\" \"b\""),
            ("CAA", "0 issue \"ca.test\""),
            ("MX", "10 mail.test"),
        ] {
            read(record_type(kind).unwrap(), value).unwrap();
        }
        assert!(read(RecordType::A, "::1").is_err() && record_type("nonsense").is_err());
    }

    #[test]
    fn a_long_text_is_cut_into_strings() {
        let RData::TXT(txt) = read(RecordType::TXT, &"x".repeat(600)).unwrap() else { panic!("not TXT") };
        assert_eq!(txt.txt_data.iter().map(|part| part.len()).collect::<Vec<_>>(), [255, 255, 90]);
    }
}
