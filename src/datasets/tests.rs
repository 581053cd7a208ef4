//! Paths that stay inside, and those that do not.

use super::*;
use std::fs;
use tempfile::TempDir;

/// A project with `data/a.txt`, beside a file that is not the project's.
fn project() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("project");
    fs::create_dir_all(project.join("data")).unwrap();
    fs::write(project.join("data/a.txt"), "a\n").unwrap();
    fs::write(folder.path().join("outside.txt"), "a\n").unwrap();
    (folder, project)
}

fn home(project: &Path, roots: &[&Path]) -> Home {
    let roots = Roots(roots.iter().map(|root| root.display().to_string()).collect());
    Home::new(Some(project.to_owned()), &roots, &[])
}

#[test]
fn a_path_is_relative_to_the_project() {
    let (_folder, project) = project();
    let found = home(&project, &[]).found("path", "data/a.txt").unwrap();
    assert_eq!(Path::new(&found), project.join("data/a.txt").canonicalize().unwrap());
}

#[test]
fn what_is_missing_or_no_regular_file_is_refused_by_name() {
    let (_folder, project) = project();
    let said = |path: &str| home(&project, &[]).found("path", path).unwrap_err().to_string();
    assert!(said("data/b.txt").contains("b.txt: No such file"), "{}", said("data/b.txt"));
    assert!(said("data").contains("not a regular file"));
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_project_is_refused_unless_its_folder_is_allowed() {
    let (folder, project) = project();
    std::os::unix::fs::symlink("../../outside.txt", project.join("data/link.txt")).unwrap();
    let error = home(&project, &[]).found("path", "data/link.txt").unwrap_err().to_string();
    assert!(error.contains("out of the project") && error.contains("allow_paths"), "{error}");
    let climbs = home(&project, &[]).found("path", "../outside.txt").unwrap_err().to_string();
    assert!(climbs.contains("out of the project"), "{climbs}");
    assert!(home(&project, &[folder.path()]).found("path", "data/link.txt").is_ok());
}

#[cfg(unix)]
#[test]
fn devices_and_fifos_are_refused_and_never_opened() {
    let (folder, project) = project();
    let fifo = project.join("data/fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    std::os::unix::fs::symlink("/dev/zero", project.join("data/zero")).unwrap();
    let roots = [folder.path(), Path::new("/dev")];
    let said = |path: &str| home(&project, &roots).found("path", path).unwrap_err().to_string();
    assert!(said("data/zero").contains("not a regular file"));
    if made.is_ok_and(|status| status.success()) {
        assert!(said("data/fifo").contains("not a regular file"));
    }
}

#[test]
fn a_path_from_the_command_line_is_the_users_own() {
    let (folder, project) = project();
    let outside = folder.path().join("outside.txt").display().to_string();
    let given = Override {
        path: "dataset.path".to_owned(),
        value: String::new(),
        source: "--dataset".to_owned(),
    };
    let home = Home::new(Some(project), &Roots::default(), &[given]);
    assert_eq!(home.found("path", &outside).unwrap(), outside);
    assert!(home.found("tokenizer", &outside).is_err());
}
