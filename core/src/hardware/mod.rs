//! What GPUs, cloud instances and hosted models cost, and what models are called by their size.
//!
//! The catalogue that comes with tokgate is `shipped.toml`; a user's own file has the same form and
//! is laid over it.

use crate::case::RunsOn;
use crate::environment::slug_of_name;
use serde::Deserialize;

/// The catalogue that comes with tokgate.
const SHIPPED: &str = include_str!("shipped.toml");

const GIB: f64 = 1_073_741_824.0;

/// A GPU by its name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// The name, without its maker's words.
    pub name: String,
    /// Memory of one, GiB.
    pub vram_gb: f64,
    /// What one of it costs an hour, US dollars; absent where it is not rented out.
    #[serde(default)]
    pub price_per_hour_usd: Option<f64>,
}

/// A machine that can be rented by name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// The provider's name for it.
    pub name: String,
    /// Its GPU.
    pub gpu: String,
    /// How many of them.
    pub gpus: u32,
    /// Memory of one of them, GiB.
    pub vram_gb: f64,
    /// What all of it costs an hour, US dollars.
    pub price_per_hour_usd: f64,
}

/// A model that is paid by the token.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hosted {
    /// The host of its address: `api.openai.com`.
    pub host: String,
    /// Its name there.
    pub name: String,
    /// A million tokens of prompts, US dollars.
    pub prompt_usd_per_million: f64,
    /// A million tokens of answers, US dollars.
    pub output_usd_per_million: f64,
}

/// A word for models of about one size.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// The word.
    pub name: String,
    /// Most parameters, thousand millions.
    pub up_to_billion: f64,
}

/// What is known of hardware and prices.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    cards: Vec<Listed<Card>>,
    instances: Vec<Listed<Instance>>,
    hosted: Vec<Listed<Hosted>>,
    categories: Vec<Category>,
}

/// An entry, and when its price was looked up.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    /// The entry.
    pub entry: T,
    /// `2025-06`.
    pub as_of: String,
}

/// A catalogue as its file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    as_of: String,
    #[serde(default)]
    gpu: Vec<Card>,
    #[serde(default)]
    instance: Vec<Instance>,
    #[serde(default)]
    model: Vec<Hosted>,
    #[serde(default)]
    category: Vec<Category>,
}

impl Catalogue {
    /// The one that comes with tokgate.
    ///
    /// # Panics
    /// Never: a test reads it.
    #[must_use]
    pub fn shipped() -> Self {
        Self::parse(SHIPPED).expect("the shipped catalogue is right")
    }

    /// Reads a catalogue's file.
    ///
    /// # Errors
    /// When it is no such file: what is wrong, with its line and column, or which number cannot be.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Written { as_of, gpu, instance, model, category } =
            toml::from_str(text).map_err(|error| error.to_string())?;
        let unfit = unfit(&gpu, &instance, &model, &category);
        if let Some((entry, number)) = unfit {
            return Err(format!("`{entry}` has {number}, expected a number above 0"));
        }
        let mut categories = category;
        categories.sort_by(|a, b| a.up_to_billion.total_cmp(&b.up_to_billion));
        let as_of = as_of.as_str();
        Ok(Self {
            cards: listed(gpu, as_of),
            instances: listed(instance, as_of),
            hosted: listed(model, as_of),
            categories,
        })
    }

    /// The same with everything of `other`, which stands before what has the same name here.
    /// Categories are taken as a whole.
    #[must_use]
    pub fn under(self, other: Self) -> Self {
        let categories =
            if other.categories.is_empty() { self.categories } else { other.categories };
        Self {
            cards: [other.cards, self.cards].concat(),
            instances: [other.instances, self.instances].concat(),
            hosted: [other.hosted, self.hosted].concat(),
            categories,
        }
    }

    /// The GPU of this name, whoever's words stand before it.
    #[must_use]
    pub fn card(&self, name: &str) -> Option<&Listed<Card>> {
        let wanted = slug_of_name(name);
        self.cards.iter().find(|card| slug_of_name(&card.entry.name) == wanted)
    }

    /// The instance of this name.
    #[must_use]
    pub fn instance(&self, name: &str) -> Option<&Listed<Instance>> {
        self.instances.iter().find(|instance| instance.entry.name == name)
    }

    /// The model of this name on a host.
    #[must_use]
    pub fn hosted(&self, host: &str, name: &str) -> Option<&Listed<Hosted>> {
        self.hosted.iter().find(|model| model.entry.host == host && model.entry.name == name)
    }

    /// The word for a model with so many parameters; `None` where none is large enough.
    #[must_use]
    pub fn category(&self, parameters: f64) -> Option<&str> {
        let fits = |category: &&Category| parameters <= category.up_to_billion * 1e9;
        self.categories.iter().find(fits).map(|category| category.name.as_str())
    }

    /// The names of all instances.
    pub fn instance_names(&self) -> impl Iterator<Item = &str> {
        self.instances.iter().map(|instance| instance.entry.name.as_str())
    }

    /// All GPUs, those of a user's file first.
    #[must_use]
    pub fn cards(&self) -> &[Listed<Card>] {
        &self.cards
    }

    /// All instances, those of a user's file first.
    #[must_use]
    pub fn instances(&self) -> &[Listed<Instance>] {
        &self.instances
    }

    /// All hosted models, those of a user's file first.
    #[must_use]
    pub fn hosted_models(&self) -> &[Listed<Hosted>] {
        &self.hosted
    }

    /// The words for models by their size, the smallest first.
    #[must_use]
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// What is declared, with what the instance that it names adds where nothing else is said.
    /// The price is another matter.
    #[must_use]
    pub fn completed(&self, declared: RunsOn) -> RunsOn {
        let named = declared.instance.as_deref().and_then(|name| self.instance(name));
        let Some(Listed { entry, .. }) = named else { return declared };
        RunsOn {
            gpu: declared.gpu.or_else(|| Some(entry.gpu.clone())),
            gpus: declared.gpus.or(Some(entry.gpus)),
            vram_bytes: declared.vram_bytes.or(Some((entry.vram_gb * GIB) as u64)),
            ..declared
        }
    }
}

fn listed<T>(entries: Vec<T>, as_of: &str) -> Vec<Listed<T>> {
    entries.into_iter().map(|entry| Listed { entry, as_of: as_of.to_owned() }).collect()
}

/// An entry with a number that no price and no size has. What is free costs 0.
fn unfit(
    cards: &[Card],
    instances: &[Instance],
    hosted: &[Hosted],
    categories: &[Category],
) -> Option<(String, f64)> {
    let cards = cards.iter().flat_map(|card| {
        let numbers = [Some(card.vram_gb), card.price_per_hour_usd];
        numbers.into_iter().flatten().map(|number| (&card.name, number))
    });
    let instances = instances.iter().flat_map(|instance| {
        let numbers = [f64::from(instance.gpus), instance.vram_gb, instance.price_per_hour_usd];
        numbers.map(|number| (&instance.name, number))
    });
    let categories = categories.iter().map(|category| (&category.name, category.up_to_billion));
    let hosted = hosted.iter().flat_map(|model| {
        let numbers = [model.prompt_usd_per_million, model.output_usd_per_million];
        numbers.map(|number| (&model.name, number))
    });
    let positive = cards
        .chain(instances)
        .chain(categories)
        .find(|(_, number)| !number.is_finite() || *number <= 0.0);
    let mut hosted = hosted.filter(|(_, number)| !number.is_finite() || *number < 0.0);
    positive.or_else(|| hosted.next()).map(|(name, number)| (name.clone(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_catalogue_is_right_and_has_what_guides_name() {
        let shipped = Catalogue::shipped();
        let instance = &shipped.instance("g1-gpu-rtx6000-2").unwrap().entry;
        assert_eq!((instance.gpus, instance.price_per_hour_usd), (2, 3.0));
        assert_eq!(shipped.card("NVIDIA GeForce RTX 4090").unwrap().entry.vram_gb, 24.0);
        assert!(shipped.hosted("api.openai.com", "gpt-4o-mini").is_some());
        assert_eq!(shipped.hosted("elsewhere.example", "gpt-4o-mini"), None);
    }

    #[test]
    fn models_are_sorted_by_their_parameters() {
        let shipped = Catalogue::shipped();
        let of = |billion: f64| shipped.category(billion * 1e9);
        assert_eq!(
            [of(0.1), of(8.0), of(14.8), of(32.5), of(72.0)],
            [Some("7b"), Some("7b"), Some("14b"), Some("30b"), Some("70b")]
        );
    }

    #[test]
    fn an_entry_of_the_user_stands_before_ours_and_the_rest_stays() {
        let own = r#"
            as_of = "2026-11"
            [[instance]]
            name = "g1-gpu-rtx6000-2"
            gpu = "RTX 6000"
            gpus = 2
            vram_gb = 24
            price_per_hour_usd = 2.5
        "#;
        let both = Catalogue::shipped().under(Catalogue::parse(own).unwrap());
        let Listed { entry, as_of } = both.instance("g1-gpu-rtx6000-2").unwrap();
        assert_eq!((entry.price_per_hour_usd, as_of.as_str()), (2.5, "2026-11"));
        assert!(both.instance("g1-gpu-rtx6000-1").is_some());
        assert_eq!(both.category(8e9), Some("7b"));
    }

    #[test]
    fn an_instance_says_what_is_not_declared_and_nothing_else() {
        let shipped = Catalogue::shipped();
        let named = RunsOn {
            instance: Some("g1-gpu-rtx6000-2".to_owned()),
            vram_bytes: Some(24 << 30),
            ..RunsOn::default()
        };
        let completed = shipped.completed(named.clone());
        assert_eq!(completed.machine().unwrap().0, "rtx-6000-x2");
        assert_eq!(completed.vram_bytes, Some(24 << 30));
        let unknown = RunsOn { instance: Some("nobody's".to_owned()), ..named };
        assert_eq!(shipped.completed(unknown.clone()), unknown);
    }

    #[test]
    fn what_is_no_catalogue_is_refused_with_its_place() {
        let error = Catalogue::parse("as_of = \"2026\"\n[[gpu]]\nnam = \"x\"").unwrap_err();
        assert!(error.contains("line 3"), "{error}");
        for price in ["0", "-1", "inf", "nan"] {
            let text = format!(
                "as_of = \"2026\"\n[[gpu]]\nname = \"x\"\nvram_gb = 1\nprice_per_hour_usd = {price}"
            );
            assert!(Catalogue::parse(&text).is_err_and(|error| error.contains("`x`")), "{price}");
        }
    }
}
