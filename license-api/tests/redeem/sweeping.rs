//! What is over is forgotten.

use crate::world::{World, with_world};
use license_api::registry;
use serde_json::json;

#[tokio::test]
async fn answers_and_attempts_are_forgotten_when_they_are_over() {
    with_world(async |world: &World| {
        let ((_, old), (_, new)) = (world.essentials().await, world.essentials().await);
        let body = |text: &str| json!({ "claim_code": text, "appliance_id": "appliance-1" });
        world.register_from("192.0.2.1", Some("key-of-an-old-code"), body(&old.text)).await.ok();
        world.register_from("192.0.2.2", Some("key-of-a-new-code"), body(&new.text)).await.ok();
        world.register_from("192.0.2.3", None, body("GUESS999")).await.refused(400, "invalid_claim_code");
        let over = format!("UPDATE code_redemptions SET replay_until = now() WHERE claim_code_id = '{}'", old.id);
        world.execute(&over).await;
        registry::sweep(&world.state.pool, &world.state.settings).await.unwrap();
        let kept = "SELECT string_agg(claim_code_id::text, ' ') FROM code_redemptions WHERE sealed_answer IS NOT NULL";
        assert_eq!(world.value(kept).await, new.id.to_string());
        let attempts = "SELECT string_agg(source, ' ' ORDER BY source) FROM redeem_attempts WHERE scope = 'source'";
        assert_eq!(world.value(attempts).await, "192.0.2.1 192.0.2.2 192.0.2.3");
        world.execute("UPDATE redeem_attempts SET window_start = window_start - interval '3 hours'").await;
        registry::sweep(&world.state.pool, &world.state.settings).await.unwrap();
        // Sources that succeeded are remembered.
        assert_eq!(world.value(attempts).await, "192.0.2.1 192.0.2.2");
        world.execute("UPDATE redeem_attempts SET window_start = window_start - interval '90 days'").await;
        registry::sweep(&world.state.pool, &world.state.settings).await.unwrap();
        assert_eq!(world.value("SELECT count(*) FROM redeem_attempts").await, "0");
    })
    .await;
}
