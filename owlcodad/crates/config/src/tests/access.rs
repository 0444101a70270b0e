//! Who may call: addresses, modes, names.

use super::good;
use crate::AuthMode;

#[test]
fn an_address_that_others_reach_is_taken_with_leave_and_with_the_token() {
    let text = r#"{"host": "0.0.0.0", "server": {"allowRemote": true},
        "auth": {"inference": "token", "data": "token"}}"#;
    assert!(good(text).config.server.host.is_unspecified());
}

#[test]
fn each_class_of_endpoints_has_a_mode_of_its_own() {
    let auth = good(r#"{"auth": {"inference": "none", "data": "token"}}"#)
        .config
        .auth;
    assert_eq!(
        (auth.inference, auth.data),
        (AuthMode::None, AuthMode::Token)
    );
    let auth = good(r#"{"auth": {"inference": "token", "data": "none"}}"#)
        .config
        .auth;
    assert_eq!(
        (auth.inference, auth.data),
        (AuthMode::Token, AuthMode::None)
    );
}
