//! A registration as it is understood: every field checked, words read (licensing contract, section 5.3).

use crate::error_code::ErrorCode;
use crate::names;
use model::license::edition::{Deployment, Edition, Tier, Transport};
use model::license::wire::register_tenant::RegisterTenantRequest;
use model::tenant::product::Product;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What identifies a registration: the fingerprint of an entity key. Linkage is not part of it.
#[derive(Clone, Serialize)]
pub struct Registration<'a> {
    /// Company.
    pub company_name: &'a str,
    /// Address of the contact.
    pub contact_email: &'a str,
    /// Name of the contact.
    pub contact_name: Option<&'a str>,
    /// Edition.
    #[serde(serialize_with = "edition_word")]
    pub edition: Edition,
    /// `deployment_type`.
    pub deployment_type: &'static str,
    /// `product_code`.
    pub product_code: &'static str,
    /// Pinned id.
    pub tenant_id: Option<Uuid>,
    /// Entity key.
    #[serde(skip)]
    pub submission_id: Option<&'a str>,
    /// Paying customer; part of the linkage, and known before it where the form names one.
    #[serde(skip)]
    pub stripe_customer_id: Option<&'a str>,
    /// What was paid, when it is known.
    #[serde(skip)]
    pub linkage: Option<Linkage>,
}

fn edition_word<S: serde::Serializer>(edition: &Edition, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(edition.as_str())
}

/// What ties a registration to a subscription. It may be added once; another one is a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linkage {
    /// The subscription.
    pub subscription: String,
    /// Tier, as its word.
    pub tier: String,
    /// None is unlimited.
    pub seats: Option<i32>,
    /// Transport, as its word.
    pub transport: String,
    /// Paying customer.
    #[serde(default)]
    pub customer: Option<String>,
}

impl Linkage {
    /// Whether this is other linkage than what is `known`. A request that names no customer speaks of the known one.
    pub fn contradicts(&self, known: &Self) -> bool {
        let customer = self.customer.clone().or_else(|| known.customer.clone());
        Self { customer, ..self.clone() } != *known
    }
}

/// Seats of a request: a whole number above zero that the column holds.
///
/// # Errors
/// `invalid_seats`.
pub fn seats(seats: Option<i64>) -> Result<Option<i32>, ErrorCode> {
    let read = |seats| i32::try_from(seats).ok().filter(|seats| *seats > 0).ok_or(ErrorCode::InvalidSeats);
    seats.map(read).transpose()
}

/// Reads a request.
///
/// # Errors
/// `invalid_edition`, `invalid_seats`, `tier_not_sellable`, `invalid_transport`, `invalid_request`.
pub fn read<'a>(request: &'a RegisterTenantRequest) -> Result<Registration<'a>, ErrorCode> {
    let edition = Edition::parse(&request.edition).ok_or(ErrorCode::InvalidEdition)?;
    let invalid = ErrorCode::InvalidRequest;
    let word = |text: &Option<String>, default: &'static str, parse: fn(&str) -> Option<&'static str>| match text {
        Some(text) => parse(text).ok_or(invalid),
        None => Ok(default),
    };
    let contact_name = request.contact_name.as_deref().filter(|text| !text.trim().is_empty());
    let contact_name = contact_name.map(|text| names::name(text).ok_or(invalid)).transpose()?;
    let reference =
        |text: &'a Option<String>| text.as_deref().map(|text| names::reference(text).ok_or(invalid)).transpose();
    let seats = seats(request.seats)?;
    let transport = request.transport.as_deref().map_or(Some(Transport::Connected), Transport::parse);
    let transport = transport.ok_or(ErrorCode::InvalidTransport)?;
    let subscription = reference(&request.stripe_sub_id)?;
    let customer = reference(&request.stripe_customer_id)?;
    let linkage = match subscription {
        None => None,
        Some(_) if edition == Edition::Essentials => return Err(invalid),
        Some(subscription) => {
            let tier = request.tier.as_deref().map_or(Some(Tier::Pro), Tier::parse);
            let tier = tier.filter(|tier| tier.is_sellable()).ok_or(ErrorCode::TierNotSellable)?;
            Some(Linkage {
                subscription: subscription.to_owned(),
                tier: tier.as_str().to_owned(),
                seats,
                transport: transport.as_str().to_owned(),
                customer: customer.map(str::to_owned),
            })
        }
    };
    let deployment = |text: &str| Deployment::parse(text).map(Deployment::as_str);
    let product = |text: &str| Product::parse(text).map(Product::as_str);
    Ok(Registration {
        company_name: names::name(&request.company_name).ok_or(invalid)?,
        contact_email: names::address(&request.contact_email).ok_or(invalid)?,
        contact_name,
        edition,
        deployment_type: word(&request.deployment_type, Deployment::Appliance.as_str(), deployment)?,
        product_code: word(&request.product_code, Product::Psa.as_str(), product)?,
        tenant_id: tenant_id(request.tenant_id.as_deref())?,
        submission_id: reference(&request.submission_id)?,
        stripe_customer_id: customer,
        linkage,
    })
}

/// Reads a tenant id of a request.
///
/// # Errors
/// `invalid_request`.
pub fn tenant_id(text: Option<&str>) -> Result<Option<Uuid>, ErrorCode> {
    let read = |text| Uuid::try_parse(text).ok().filter(|id| !id.is_nil()).ok_or(ErrorCode::InvalidRequest);
    text.map(read).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> RegisterTenantRequest {
        RegisterTenantRequest {
            company_name: "Acme".to_owned(),
            contact_email: "it@acme.example".to_owned(),
            edition: "premium".to_owned(),
            stripe_sub_id: Some("sub_1".to_owned()),
            ..RegisterTenantRequest::default()
        }
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut RegisterTenantRequest), expected: ErrorCode) {
        let mut request = request();
        change(&mut request);
        assert_eq!(read(&request).err(), Some(expected));
    }

    #[test]
    fn absent_words_have_their_defaults() {
        let request = request();
        let read = read(&request).unwrap();
        assert_eq!((read.edition, read.deployment_type, read.product_code), (Edition::Pro, "appliance", "psa"));
        let linkage = read.linkage.unwrap();
        assert_eq!((linkage.tier.as_str(), linkage.transport.as_str(), linkage.seats), ("pro", "connected", None));
    }

    #[test]
    fn other_linkage_differs_in_what_it_says() {
        let known = Linkage { customer: Some("cus_1".to_owned()), ..read(&request()).unwrap().linkage.unwrap() };
        let unnamed = Linkage { customer: None, ..known.clone() };
        assert!(!known.contradicts(&known) && !unnamed.contradicts(&known) && known.contradicts(&unnamed));
        assert!(Linkage { customer: Some("cus_2".to_owned()), ..known.clone() }.contradicts(&known));
        assert!(Linkage { seats: Some(1), ..unnamed }.contradicts(&known));
    }

    #[test]
    fn each_field_has_its_code() {
        refused(|r| r.edition = "solo".to_owned(), ErrorCode::InvalidEdition);
        refused(|r| r.seats = Some(0), ErrorCode::InvalidSeats);
        refused(|r| r.seats = Some(i64::MAX), ErrorCode::InvalidSeats);
        refused(|r| r.tier = Some("solo".to_owned()), ErrorCode::TierNotSellable);
        refused(|r| r.transport = Some("usb".to_owned()), ErrorCode::InvalidTransport);
        let unpaid = |r: &mut RegisterTenantRequest| {
            (r.stripe_sub_id, r.transport) = (None, Some("pigeon".to_owned()));
        };
        refused(unpaid, ErrorCode::InvalidTransport);
        refused(|r| r.company_name = "https://x.example".to_owned(), ErrorCode::InvalidRequest);
        refused(|r| r.contact_email = "nobody".to_owned(), ErrorCode::InvalidRequest);
        refused(|r| r.product_code = Some("other".to_owned()), ErrorCode::InvalidRequest);
        refused(|r| r.tenant_id = Some("1".to_owned()), ErrorCode::InvalidRequest);
        refused(|r| r.edition = "essentials".to_owned(), ErrorCode::InvalidRequest);
    }
}
