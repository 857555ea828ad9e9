//! One request: one code, one mail.

use crate::world::{REISSUE, World, is_transient, refused, reissued, request, with_world};
use outbound::testkit::Answer;
use serde_json::json;

#[tokio::test]
async fn a_reissue_mails_its_code_once_however_many_answers_are_lost() {
    with_world(async |world: &World| {
        let request = request("r-1");
        assert!(!world.steps.reserve(&request, 1).await.unwrap().sent);
        world.api.then(REISSUE, Answer::Cut);
        is_transient(world.steps.replace_code(&request, 1).await);
        assert_eq!(world.steps.replace_code(&request, 2).await.unwrap().claim_code_id, "id-of-the-new-one");
        world.provider.lose_an_answer();
        is_transient(world.steps.mail_reissued(&request, 1).await);
        assert!(world.steps.mail_reissued(&request, 2).await.unwrap().sent);
        let texts = world.provider.texts();
        assert_eq!(texts.len(), 1);
        assert!(
            texts[0].contains("Install code: NEWCODE2\n") && texts[0].contains("code of \"Acme\"."),
            "{}",
            texts[0]
        );

        let asked = world.api.requests_to(REISSUE);
        assert_eq!(asked.len(), 4);
        assert!(asked.iter().all(|one| one.header("idempotency-key") == Some("install-code-reissue:r-1")));
        assert!(world.steps.reserve(&request, 1).await.unwrap().sent, "a second run of the request has nothing to do");
    })
    .await;
}

#[tokio::test]
async fn a_new_code_that_ended_before_it_was_mailed_or_that_is_none_is_not_mailed() {
    with_world(async |world: &World| {
        let (mut ended, mut empty) = (reissued(), reissued());
        (ended["code_state"], empty["install_code"]) = (json!("revoked"), json!(""));
        for (answer, kind) in [(ended, "code_ended"), (empty, "no_code")] {
            let request = request(&format!("r-{kind}"));
            assert!(!world.steps.reserve(&request, 1).await.unwrap().sent);
            world.api.then(REISSUE, Answer::json(200, &answer));
            assert_eq!(refused(world.steps.mail_reissued(&request, 1).await), kind);
            assert_eq!(refused(world.steps.mail_reissued(&request, 2).await), "mail_not_sent");
        }
        assert!(world.provider.texts().is_empty());
    })
    .await;
}
