//! SMTP: the suite, and what a server says to each receiver.

use crate::mails::{self, says_nothing};
use crate::smtp_server::SmtpServer;
use crate::suite::{self, Fault, Taken, World};
use mail::{Address, MailError, Repeat, SendMail, Smtp, code};

struct SmtpWorld {
    server: SmtpServer,
    client: Smtp,
}

#[async_trait::async_trait]
impl World for SmtpWorld {
    fn provider(&self) -> &dyn SendMail {
        &self.client
    }

    async fn next(&self, fault: Fault) {
        let fault = match fault {
            Fault::Refuse => "reply:rcpt:550",
            Fault::Later => "reply:rcpt:452",
            Fault::Slow => "hang:data",
            Fault::LoseAnswer => "cut:taken",
        };
        self.server.fault(fault).await;
    }

    async fn all(&self) -> Vec<Taken> {
        let taken = |mail: crate::smtp_server::Received| Taken {
            to: mail.to,
            subject: mail.subject,
            text: mail.text,
            html: mail.html,
        };
        self.server.mails().await.into_iter().map(taken).collect()
    }
}

#[tokio::test]
async fn smtp_passes_the_suite() {
    let server = SmtpServer::start().await;
    let client = server.client();
    let world = SmtpWorld { server, client };
    suite::run(&world).await;
    for mail in world.server.mails().await {
        let expected =
            ["from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version", "content-type"];
        assert_eq!(mail.headers, expected);
    }
}

#[tokio::test]
async fn each_reply_has_its_kind() {
    let server = SmtpServer::start().await;
    let client = server.client();
    assert_eq!(client.repeat(), Repeat::MayDeliverTwice);
    for (receiver, taken) in
        [("code-250", true), ("code-251", true), ("code-252", true), ("code-452", false), ("code-550", false)]
    {
        let before = server.mails().await.len();
        let (mail, key) = mails::to(receiver);
        let answer = client.send(&mail, &key).await;
        assert_eq!((answer.is_ok(), server.mails().await.len() - before), (taken, usize::from(taken)), "{receiver}");
    }
    let later = |code| MailError::Transient { retry_after: None, code };
    let refused = |status, code| MailError::Refused { status: Some(status), code };
    let cases = [
        ("reply:greeting:421", later(code::SESSION_REFUSED)),
        ("reply:greeting:554", refused(554, code::SESSION_REFUSED)),
        ("reply:ehlo:550", refused(550, code::SESSION_REFUSED)),
        ("reply:mail:451", later(code::SENDER_REFUSED)),
        ("reply:mail:553", refused(553, code::SENDER_REFUSED)),
        ("reply:rcpt:450", later(code::RECIPIENT_REFUSED)),
        ("reply:rcpt:551", refused(551, code::RECIPIENT_REFUSED)),
        ("reply:data:452", later(code::CONTENT_REFUSED)),
        ("reply:data:554", refused(554, code::CONTENT_REFUSED)),
        ("reply:data:250", later(code::UNREADABLE_ANSWER)),
        ("reply:dot:452", later(code::CONTENT_REFUSED)),
        ("reply:dot:554", refused(554, code::CONTENT_REFUSED)),
        ("reply:dot:354", MailError::OutcomeUnknown { code: code::UNREADABLE_ANSWER }),
        ("reply:dot:odd", MailError::OutcomeUnknown { code: code::ANSWER_LOST }),
        ("reply:rcpt:odd", later(code::UNREADABLE_ANSWER)),
    ];
    let before = server.mails().await.len();
    for (fault, expected) in cases {
        let (mail, key) = mails::to("reply");
        server.fault(fault).await;
        let error = client.send(&mail, &key).await.unwrap_err();
        says_nothing(&error);
        assert_eq!(error, expected, "{fault}");
    }
    assert_eq!(server.mails().await.len(), before);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_transient() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let server = SmtpServer::start().await;
    let client = Smtp::new(mail::SmtpSettings { port, ..server.settings() }).unwrap();
    let (mail, key) = mails::to("nobody");
    let error = client.send(&mail, &key).await.unwrap_err();
    assert_eq!(error, MailError::Transient { retry_after: None, code: code::UNREACHABLE });
}

#[tokio::test]
async fn an_address_beyond_ascii_goes_through_a_server_that_knows_them() {
    let server = SmtpServer::start().await;
    let (mut mail, key) = mails::to("x");
    mail.to.address = Address::parse("jörg@bücher.test").unwrap();
    server.client().send(&mail, &key).await.unwrap();
    assert_eq!(server.mails().await[0].to, ["jörg@bücher.test"]);
}
