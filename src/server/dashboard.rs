//! The pages for people: one that shows a run as it goes on, what it is drawn with, and nothing of what was
//! measured: that is asked for by its script, with the token where there is one.
//!
//! Script and style come from this server alone, each by a route of its own; nothing stands in the page.

use super::house::House;
use super::reply::Reply;
use super::route::PAGE;
use axum::Router;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use std::sync::Arc;

/// Nothing but what this server gives may be run, looked like or asked.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// A file that is served as it is.
#[derive(Debug)]
struct Asset {
    path: &'static str,
    media: &'static str,
    text: &'static str,
}

/// A script or style of the page.
macro_rules! asset {
    ($name:literal, $media:ident, $file:literal) => {
        Asset {
            path: concat!("/assets/", $name),
            media: $media,
            text: include_str!(concat!("dashboard/", $file)),
        }
    };
}

static ASSETS: &[Asset] = &[
    Asset { path: "/", media: PAGE, text: include_str!("dashboard/page.html") },
    Asset { path: RUN, media: PAGE, text: include_str!("dashboard/page.html") },
    asset!("live.css", STYLE, "live.css"),
    asset!("text.js", SCRIPT, "text.js"),
    asset!("stream.js", SCRIPT, "stream.js"),
    asset!("moments.js", SCRIPT, "moments.js"),
    asset!("alerts.js", SCRIPT, "alerts.js"),
    asset!("stored.js", SCRIPT, "stored.js"),
    asset!("live.js", SCRIPT, "live.js"),
    asset!("style.css", STYLE, "../../report/html/style.css"),
    asset!("figures.js", SCRIPT, "../../report/html/figures.js"),
    asset!("marks.js", SCRIPT, "../../report/html/marks.js"),
    asset!("charts.js", SCRIPT, "../../report/html/charts.js"),
    asset!("theme.js", SCRIPT, "../../report/html/theme.js"),
    asset!("uplot.js", SCRIPT, "../../report/html/vendor/uPlot.iife.min.js"),
    asset!("uplot.css", STYLE, "../../report/html/vendor/uPlot.min.css"),
];

/// The page of a run.
const RUN: &str = "/runs/{run}";

/// Adds the pages to the routes.
pub(super) fn add(routes: Router<Arc<House>>) -> Router<Arc<House>> {
    ASSETS.iter().fold(routes, |routes, asset| {
        routes.route(asset.path, get(move |parts: Parts| async move { asset.response(&parts) }))
    })
}

/// Whether a path is one of these, which everybody may see.
pub(super) fn is_open(path: &str) -> bool {
    let of_a_run = path.strip_prefix("/runs/").is_some_and(|run| !run.contains('/'));
    of_a_run || ASSETS.iter().any(|asset| asset.path == path)
}

impl Asset {
    fn response(&self, parts: &Parts) -> Response {
        let mut reply = Reply::of(self.media, self.text.to_owned());
        reply.headers.push((header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)));
        reply.response(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_what_was_measured_is_open() {
        for open in ["/", "/runs/2026-a", "/assets/live.js", "/assets/style.css"] {
            assert!(is_open(open), "{open}");
        }
        for closed in
            ["/v1/live", "/v1/runs/a", "/runs/a/events", "/assets/", "/metrics", "/docs", ""]
        {
            assert!(!is_open(closed), "{closed}");
        }
    }

    #[test]
    fn the_page_names_every_script_and_style_and_has_none_of_its_own() {
        let page = ASSETS[0].text;
        for asset in ASSETS.iter().filter(|asset| asset.path.starts_with("/assets/")) {
            assert_eq!(page.matches(&format!("\"{}\"", asset.path)).count(), 1, "{}", asset.path);
        }
        assert_eq!(
            page.matches("<script").count(),
            page.matches("<script defer src=\"/assets/").count()
        );
        for own in ["<style", "style=", "onclick", "onload", "javascript:", "http://", "https://"] {
            assert!(!page.contains(own), "{own}");
        }
    }

    #[test]
    fn what_others_wrote_is_never_read_as_markup() {
        for asset in ASSETS
            .iter()
            .filter(|asset| asset.path.ends_with(".js") && !asset.path.contains("uplot"))
        {
            for way in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "new Function",
            ] {
                assert!(!asset.text.contains(way), "{}: {way}", asset.path);
            }
        }
    }
}
