//! The tour of `docs/TOUR.md`: its commands are run in the order in which they stand there. With `TOUR_PICTURES`,
//! as `scripts/tour.sh` has it, its pictures are taken on the way.

use crate::faces::{code, command, text};
use crate::support::is_disturbed;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long a run may take to begin.
const PATIENCE: Duration = Duration::from_secs(60);
/// What takes the whole machine for a minute, and has a step of its own in `.ci/run`.
const DEAR: &str = "tokgate run quick";

/// What stands in the page, in its order.
#[derive(Debug, PartialEq)]
enum Step<'a> {
    /// A command, as it is typed.
    Command(&'a str),
    /// A picture, by the name of its file.
    Picture(&'a str),
}

fn steps(page: &str) -> Vec<Step<'_>> {
    let picture = |line| {
        let (_, file) = str::strip_prefix(line, "![")?.split_once("](tour/")?;
        file.strip_suffix(".png)").map(Step::Picture)
    };
    page.lines()
        .filter_map(|line| line.strip_prefix("$ ").map(Step::Command).or_else(|| picture(line)))
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    std::fs::read_to_string(root().join("docs/TOUR.md")).unwrap()
}

/// Somebody who follows the page, in a folder of their own.
struct Visitor {
    folder: tempfile::TempDir,
    /// What takes pictures, where they are wanted: a command that is given the picture's name, the folder and the
    /// address of the live page.
    camera: Option<PathBuf>,
    /// Ports as the page has them, and as they are here.
    ports: BTreeMap<String, String>,
    /// The runs that were waited for, in their order.
    runs: Vec<String>,
    /// Whether the host disturbed one of them: what builds on it may say so.
    disturbed: bool,
    beside: Vec<Child>,
}

impl Drop for Visitor {
    fn drop(&mut self) {
        for child in &mut self.beside {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

impl Visitor {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            camera: std::env::var_os("TOUR_PICTURES").map(PathBuf::from),
            ports: BTreeMap::new(),
            runs: Vec::new(),
            disturbed: false,
            beside: Vec::new(),
        }
    }

    /// The words of a command, with the ports and the runs of here.
    fn words(&self, line: &str) -> Vec<String> {
        let mut line = line.to_owned();
        for (there, here) in &self.ports {
            line = line.replace(&format!("127.0.0.1:{there}"), &format!("127.0.0.1:{here}"));
        }
        let names = [("RUN_A", self.runs.first()), ("RUN_B", self.runs.last())];
        for (name, run) in names {
            if line.contains(name) {
                line = line.replace(name, run.expect("a run was measured before"));
            }
        }
        shlex::split(&line).unwrap()
    }

    fn program(&self, words: &[String]) -> Command {
        let (name, arguments) = words.split_first().expect("a command has words");
        let mut program = match name.as_str() {
            "tokgate" => command(self.folder.path(), &[]),
            other => Command::new(other),
        };
        program.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        if self.camera.is_some() {
            program.env("CLICOLOR_FORCE", "1");
        }
        program
    }

    fn follow(&mut self, step: &Step<'_>) {
        match step {
            Step::Command(line) if *line == DEAR && self.camera.is_none() => {}
            Step::Command(line) => match line.strip_suffix(" &") {
                Some(line) => self.begin(line),
                None => self.run(line),
            },
            Step::Picture(name) => self.picture(name),
        }
    }

    fn run(&mut self, line: &str) {
        let output = self.program(&self.words(line)).output().unwrap();
        let told = format!("{}{}", text(&output.stderr), text(&output.stdout));
        std::fs::write(self.folder.path().join("told"), &told).unwrap();
        self.disturbed |= is_disturbed(&output);
        assert!(self.is_well(line, &output), "{line}: {told}");
        let plain = told.replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
        let run =
            plain.lines().find_map(|line| line.strip_prefix("run ")?.split_whitespace().next());
        if line != DEAR {
            self.runs.extend(run.map(str::to_owned));
        }
    }

    /// Only what is compared may have become worse. Of a run that was disturbed there is no baseline, and nothing
    /// is answered from it.
    fn is_well(&self, line: &str, output: &Output) -> bool {
        match code(output) {
            Some(0) => true,
            Some(1) => line.contains(" --baseline "),
            Some(2..=4) => self.disturbed,
            _ => false,
        }
    }

    /// What goes on beside: a server, once it listens; a run, once it tells of itself.
    fn begin(&mut self, line: &str) {
        let mut words = self.words(line);
        let port = words.iter().position(|word| word == "--port").map(|at| at + 1);
        if let Some(at) = port {
            let there = std::mem::replace(&mut words[at], "0".to_owned());
            let here = self.listening(&words);
            self.ports.insert(there, here);
            return;
        }
        let mut quiet = self.program(&words);
        self.beside.push(quiet.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let live = self.folder.path().join("results/live");
        let begun = Instant::now();
        while !live.exists() {
            assert!(begun.elapsed() < PATIENCE, "it did not begin: {line}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts a server; the port that it says it listens on.
    fn listening(&mut self, words: &[String]) -> String {
        let mut both = self.program(words);
        let (told, tell) = std::io::pipe().unwrap();
        both.stdout(tell.try_clone().unwrap()).stderr(tell);
        self.beside.push(both.spawn().unwrap());
        drop(both);
        let mut lines = BufReader::new(told).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let port = line.split("http://127.0.0.1:").nth(1)?;
            Some(port.chars().take_while(char::is_ascii_digit).collect())
        });
        // Read to its end, so that the server can go on telling.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        port.expect("a server says where it listens")
    }

    fn picture(&self, name: &str) {
        let Some(camera) = &self.camera else { return };
        let live = self.ports.get("4080").map(String::as_str).unwrap_or_default();
        let taken =
            Command::new(camera).arg(name).arg(self.folder.path()).arg(live).status().unwrap();
        assert!(taken.success(), "no picture of {name}");
    }
}

#[test]
fn every_command_of_the_tour_does_what_the_page_says() {
    let page = page();
    let steps = steps(&page);
    assert!(steps.iter().filter(|step| matches!(step, Step::Command(_))).count() > 10, "{steps:?}");
    let mut visitor = Visitor::new();
    steps.iter().for_each(|step| visitor.follow(step));
    let reports = visitor.folder.path().join("results/reports");
    assert!(reports.join("side-by-side.html").exists());
}

#[test]
fn every_picture_of_the_tour_is_there_and_no_other() {
    let page = page();
    let shown = steps(&page).into_iter().filter_map(|step| match step {
        Step::Picture(name) => Some(format!("{name}.png")),
        Step::Command(_) => None,
    });
    let mut shown: Vec<String> = shown.collect();
    shown.sort();
    let files = std::fs::read_dir(root().join("docs/tour")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut there: Vec<String> = names.collect();
    there.sort();
    assert_eq!(there, shown);
    for name in there {
        let file = std::fs::File::open(root().join("docs/tour").join(&name)).unwrap();
        let picture = png::Decoder::new(BufReader::new(file)).read_info();
        assert!(picture.is_ok_and(|picture| picture.info().width >= 300), "{name}");
    }
}

#[test]
fn a_page_is_commands_and_pictures_in_their_order() {
    let page =
        "text\n```console\n$ tokgate list\ntold\n```\n![what it is](tour/a.png)\n![else](b.png)\n";
    assert_eq!(steps(page), [Step::Command("tokgate list"), Step::Picture("a")]);
}
