use super::*;
use crate::case::{Contents, DataFile};
use crate::dataset::file::parse;
use crate::dataset::length::Spread;
use crate::dataset::tasks::Category;
use crate::words::WORDS;

fn set(source: PromptSource) -> PromptSet {
    PromptSet { source, ..PromptSet::synthetic(1, 8) }
}

fn synthetic(prompt_tokens: u32) -> PromptSet {
    PromptSet::synthetic(prompt_tokens, 8)
}

fn prompts<'a>(set: &'a PromptSet, salt: Option<&'a str>) -> Prompts<'a> {
    Prompts::new(set, None, 42, salt).unwrap()
}

fn measured(prompts: &Prompts<'_>, ordinal: u64) -> String {
    prompts.prompt(Phase::Measured, ordinal).messages[0].content.clone()
}

fn count(text: &str) -> usize {
    text.split(' ').count()
}

#[test]
fn a_synthetic_prompt_has_exactly_the_words_that_were_asked_for() {
    let set = synthetic(32);
    for salt in [None, Some("run")] {
        let prompt = measured(&prompts(&set, salt), 7);
        assert_eq!(count(&prompt), 32);
        assert!(prompt.split(' ').all(|word| WORDS.contains(&word)));
        assert!(prompt.contains(" please tell me about our "));
    }
}

#[test]
fn a_text_has_exactly_the_characters_that_were_asked_for() {
    for text_length in [10, 50, 100, 500, 1000] {
        let set = set(PromptSource::Text { text_length });
        let prompt = measured(&prompts(&set, Some("run")), 0);
        assert_eq!(prompt.len(), text_length as usize);
        assert!(!prompt.ends_with(' '));
    }
}

#[test]
fn short_texts_of_one_run_differ_and_so_do_those_of_two() {
    let set = set(PromptSource::Text { text_length: 10 });
    let five = |salt| {
        let prompts = prompts(&set, Some(salt));
        (0..5).map(|ordinal| measured(&prompts, ordinal)).collect::<std::collections::BTreeSet<_>>()
    };
    let (run, other) = (five("run"), five("other"));
    assert_eq!((run.len(), other.len()), (5, 5));
    assert!(run.is_disjoint(&other));
}

#[test]
fn another_salt_changes_the_first_words_and_the_same_salt_changes_nothing() {
    let set = synthetic(32);
    let prompt = |salt| measured(&prompts(&set, Some(salt)), 0);
    assert_eq!(prompt("a"), prompt("a"));
    assert_ne!(prompt("a").split(' ').next(), prompt("b").split(' ').next());
}

#[test]
fn warm_up_and_measured_prompts_differ() {
    let given = set(PromptSource::Prompts { prompts: vec!["one".to_owned()] });
    for set in [synthetic(32), given] {
        let prompts = prompts(&set, Some("run"));
        assert_ne!(prompts.prompt(Phase::Warmup, 0), prompts.prompt(Phase::Measured, 0));
    }
}

#[test]
fn given_prompts_come_in_turn_behind_the_salt() {
    let given = set(PromptSource::Prompts { prompts: vec!["one".to_owned(), "two".to_owned()] });
    assert_eq!(measured(&prompts(&given, None), 3), "two");
    assert!(measured(&prompts(&given, Some("x")), 0).ends_with("] one"));
}

#[test]
fn a_given_prompt_that_comes_again_has_another_salt() {
    let given = set(PromptSource::Prompts { prompts: vec!["one".to_owned(), "two".to_owned()] });
    let prompts = prompts(&given, Some("run"));
    let salt = |ordinal| measured(&prompts, ordinal).split(']').next().unwrap().to_owned();
    assert_eq!(salt(0), salt(1));
    assert_ne!(salt(0), salt(2));
}

#[test]
fn lengths_follow_their_distribution_and_are_the_same_again() {
    let mut set = synthetic(64);
    if let PromptSource::Synthetic(synthetic) = &mut set.source {
        synthetic.prompt_spread = Spread::LogNormal(0.5);
        synthetic.output_spread = Spread::Uniform(0.5);
    }
    let lengths = |salt| -> Vec<(usize, u32)> {
        let prompts = prompts(&set, Some(salt));
        let prompt = |ordinal| prompts.prompt(Phase::Measured, ordinal);
        (0..2000)
            .map(prompt)
            .map(|prompt| (count(&prompt.messages[0].content), prompt.max_tokens))
            .collect()
    };
    let drawn = lengths("a");
    let mean = drawn.iter().map(|(words, _)| *words as f64).sum::<f64>() / 2000.0;
    assert!((mean / 64.0 - 1.0).abs() < 0.05, "{mean}");
    let outputs = drawn.iter().map(|(_, max_tokens)| *max_tokens);
    assert_eq!((outputs.clone().min(), outputs.max()), (Some(4), Some(12)));
    assert_eq!(drawn, lengths("b"), "lengths are the seed's, not the run's");
}

#[test]
fn shared_beginnings_are_equal_the_rest_differs_and_another_run_shares_nothing() {
    let mut set = synthetic(64);
    if let PromptSource::Synthetic(synthetic) = &mut set.source {
        synthetic.prompt_spread = Spread::LogNormal(1.0);
        synthetic.shared = Some(SharedPrefix { tokens: 32, prefixes: 2 });
    }
    let split = |text: &str| -> (Vec<String>, Vec<String>) {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        (words[..40].to_vec(), words[40..].to_vec())
    };
    let (run, other) = (prompts(&set, Some("a")), prompts(&set, Some("b")));
    let (first, own) = split(&measured(&run, 0));
    for ordinal in 1..50 {
        let (beginning, rest) = split(&measured(&run, ordinal));
        assert_eq!(beginning == first, ordinal % 2 == 0, "{ordinal}");
        assert!(!rest.is_empty());
        assert_ne!(rest, own);
    }
    let warm = run.prompt(Phase::Warmup, 0).messages[0].content.clone();
    assert_eq!(split(&warm).0, first);
    assert_ne!(split(&measured(&other, 0)).0[0], first[0]);
}

#[test]
fn a_shared_beginning_does_not_make_a_prompt_longer() {
    let mut set = synthetic(64);
    if let PromptSource::Synthetic(synthetic) = &mut set.source {
        synthetic.shared = Some(SharedPrefix { tokens: 55, prefixes: 1 });
    }
    assert_eq!(count(&measured(&prompts(&set, Some("run")), 3)), 64);
    assert_eq!(count(&measured(&prompts(&set, None), 3)), 64);
}

#[test]
fn tasks_ask_for_their_own_lengths_unless_the_scenario_says_one() {
    let source = || PromptSource::Tasks { category: Some(Category::Coding) };
    let own = PromptSet { output: OutputTokens::Own, ..set(source()) };
    let limits = |set: &PromptSet| -> Vec<u32> {
        (0..4).map(|at| prompts(set, None).prompt(Phase::Measured, at).max_tokens).collect()
    };
    assert_eq!(limits(&own), [100, 200, 400, 500]);
    assert_eq!(limits(&set(source())), [8; 4]);
}

fn of_file(text: &str) -> (PromptSet, Entries) {
    let contents = Contents { sha256: String::new(), entries: 1, bad_lines: 0 };
    let file = DataFile { path: "a".to_owned(), format: None, contents: Some(contents) };
    let parsed = parse("a", None, text.as_bytes()).unwrap();
    (PromptSet { output: OutputTokens::Own, ..set(PromptSource::File(file)) }, parsed.entries)
}

#[test]
fn the_salt_of_a_conversation_stands_in_its_first_message_only() {
    let (set, entries) = of_file(
        r#"{"conversations": [{"from": "system", "value": "be brief"}, {"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}, {"from": "human", "value": "c"}]}"#,
    );
    let prompts = Prompts::new(&set, Some(&entries), 1, Some("run")).unwrap();
    let (one, two) = (prompts.prompt(Phase::Measured, 0), prompts.prompt(Phase::Measured, 1));
    assert!(two.messages[0].content.ends_with("] be brief"));
    assert_eq!(two.messages[3], Message::user("c"));
    assert_eq!(one.messages[..], two.messages[..2], "turns share what was said before");
}

#[test]
fn a_trace_is_sent_as_prompts_of_its_lengths() {
    let (set, entries) = of_file("input_length,output_length\n20,3\n40,5\n");
    let prompts = Prompts::new(&set, Some(&entries), 1, Some("run")).unwrap();
    for (ordinal, words, max_tokens) in [(0, 20, 3), (1, 40, 5), (2, 20, 3)] {
        let prompt = prompts.prompt(Phase::Measured, ordinal);
        assert_eq!(count(&prompt.messages[0].content), words);
        assert_eq!(prompt.max_tokens, max_tokens);
    }
    assert_ne!(measured(&prompts, 0), measured(&prompts, 2), "a round later it is another text");
}

#[test]
fn without_prompts_there_is_nothing_to_send() {
    let (file, _) = of_file("x");
    assert_eq!(Prompts::new(&file, None, 1, None).err(), Some(NoPrompts));
    let empty = set(PromptSource::Prompts { prompts: Vec::new() });
    assert_eq!(Prompts::new(&empty, None, 1, None).err(), Some(NoPrompts));
}
