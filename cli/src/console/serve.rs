//! `rewind console`: the console of a deployment, on this machine.

use super::{pages, proxy};
use crate::{
    deployment,
    end::{End, Outcome},
    interrupted,
    out::say,
};
use axum::Router;
use clap::Args as ClapArgs;
use local::Loopback;
use serde_json::json;

/// Which deployment is shown, and where.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// The URL of the deployment's HTTP API, where no stack names it.
    #[arg(long)]
    url: Option<String>,
    /// The port of the console on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// Serves the console until Ctrl-C.
pub async fn run(args: &Args) -> Outcome {
    let (api, clients) = args.deployment.http_api(args.url.as_deref()).await?;
    let shown = pages::System {
        name: args.deployment.shown(api.url()),
        local: false,
        version: env!("CARGO_PKG_VERSION"),
    };
    let stack = args.deployment.stack().map(ToString::to_string);
    let measure = move |minutes| -> pages::Figured {
        let (clients, stack) = (clients.clone(), stack.clone());
        Box::pin(async move {
            let Some(stack) = stack else {
                return Err("figures are those of a stack: name it with --stack".to_owned());
            };
            let figures = super::cloudwatch::figures(&clients, &stack, minutes).await;
            figures.map_err(|error| error.to_string())
        })
    };
    let passed = Router::new().fallback(proxy::pass).with_state(api.clone());
    let app = passed.merge(pages::pages(shown, measure));
    let failed = |error: local::StartError| End::Failed(error.to_string());
    let loopback = Loopback::listen(args.port).map_err(failed)?;
    let url = format!("{}/console", loopback.url());
    match args.json {
        true => say!("{}", json!({"console": url, "of": api.url()}))?,
        false => {
            say!("Console at {url}")?;
            say!("  of        {}", api.url())?;
            say!("  Whoever reaches this port acts with your credentials. Ctrl-C stops it.")?;
        }
    }
    loopback.serve(app, interrupted::signal()).await;
    Ok(())
}
