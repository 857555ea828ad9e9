//! SMTP with TLS and login.

use crate::mails::{self, says_nothing};
use crate::smtp_server::SmtpServer;
use mail::{MailError, SendMail, Smtp, SmtpLogin, SmtpSettings, SmtpTls, code};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use tempfile::TempDir;

const LOGIN: &str = "canary-user:canary-login-password";

/// An authority, and a server's certificate for `localhost` and 127.0.0.1.
struct Pki(TempDir);

impl Pki {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let mut server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        server.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        let key = KeyPair::generate().unwrap();
        let certificate = server.signed_by(&key, &issuer).unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        fs::write(folder.path().join("server.pem"), certificate.pem()).unwrap();
        fs::write(folder.path().join("server.key"), key.serialize_pem()).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    async fn server(&self, mode: &str, login: &str) -> SmtpServer {
        let (certificate, key) = (self.file("server.pem"), self.file("server.key"));
        let mut variables = vec![
            ("SMTP_TLS", mode),
            ("SMTP_CERTIFICATE", certificate.to_str().unwrap()),
            ("SMTP_KEY", key.to_str().unwrap()),
        ];
        if !login.is_empty() {
            variables.push(("SMTP_LOGIN", login));
        }
        SmtpServer::with(&variables).await
    }
}

fn login(text: &str) -> Option<SmtpLogin> {
    text.split_once(':').map(|(user, password)| SmtpLogin { user: user.to_owned(), password: password.into() })
}

#[tokio::test]
async fn mails_travel_under_tls_and_login_in_both_modes() {
    let pki = Pki::make();
    for (mode, tls) in [("starttls", SmtpTls::StartTls), ("tls", SmtpTls::Tls)] {
        let server = pki.server(mode, LOGIN).await;
        let settings =
            SmtpSettings { tls, login: login(LOGIN), ca_file: Some(pki.file("ca.pem")), ..server.settings() };
        let (mail, key) = mails::to("tls");
        Smtp::new(settings.clone()).unwrap().send(&mail, &key).await.unwrap();
        let named = SmtpSettings { host: "localhost".to_owned(), ..settings.clone() };
        let (mail, key) = mails::to("tls");
        Smtp::new(named).unwrap().send(&mail, &key).await.unwrap();
        let taken = server.mails().await;
        assert_eq!(taken.len(), 2, "{mode}");
        assert!(taken.iter().all(|mail| mail.tls && mail.login.as_deref() == Some("canary-user")), "{mode}: {taken:?}");

        let wrong = SmtpSettings { login: login("canary-user:canary-wrong"), ..settings };
        let (mail, key) = mails::to("tls");
        let error = Smtp::new(wrong).unwrap().send(&mail, &key).await.unwrap_err();
        says_nothing(&error);
        assert_eq!(error, MailError::Refused { status: Some(535), code: code::LOGIN_REFUSED });
        assert_eq!(server.mails().await.len(), 2, "{mode}");
    }
}

#[tokio::test]
async fn nothing_is_said_to_a_server_whose_certificate_is_not_trusted() {
    let (pki, other) = (Pki::make(), Pki::make());
    for (mode, tls) in [("starttls", SmtpTls::StartTls), ("tls", SmtpTls::Tls)] {
        let server = pki.server(mode, "").await;
        for ca_file in [Some(other.file("ca.pem")), None] {
            let settings = SmtpSettings { tls, ca_file, ..server.settings() };
            let (mail, key) = mails::to("untrusted");
            let error = Smtp::new(settings).unwrap().send(&mail, &key).await.unwrap_err();
            assert_eq!(error, MailError::Transient { retry_after: None, code: code::TLS_FAILED }, "{mode}");
        }
        assert_eq!(server.mails().await.len(), 0);
    }
}

#[tokio::test]
async fn a_server_without_tls_gets_nothing_where_tls_is_asked_for() {
    let (pki, server) = (Pki::make(), SmtpServer::start().await);
    let settings = SmtpSettings { tls: SmtpTls::StartTls, ca_file: Some(pki.file("ca.pem")), ..server.settings() };
    let (mail, key) = mails::to("clear");
    let error = Smtp::new(settings.clone()).unwrap().send(&mail, &key).await.unwrap_err();
    assert_eq!(error, MailError::Refused { status: None, code: code::NO_STARTTLS });
    let implicit = SmtpSettings { tls: SmtpTls::Tls, ..settings };
    let error = Smtp::new(implicit).unwrap().send(&mail, &key).await.unwrap_err();
    assert_eq!(error, MailError::Transient { retry_after: None, code: code::TLS_FAILED });
    assert_eq!(server.mails().await.len(), 0);
}

#[tokio::test]
async fn a_server_that_offers_no_login_is_not_used_with_one() {
    let pki = Pki::make();
    let server = pki.server("starttls", "").await;
    let settings = SmtpSettings {
        tls: SmtpTls::StartTls,
        login: login(LOGIN),
        ca_file: Some(pki.file("ca.pem")),
        ..server.settings()
    };
    let (mail, key) = mails::to("login");
    let error = Smtp::new(settings).unwrap().send(&mail, &key).await.unwrap_err();
    assert_eq!(error, MailError::Refused { status: None, code: code::NO_LOGIN });
    assert_eq!(server.mails().await.len(), 0);
}

/// The final reply is lost under TLS as without.
#[tokio::test]
async fn a_lost_reply_is_unknown_under_tls_too() {
    let pki = Pki::make();
    for (mode, tls) in [("starttls", SmtpTls::StartTls), ("tls", SmtpTls::Tls)] {
        let server = pki.server(mode, "").await;
        let settings = SmtpSettings { tls, ca_file: Some(pki.file("ca.pem")), ..server.settings() };
        let client = Smtp::new(settings).unwrap();
        for (fault, unknown) in [("cut:data", false), ("cut:taken", true)] {
            let (mail, key) = mails::to("lost");
            server.fault(fault).await;
            let error = client.send(&mail, &key).await.unwrap_err();
            assert_eq!(matches!(error, MailError::OutcomeUnknown { .. }), unknown, "{mode} {fault}: {error:?}");
        }
    }
}
