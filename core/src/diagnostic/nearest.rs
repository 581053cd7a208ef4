//! Which known name a misspelt one was probably meant to be.

/// The name among `known` that `written` was probably meant to be.
#[must_use]
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase().replace('-', "_");
    // A third of the letters may differ: `concurency` and `prompt_token` are found, while a
    // word of its own is not turned into another.
    let limit = (written.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| {
            let plain = name.to_lowercase().replace('-', "_");
            (distance(&written, &plain, limit), name)
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Edits between two names. Where one is a clear beginning of the other they are just near enough,
/// so that a name with fewer edits is preferred.
fn distance(written: &str, known: &str, limit: usize) -> usize {
    const CLEAR: usize = 4;
    let begins = |long: &str, short: &str| short.len() >= CLEAR && long.starts_with(short);
    let edits = strsim::damerau_levenshtein(written, known);
    match begins(written, known) || begins(known, written) {
        true => edits.min(limit),
        false => edits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        assert_eq!(nearest("concurency", ["batch", "concurrency"]), Some("concurrency"));
        assert_eq!(nearest("flat_q4", ["flat", "flat-q4"]), Some("flat-q4"));
        assert_eq!(nearest("api_key", ["base_url", "api_key_env"]), Some("api_key_env"));
        assert_eq!(nearest("workers", ["batch", "requests"]), None);
    }
}
