//! Requests to the network: none is let through to a host that no right names.
#![no_main]

use genoa_abi::grant::Right;
use genoa_sandbox::egress::fuzzing::host_of_allowed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|request: &str| {
    let right = |host: &str| Right::Network { host: host.to_owned(), methods: vec!["GET".to_owned()] };
    let rights = ["example.org", "*.example.com", "127.0.0.1:8080"].map(right).to_vec();
    for request in [request.to_owned(), serde_json::json!({ "url": request }).to_string()] {
        if let Ok(host) = host_of_allowed(&request, rights.clone()) {
            let host = host.to_ascii_lowercase();
            let host = host.trim_end_matches('.');
            assert!(host == "example.org" || host.ends_with(".example.com") || host == "127.0.0.1", "{host}");
        }
    }
});
