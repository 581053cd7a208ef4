//! A command that gets the notice on its stdin.

use std::io::Write;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// How often a running command is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Runs `command` with `notice` on its stdin. What it writes is thrown away; one that takes longer than
/// `patience` is killed, with what it started.
///
/// # Errors
/// In words, when it cannot be started, fails, or takes too long.
pub(super) fn run(command: &[String], notice: &str, patience: Duration) -> Result<(), String> {
    let [program, arguments @ ..] = command else { return Err("no command is named".to_owned()) };
    let mut child = start(program, arguments)?;
    let mut stdin = child.stdin.take();
    let notice = notice.to_owned();
    // One that does not read would hold us up for as long as it runs. The thread ends with the command;
    // where something else keeps the pipe open, with us.
    spawn(move || stdin.as_mut().map(|stdin| stdin.write_all(notice.as_bytes())));
    match ended_within(&mut child, patience) {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("`{program}` ended with {status}")),
        None => {
            kill(&mut child);
            Err(format!("`{program}` was killed: it took longer than {} s", patience.as_secs_f64()))
        }
    }
}

fn start(program: &str, arguments: &[String]) -> Result<Child, String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().map_err(|error| format!("`{program}` cannot be started ({error})"))
}

fn ended_within(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let started = Instant::now();
    loop {
        // A child that cannot be asked is as good as one that hangs.
        if let Some(status) = child.try_wait().ok().flatten() {
            return Some(status);
        }
        if started.elapsed() >= patience {
            return None;
        }
        sleep(LOOK);
    }
}

fn kill(child: &mut Child) {
    #[cfg(unix)]
    {
        let group = rustix::process::Pid::from_child(child);
        // A group that is gone cannot be killed, which is what we want.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    /// Long enough for a loaded machine; nothing here waits for it to pass.
    const LONG: Duration = Duration::from_secs(120);

    #[cfg(unix)]
    #[test]
    fn the_command_gets_the_notice_on_its_stdin() {
        let folder = tempfile::tempdir().unwrap();
        let heard = folder.path().join("heard");
        let script = format!("cat > '{}'", heard.display());
        assert_eq!(run(&shell(&script), "{\"level\":\"red\"}", LONG), Ok(()));
        assert_eq!(std::fs::read_to_string(heard).unwrap(), "{\"level\":\"red\"}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_command_that_hangs_is_killed_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        // It reads nothing, and the notice is larger than a pipe.
        let script = format!("sleep 1000 & echo $! > '{}'; wait", file.display());
        let notice = "x".repeat(1 << 20);
        // A loaded machine may not come to start anything before the first deadline has passed.
        let pid = [1, 10, 100].into_iter().find_map(|seconds| {
            let error = run(&shell(&script), &notice, Duration::from_secs(seconds)).unwrap_err();
            let says = format!("`sh` was killed: it took longer than {seconds} s");
            assert!(error.contains(&says), "{error}");
            std::fs::read_to_string(&file).ok().filter(|pid| pid.ends_with('\n'))
        });
        let pid = pid.expect("the shell starts within a hundred seconds");
        assert!(is_gone(pid.trim()), "process {pid} still runs");
    }

    /// Whether a process is gone: what was killed goes as soon as the kernel comes to it.
    #[cfg(target_os = "linux")]
    fn is_gone(pid: &str) -> bool {
        let asked = Instant::now();
        loop {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
            if stat.map_or(true, |stat| stat.contains(") Z ")) {
                return true;
            }
            if asked.elapsed() > LONG {
                return false;
            }
            sleep(LOOK);
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_went_wrong_with_a_command_is_told_in_words() {
        let failed = run(&shell("exit 3"), "{}", LONG).unwrap_err();
        assert!(failed.contains("`sh` ended with exit status: 3"), "{failed}");
        let absent = run(&["no-such-program-anywhere".to_owned()], "{}", LONG).unwrap_err();
        assert!(absent.contains("`no-such-program-anywhere` cannot be started"), "{absent}");
        // A program that ends without reading is none of our trouble.
        assert_eq!(run(&shell("exit 0"), &"x".repeat(1 << 20), LONG), Ok(()));
    }
}
