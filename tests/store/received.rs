//! Files that other machines send, part by part.

use super::fixture::{keep_case, open};
use proptest::prelude::*;
use std::path::Path;
use tokgate::store::received::{Announced, LARGEST, NotTaken, conclude, forget, receive};
use tokgate::store::{FileStore, Fingerprint, Layout, Store};

/// A folder that one case was measured into: two epochs, the second with verdicts.
struct Sent {
    _folder: tempfile::TempDir,
    files: Vec<(Announced, Vec<u8>)>,
}

impl Sent {
    fn measured() -> Self {
        let folder = tempfile::tempdir().unwrap();
        keep_case(&mut open(folder.path()), 0, "one");
        let paths = Layout::new(folder.path()).raw_files().unwrap();
        Self { files: paths.iter().map(|path| announced(path)).collect(), _folder: folder }
    }
}

/// A file as it is announced, and its bytes.
fn announced(path: &Path) -> (Announced, Vec<u8>) {
    let test_id = path.file_stem().unwrap().to_str().unwrap().to_owned();
    let file = Fingerprint::of_file(path).unwrap();
    (Announced { test_id, file }, std::fs::read(path).unwrap())
}

/// The same of bytes that never were a file of ours.
fn pretended(test_id: &str, bytes: &[u8]) -> Announced {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    let file = Fingerprint::of_file(&path).unwrap();
    Announced { test_id: test_id.to_owned(), file }
}

fn all(layout: &Layout, (announced, bytes): &(Announced, Vec<u8>)) -> Result<u64, NotTaken> {
    receive(layout, announced, 0, bytes)
}

fn comparison(layout: &Layout) -> usize {
    conclude(layout, "run-0", &|_| String::new()).unwrap().cases
}

/// The epochs that the index knows.
fn epochs(layout: &Layout) -> usize {
    FileStore::open(layout.clone()).unwrap().epochs(10).unwrap().len()
}

#[test]
fn a_run_that_was_sent_is_the_run_that_was_measured() {
    let (sent, folder) = (Sent::measured(), tempfile::tempdir().unwrap());
    let layout = Layout::new(folder.path());
    for (announced, bytes) in &sent.files {
        assert_eq!(receive(&layout, announced, 0, bytes).unwrap(), announced.file.bytes);
        assert_eq!(std::fs::read(layout.raw_file(&announced.test_id)).unwrap(), *bytes);
    }
    assert_eq!((comparison(&layout), epochs(&layout)), (1, 2));
    // However often.
    sent.files.iter().for_each(|file| assert!(all(&layout, file).is_ok()));
    assert_eq!((comparison(&layout), epochs(&layout)), (1, 2));
    assert_eq!(std::fs::read_dir(layout.incoming()).unwrap().count(), 0);
    let shown = |store: &FileStore| store.show("run-0").unwrap();
    let measured = FileStore::open(Layout::new(sent._folder.path())).unwrap();
    assert_eq!(shown(&FileStore::open(layout).unwrap()), shown(&measured));
}

#[test]
fn verdicts_that_come_later_are_added_and_those_that_came_stay() {
    let (sent, folder) = (Sent::measured(), tempfile::tempdir().unwrap());
    let layout = Layout::new(folder.path());
    let (whole, bytes) = &sent.files[1];
    // What there was before the judge spoke: up to the line of the end.
    let text = String::from_utf8(bytes.clone()).unwrap();
    let before: String =
        text.split_inclusive('\n').filter(|line| !line.contains("\"kind\":\"verdict\"")).collect();
    assert!(before.len() < bytes.len(), "the fixture has verdicts");
    let early = pretended(&whole.test_id, before.as_bytes());
    let path = layout.raw_file(&whole.test_id);
    receive(&layout, &early, 0, before.as_bytes()).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), before.as_bytes());
    receive(&layout, whole, 0, bytes).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), *bytes);
    receive(&layout, &early, 0, before.as_bytes()).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), *bytes, "what is here has all of it");
}

#[test]
fn other_lines_of_that_name_change_nothing() {
    let (sent, folder) = (Sent::measured(), tempfile::tempdir().unwrap());
    let layout = Layout::new(folder.path());
    let (whole, bytes) = &sent.files[0];
    receive(&layout, whole, 0, bytes).unwrap();
    let mut lines: Vec<&str> = std::str::from_utf8(bytes).unwrap().split_inclusive('\n').collect();
    let count = lines.len();
    lines.truncate(count / 2);
    lines.remove(count / 2 - 1);
    lines.push("{\"v\":1}\n");
    let other = lines.concat();
    let refused =
        receive(&layout, &pretended(&whole.test_id, other.as_bytes()), 0, other.as_bytes());
    assert!(matches!(refused, Err(NotTaken::Unreadable { .. })), "{refused:?}");
    // One that can be read: the same epoch, cut off after another request.
    let cut = std::str::from_utf8(bytes).unwrap().split_inclusive('\n').next().unwrap();
    let swapped = format!("{cut}{}", lines[2]);
    let refused =
        receive(&layout, &pretended(&whole.test_id, swapped.as_bytes()), 0, swapped.as_bytes());
    assert!(matches!(refused, Err(NotTaken::Differs(_))), "{refused:?}");
    assert_eq!(std::fs::read(layout.raw_file(&whole.test_id)).unwrap(), *bytes);
    assert_eq!(std::fs::read_dir(layout.incoming()).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_ours_leaves_nothing_behind() {
    let (sent, folder) = (Sent::measured(), tempfile::tempdir().unwrap());
    let layout = Layout::new(folder.path());
    let (whole, bytes) = &sent.files[0];
    for name in ["..", "../x", "a/b", ".hidden", "-x", "", "a\0b", &"x".repeat(300)] {
        let named = Announced { test_id: name.to_owned(), ..whole.clone() };
        assert!(matches!(receive(&layout, &named, 0, bytes), Err(NotTaken::Name(_))), "{name:?}");
    }
    for file in [
        Fingerprint { bytes: 0, ..whole.file.clone() },
        Fingerprint { bytes: LARGEST + 1, ..whole.file.clone() },
        Fingerprint { sha256: "../../x".to_owned(), ..whole.file.clone() },
        Fingerprint { sha256: whole.file.sha256.to_uppercase(), ..whole.file.clone() },
    ] {
        let refused = receive(&layout, &Announced { file, ..whole.clone() }, 0, bytes);
        assert!(matches!(refused, Err(NotTaken::Announcement)), "{refused:?}");
    }
    let named = Announced { test_id: "another-name".to_owned(), ..whole.clone() };
    let refused = receive(&layout, &named, 0, bytes);
    assert!(matches!(refused, Err(NotTaken::Unreadable { .. })), "{refused:?}");
    let mut longer = bytes.clone();
    longer.push(b'\n');
    assert!(matches!(receive(&layout, whole, 0, &longer), Err(NotTaken::Beyond(_))));
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    assert!(matches!(receive(&layout, whole, 0, &changed), Err(NotTaken::NotTheSame(_))));
    let changed = (pretended(&whole.test_id, &changed), changed);
    assert!(matches!(all(&layout, &changed), Err(NotTaken::Unreadable { .. })));
    assert!(matches!(conclude(&layout, "run-0", &|_| String::new()), Err(NotTaken::Unknown(_))));
    assert_eq!(layout.raw_files().unwrap(), [""; 0].map(std::path::PathBuf::from));
    assert_eq!(epochs(&layout), 0);
    assert_eq!(all(&layout, &sent.files[0]).unwrap(), whole.file.bytes, "and then the right one");
}

#[test]
fn a_file_that_lost_its_row_gets_it_again() {
    let (sent, folder) = (Sent::measured(), tempfile::tempdir().unwrap());
    let layout = Layout::new(folder.path());
    layout.create().unwrap();
    drop(FileStore::open_to_write(layout.clone()).unwrap());
    let (announced, bytes) = &sent.files[0];
    std::fs::write(layout.raw_file(&announced.test_id), bytes).unwrap();
    assert_eq!(epochs(&layout), 0);
    assert_eq!(receive(&layout, announced, 0, &[]).unwrap(), announced.file.bytes);
    assert_eq!(epochs(&layout), 1);
}

#[test]
fn what_nobody_goes_on_with_is_forgotten_after_a_week() {
    let (sent, folder) = (Sent::measured(), tempfile::tempdir().unwrap());
    let layout = Layout::new(folder.path());
    for (announced, bytes) in &sent.files {
        receive(&layout, announced, 0, &bytes[..100]).unwrap();
    }
    let old = std::fs::read_dir(layout.incoming()).unwrap().next().unwrap().unwrap().path();
    let week = std::time::SystemTime::now() - std::time::Duration::from_secs(8 * 24 * 3600);
    std::fs::File::open(&old).unwrap().set_modified(week).unwrap();
    forget(&layout).unwrap();
    assert!(!old.exists());
    assert_eq!(std::fs::read_dir(layout.incoming()).unwrap().count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn parts_of_any_size_some_of_them_twice_or_elsewhere_make_the_file(
        sizes in proptest::collection::vec((1_usize..4000, 0_u8..4), 1..40),
    ) {
        let (sent, folder) = (Sent::measured(), tempfile::tempdir().unwrap());
        let layout = Layout::new(folder.path());
        let (announced, bytes) = &sent.files[1];
        let mut here = 0;
        for (size, how) in sizes.into_iter().cycle().take(2000) {
            let end = bytes.len().min(here + size);
            let part = &bytes[here..end];
            let offset = here as u64;
            let told = match how {
                // Elsewhere: not kept, and told where to go on.
                0 => receive(&layout, announced, offset + 1, part),
                1 => receive(&layout, announced, offset, &[]),
                _ => receive(&layout, announced, offset, part),
            };
            let told = usize::try_from(told.unwrap()).unwrap();
            prop_assert_eq!(told, if how > 1 { end } else { here });
            here = told;
            if here == bytes.len() {
                break;
            }
            if how == 3 {
                // Its answer was lost: sent again, it is not there twice.
                prop_assert_eq!(receive(&layout, announced, offset, part).unwrap(), here as u64);
            }
        }
        let kept = std::fs::read(layout.raw_file(&announced.test_id));
        prop_assert_eq!(kept.is_ok(), here == bytes.len());
        if let Ok(kept) = kept {
            prop_assert_eq!(&kept, bytes);
        }
    }
}
