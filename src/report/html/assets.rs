//! Style and scripts of a page, which are part of the program: the page loads nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The one look, with that of the charts' axes below it.
pub const STYLE: &str =
    concat!(include_str!("vendor/uPlot.min.css"), "\n", include_str!("style.css"));

/// What draws axes, by Leon Sorokin, under the MIT licence (`vendor/uPlot.LICENSE.txt`).
pub const UPLOT: &str = include_str!("vendor/uPlot.iife.min.js");
/// The words and the numbers of a figure.
pub const FIGURES: &str = include_str!("figures.js");
/// A figure's marks on a canvas.
pub const MARKS: &str = include_str!("marks.js");
/// A figure in a page, with its legend, keys and table.
pub const CHARTS: &str = include_str!("charts.js");
/// Light or dark.
pub const THEME: &str = include_str!("theme.js");
/// What the page of a report does.
pub const REPORT: &str = include_str!("report.js");

/// The scripts of a report, each of which wants those before it.
pub(super) const SCRIPTS: [&str; 6] = [UPLOT, FIGURES, MARKS, CHARTS, THEME, REPORT];

/// What a browser may do with a page of this style and these scripts: run and apply them and nothing else,
/// and ask nobody for anything.
#[must_use]
pub(super) fn policy() -> String {
    let scripts: Vec<String> = SCRIPTS.iter().map(|script| hash(script)).collect();
    format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        scripts.join(" "),
        hash(STYLE)
    )
}

/// As a policy names what it allows.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::PALETTE;
    use crate::hex;

    #[test]
    fn what_others_wrote_is_as_they_published_it() {
        let sums = include_str!("vendor/SHA256SUMS");
        for (name, text) in [
            ("uPlot.iife.min.js", UPLOT),
            ("uPlot.min.css", include_str!("vendor/uPlot.min.css")),
            ("uPlot.LICENSE.txt", include_str!("vendor/uPlot.LICENSE.txt")),
        ] {
            let line = format!("{}  {name}", hex::digits(&Sha256::digest(text)));
            assert!(sums.lines().any(|known| known == line), "{line}");
        }
    }

    #[test]
    fn nothing_of_ours_ends_its_element_or_loads_anything() {
        for text in SCRIPTS.into_iter().chain([STYLE]) {
            for word in [
                "</script",
                "</style",
                "<!--",
                "@import",
                "url(",
                "fetch(",
                "XMLHttpRequest",
                "eval(",
            ] {
                assert!(!text.contains(word), "{word}");
            }
        }
    }

    #[test]
    fn layers_have_the_colours_of_figures() {
        for (place, color) in PALETTE.iter().enumerate() {
            let line =
                STYLE.lines().find(|line| line.contains(&format!("--layer-{place}:"))).unwrap();
            let is_dark_twice = line.contains("light-dark(");
            let first = if is_dark_twice {
                format!("light-dark(#{color:06x},")
            } else {
                format!(": #{color:06x};")
            };
            assert!(line.contains(&first), "{line}");
        }
    }
}
