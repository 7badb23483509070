//! The one integration binary: every test here looks at the product from outside, through the real binary, real HTTP and
//! real files.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on says so"
)]

mod abuse;
mod access;
mod api;
mod audit;
mod browser;
mod certificates;
mod chain;
mod chromium;
mod claims;
mod cli;
mod complaints;
mod config;
mod cqos;
mod credentials;
mod damage;
mod demo;
mod discretion;
mod disk;
mod dist;
mod edges;
mod erasure;
mod forms;
mod fuzz;
mod interop;
mod kills;
mod level_three;
mod mail;
mod pages;
mod paper;
mod pdf;
mod pdf_breaks;
mod people;
mod portal;
mod provider;
mod refusals;
mod restore;
mod rotation;
mod routes;
mod server;
mod sign_ins;
mod stories;
mod vectors;
