//! The page at `/docs`: every route with what it is asked with and an example, made here from the table of
//! routes. It has no script, and loads nothing: it reads the same where there is no network.

use super::parameter::{Of, Parameter};
use super::reply::Reply;
use super::route::{PAGE, Route};
use super::routes::ROUTES;
use axum::http::{HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff;overflow-wrap:anywhere}\
h2{margin-top:2.5rem;font:600 1.05rem ui-monospace,monospace;border-top:1px solid #ccc;padding-top:1rem}\
code,pre{font:0.85rem/1.4 ui-monospace,monospace;background:#f4f4f4}pre{padding:.75rem;overflow:auto;max-height:24rem}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.15rem 1rem .15rem 0;vertical-align:top}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}code,pre{background:#262626}a{color:#8bf}}";

/// The page with its leave to be styled, and for nothing else.
pub(super) fn reply() -> Reply {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    let mut reply = Reply::of(PAGE, text());
    if let Ok(policy) = HeaderValue::try_from(policy) {
        reply.headers.push((header::CONTENT_SECURITY_POLICY, policy));
    }
    reply
}

fn text() -> String {
    let routes: String = ROUTES.iter().map(section).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>tokgate</title>\
         <style>{STYLE}</style></head><body><main>\n<h1>tokgate {}</h1>\n\
         <p>What was measured, over HTTP. Everything is read; what is pushed is kept where the server has a write token. Programs read \
         <a href=\"/openapi.json\">/openapi.json</a> (OpenAPI 3.1).</p>\n{routes}</main></body></html>\n",
        env!("CARGO_PKG_VERSION"),
    )
}

/// A request; one that a browser can make, as a link.
fn example(route: &Route) -> String {
    let example = format!("<code>{}</code>", escaped(route.example));
    match route.keeps() {
        true => example,
        false => format!("<a href=\"{}\">{example}</a>", escaped(route.example)),
    }
}

fn section(route: &Route) -> String {
    let rows: String = route.parameters.iter().map(row).collect();
    let table = match rows.is_empty() {
        true => String::new(),
        false => format!("<table>{rows}</table>\n"),
    };
    let about = if route.about.is_empty() { String::new() } else { format!(" {}", route.about) };
    let example = example(route);
    let answered = match route.answered.is_empty() {
        true => String::new(),
        false => format!(
            "<pre tabindex=\"0\" role=\"region\" aria-label=\"An answer of {}\">{}</pre>\n",
            escaped(&route.template()),
            escaped(route.answered)
        ),
    };
    format!(
        "<h2>{} {}</h2>\n<p>{}.{}</p>\n{table}<p>{example}</p>\n{answered}",
        route.method().to_uppercase(),
        escaped(&route.template()),
        escaped(route.summary),
        escaped(&about),
    )
}

fn row(parameter: &Parameter) -> String {
    let kind = match parameter.of {
        Of::Path => "in the path".to_owned(),
        Of::Needed | Of::Metric | Of::Count(_, _, None) => "needed".to_owned(),
        Of::Count(_, most, Some(usual)) => format!("{usual}, at most {most}"),
        Of::Word(words) => words.join(", "),
        Of::Text | Of::Maybe(..) | Of::Day | Of::Cursor => String::new(),
    };
    let (name, meaning) = (escaped(parameter.name), escaped(parameter.meaning));
    format!("<tr><td><code>{name}</code></td><td>{meaning}</td><td>{}</td></tr>", escaped(&kind))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_tells_every_route_and_loads_nothing() {
        let page = text();
        for route in ROUTES {
            assert!(page.contains(&escaped(&route.template())), "{}", route.path);
        }
        let around: String = page
            .split("<pre>")
            .map(|part| part.split_once("</pre>").map_or(part, |(_, after)| after))
            .collect();
        for word in ["<script", "http://", "https://", "src=", "@import", "url(", "onclick"] {
            assert!(!around.contains(word), "{word}");
        }
    }

    #[test]
    fn what_an_example_says_is_text_and_no_mark_up() {
        assert_eq!(escaped("<b a=\"&\">"), "&lt;b a=&quot;&amp;&quot;&gt;");
    }
}
