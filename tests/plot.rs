//! Pictures of stored runs and of files, by the program and by the figures that they are drawn from.

use crate::faces::{code, command, text};
use crate::store::fixture::{answered, head, keep, keep_case, open, run, run_id};
use quick_xml::Reader;
use quick_xml::events::Event;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;
use tokgate::again::report_stored;
use tokgate::figure::{self, Figure, Layer, MOST_POINTS, Mark};
use tokgate::plot;
use tokgate::session::MeasuredCase;
use tokgate_core::case::{Case, CaseId, Tolerance, Workload};
use tokgate_core::metric::MetricRef;
use tokgate_core::record::{Event as Arrival, Record};
use tokgate_core::report::Report;
use tokgate_core::run::{Head, Run};
use tokgate_core::summary::{Estimate, Interval};
use tokgate_core::time::Offset;
use tokgate_core::validity::Validity;
use tokgate_core::verdict::{Comparison, Judged, Verdict};

/// What must neither run nor hide, in a name.
const HOSTILE: &str =
    "<script>alert(1)</script>\"'&]]>\u{0}\u{1b}[31m\u{202e}\u{ffff}$x$ javascript:x <a href='x'>";

fn plotted(folder: &Path, arguments: &[&str]) -> Output {
    let fixed = ["plot", "--results-dir", "r"];
    command(folder, &[&fixed[..], arguments].concat()).output().unwrap()
}

/// The files that the program says it has written.
fn written(folder: &Path, output: &Output) -> Vec<PathBuf> {
    assert_eq!(code(output), Some(0), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(|line| folder.join(line)).collect()
}

fn ending<'a>(files: &'a [PathBuf], ending: &str) -> Vec<&'a PathBuf> {
    files.iter().filter(|file| file.extension().is_some_and(|found| found == ending)).collect()
}

/// Width, height, and how many colours there are.
fn decoded(bytes: &[u8]) -> (u32, u32, usize) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let colours: BTreeSet<&[u8]> = pixels[..info.buffer_size()].chunks(4).collect();
    (info.width, info.height, colours.len())
}

/// The names of the elements and of their attributes, and all text; panics on what is no XML.
fn read_xml(svg: &str) -> (BTreeSet<String>, String) {
    let mut reader = Reader::from_str(svg);
    let (mut names, mut texts) = (BTreeSet::new(), String::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) | Event::Empty(element) => {
                names.insert(text(element.name().as_ref()));
                for attribute in element.attributes() {
                    names.insert(text(attribute.unwrap().key.as_ref()));
                }
            }
            Event::Text(found) => texts += &found.decode().unwrap(),
            Event::GeneralRef(found) => texts += &format!("&{};", found.decode().unwrap()),
            Event::Eof => return (names, texts),
            Event::End(_) => texts.push('\n'),
            other => panic!("{other:?} has no place in a picture"),
        }
    }
}

/// A report of cases, each of one epoch, and the epochs.
fn reported(heads: Vec<Head>) -> (Report, Vec<Vec<Run>>) {
    let measured: Vec<MeasuredCase> = heads
        .into_iter()
        .map(|head| {
            let epochs = vec![run(head)];
            let summary = tokgate::store::summary(&epochs).unwrap();
            MeasuredCase { epochs, validity: vec![Validity::Valid], summary }
        })
        .collect();
    let epochs = measured.iter().map(|case| case.epochs.clone()).collect();
    let cases: Vec<_> = measured.into_iter().map(|case| (case, Vec::new())).collect();
    (report_stored(&cases, false), epochs)
}

/// The head of a cell, with its value of one axis, and so many workers.
fn cell(value: u32) -> Head {
    let axes = [("concurrency".to_owned(), value.to_string())];
    let workload = Workload::closed(value, 1, 20, 1);
    let mut head = head(1, "sweep", value);
    head.case = Case { id: CaseId::new("quick", "sweep", &axes), workload, ..head.case };
    head
}

fn called<'a>(figures: &'a [Figure], id: &str) -> &'a Figure {
    let ids: Vec<&str> = figures.iter().map(|figure| figure.id.as_str()).collect();
    figures.iter().find(|figure| figure.id == id).unwrap_or_else(|| panic!("{id} in {ids:?}"))
}

fn estimate(report: &Report, case: usize, name: &str) -> Estimate {
    estimate_of(&report.cases[case].summary, name)
}

fn heights(layer: &Layer) -> Vec<f64> {
    layer.points.iter().map(|point| point.y).collect()
}

#[test]
fn the_newest_run_is_drawn_where_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("r"));
    keep_case(&mut store, 1, "old");
    keep_case(&mut store, 2, "new");
    let files = written(folder.path(), &plotted(folder.path(), &["--format", "svg"]));
    let summary =
        std::fs::read_to_string(folder.path().join("r/plots/benchmark_summary.txt")).unwrap();
    assert!(summary.contains(&run_id(2)) && summary.contains("time to first token"), "{summary}");
    for file in ending(&files, "svg") {
        let name = file.file_name().unwrap().to_string_lossy();
        assert!(summary.contains(&*name), "{name} in {summary}");
        let (names, texts) = read_xml(&std::fs::read_to_string(file).unwrap());
        assert!(names.contains("title") && names.contains("viewBox"), "{name}: {names:?}");
        assert!(texts.lines().count() > 8, "{name}: {texts}");
    }
    let histogram =
        std::fs::read_to_string(folder.path().join("r/plots/ttft-histogram.svg")).unwrap();
    let (_, texts) = read_xml(&histogram);
    assert!(texts.contains("time to first token (ms)") && texts.contains("p50 4 ms"), "{texts}");
}

#[test]
fn a_png_is_one_and_shows_more_than_its_ground() {
    let (report, epochs) = reported(vec![head(1, "one", 0)]);
    let figures = figure::of_case(&report.cases[0], &epochs[0], MOST_POINTS);
    for id in ["ttft-ecdf", "utilization-over-time"] {
        let (width, height, colours) = decoded(&plot::png(called(&figures, id)).unwrap());
        assert_eq!(width, 1920);
        assert!(height > 800 && colours > 20, "{id}: {height} high, {colours} colours");
    }
}

#[test]
fn pictures_of_the_run_before_make_room_but_nothing_of_the_users_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("r"));
    keep_case(&mut store, 1, "one");
    let own = folder.path().join("mine");
    for place in [&own, &folder.path().join("r/plots")] {
        std::fs::create_dir_all(place).unwrap();
        std::fs::write(place.join("old.svg"), "old").unwrap();
        std::fs::write(place.join("notes.txt"), "mine").unwrap();
    }
    written(folder.path(), &plotted(folder.path(), &["--format", "svg"]));
    written(folder.path(), &plotted(folder.path(), &["--format", "svg", "-o", "mine"]));
    assert!(own.join("old.svg").exists() && own.join("e2e-ecdf.svg").exists());
    assert!(!folder.path().join("r/plots/old.svg").exists());
    assert!(folder.path().join("r/plots/notes.txt").exists());
}

#[test]
fn raw_lines_of_an_epoch_and_an_export_are_drawn_without_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("s"));
    keep_case(&mut store, 1, "one");
    drop(store);
    let raw = folder.path().join("s/raw").read_dir().unwrap().next().unwrap().unwrap().path();
    let arguments = [raw.to_str().unwrap(), "--format", "svg", "-o", "raw"];
    let files = written(folder.path(), &plotted(folder.path(), &arguments));
    assert!(files.iter().any(|file| file.ends_with("raw/ttft-over-time.svg")), "{files:?}");
    let export = ["export", "all.json", "--results-dir", "s"];
    assert_eq!(code(&command(folder.path(), &export).output().unwrap()), Some(0));
    let arguments = ["all.json", "--format", "svg", "-o", "export"];
    let files = written(folder.path(), &plotted(folder.path(), &arguments));
    assert!(files.iter().any(|file| file.ends_with("export/comparison-tok-s.svg")), "{files:?}");
    assert!(!folder.path().join("r/plots").exists());
}

#[test]
fn what_a_run_printed_draws_that_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("r"));
    keep_case(&mut store, 1, "old");
    keep_case(&mut store, 2, "new");
    let told = ["report", &run_id(1), "--json", "--results-dir", "r"];
    let told = command(folder.path(), &told).output().unwrap();
    std::fs::write(folder.path().join("told.json"), &told.stdout).unwrap();
    written(folder.path(), &plotted(folder.path(), &["told.json", "--format", "svg"]));
    let summary = std::fs::read_to_string(folder.path().join("r/plots/benchmark_summary.txt"));
    assert!(summary.unwrap().contains(&run_id(1)));
}

#[test]
fn what_cannot_be_drawn_is_said_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let unmade = plotted(folder.path(), &[]);
    assert_eq!(code(&unmade), Some(2), "{}", text(&unmade.stderr));
    drop(open(&folder.path().join("r")));
    let none = plotted(folder.path(), &[]);
    assert_eq!(code(&none), Some(4), "{}", text(&none.stderr));
    keep_case(&mut open(&folder.path().join("r")), 1, "one");
    std::fs::write(folder.path().join("torn.json"), "{\"a\": ").unwrap();
    for (arguments, said) in [
        (&["nothing-of-this-name"][..], "tokgate list"),
        (&["torn.json"], "torn"),
        (&["run-1", "--case", "absent"], "quick::one"),
        (&["--format", "gif"], "png"),
    ] {
        let output = plotted(folder.path(), arguments);
        assert_eq!(code(&output), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(said), "{arguments:?}: {}", text(&output.stderr));
    }
    assert!(!folder.path().join("r/plots").exists());
}

#[test]
fn figures_say_what_the_summary_says() {
    let (report, epochs) = reported(vec![cell(1), cell(2), cell(8)]);
    let figures = figure::of_run(&report);
    let bars = called(&figures, "comparison-ttft");
    let expected: Vec<f64> =
        (0..3).map(|case| 1e3 * estimate(&report, case, "ttft.p50").value).collect();
    assert_eq!(heights(&bars.layers[0]), expected);
    assert_eq!((bars.y.unit.as_str(), bars.layers[0].mark), ("ms", Mark::Bars));
    assert_eq!(bars.x.names, ["concurrency=1", "concurrency=2", "concurrency=8"]);
    let sweep = called(&figures, "impact-concurrency-throughput-sweep");
    let xs: Vec<f64> = sweep.layers[0].points.iter().map(|point| point.x).collect();
    assert_eq!(xs, [1.0, 2.0, 8.0]);
    assert_eq!(sweep.layers[0].points[1].y, estimate(&report, 1, "tok_s").value);
    let interval = estimate(&report, 1, "tok_s").interval.map(|found| (found.low, found.high));
    assert!(interval.is_some() && sweep.layers[0].points[1].interval == interval);
    called(&figures, "degradation-throughput");

    let own = figure::of_case(&report.cases[0], &epochs[0], MOST_POINTS);
    let counted: f64 = heights(&called(&own, "itl-histogram").layers[0]).iter().sum();
    assert_eq!(counted as usize, estimate(&report, 0, "itl.p50").n);
    assert_eq!(heights(&called(&own, "ttft-ecdf").layers[0]).last(), Some(&100.0));
    let peak = heights(&called(&own, "load-over-time").layers[0]).into_iter().fold(0.0, f64::max);
    assert_eq!(peak, estimate(&report, 0, "in_flight").value);
}

#[test]
fn a_forest_has_the_judges_word_and_the_sign_of_the_report() {
    let epochs = vec![run(head(1, "one", 0))];
    let summary = tokgate::store::summary(&epochs).unwrap();
    let told = estimate_of(&summary, "ttft.p50");
    let judged = |verdict, effect: f64| Judged {
        metric: "ttft.p50".parse().unwrap(),
        comparison: Some(Comparison {
            metric: "ttft.p50".parse().unwrap(),
            base: told,
            head: told,
            effect,
            interval: Some(Interval { low: effect - 0.01, high: effect + 0.01 }),
            epochs: (5, 5),
            tolerance: Tolerance::Relative(0.02),
            mde: None,
        }),
        verdict,
        why: String::new(),
    };
    let verdicts = vec![
        judged(Verdict::Regressed, 0.5),
        judged(Verdict::Improved, -0.25),
        judged(Verdict::New, f64::NAN),
    ];
    let measured = MeasuredCase { epochs, validity: vec![Validity::Valid], summary };
    let report = report_stored(&[(measured, verdicts)], false);
    let figures = figure::of_run(&report);
    let forest = called(&figures, "change");
    assert_eq!(
        forest.y.names,
        ["time to first token, p50: improved", "time to first token, p50: regressed"],
        "the first row is the highest, and what is no number is left out"
    );
    let worse = forest.layers.iter().find(|layer| layer.name == "worse").unwrap();
    assert_eq!((worse.points[0].x, worse.points[0].y), (50.0, 1.0));
    assert_eq!(worse.points[0].interval, Some((49.0, 51.0)));
    let (_, texts) = read_xml(&plot::svg(forest));
    assert!(
        texts.contains("to the right is worse (%)") && texts.contains("tolerance 2 %"),
        "{texts}"
    );
}

#[test]
fn what_was_not_measured_has_no_figure() {
    let (report, epochs) = reported(vec![head(1, "one", 0)]);
    let own = figure::of_case(&report.cases[0], &epochs[0], MOST_POINTS);
    let ids: Vec<String> =
        figure::of_run(&report).into_iter().chain(own).map(|one| one.id).collect();
    for absent in ["query-ecdf", "recall-against-latency", "change", "comparison-ttft", "knee"] {
        assert!(!ids.iter().any(|id| id == absent), "{absent} in {ids:?}");
    }
    assert!(ids.iter().any(|id| id == "power-over-time"), "{ids:?}");
}

#[test]
fn a_metric_over_commits_is_drawn_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("r"));
    (1..4).for_each(|number| keep_case(&mut store, number, "one"));
    let arguments = ["--history", "ttft.p50", "--format", "svg", "-o", "past"];
    let files = written(folder.path(), &plotted(folder.path(), &arguments));
    let (_, texts) = read_xml(&std::fs::read_to_string(&files[0]).unwrap());
    assert!(files[0].ends_with("past/history-ttft-p50-quick-one.svg"), "{files:?}");
    assert!(texts.contains("time to first token (ms)") && texts.contains("0123abc"), "{texts}");
    let wrong = plotted(folder.path(), &["--history", "ttft.p5"]);
    assert_eq!(code(&wrong), Some(2), "{}", text(&wrong.stderr));
}

fn estimate_of(summary: &tokgate_core::summary::Summary, name: &str) -> Estimate {
    summary.estimate(name.parse::<MetricRef>().unwrap()).unwrap()
}

#[test]
fn spikes_are_those_that_the_rate_counts_and_all_stay_of_many_points() {
    let mut head = head(1, "one", 0);
    head.case.run.spike_of = "itl".to_owned();
    let mut epoch = run(head);
    epoch.records = (0..2000).map(streamed).collect();
    let epochs = vec![epoch];
    let summary = tokgate::store::summary(&epochs).unwrap();
    let measured =
        MeasuredCase { epochs: epochs.clone(), validity: vec![Validity::Valid], summary };
    let report = report_stored(&[(measured, Vec::new())], false);
    let figures = figure::of_case(&report.cases[0], &epochs, MOST_POINTS);
    let over_time = called(&figures, "itl-over-time");
    let rate = estimate(&report, 0, "spike_rate").value;
    let gaps = estimate(&report, 0, "itl.p50").n as f64;
    let spikes = over_time.layers.iter().find(|layer| layer.mark == Mark::Rings).unwrap();
    assert_eq!(spikes.points.len() as f64, (rate * gaps).round());
    assert_eq!(spikes.points.len(), 20);
    for figure in &figures {
        assert!(figure.points() <= MOST_POINTS, "{}: {} points", figure.id, figure.points());
    }
    assert!(
        over_time.notes.iter().any(|note| note.contains("of 100000 points")),
        "{:?}",
        over_time.notes
    );
}

/// An answer of fifty-one tokens, one in a hundred of them with a gap that stands out.
fn streamed(ordinal: u64) -> Record {
    let stall = |token: u64| if ordinal % 100 == 7 && token > 25 { 400 } else { 0 };
    let at = |token: u64| Offset((1000 * ordinal + 5 + 10 * token + stall(token)) * 1_000_000);
    let kind = tokgate_core::record::EventKind::Content;
    let arrival = |token| Arrival { at: at(token), kind, tokens: Some(1) };
    let sent = Offset(1_000_000_000 * ordinal);
    let phase = tokgate_core::record::Phase::Measured;
    let events = (0..=50).map(arrival).collect();
    Record { ordinal, phase, due: sent, sent, done: at(50), events, ..answered(1) }
}

#[test]
fn nothing_hostile_gets_through_into_a_picture() {
    let folder: TempDir = tempfile::tempdir().unwrap();
    let mut heads = Vec::new();
    for (number, name) in
        [(0, HOSTILE.to_owned()), (1, "x".repeat(10_000)), (2, HOSTILE.repeat(100))]
    {
        let mut head = head(1, "one", number);
        head.case.id = CaseId(format!("quick/{name}"));
        head.target.model = name;
        heads.push(head);
    }
    keep(&mut open(&folder.path().join("r")), &run(heads[0].clone()));
    let (report, epochs) = reported(heads);
    let mut figures = figure::of_run(&report);
    figures.extend(figure::of_case(&report.cases[0], &epochs[0], MOST_POINTS));
    for figure in figures.iter().map(|figure| named(figure, HOSTILE)) {
        let svg = plot::svg(&figure);
        let (names, texts) = read_xml(&svg);
        let drawn =
            ["circle", "desc", "g", "line", "path", "polyline", "rect", "svg", "text", "title"];
        let written = [
            "cx",
            "cy",
            "d",
            "fill",
            "fill-opacity",
            "font-family",
            "font-size",
            "height",
            "opacity",
            "points",
            "r",
            "role",
            "stroke",
            "stroke-dasharray",
            "stroke-linecap",
            "stroke-linejoin",
            "stroke-width",
            "text-anchor",
            "transform",
            "viewBox",
            "width",
            "x",
            "x1",
            "x2",
            "xmlns",
            "y",
            "y1",
            "y2",
        ];
        let unknown =
            names.iter().find(|name| ![&drawn[..], &written].concat().contains(&name.as_str()));
        assert_eq!(unknown, None, "{}", figure.id);
        let hidden = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{ffff}".contains(c);
        assert!(!svg.contains(hidden) && svg.len() < 400_000, "{}: {}", figure.id, svg.len());
        assert!(texts.contains("&lt;script&gt;"), "what is written stays readable: {texts}");
        assert!(svg.matches("http").count() == 1, "but for the name of SVG itself");
    }
    let arguments = ["--format", "svg"];
    for file in written(folder.path(), &plotted(folder.path(), &arguments)) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)), "{name}");
        let text = std::fs::read_to_string(file).unwrap();
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{name}");
    }
}

/// A figure with foreign text wherever there is text.
fn named(figure: &Figure, name: &str) -> Figure {
    let mut figure = figure.clone();
    figure.title = format!("{name} {}", figure.title);
    figure.notes.push(name.to_owned());
    figure.layers.iter_mut().for_each(|layer| layer.name = name.to_owned());
    figure.lines.iter_mut().for_each(|line| line.label = name.to_owned());
    figure
}
