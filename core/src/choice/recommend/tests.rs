use super::super::fit::Miss;
use super::super::measured::Provenance;
use super::super::wish::{Budget, Preference};
use super::*;
use crate::choice::fixture::{NOW_US, by_the_hour, in_run, row};
use crate::dataset::tasks::Category;

fn rented(instance: &str, model: &str, tok_s: f64, usd: f64) -> Measured {
    Measured {
        instance: Some(instance.to_owned()),
        tok_s: Some(tok_s),
        price: by_the_hour(usd),
        task: Some(Category::Coding),
        context_window: Some(32_768),
        ..row(model, 1.0)
    }
}

fn runs(names: &[&str], row: &Measured) -> Vec<Measured> {
    names.iter().map(|name| in_run(name, 1, row.clone())).collect()
}

/// The example of docs/CHOOSING.md.
fn example() -> Vec<Measured> {
    [
        runs(&["a", "b", "c"], &rented("g2-gpu-rtx4000a2-s", "32B-AWQ", 38.1, 1.04)),
        runs(&["d", "e"], &rented("g1-gpu-rtx6000-2", "70B-AWQ", 45.3, 3.00)),
        runs(&["f"], &rented("g2-gpu-rtx4000a1-s", "8B", 30.0, 0.52)),
    ]
    .concat()
}

fn told(rows: &[Measured], wish: &Wish) -> Vec<String> {
    let top = recommend(rows, wish, NOW_US).top;
    top.iter().map(|it| format!("{} {:.4}", it.configuration.model, it.score)).collect()
}

#[test]
fn the_score_is_the_one_that_is_worked_out_by_hand() {
    // Efficiencies: 38.1 / 1.04 = 36.6346, 45.3 / 3.00 = 15.1, 30 / 0.52 = 57.6923 (the best):
    // values 0.6350, 0.2617, 1. Places by size: ln 32/8 / ln 70/8 = 1.38629 / 2.16905 = 0.63912, 1, 0.
    // Balanced: 1 - |2 · 0.63912 - 1| = 0.72175, 0, 0.
    // 32B: 0.3 · 1 + 0.4 · 0.6350 + 0.3 · 0.72175 = 0.7705
    // 8B: 0.3 · 1/3 + 0.4 · 1 + 0 = 0.5000;  70B: 0.3 · 2/3 + 0.4 · 0.2617 + 0 = 0.3047
    let balanced = told(&example(), &Wish::default());
    assert_eq!(balanced, ["32B-AWQ 0.7705", "8B 0.5000", "70B-AWQ 0.3047"]);
    // Smallest: preferences 0.36088, 0, 1: 0.3 + 0.2540 + 0.10826 = 0.6623; 0.3047; 0.8.
    let smallest = Wish { preference: Preference::Smallest, ..Wish::default() };
    assert_eq!(told(&example(), &smallest), ["8B 0.8000", "32B-AWQ 0.6623", "70B-AWQ 0.3047"]);
    // Largest: 0.63912, 1, 0: 0.3 + 0.2540 + 0.19174 = 0.7457; 0.3047 + 0.3 = 0.6047; 0.5.
    let largest = Wish { preference: Preference::Largest, ..Wish::default() };
    assert_eq!(told(&example(), &largest), ["32B-AWQ 0.7457", "70B-AWQ 0.6047", "8B 0.5000"]);
}

#[test]
fn no_more_than_three_are_recommended_and_all_that_fit_are_counted() {
    let fourth = runs(&["g"], &rented("x", "9B", 1.0, 9.0));
    let found = recommend(&[example(), fourth].concat(), &Wish::default(), NOW_US);
    assert_eq!((found.top.len(), found.fitting, found.left_out.len()), (3, 4, 0));
    assert_eq!(found.advice(), Vec::<String>::new());
}

#[test]
fn why_and_warnings_name_the_facts() {
    let found = recommend(&example(), &Wish::default(), NOW_US);
    let [first, second, _] = found.top.as_slice() else { panic!("three fit") };
    assert_eq!(first.why[0], "38.1 tok/s, 36.6 for each USD an hour: 64 % of the best of 3");
    assert_eq!(first.why[1], "relied on: 3 runs");
    assert_eq!(first.warnings, []);
    assert_eq!(second.warnings, [Warning::SingleRun]);
}

#[test]
fn a_budget_is_a_band_and_what_has_no_price_is_in_none() {
    let budget = |budget| Wish { budget, ..Wish::default() };
    let models = |wish: &Wish| -> Vec<String> {
        let top = recommend(&example(), wish, NOW_US).top;
        top.into_iter().map(|it| it.configuration.model).collect()
    };
    assert_eq!(models(&budget(Budget::UnderOne)), ["8B"]);
    assert_eq!(models(&budget(Budget::OneToThree)), ["32B-AWQ", "70B-AWQ"]);
    let free = Measured { price: None, ..rented("mine", "8B", 99.0, 0.0) };
    let found = recommend(&[free], &budget(Budget::UnderOne), NOW_US);
    assert_eq!((found.top.len(), found.left_out[0].misses.as_slice()), (0, &[Miss::NoPrice][..]));
}

#[test]
fn where_one_has_no_price_all_are_ranked_by_their_speed() {
    let own = Measured { price: None, ..rented("mine", "8B", 60.0, 0.0) };
    let found = recommend(&[own, rented("rented", "8B", 30.0, 0.1)], &Wish::default(), NOW_US);
    assert!(found.is_by_speed);
    let values = found.top.iter().map(|it| (it.configuration.hardware.to_string(), it.parts.value));
    assert_eq!(values.collect::<Vec<_>>(), [("mine".to_owned(), 1.0), ("rented".to_owned(), 0.5)]);
}

#[test]
fn a_window_that_is_too_small_or_unknown_is_never_recommended() {
    let small = Measured { context_window: Some(32_768), ..rented("a", "1b", 900.0, 0.1) };
    let silent = Measured { context_window: None, ..rented("b", "2b", 900.0, 0.1) };
    let large = Measured { context_window: Some(131_072), ..rented("c", "4b", 1.0, 9.0) };
    let wish = Wish { context: Some(40_000), ..Wish::default() };
    let found = recommend(&[small.clone(), silent.clone(), large], &wish, NOW_US);
    assert_eq!(found.top.len(), 1);
    assert_eq!(found.top[0].configuration.model, "4b");
    let misses: Vec<Miss> = found.left_out.iter().flat_map(|it| it.misses.clone()).collect();
    let too_small = Miss::WindowTooSmall { window: 32_768, needed: 40_000 };
    assert_eq!(misses, [too_small, Miss::WindowUnknown { needed: 40_000 }]);
    let nothing = recommend(&[small, silent], &wish, NOW_US).advice();
    assert_eq!(
        nothing,
        [
            "nearest is 1b on a, but its window of 32768 tokens is too small for 40000",
            "serve it with a larger window, or ask for at most 32768 tokens"
        ]
    );
}

#[test]
fn a_model_that_was_served_with_both_windows_is_told_by_the_large_one_alone() {
    let small = Measured { context_window: Some(8192), ..rented("a", "4b", 100.0, 1.0) };
    let large = Measured { context_window: Some(65_536), ..rented("a", "4b", 40.0, 1.0) };
    let wish = Wish { context: Some(40_000), ..Wish::default() };
    let found = recommend(&[in_run("x", 1, small), in_run("y", 2, large)], &wish, NOW_US);
    let one = &found.top[0].configuration;
    assert_eq!((one.tok_s, one.runs, found.left_out.len()), (Some(40.0), 1, 0));
}

#[test]
fn a_task_is_answered_by_what_was_measured_at_it() {
    let heavy = Measured { task: Some(Category::ContextHeavy), ..rented("a", "4b", 9.0, 1.0) };
    let nobody_says = Measured { task: None, ..rented("a", "4b", 9.0, 1.0) };
    let wish = Wish { task: Some(Category::Coding), ..Wish::default() };
    let found = recommend(&[heavy, nobody_says], &wish, NOW_US);
    assert_eq!(found.left_out.len(), 2);
    assert!(found.left_out.iter().all(|it| it.misses == [Miss::Task]));
    assert!(found.advice()[0].contains("not measured at this kind of task"));
}

#[test]
fn the_nearest_miss_is_the_one_that_misses_least() {
    let over = rented("dear", "8B", 10.0, 1.10);
    let far_over = rented("dearer", "8B", 99.0, 2.9);
    let twice = Measured { tok_s: None, ..rented("dark", "8B", 0.0, 1.01) };
    let wish = Wish { budget: Budget::UnderOne, ..Wish::default() };
    let found = recommend(&[twice, far_over, over], &wish, NOW_US);
    let order: Vec<String> = found.left_out.iter().map(|it| it.hardware.to_string()).collect();
    assert_eq!(order, ["dear", "dearer", "dark"]);
    let advice = found.advice();
    assert_eq!(advice[0], "nearest is 8B on dear, but it costs 1.10 USD/h, where 1.00 is the most");
    assert_eq!(advice[1], "with the budget 1-3 it would fit");
    assert!(recommend(&[], &wish, NOW_US).advice()[0].contains("nothing is measured yet"));
}

#[test]
fn what_is_imported_or_of_another_day_is_said_to_be() {
    let old = Measured { provenance: Provenance::Imported, ..rented("a", "8B", 9.0, 1.0) };
    let found = recommend(&runs(&["x", "y", "z"], &old), &Wish::default(), NOW_US);
    assert_eq!(found.top[0].warnings, [Warning::ImportedOnly]);
    let later = recommend(&[old], &Wish::default(), NOW_US + 31 * 86_400_000_000);
    let warnings = &later.top[0].warnings;
    assert_eq!(warnings[..], [Warning::SingleRun, Warning::Stale, Warning::ImportedOnly]);
}

#[test]
fn a_size_that_nobody_knows_counts_for_nothing() {
    let rows = [rented("a", "8B", 10.0, 1.0), rented("b", "nameless", 10.0, 1.0)];
    let found = recommend(&rows, &Wish::default(), NOW_US);
    let shares: Vec<f64> = found.top.iter().map(|it| it.parts.preference).collect();
    assert_eq!(shares, [1.0, 0.0]);
    assert!(found.top[1].why[2].contains("nobody says"));
}
