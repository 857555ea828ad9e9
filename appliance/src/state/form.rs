//! The stored form of a record: JSON with a version. Not to be confused with the request of the service.

use super::{LicenseTimes, Record, Redemption, Replaced, Stage, StateError, Summary, VerifiedAnswer, Written};
use crate::ids::{ApplianceId, RedemptionId};
use crate::wire::{RegisterAnswer, RegisterAnswerWire};
use model::license::edition::Edition;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The only version so far. Fields are added without a new one: an older build reads what it knows and drops the others.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct RecordForm {
    version: u32,
    appliance_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verified_origin: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redemption: Option<RedemptionForm>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replaced: Vec<ReplacedForm>,
}

#[derive(Serialize, Deserialize)]
struct ReplacedForm {
    id: String,
    fingerprint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected_tenant: Option<Uuid>,
}

/// Read first, so that a newer form is told from a broken one.
#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct RedemptionForm {
    id: String,
    fingerprint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected_tenant: Option<Uuid>,
    stage: StageForm,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "name")]
enum StageForm {
    Prepared { code: String },
    Answered { code: String, verified: VerifiedForm, database_written: bool },
    Dropped { verified: VerifiedForm },
    Done { tenant: Uuid, edition: String, check_in_url: Option<String>, expires_at: Option<i64> },
}

#[derive(Serialize, Deserialize)]
struct VerifiedForm {
    answer: RegisterAnswerWire,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<(i64, i64)>,
}

impl From<&VerifiedAnswer> for VerifiedForm {
    fn from(verified: &VerifiedAnswer) -> Self {
        let times = verified.times.map(|times| (times.issued_at, times.expires_at));
        Self { answer: (&verified.answer).into(), times }
    }
}

impl TryFrom<VerifiedForm> for VerifiedAnswer {
    type Error = StateError;

    /// Paid and times come together.
    fn try_from(form: VerifiedForm) -> Result<Self, StateError> {
        let answer: RegisterAnswer = form.answer.try_into().map_err(|_| StateError::Garbage)?;
        if answer.paid.is_some() != form.times.is_some() {
            return Err(StateError::Garbage);
        }
        let times = form.times.map(|(issued_at, expires_at)| LicenseTimes { issued_at, expires_at });
        Ok(Self { answer, times })
    }
}

/// Writes a record as JSON with a line end.
pub(super) fn write(record: &Record) -> Zeroizing<Vec<u8>> {
    let form = RecordForm {
        version: VERSION,
        appliance_id: record.appliance_id.as_str().to_owned(),
        verified_origin: record.verified_origin.clone(),
        redemption: record.redemption.as_ref().map(redemption_form),
        replaced: record.replaced.iter().map(replaced_form).collect(),
    };
    let mut bytes = serde_json::to_vec(&form).expect("a form has text keys and cannot fail to serialise");
    bytes.push(b'\n');
    Zeroizing::new(bytes)
}

/// Reads what [`write`] wrote.
///
/// # Errors
/// [`StateError::Garbage`], [`StateError::Newer`].
pub(super) fn read(bytes: &[u8]) -> Result<Record, StateError> {
    let found: VersionOnly = serde_json::from_slice(bytes).map_err(|_| StateError::Garbage)?;
    if found.version > VERSION {
        return Err(StateError::Newer);
    }
    let form: RecordForm = serde_json::from_slice(bytes).map_err(|_| StateError::Garbage)?;
    Ok(Record {
        appliance_id: ApplianceId::parse(&form.appliance_id).ok_or(StateError::Garbage)?,
        verified_origin: form.verified_origin,
        redemption: form.redemption.map(redemption).transpose()?,
        replaced: form.replaced.into_iter().map(replaced).collect::<Result<_, _>>()?,
    })
}

fn replaced_form(replaced: &Replaced) -> ReplacedForm {
    ReplacedForm {
        id: replaced.id.as_str().to_owned(),
        fingerprint: replaced.fingerprint.clone(),
        expected_tenant: replaced.expected_tenant,
    }
}

fn replaced(form: ReplacedForm) -> Result<Replaced, StateError> {
    Ok(Replaced {
        id: RedemptionId::parse(&form.id).map_err(|_| StateError::Garbage)?,
        fingerprint: form.fingerprint,
        expected_tenant: form.expected_tenant,
    })
}

fn redemption_form(redemption: &Redemption) -> RedemptionForm {
    RedemptionForm {
        id: redemption.id.as_str().to_owned(),
        fingerprint: redemption.fingerprint.clone(),
        expected_tenant: redemption.expected_tenant,
        stage: match &redemption.stage {
            Stage::Prepared { code } => StageForm::Prepared { code: code.expose_secret().to_owned() },
            Stage::Answered { code, verified, written } => StageForm::Answered {
                code: code.expose_secret().to_owned(),
                verified: verified.into(),
                database_written: *written == Written::Database,
            },
            Stage::Dropped { verified } => StageForm::Dropped { verified: verified.into() },
            Stage::Done { summary } => StageForm::Done {
                tenant: summary.tenant,
                edition: summary.edition.as_str().to_owned(),
                check_in_url: summary.check_in_url.clone(),
                expires_at: summary.expires_at,
            },
        },
    }
}

fn redemption(form: RedemptionForm) -> Result<Redemption, StateError> {
    let stage = match form.stage {
        StageForm::Prepared { code } => Stage::Prepared { code: SecretString::from(code) },
        StageForm::Answered { code, verified, database_written } => Stage::Answered {
            code: SecretString::from(code),
            verified: verified.try_into()?,
            written: if database_written { Written::Database } else { Written::Nothing },
        },
        StageForm::Dropped { verified } => Stage::Dropped { verified: verified.try_into()? },
        StageForm::Done { tenant, edition, check_in_url, expires_at } => {
            let edition = Edition::parse(&edition).ok_or(StateError::Garbage)?;
            Stage::Done { summary: Summary { tenant, edition, check_in_url, expires_at } }
        }
    };
    Ok(Redemption {
        id: RedemptionId::parse(&form.id).map_err(|_| StateError::Garbage)?,
        fingerprint: form.fingerprint,
        expected_tenant: form.expected_tenant,
        stage,
    })
}
