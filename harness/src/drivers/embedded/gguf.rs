//! Reading a model out of a GGUF file that nobody vouches for.
//!
//! Everything the header claims is checked against the file's length before a weight is read, and
//! nothing is mapped: a file that changes or ends under us is an error and not a signal. What the
//! header's numbers mean is `header`'s business.

use super::device::available_memory;
use super::header;
use super::llama::Source;
use super::matrix::{Held, Matrix, dtype_name};
use super::shape::Shape;
use crate::driver::OpenError;
use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::{Content, TensorInfo};
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// A checked file: what it claims is there and can be computed.
pub(crate) struct Gguf {
    path: PathBuf,
    file: BufReader<File>,
    content: Content,
    shape: Shape,
    device: Device,
    /// How matrices are held; `None`: whatever is fastest for each.
    held: Option<Held>,
}

impl Gguf {
    /// Opens and checks a file; no weight is read yet.
    ///
    /// # Errors
    /// When the file is missing, damaged, of another format or architecture, or larger than memory.
    pub(crate) fn open(path: &Path, device: &Device) -> Result<Self, OpenError> {
        let (file, length) = opened(path)?;
        let mut file = BufReader::new(file);
        let content = header::read(&mut file).map_err(|what| refused(path, &what))?;
        let shape = header::shape(&content).map_err(|what| refused(path, &what))?;
        check_tensors(&content, &shape, length).map_err(|what| refused(path, &what))?;
        let gguf = Self {
            path: path.to_owned(),
            file,
            content,
            shape,
            device: device.clone(),
            held: None,
        };
        gguf.check_memory(available_memory())?;
        Ok(gguf)
    }

    /// Holds all matrices as asked, to compare.
    #[cfg(test)]
    pub(crate) fn hold_as(mut self, held: Held) -> Self {
        self.held = Some(held);
        self
    }

    /// The model's shape.
    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The header.
    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    /// Bytes of the weights in the file.
    pub(crate) fn weight_bytes(&self) -> u64 {
        self.content.tensor_infos.values().filter_map(stored_bytes).sum()
    }

    /// The format of most weights: as the file stores them and as they are held.
    pub(crate) fn formats(&self) -> (String, String) {
        let mut weights: BTreeMap<String, (u64, GgmlDType)> = BTreeMap::new();
        for info in self.content.tensor_infos.values() {
            let entry = weights.entry(dtype_name(info.ggml_dtype)).or_insert((0, info.ggml_dtype));
            entry.0 += stored_bytes(info).unwrap_or_default();
        }
        let most = weights.into_values().max_by_key(|(bytes, _)| *bytes);
        let dtype = most.map_or(GgmlDType::F32, |(_, dtype)| dtype);
        (dtype_name(dtype), self.held(dtype).name())
    }

    /// The refusal of this file for a reason that shows later than at [`Gguf::open`].
    pub(crate) fn refused(&self, what: &str) -> OpenError {
        refused(&self.path, what)
    }

    fn held(&self, dtype: GgmlDType) -> Held {
        self.held.unwrap_or(Held::fastest(dtype, &self.device))
    }

    /// Refuses a model that is larger than the memory `available`, if that is known.
    fn check_memory(&self, available: Option<u64>) -> Result<(), OpenError> {
        let matrices = self.content.tensor_infos.values().map(|info| match *info.shape.dims() {
            [rows, columns] => self.held(info.ggml_dtype).bytes([rows, columns]),
            _ => stored_bytes(info).unwrap_or_default(),
        });
        let needed: u64 = matrices.sum();
        match available.filter(|available| self.device.is_cpu() && needed > *available) {
            Some(available) => Err(OpenError::Unavailable(format!(
                "model file {} needs {} MB of memory and {} MB are available; free some or take a smaller model",
                self.path.display(),
                needed >> 20,
                available >> 20,
            ))),
            None => Ok(()),
        }
    }
}

impl Source for Gguf {
    fn matrix(&mut self, name: &str, _: [usize; 2]) -> candle_core::Result<Matrix> {
        let stored = self.content.tensor(&mut self.file, name, &self.device)?;
        let held = self.held(stored.dtype());
        Matrix::held(stored, held)
    }

    fn vector(&mut self, name: &str, _: usize) -> candle_core::Result<Tensor> {
        self.content.tensor(&mut self.file, name, &self.device)?.dequantize(&self.device)
    }
}

fn opened(path: &Path) -> Result<(File, u64), OpenError> {
    let missing = |error: std::io::Error| {
        OpenError::Unavailable(format!(
            "model file {} cannot be read: {error}; give the path of a .gguf file, or a synthetic model's name",
            path.display()
        ))
    };
    let regular = |about: std::fs::Metadata| match about.is_file() {
        true => Ok(about.len()),
        false => Err(refused(path, "it is not a regular file")),
    };
    // Looked at before it is opened: opening a FIFO waits for a writer.
    regular(std::fs::metadata(path).map_err(missing)?)?;
    let file = File::open(path).map_err(missing)?;
    let length = regular(file.metadata().map_err(missing)?)?;
    Ok((file, length))
}

fn refused(path: &Path, what: &str) -> OpenError {
    OpenError::Invalid(format!(
        "model file {}: {what}; fetch it again or choose another file",
        path.display()
    ))
}

/// Refuses a file that lacks a tensor, has one too many, or claims bytes beyond its end. A tensor
/// too many would be left out of the forward pass: another model than the file's would be measured.
fn check_tensors(content: &Content, shape: &Shape, length: u64) -> Result<(), String> {
    let expected: BTreeMap<String, [usize; 2]> = shape.tensors().into_iter().collect();
    if let Some(name) = content.tensor_infos.keys().find(|name| !expected.contains_key(*name)) {
        return Err(format!("its tensor `{name}` has no place in a plain Llama model"));
    }
    expected.iter().try_for_each(|(name, size)| {
        let info =
            content.tensor_infos.get(name).ok_or(format!("its tensor `{name}` is missing"))?;
        check_tensor(info, *size, length.saturating_sub(content.tensor_data_offset))
            .map_err(|what| format!("its tensor `{name}` {what}"))
    })
}

fn check_tensor(info: &TensorInfo, [rows, columns]: [usize; 2], room: u64) -> Result<(), String> {
    let dims = info.shape.dims();
    let fits = match rows {
        1 => dims == [columns],
        _ => dims == [rows, columns],
    };
    if !fits {
        return Err(format!("is {dims:?} where the header says [{rows}, {columns}]"));
    }
    let end = stored_bytes(info).and_then(|bytes| bytes.checked_add(info.offset));
    match end.is_some_and(|end| end <= room) {
        true => Ok(()),
        false => Err("reaches beyond the end of the file".to_owned()),
    }
}

/// Bytes of a tensor in the file; `None` when its size is no whole number of blocks, or none at all.
fn stored_bytes(info: &TensorInfo) -> Option<u64> {
    let values = info.shape.dims().iter().try_fold(1usize, |all, &dim| all.checked_mul(dim))?;
    let block = info.ggml_dtype.block_size();
    let columns = info.shape.dims().last()?;
    let bytes = (values / block).checked_mul(info.ggml_dtype.type_size())?;
    (columns % block == 0).then_some(bytes as u64)
}
