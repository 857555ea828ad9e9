//! The vendor's record of its customers (contract, section 7), and what sending a mail again leaves behind (section 10).

use crate::fixture::{Db, T0, with_database};
use crate::tenant::steps::{Creation, request};
use crate::tenant::world::{AT, World};
use proto::v1 as wire;
use serde_json::json;

fn client_request(world: &World<'_>, made: &Creation) -> wire::CustomerClientRequest {
    wire::CustomerClientRequest {
        origin_id: made.request.origin_id.clone(),
        now_ms: T0,
        management_tenant_id: world.billing.to_string(),
        tenant_id: made.tenant.to_string(),
        tenant_name: "Acme".to_owned(),
    }
}

#[tokio::test]
async fn a_customer_is_a_client_with_a_contact_and_a_tag() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = world.whole(request("one")).await;
        let asked = client_request(&world, &made);
        let customer = world.store.customer_client(&asked).await.unwrap();
        let contact = wire::CustomerContactRequest {
            origin_id: "one".to_owned(),
            now_ms: T0,
            management_tenant_id: world.billing.to_string(),
            client_id: customer.customer_id.clone(),
            first_name: "Ada".to_owned(),
            last_name: "Lovelace".to_owned(),
            email: "Ada@Customer.example".to_owned(),
        };
        let tag = wire::TagCustomerRequest {
            origin_id: "one".to_owned(),
            now_ms: T0,
            management_tenant_id: world.billing.to_string(),
            client_id: customer.customer_id.clone(),
            tag_text: "PSA Customer".to_owned(),
        };
        let written = world.store.customer_contact(&contact).await.unwrap();
        let tagged = world.store.tag_customer(&tag).await.unwrap();

        let client = world.row("clients", world.billing, &[]).await;
        assert_eq!((&client["client_id"], &client["client_name"]), (&json!(customer.customer_id), &json!("Acme")));
        assert_eq!((&client["url"], &client["client_type"]), (&json!(""), &json!("company")));
        assert_eq!(client["properties"], json!({ "subscription_type": "psa", "tenant_id": made.tenant }));
        let profile = world.row("client_billing_profiles", world.billing, &[]).await;
        assert_eq!((&profile["client_id"], &profile["is_default"]), (&client["client_id"], &json!(true)));
        let expected = json!({
            "contact_name_id": written.contact_id, "full_name": "Ada Lovelace", "email": "ada@customer.example",
            "role": "Admin", "notes": null, "is_inactive": false, "is_client_admin": false, "approver": null,
            "client_id": customer.customer_id,
        });
        assert_eq!(world.row("contacts", world.billing, &[]).await, expected);
        let definition = json!({
            "tag_id": tagged.tag_id, "tag_text": "PSA Customer", "tagged_type": "client", "background_color": null,
            "text_color": null,
        });
        assert_eq!(world.row("tag_definitions", world.billing, &[]).await, definition);
        let mapping = json!({
            "tag_id": tagged.tag_id, "tagged_id": customer.customer_id, "tagged_type": "client", "created_by": null,
        });
        assert_eq!(world.row("tag_mappings", world.billing, &["mapping_id"]).await, mapping);

        let before = world.everything().await;
        assert_eq!(world.store.customer_client(&asked).await.unwrap(), customer);
        assert_eq!(world.store.customer_contact(&contact).await.unwrap(), written);
        assert_eq!(world.store.tag_customer(&tag).await.unwrap(), tagged);
        assert_eq!(world.everything().await, before);
    })
    .await;
}

#[tokio::test]
async fn a_name_that_is_taken_gets_a_suffix_also_at_once_and_an_address_is_left_alone() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let store = World::steps(store::pool((*db.worker.connect_options()).clone(), 8), world.billing);
        let (one, two) = (world.whole(request("one")).await, world.whole(request("two")).await);
        let (first, second) = (client_request(&world, &one), client_request(&world, &two));
        let (a, b) = tokio::join!(store.customer_client(&first), store.customer_client(&second));
        let (a, b) = (a.unwrap().customer_id, b.unwrap().customer_id);
        let names = "SELECT string_agg(c.client_name || '=' || p.name, ', ' ORDER BY length(c.client_name))
                     FROM clients c JOIN client_billing_profiles p USING (tenant, client_id) WHERE tenant = ";
        let names = db.value(&format!("{names}'{}'", world.billing)).await;
        let suffixed = [one.tenant, two.tenant].map(|tenant| {
            let name = format!("Acme ({})", &tenant.to_string()[..8]);
            format!("Acme=Acme, {name}={name}")
        });
        assert!(suffixed.contains(&names), "{names}");

        let mut contact = wire::CustomerContactRequest {
            origin_id: "one".to_owned(),
            management_tenant_id: world.billing.to_string(),
            client_id: a,
            email: "ada@customer.example".to_owned(),
            ..wire::CustomerContactRequest::default()
        };
        assert!(!store.customer_contact(&contact).await.unwrap().contact_id.is_empty());
        let row = world.row("contacts", world.billing, &[]).await;
        (contact.origin_id, contact.client_id) = ("two".to_owned(), b);
        contact.email = "ADA@customer.example".to_owned();
        // Taken: told, and left as it is.
        assert_eq!(store.customer_contact(&contact).await.unwrap().contact_id, "");
        assert_eq!(world.row("contacts", world.billing, &[]).await, row);
    })
    .await;
}

#[tokio::test]
async fn an_administrator_is_found_by_id_or_by_role_and_only_among_the_active_internal_ones() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = world.whole(request("one")).await;
        let found = world.store.administrator(made.tenant, None).await.unwrap().unwrap();
        assert_eq!((found.user_id, found.email.as_str()), (made.user, "admin@one.example"));
        assert_eq!((found.tenant_name.as_str(), found.product_code.as_str()), ("Company one", "psa"));
        assert!(!format!("{found:?}").contains("one"), "{found:?}");
        let plain = world.user(made.tenant, "plain@one.example", "internal").await;
        assert_eq!(world.store.administrator(made.tenant, Some(plain)).await.unwrap(), None);
        assert_eq!(world.store.administrator(world.billing, Some(made.user)).await.unwrap(), None);
        db.execute(&format!("UPDATE users SET is_inactive = true WHERE user_id = '{}'", made.user)).await;
        assert_eq!(world.store.administrator(made.tenant, Some(made.user)).await.unwrap(), None);
        assert_eq!(world.store.administrator(made.tenant, None).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_was_sent_again_is_audited_once() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = world.whole(request("one")).await;
        let asked = wire::AuditResendRequest {
            origin_id: "resend-3".to_owned(),
            now_ms: T0,
            tenant_id: made.tenant.to_string(),
            user_id: made.user.to_string(),
            triggered_by: "extension:abc".to_owned(),
            triggered_by_email: "support@vendor.example".to_owned(),
            succeeded: true,
            error: String::new(),
        };
        for later in 0..3 {
            let asked = wire::AuditResendRequest { now_ms: T0 + later, ..asked.clone() };
            world.store.audit_resend(&asked).await.unwrap();
        }
        let row = world.row("extension_audit_logs", world.billing, &["log_id", "details"]).await;
        let expected = json!({
            "event_type": "tenant.welcome.email.resent", "user_id": null, "user_email": "support@vendor.example",
            "resource_type": "user", "resource_id": made.user, "resource_name": null, "workflow_id": "resend-3",
            "status": "completed", "error_message": null, "ip_address": null, "user_agent": null, "created_at": AT,
        });
        assert_eq!(row, expected);
    })
    .await;
}
