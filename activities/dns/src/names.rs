//! Names and record data in the form that the model compares.

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use model::portal::dns::{Answer, Failure};
use model::portal::network::plain;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// An absolute wire name of a name in plain form.
pub(crate) fn wire(name: &str) -> Option<Name> {
    Name::from_ascii(format!("{name}.")).ok()
}

/// Plain form of a wire name: lower case, no trailing dot; the root is empty.
pub(crate) fn of(name: &Name) -> String {
    plain(&name.to_ascii())
}

/// Record data of one type in canonical text; none for other types.
pub(crate) fn data(record: &Record) -> Option<String> {
    if let RData::CNAME(target) = &record.data {
        return Some(of(&target.0));
    }
    if let RData::TXT(text) = &record.data {
        return Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned());
    }
    address(record).map(|address| address.to_string())
}

/// The address of an A or AAAA record.
pub(crate) fn address(record: &Record) -> Option<IpAddr> {
    record.data.ip_addr()
}

/// The records of one type whose owner is `name`.
pub(crate) fn own<'a>(
    message: &'a Message,
    name: &str,
    kind: RecordType,
) -> impl Iterator<Item = &'a Record> + use<'a> {
    let name = name.to_owned();
    message.answers.iter().filter(move |record| record.record_type() == kind && of(&record.name) == name)
}

/// The answer to one question, in the model's words. Needs `AA=1`.
pub(crate) fn answer(result: &Result<Message, Failure>, name: &str, kind: RecordType) -> Answer {
    let message = match result {
        Ok(message) if message.metadata.authoritative => message,
        Ok(_) => return Answer::Failed(Failure::Lame),
        Err(failure) => return Answer::Failed(*failure),
    };
    let records: BTreeSet<String> = own(message, name, kind).filter_map(data).collect();
    // NXDOMAIN after an alias speaks of the alias' target (RFC 2308 §2.1).
    let alias = own(message, name, RecordType::CNAME).next().is_some();
    match (records.is_empty(), message.metadata.response_code == ResponseCode::NXDomain && !alias) {
        (false, _) => Answer::Records(records),
        (true, true) => Answer::NoName,
        (true, false) => Answer::NoData,
    }
}

/// The serial of the zone's SOA in an authoritative answer.
pub(crate) fn serial(result: &Result<Message, Failure>) -> Option<u32> {
    let message = result.as_ref().ok().filter(|message| message.metadata.authoritative)?;
    message.answers.iter().find_map(|record| {
        let RData::SOA(soa) = &record.data else { return None };
        Some(soa.serial)
    })
}

/// How long a negative answer may be remembered, in seconds: the lesser of the SOA's TTL and its minimum (RFC 2308 §5).
pub(crate) fn negative_ttl(message: &Message) -> Option<u32> {
    message.authorities.iter().find_map(|record| {
        let RData::SOA(soa) = &record.data else { return None };
        Some(soa.minimum.min(record.ttl))
    })
}
