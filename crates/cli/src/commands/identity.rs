use clap::Args;

/// Who asks. Operators of boards block who hides, and write to who does not.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who asks")]
pub(crate) struct IdentityArgs {
    /// How to reach you, such as a mail address: added to the user agent
    #[arg(long, value_name = "TEXT", conflicts_with = "user_agent")]
    contact: Option<String>,
    /// Another user agent altogether
    #[arg(long, value_name = "TEXT")]
    user_agent: Option<String>,
}

impl IdentityArgs {
    /// Puts it into every request.
    pub(crate) fn apply(&self, http: &mut tagmill_http::Config) {
        match (&self.user_agent, &self.contact) {
            (Some(user_agent), _) => http.user_agent.clone_from(user_agent),
            (None, Some(contact)) => http.user_agent = format!("{} ({contact})", http.user_agent),
            (None, None) => {}
        }
    }

    /// Whether it goes beyond name and version.
    pub(crate) fn says_who(&self) -> bool {
        self.contact.is_some() || self.user_agent.is_some()
    }
}
