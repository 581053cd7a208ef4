//! `tokgate hardware`: the catalogue of hardware and prices.

use crate::cli::face::Face;
use crate::config::Config;
use crate::project::Project;
use anyhow::Result;
use comfy_table::{Table, presets};
use serde_json::json;
use tokgate_core::hardware::{Catalogue, Listed};
use tokgate_core::verdict::Exit;

/// List known GPUs, instances and hosted models, with their prices.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only names that contain this
    #[arg(value_name = "NAME", default_value = "")]
    filter: String,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// Lists the catalogue, with what `hardware.toml` adds.
///
/// # Errors
/// When a file of the configuration is wrong.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let catalogue = Config::load(&Project::find(&std::env::current_dir()?))?.catalogue;
    let rows: Vec<Row> = rows(&catalogue).filter(|row| row.is_like(&args.filter)).collect();
    match args.json {
        true => face.say(&json!({ "hardware": rows }).to_string()),
        false if rows.is_empty() => face.tell(&format!(
            "nothing in the catalogue is called like `{}`; your own go into hardware.toml",
            args.filter
        )),
        false => face.say(&table(&rows).trim_fmt()),
    }
    Ok(if rows.is_empty() { Exit::Nothing } else { Exit::Held })
}

/// An entry of the catalogue.
#[derive(Debug, serde::Serialize)]
struct Row {
    kind: &'static str,
    name: String,
    /// GPUs and their memory, or the host.
    is: String,
    price: Option<String>,
    as_of: String,
}

impl Row {
    fn is_like(&self, filter: &str) -> bool {
        self.name.to_lowercase().contains(&filter.to_lowercase())
    }
}

fn rows(catalogue: &Catalogue) -> impl Iterator<Item = Row> {
    let hour = |usd: f64| format!("{usd:.2} USD/h");
    let cards = catalogue.cards().iter().map(move |Listed { entry, as_of }| Row {
        kind: "gpu",
        name: entry.name.clone(),
        is: format!("{} GiB", entry.vram_gb),
        price: entry.price_per_hour_usd.map(hour),
        as_of: as_of.clone(),
    });
    let instances = catalogue.instances().iter().map(move |Listed { entry, as_of }| Row {
        kind: "instance",
        name: entry.name.clone(),
        is: format!("{} x {}, {} GiB each", entry.gpus, entry.gpu, entry.vram_gb),
        price: Some(hour(entry.price_per_hour_usd)),
        as_of: as_of.clone(),
    });
    let hosted = catalogue.hosted_models().iter().map(|Listed { entry, as_of }| {
        let (prompt, output) = (entry.prompt_usd_per_million, entry.output_usd_per_million);
        Row {
            kind: "model",
            name: entry.name.clone(),
            is: entry.host.clone(),
            price: Some(format!("{prompt} + {output} USD per million prompt + output tokens")),
            as_of: as_of.clone(),
        }
    });
    let categories = catalogue.categories().iter().map(|category| Row {
        kind: "category",
        name: category.name.clone(),
        is: format!("models of up to {} billion parameters", category.up_to_billion),
        price: None,
        as_of: String::new(),
    });
    cards.chain(instances).chain(hosted).chain(categories)
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    let header = ["kind", "name", "is", "price", "as of"];
    table.load_style(presets::NOTHING).force_no_tty().set_header(header);
    for row in rows {
        let price = row.price.clone().unwrap_or_else(|| "–".to_owned());
        table.add_row([row.kind, &row.name, &row.is, &price, &row.as_of]);
    }
    table
}
