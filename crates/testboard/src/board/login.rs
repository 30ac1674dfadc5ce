//! The endpoints by which one logs in.

use axum::http::header::SET_COOKIE;
use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Shared;
use super::answer::Answer;
use super::form::parameter;
use super::session::{Me, set_cookie};
use crate::picture::{self, Encoding};
use crate::wire;

/// `user/captcha`.
pub(super) fn captcha(shared: &Shared) -> Answer {
    let (token, pixels) = shared.register().draw_captcha();
    match picture::encode(&pixels, Encoding::Png) {
        Ok(png) => Answer::json(StatusCode::OK, wire::captcha(&shared.world, &token, &STANDARD.encode(&png))),
        Err(error) => Answer::of(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", error.to_string()),
    }
}

/// `user/login`, with the form in the request's body.
pub(super) fn login(shared: &Shared, method: &Method, form: &str) -> Answer {
    let world = &shared.world;
    if method != Method::POST {
        let text = wire::error(world, "methodNotAllowed", 405, "POST a form");
        return Answer::json(StatusCode::METHOD_NOT_ALLOWED, text);
    }
    let refuse = |error| Answer::json(StatusCode::BAD_REQUEST, wire::login_failed(world, error));
    let field = |key| parameter(form, key).unwrap_or_default();
    let mut register = shared.register();
    if !register.spend_captcha(&field("token"), &field("captcha")) {
        return refuse("invalidCaptcha");
    }
    let (name, password) = (field("name"), field("password"));
    let accounts = &shared.config.accounts;
    let known = accounts.iter().position(|account| account.name == name && account.password == password);
    let Some(place) = known else { return refuse("invalidLogin") };
    let account = &accounts[place];
    if account.banned {
        return Answer::json(StatusCode::OK, wire::login_banned(world, place as i64 + 1));
    }
    let (id, visitor) = register.open_session(place);
    let me = Me { name: account.name.clone(), id, verified: account.verified };
    let mut answer =
        Answer::json(StatusCode::OK, wire::logged_in_as(world, &STANDARD.encode(name.as_bytes())));
    let cookies = [me.set_cookie(shared, 0), set_cookie(world.now(), "pp", &visitor)];
    answer.headers.extend(cookies.into_iter().flatten().map(|cookie| (SET_COOKIE, cookie)));
    answer
}
