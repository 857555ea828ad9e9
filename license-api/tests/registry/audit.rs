//! Every route that changes something, and every look of the console, leaves its row (licensing contract, L-24).

use crate::world::{World, paid, with_settings};
use license_api::settings::Settings;
use serde_json::{Value, json};
use std::cell::Cell;

/// The log, read from where it was read before.
struct Log<'a> {
    world: &'a World,
    read: Cell<usize>,
}

impl Log<'_> {
    /// The rows that came since: actor, action, reference.
    async fn new_rows(&self) -> Vec<String> {
        let rows = "SELECT string_agg(concat_ws(' ', actor, action, reference), ',' ORDER BY id) FROM audit_log";
        let rows = self.world.value(rows).await;
        let new: Vec<_> = rows.split(',').skip(self.read.get()).map(str::to_owned).collect();
        self.read.set(self.read.get() + new.len());
        new
    }

    /// Asks a route, and compares the rows that it leaves; `CODE` stands for the reference of the code in the answer.
    async fn after(&self, path: &str, body: Value, expected: &[&str]) -> Value {
        let reply = self.world.post(path, body).await;
        assert!(reply.status.is_success(), "{path}: {}", reply.json());
        let answer = reply.json();
        let code = answer["claim_code_id"].as_str().unwrap_or_default();
        let expected: Vec<_> = expected.iter().map(|row| row.replace("CODE", code)).collect();
        assert_eq!(self.new_rows().await, expected, "{path}");
        answer
    }

    async fn after_reading(&self, path: &str, expected: &str) {
        self.world.get(path).await.is(200);
        assert_eq!(self.new_rows().await, [expected], "{path}");
    }
}

#[tokio::test]
async fn each_route_leaves_its_rows() {
    let patient = Settings { reissue_pause_seconds: 0, ..Settings::default() };
    with_settings(patient, async |world: &World| {
        let log = Log { world, read: Cell::new(0) };
        let rows = [
            "service:service tenant.registered s-1",
            "service:service code.minted CODE",
            "service:service entitlement.linked sub_1",
        ];
        let registered = log.after("/register-tenant", paid("s-1", Some("sub_1")), &rows).await;
        let tenant = registered["tenant_id"].as_str().unwrap();
        let subscription = json!({ "stripe_sub_id": "sub_1" });
        let sign = json!({ "stripe_sub_id": "sub_1", "customer": "Acme", "tier": "pro", "transport": "connected" });
        log.after("/sign", sign, &["service:service license.signed sub_1"]).await;
        let old = registered["claim_code_id"].as_str().unwrap();
        let rows = [&*format!("service:service code.superseded {old}"), "service:service code.minted CODE"];
        let minted = log.after("/claim-codes", subscription.clone(), &rows).await;

        let code = minted["claim_code_id"].as_str().unwrap();
        let redeem = json!({ "claim_code": minted["code"], "appliance_id": "appliance-1" });
        let redeemed = log.after("/register", redeem, &[&format!("code:{code} code.redeemed {code}")]).await;
        let appliance = world.value("SELECT id FROM appliances").await;
        let check_in = json!({ "appliance_credential": redeemed["appliance_credential"] });
        let row = |action: &str| format!("appliance:{appliance} {action} {appliance}");
        log.after("/check-in", check_in.clone(), &[&row("tenant.activated")]).await;
        world.execute("UPDATE entitlements SET seats = 30").await;
        log.after("/check-in", check_in, &[&row("license.renewed")]).await;

        let route = "/install-codes/reissue";
        let rows = ["service:service code.reissued CODE"];
        let first = log.after(route, json!({ "tenant_id": tenant }), &rows).await;
        let stolen = json!({ "tenant_id": tenant, "revoke_appliances": true });
        let rows = [
            &*format!("service:service code.superseded {}", first["claim_code_id"].as_str().unwrap()),
            "service:service code.reissued CODE",
            "service:service appliances.revoked CODE",
        ];
        let second = log.after(route, stolen, &rows).await;
        let one = json!({ "stripe_sub_id": "sub_1", "appliance_id": "appliance-1" });
        log.after("/revoke", one, &["service:service appliance.revoked appliance-1"]).await;
        let rows = [
            &*format!("service:service code.revoked {}", second["claim_code_id"].as_str().unwrap()),
            "service:service entitlement.revoked sub_1",
        ];
        log.after("/revoke", subscription, &rows).await;

        let status = json!({ "status": "suspended" });
        let row = "service:service tenant.status_set suspended";
        log.after(&format!("/tenants/{tenant}/status"), status, &[row]).await;
        log.after_reading("/tenants", "service:service tenants.listed").await;
        log.after_reading(&format!("/tenants/{tenant}"), "service:service tenant.read").await;

        // Each row but that of the list names the tenant.
        let unnamed =
            format!("SELECT string_agg(action, ',') FROM audit_log WHERE tenant_id IS DISTINCT FROM '{tenant}'");
        assert_eq!(world.value(&unnamed).await, "tenants.listed");
    })
    .await;
}
