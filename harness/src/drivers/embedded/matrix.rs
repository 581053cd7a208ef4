//! One weight matrix, dense or quantised, and how it is multiplied.
//!
//! The choices here were measured on one thread of an AVX-512 server core that was not idle:
//! - `W · xᵀ` instead of `x · Wᵀ`: with a row-major result the product needs no repacked copy of
//!   `W`. For 27 MB of f32 weights and 2 to 8 rows 2.5 to 5 ms instead of 12 to 15; for 1 row and
//!   for 256 the same.
//! - `Q4_1` and its relatives, whose kernels compute one number at a time, become `Q8_0`, with rows
//!   padded to a multiple of 256, the only widths with kernels that reuse a weight for several
//!   rows: unpadded, 576 columns cost three times as much for one row and five times for 256.
//!
//! SmolLM2-135M, whose file is `Q4_1` and 576 wide, by how it is held (32 prompt tokens):
//!
//! | held as | prefill | tokens/s | in batches of 4 | of 8 |
//! |---|---|---|---|---|
//! | `Q8_0`, padded | 139 ms | 49 | 98 | 137 |
//! | `f32` | 257 ms | 12 | 49 | 93 |
//! | `Q4_1`, as stored | 1831 ms | 16 | 17 | 17 |

use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{D, Device, Module, Result, Tensor};
use std::sync::Arc;

/// Row width that the tiled kernels of quantised products want.
const TILE_WIDTH: usize = 256;

/// A matrix `[rows, columns]`; rows are outputs.
#[derive(Debug, Clone)]
pub(crate) struct Matrix {
    weight: QMatMul,
    /// Columns of the model; the stored ones may be padded with zeros beyond them.
    columns: usize,
}

/// How a matrix is held in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// 32-bit floats.
    F32,
    /// 8-bit blocks of 32 with one scale, made at load.
    Q8_0,
    /// As the file has it.
    Stored(GgmlDType),
}

impl Held {
    /// The fastest way to hold weights that a file stores as `dtype`.
    ///
    /// On a GPU all formats have kernels. On a CPU some are only computed one number at a time.
    pub(crate) fn fastest(dtype: GgmlDType, device: &Device) -> Self {
        use GgmlDType as T;
        match dtype {
            T::F32 | T::F16 | T::BF16 => Self::F32,
            T::Q4_1 | T::Q5_0 | T::Q5_1 | T::Q8_0 | T::Q8_1 if device.is_cpu() => Self::Q8_0,
            T::Q4_0 | T::Q4_1 | T::Q5_0 | T::Q5_1 | T::Q8_0 | T::Q8_1 => Self::Stored(dtype),
            T::Q2K | T::Q3K | T::Q4K | T::Q5K | T::Q6K | T::Q8K => Self::Stored(dtype),
        }
    }

    /// The name that results carry.
    pub(crate) fn name(self) -> String {
        match self {
            Self::F32 => "f32".to_owned(),
            Self::Q8_0 => "q8_0".to_owned(),
            Self::Stored(dtype) => dtype_name(dtype),
        }
    }

    /// Bytes that a matrix takes in memory. `Q8_0` counts twice: its kernels keep a second,
    /// reordered copy.
    pub(crate) fn bytes(self, [rows, columns]: [usize; 2]) -> u64 {
        let stored = |dtype: GgmlDType, columns: usize| {
            (rows * columns.div_ceil(dtype.block_size()) * dtype.type_size()) as u64
        };
        match self {
            Self::F32 => stored(GgmlDType::F32, columns),
            Self::Q8_0 => 2 * stored(GgmlDType::Q8_0, columns.next_multiple_of(TILE_WIDTH)),
            Self::Stored(dtype) => stored(dtype, columns),
        }
    }
}

/// The name of a GGUF data type as its tools write it: `q4_1`, `q4_k`.
pub(crate) fn dtype_name(dtype: GgmlDType) -> String {
    let name = format!("{dtype:?}").to_lowercase();
    match name.strip_suffix('k') {
        Some(bits) => format!("{bits}_k"),
        None => name,
    }
}

impl Matrix {
    /// A matrix of f32.
    pub(crate) fn dense(weight: Tensor) -> Self {
        let columns = weight.dims().last().copied().unwrap_or_default();
        Self { weight: QMatMul::Tensor(weight), columns }
    }

    /// Takes a matrix out of a file and holds it as `held` says.
    ///
    /// # Errors
    /// When the tensor is not a matrix, or the device is out of memory.
    pub(crate) fn held(stored: QTensor, held: Held) -> Result<Self> {
        let (_, columns) = stored.shape().dims2()?;
        let device = stored.device();
        let weight = match held {
            Held::F32 => QMatMul::Tensor(stored.dequantize(&device)?),
            Held::Q8_0 => {
                let padding = columns.next_multiple_of(TILE_WIDTH) - columns;
                let wide = stored.dequantize(&device)?.pad_with_zeros(D::Minus1, 0, padding)?;
                QMatMul::QTensor(Arc::new(QTensor::quantize(&wide, GgmlDType::Q8_0)?))
            }
            Held::Stored(_) => QMatMul::QTensor(Arc::new(stored)),
        };
        Ok(Self { weight, columns })
    }

    /// `x · Wᵀ`: `[n, columns]` to `[n, rows]`.
    pub(crate) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        match &self.weight {
            QMatMul::Tensor(weight) => weight.matmul(&x.t()?)?.t()?.contiguous(),
            QMatMul::QTensor(weight) => {
                let padding = weight.shape().dims2()?.1 - self.columns;
                self.weight.forward(&x.pad_with_zeros(D::Minus1, 0, padding)?)
            }
            QMatMul::TensorF16(_) => self.weight.forward(x),
        }
    }

    /// The rows with the given numbers: `[n]` to `[n, columns]`.
    pub(crate) fn rows(&self, numbers: &Tensor) -> Result<Tensor> {
        self.weight.embedding(numbers)?.narrow(D::Minus1, 0, self.columns)?.contiguous()
    }
}
