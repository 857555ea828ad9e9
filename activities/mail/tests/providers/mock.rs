//! The mock.

use crate::suite::{self, Fault, Taken, World};
use mail::{MailError, MockMail, SendMail, code};
use secrecy::ExposeSecret as _;

#[async_trait::async_trait]
impl World for MockMail {
    fn provider(&self) -> &dyn SendMail {
        self
    }

    async fn next(&self, fault: Fault) {
        match fault {
            Fault::Refuse => self.fail_next(MailError::Refused { status: Some(550), code: code::RECIPIENT_REFUSED }),
            Fault::Later => self.fail_next(MailError::Transient { retry_after: None, code: code::RATE_LIMITED }),
            Fault::Slow => self.fail_next(MailError::Transient { retry_after: None, code: code::TIMED_OUT }),
            Fault::LoseAnswer => self.fail_after_next(MailError::OutcomeUnknown { code: code::ANSWER_LOST }),
        }
    }

    async fn all(&self) -> Vec<Taken> {
        let taken = |mail: &mail::Mail| Taken {
            to: vec![mail.to.address.as_str().to_owned()],
            subject: mail.subject.as_str().to_owned(),
            text: mail.text.expose_secret().to_owned(),
            html: mail.html.expose_secret().to_owned(),
        };
        self.mails().iter().map(taken).collect()
    }
}

#[tokio::test]
async fn the_mock_passes_the_suite() {
    suite::run(&MockMail::new()).await;
}
