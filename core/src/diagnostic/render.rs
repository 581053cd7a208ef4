//! A diagnostic as plain text, with the lines that it is about.

use super::{Diagnostic, Note, escape};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::ops::Range;

/// One diagnostic as plain text, with the line it is about where `source` has one.
pub(super) fn render(diagnostic: &Diagnostic, source: Option<&str>) -> String {
    let file = escape(&diagnostic.file);
    let message = escape(&diagnostic.message);
    let help = diagnostic.help.as_deref().map(escape);
    // An empty place at the very start stands for the file as a whole.
    let source = source.filter(|text| !text.is_empty() && diagnostic.span != (0..0));
    let excerpt = source.and_then(|text| Excerpt::of(diagnostic, text));
    let mut group = Group::with_title(Level::ERROR.primary_title(&message));
    group = match &excerpt {
        Some(excerpt) => group.element(excerpt.snippet(&file)),
        None => group.element(origin(&file, diagnostic.span.start, source)),
    };
    if let Some(help) = &help {
        group = group.element(Level::HELP.message(help));
    }
    Renderer::plain().render(&[group])
}

/// The place without its line, for a file as a whole or a line too long to show.
fn origin<'a>(file: &'a str, at: usize, source: Option<&str>) -> Origin<'a> {
    let Some(before) = source.and_then(|text| text.get(..at)) else { return Origin::path(file) };
    let line = before.rsplit('\n').next().unwrap_or_default();
    let lines = 1 + before.matches('\n').count();
    Origin::path(file).line(lines).char_column(1 + line.chars().count())
}

/// Longest stretch of a file that is shown around a place, in bytes: some hundred lines between a
/// key and its repetition, and a bound on what a hostile line can cost.
pub(super) const MAX_EXCERPT: usize = 16 << 10;

/// The lines that a diagnostic touches, escaped, with its spans moved along.
struct Excerpt {
    text: String,
    first_line: usize,
    span: Range<usize>,
    note: Option<Note>,
}

impl Excerpt {
    /// The lines of both places if they are near enough, else of the first, else nothing.
    fn of(diagnostic: &Diagnostic, source: &str) -> Option<Self> {
        let both = diagnostic.note.as_deref();
        Self::around(&diagnostic.span, both, source)
            .or_else(|| Self::around(&diagnostic.span, None, source))
    }

    fn around(span: &Range<usize>, note: Option<&Note>, source: &str) -> Option<Self> {
        let span = within(span, source);
        let second = note.map(|note| within(&note.span, source));
        let first = second.as_ref().map_or(span.start, |other| other.start.min(span.start));
        let last = second.as_ref().map_or(span.end, |other| other.end.max(span.end));
        let start = source[..first].rfind('\n').map_or(0, |at| at + 1);
        let end = source[last..].find('\n').map_or(source.len(), |at| last + at);
        let shifted = |span: Range<usize>| {
            let lead = escape(&source[start..span.start]).len();
            lead..lead + escape(&source[span]).len()
        };
        (end - start <= MAX_EXCERPT).then(|| Self {
            text: escape(&source[start..end]),
            first_line: 1 + source[..start].matches('\n').count(),
            span: shifted(span),
            note: second
                .zip(note)
                .map(|(span, note)| Note { span: shifted(span), label: escape(&note.label) }),
        })
    }

    fn snippet<'a>(&'a self, file: &'a str) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        let note = self
            .note
            .as_ref()
            .map(|note| AnnotationKind::Context.span(note.span.clone()).label(note.label.as_str()));
        Snippet::source(self.text.as_str())
            .path(file)
            .line_start(self.first_line)
            .annotation(AnnotationKind::Primary.span(self.span.clone()))
            .annotations(note)
    }
}

/// The span, kept inside `source` and on character boundaries. An empty one takes in the
/// character after it, because the renderer underlines at least one byte.
fn within(span: &Range<usize>, source: &str) -> Range<usize> {
    let start = source.floor_char_boundary(span.start.min(source.len()));
    let end = source.ceil_char_boundary(span.end.clamp(start, source.len()));
    let next = source[start..].chars().next().filter(|c| start == end && *c != '\n');
    start..end + next.map_or(0, char::len_utf8)
}
