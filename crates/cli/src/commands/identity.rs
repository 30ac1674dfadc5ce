use clap::Args;
use tagmill_cli::Session;

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

    /// Warns who asks a public board and hides.
    pub(crate) fn warn_of_hiding(&self, session: &Session) {
        if self.contact.is_none() && self.user_agent.is_none() {
            session.warn("nobody can reach you about these requests: say with --contact how");
        }
    }
}
