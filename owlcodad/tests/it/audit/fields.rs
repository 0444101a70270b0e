//! Who called, in which dialects, and how many bytes went each way.

use owlcoda_testkit::{FakeUpstream, Script, http};
use serde_json::{Value, json};

use super::n_records;
use crate::world::{MODEL, Route, config, start, with};

#[tokio::test]
async fn a_record_says_who_called_and_how_many_bytes_went_each_way() {
    let upstream = FakeUpstream::start().await;
    let daemon = start(config(&upstream)).await;
    let token = fs_err::read_to_string(daemon.home().join("auth/token")).unwrap();
    let uid = format!("uid:{}", rustix::process::getuid().as_raw());
    let mut expected = Vec::new();
    for route in Route::BOTH {
        for body in [route.ask(MODEL), route.ask_stream(MODEL)] {
            let is_stream = body["stream"] == true;
            upstream.script(if is_stream {
                Script::text_stream(&["hello ", "w\u{f6}rld"])
            } else {
                Script::reply("hello")
            });
            let body = body.to_string();
            let bearer = format!("Bearer {}", token.trim());
            let mut headers = vec![("content-type", "application/json")];
            // The half of them.
            if is_stream {
                headers.push(("authorization", &bearer));
            }
            let answer = http::request("POST", &route.url(&daemon), &headers, &body).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            expected.push(json!({
                "client": if is_stream { "token" } else { &uid },
                "dialect": if route == Route::Chat { "openai" } else { "anthropic" },
                "dialect_out": "openai",
                "bytes_in": body.len(),
                "bytes_out": answer.body.len(),
            }));
        }
    }
    let told = |record: &Value, names: [&str; 5]| {
        let values = ["client", "dialect", "dialect_out", "bytes_in", "bytes_out"];
        let pairs = values.into_iter().zip(names);
        Value::Object(
            pairs
                .map(|(name, at)| (name.to_owned(), record[at].clone()))
                .collect(),
        )
    };
    let found = n_records(&daemon, 4, &["--oldest-first"]).await;
    let names = ["client", "dialect", "dialect_out", "bytes_in", "bytes_out"];
    let found: Vec<_> = found.iter().map(|record| told(record, names)).collect();
    assert_eq!(found, expected);

    let list = |query: &str| format!("{}/v1/audit?order=oldest{query}", daemon.url());
    let page = http::get(&list("")).await.json();
    let names = ["client", "dialect", "dialectOut", "bytesIn", "bytesOut"];
    let found = page["entries"].as_array().unwrap().iter();
    let found: Vec<_> = found.map(|record| told(record, names)).collect();
    assert_eq!(found, expected);

    for (client, n) in [("token", 2), (&*uid, 2), ("agent", 0)] {
        assert_eq!(n_records(&daemon, n, &["--client", client]).await.len(), n);
        let page = http::get(&list(&format!("&client={client}"))).await.json();
        assert_eq!(page["entries"].as_array().unwrap().len(), n, "{client}");
    }
    for (least, n) in [("1ms", 4), ("1h", 0)] {
        assert_eq!(
            n_records(&daemon, n, &["--min-duration", least])
                .await
                .len(),
            n
        );
    }
    let page = http::get(&list("&minDurationMs=3600000")).await.json();
    assert_eq!(page["entries"], json!([]));
}

#[tokio::test]
async fn what_is_refused_before_a_model_is_asked_has_who_sent_it_and_no_answer() {
    let upstream = FakeUpstream::start().await;
    let none = json!({"auth": {"inference": "none"}});
    let daemon = start(with(config(&upstream), none)).await;
    let body = "{\"no\": 1}";
    let answer = http::post(&Route::Chat.url(&daemon), body).await;
    assert_eq!(answer.status, 400);
    let body = Route::Chat.ask("no-such-model").to_string();
    let answer = http::post(&Route::Chat.url(&daemon), &body).await;
    assert_eq!(answer.status, 404);
    let found = n_records(&daemon, 2, &["--oldest-first"]).await;
    let bytes = |record: &Value| (record["bytes_in"].clone(), record["bytes_out"].clone());
    assert_eq!(bytes(&found[0]), (json!(9), json!(0)));
    assert_eq!(bytes(&found[1]), (json!(body.len()), json!(0)));
    for record in &found {
        // Nobody had to say who it is, and nobody looked.
        assert_eq!(
            (&record["client"], &record["dialect_out"]),
            (&Value::Null, &Value::Null)
        );
    }
}
