//! One submission: one tenant, one code, one mail (licensing contract, L-13).

use crate::world::{REGISTER, TENANT, World, code_of, is_transient, mail_of, refused, submission, with_world};
use outbound::testkit::Answer;
use serde_json::json;

#[tokio::test]
async fn answers_that_are_lost_after_their_commit_leave_one_tenant_one_code_and_one_mail() {
    with_world(async |world: &World| {
        let input = submission("order-4711");
        world.api.then(REGISTER, Answer::Cut);
        is_transient(world.steps.register(&input, 1).await);
        let registered = world.steps.register(&input, 2).await.unwrap();
        assert_eq!(registered.tenant_id.as_deref(), Some(TENANT));

        let request = mail_of(&input);
        world.api.then(REGISTER, Answer::Cut);
        is_transient(world.steps.mail_registered(&request, 1).await);
        assert!(world.provider.texts().is_empty());
        world.provider.lose_an_answer();
        is_transient(world.steps.mail_registered(&request, 2).await);
        // The third try repeats what the provider has accepted; the fourth follows an end that Temporal did not hear of.
        for attempt in [3, 4] {
            let reply = world.steps.mail_registered(&request, attempt).await.unwrap();
            assert_eq!((reply.sent, reply.claim_code_id), (true, registered.claim_code_id.clone().unwrap()));
        }
        let texts = world.provider.texts();
        assert_eq!(texts.len(), 1);
        assert!(texts[0].contains(&format!("Install code: {}\n", code_of("order-4711"))), "{}", texts[0]);

        // Whatever was asked again was the same submission with the same data: for the registry one and the same tenant.
        let asked = world.api.requests_to(REGISTER);
        assert_eq!(asked.len(), 6);
        assert!(asked.iter().all(|one| one.body == asked[0].body && one.header("idempotency-key").is_none()));
    })
    .await;
}

#[tokio::test]
async fn a_code_that_ended_before_it_was_mailed_or_that_is_none_is_not_mailed() {
    with_world(async |world: &World| {
        let answer = json!({
            "tenant_id": TENANT, "install_code": "K7QPM2RX", "download_url": "", "expires_at": 1_900_000_000,
            "claim_code_id": "id", "code_state": "consumed",
        });
        let mut empty = answer.clone();
        (empty["install_code"], empty["expires_at"], empty["code_state"]) = (json!(""), json!(null), json!(null));
        for (answer, kind) in [(answer, "code_ended"), (empty, "no_code")] {
            let request = mail_of(&submission(kind));
            world.api.then(REGISTER, Answer::json(200, &answer));
            assert_eq!(refused(world.steps.mail_registered(&request, 1).await), kind);
            // A later run of the submission finds the mail closed, also if the API gives a code again.
            assert_eq!(refused(world.steps.mail_registered(&request, 1).await), "mail_not_sent");
        }
        assert!(world.provider.texts().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_first_try_that_the_provider_has_forgotten_is_not_repeated() {
    with_world(async |world: &World| {
        let hours = 3_600_000;
        for (id, age, forgotten) in [("order-of-yesterday", 25 * hours, true), ("order-of-today", 23 * hours, false)] {
            let mut request = mail_of(&submission(id));
            request.now_ms -= age;
            world.api.then(REGISTER, Answer::status(503));
            is_transient(world.steps.mail_registered(&request, 1).await);
            let again = world.steps.mail_registered(&request, 2).await;
            match forgotten {
                true => assert_eq!(refused(again), "mail_not_sent"),
                false => assert!(again.unwrap().sent),
            }
        }
        assert_eq!(world.provider.texts().len(), 1);
    })
    .await;
}
