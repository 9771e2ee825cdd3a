//! A browser as far as the bench needs one: it signs in, keeps its cookie, and waits for whole pages.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Somebody who is signed in at a server.
pub struct Browser {
    address: String,
    cookie: String,
}

/// What came back.
struct Answer {
    status: u16,
    cookie: Option<String>,
    body: String,
}

impl Browser {
    /// Signs in with a key.
    pub fn signed_in(url: &str, key: &str) -> Result<Self, String> {
        let address = url.strip_prefix("http://").ok_or("the server's address is no http://")?.to_owned();
        let mut browser = Self { address, cookie: String::new() };
        let form = format!("key={key}");
        let more = format!(
            "Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        let answer = browser.ask("POST", "/ui/sign-in", &more)?;
        browser.cookie = answer.cookie.ok_or(format!("signing in was answered with {}", answer.status))?;
        Ok(browser)
    }

    /// How long a page took from asking to its last byte, and what it says.
    pub fn page(&self, path: &str) -> Result<(Duration, String), String> {
        let began = Instant::now();
        let answer = self.ask("GET", path, "\r\n")?;
        let took = began.elapsed();
        if answer.status == 200 { Ok((took, answer.body)) } else { Err(format!("{path}: {}", answer.status)) }
    }

    /// One connection a request. `rest` is what follows the headers that every request has.
    fn ask(&self, method: &str, path: &str, rest: &str) -> Result<Answer, String> {
        let told = |error: std::io::Error| format!("{path}: {error}");
        let mut stream = TcpStream::connect(&self.address).map_err(told)?;
        let Self { address, cookie } = self;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAccept: text/html\r\nCookie: {cookie}\r\n{rest}"
        );
        stream.write_all(head.as_bytes()).map_err(told)?;
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        lines.read_line(&mut line).map_err(told)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let mut cookie = None;
        loop {
            line.clear();
            lines.read_line(&mut line).map_err(told)?;
            let Some((name, value)) = line.trim().split_once(':') else { break };
            if name.eq_ignore_ascii_case("set-cookie") {
                cookie = value.trim().split(';').next().map(str::to_owned);
            }
        }
        let mut body = String::new();
        lines.read_to_string(&mut body).map_err(told)?;
        Ok(Answer { status: status.ok_or(format!("{path}: this is no HTTP"))?, cookie, body })
    }
}
