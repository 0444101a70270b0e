//! `owlctl clients`: who watches conversations now.

use jiff::Timestamp;
use owlcoda_proto::v1::{DetachClientRequest, ListClientsRequest, WatchingClient};
use serde::Serialize;

use crate::cli::access::{ClientsArgs, ClientsVerb};
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::quantity;
use crate::report::Report;
use crate::table::{Side, Table};

#[derive(Serialize)]
struct List<'a> {
    clients: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: u64,
    session_id: &'a str,
    uid: Option<u32>,
    pid: Option<i32>,
    attached_at: Option<String>,
}

#[derive(Serialize)]
struct Detached {
    id: u64,
}

pub(super) async fn run(context: &Context<'_>, args: &ClientsArgs) -> Result<Report, CommandError> {
    let mut access = context.connect().await?.access();
    if let Some(ClientsVerb::Detach { id }) = args.verb {
        access.detach_client(DetachClientRequest { id }).await?;
        return Ok(Report::data(if context.global.json {
            json("DetachedClient", &Detached { id })
        } else {
            format!("client {id} is detached; its conversation goes on\n")
        }));
    }
    let clients = access.list_clients(ListClientsRequest {}).await?;
    let clients = clients.into_inner().clients;
    if context.global.json {
        return Ok(Report::data(to_json(&clients)));
    }
    if clients.is_empty() {
        return Ok(Report::data(String::new()).and_remark("nobody watches a conversation"));
    }
    Ok(Report::data(to_text(&clients, Timestamp::now())))
}

fn to_json(clients: &[WatchingClient]) -> String {
    let clients = clients.iter().map(|client| Entry {
        id: client.id,
        session_id: &client.session_id,
        uid: client.uid,
        pid: client.pid,
        attached_at: quantity::rfc_3339(client.attached_at_ms),
    });
    let clients = clients.collect();
    json("ClientList", &List { clients })
}

fn to_text(clients: &[WatchingClient], now: Timestamp) -> String {
    let mut table = Table::with_columns([
        ("ID", Side::Right),
        ("SESSION", Side::Left),
        ("UID", Side::Right),
        ("PID", Side::Right),
        ("FOR", Side::Right),
    ]);
    let number = |n: Option<String>| n.unwrap_or_default();
    for client in clients {
        let age_ms = now.as_millisecond().saturating_sub(client.attached_at_ms);
        table.push([
            &client.id.to_string(),
            &client.session_id,
            &number(client.uid.map(|uid| uid.to_string())),
            &number(client.pid.map(|pid| pid.to_string())),
            &quantity::span(u64::try_from(age_ms).unwrap_or(0)),
        ]);
    }
    table.lines().join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn clients_are_a_table_for_people_and_a_list_for_scripts() {
        let clients = [
            WatchingClient {
                id: 1,
                session_id: "ses_0190f3f2a1b27c3d8e4f5a6b7c8d9e01".to_owned(),
                uid: Some(1000),
                pid: Some(4321),
                attached_at_ms: 1_700_000_000_000,
            },
            WatchingClient {
                id: 12,
                session_id: "ses_0190f3f2a1b27c3d8e4f5a6b7c8d9e02".to_owned(),
                attached_at_ms: 1_700_000_060_000,
                ..WatchingClient::default()
            },
        ];
        let now = Timestamp::from_millisecond(1_700_000_065_000).unwrap();
        golden::check("clients", &to_text(&clients, now));
        golden::check("clients_json", &to_json(&clients));
    }
}
