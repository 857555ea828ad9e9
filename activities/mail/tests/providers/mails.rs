//! Mails to send, with words in them that nothing may show.

use mail::{Address, HeaderText, IdempotencyKey, Mail, MailError, Mailbox, MessageId, mail_key};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

/// The beginning of the time in which these tests live.
pub(crate) fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_764_000_000)
}

/// A mail to this receiver, and a key that no other has.
pub(crate) fn to(local: &str) -> (Mail, IdempotencyKey) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let key = mail_key(&format!("wf-{count}"), "tenant_welcome");
    let from = Address::parse("noreply@msp.test").unwrap();
    let to = Address::parse(&format!("{local}-{count}.canary@customer.test")).unwrap();
    let mail = Mail {
        to: Mailbox::new(to, "Ann Canary"),
        message_id: MessageId::of(&key, &from),
        from: Mailbox::new(from, "System"),
        subject: HeaderText::new("Welcome"),
        html: "<p>canary-password</p>\n.\n".into(),
        text: "canary-password\n.\n..\nend\n".into(),
        tags: vec![("workflow".to_owned(), "tenant_creation".to_owned())],
        sent_at: noon(),
    };
    (mail, key)
}

/// Fails if an error shows anything of a mail or of a server's text.
#[track_caller]
pub(crate) fn says_nothing(error: &MailError) {
    let shown = format!("{error} {error:?}").to_lowercase();
    for word in ["canary", "customer", "msp.test", "system"] {
        assert!(!shown.contains(word), "{shown}");
    }
}
