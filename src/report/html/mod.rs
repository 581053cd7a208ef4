//! A run, or several side by side, as one page that opens offline: verdict and grade first, everything else
//! below, with charts and downloads. It loads nothing, and a browser is told to let it load nothing.
//!
//! Here is what a page is made from; `assets` has its style and scripts, `top` what is read first, `data` and
//! `figures` what its scripts draw from, `side` the page of several runs. Whatever somebody else named or wrote is made
//! harmless in one place, `told`, on its way into the page.

pub mod assets;
mod data;
mod figures;
mod side;
mod told;
mod top;

pub use figures::{Figures, OfCase};
pub use side::comparison;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value};
use serde_json::json;
use tokgate_core::report::Report;

/// The frame of every page, what pages share, the page of one run, and that of several.
const TEMPLATES: [(&str, &str); 4] = [
    ("frame.html", include_str!("frame.html")),
    ("parts.html", include_str!("parts.html")),
    ("run.html", include_str!("run.html")),
    ("side.html", include_str!("side.html")),
];

/// What the page of one run is made from.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// What was decided.
    pub report: &'a Report,
    /// The figures of the whole run, and those of its cases.
    pub figures: &'a Figures,
}

/// The page of one run.
#[must_use]
pub fn page(page: &Page<'_>) -> String {
    let mut told = top::of_run(page.report);
    told["charts"] = data::slots(&page.figures.run);
    told["noun"] = json!("run");
    let island = data::of_run(page);
    render("run.html", &mut told, island)
}

/// A page of what is told and of the data that its scripts draw from. Both are made harmless here.
fn render(template: &str, told: &mut serde_json::Value, mut island: serde_json::Value) -> String {
    told::make_visible(told);
    told::make_visible(&mut island);
    let mut pages = Environment::new();
    pages.set_auto_escape_callback(|_| AutoEscape::Html);
    for (name, text) in TEMPLATES {
        pages
            .add_template(name, text)
            .expect("the templates are part of the program, and tests read them");
    }
    let page = pages.get_template(template).expect("every template was added");
    let ours = |text: &str| Value::from_safe_string(text.to_owned());
    let context = minijinja::context! {
        told => Value::from(Serde(&*told)),
        policy => ours(&assets::policy()),
        style => ours(assets::STYLE),
        scripts => assets::SCRIPTS.map(ours).to_vec(),
        island => ours(&told::island(&island)),
    };
    page.render(context).expect("a template uses what it is told, and tests render each")
}
