//! A parameter whose payload is marked, so that the codec encrypts it (tenant-provisioning contract, R6).

use crate::loose::Loose;
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;
use std::ops::Deref;
use temporalio_common::data_converters::{
    PayloadConversionError, SerializationContext, TemporalDeserializable, TemporalSerializable,
};
use temporalio_common::protos::temporal::api::common::v1::Payload;

/// Metadata key of a marked payload. It stands inside what is encrypted, so it is there again after decrypting.
pub const MARK: &str = "tenantry-sensitive";
/// Value of [`MARK`].
pub const MARKED: &[u8] = b"1";
/// Encoding of a payload that is encrypted, or that no codec of this process has opened.
pub const CLOSED: &[u8] = b"binary/encrypted";

/// A value that must not stand readable in a history.
///
/// Its payload is `json/plain`, as without the wrapper, with [`MARK`] as one more metadata key. Where the codec is on, the
/// payload is encrypted; where it is off, the payload stays what every caller reads. Reading asks for no mark, so callers
/// that know nothing of it are understood, and so is [`Loose`] as the reader of what this has written.
///
/// No `Debug` output and no error shows any of the value: an error of serde quotes what it could not read.
///
/// A start input with a password, for a client that starts a workflow by its name:
///
/// ```
/// use contract::sensitive::Sensitive;
///
/// let input = Sensitive::from(serde_json::json!({ "adminUser": { "password": "secret" } }));
/// assert_eq!(format!("{input:?}"), "Sensitive");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sensitive<T>(T);

/// A marked value that cannot be read or written. Says where and never what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SensitiveError {
    /// The payload is no JSON, or has not the fields of the type.
    #[error("cannot read the protected value: line {line}, column {column} of its JSON does not fit")]
    Unreadable {
        /// Line of the JSON text, counted from 1; 0 when serde_json names none.
        line: usize,
        /// Column of that line, counted from 1; 0 when serde_json names none.
        column: usize,
    },
    /// The payload is still encrypted: this process has no codec, or none that opens it.
    #[error(
        "cannot read the protected value: it is still encrypted; look at PAYLOAD_CODEC and at the file of its keys"
    )]
    Closed,
    /// The value has no JSON form.
    #[error("cannot write the protected value as JSON")]
    Unwritable,
}

impl<T> Sensitive<T> {
    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Sensitive<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for Sensitive<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sensitive")
    }
}

impl<T: Serialize> TemporalSerializable for Sensitive<T> {
    fn to_payload(&self, _: &SerializationContext<'_>) -> Result<Payload, PayloadConversionError> {
        let unwritable = |_| PayloadConversionError::EncodingError(SensitiveError::Unwritable.into());
        let data = serde_json::to_vec(&self.0).map_err(unwritable)?;
        let metadata = [("encoding".to_owned(), b"json/plain".to_vec()), (MARK.to_owned(), MARKED.to_vec())];
        Ok(Payload { metadata: metadata.into(), data, ..Payload::default() })
    }
}

impl<T: DeserializeOwned> TemporalDeserializable for Sensitive<T> {
    fn from_payload(_: &SerializationContext<'_>, payload: Payload) -> Result<Self, PayloadConversionError> {
        let json = match payload.metadata.get("encoding").map(Vec::as_slice) {
            Some(b"json/plain" | b"json/protobuf") => payload.data.as_slice(),
            Some(b"binary/null") => b"null",
            _ => return Err(PayloadConversionError::WrongEncoding),
        };
        serde_json::from_slice(json).map(Self).map_err(|error| {
            let place = SensitiveError::Unreadable { line: error.line(), column: error.column() };
            PayloadConversionError::EncodingError(place.into())
        })
    }
}

/// A [`Loose`] that is marked when it is written: for an input of ours that carries persons on, and that decodes whatever it is
/// once it is open. What is still encrypted is refused ([`SensitiveError::Closed`]): its worker lacks the codec, so the task is
/// tried again until it has it, where an end of the run would lose sight of a half-made tenant. No `Debug` output shows any of it.
#[derive(Clone, Default, PartialEq)]
pub struct SensitiveLoose(pub Loose);

impl SensitiveLoose {
    /// Wraps a message of ours.
    pub fn write(message: &impl Serialize) -> Self {
        Self(Loose::write(message))
    }
}

impl fmt::Debug for SensitiveLoose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SensitiveLoose")
    }
}

impl TemporalSerializable for SensitiveLoose {
    fn to_payload(&self, context: &SerializationContext<'_>) -> Result<Payload, PayloadConversionError> {
        let mut payload = self.0.to_payload(context)?;
        payload.metadata.insert(MARK.to_owned(), MARKED.to_vec());
        Ok(payload)
    }
}

impl TemporalDeserializable for SensitiveLoose {
    fn from_payload(context: &SerializationContext<'_>, payload: Payload) -> Result<Self, PayloadConversionError> {
        if payload.metadata.get("encoding").map(Vec::as_slice) == Some(CLOSED) {
            return Err(PayloadConversionError::EncodingError(SensitiveError::Closed.into()));
        }
        Loose::from_payload(context, payload).map(Self)
    }

    fn from_payloads(
        context: &SerializationContext<'_>,
        payloads: Vec<Payload>,
    ) -> Result<Self, PayloadConversionError> {
        match payloads.into_iter().next() {
            Some(first) => Self::from_payload(context, first),
            None => Ok(Self::default()),
        }
    }
}

/// A start input from outside that may carry a secret, and whether its sender marked it for the codec. It decodes whatever it
/// is, like [`Loose`], and no `Debug` output shows any of it.
#[derive(Clone, Default, PartialEq)]
pub struct Guarded {
    /// The first argument.
    pub value: Loose,
    /// The payload bore [`MARK`]: where the codec is on, it was encrypted on its way (licensing contract, L-08).
    pub marked: bool,
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("marked", &self.marked).finish_non_exhaustive()
    }
}

impl TemporalSerializable for Guarded {
    fn to_payload(&self, context: &SerializationContext<'_>) -> Result<Payload, PayloadConversionError> {
        SensitiveLoose(self.value.clone()).to_payload(context)
    }
}

impl TemporalDeserializable for Guarded {
    fn from_payload(context: &SerializationContext<'_>, payload: Payload) -> Result<Self, PayloadConversionError> {
        let marked = payload.metadata.get(MARK).map(Vec::as_slice) == Some(MARKED);
        Ok(Self { value: Loose::from_payload(context, payload)?, marked })
    }

    fn from_payloads(
        context: &SerializationContext<'_>,
        payloads: Vec<Payload>,
    ) -> Result<Self, PayloadConversionError> {
        match payloads.into_iter().next() {
            Some(first) => Self::from_payload(context, first),
            None => Ok(Self::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::v1::CreateAdminUserRequest;
    use serde_json::json;
    use temporalio_common::data_converters::{
        GenericPayloadConverter as _, PayloadConverter, SerializationContextData,
    };

    const CANARY: &str = "canary-4711";

    fn write<T: TemporalSerializable + 'static>(value: &T) -> Payload {
        let converter = PayloadConverter::default();
        converter.to_payload(&SerializationContext::new(&SerializationContextData::None, &converter), value).unwrap()
    }

    fn read<T: TemporalDeserializable + 'static>(payload: Payload) -> Result<T, PayloadConversionError> {
        let converter = PayloadConverter::default();
        converter.from_payload(&SerializationContext::new(&SerializationContextData::None, &converter), payload)
    }

    fn admin() -> CreateAdminUserRequest {
        CreateAdminUserRequest { password: CANARY.to_owned(), ..CreateAdminUserRequest::default() }
    }

    #[test]
    fn the_payload_is_what_it_was_without_the_wrapper_and_the_mark() {
        let (plain, mut marked) = (write(&admin()), write(&Sensitive::from(admin())));
        assert_eq!(marked.metadata.remove("tenantry-sensitive").as_deref(), Some(b"1".as_slice()));
        assert_eq!(marked, plain);
    }

    #[test]
    fn every_reader_reads_both_forms() {
        for payload in [write(&admin()), write(&Sensitive::from(admin()))] {
            assert_eq!(read::<Sensitive<CreateAdminUserRequest>>(payload.clone()).unwrap().password, CANARY);
            assert_eq!(read::<CreateAdminUserRequest>(payload.clone()).unwrap(), admin());
            assert_eq!(read::<Loose>(payload).unwrap().0["password"], CANARY);
        }
        let nothing =
            Payload { metadata: [("encoding".to_owned(), b"binary/null".to_vec())].into(), ..Payload::default() };
        assert_eq!(read::<Sensitive<Option<u8>>>(nothing).unwrap().into_inner(), None);
    }

    /// What a worker without the codec sees.
    fn closed() -> Payload {
        Payload {
            metadata: [("encoding".to_owned(), CLOSED.to_vec())].into(),
            data: CANARY.into(),
            ..Payload::default()
        }
    }

    #[test]
    fn another_encoding_is_not_read() {
        for payload in [closed(), Payload::default()] {
            let error = read::<Sensitive<String>>(payload).unwrap_err();
            assert!(matches!(error, PayloadConversionError::WrongEncoding), "{error}");
        }
    }

    #[test]
    fn a_loose_one_is_marked_and_decodes_whatever_comes() {
        let written = write(&SensitiveLoose::write(&admin()));
        assert_eq!(written.metadata.get(MARK).map(Vec::as_slice), Some(MARKED));
        assert_eq!(read::<SensitiveLoose>(written).unwrap().0.0["password"], CANARY);
        assert_eq!(read::<SensitiveLoose>(Payload::default()).unwrap(), SensitiveLoose::default());
        let error = read::<SensitiveLoose>(closed()).unwrap_err().to_string();
        assert!(error.contains("PAYLOAD_CODEC") && !error.contains(CANARY), "{error}");
        assert_eq!(format!("{:?}", SensitiveLoose::write(&admin())), "SensitiveLoose");
    }

    #[test]
    fn a_guarded_one_knows_whether_its_sender_marked_it() {
        for (payload, marked) in [(write(&admin()), false), (write(&Sensitive::from(admin())), true)] {
            let guarded = read::<Guarded>(payload).unwrap();
            assert_eq!((guarded.marked, &guarded.value.0["password"]), (marked, &json!(CANARY)));
            assert_eq!(format!("{guarded:?}"), format!("Guarded {{ marked: {marked}, .. }}"));
            assert_eq!(write(&guarded).metadata.get(MARK).map(Vec::as_slice), Some(MARKED));
        }
        assert_eq!(read::<Guarded>(Payload::default()).unwrap(), Guarded::default());
    }

    #[test]
    fn nothing_shows_the_value() {
        assert_eq!(format!("{:?}", Sensitive::from(CANARY)), "Sensitive");
        let error = read::<Sensitive<u32>>(write(&Sensitive::from(CANARY))).unwrap_err();
        let text = "cannot read the protected value: line 1, column 13 of its JSON does not fit";
        assert_eq!(error.to_string(), format!("Encoding error: {text}"));
        assert!(!format!("{error:?}").contains(CANARY));
        let error = read::<Sensitive<CreateAdminUserRequest>>(write(&json!({ CANARY: CANARY }))).err();
        assert!(error.is_none_or(|error| !format!("{error} {error:?}").contains(CANARY)));
    }
}
