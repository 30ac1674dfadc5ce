//! Who may log in, and who has.

use std::collections::HashMap;

use serde::Deserialize;

use super::Config;
use crate::picture::{self, Pixels};
use crate::random::{Purpose, Rng};

/// Somebody who can log in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// The name to log in with.
    pub name: String,
    /// The password to log in with.
    pub password: String,
    /// Whether the board knows the age: opens NSFW and NSFL.
    pub verified: bool,
    /// Whether the board has thrown the account out for ever: it is told so instead of being logged in.
    pub banned: bool,
}

/// Which `me` cookies are sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sessions {
    /// All, whatever is in them: accounts that may see [`Config::account_flags`].
    #[default]
    Any,
    /// None: each is treated as if it were not there.
    None,
    /// Those that this board handed out at a login.
    LoggedIn,
}

/// What changes as people log in. All that it makes up follows from the world's seed and the order of requests.
pub(super) struct Register {
    seed: u64,
    captchas: HashMap<String, String>,
    /// The account of each session, as its place in [`Config::accounts`].
    sessions: HashMap<String, usize>,
    captchas_drawn: u64,
    sessions_opened: u64,
    /// Answers to requests with a live session.
    answered: u64,
}

impl Register {
    pub(super) fn new(config: &Config) -> Register {
        Register {
            seed: config.world.seed,
            captchas: HashMap::new(),
            sessions: HashMap::new(),
            captchas_drawn: 0,
            sessions_opened: 0,
            answered: 0,
        }
    }

    /// A new captcha's token and picture.
    pub(super) fn draw_captcha(&mut self) -> (String, Pixels) {
        let mut rng = Rng::new(self.seed, Purpose::Captcha, self.captchas_drawn);
        self.captchas_drawn += 1;
        let (token, answer) = (hex(&mut rng), picture::characters(&mut rng));
        let drawn = picture::captcha(&answer, &mut rng);
        self.captchas.insert(token.clone(), answer);
        (token, drawn)
    }

    /// The characters in a captcha that is not spent.
    pub(super) fn captcha_answer(&self, token: &str) -> Option<&str> {
        self.captchas.get(token).map(String::as_str)
    }

    /// Spends a captcha and says whether the answer was right. Nobody can tell capitals in its picture.
    pub(super) fn spend_captcha(&mut self, token: &str, answer: &str) -> bool {
        self.captchas.remove(token).is_some_and(|right| right.eq_ignore_ascii_case(answer.trim()))
    }

    /// Opens a session and returns its id and the visitor's, 32 hexadecimal digits each.
    pub(super) fn open_session(&mut self, account: usize) -> (String, String) {
        let mut rng = Rng::new(self.seed, Purpose::Session, self.sessions_opened);
        self.sessions_opened += 1;
        let (session, visitor) = (hex(&mut rng), hex(&mut rng));
        self.sessions.insert(session.clone(), account);
        (session, visitor)
    }

    /// The place in [`Config::accounts`] of a session's account.
    pub(super) fn account_of(&self, session: &str) -> Option<usize> {
        self.sessions.get(session).copied()
    }

    /// Counts an answer to a request with a live session and returns its number, from 1.
    pub(super) fn answer(&mut self) -> u64 {
        self.answered += 1;
        self.answered
    }
}

fn hex(rng: &mut Rng) -> String {
    format!("{:016x}{:016x}", rng.bits(), rng.bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_captcha_is_spent_by_any_attempt() {
        let mut register = Register::new(&Config::default());
        let tokens = [register.draw_captcha().0, register.draw_captcha().0, register.draw_captcha().0];
        let answers = tokens.each_ref().map(|token| register.captcha_answer(token).unwrap().to_owned());
        assert_ne!(tokens[0], tokens[1]);
        assert!(!register.spend_captcha(&tokens[0], "?"));
        assert!(!register.spend_captcha(&tokens[0], &answers[0]));
        assert!(register.spend_captcha(&tokens[1], &answers[1]));
        assert!(!register.spend_captcha(&tokens[1], &answers[1]));
        assert!(register.spend_captcha(&tokens[2], &format!(" {} ", answers[2].to_uppercase())));
        assert!(!register.spend_captcha("", ""));
    }
}
