//! The cases, and what a provider's test must be able to do.

use crate::mails::{self, says_nothing};
use mail::{Accepted, HeaderText, IdempotencyKey, Mail, MailError, Mailbox, SendMail, code};
use secrecy::ExposeSecret as _;

/// What happens to the next attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It is refused for good.
    Refuse,
    /// It is asked to come back.
    Later,
    /// The provider does not answer, and does not take the mail.
    Slow,
    /// The provider takes the mail, and its answer is lost.
    LoseAnswer,
}

/// A mail as the provider has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) to: Vec<String>,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// A provider with something behind it that can be told to fail.
#[async_trait::async_trait]
pub(crate) trait World: Sync {
    fn provider(&self) -> &dyn SendMail;
    async fn next(&self, fault: Fault);
    async fn all(&self) -> Vec<Taken>;
}

/// Runs every case.
pub(crate) async fn run(world: &dyn World) {
    a_mail_is_taken_once_and_a_repeat_gets_the_same_answer(world).await;
    a_refusal_is_final_and_takes_nothing(world).await;
    what_may_pass_is_tried_again_and_taken_once(world).await;
    a_slow_provider_is_given_up_within_the_limit(world).await;
    a_lost_answer_never_makes_two(world).await;
    another_mail_under_the_same_key_is_not_sent(world).await;
    two_attempts_at_once_are_taken_once(world).await;
    hostile_names_reach_one_receiver_in_one_line(world).await;
}

async fn send(world: &dyn World, (mail, key): &(Mail, IdempotencyKey)) -> Result<Accepted, MailError> {
    let answer = world.provider().send(mail, key).await;
    if let Err(error) = &answer {
        says_nothing(error);
    }
    answer
}

async fn taken(world: &dyn World, mail: &Mail) -> Vec<Taken> {
    let to = mail.to.address.as_str();
    world.all().await.into_iter().filter(|taken| taken.to.iter().any(|one| one == to)).collect()
}

fn as_taken(mail: &Mail) -> Taken {
    Taken {
        to: vec![mail.to.address.as_str().to_owned()],
        subject: mail.subject.as_str().to_owned(),
        text: mail.text.expose_secret().to_owned(),
        html: mail.html.expose_secret().to_owned(),
    }
}

async fn a_mail_is_taken_once_and_a_repeat_gets_the_same_answer(world: &dyn World) {
    let sent = mails::to("once");
    let first = send(world, &sent).await.unwrap();
    assert_eq!(send(world, &sent).await.unwrap(), first);
    assert_eq!(taken(world, &sent.0).await, [as_taken(&sent.0)]);
}

async fn a_refusal_is_final_and_takes_nothing(world: &dyn World) {
    let sent = mails::to("refused");
    world.next(Fault::Refuse).await;
    let error = send(world, &sent).await.unwrap_err();
    assert!(matches!(error, MailError::Refused { status: Some(422 | 550), .. }), "{error:?}");
    assert_eq!(taken(world, &sent.0).await, []);
}

async fn what_may_pass_is_tried_again_and_taken_once(world: &dyn World) {
    let sent = mails::to("later");
    world.next(Fault::Later).await;
    let error = send(world, &sent).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert_eq!(taken(world, &sent.0).await, []);
    send(world, &sent).await.unwrap();
    assert_eq!(taken(world, &sent.0).await, [as_taken(&sent.0)]);
}

async fn a_slow_provider_is_given_up_within_the_limit(world: &dyn World) {
    let sent = mails::to("slow");
    world.next(Fault::Slow).await;
    assert_eq!(send(world, &sent).await, Err(MailError::Transient { retry_after: None, code: code::TIMED_OUT }));
    send(world, &sent).await.unwrap();
    assert_eq!(taken(world, &sent.0).await, [as_taken(&sent.0)]);
}

/// Either the key lets the answer be asked for again, or the outcome stays unknown. In both cases there is one mail.
async fn a_lost_answer_never_makes_two(world: &dyn World) {
    let sent = mails::to("lost");
    world.next(Fault::LoseAnswer).await;
    let error = send(world, &sent).await.unwrap_err();
    let again = send(world, &sent).await;
    match error {
        MailError::Transient { .. } => assert!(again.is_ok(), "{again:?}"),
        MailError::OutcomeUnknown { .. } => assert_eq!(again, Err(error)),
        MailError::InvalidAddress | MailError::Refused { .. } => panic!("{error:?}"),
    }
    assert_eq!(taken(world, &sent.0).await, [as_taken(&sent.0)]);
}

async fn another_mail_under_the_same_key_is_not_sent(world: &dyn World) {
    let sent = mails::to("first");
    send(world, &sent).await.unwrap();
    let other = (Mail { text: "another".into(), ..sent.0.clone() }, sent.1.clone());
    assert_eq!(send(world, &other).await, Err(MailError::OutcomeUnknown { code: code::KEY_REUSED }));
    assert_eq!(taken(world, &sent.0).await, [as_taken(&sent.0)]);
}

async fn two_attempts_at_once_are_taken_once(world: &dyn World) {
    let sent = mails::to("twice");
    let (one, two) = tokio::join!(send(world, &sent), send(world, &sent));
    for answer in [&one, &two] {
        let fine = answer.as_ref().map_or_else(|error| error.code() == code::IN_FLIGHT, |_| true);
        assert!(fine, "{answer:?}");
    }
    assert!(one.is_ok() || two.is_ok());
    assert_eq!(taken(world, &sent.0).await, [as_taken(&sent.0)]);
}

async fn hostile_names_reach_one_receiver_in_one_line(world: &dyn World) {
    let (mut mail, key) = mails::to("hostile");
    let hostile = "Ann\r\nBcc: all@canary.test\r\n\r\n<script>\", \"x\" <other@canary.test>";
    mail.to.name = HeaderText::new(hostile);
    mail.from = Mailbox::new(mail.from.address, hostile);
    mail.subject = HeaderText::new(hostile);
    send(world, &(mail.clone(), key)).await.unwrap();
    let all = world.all().await;
    assert_eq!(all.last(), Some(&as_taken(&mail)));
    assert_eq!(mail.subject.as_str(), "Ann Bcc: all@canary.test <script>\", \"x\" <other@canary.test>");
    assert!(all.iter().all(|taken| !taken.to.iter().any(|one| one.contains("canary.test"))));
}
