//! What the server and its machine say: batches, queues, memory, heat.

use super::{About, Advice, Facts, advise};
use crate::case::{Case, Dataset, PromptSet, PromptSource, Workload};
use crate::metric;
use crate::quantile::Sorted;
use crate::record::Record;
use crate::run::{GpuSample, Run};
use crate::summary::{sample, ttft};
use crate::throttle::slowed_by;
use crate::unit::Unit;

/// Fewer requests at once say nothing of batches.
const A_BATCH: f64 = 4.0;
/// A server that works on this share of what it is sent, or less, leaves the rest to wait.
const HALF_FULL: f64 = 0.5;
/// A key-value cache that was this full was full: it is asked about once a second.
const CACHE_FULL: f64 = 0.95;
/// A GPU whose memory is used to this share, or less, has room for larger batches.
const GPU_ROOM: f64 = 0.7;
/// A host whose memory is used to this share, or more, has none for anything.
const HOST_FULL: f64 = 0.9;
/// Shared beginnings of which this share, or less, is found are computed anew for most requests.
const COLD: f64 = 0.1;
/// Requests from which on short prompts are compared with long ones: ten in each quarter.
const PROMPTS: usize = 40;
/// Long prompts are at least this many times as long as short ones, or there is nothing to compare.
const LONGER: f64 = 2.0;
/// Long prompts wait this many times as long for their first token where it is the prompt's work,
const SLOWER: f64 = 1.5;
/// while their tokens come at most this many times as slowly.
const AS_FAST: f64 = 1.2;

pub(super) fn advice(facts: &Facts<'_>) -> impl Iterator<Item = Advice> {
    let batches = [batch_occupancy(facts), queue(facts), kv_cache(facts), cold_prefixes(facts)];
    let machine = [memory_headroom(facts), memory_short(facts), throttling(facts)];
    let tokens = [prefill(facts), stalls_preempted(facts)];
    batches.into_iter().chain(machine).chain(tokens).flatten()
}

/// Requests that a closed loop keeps in flight, where their number does not change.
fn asked_at_once(case: &Case) -> Option<f64> {
    let Workload::Closed(closed) = &case.workload else { return None };
    let steady = closed.shape.is_none() && closed.think_time_s == 0.0;
    steady.then(|| f64::from(closed.concurrency) * f64::from(closed.batch))
}

/// `server_running_peak` far below the number of workers.
fn batch_occupancy(facts: &Facts<'_>) -> Option<Advice> {
    let asked = asked_at_once(&facts.first()?.head.case).filter(|asked| *asked >= A_BATCH)?;
    let running = facts.scalar(&metric::SERVER_RUNNING_PEAK)?;
    (running <= asked * HALF_FULL).then_some(())?;
    let evidence = format!("the server worked on at most {running} of {asked} requests at once");
    advise(
        About::BatchOccupancy,
        evidence,
        "let it batch more (`max_num_seqs`, `--parallel`, `OLLAMA_NUM_PARALLEL`), or send less: more does not reach it",
    )
}

fn queue(facts: &Facts<'_>) -> Option<Advice> {
    let waiting = facts.scalar(&metric::SERVER_WAITING_PEAK).filter(|waiting| *waiting > 0.0)?;
    let running = facts.scalar(&metric::SERVER_RUNNING_PEAK);
    let beside =
        running.map_or_else(String::new, |running| format!(" while it worked on {running}"));
    advise(
        About::Queue,
        format!("up to {waiting} requests waited within the server{beside}"),
        "raise `max_num_seqs` where memory allows it, or serve from more replicas",
    )
}

/// Requests that were put back, and a cache that was full.
fn kv_cache(facts: &Facts<'_>) -> Option<Advice> {
    let preempted = facts.scalar(&metric::SERVER_PREEMPTIONS).unwrap_or_default();
    let full = facts.scalar(&metric::SERVER_CACHE_PEAK);
    let is_full = full.is_some_and(|full| full >= CACHE_FULL);
    (is_full || preempted > 0.0).then_some(())?;
    let cache = full.map(|full| format!("the key-value cache was {} full", Unit::Ratio.show(full)));
    let back =
        (preempted > 0.0).then(|| format!("{preempted} requests were put back to make room"));
    let evidence: Vec<String> = cache.into_iter().chain(back).collect();
    advise(
        About::KvCache,
        evidence.join(" and "),
        "give it more memory, keep it in 8 bits (`--kv-cache-dtype fp8`), or lower `max_model_len` or `max_num_seqs`",
    )
}

fn shared_tokens(case: &Case) -> Option<u32> {
    match &case.dataset {
        Dataset::Prompts(PromptSet { source: PromptSource::Synthetic(synthetic), .. }) => {
            synthetic.shared.map(|shared| shared.tokens)
        }
        Dataset::Prompts(_) | Dataset::Vectors(_) => None,
    }
}

/// Prompts that begin alike, and a cache that does not know it.
fn cold_prefixes(facts: &Facts<'_>) -> Option<Advice> {
    let tokens = shared_tokens(&facts.first()?.head.case)?;
    let hits = facts.scalar(&metric::SERVER_PREFIX_HITS).filter(|hits| *hits <= COLD)?;
    let evidence = format!(
        "prompts share {tokens} tokens, and {} of the tokens were found in the prefix cache",
        Unit::Ratio.show(hits)
    );
    advise(
        About::ColdPrefixes,
        evidence,
        "switch prefix caching on (`--enable-prefix-caching`), or warm it with a request for each beginning",
    )
}

/// Memory to spare on a GPU of this machine, where more of it would help.
fn memory_headroom(facts: &Facts<'_>) -> Option<Advice> {
    let run = facts.first().filter(|run| run.head.case.run.dcgm_url.is_none())?;
    let all: u64 = run.head.environment.gpus.iter().map(|gpu| gpu.vram_bytes).sum();
    let used = facts.scalar(&metric::GPU_MEM_PEAK).filter(|_| all > 0)?;
    (used <= all as f64 * GPU_ROOM).then_some(())?;
    let waits = facts.scalar(&metric::SERVER_WAITING_PEAK).is_some_and(|waiting| waiting > 0.0);
    let slow = run.head.case.goals.iter().find(|goal| {
        goal.metric.metric == &metric::TOK_S
            && facts.summary.estimate(goal.metric).is_some_and(|it| !goal.bound.is_met(it.value))
    });
    let why = match (waits, slow) {
        (true, _) => "requests waited",
        (false, Some(_)) => "throughput misses its goal",
        (false, None) => return None,
    };
    let evidence = format!(
        "{} of {} GPU memory were used, and {why}",
        Unit::Bytes.show(used),
        Unit::Bytes.show(all as f64)
    );
    advise(
        About::MemoryHeadroom,
        evidence,
        "batch more, and let the server take more (`--gpu-memory-utilization`)",
    )
}

fn memory_short(facts: &Facts<'_>) -> Option<Advice> {
    let share = facts.scalar(&metric::MEMORY_SHARE).filter(|share| *share >= HOST_FULL)?;
    advise(
        About::MemoryShort,
        format!("{} of the host's memory were in use", Unit::Ratio.show(share)),
        "stop what else runs here, or take a smaller model, quantisation or index",
    )
}

/// Heat or power that slowed a GPU down in any sample.
fn throttling(facts: &Facts<'_>) -> Option<Advice> {
    let gpus: Vec<&GpuSample> =
        facts.epochs.iter().flat_map(Run::watched).flat_map(|sample| &sample.gpus).collect();
    let told: Vec<u64> = gpus.iter().filter_map(|gpu| gpu.throttle).collect();
    let slowed = told.iter().filter(|bits| !slowed_by(**bits).is_empty()).count();
    (slowed > 0).then_some(())?;
    let by = slowed_by(told.iter().fold(0, |all, bits| all | bits)).join(" and ");
    let hottest = gpus.iter().filter_map(|gpu| gpu.temperature_c).reduce(f64::max);
    let heat =
        hottest.map_or_else(String::new, |heat| format!(", at up to {}", Unit::Celsius.show(heat)));
    advise(
        About::Throttling,
        format!("{by} slowed a GPU down in {slowed} of {} samples{heat}", told.len()),
        "see to cooling and power supply, or lock lower clocks (`nvidia-smi -lgc`) to measure the same again",
    )
}

/// A prompt's length and its time to first token, with the time per token after it.
struct Answer {
    prompt: f64,
    ttft: f64,
    tpot: Option<f64>,
}

impl Answer {
    fn of(record: &Record) -> Option<Self> {
        let prompt = sample(&metric::PROMPT_TOKENS, record)?;
        Some(Self { prompt, ttft: ttft(record)?, tpot: sample(&metric::TPOT, record) })
    }
}

/// Times to first token that grow with the prompt, where times per token do not: the wait is the
/// prompt's computing, and not the batch. The quarter of the shortest prompts is compared with that of
/// the longest.
fn prefill(facts: &Facts<'_>) -> Option<Advice> {
    let mut answers: Vec<Answer> =
        facts.epochs.iter().flat_map(Run::successes).filter_map(Answer::of).collect();
    (answers.len() >= PROMPTS).then_some(())?;
    answers.sort_by(|a, b| a.prompt.total_cmp(&b.prompt));
    let quarter = answers.len() / 4;
    let (short, long) = (&answers[..quarter], &answers[answers.len() - quarter..]);
    let [short_prompt, long_prompt] =
        [short, long].map(|some| median(some, |one| Some(one.prompt)));
    let [short_ttft, long_ttft] = [short, long].map(|some| median(some, |one| Some(one.ttft)));
    let [short_tpot, long_tpot] = [short, long].map(|some| median(some, |one| one.tpot));
    let longer = long_prompt? >= short_prompt? * LONGER;
    let slower = long_ttft? >= short_ttft? * SLOWER;
    let as_fast = long_tpot? <= short_tpot? * AS_FAST;
    (longer && slower && as_fast).then_some(())?;
    let show = |seconds: Option<f64>| Unit::Seconds.show(seconds.unwrap_or_default());
    let evidence = format!(
        "prompts of {:.0} tokens wait {} for the first token and those of {:.0} wait {}, at {} and {} a token after it",
        short_prompt?,
        show(short_ttft),
        long_prompt?,
        show(long_ttft),
        show(short_tpot),
        show(long_tpot)
    );
    advise(
        About::Prefill,
        evidence,
        "the prompt's computing is the wait: cache prefixes, shorten prompts, or prefill in chunks or elsewhere (`--enable-chunked-prefill`)",
    )
}

fn median(answers: &[Answer], of: fn(&Answer) -> Option<f64>) -> Option<f64> {
    Sorted::new(answers.iter().filter_map(of)).median()
}

/// Stalls of which at least half came while the server put requests back.
fn stalls_preempted(facts: &Facts<'_>) -> Option<Advice> {
    let stalls = facts.stalls?;
    let preempted = stalls.preempted.filter(|some| *some > 0 && some * 2 >= stalls.count)?;
    let evidence = format!(
        "during {preempted} of {} stalls the server put requests back to make room",
        stalls.count
    );
    advise(
        About::StallsPreempted,
        evidence,
        "the stalls are its key-value cache's: lower `max_num_seqs`, or give the cache more memory",
    )
}
