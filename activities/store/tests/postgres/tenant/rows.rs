//! The rows of a whole creation, column by column (contract, section 4).

use crate::fixture::{Db, T0, with_database};
use crate::tenant::steps::{Creation, Step, request};
use crate::tenant::world::{AT, HASH, World};
use proto::v1 as wire;
use serde_json::json;

fn address(country: &str) -> wire::BillingAddress {
    wire::BillingAddress {
        line1: "1 Main Street".to_owned(),
        line2: "Floor 2".to_owned(),
        city: "Vienna".to_owned(),
        state: "W".to_owned(),
        postal_code: "1010".to_owned(),
        country_code: country.to_owned(),
        phone: "+43 1 000".to_owned(),
    }
}

#[tokio::test]
async fn a_tenant_with_its_client_its_profile_and_its_main_office() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let mut asked = request("one");
        asked.billing_address = Some(address("at"));
        asked.plan = "pro".to_owned();
        asked.license_count = 3;
        let made = world.whole(asked.clone()).await;
        assert_eq!(made.tenant.to_string(), asked.proposed_tenant_id);
        let tenant = json!({
            "client_name": "Company one", "email": "admin@one.example", "created_at": AT, "updated_at": AT,
            "billing_source": "manual", "plan": "pro", "product_code": "psa", "licensed_user_count": 3,
            "last_license_update": AT, "stripe_event_id": format!("temporal_{T0}"), "phone_number": null, "industry": null,
            "tax_id_number": null, "payment_platform_id": null, "payment_method_id": null, "auth_service_id": null,
            "suspended_at": null, "suspended_reason": null,
        });
        assert_eq!(world.row("tenants", made.tenant, &[]).await, tenant);
        let client = world.row("clients", made.tenant, &[]).await;
        let named = [
            ("client_id", json!(made.client)),
            ("client_name", json!("Client one")),
            ("client_type", json!("company")),
            ("is_inactive", json!(false)),
            ("properties", json!({ "type": "msp", "is_system_client": true, "created_by": "tenant_setup" })),
            ("created_at", json!(AT)),
            ("updated_at", json!(AT)),
        ];
        for (column, value) in named {
            assert_eq!(client[column], value, "{column}");
        }
        let profile = json!({
            "client_id": made.client, "name": "Client one", "is_default": true, "is_system_managed_default": true,
            "bills_separately": false, "is_active": true, "created_by": null, "updated_by": null, "created_at": AT,
            "updated_at": AT,
        });
        assert_eq!(world.row("client_billing_profiles", made.tenant, &["billing_profile_id"]).await, profile);
        let office = json!({
            "client_id": made.client, "location_name": "Main Office", "email": "admin@one.example", "phone": "+43 1 000",
            "address_line1": "1 Main Street", "address_line2": "Floor 2", "address_line3": null, "city": "Vienna",
            "state_province": "W", "postal_code": "1010", "country_code": "AT", "country_name": "Austria", "region_code": null,
            "fax": null, "notes": null, "phone_extension": null, "fax_extension": null, "is_billing_address": false,
            "is_shipping_address": false, "is_default": true, "is_active": true, "default_billing_profile_id": null,
            "created_at": AT, "updated_at": AT,
        });
        assert_eq!(world.row("client_locations", made.tenant, &["location_id"]).await, office);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_known_of_an_address_has_a_word_of_its_own() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        for (origin, given) in [
            ("none", None),
            ("odd", Some(wire::BillingAddress { country_code: "ZZ".to_owned(), ..Default::default() })),
        ] {
            let mut asked = request(origin);
            asked.product_code = "algadesk".to_owned();
            asked.billing_address = given;
            let made = world.whole(asked).await;
            let office = world.row("client_locations", made.tenant, &[]).await;
            let shown = [
                "phone",
                "address_line1",
                "address_line2",
                "city",
                "state_province",
                "postal_code",
                "country_code",
                "country_name",
            ]
            .map(|column| office[column].clone());
            let expected = [
                json!(""),
                json!("N/A"),
                json!(null),
                json!("N/A"),
                json!(null),
                json!(null),
                json!("XX"),
                json!("Unknown"),
            ];
            assert_eq!(shown, expected, "{origin}");
            let tenant = world.row("tenants", made.tenant, &[]).await;
            let shown = ["plan", "product_code", "licensed_user_count", "last_license_update", "stripe_event_id"]
                .map(|column| tenant[column].clone());
            assert_eq!(shown, [json!(null), json!("algadesk"), json!(null), json!(null), json!(null)]);
        }
    })
    .await;
}

#[tokio::test]
async fn an_administrator_with_the_role_of_the_side_that_runs_the_product() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        for product in ["psa", "algadesk"] {
            let mut asked = request(product);
            asked.product_code = product.to_owned();
            let made = world.whole(asked).await;
            let email = format!("admin@{product}.example");
            let user = json!({
                "user_id": made.user, "username": email, "email": email, "hashed_password": HASH, "first_name": "Ada",
                "last_name": "Lovelace", "icon": null, "auth_method": null, "two_factor_secret": null, "phone_extension": null,
                "date_of_birth": null, "rate": null, "phone": null, "timezone": null, "two_factor_enabled": false,
                "is_google_user": false, "is_inactive": false, "needs_contact_association": false,
                "two_factor_required_new_device": false, "user_type": "internal", "contact_id": null, "reports_to": null,
                "last_login_at": null, "last_login_method": null, "client_portal_entra_metadata": null, "created_at": AT,
                "updated_at": AT,
            });
            assert_eq!(world.row("users", made.tenant, &[]).await, user);
            let role = format!(
                "user_roles g JOIN roles r USING (tenant, role_id) WHERE tenant = '{}' AND user_id = '{}' AND role_name = 'Admin' \
                 AND msp AND NOT client",
                made.tenant, made.user
            );
            assert_eq!(world.count(&role).await, "1");
            assert_eq!(world.count(&format!("user_roles WHERE tenant = '{}'", made.tenant)).await, "1");
        }
    })
    .await;
}

#[tokio::test]
async fn our_records_say_what_was_done_and_by_whom() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = world.whole(request("one")).await;
        let detail = world.store.creation(made.tenant).await.unwrap().unwrap();
        let done = ["createTenant", "run_onboarding_seeds", "createAdminUser", "setupTenantData", "sendWelcomeEmail"];
        assert_eq!(detail.done, done);
        let summary = &detail.summary;
        assert_eq!((summary.state.as_str(), summary.product_code.as_str()), ("completed", "psa"));
        assert_eq!((summary.origin_id.as_str(), summary.workflow_id.as_str()), ("one", "one"));
        assert_eq!((summary.tenant_name.as_str(), summary.opened_ms, summary.changed_ms), ("Company one", T0, T0));
        assert_eq!(detail.log.iter().map(|event| event.state.as_str()).collect::<Vec<_>>(), ["completed"]);
        assert_eq!(world.standing().await, ["completed  1"]);
        assert_eq!(world.store.creations(Some("completed"), 10).await.unwrap(), [detail.summary]);
        assert_eq!(world.store.creations(Some("repair"), 10).await.unwrap(), []);
        assert_eq!(world.store.creation(world.billing).await.unwrap(), None);
        let keys = db.value("SELECT string_agg(key, ' ' ORDER BY key) FROM tenantry.activity_ledger").await;
        let expected = format!(
            "one/createAdminUser one/createTenant one/run_onboarding_seeds/psa one/sendWelcomeEmail/{} one/setupTenantData",
            made.user
        );
        assert_eq!(keys, expected);
        let owners = db.value("SELECT string_agg(DISTINCT tenant::text, ' ') FROM tenantry.activity_ledger").await;
        assert_eq!(owners, made.tenant.to_string());
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_is_pending_or_was_given_up_is_not_listed_as_done() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let mut made = Creation::new(request("one"));
        let before = [Step::Create, Step::Seed, Step::Admin, Step::SetUp];
        for step in before.into_iter().chain([Step::Keep]) {
            made.learn(&made.run(&world.store, step, T0).await.unwrap());
        }
        let done = async || world.store.creation(made.tenant).await.unwrap().unwrap().done;
        let written = ["createTenant", "run_onboarding_seeds", "createAdminUser", "setupTenantData"];
        assert_eq!(done().await, written, "the mail is on its way");
        world.store.close_credential(&made.credential(None, T0), "recipient_refused").await.unwrap();
        assert_eq!(done().await, written, "the mail was given up");
    })
    .await;
}

#[tokio::test]
async fn a_wait_keeps_what_failed_until_somebody_decides() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let mut made = Creation::new(request("one"));
        made.learn(&made.run(&world.store, Step::Create, T0).await.unwrap());
        let waits = |note: &str, now_ms| wire::RecordCreationRequest {
            step: "creating_admin_user".to_owned(),
            reason: "ConfigurationError".to_owned(),
            note: note.to_owned(),
            ..made.state("repair", now_ms)
        };
        let listed = async |state| world.store.creations(Some(state), 10).await.unwrap().remove(0).message;
        world.store.record(&waits("the first try", T0 + 1)).await.unwrap();
        world.store.record(&made.state("open", T0 + 2)).await.unwrap();
        assert_eq!(listed("open").await, "", "nothing waits");
        world.store.record(&waits("adminUser.passwordRef: names no mounted secret", T0 + 3)).await.unwrap();
        assert_eq!(listed("repair").await, "adminUser.passwordRef: names no mounted secret");
        let detail = world.store.creation(made.tenant).await.unwrap().unwrap();
        assert_eq!(detail.summary.message, listed("repair").await);
        let notes: Vec<&str> = detail.log.iter().map(|event| event.note.as_str()).collect();
        assert_eq!(notes, ["the first try", "", "adminUser.passwordRef: names no mounted secret"]);
    })
    .await;
}
