//! The broker against a web server on the loopback interface.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;

use genoa_abi::RequestId;
use genoa_abi::frame::Message;
use genoa_abi::grant::Right;
use serde_json::{Value as Json, json};

use super::serve;
use crate::egress::rules::Rules;

/// A server that answers by path, each connection once, and sends on to the port `other`. Returns its port.
fn server(other: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut length, mut seen) = (String::new(), 0, String::new());
            reader.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
                    break;
                }
                let lower = line.to_ascii_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if lower.starts_with("authorization:") {
                    seen = line.trim().to_owned();
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let _ = stream.write_all(&respond(first.trim(), &body, &seen, other));
        }
    });
    port
}

fn respond(first: &str, body: &[u8], seen: &str, other: u16) -> Vec<u8> {
    let path = first.split(' ').nth(1).unwrap();
    let redirect =
        |to: String| format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let plain = |body: &[u8]| {
        let head =
            format!("HTTP/1.1 200 OK\r\nX-Test: yes\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    match path {
        "/to-hello" => redirect("/hello".into()).into_bytes(),
        "/to-other-server" => redirect(format!("http://127.0.0.1:{other}/hello")).into_bytes(),
        "/to-file" => redirect("file:///etc/passwd".into()).into_bytes(),
        "/loop" => redirect("/loop".into()).into_bytes(),
        "/big" => plain(&vec![b'x'; 5 * 1024 * 1024]),
        "/binary" => plain(&[0xff, 0xfe, 0]),
        "/echo" => plain(body),
        "/seen" => plain(seen.as_bytes()),
        "/lost" => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec(),
        _ => plain(b"hello"),
    }
}

/// What the broker answers: `status body final-path`, or the code of the failure.
fn ask(rights: &[(&str, &[&str])], request: Json) -> String {
    let rights = rights.iter().map(|(host, methods)| Right::Network {
        host: (*host).to_owned(),
        methods: methods.iter().map(|method| (*method).to_owned()).collect(),
    });
    let rules = Rules::new(rights.collect());
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let broker = std::thread::spawn(move || serve(theirs, &rules));
    ours.write_all(&Message::request(RequestId(5), "fetch", request).to_line()).unwrap();
    let mut line = String::new();
    BufReader::new(ours.try_clone().unwrap()).read_line(&mut line).unwrap();
    ours.shutdown(std::net::Shutdown::Both).unwrap();
    broker.join().unwrap().unwrap();
    match Message::from_line(line.as_bytes()).unwrap() {
        Message::Success { result, .. } => {
            let url = result["final_url"].as_str().unwrap();
            format!("{} {} /{}", result["status"], result["body"], url.rsplit('/').next().unwrap())
        }
        Message::Error { id, error, .. } => {
            assert_eq!(id, Some(RequestId(5)));
            format!("{:?}", error.data.code)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn requests_go_as_far_as_the_rules_allow() {
    let other = server(0);
    let port = server(other);
    let (here, also_here) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{other}"));
    let local: &[(&str, &[&str])] = &[(&here, &["GET"])];
    let check = |rights: &[(&str, &[&str])], path: &str, expected: &str| {
        assert_eq!(ask(rights, json!({"url": format!("http://{here}{path}")})), expected, "{path}");
    };
    check(local, "/hello", r#"200 {"text":"hello"} /hello"#);
    check(local, "/to-hello", r#"200 {"text":"hello"} /hello"#);
    check(local, "/lost", r#"404 {"text":""} /lost"#);
    check(local, "/binary", r#"200 {"base64":"//4A"} /binary"#);
    check(local, "/big", "TooLarge");
    check(local, "/loop", "TooLarge");
    check(local, "/to-file", "InvalidInput");
    check(local, "/to-other-server", "NotGranted");
    check(&[(&here, &[]), (&also_here, &[])], "/to-other-server", r#"200 {"text":"hello"} /hello"#);
    // Everything is not this machine: that must be named by its address and port.
    check(&[("*", &[])], "/hello", "NotGranted");
    check(&[("127.0.0.1", &[])], "/hello", "NotGranted");
    check(&[(&here, &["POST"])], "/hello", "NotGranted");
    check(&[], "/hello", "NotGranted");
    // A name with its port is a name all the same: where it leads is not this machine.
    let name = format!("localhost:{port}");
    let by_name = ask(&[(&name, &[])], json!({"url": format!("http://{name}/hello")}));
    assert_eq!(by_name, "NotGranted");
}

#[test]
fn bodies_and_headers_are_sent_and_do_not_leak_to_other_hosts() {
    let port = server(0);
    let here = format!("127.0.0.1:{port}");
    let rights: &[(&str, &[&str])] = &[(&here, &[])];
    let url = |path: &str| format!("http://{here}{path}");
    let post = json!({"url": url("/echo"), "method": "POST", "body": {"text": "sent"}});
    assert_eq!(ask(rights, post), r#"200 {"text":"sent"} /echo"#);
    let seen = json!({"url": url("/seen"), "headers": {"Authorization": "secret"}});
    assert_eq!(ask(rights, seen), r#"200 {"text":"authorization: secret"} /seen"#);
    let smuggled = json!({"url": url("/seen"), "headers": {"Host": "other"}});
    assert_eq!(ask(rights, smuggled), "InvalidInput");
    let broken = json!({"url": url("/seen"), "headers": {"X-Y": "a\r\nb"}});
    assert_eq!(ask(rights, broken), "InvalidInput");
    assert_eq!(ask(rights, json!({"url": "file:///etc/passwd"})), "InvalidInput");
    assert_eq!(ask(rights, json!({"link": "x"})), "InvalidInput");
}
