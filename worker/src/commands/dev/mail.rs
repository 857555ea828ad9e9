//! `dev mail list|show`: the mails that the local stack delivered to its mailbox.

use crate::cli::{Output, print, print_json};
use crate::config::Source;
use crate::exit::{Exit, Failure, OrExit as _};
use clap::{Args, Subcommand};
use mail_parser::{Address, Message, MessageParser};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Arguments of `dev mail`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tenantry dev mail list\n  tenantry dev mail show\n  \
                        tenantry dev mail show --to it@acme-customer.test")]
pub(super) struct MailArgs {
    #[command(subcommand)]
    command: MailCommand,
}

#[derive(Debug, Subcommand)]
enum MailCommand {
    /// Lists the mails, the newest first.
    List {
        /// Only those to this address.
        #[arg(long, value_name = "ADDRESS")]
        to: Option<String>,
    },
    /// Shows one mail as a reader of plain text does.
    Show {
        /// The id of `dev mail list`; the newest when left out.
        id: Option<String>,
        /// The newest to this address.
        #[arg(long, value_name = "ADDRESS", conflicts_with = "id")]
        to: Option<String>,
        /// The body in HTML.
        #[arg(long)]
        html: bool,
    },
}

/// Runs one of the commands. The mailbox is the folder of `TENANTRY_DEV_MAIL`, else that of the running stack.
pub(super) fn run(args: &MailArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    let folder = match source.value("TENANTRY_DEV_MAIL") {
        Some(folder) => PathBuf::from(folder),
        None => super::Folders::find()?.running()?.root().join("mail/inbox"),
    };
    match &args.command {
        MailCommand::List { to } => {
            let mails = read_all(&folder, to.as_deref())?;
            match output {
                Output::Json => print_json(&mails.iter().map(Kept::line).collect::<Vec<_>>()),
                Output::Text => print(&table(&mails)),
            }
            Ok(Exit::Ok)
        }
        MailCommand::Show { id, to, html } => {
            let mails = read_all(&folder, to.as_deref())?;
            let found = match id {
                Some(id) => mails.iter().find(|mail| mail.id == *id),
                None => mails.first(),
            };
            let mail =
                found.ok_or_else(|| Failure::new(Exit::NotFound, "no such mail: see `tenantry dev mail list`"))?;
            match output {
                Output::Json => print_json(&mail.whole()),
                Output::Text => print(&mail.shown(*html)),
            }
            Ok(Exit::Ok)
        }
    }
}

/// One mail of the mailbox.
struct Kept {
    id: String,
    message: Message<'static>,
}

/// All mails, the newest first: names of files sort by time.
fn read_all(folder: &Path, to: Option<&str>) -> Result<Vec<Kept>, Failure> {
    let entries = std::fs::read_dir(folder).or_exit(Exit::NotFound, "could not read the mailbox of the local stack")?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    paths.sort();
    // A mail that the server removes meanwhile is not there any more, and one that is no mail is not shown.
    let mails = paths.iter().rev().filter_map(|path| {
        let id = path.file_stem()?.to_string_lossy().into_owned();
        let message = MessageParser::default().parse(&std::fs::read(path).ok()?)?.into_owned();
        Some(Kept { id, message })
    });
    Ok(mails.filter(|mail| to.is_none_or(|to| mail.to().iter().any(|found| found.eq_ignore_ascii_case(to)))).collect())
}

impl Kept {
    fn to(&self) -> Vec<String> {
        addresses(self.message.to())
    }

    fn subject(&self) -> String {
        self.message.subject().map(plain).unwrap_or_default()
    }

    fn at(&self) -> String {
        self.message.date().map(|date| date.to_rfc3339()).unwrap_or_default()
    }

    fn line(&self) -> Value {
        json!({ "id": self.id, "at": self.at(), "to": self.to(), "subject": self.subject() })
    }

    fn text(&self) -> String {
        self.message.body_text(0).map(|text| text.into_owned()).unwrap_or_default()
    }

    fn html(&self) -> String {
        self.message.body_html(0).map(|text| text.into_owned()).unwrap_or_default()
    }

    fn whole(&self) -> Value {
        let mut whole = self.line();
        whole["from"] = json!(addresses(self.message.from()));
        whole["text"] = json!(self.text());
        whole["html"] = json!(self.html());
        whole
    }

    fn shown(&self, html: bool) -> String {
        let body = if html { self.html() } else { self.text() };
        format!(
            "from     {}\nto       {}\ndate     {}\nsubject  {}\n\n{}",
            addresses(self.message.from()).join(", "),
            self.to().join(", "),
            self.at(),
            self.subject(),
            body.lines().map(plain).collect::<Vec<_>>().join("\n").trim_end()
        )
    }
}

fn addresses(field: Option<&Address<'_>>) -> Vec<String> {
    field.into_iter().flat_map(Address::iter).filter_map(|address| address.address()).map(plain).collect()
}

fn table(mails: &[Kept]) -> String {
    if mails.is_empty() {
        return "no mails".to_owned();
    }
    let mut text = format!("{:<22}  {:<25}  {:<32}  {}\n", "ID", "DATE", "TO", "SUBJECT");
    for mail in mails {
        text.push_str(&format!(
            "{:<22}  {:<25}  {:<32}  {}\n",
            mail.id,
            mail.at(),
            mail.to().join(", "),
            mail.subject()
        ));
    }
    text.trim_end().to_owned()
}

/// A text of a mail for a terminal: control characters could move the cursor or hide a line.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "Return-Path: <noreply@msp.test>\r\nDelivered-To: it@acme.test\r\nFrom: noreply@msp.test\r\n\
        To: =?utf-8?Q?M=C3=BCller?= <it@acme.test>\r\nSubject: =?utf-8?Q?Your_code=1B[2J?=\r\n\
        Date: Thu, 26 Nov 2026 10:00:00 +0000\r\nContent-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\nInstall code: K7QP=\r\nM2RX\r\n";

    fn mailbox() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("2-1.eml"), MAIL).expect("a mail");
        std::fs::write(folder.path().join("1-1.eml"), MAIL.replace("it@acme.test", "other@acme.test")).expect("a mail");
        std::fs::write(folder.path().join("3-1.new"), "not yet").expect("a file");
        folder
    }

    #[test]
    fn the_newest_comes_first_and_a_receiver_can_be_asked_for() {
        let folder = mailbox();
        let ids =
            |to| read_all(folder.path(), to).expect("mails").iter().map(|mail| mail.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(None), ["2-1", "1-1"]);
        assert_eq!(ids(Some("OTHER@acme.test")), ["1-1"]);
        assert_eq!(ids(Some("nobody@acme.test")), Vec::<String>::new());
    }

    #[test]
    fn a_mail_is_decoded_and_nothing_moves_the_cursor() {
        let folder = mailbox();
        let mails = read_all(folder.path(), None).expect("mails");
        let shown = mails[0].shown(false);
        assert!(shown.contains("Install code: K7QPM2RX") && shown.contains("to       it@acme.test"), "{shown}");
        assert!(!shown.contains('\u{1b}') && !table(&mails).contains('\u{1b}'), "{shown}");
        assert_eq!(mails[0].whole()["at"], "2026-11-26T10:00:00Z");
    }

    #[test]
    fn an_absent_mailbox_is_named() {
        let failure = read_all(Path::new("/nonexistent/mailbox"), None).err().expect("no mailbox");
        assert!(failure.to_string().contains("mailbox of the local stack"), "{failure}");
    }
}
