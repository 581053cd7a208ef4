//! What tokens cost, through the whole program.

use crate::faces::{code, command, text, with_scenario};
use crate::support::undisturbed;
use serde_json::Value;

const LOAD: &str = r#"
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 2, itl_ms = 1, jitter = 0.0 }
[dataset]
prompt_tokens = 8
output_tokens = 4
[[case]]
name = "load"
kind = "generation"
workload = { requests = 12, warmup = 0 }
"#;

#[test]
fn an_hourly_price_gives_the_cost_of_tokens_and_says_whose_price_it_is() {
    let folder = with_scenario(LOAD);
    let arguments = ["run", "case.toml", "--results-dir", "r", "--format", "json"];
    let price = ["--hourly-cost", "3"];
    let output = undisturbed(|| {
        command(folder.path(), &[&arguments[..], &price].concat()).output().unwrap()
    });
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let case = &report["cases"][0];
    assert_eq!(case["price"]["source"], "--hourly-cost");
    let value = |id: &str| case["metrics"][id]["value"]["value"].as_f64().unwrap();
    let expected = 3.0 / (value("tok_s") * 3600.0) * 1000.0;
    assert!((value("cost_per_1k") / expected - 1.0).abs() < 1e-9, "{case}");
    assert!((value("cost_efficiency") * 3.0 / value("tok_s") - 1.0).abs() < 1e-9, "{case}");
    let refused = command(folder.path(), &[&arguments[..], &["--hourly-cost", "0"]].concat());
    assert_eq!(code(&{ refused }.output().unwrap()), Some(2));
}

#[test]
fn the_catalogue_is_listed_with_what_a_project_adds() {
    let folder = tempfile::tempdir().unwrap();
    let own = "as_of = \"2026-11\"\n[[instance]]\nname = \"our-rack\"\ngpu = \"H100 80GB\"\n\
               gpus = 8\nvram_gb = 80\nprice_per_hour_usd = 16.0\n";
    std::fs::write(folder.path().join("tokgate.toml"), "").unwrap();
    std::fs::write(folder.path().join("hardware.toml"), own).unwrap();
    let listed = |name: &str| command(folder.path(), &["hardware", name]).output().unwrap();
    let ours = listed("our-rack");
    assert!(text(&ours.stdout).contains("16.00 USD/h"), "{}", text(&ours.stdout));
    assert!(text(&listed("rtx6000-2").stdout).contains("3.00 USD/h"));
    assert_eq!(code(&listed("nobody's")), Some(4));
}
