//! What the kernel tells of processor time, memory and disk.

use std::path::Path;

use super::Outcome;

/// The kernel counts processor time in these (USER_HZ of Linux).
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time of a process so far: fields 14 and 15 of /proc/PID/stat (proc_pid_stat(5)).
pub(crate) fn cpu_seconds(process: &str) -> Outcome<f64> {
    const UTIME_AFTER_NAME: usize = 11;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc/PID/stat has no name")?;
    let ticks: Outcome<Vec<f64>> =
        fields.split_whitespace().skip(UTIME_AFTER_NAME).take(2).map(|field| Ok(field.parse()?)).collect();
    Ok(ticks?.iter().sum::<f64>() / TICKS_PER_SECOND)
}

/// Processor time that all processes of the machine took so far: the first line of /proc/stat without idle and iowait
/// (proc_stat(5)).
pub(crate) fn busy_seconds() -> Outcome<f64> {
    const IDLE: usize = 3;
    const IOWAIT: usize = 4;
    const STEAL_INCLUDED: usize = 8;
    let stat = std::fs::read_to_string("/proc/stat")?;
    let fields = stat.lines().next().ok_or("/proc/stat is empty")?.split_whitespace().skip(1).take(STEAL_INCLUDED);
    let mut ticks = 0.0;
    for (place, field) in fields.enumerate() {
        if place != IDLE && place != IOWAIT {
            ticks += field.parse::<f64>()?;
        }
    }
    Ok(ticks / TICKS_PER_SECOND)
}

/// Memory of a process in MiB: now, and the most it ever was (proc_pid_status(5)).
pub(crate) fn memory_mib(process: u32) -> Outcome<(f64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let read = |name: &str| -> Outcome<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("/proc/PID/status lacks a line")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    };
    Ok((read("VmRSS:")?, read("VmHWM:")?))
}

/// The length of all files below `path`, in bytes.
pub(crate) fn bytes_below(path: &Path) -> Outcome<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        sum += if metadata.is_dir() { bytes_below(&entry.path())? } else { metadata.len() };
    }
    Ok(sum)
}
