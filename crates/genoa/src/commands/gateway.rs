//! `gateway`: the local model for programs that speak the OpenAI protocol.

use clap::Args;
use genoa_abi::Failure;
use genoa_abi::session::SessionRequest;
use genoa_gateway::{GatewayOptions, serve, token_in};
use serde_json::json;

use crate::cli::Context;
use crate::commands::model;
use crate::output::{Ending, Format, line, remark};

/// The port that is served at unless another is named.
const PORT: u16 = 8377;

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
    // The daemon is started here if need be; the gateway has connections of its own.
    drop(context.session()?);
    let session = SessionRequest {
        workspace: context.workspace()?.to_string_lossy().into_owned(),
        person: context.settings.person(),
        clock: context.settings.clock(None)?,
    };
    let options = GatewayOptions {
        socket: context.home.socket(),
        session,
        model: model::name(&context.settings).to_owned(),
        token,
        port: arguments.port,
    };
    let (format, model) = (context.format, options.model.clone());
    serve(options, |address| {
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
    })?;
    Ok(Ending::Done)
}
