//! Pages for who is not signed in.

mod about;
mod complaints;
mod join;
mod samples;
mod sign_in;
mod start;

pub(super) use sign_in::not_the_same;

use super::route::{Gate, Route};

/// The routes of everybody, and of who is not signed in, or only half-way.
pub(super) fn routes() -> Vec<Route> {
    [signing_in(), about::routes(), complaints::routes(), samples::routes()].into_iter().flatten().collect()
}

fn signing_in() -> Vec<Route> {
    vec![
        Route::get("/", Gate::Public, start::show),
        Route::get("/sign-in", Gate::Public, sign_in::show),
        Route::post("/sign-in", Gate::Public, sign_in::send).tried(),
        Route::get("/sign-in/code", Gate::HalfWay, sign_in::show_code),
        Route::post("/sign-in/code", Gate::HalfWay, sign_in::send_code).tried(),
        Route::get("/sign-in/factor", Gate::HalfWay, sign_in::show_factor),
        Route::post("/sign-in/factor", Gate::HalfWay, sign_in::send_factor).tried(),
        Route::post("/sign-in/factor/leave", Gate::HalfWay, sign_in::leave_factor),
        Route::get("/sign-in/password", Gate::HalfWay, sign_in::show_password),
        Route::post("/sign-in/password", Gate::HalfWay, sign_in::send_password).tried(),
        Route::post("/sign-out", Gate::HalfWay, sign_in::sign_out),
        Route::get("/join", Gate::Public, join::show),
        Route::post("/join", Gate::Public, join::send).tried(),
        Route::get("/forgot", Gate::Public, join::show_forgot),
        Route::post("/forgot", Gate::Public, join::send_forgot).rated(),
    ]
}
