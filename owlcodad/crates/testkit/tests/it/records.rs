//! What a fake upstream remembers, and how tests wait for it.

use owlcoda_testkit::{FakeUpstream, Script, http};

#[tokio::test]
async fn a_request_is_recorded_as_it_came() {
    let upstream = FakeUpstream::start().await;
    upstream.script(Script::text("ok"));
    let url = format!("{}/chat/completions?a=b", upstream.url());
    let headers = [
        ("Authorization", "Bearer k"),
        ("X-Two", "1"),
        ("x-two", "2"),
    ];
    let response = http::request("POST", &url, &headers, "{\"model\": \"m\"}").await;
    assert_eq!(response.status, 200);
    let requests = upstream.requests();
    assert_eq!(
        upstream.next_request().await.route(),
        "/v1/chat/completions"
    );
    let [request] = &requests[..] else {
        panic!("one request: {requests:?}");
    };
    assert_eq!(
        (&*request.method, &*request.path),
        ("POST", "/v1/chat/completions?a=b")
    );
    assert_eq!(request.header("authorization"), Some("Bearer k"));
    assert_eq!(request.headers.all("x-two").collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(request.body, b"{\"model\": \"m\"}");
    assert_eq!(request.json()["model"], "m");
}

#[tokio::test]
async fn next_request_waits_for_a_completion_and_passes_over_probes() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::text("ok"));
    let url = format!("{}/chat/completions", upstream.url());
    let models = format!("{}/models", upstream.url());
    let ask = async {
        http::get(&models).await;
        for body in ["{\"n\":1}", "{\"n\":2}"] {
            http::post(&url, body).await;
        }
    };
    // The wait starts before the first request is made.
    let (first, ()) = tokio::join!(upstream.next_request(), ask);
    assert_eq!(first.json()["n"], 1);
    assert_eq!(upstream.next_request().await.json()["n"], 2);
    assert_eq!(upstream.next_request_to("/v1/models").await.method, "GET");
    assert_eq!(upstream.requests().len(), 3);
}

#[tokio::test]
async fn connections_are_counted() {
    let upstream = FakeUpstream::start().await;
    for _ in 0..3 {
        http::get(&format!("{}/models", upstream.url())).await;
    }
    assert_eq!(upstream.n_connections(), 3);
}

#[tokio::test(start_paused = true)]
async fn waits_do_not_fail_under_a_paused_clock() {
    let upstream = FakeUpstream::start().await;
    upstream.script(Script::stream().raw("x").hang());
    let mut stream = http::open_stream(&format!("{}/chat/completions", upstream.url()), "{}").await;
    // The runtime idles while it waits for the socket, so that its clock jumps to this timer.
    let hour = std::time::Duration::from_hours(1);
    let more = async {
        stream.until("x").await;
        stream.next_chunk().await
    };
    tokio::time::timeout(hour, more).await.unwrap_err();
    drop(stream);
    upstream.next_disconnect().await;
}
