//! Name and key of an account, for boards that know accounts by these.

use std::env::{self, VarError};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use tagmill_http::Credentials;
use url::Url;

/// Holds the key. There is no flag for it: other users of the machine can read a command line.
const KEY_VARIABLE: &str = "TAGMILL_API_KEY";

/// Whose account asks.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who asks")]
pub(crate) struct AccountArgs {
    /// Name of your account, on boards that know accounts by name and key; the key comes from --api-key-file or the variable
    /// TAGMILL_API_KEY
    #[arg(long, value_name = "NAME")]
    login: Option<String>,
    /// File that holds the account's key, and nothing else
    #[arg(long, value_name = "FILE", requires = "login")]
    api_key_file: Option<PathBuf>,
}

impl AccountArgs {
    /// Whether there is an account.
    pub(crate) fn is_given(&self) -> bool {
        self.login.is_some()
    }

    /// Name and key, for a board alone. The key is in no message.
    pub(crate) fn credentials(&self, api_url: &Url) -> Result<Option<Credentials>> {
        match (&self.login, key(self.api_key_file.as_deref())?) {
            (Some(login), Some(key)) => Ok(Some(Credentials::new(api_url, login, key))),
            (Some(_), None) => {
                bail!("--login needs a key: put it into {KEY_VARIABLE}, or name its file by --api-key-file")
            }
            (None, Some(_)) => bail!("{KEY_VARIABLE} is set, but --login does not say whose key it is"),
            (None, None) => Ok(None),
        }
    }
}

fn key(file: Option<&Path>) -> Result<Option<String>> {
    let Some(file) = file else {
        return match env::var(KEY_VARIABLE) {
            Ok(key) if !key.is_empty() => Ok(Some(key)),
            Ok(_) | Err(VarError::NotPresent) => Ok(None),
            // The value itself is in no message.
            Err(VarError::NotUnicode(_)) => bail!("{KEY_VARIABLE} is not UTF-8"),
        };
    };
    let text = fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    match text.trim() {
        "" => bail!("`{}` holds no key", file.display()),
        key => Ok(Some(key.to_owned())),
    }
}
