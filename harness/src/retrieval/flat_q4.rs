//! The default engine: the crate `turbovec` scans 4-bit codes, and the best candidates are
//! compared again with the original rows in f32. Where the crate has to read all codes, a scan of
//! our own of one bit a component first leaves it a few.

use super::best::{Best, Neighbour};
use super::cache::Unfit;
use super::filter::Matching;
use super::flat::nearest_of;
use super::index::{
    BuildError, Knobs, Recipe, SearchError, VectorIndex, check_filtered, check_query, check_rows,
};
use super::sign_kernel;
use super::sign_plane::SignPlane;
use super::vectors::{Vectors, dot};
use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;
use turbovec::TurboQuantIndex;

const NAME: &str = "flat-q4";
/// The exact version that the workspace pins (a test compares them).
const ENGINE: &str = "turbovec 1.1.2";
const BITS: usize = 4;
/// Rows encoded at a time: the encoder's scratch is as large as what it is given.
const ENCODED_AT_ONCE: usize = 1 << 16;
/// What is kept on disk. Another number with every change of what is built, or of how it is written.
const KEPT: u32 = 1;

/// Rows that a scan of signs leaves for each candidate that is rescored.
const SURVIVORS: usize = 32;
/// One in how many rows may survive: with more, hardly a block of codes is passed over.
const FEW: usize = 64;
/// One in how many rows may pass a filter at most for those to be compared whole, and no code to be
/// read. A row in f32 has 32 times the bits that a scan of signs reads of one, and rows that lie
/// apart come half as fast: at one in 32 of a million rows of 384 components the scan was quicker
/// (14 ms to 23), at one in 100 comparing was (9 ms).
const COMPARED_WHOLE: usize = 64;

/// 4-bit codes, and the rows they stand for.
#[derive(Clone)]
pub struct FlatQ4 {
    rows: Arc<Vectors>,
    codes: Arc<TurboQuantIndex>,
    /// What is scanned first where the engine has no such stage of its own.
    plane: Option<Arc<SignPlane>>,
    rescore: usize,
}

impl FlatQ4 {
    /// Whose codes are read. A scan of signs leaves many rows for each that is wanted; where there is
    /// no such scan, or they would be no small part, all that pass the filter. `None` for all rows.
    fn survivors<'a>(
        &self,
        query: &[f32],
        wanted: usize,
        among: Option<&'a Matching>,
    ) -> Option<Cow<'a, [bool]>> {
        let mask = among.map(Matching::mask);
        let count = wanted * SURVIVORS;
        let Some(plane) = self.plane.as_deref().filter(|_| count <= self.rows.len() / FEW) else {
            return mask.map(Cow::Borrowed);
        };
        let mut survivors = vec![false; self.rows.len()];
        let nearest = plane.nearest(query, count, mask);
        nearest.into_iter().for_each(|row| survivors[row as usize] = true);
        Some(Cow::Owned(survivors))
    }

    /// Codes that were just built or read, ready to be searched.
    fn ready(
        rows: Arc<Vectors>,
        codes: TurboQuantIndex,
        knobs: Knobs,
    ) -> Result<Self, turbovec::SearchError> {
        let is_large = rows.len() >= SURVIVORS * FEW;
        let plane = (is_helped() && is_large).then(|| Arc::new(SignPlane::of(&rows)));
        let index = Self { rows, codes: Arc::new(codes), plane, rescore: knobs.rescore };
        // The engine completes its tables in the first search: that belongs to building.
        index.codes.try_search(index.rows.row(0), 1)?;
        Ok(index)
    }

    /// The scan's best rows of those that pass the filter, with the scan's approximate scores.
    fn candidates(
        &self,
        query: &[f32],
        count: usize,
        among: Option<&Matching>,
    ) -> Result<impl Iterator<Item = Neighbour>, SearchError> {
        let results = self
            .codes
            .try_search_with_mask(query, count, self.survivors(query, count, among).as_deref())
            .map_err(|error| SearchError::Engine { engine: NAME, reason: error.to_string() })?;
        // Row numbers fit: the number of rows was checked when the index was built.
        let ids = results.indices.into_iter().map(|id| id as u32);
        Ok(ids.zip(results.scores).map(|(id, score)| Neighbour { id, score }))
    }

    /// The best `k` of as many candidates as are wanted, of those that pass the filter.
    fn scanned(
        &self,
        query: &[f32],
        k: usize,
        among: Option<&Matching>,
    ) -> Result<Vec<Neighbour>, SearchError> {
        if self.rescore == 0 {
            return Ok(self.candidates(query, k, among)?.collect());
        }
        let mut best = Best::new(k);
        let there = among.map_or(self.rows.len(), |among| among.rows().len());
        self.candidates(query, self.rescore.max(k).min(there), among)?
            .for_each(|candidate| best.offer(self.rescored(query, candidate)));
        Ok(best.into_sorted())
    }

    /// Whether so few rows pass a filter that comparing them whole is less than scanning. Not where
    /// nothing is to be compared whole.
    fn are_few(&self, among: &Matching) -> bool {
        let passing = among.rows().len();
        self.rescore > 0 && passing <= (self.rows.len() / COMPARED_WHOLE).max(self.rescore)
    }

    fn rescored(&self, query: &[f32], candidate: Neighbour) -> Neighbour {
        Neighbour { score: dot(query, self.rows.row(candidate.id as usize)), ..candidate }
    }
}

impl VectorIndex for FlatQ4 {
    fn build(rows: Arc<Vectors>, knobs: Knobs) -> Result<Self, BuildError> {
        check_rows(&rows)?;
        let dimensions = rows.dimensions();
        let mut codes = TurboQuantIndex::new(dimensions, BITS).map_err(refused)?;
        for rows in rows.values().chunks(ENCODED_AT_ONCE * dimensions) {
            codes.add_2d(rows, dimensions).map_err(refused)?;
        }
        Self::ready(rows, codes, knobs).map_err(refused)
    }

    fn recipe(_knobs: Knobs) -> Option<Recipe> {
        let built_by = format!("kept {KEPT}, bits {BITS}, encoded at once {ENCODED_AT_ONCE}");
        Some(Recipe { engine: ENGINE.to_owned(), kernel: kernel(), built_by })
    }

    fn save(&self, mut into: &mut dyn Write) -> io::Result<()> {
        self.codes.write_to_writer(&mut into)
    }

    fn load(rows: Arc<Vectors>, knobs: Knobs, payload: &[u8]) -> Result<Self, Unfit> {
        let codes = TurboQuantIndex::from_bytes(payload).map_err(unfit)?;
        let (has, wanted) = (
            (codes.len(), codes.dim_opt(), codes.bit_width()),
            (rows.len(), Some(rows.dimensions()), BITS),
        );
        match has == wanted {
            true => Self::ready(rows, codes, knobs).map_err(unfit),
            false => Err(Unfit(format!("rows, dimensions and bits are {has:?}, not {wanted:?}"))),
        }
    }

    fn search(
        &self,
        query: &[f32],
        k: usize,
        found: &mut Vec<Neighbour>,
    ) -> Result<(), SearchError> {
        check_query(query, k, &self.rows)?;
        *found = self.scanned(query, k, None)?;
        Ok(())
    }

    fn search_among(
        &self,
        query: &[f32],
        k: usize,
        among: &Matching,
        found: &mut Vec<Neighbour>,
    ) -> Result<(), SearchError> {
        check_filtered(query, k, &self.rows, among)?;
        *found = match self.are_few(among) {
            true => nearest_of(query, k, &self.rows, among.rows()),
            false => self.scanned(query, k, Some(among))?,
        };
        Ok(())
    }

    fn grow(&mut self, rows: Arc<Vectors>) -> Result<(), BuildError> {
        check_rows(&rows)?;
        let (added, dimensions) = (rows.since(&self.rows), rows.dimensions());
        let shared = || refused("its codes are shared with another index");
        let codes = Arc::get_mut(&mut self.codes).ok_or_else(shared)?;
        codes.add_2d(added, dimensions).map_err(refused)?;
        if let Some(plane) = &mut self.plane {
            let plane = Arc::get_mut(plane).ok_or_else(shared)?;
            added.chunks_exact(dimensions).for_each(|row| plane.add(row));
        }
        self.rows = rows;
        Ok(())
    }

    fn tuned(&self, knobs: Knobs) -> Box<dyn VectorIndex> {
        Box::new(Self { rescore: knobs.rescore, ..self.clone() })
    }

    fn bytes(&self) -> u64 {
        let codes = self.codes.len() * self.rows.dimensions() * BITS / 8;
        let plane = self.plane.as_deref().map_or(0, SignPlane::bytes);
        (codes + size_of_val(self.codes.scales())) as u64 + plane
    }

    /// The signs; how many of the codes the crate reads, it does not tell.
    fn scanned(&self) -> Option<u64> {
        self.plane.as_deref().map(SignPlane::bytes)
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn precision(&self) -> &'static str {
        match self.rescore {
            0 => "4-bit codes",
            _ => "4-bit codes, rescored in f32",
        }
    }

    fn engine(&self) -> String {
        ENGINE.to_owned()
    }

    fn kernel(&self) -> &'static str {
        kernel()
    }
}

fn refused(reason: impl ToString) -> BuildError {
    BuildError::Refused { engine: NAME, reason: reason.to_string() }
}

/// The engine scans one bit plane first where it finds byte dot products, else whole codes: there,
/// our own plane goes first.
fn is_helped() -> bool {
    !is_staged() && sign_kernel::is_fast()
}

fn unfit(reason: impl ToString) -> Unfit {
    Unfit(reason.to_string())
}

fn kernel() -> &'static str {
    match (is_staged(), is_helped()) {
        (true, _) => "staged by the engine",
        (false, true) => "staged by our signs (avx2)",
        (false, false) => "whole codes",
    }
}

/// What the engine's own detection comes to (its `pack::use_vector_major` and search dispatch).
#[cfg(target_arch = "x86_64")]
fn is_staged() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("avx512vnni")
}

/// What the engine's own detection comes to.
#[cfg(target_arch = "aarch64")]
fn is_staged() -> bool {
    std::arch::is_aarch64_feature_detected!("dotprod")
}

/// The engine has no kernel for this architecture.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn is_staged() -> bool {
    false
}
