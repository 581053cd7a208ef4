//! Files that are not what was written: an error or the same records, and never a panic.

use super::{Written, epoch};
use crate::store::fixture::{answered, failed, head, run};
use parquet::file::reader::{FileReader, SerializedFileReader};
use std::fs;
use std::path::PathBuf;
use tokgate::rows::{Begun, Clock, Manifest, ManifestError, MeasuredEpoch, Slice, VERSION};
use tokgate_core::record::Record;
use tokgate_core::validity::Validity;

fn written() -> Written {
    let records: Vec<Record> = (0..40).map(answered).chain([failed(40)]).collect();
    Written::of(&epoch(records), 0).unwrap()
}

fn files(written: &Written) -> [PathBuf; 2] {
    [&written.files.requests, &written.files.events].map(|file| written.root().join(&file.path))
}

#[test]
fn a_file_that_was_cut_anywhere_is_told_as_torn() {
    let written = written();
    for path in files(&written) {
        let whole = fs::read(&path).unwrap();
        for length in (0..whole.len()).step_by(397) {
            fs::write(&path, &whole[..length]).unwrap();
            let error = written.records(0).unwrap_err().to_string();
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
        fs::write(&path, whole).unwrap();
    }
    assert_eq!(written.records(0).unwrap().len(), 41);
}

#[test]
fn no_flipped_byte_is_a_panic_or_a_flood() {
    let written = written();
    let mut refused = 0;
    for path in files(&written) {
        let whole = fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(5) {
            let mut flipped = whole.clone();
            flipped[at] ^= [0xff, 0x01, 0x80][at % 3];
            fs::write(&path, &flipped).unwrap();
            match written.records(0) {
                Ok(records) => assert_eq!(records.len(), 41, "byte {at}"),
                Err(_) => refused += 1,
            }
        }
        fs::write(&path, whole).unwrap();
    }
    assert!(refused > 200, "{refused}");
}

#[test]
fn the_rows_of_another_slice_are_refused_by_name() {
    let written = written();
    let [requests, events] = files(&written);
    let other = |slice: Slice| {
        let opened = tokgate::rows::Rows::open(&requests, &events, &slice, 0);
        opened.map(drop).unwrap_err().to_string()
    };
    let slice = written.slice.clone();
    let error = other(Slice { worker: 4, ..slice.clone() });
    assert!(error.contains("its worker is \"3\", and it should be \"4\""), "{error}");
    let error = other(Slice { attempt: "b".to_owned(), ..slice.clone() });
    assert!(error.contains("attempt"), "{error}");
    let swapped = tokgate::rows::Rows::open(&events, &requests, &slice, 0);
    let error = swapped.map(drop).unwrap_err().to_string();
    assert!(error.contains("its table is \"events\""), "{error}");
}

#[test]
fn events_without_their_request_are_refused() {
    let (all, fewer) = (written(), Written::of(&epoch(vec![answered(0)]), 0).unwrap());
    fs::copy(&files(&fewer)[0], &files(&all)[0]).unwrap();
    let error = all.records(0).unwrap_err().to_string();
    assert!(error.contains("156 events belong to no request"), "{error}");
    fs::copy(&files(&written())[0], &files(&all)[0]).unwrap();
    fs::copy(&files(&fewer)[1], &files(&all)[1]).unwrap();
    let error = all.records(0).unwrap_err().to_string();
    assert!(error.contains("request 1 says that it has 4 events"), "{error}");
}

fn manifest() -> Manifest {
    let run = run(head(0, "one", 0));
    let written = Written::of(&run, 7).unwrap();
    let begun = Begun {
        version: VERSION,
        run: run.head.run_id.clone(),
        worker: 3,
        of: 4,
        attempt: "attempt".to_owned(),
        tokgate: "0.1.0".to_owned(),
        protocol: 1,
        plan: "abc".to_owned(),
        start_at_us: 12,
        host: "host".to_owned(),
        clock: Some(Clock { skew_s: -0.01, uncertainty_s: 0.5 }),
    };
    let epoch = MeasuredEpoch::of(&run, &Validity::Valid, 7, written.files.clone());
    Manifest { version: VERSION, begun, epochs: vec![epoch] }
}

#[test]
fn a_manifest_is_had_back_as_it_was() {
    let manifest = manifest();
    let bytes = manifest.to_bytes().unwrap();
    assert_eq!(manifest.path(), "workers/run=run-0/worker=3.attempt.json");
    assert_eq!(Manifest::read(&bytes, &manifest.path()).unwrap(), manifest);
    let begun = &manifest.begun;
    assert_eq!(&Begun::read(&begun.to_bytes().unwrap(), &begun.path()).unwrap(), begun);
}

#[test]
fn a_manifest_of_another_version_or_shape_or_of_others_files_is_refused() {
    let manifest = manifest();
    let refused = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value = serde_json::to_value(&manifest).unwrap();
        change(&mut value);
        Manifest::read(value.to_string().as_bytes(), &manifest.path()).map(drop).unwrap_err()
    };
    let newer = refused(&|value| value["version"] = 2.into());
    assert!(matches!(newer, ManifestError::Version(2)), "{newer}");
    assert!(newer.to_string().contains("version 2, and this tokgate reads 1"), "{newer}");
    let unknown = refused(&|value| value["begun"]["shards"] = 2.into());
    assert!(unknown.to_string().contains("unknown field `shards`"), "{unknown}");
    let elsewhere = refused(&|value| {
        value["epochs"][0]["files"]["events"]["path"] = "../../etc/passwd".into();
    });
    assert!(elsewhere.to_string().contains("`../../etc/passwd` stands where"), "{elsewhere}");
    let miscounted = refused(&|value| value["epochs"][0]["requests"]["warmup"] = 2.into());
    assert!(miscounted.to_string().contains("22 requests are counted"), "{miscounted}");
    let beyond = refused(&|value| value["begun"]["of"] = 3.into());
    assert!(beyond.to_string().contains("worker 3 of 3"), "{beyond}");
    let moved = Manifest::read(&manifest.to_bytes().unwrap(), "workers/x.json").unwrap_err();
    assert!(moved.to_string().contains("stands where"), "{moved}");
}

#[test]
fn a_manifest_that_would_fill_the_memory_is_refused_before_it_does() {
    let manifest = manifest();
    let text = String::from_utf8(manifest.to_bytes().unwrap()).unwrap();
    let refused = |looks: &str| {
        let text = text.replace("\"telemetry\":[", &format!("\"telemetry\":[{looks},"));
        Manifest::read(text.as_bytes(), &manifest.path()).unwrap_err().to_string()
    };
    let many = r#"{"at":0},"#.repeat((1 << 20) + 1) + r#"{"at":0}"#;
    assert!(refused(&many).contains("1048576 are as many as it can have"), "{}", refused(&many));
    let cards = format!(r#"{{"at":0,"gpus":[{}{{}}]}}"#, "{},".repeat(8 << 20));
    assert!(refused(&cards).contains("looks at GPUs"));
}

#[test]
fn a_page_that_says_that_it_becomes_larger_than_its_column_is_not_decoded() {
    let written = written();
    let [requests, _] = files(&written);
    let whole = fs::read(&requests).unwrap();
    let reader = SerializedFileReader::new(fs::File::open(&requests).unwrap()).unwrap();
    let columns = reader.metadata().row_group(0).columns();
    for name in ["phase", "due_ns", "events"] {
        let column = columns.iter().find(|it| it.column_path().string() == name).unwrap();
        let page = column.dictionary_page_offset().unwrap_or(column.data_page_offset()) as usize;
        // A page's head: what kind of page, then what it becomes, as numbers of some bytes each.
        assert_eq!([whole[page], whole[page + 2]], [0x15, 0x15], "{name}");
        let size = page + 3;
        let last = size + whole[size..].iter().position(|byte| byte & 0x80 == 0).unwrap();
        let mut larger = whole.clone();
        larger[last] = 0x7e;
        assert_ne!(larger, whole, "{name}");
        fs::write(&requests, larger).unwrap();
        let error = written.records(0).unwrap_err().to_string();
        assert!(
            error.contains("the pages of a column say sizes that cannot be"),
            "{name}: {error}"
        );
    }
}
