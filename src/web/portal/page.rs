//! What stands around every page of the portal: title, person, ways to go, notices, foot. Plain data; whoever answers a
//! request fills it, and `templates/portal/layout.html` draws it.

use super::super::language::Language;
use super::words::Words;

/// A page's surroundings.
pub(crate) struct Page {
    /// The words of its language.
    pub(crate) words: Words,
    /// The heading, which is also the title.
    pub(crate) title: String,
    /// A line below the heading; empty for none.
    pub(crate) lead: String,
    /// The address of the item of [`Page::nav`] that this page belongs to; empty for none.
    pub(crate) here: &'static str,
    /// Path and query under which the page can be read again: where the language switch and a sign-in lead back to.
    pub(crate) address: String,
    /// What every form sends back.
    pub(crate) csrf: String,
    /// Who is signed in.
    pub(crate) person: Option<Who>,
    /// The ways of that person's role.
    pub(crate) nav: Vec<NavItem>,
    /// What just happened, and what is to be known, above the content.
    pub(crate) notices: Vec<Notice>,
    /// The foot of every page.
    pub(crate) foot: Foot,
}

/// Who is signed in, and as what.
pub(crate) struct Who {
    /// The name.
    pub(crate) name: String,
    /// The role of this session.
    pub(crate) role: Standing,
    /// The roles that `POST /role` can switch to.
    pub(crate) others: Vec<Standing>,
}

/// A role within an organisation.
pub(crate) struct Standing {
    /// What `POST /role` takes.
    pub(crate) value: String,
    /// The role, in words.
    pub(crate) role: String,
    /// The organisation's name; empty where there is none.
    pub(crate) organisation: String,
}

/// One way to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NavItem {
    /// Where it leads.
    pub(crate) path: &'static str,
    /// Its words.
    pub(crate) text: String,
}

/// Something to know, above the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    /// How it is meant.
    pub(crate) tone: Tone,
    /// What it says.
    pub(crate) text: String,
}

/// How a notice is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Something was done.
    Success,
    /// Something needs attention.
    Warn,
    /// Something went wrong.
    Error,
}

/// The foot of every page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Foot {
    /// The certifying body's name; empty before there is one.
    pub(crate) body: String,
    /// The filing number 备案号 of the blockchain information service; empty before there is one.
    pub(crate) filing: String,
    /// Where complaints are entered; empty for nowhere.
    pub(crate) complaints: &'static str,
}

impl Page {
    /// A page that nobody is signed in to.
    pub(crate) fn new(words: Words, address: impl Into<String>) -> Self {
        Self {
            words,
            title: words.say("layout-product"),
            lead: String::new(),
            here: "",
            address: address.into(),
            csrf: String::new(),
            person: None,
            nav: Vec::new(),
            notices: Vec::new(),
            foot: Foot::default(),
        }
    }

    /// With a heading of the catalogue.
    pub(crate) fn titled(mut self, key: &str) -> Self {
        self.title = self.words.say(key);
        self
    }

    /// With another notice.
    pub(crate) fn notice(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.notices.push(Notice { tone, text: text.into() });
        self
    }

    /// The address of this page in another language. (`?lang=` comes last, so that a page's own query is kept.)
    pub(crate) fn in_language(&self, language: &Language) -> String {
        let (path, query) = self.address.split_once('?').unwrap_or((&self.address, ""));
        let kept = query.split('&').filter(|part| !part.is_empty() && !part.starts_with("lang="));
        let query: String = kept.map(|part| format!("{part}&")).collect();
        format!("{path}?{query}lang={}", language.word())
    }

    /// Whether a language is this page's.
    pub(crate) fn is_in(&self, language: &Language) -> bool {
        self.words.language() == *language
    }

    /// The languages on offer, with the names they give themselves.
    pub(crate) fn languages(&self) -> [(Language, String); 2] {
        Language::ALL.map(|language| (language, Words::new(language).say("layout-language")))
    }

    /// The version of the program.
    pub(crate) const fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

impl NavItem {
    /// A way with its words.
    pub(crate) fn new(path: &'static str, text: impl Into<String>) -> Self {
        Self { path, text: text.into() }
    }
}

impl Tone {
    /// The tone of the drawing.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Success => "good",
            Self::Warn => "warn",
            Self::Error => "bad",
        }
    }

    /// Whether it interrupts who listens.
    pub(crate) const fn interrupts(&self) -> bool {
        matches!(self, Self::Error)
    }

    /// What it is called, for those who do not see the colour.
    pub(crate) const fn key(&self) -> &'static str {
        match self {
            Self::Success => "layout-tone-good",
            Self::Warn => "layout-tone-warn",
            Self::Error => "layout-tone-bad",
        }
    }
}

/// The words of a role, by its name in the table of roles; an unknown one is shown as it is.
pub(crate) fn role_in_words(words: Words, role: &str) -> String {
    let key = match role {
        "learner" => "layout-role-learner",
        "provider_staff" => "layout-role-provider-staff",
        "employer" => "layout-role-employer",
        "clerk" => "layout-role-clerk",
        "expert" => "layout-role-expert",
        "panel_leader" => "layout-role-panel-leader",
        "supervisor" => "layout-role-supervisor",
        "auditor" => "layout-role-auditor",
        "competent_authority" => "layout-role-competent-authority",
        "administrator" => "layout-role-administrator",
        other => return other.to_owned(),
    };
    words.say(key)
}

/// The ways of a role, as the routes of the areas have them. Nothing leads where a role may not go.
pub(crate) fn ways_of(words: Words, role: &str) -> Vec<NavItem> {
    let ways: &[(&'static str, &'static str)] = match role {
        "learner" => &[("/my", "layout-nav-home"), ("/my/claims", "layout-nav-claims")],
        "provider_staff" => &[("/provider", "layout-nav-provider")],
        "employer" => &[("/employer", "layout-nav-employer")],
        "clerk" | "supervisor" => &[
            ("/todo", "layout-nav-todo"),
            ("/body/review", "layout-nav-review"),
            ("/body/cqos", "layout-nav-cqos"),
            ("/body/cases", "layout-nav-cases"),
            ("/body/samples", "layout-nav-samples"),
            ("/body/profile", "layout-nav-profile"),
        ],
        "auditor" => &[
            ("/body/cqos", "layout-nav-cqos"),
            ("/body/review", "layout-nav-review"),
            ("/body/cases", "layout-nav-cases"),
            ("/body/samples", "layout-nav-samples"),
            ("/body/profile", "layout-nav-profile"),
            ("/admin/accounts", "layout-nav-accounts"),
            ("/admin/events", "layout-nav-events"),
        ],
        "competent_authority" => &[
            ("/body/cqos", "layout-nav-cqos"),
            ("/body/samples", "layout-nav-samples"),
            ("/body/profile", "layout-nav-profile"),
        ],
        "administrator" => &[
            ("/todo", "layout-nav-todo"),
            ("/admin/accounts", "layout-nav-accounts"),
            ("/admin/organisations", "layout-nav-organisations"),
            ("/body/profile", "layout-nav-profile"),
        ],
        _ => &[],
    };
    ways.iter().map(|(path, key)| NavItem::new(path, words.say(key))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_switch_keeps_the_query() {
        for (address, expected) in [
            ("/my", "/my?lang=en"),
            ("/my?lang=zh", "/my?lang=en"),
            ("/body/cqos?year=2026&lang=zh&page=2", "/body/cqos?year=2026&page=2&lang=en"),
        ] {
            let page = Page::new(Words::new(Language::Chinese), address);
            assert_eq!(page.in_language(&Language::English), expected);
        }
    }

    #[test]
    fn every_role_has_words() {
        let words = Words::new(Language::English);
        assert_eq!(role_in_words(words, "panel_leader"), "Panel leader");
        assert_eq!(role_in_words(words, "unheard_of"), "unheard_of");
        assert_eq!(ways_of(words, "learner")[0], NavItem::new("/my", "My hours"));
        assert_eq!(ways_of(words, "expert"), []);
    }
}
