//! The formulas that look at one request. What looks at a whole epoch lives in [`super::epoch`].
//!
//! Notation of the metric reference: content events e_1 … e_m at t_1 … t_m, N_out output tokens.

use crate::record::{Event, EventKind, Record};

/// `ttft`: t_1 − sent, seconds. A role-only or empty chunk is no content; an answer that came
/// whole has no first token.
pub(crate) fn ttft(record: &Record) -> Option<f64> {
    since_sent(record, record.content().next().filter(|event| is_streamed(event)))
}

/// `ttfr`: first data event of any kind − sent, seconds.
pub(super) fn ttfr(record: &Record) -> Option<f64> {
    since_sent(record, record.events.first().filter(|event| is_streamed(event)))
}

/// `ttfo`: first content that is not reasoning − sent, seconds.
pub(super) fn ttfo(record: &Record) -> Option<f64> {
    let mut streamed = record.content().filter(|event| is_streamed(event));
    since_sent(record, streamed.find(|event| event.kind != EventKind::Reasoning))
}

/// `e2e`: t_m − sent, seconds. A usage-only last chunk does not extend it.
pub(super) fn e2e(record: &Record) -> Option<f64> {
    since_sent(record, record.content().next_back())
}

/// `ttft_due`: t_1 − due, seconds.
pub(super) fn ttft_due(record: &Record) -> Option<f64> {
    ttft(record).map(|ttft| ttft + record.sent.seconds_since(record.due))
}

/// `e2e_due`: t_m − due, seconds; for a retrieval query its neighbours' arrival − due.
pub(super) fn e2e_due(record: &Record) -> Option<f64> {
    whole(record).map(|whole| whole + record.sent.seconds_since(record.due))
}

/// The whole request, whatever it is: `e2e` of an answer, `query` of neighbours.
pub(crate) fn whole(record: &Record) -> Option<f64> {
    e2e(record).or_else(|| query(record))
}

/// `query`: the answer's end − sent, seconds; only for requests that brought neighbours.
pub(super) fn query(record: &Record) -> Option<f64> {
    record.neighbours.as_ref().map(|_| record.done.seconds_since(record.sent))
}

/// `query_cpu`: CPU time of the search, seconds.
pub(super) fn query_cpu(record: &Record) -> Option<f64> {
    record.neighbours.as_ref()?.cpu_ns.map(|nanoseconds| nanoseconds as f64 / 1e9)
}

/// `embed`: the vectors' end − sent, seconds; only for requests that brought vectors.
pub(super) fn embed(record: &Record) -> Option<f64> {
    record.embedded.as_ref().and_then(|_| e2e(record))
}

/// `rag_embed`: the question's vector received − sent, seconds.
pub(super) fn rag_embed(record: &Record) -> Option<f64> {
    Some(record.parts?.embedded?.seconds_since(record.sent))
}

/// `rag_search`: passages found − search asked for, seconds.
pub(super) fn rag_search(record: &Record) -> Option<f64> {
    let parts = record.parts?;
    Some(parts.found?.seconds_since(parts.searching?))
}

/// `rag_generate`: t_1 − the generation request's first byte, seconds.
pub(super) fn rag_generate(record: &Record) -> Option<f64> {
    let first = record.content().next().filter(|event| is_streamed(event))?;
    Some(first.at.seconds_since(record.parts?.asked?))
}

/// `send_lag`: sent − due, seconds.
pub(super) fn send_lag(record: &Record) -> Option<f64> {
    Some(record.sent.seconds_since(record.due))
}

/// `tpot`: (t_m − t_1) / (N_out − n_1), seconds; n_1 = 1 unless the target said otherwise.
///
/// Absent when the denominator is below 1, and when one event carried everything: n_1 is then
/// N_out, whether or not the target said so.
pub(super) fn tpot(record: &Record) -> Option<f64> {
    let (first, last) = (record.content().next()?, record.content().next_back()?);
    let after_first = output_tokens(record)? - f64::from(first.tokens.unwrap_or(1));
    let several = record.content().nth(1).is_some();
    (several && after_first >= 1.0).then(|| last.at.seconds_since(first.at) / after_first)
}

/// `decode_rate`: 1 / tpot, tokens per second; absent where no time passed.
pub(super) fn decode_rate(record: &Record) -> Option<f64> {
    tpot(record).filter(|tpot| *tpot > 0.0).map(f64::recip)
}

/// `itl`: t_i − t_(i−1) for i = 2 … m, seconds; one sample an event, never split inside one.
pub(super) fn itl(record: &Record) -> Vec<f64> {
    let later = record.content().skip(1);
    record.content().zip(later).map(|(one, next)| next.at.seconds_since(one.at)).collect()
}

/// `prompt_tokens`, as counted in [`crate::record::Usage`]; of all inputs of an embedding request.
pub(super) fn prompt_tokens(record: &Record) -> Option<f64> {
    let tokens = match &record.embedded {
        Some(embedded) => embedded.prompt_tokens,
        None => record.usage.as_ref().map(|usage| usage.prompt_tokens),
    };
    tokens.map(|tokens| tokens as f64)
}

/// `output_tokens`: N_out, as counted in [`crate::record::Usage`]; never the number of events.
pub(super) fn output_tokens(record: &Record) -> Option<f64> {
    record.usage.as_ref().map(|usage| usage.completion_tokens as f64)
}

/// `recall_at_k`: |found ∩ exact| / k; absent for a query without an exact answer.
pub(super) fn recall(record: &Record, k: u32) -> Option<f64> {
    let hits = record.neighbours.as_ref()?.hits.iter().find(|hits| hits.k == k && k > 0)?;
    Some(f64::from(hits.found) / f64::from(k))
}

fn is_streamed(event: &Event) -> bool {
    event.kind != EventKind::Whole
}

fn since_sent(record: &Record, event: Option<&Event>) -> Option<f64> {
    event.map(|event| event.at.seconds_since(record.sent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::fixture::{ms, success, with_events};
    use EventKind::{Content, Other, Reasoning};

    /// One token at 100 ms, three in one event at 140 ms, one at 180 ms; the role at 60 ms, the
    /// usage at 250 ms.
    fn worked_example() -> Record {
        with_events(
            5,
            &[
                (60, Other, None),
                (100, Content, Some(1)),
                (140, Content, Some(3)),
                (180, Content, Some(1)),
                (250, Other, None),
            ],
        )
    }

    #[test]
    fn the_worked_example_of_the_metric_reference_holds() {
        let record = worked_example();
        assert_eq!(ttft(&record), Some(ms(100)));
        assert_eq!(ttfr(&record), Some(ms(60)));
        assert_eq!(itl(&record), [ms(40), ms(40)]);
        assert_eq!(tpot(&record), Some(0.080 / 4.0));
        assert_eq!(decode_rate(&record), Some(50.0));
    }

    #[test]
    fn a_usage_only_last_chunk_does_not_extend_the_request() {
        assert_eq!(e2e(&worked_example()), Some(ms(180)));
    }

    #[test]
    fn reasoning_is_a_first_token_but_not_a_first_output() {
        let record = with_events(2, &[(50, Reasoning, None), (90, Content, None)]);
        assert_eq!((ttft(&record), ttfo(&record)), (Some(ms(50)), Some(ms(90))));
    }

    #[test]
    fn an_answer_that_came_whole_has_an_end_but_no_first_token() {
        let record = with_events(5, &[(50, EventKind::Whole, None)]);
        assert_eq!((ttft(&record), ttfr(&record), ttfo(&record)), (None, None, None));
        assert_eq!((e2e(&record), tpot(&record)), (Some(ms(50)), None));
    }

    #[test]
    fn an_answer_without_content_has_no_latency() {
        let record = with_events(0, &[(50, Other, None)]);
        assert_eq!((ttft(&record), e2e(&record), tpot(&record)), (None, None, None));
        assert_eq!(itl(&record), [0.0; 0]);
    }

    #[test]
    fn one_token_and_one_event_have_no_time_per_token() {
        assert_eq!(tpot(&with_events(1, &[(50, Content, None)])), None);
        assert_eq!(tpot(&with_events(5, &[(50, Content, None)])), None);
        assert_eq!(tpot(&with_events(5, &[(50, Content, Some(5)), (60, Content, None)])), None);
    }

    #[test]
    fn tokens_that_came_at_one_instant_have_no_rate() {
        let record = with_events(2, &[(50, Content, None), (50, Content, None)]);
        assert_eq!((tpot(&record), decode_rate(&record)), (Some(0.0), None));
    }

    #[test]
    fn without_a_count_nothing_is_said_of_tokens() {
        let record = Record { usage: None, ..worked_example() };
        assert_eq!((tpot(&record), output_tokens(&record)), (None, None));
    }

    #[test]
    fn recall_is_a_share_of_k_and_absent_without_an_exact_answer() {
        use crate::record::{Hits, Neighbours};
        let neighbours =
            Neighbours { ids: vec![1], hits: vec![Hits { k: 10, found: 9 }], cpu_ns: None };
        let record = Record { neighbours: Some(neighbours), ..success(0) };
        assert_eq!((recall(&record, 10), recall(&record, 100)), (Some(0.9), None));
        assert_eq!(query(&success(0)), None);
    }

    #[test]
    fn vectors_have_a_latency_and_the_tokens_of_their_inputs_alone() {
        use crate::record::Embedded;
        let vectors = Embedded { inputs: 3, dimensions: 8, prompt_tokens: Some(21), usage: None };
        let answered = with_events(0, &[(50, EventKind::Whole, None)]);
        let record = Record { embedded: Some(vectors.clone()), usage: None, ..answered };
        assert_eq!((embed(&record), prompt_tokens(&record)), (Some(ms(50)), Some(21.0)));
        let uncounted = Embedded { prompt_tokens: None, ..vectors };
        assert_eq!(prompt_tokens(&Record { embedded: Some(uncounted), ..record }), None);
        assert_eq!(embed(&success(0)), None);
    }

    #[test]
    fn the_parts_of_a_question_lie_within_its_time_to_first_token() {
        use crate::record::Parts;
        use crate::time::Offset;
        let at = |milliseconds: u64| Some(Offset(milliseconds * 1_000_000));
        let parts = Parts { embedded: at(20), searching: at(21), found: at(25), asked: at(26) };
        let record = Record {
            parts: Some(parts),
            ..with_events(2, &[(66, Content, None), (70, Content, None)])
        };
        assert_eq!((rag_embed(&record), rag_search(&record)), (Some(ms(20)), Some(ms(4))));
        assert_eq!((rag_generate(&record), ttft(&record)), (Some(ms(40)), Some(ms(66))));
        let cut = Parts { found: None, asked: None, ..parts };
        let record = Record { parts: Some(cut), ..record };
        assert_eq!((rag_search(&record), rag_generate(&record)), (None, None));
    }
}
