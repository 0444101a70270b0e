//! Proxies of the environment. A test cannot set variables, so it runs another test of this program
//! in a process that has them.

use std::collections::BTreeMap;
use std::time::Duration;

use owlcoda_supervise::process::{Process, ProcessSpec};
use owlcoda_testkit::{FakeUpstream, Script};
use owlcoda_types::Secret;

use crate::setup::{body, client, destination, url};

/// Says little here; its meaning comes from the environment below.
#[tokio::test]
async fn this_machine_is_called_directly() {
    let fake = FakeUpstream::start().await;
    fake.script(Script::text("hello"));
    let reply = client()
        .post(&destination(&url(&fake)), body())
        .await
        .unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(client().discover(&[url(&fake)]).await.len(), 1);
}

/// The reverse, so that the test below shows that its variables count. The address is this machine
/// too, but not by its name, and nothing listens there.
#[tokio::test]
async fn elsewhere_is_called_through_the_proxy_if_there_is_one() {
    let elsewhere = "http://0.0.0.0:1/v1".parse().unwrap();
    let posted = client().post(&destination(&elsewhere), body()).await;
    println!("{posted:?}");
}

#[tokio::test]
async fn a_proxy_is_for_the_network_and_not_for_this_machine() {
    let proxy = FakeUpstream::start().await;
    let proxy_url = format!("http://{}", proxy.addr());
    let variables = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let mut env: BTreeMap<String, Secret> = variables
        .iter()
        .map(|name| ((*name).to_owned(), Secret::new(proxy_url.as_str())))
        .collect();
    for name in ["NO_PROXY", "no_proxy"] {
        env.insert(name.to_owned(), Secret::new(""));
    }
    let cases = [
        ("proxies::this_machine_is_called_directly", 0),
        (
            "proxies::elsewhere_is_called_through_the_proxy_if_there_is_one",
            1,
        ),
    ];
    for (test, n_through_proxy) in cases {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut process = Process::spawn(ProcessSpec {
            program: std::env::current_exe().unwrap(),
            args: ["--exact", test, "--nocapture"].map(Into::into).to_vec(),
            env: env.clone(),
            dir: dir.path().to_owned(),
            log: fs_err::File::create(&log).unwrap().into_parts().0,
        })
        .await
        .unwrap();
        let ended = tokio::time::timeout(Duration::from_mins(1), process.wait()).await;
        let said = fs_err::read_to_string(&log).unwrap();
        assert!(ended.unwrap().unwrap().success(), "{test}: {said}");
        assert!(said.contains("1 passed"), "{test}: {said}");
        assert_eq!(proxy.requests().len(), n_through_proxy, "{test}: {said}");
    }
}
