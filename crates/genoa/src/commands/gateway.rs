//! `gateway`: the local model for programs that speak the OpenAI protocol.
//!
//! The server runs in a jail of its own; this process listens, and opens the connections that the server asks for.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use clap::Args;
use genoa_abi::syscall::Syscall;
use genoa_abi::{ErrorCode, Failure};
use genoa_client::{Client, handing_pair};
use genoa_gateway::{GatewayOptions, token_in};
use genoa_sandbox::plan_gateway;
use serde_json::json;

use crate::connect;
use crate::context::Context;
use crate::jailed::Jails;
use crate::models;
use crate::output::{Ending, Format, line, remark};

/// The port that is served at unless another is named.
const PORT: u16 = 8377;

/// What it does, for failures.
const ABOUT: &str = "serving the model";

/// How to serve.
#[derive(Debug, Args)]
pub(crate) struct GatewayArguments {
    /// The port on this machine; 0 for any that is free
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// Print the token that programs have to bring, and end
    #[arg(long)]
    token: bool,
}

/// Serves until it is interrupted.
pub(crate) fn run(context: &Context, arguments: &GatewayArguments) -> Result<Ending, Failure> {
    context.home.create()?;
    let token = token_in(context.home.state())?;
    if arguments.token {
        line(if context.format == Format::Json { json!({ "token": token }).to_string() } else { token });
        return Ok(Ending::Done);
    }
    // The daemon is started here if need be; the server has connections of its own.
    drop(context.session()?);
    let broken = |error: std::io::Error| Failure::new(ErrorCode::Internal, "the gateway cannot begin").because(error);
    let (listener, address) = listen(arguments.port)?;
    let (opener, way) = handing_pair().map_err(broken)?;
    let jails = Jails::new(&context.home)?;
    let jail = jails.start(&plan_gateway(jails.machine())?, vec![way, listener.into()])?.running(ABOUT)?;
    let model = models::chosen(&context.settings).to_owned();
    opener.tell(&GatewayOptions { model: model.clone(), token })?;
    announce(context.format, address, &model);
    opener.serve(|| open(context))?;
    Err(jail.failure(ABOUT))
}

/// Loopback and nothing else: who wants it elsewhere puts a proxy with its own guard before it.
fn listen(port: u16) -> Result<(TcpListener, SocketAddr), Failure> {
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listening = TcpListener::bind(wanted).and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    listening.map_err(|error| {
        Failure::new(ErrorCode::Conflict, format!("{wanted} cannot be listened at"))
            .because(error)
            .try_next("Choose another port with `--port`")
    })
}

fn announce(format: Format, address: SocketAddr, model: &str) {
    let url = format!("http://{address}/v1");
    match format {
        Format::Json => line(json!({ "url": url, "model": model }).to_string()),
        Format::Text => {
            line(&url);
            remark(format!(
                "The model is {model}. Programs on this machine bring the token that `genoa gateway --token` prints."
            ));
            remark("Ctrl-C ends it.");
        }
    }
}

/// A connection that can ask the model and do nothing else.
fn open(context: &Context) -> Result<Client, Failure> {
    // Who asks for a model is not told that there is none because there is no daemon.
    let client = Client::connect(&context.home.socket())
        .map_err(|failure| Failure { code: ErrorCode::Interrupted, ..failure })?;
    let mut client = connect::begin(client, &context.settings, &context.workspace()?, None)?.client;
    client.call(&Syscall::Pledge {})?;
    Ok(client)
}
