//! What every part of the page has: a heading that the contents lead to, and a sentence on how to read it.

use maud::{Markup, html};

/// A part of the page.
pub(crate) struct Section {
    /// Where the contents lead.
    pub(crate) id: &'static str,
    pub(crate) heading: &'static str,
    /// How to read it.
    pub(crate) lead: &'static str,
    pub(crate) body: Markup,
}

impl Section {
    pub(crate) fn markup(&self) -> Markup {
        let label = format!("{}-heading", self.id);
        html! {
            section id=(self.id) aria-labelledby=(label) {
                h2 id=(label) { (self.heading) }
                p.lead { (self.lead) }
                (self.body)
            }
        }
    }
}
