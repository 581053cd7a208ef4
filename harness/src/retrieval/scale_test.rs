//! What a case of full size costs, for whoever changes a loop here:
//! `cargo test -p tokgate-harness --lib a_million -- --ignored --nocapture`.

use super::fixture::{case, search};
use crate::clock::Clock;
use crate::driver::{Driver, Payload, Request};
use crate::drivers::retrieval::{Corpora, Searcher};
use crate::recorder::Reply;
use tokgate_core::case::{DriverKind, Retrieval, Workload};

#[tokio::test]
#[ignore = "takes 3 GiB and a minute, and asserts nothing: it is read"]
async fn a_million_rows_are_prepared_and_searched() {
    let mut corpora = Corpora::default();
    for dimensions in [128, 384] {
        for (driver, requests) in [(DriverKind::FlatQ4, 1000), (DriverKind::Flat, 50)] {
            let mut case = case(1_000_000, dimensions);
            case.target.driver = driver;
            case.retrieval = Some(Retrieval { truth_queries: 200, ..search() });
            case.workload = Workload::closed(1, 1, 1000, 50);
            let searcher = corpora.open(&case).unwrap();
            eprintln!("{:?}\n{:?}", searcher.identity(), searcher.preparation());
            report(&searcher, requests).await;
        }
    }
}

async fn report(searcher: &Searcher, requests: u32) {
    let (mut latencies, mut found, mut asked) = (Vec::new(), 0, 0);
    for index in 0..requests {
        let reply = Reply::new(Clock::start());
        reply.sent();
        let request = Request { ordinal: 0, seed: 0, payload: Payload::Query { index } };
        let answer = searcher.send(&request, &reply).await.unwrap();
        let stamps = reply.take();
        latencies.push(stamps.events[0].at.seconds_since(stamps.sent) * 1e3);
        for hits in answer.neighbours.unwrap().hits.iter().filter(|hits| hits.k == 10) {
            found += hits.found;
            asked += hits.k;
        }
    }
    latencies.sort_by(f64::total_cmp);
    let at = |share: f64| latencies[(share * (latencies.len() - 1) as f64) as usize];
    let recall = f64::from(found) / f64::from(asked);
    eprintln!(
        "recall@10 {recall:.4}, p50 {:.2}, p95 {:.2}, p99 {:.2} ms",
        at(0.5),
        at(0.95),
        at(0.99)
    );
}
