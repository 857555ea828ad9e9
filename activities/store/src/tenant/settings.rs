//! `setupTenantData`: the tenant's settings, all or none.

use super::error::TenantError;
use super::ledger::{self, Entry};
use super::{id, sql};
use crate::db::micros;
use proto::v1 as wire;
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;

/// The provider of a tenant that named none (contract, section 4.3).
const DEFAULT_PROVIDER: &str = "resend";
/// What a call has done when it is committed.
const STEPS: [&str; 4] = ["email_settings", "tenant_settings", "tenant_client_association", "notification_settings"];

pub(super) async fn run(
    conn: &mut PgConnection,
    request: &wire::SetupTenantDataRequest,
) -> Result<wire::SetupTenantDataReply, TenantError> {
    let tenant = id(&request.tenant_id, "the tenant id")?;
    let client = id(&request.client_id, "the client id")?;
    let entry = Entry {
        origin_id: &request.origin_id,
        activity: "setupTenantData",
        part: "",
        tenant: Some(tenant),
        digest: ledger::digest(request, &[]),
        now_ms: request.now_ms,
    };
    ledger::once_on(conn, &entry, tenant, async |conn| {
        let at = micros(request.now_ms);
        let provider = if request.email_provider.is_empty() { DEFAULT_PROVIDER } else { &request.email_provider };
        sql::INSERT_EMAIL_SETTINGS
            .bind(tenant)
            .bind(provider)
            .bind(Json(provider_configs(provider)))
            .bind(at)
            .execute(conn)
            .await?;
        sql::INSERT_TENANT_SETTINGS.bind(tenant).bind(at).execute(conn).await?;
        sql::INSERT_TENANT_COMPANY.bind(tenant).bind(client).bind(at).execute(conn).await?;
        for copy in
            [sql::COPY_CATEGORIES, sql::COPY_SUBTYPES, sql::COPY_INTERNAL_CATEGORIES, sql::COPY_INTERNAL_SUBTYPES]
        {
            copy.bind(tenant).bind(at).execute(conn).await?;
        }
        Ok(wire::SetupTenantDataReply { setup_steps: STEPS.map(str::to_owned).to_vec() })
    })
    .await
}

/// One disabled provider for the tenant to fill in.
fn provider_configs(provider: &str) -> Value {
    let config = match provider {
        "smtp" => json!({ "host": "", "port": 587, "username": "", "password": "", "from": "" }),
        _ => json!({ "apiKey": "", "from": "" }),
    };
    json!([{
        "providerId": format!("{provider}-provider"), "providerType": provider, "isEnabled": false, "config": config,
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_tenant_has_one_provider_to_fill_in() {
        assert_eq!(
            provider_configs("smtp").to_string(),
            r#"[{"config":{"from":"","host":"","password":"","port":587,"username":""},"isEnabled":false,"providerId":"smtp-provider","providerType":"smtp"}]"#
        );
        assert_eq!(
            provider_configs("resend").to_string(),
            r#"[{"config":{"apiKey":"","from":""},"isEnabled":false,"providerId":"resend-provider","providerType":"resend"}]"#
        );
    }
}
