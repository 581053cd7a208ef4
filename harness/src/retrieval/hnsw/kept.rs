//! What was kept of a graph, read byte by byte before the crate reads it: it follows links without
//! asking whether there is a row where they lead.
//!
//! The layout is that of the pinned version: the rows' numbers, a head, and for each row its level, then
//! its key, its level again and its links, one list for each layer, of a fixed size.

use super::super::cache::{Bytes, Unfit};

/// Where the head says how many rows there are: behind the magic, three versions and four kinds.
const COUNT_AT: usize = 17;
const HEAD: usize = 64;
/// Bits of the exponent of a bfloat16: all of them set, it is no number.
const EXPONENT: u16 = 0x7f80;

/// Links of a row at most, in the lowest layer and in the others.
#[derive(Clone, Copy)]
struct Most {
    lowest: u64,
    others: u64,
}

/// Checks that bytes are a graph over `rows` rows that differs from an `empty` one, which was written by
/// the same crate for the same numbers, by its rows alone.
pub(super) fn check(payload: &[u8], rows: usize, empty: &[u8]) -> Result<(), Unfit> {
    let (mut bytes, mut model) = (Bytes::new(payload), Bytes::new(empty));
    let [count, width] = bytes.u32s::<2>()?;
    let [_, right_width] = model.u32s::<2>()?;
    if (count as usize, width) != (rows, right_width) {
        return Err(Unfit(format!(
            "it has {count} rows of {width} bytes, not {rows} of {right_width}"
        )));
    }
    check_numbers(bytes.raw(rows * width as usize)?)?;
    check_head(bytes.raw(HEAD)?, model.raw(HEAD)?, rows)?;
    let [_, others, lowest, _, _] = model.u64s(5)?[..] else { return Err(no_header()) };
    let most = Most { lowest, others };
    let [size, links, base, top, entry] = bytes.u64s(5)?[..] else { return Err(no_header()) };
    if (size, links, base) != (rows as u64, others, lowest) {
        return Err(Unfit(format!("its graph has {size} rows, {links} and {base} links")));
    }
    let levels = levels(bytes.raw(rows * 2)?)?;
    let entered = usize::try_from(entry).ok().and_then(|entry| levels.get(entry));
    if entered.is_none_or(|level| u64::from(*level) != top) {
        return Err(Unfit(format!("row {entry} does not lead into layer {top}")));
    }
    check_links(&mut bytes, &levels, most)?;
    bytes.end()
}

fn check_numbers(bytes: &[u8]) -> Result<(), Unfit> {
    let numbers = bytes.as_chunks().0.iter().map(|number| u16::from_le_bytes(*number));
    match numbers.into_iter().any(|bits| bits & EXPONENT == EXPONENT) {
        true => Err(Unfit("a component of a row is no number".to_owned())),
        false => Ok(()),
    }
}

/// Its head is that of an empty graph but for the number of rows.
fn check_head(head: &[u8], empty: &[u8], rows: usize) -> Result<(), Unfit> {
    let mut wanted = empty.to_vec();
    wanted[COUNT_AT..][..8].copy_from_slice(&(rows as u64).to_le_bytes());
    match head == wanted {
        true => Ok(()),
        false => Err(Unfit("its head is not that of such a graph".to_owned())),
    }
}

/// In how many layers beside the lowest each row is.
fn levels(bytes: &[u8]) -> Result<Vec<u16>, Unfit> {
    let levels = bytes.as_chunks().0.iter().map(|level| i16::from_le_bytes(*level));
    let level = |level| u16::try_from(level).map_err(|_| Unfit(format!("a row has level {level}")));
    levels.map(level).collect()
}

/// Each row is there once, has the level that was said, and is linked in each layer with rows that are in
/// it.
fn check_links(bytes: &mut Bytes<'_>, levels: &[u16], most: Most) -> Result<(), Unfit> {
    let mut seen = vec![false; levels.len()];
    for (place, level) in levels.iter().enumerate() {
        let key = bytes.count(levels.len() - 1)?;
        if std::mem::replace(&mut seen[key], true) {
            return Err(Unfit(format!("it names row {key} twice")));
        }
        if bytes.raw(2)? != level.to_le_bytes() {
            return Err(Unfit(format!("row {key} has two levels")));
        }
        for layer in 0..=*level {
            let room = if layer == 0 { most.lowest } else { most.others };
            check_list(bytes, room, |other| levels.get(other).is_some_and(|top| *top >= layer))
                .map_err(|unfit| Unfit(format!("place {place}, layer {layer}: {unfit}")))?;
        }
    }
    Ok(())
}

/// A number of links, and room for as many as there can be.
fn check_list(
    bytes: &mut Bytes<'_>,
    room: u64,
    is_there: impl Fn(usize) -> bool,
) -> Result<(), Unfit> {
    let [count] = bytes.u32s()?;
    let links = bytes.raw(room as usize * 4)?;
    if u64::from(count) > room {
        return Err(Unfit(format!("{count} links where {room} have room")));
    }
    let mut links = links.as_chunks().0[..count as usize].iter().map(|id| u32::from_le_bytes(*id));
    match links.find(|link| !is_there(*link as usize)) {
        Some(link) => Err(Unfit(format!("a link leads to place {link}, which is not there"))),
        None => Ok(()),
    }
}

fn no_header() -> Unfit {
    Unfit("its graph has no header".to_owned())
}
