//! How fast the engine is, for people: run by name, with `RAYON_NUM_THREADS=1` and nothing beside
//! it, `cargo test -p tokgate-harness --lib -- --ignored --nocapture speed_of`.

use super::device;
use super::gguf::Gguf;
use super::llama::{Cache, Llama, Source, Span};
use super::matrix::Held;
use super::shape::{SYNTHETIC, synthetic};
use super::synthetic::Seeded;
use crate::clock::Clock;
use candle_core::quantized::GgmlDType;
use candle_core::utils::{get_num_threads, with_threadpool};
use candle_core::{Device, Result};
use std::path::Path;

/// Decode steps of a measurement, and how often it is repeated; the fastest counts.
const STEPS: usize = 32;
const REPEATS: usize = 2;

fn prefill(model: &Llama, tokens: &[u32]) -> Result<(f64, Cache)> {
    let mut cache = model.cache(tokens.len() + STEPS)?;
    let clock = Clock::start();
    model.forward(&mut [Span { tokens, cache: &mut cache }])?.to_vec2::<f32>()?;
    Ok((clock.now().seconds(), cache))
}

/// The fastest step: what else runs on the machine is in the slower ones.
fn decode(model: &Llama, caches: &mut [Cache]) -> Result<f64> {
    let mut fastest = f64::MAX;
    for step in 0..STEPS {
        let token = [step as u32];
        let clock = Clock::start();
        let mut spans: Vec<Span<'_>> =
            caches.iter_mut().map(|cache| Span { tokens: &token, cache }).collect();
        model.forward(&mut spans)?.to_vec2::<f32>()?;
        fastest = fastest.min(clock.now().seconds());
    }
    Ok(fastest)
}

/// Prefill in milliseconds and decode in tokens a second, all sequences together.
fn measure(model: &Llama, prompt: usize, batch: usize) -> Result<(f64, f64)> {
    let tokens: Vec<u32> = (0..prompt as u32).map(|i| i * 37 % 1024).collect();
    let mut best = (f64::MAX, f64::MAX);
    for _ in 0..REPEATS {
        let prefilled: Vec<(f64, Cache)> =
            (0..batch).map(|_| prefill(model, &tokens)).collect::<Result<_>>()?;
        best.0 = prefilled.iter().fold(best.0, |best, (seconds, _)| best.min(*seconds));
        let mut caches: Vec<Cache> = prefilled.into_iter().map(|(_, cache)| cache).collect();
        best.1 = best.1.min(decode(model, &mut caches)?);
    }
    Ok((best.0 * 1e3, batch as f64 / best.1))
}

fn print(name: &str, model: &Llama, prompts: &[usize]) {
    for &prompt in prompts {
        let (ttft, one) = with_threadpool(|| measure(model, prompt, 1)).unwrap();
        let [four, eight] =
            [4, 8].map(|n| with_threadpool(|| measure(model, prompt, n)).unwrap().1);
        eprintln!(
            "{name:>16} p{prompt:<3} {} thread(s): prefill {ttft:6.1} ms, tok/s {one:6.0}, batch 4 {four:6.0}, batch 8 {eight:6.0}",
            get_num_threads()
        );
    }
}

#[test]
#[ignore = "prints figures for people"]
fn speed_of_synthetic_models() {
    for name in SYNTHETIC {
        let device = device::fastest();
        let mut source = Seeded(device.clone());
        print(
            name,
            &Llama::load(synthetic(name).unwrap(), &mut source, device).unwrap(),
            &[32, 256],
        );
    }
}

#[test]
#[ignore = "prints figures for people; needs scripts/fetch-smollm2.sh"]
fn speed_of_smollm2_by_how_weights_are_held() {
    let path = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../models/SmolLM2-135M-Instruct.Q4_1.gguf"
    ));
    for held in [Held::Q8_0, Held::F32, Held::Stored(GgmlDType::Q4_1)] {
        let mut file = Gguf::open(path, &Device::Cpu).unwrap().hold_as(held);
        let clock = Clock::start();
        let shape = file.shape().clone();
        let model = Llama::load(shape, &mut file as &mut dyn Source, Device::Cpu).unwrap();
        eprintln!("{} loaded in {:.2} s", held.name(), clock.now().seconds());
        print(&held.name(), &model, &[32]);
    }
}
