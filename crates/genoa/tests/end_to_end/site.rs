//! A web server on the loopback interface, which counts who came.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A server that answers `/` with a page, and `/away` with a redirection.
pub(crate) struct Site {
    pub(crate) host: String,
    visits: Arc<AtomicUsize>,
}

impl Site {
    /// A site whose `/away` leads to `elsewhere`.
    pub(crate) fn leading_to(elsewhere: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let visits = Arc::new(AtomicUsize::new(0));
        let (counter, elsewhere) = (visits.clone(), elsewhere.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
                let mut first = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                reader.read_line(&mut first).unwrap();
                while reader.read_line(&mut String::new()).is_ok_and(|length| length > 2) {}
                let body = "<html><title>Guide</title><body><p>The page says hello.</p></body></html>";
                let answer = if first.starts_with("GET /away ") {
                    format!(
                        "HTTP/1.1 302 Found\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    )
                } else {
                    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n";
                    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
                };
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { host, visits }
    }

    pub(crate) fn new() -> Self {
        Self::leading_to("/")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host)
    }

    /// How often somebody connected.
    pub(crate) fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}
