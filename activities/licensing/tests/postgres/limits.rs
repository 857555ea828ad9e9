//! What is refused before a code ends for it (licensing contract, section 15, "Limits").

use crate::world::{
    EMAIL, REGISTER, REISSUE, TENANT, World, failed, is_transient, mail_of, refused, request, submission, with_world,
};
use outbound::testkit::{Answer, Page};
use serde_json::json;

#[tokio::test]
async fn an_address_with_five_mails_gets_no_sixth_and_keeps_its_code() {
    with_world(async |world: &World| {
        world.mail_so_many(5).await;
        let asked = world.asked(REGISTER);
        let mut sixth = submission("order-4711");
        sixth.contact_email = format!(" {} ", EMAIL.to_uppercase());
        assert_eq!(refused(world.steps.mail_registered(&mail_of(&sixth), 1).await), "too_many_mails");
        assert_eq!(refused(world.steps.reserve(&request("r-1"), 1).await), "too_many_mails");
        assert_eq!((world.asked(REGISTER), world.asked(REISSUE)), (asked, 0));
        assert_eq!(world.provider.texts().len(), 5);
    })
    .await;
}

#[tokio::test]
async fn an_address_that_no_mail_reaches_keeps_its_code() {
    with_world(async |world: &World| {
        let tenant = json!({ "company_name": "Acme", "contact_email": "it@-acme.example", "contact_name": null });
        world.api.then(&format!("/tenants/{TENANT}"), Answer::json(200, &json!({ "tenant": tenant })));
        let (kind, is_final, text) = failed(world.steps.reserve(&request("r-1"), 1).await);
        assert_eq!((kind.as_str(), is_final), ("mail_not_sent", true));
        assert!(text.starts_with("Invalid email address"), "{text}");
        assert_eq!(world.asked(REISSUE), 0);
    })
    .await;
}

#[tokio::test]
async fn a_reissue_over_the_limit_ends_at_once_and_gives_its_mail_back() {
    with_world(async |world: &World| {
        world.mail_so_many(4).await;
        assert!(!world.steps.reserve(&request("r-1"), 1).await.unwrap().sent);
        assert_eq!(refused(world.steps.reserve(&request("r-2"), 1).await), "too_many_mails");

        let limited = Page::json(429, &json!({ "error": "Too many.", "code": "too_many_attempts" }));
        world.api.then(REISSUE, Answer::Page(limited.with_header("retry-after", "7200")));
        let (kind, is_final, text) = failed(world.steps.replace_code(&request("r-1"), 1).await);
        assert_eq!((kind.as_str(), is_final), ("too_many_reissues", true));
        assert!(text.contains("ask again in 7200 s"), "{text}");

        // Nothing happens by itself later: the request is over, and another one has its place.
        let (kind, _, text) = failed(world.steps.reserve(&request("r-1"), 1).await);
        assert_eq!(kind, "mail_not_sent");
        assert!(text.contains("in 7200 s"), "{text}");
        assert!(!world.steps.reserve(&request("r-2"), 1).await.unwrap().sent);
    })
    .await;
}

#[tokio::test]
async fn an_outage_keeps_the_place_of_the_mail() {
    with_world(async |world: &World| {
        world.mail_so_many(4).await;
        assert!(!world.steps.reserve(&request("r-1"), 1).await.unwrap().sent);
        world.api.then(REISSUE, Answer::status(503));
        is_transient(world.steps.replace_code(&request("r-1"), 1).await);
        assert_eq!(refused(world.steps.reserve(&request("r-2"), 1).await), "too_many_mails");
        assert!(!world.steps.reserve(&request("r-1"), 2).await.unwrap().sent);
        world.steps.replace_code(&request("r-1"), 2).await.unwrap();
        assert!(world.steps.mail_reissued(&request("r-1"), 1).await.unwrap().sent);
    })
    .await;
}
