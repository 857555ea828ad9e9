//! When SMTP delivers twice: only after its final reply was lost, and only if somebody decides to send again.

use crate::mails;
use crate::smtp_server::SmtpServer;
use mail::{MailError, SendMail, Smtp, SmtpLimits, SmtpSettings};
use std::time::Duration;
use tokio::task::JoinSet;

/// Every place where a connection can end, in the order of a conversation.
const PLACES: [&str; 16] = [
    "cut:greeting",
    "cut:ehlo",
    "cut:mail",
    "cut:rcpt",
    "cut:data",
    "cut:body",
    "cut:dot",
    "cut:taken",
    "cut:farewell",
    "hang:greeting",
    "hang:mail",
    "hang:data",
    "hang:body",
    "hang:dot",
    "hang:taken",
    "hang:farewell",
];
/// Those where the mail was taken, and the client did not hear of it.
const LOST_REPLY: [&str; 2] = ["cut:taken", "hang:taken"];

/// What became of a mail whose first connection met a fault.
#[derive(Debug, PartialEq, Eq)]
struct Course {
    /// Copies at the server after the rule of [`SendMail`] was followed.
    by_the_rule: usize,
    /// Copies after somebody then sent again without knowing.
    sent_blindly: usize,
    /// Whether the caller was told that the outcome is unknown.
    unknown: bool,
}

/// Follows the rule: what is transient is tried again, everything else stands. Every attempt is made by a new client, as if
/// the process had been started again, so no memory helps.
async fn course(server: &SmtpServer, place: &str) -> Course {
    let (mail, key) = mails::to("course");
    server.fault(place).await;
    let mut answer = server.client().send(&mail, &key).await;
    if answer.as_ref().is_err_and(MailError::is_transient) {
        answer = server.client().send(&mail, &key).await;
    }
    let unknown = match answer {
        Ok(_) => false,
        Err(MailError::OutcomeUnknown { .. }) => true,
        Err(error) => panic!("{place}: {error:?}"),
    };
    let copies = || async {
        let all = server.mails().await;
        all.into_iter().filter(|taken| taken.message_id == mail.message_id.as_str()).collect::<Vec<_>>()
    };
    let by_the_rule = copies().await.len();
    if unknown {
        server.client().send(&mail, &key).await.unwrap();
    }
    let all = copies().await;
    assert!(all.windows(2).all(|pair| pair[0].raw == pair[1].raw), "{place}: copies differ");
    Course { by_the_rule, sent_blindly: all.len(), unknown }
}

#[tokio::test]
async fn a_mail_arrives_twice_only_if_the_final_reply_was_lost_and_it_is_sent_again() {
    let server = SmtpServer::start().await;
    // What hangs waits for a time limit, so these have servers of their own and wait together.
    let mut hanging = JoinSet::new();
    for place in PLACES {
        if place.starts_with("hang") {
            hanging.spawn(async move { (place, course(&SmtpServer::start().await, place).await) });
        } else {
            judge(place, &course(&server, place).await);
        }
    }
    while let Some(ended) = hanging.join_next().await {
        let (place, course) = ended.unwrap();
        judge(place, &course);
    }
}

#[track_caller]
fn judge(place: &str, course: &Course) {
    assert!(course.by_the_rule <= 1, "{place}: {course:?}");
    assert_eq!(course.sent_blindly == 2, LOST_REPLY.contains(&place), "{place}: {course:?}");
    // Nothing is lost in silence either: no mail means that the caller was told.
    assert!(course.by_the_rule == 1 || course.unknown, "{place}: {course:?}");
    // From the dot on nobody can know, and before it everybody does. A connection that ends within the content may end
    // before or after the dot was written.
    let expected = match place {
        "cut:body" | "hang:body" => course.unknown,
        _ => place.ends_with(":dot") || place.ends_with(":taken"),
    };
    assert_eq!(course.unknown, expected, "{place}: {course:?}");
}

/// A body that does not fit into the buffers of the connection: the write fails before the dot, so the server cannot have it.
#[tokio::test]
async fn a_connection_that_ends_within_the_content_is_transient() {
    let server = SmtpServer::start().await;
    let (mut mail, key) = mails::to("large");
    mail.text = format!("{}\n", "x".repeat(900)).repeat(4_500).into();
    server.fault("cut:body").await;
    let limits = SmtpLimits { total: Duration::from_secs(60), ..SmtpLimits::default() };
    let client = Smtp::new(SmtpSettings { limits, ..server.settings() }).unwrap();
    let error = client.send(&mail, &key).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    client.send(&mail, &key).await.unwrap();
    assert_eq!(server.mails().await.len(), 1);
}

#[tokio::test]
async fn an_attempt_that_is_dropped_is_not_repeated_unless_it_is_known_to_be_harmless() {
    let server = SmtpServer::start().await;
    let client = server.client();
    let (mail, key) = mails::to("dropped");
    server.fault("hang:taken").await;
    let attempt = client.send(&mail, &key);
    tokio::pin!(attempt);
    // The server has the mail: the attempt waits for the reply that never comes.
    while server.mails().await.is_empty() {
        let polled = tokio::time::timeout(Duration::from_millis(20), &mut attempt).await;
        assert!(polled.is_err(), "{polled:?}");
    }
    let busy = client.send(&mail, &key).await.unwrap_err();
    assert_eq!(busy.code(), mail::code::IN_FLIGHT);
}
