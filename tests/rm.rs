//! Runs taken out and brought back, by the program over stored runs.

use crate::faces::{code, command, text};
use crate::store::fixture::{head, keep, keep_case, open, run};
use crate::store::rebuild::rows;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;
use tokgate::store::{FileStore, Layout, Store};

/// What of a store is moved about.
const MOVED: [&str; 3] = ["raw", "metadata", "reports"];

/// A store with two runs of two epochs, each with its documents.
struct Kept {
    folder: TempDir,
    layout: Layout,
}

impl Kept {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(&folder.path().join("r"));
        let layout = store.layout().clone();
        for number in 0..2 {
            keep_case(&mut store, number, "one");
            let ids = [0, 1].map(|epoch| head(number, "one", epoch).test_id);
            for id in &ids {
                std::fs::write(layout.metadata_file(id), id).unwrap();
                std::fs::write(layout.report_file(id), id).unwrap();
            }
            std::fs::write(layout.report_file(&format!("run-{number}")), ids.concat()).unwrap();
        }
        std::fs::write(layout.reports().join("mine.json"), "mine").unwrap();
        store.finish_run(&tokgate::report::comparison::markdown).unwrap();
        Self { folder, layout }
    }

    fn call(&self, arguments: &[&str]) -> Output {
        let all = [arguments, &["--results-dir", "r"]].concat();
        command(self.folder.path(), &all).output().unwrap()
    }

    /// What it says on both streams, after it ended with this code.
    fn ends(&self, arguments: &[&str], exit: i32) -> String {
        let output = self.call(arguments);
        let told = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(code(&output), Some(exit), "{arguments:?}: {told}");
        told
    }

    fn removed(&self) -> String {
        self.ends(&["rm", "run-0"], 0)
    }

    /// Every file that is moved about, and what is in it.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let folders = MOVED.map(|folder| self.layout.root().join(folder));
        folders.iter().chain([&self.layout.trash()]).flat_map(|folder| files(folder)).collect()
    }

    fn of(&self, place: &Path, run: u32) -> Vec<PathBuf> {
        let ids = [0, 1].map(|epoch| head(run, "one", epoch).test_id);
        let mut all = vec![place.join(format!("reports/run-{run}.json"))];
        for id in ids {
            all.push(place.join(format!("raw/{id}.jsonl")));
            all.push(place.join(format!("metadata/{id}.json")));
            all.push(place.join(format!("reports/{id}.json")));
        }
        all
    }

    /// Puts the files of a folder of the trash back by hand.
    fn bring_back(&self, name: &str, by: fn(&Path, &Path)) {
        let folder = self.layout.trash().join(name);
        for path in files(&folder).into_keys() {
            let back = self.layout.root().join(path.strip_prefix(&folder).unwrap());
            by(&path, &back);
        }
    }
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return BTreeMap::new() };
    let each = |path: PathBuf| match path.is_dir() {
        true => files(&path),
        false => [(path.clone(), std::fs::read(&path).unwrap())].into(),
    };
    entries.flat_map(|entry| each(entry.unwrap().path())).collect()
}

fn rename(from: &Path, to: &Path) {
    std::fs::rename(from, to).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
}

#[test]
fn a_run_is_moved_whole_and_leaves_no_row() {
    let kept = Kept::new();
    let before = kept.files();
    let told = kept.removed();
    assert!(told.contains("2 epochs, 7 files") && told.contains("tokgate rebuild"), "{told}");
    let after = kept.files();
    let trash = kept.layout.trash().join("run-0");
    for (was, is) in kept.of(kept.layout.root(), 0).iter().zip(kept.of(&trash, 0)) {
        assert_eq!(after.get(&is), before.get(was), "{}", is.display());
        assert!(!after.contains_key(was), "{} is still there", was.display());
    }
    assert_eq!(after.len(), before.len());
    assert!(kept.of(kept.layout.root(), 1).iter().all(|path| after.contains_key(path)));
    let left = rows(&kept.layout);
    assert!(!left.is_empty() && left.iter().all(|row| !row.contains("run-0")), "{left:?}");
    open(kept.layout.root()).look_through().unwrap();
    kept.ends(&["show", "run-0"], 2);
    kept.ends(&["show", "run-1"], 0);
}

#[test]
fn what_is_told_of_all_runs_tells_of_it_no_more() {
    let kept = Kept::new();
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap();
    let together = || read(kept.layout.analysis_file()) + &read(kept.layout.comparison_file());
    let model = "`google/gemma-3-4b-it`";
    assert_eq!(together().matches(model).count(), 4);
    kept.removed();
    assert_eq!(together().matches(model).count(), 2);
    assert!(together().contains("run-1") && !together().contains("run-0"));
}

#[test]
fn a_run_that_is_moved_back_is_there_again_after_a_rebuild() {
    let kept = Kept::new();
    let (rows_before, files_before) = (rows(&kept.layout), kept.files());
    kept.removed();
    kept.bring_back("run-0", rename);
    kept.ends(&["rebuild"], 0);
    assert_eq!(rows(&kept.layout), rows_before);
    assert_eq!(kept.files(), files_before);
}

#[test]
fn a_rebuild_does_not_read_what_was_taken_out() {
    let kept = Kept::new();
    kept.removed();
    let before = rows(&kept.layout);
    let told = kept.ends(&["rebuild"], 0);
    assert!(told.contains("2 epochs of 1 measured cases"), "{told}");
    let runs = |rows: &[String]| rows.iter().filter(|row| row.contains("run-0")).count();
    assert_eq!((rows(&kept.layout).len(), runs(&rows(&kept.layout))), (before.len(), 0));
}

#[test]
fn what_is_no_run_is_refused_and_nothing_moves() {
    let kept = Kept::new();
    let before = (kept.files(), rows(&kept.layout));
    let epoch = head(0, "one", 1).test_id;
    let told = kept.ends(&["rm", &epoch], 2);
    assert!(told.contains(&epoch) && told.contains("one epoch of the run run-0"), "{told}");
    for unknown in ["run-9", "../r", "raw/../..", "", ".."] {
        let told = kept.ends(&["rm", unknown], 2);
        assert!(told.contains("no run and no epoch is called"), "{told}");
    }
    assert_eq!((kept.files(), rows(&kept.layout)), before);
    let nothing = tempfile::tempdir().unwrap();
    let output = command(nothing.path(), &["rm", "run-0"]).output().unwrap();
    assert_eq!(code(&output), Some(2), "{}", text(&output.stderr));
}

#[test]
fn nothing_is_taken_out_while_something_is_measured() {
    let kept = Kept::new();
    let before = kept.files();
    let mut measuring = open(kept.layout.root());
    let journal = measuring.begin(&head(0, "one", 7)).unwrap();
    let told = kept.ends(&["rm", "run-0"], 5);
    assert!(told.contains("in use by another tokgate, which may be measuring"), "{told}");
    assert_eq!(kept.files().len(), before.len() + 1);
    assert!(!kept.layout.trash().exists());
    drop((journal, measuring));
    // A process that was killed there left an epoch without a row.
    let told = kept.removed();
    assert!(told.contains("3 epochs, 8 files"), "{told}");
    assert_eq!(kept.layout.raw_files().unwrap().len(), 2);
}

#[test]
fn a_rehearsal_names_every_file_and_moves_none() {
    let kept = Kept::new();
    let before = (kept.files(), rows(&kept.layout));
    let output = kept.call(&["rm", "run-0", "--dry-run"]);
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    assert_eq!(told.lines().count(), 7, "{told}");
    let trash = Path::new("trash").join("run-0");
    for path in kept.of(Path::new(""), 0) {
        let moves = told.lines().filter(|line| line.contains(path.to_str().unwrap()));
        let to = trash.join(&path);
        assert!(moves.clone().all(|line| line.ends_with(to.to_str().unwrap())), "{told}");
        assert_eq!(moves.count(), 1, "{}: {told}", path.display());
    }
    assert_eq!((kept.files(), rows(&kept.layout)), before);
    assert!(!kept.layout.trash().exists());
    kept.ends(&["rm", "run-9", "--dry-run"], 2);
}

/// What a kill leaves that came between the files and the rows: all but one epoch has moved.
fn killed_between() -> Kept {
    let kept = Kept::new();
    let trash = kept.layout.trash().join("run-0");
    MOVED.iter().for_each(|folder| std::fs::create_dir_all(trash.join(folder)).unwrap());
    let last = kept.layout.raw_file(&head(0, "one", 1).test_id);
    for (from, to) in kept.of(kept.layout.root(), 0).iter().zip(kept.of(&trash, 0)) {
        if *from != last {
            rename(from, &to);
        }
    }
    assert!(rows(&kept.layout).iter().any(|row| row.contains("run-0")));
    kept
}

#[test]
fn a_run_that_was_half_taken_out_can_be_taken_out_again() {
    let kept = killed_between();
    let before = kept.files().len();
    kept.removed();
    let after = kept.files();
    assert!(kept.of(&kept.layout.trash().join("run-0"), 0).iter().all(|f| after.contains_key(f)));
    assert_eq!(after.len(), before);
    assert!(rows(&kept.layout).iter().all(|row| !row.contains("run-0")));
}

#[test]
fn a_rebuild_makes_the_index_of_what_a_kill_left_in_its_place() {
    let kept = killed_between();
    let told = kept.ends(&["rebuild"], 0);
    assert!(told.contains("3 epochs"), "{told}");
    assert_eq!(open(kept.layout.root()).show("run-0").unwrap().len(), 1);
    kept.bring_back("run-0", rename);
    kept.ends(&["rebuild"], 0);
    assert_eq!(open(kept.layout.root()).show("run-0").unwrap().len(), 2);
}

#[test]
fn what_was_taken_out_before_is_not_overwritten() {
    let kept = Kept::new();
    kept.removed();
    let first = files(&kept.layout.trash().join("run-0"));
    kept.bring_back("run-0", copy);
    kept.ends(&["rebuild"], 0);
    let told = kept.removed();
    assert!(told.contains("run-0.2"), "{told}");
    assert_eq!(files(&kept.layout.trash().join("run-0")), first);
    assert_eq!(files(&kept.layout.trash().join("run-0.2")).len(), first.len());
}

#[test]
fn rows_that_could_not_be_made_again_stay() {
    let kept = Kept::new();
    let before = rows(&kept.layout);
    std::fs::remove_file(kept.layout.raw_file(&head(0, "one", 1).test_id)).unwrap();
    let told = kept.ends(&["rm", "run-0"], 5);
    assert!(told.contains("could not be made again") && told.contains("rebuild"), "{told}");
    assert_eq!(rows(&kept.layout), before);
    assert!(!kept.layout.trash().exists());
}

#[test]
fn where_a_file_cannot_be_moved_those_before_it_are_put_back() {
    let kept = Kept::new();
    // A file where the folder of the raw lines is to be, which move last.
    let in_the_way = kept.layout.trash().join("run-0/raw");
    std::fs::create_dir_all(in_the_way.parent().unwrap()).unwrap();
    std::fs::write(&in_the_way, "").unwrap();
    let before = (kept.files(), rows(&kept.layout));
    let told = kept.ends(&["rm", "run-0"], 5);
    assert!(told.contains("cannot create") && told.contains("raw"), "{told}");
    assert_eq!((kept.files(), rows(&kept.layout)), before);
}

#[test]
fn a_run_of_raw_lines_alone_is_taken_out_too() {
    let kept = Kept::new();
    let mut store: FileStore = open(kept.layout.root());
    drop(store.begin(&head(2, "one", 0)).unwrap());
    keep(&mut store, &run(head(3, "one", 0)));
    drop(store);
    let epoch = head(2, "one", 0).test_id;
    let told = kept.ends(&["rm", &epoch], 2);
    assert!(told.contains("one epoch of the run run-2"), "{told}");
    let told = kept.ends(&["rm", "run-2"], 0);
    assert!(told.contains("1 epoch, 1 file to") || told.contains("1 epoch, 1 file\n"), "{told}");
    assert!(!kept.layout.raw_file(&epoch).exists());
    assert_eq!(open(kept.layout.root()).show("run-3").unwrap().len(), 1);
}
