//! Which processes of this host send the other parts of our load: those with our command line, but for the part.

use tokgate_core::workload::Shard;

/// The option that says which part is sent.
const SHARD: &str = "--shard";

/// Whether two command lines are those of workers of one load: alike in everything but which of its parts each
/// sends. Where the part comes from whoever starts them (`--shard auto`, `--shards`), all have the same line.
pub(super) fn is_fellow(ours: &[&str], theirs: &[&str]) -> bool {
    load(ours) == load(theirs)
}

/// A command line without the number of its part, in either spelling.
fn load(line: &[&str]) -> Vec<String> {
    let apart = line.iter().flat_map(|word| match word.strip_prefix("--shard=") {
        Some(part) => vec![SHARD, part],
        None => vec![*word],
    });
    let mut before = "";
    apart
        .map(|word| match (std::mem::replace(&mut before, word), word.parse::<Shard>()) {
            (SHARD, Ok(shard)) => format!("a part of {}", shard.of()),
            (_, Ok(_) | Err(_)) => word.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_fellows(ours: &str, theirs: &str) -> bool {
        let [ours, theirs] = [ours, theirs].map(|line| line.split(' ').collect::<Vec<_>>());
        assert_eq!(is_fellow(&ours, &theirs), is_fellow(&theirs, &ours));
        is_fellow(&ours, &theirs)
    }

    #[test]
    fn the_other_parts_of_one_load_are_fellows_in_either_spelling() {
        let second = "tokgate run a.toml --shard 1/3 --start-at T --out U";
        assert!(are_fellows(second, "tokgate run a.toml --shard 0/3 --start-at T --out U"));
        assert!(are_fellows(second, "tokgate run a.toml --shard=2/3 --start-at T --out U"));
        let auto = "tokgate run a.toml --shard auto --start-at T --out U";
        assert!(are_fellows(auto, auto));
        assert!(are_fellows(
            "tokgate run a --shards 8 --out U",
            "tokgate run a --shards 8 --out U"
        ));
    }

    #[test]
    fn who_sends_another_load_or_all_of_one_is_a_stranger() {
        let ours = "tokgate run a.toml --shard 1/3 --start-at T --out U";
        for stranger in [
            "tokgate run b.toml --shard 0/3 --start-at T --out U",
            "tokgate run a.toml --shard 0/4 --start-at T --out U",
            "tokgate run a.toml --shard 0/3 --start-at S --out U",
            "tokgate run a.toml --shard 0/3 --start-at T --out V",
            "tokgate run a.toml --shard 5/3 --start-at T --out U",
            "tokgate run a.toml --shard 0/3 --start-at T --out U --quiet",
            "tokgate run a.toml",
            "tokgate merge U",
        ] {
            assert!(!are_fellows(ours, stranger), "{stranger}");
        }
        // A part is what follows its option, and nothing else that looks like one.
        assert!(!are_fellows("tokgate run 1/3 --shard 1/3", "tokgate run 0/3 --shard 0/3"));
    }
}
