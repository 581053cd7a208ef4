//! Which paths a scenario may name: those of its project, and of the folders a user allows.
//!
//! Only the text of a path is judged here. Links and what lies at its end are for whoever opens it.

/// What to do about a path that is refused.
pub(super) const HELP: &str =
    "move the file into the project, or list its folder in `allow_paths` of `tokgate.toml`";

/// Folders outside the project from which scenarios may read, as the user wrote them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roots(pub Vec<String>);

impl Roots {
    /// Why `path` may not be named by a scenario; `None` where it may, or is no path.
    pub(super) fn refuses(&self, path: &str) -> Option<String> {
        let climbs = path.split(['/', '\\']).any(|part| part == "..");
        let allowed = |root: &String| {
            let root = root.trim_end_matches('/');
            path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'))
        };
        if climbs {
            Some(format!("the path \"{path}\" climbs out of its folder"))
        } else if is_absolute(path) && !self.0.iter().any(allowed) {
            Some(format!("the path \"{path}\" leads out of the project"))
        } else {
            None
        }
    }
}

fn is_absolute(path: &str) -> bool {
    let drive = path.as_bytes().get(1) == Some(&b':');
    path.starts_with(['/', '\\', '~']) || drive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_project_or_in_allowed_folders() {
        let roots = Roots(vec!["~/models/".to_owned()]);
        for fine in ["synthetic-6.8m", "models/a.gguf", "org/name", "~/models/a.gguf"] {
            assert_eq!(roots.refuses(fine), None, "{fine}");
        }
        for bad in [
            "/etc/passwd",
            "../a.gguf",
            "a/../../b",
            "~/a",
            "~/models/../a",
            "~/modelsX/a",
            "C:\\a",
        ] {
            assert!(roots.refuses(bad).is_some(), "{bad}");
        }
    }
}
