#![doc = include_str!("../README.md")]

mod bandwidth;
mod client;
mod config;
mod connection;
mod cookie;
mod credentials;
mod error;
mod exchange;
mod gate;
mod limiter;
mod pace;
mod response;
mod retry_after;
mod traffic;
mod window;

pub use bytes::Bytes;
pub use client::{Client, Request};
pub use config::{Cap, Config, Pause, Rate, Redirects, Retry};
pub use cookie::Cookie;
pub use credentials::Credentials;
pub use error::{Error, Failure, json_failure, shown};
pub use reqwest::header;
pub use response::{Posted, Response, looks_like_html};
pub use url::Url;
