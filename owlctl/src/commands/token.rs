//! `owlctl token`: what opens the HTTP API.

use owlcoda_proto::v1::{RotateTokenRequest, ShowTokenRequest, Token};
use serde::Serialize;

use crate::cli::access::{TokenArgs, TokenVerb};
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::quantity;
use crate::report::Report;

#[derive(Serialize)]
struct Shown<'a> {
    token: &'a str,
    path: &'a str,
}

pub(super) async fn run(context: &Context<'_>, args: &TokenArgs) -> Result<Report, CommandError> {
    let mut access = context.connect().await?.access();
    match &args.verb {
        TokenVerb::Show(_) => {
            let token = access.show_token(ShowTokenRequest {}).await?.into_inner();
            Ok(report(context, &token))
        }
        TokenVerb::Rotate(args) => {
            let grace_ms = u64::try_from(args.grace.as_millis()).unwrap_or(u64::MAX);
            let asked = access.rotate_token(RotateTokenRequest { grace_ms }).await;
            let token = asked?.into_inner();
            let remark = if grace_ms == 0 {
                "the one before it opens nothing any more".to_owned()
            } else {
                let grace = quantity::span(grace_ms);
                format!("the one before it opens for {grace} longer, until the daemon ends")
            };
            Ok(report(context, &token).and_remark(&remark))
        }
    }
}

fn report(context: &Context<'_>, token: &Token) -> Report {
    let Token { token, path } = token;
    Report::data(if context.global.json {
        json("Token", &Shown { token, path })
    } else {
        format!("{token}\n")
    })
}
