//! As much of HTTP/1.1 as a test server needs (RFC 9112).

use super::{Answer, Page, Recorded};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const HEAD_MAX_BYTES: usize = 64 * 1024;
const BODY_MAX_BYTES: usize = 16 * 1024 * 1024;

/// Reads one request. `None`: the client went away, or sent what this server does not speak.
pub(super) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<Recorded> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if bytes.len() > HEAD_MAX_BYTES || stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let mut body = bytes.split_off(end + 4);
    let head = String::from_utf8(bytes).ok()?;
    let mut lines = head.trim_end().split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())))
        .collect::<Option<_>>()?;
    let (path, query) = (path.to_owned(), query.to_owned());
    let mut request = Recorded { method, path, query, headers, body: Vec::new() };
    if request.header("transfer-encoding").is_some() {
        return None;
    }
    let length: usize = request.header("content-length").unwrap_or("0").parse().ok()?;
    if length > BODY_MAX_BYTES {
        return None;
    }
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    body.truncate(length);
    request.body = body;
    Some(request)
}

/// Answers one request. The connection is closed by whoever drops the stream afterwards.
pub(super) async fn answer(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &Recorded,
    answer: Answer,
) -> io::Result<()> {
    match answer {
        Answer::Page(page) => write(stream, &page, page.body.len()).await,
        Answer::With(make) => {
            let page = make(request);
            write(stream, &page, page.body.len()).await
        }
        Answer::UntilClose(page) => {
            let head = format!("HTTP/1.1 {} Scripted\r\nconnection: close\r\n\r\n", page.status);
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&page.body).await
        }
        Answer::Held(gate, page) => {
            gate.passed().await;
            write(stream, &page, page.body.len()).await
        }
        Answer::Silent => until_closed(stream).await,
        Answer::Twice(page) => {
            write(stream, &page, page.body.len()).await?;
            write(stream, &page, page.body.len()).await
        }
        Answer::Nonsense => stream.write_all(b"220 mail.example.test ESMTP\r\n\r\n").await,
        Answer::Cut => Ok(()),
        Answer::CutInBody(page) => write(stream, &page, page.body.len() / 2).await,
        Answer::StallInBody(page) => {
            write(stream, &page, page.body.len() / 2).await?;
            until_closed(stream).await
        }
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            let chunk = [b"2000\r\n".as_slice(), &[b'x'; 0x2000], b"\r\n"].concat();
            loop {
                stream.write_all(&chunk).await?;
            }
        }
    }
}

/// Writes the head and the first `length` bytes of the body.
async fn write(stream: &mut (impl AsyncWrite + Unpin), page: &Page, length: usize) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Scripted\r\n", page.status);
    for (name, value) in &page.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    // RFC 9110 §8.6: these two never carry a length.
    if !matches!(page.status, 204 | 304) {
        head.push_str(&format!("content-length: {}\r\n", page.body.len()));
    }
    head.push_str("connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&page.body[..length]).await?;
    stream.flush().await
}

async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}
