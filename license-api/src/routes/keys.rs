//! `GET /keys`.

use crate::error_code::ErrorCode;
use crate::problem::{Problem, ProblemBody};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use model::license::wire::keys::KeysAnswer;

/// The keyset statement, as it was published. It was verified when its file was read.
#[utoipa::path(
    get,
    path = "/keys",
    responses((status = 200, body = KeysAnswer), (status = 404, body = ProblemBody, description = "None is published"))
)]
pub(crate) async fn keys(State(state): State<AppState>) -> Result<Json<KeysAnswer>, Problem> {
    let statement = state.keys.statement().ok_or(ErrorCode::NotFound)?;
    Ok(Json(KeysAnswer { keyset: statement.text.clone() }))
}
