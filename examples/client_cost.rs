//! What a client costs: CPU seconds per million events, of ours with everything parsed and recorded,
//! and of bare ones that only drain what comes. `tests/real/client_cost.sh` runs it.
//!
//! usage: client_cost serve EVENTS
//!        client_cost ours|hyper|reqwest ADDRESS STREAMS REQUESTS TOKENS
//! The first serves answers of so many events at once, until its input ends. The others answer with
//! one line: CPU seconds, CPU seconds per million tokens, and the peak of their memory in MB.
#![allow(clippy::print_stdout)] // it is a program
// The benchmark beside it uses the rest.
#[allow(dead_code)]
#[path = "../benches/clients/mod.rs"]
mod clients;

use anyhow::{Context, bail};
use clients::{Load, Ours};
use std::fs::read_to_string;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", events] => serve(events.parse()?),
        [client, server, streams, requests, tokens] => {
            let (streams, requests) = (streams.parse()?, requests.parse()?);
            let load = Load { server: server.parse()?, streams, requests, tokens: tokens.parse()? };
            println!("{}", cost(client, load)?);
            Ok(())
        }
        _ => bail!("see the head of examples/client_cost.rs"),
    }
}

fn serve(events: usize) -> anyhow::Result<()> {
    println!("{}", clients::null_server(events)?);
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}

/// Reads a load with one of the clients.
fn cost(client: &str, load: Load) -> anyhow::Result<String> {
    let runtime = clients::runtime();
    let ours = (client == "ours").then(|| Ours::open(load));
    let before = cpu_s()?;
    match (client, &ours) {
        (_, Some(ours)) => {
            let (read, sent) = (ours.measure(), load.requests * load.tokens);
            anyhow::ensure!(read == sent, "{read} of {sent} events were recorded");
        }
        ("hyper", _) => drop(clients::hyper(&runtime, load)),
        ("reqwest", _) => drop(clients::reqwest(&runtime, load)),
        _ => bail!("no client is called {client}"),
    }
    let cost = cpu_s()? - before;
    let million = (load.requests * load.tokens) as f64 / 1e6;
    Ok(format!("{cost:.2} {:.2} {:.1}", cost / million, peak_mb()?))
}

/// CPU seconds of all threads so far: proc_pid_schedstat counts those of one thread to the
/// nanosecond, and the threads that have ended not at all; ours do not end in between.
fn cpu_s() -> anyhow::Result<f64> {
    let mut nanoseconds = 0.0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let said = read_to_string(thread?.path().join("schedstat"))?;
        let first = said.split_whitespace().next().context("an empty schedstat")?;
        nanoseconds += first.parse::<f64>()?;
    }
    Ok(nanoseconds / 1e9)
}

fn peak_mb() -> anyhow::Result<f64> {
    let status = read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()).context("no VmHWM")?;
    Ok(kilobytes.parse::<f64>()? / 1e3)
}
