#include <luban/surrogate/detail/dense.hpp>

#include <algorithm>
#include <cmath>
#include <memory>

#include <Eigen/Core>

#include <luban/parallel/arena.hpp>
#include <luban/surrogate/detail/simd.hpp>

namespace luban::surrogate::detail {

namespace {

using Matrix = Eigen::Ref<Eigen::MatrixXd>;
using ConstMatrix = Eigen::Ref<const Eigen::MatrixXd>;
constexpr Eigen::Index small = 64;  // where recursion of products ends
constexpr auto factored_at_once = static_cast<Eigen::Index>(factor_size);
constexpr Eigen::Index solved_at_once = 256;  // more would be copied for a few rows' sake
constexpr Eigen::Index block = 128;  // where recursion of factorisations of more than that ends: work for every thread
static_assert(block <= factored_at_once);
constexpr double least_parallel_work = 3e6;   // floating-point operations that are worth waking a thread
constexpr Eigen::Index wide = 32;             // rows or columns of a piece of a product are multiples of this
constexpr std::size_t least_in_panels = 448;  // rows below which no panel is worth waking a thread
constexpr std::size_t panel = 96;             // columns that are factored before the rows below them follow

// Calls part(first, count) over [0, n), in pieces on the threads around us where the work is worth it. No entry of a
// result depends on where the pieces end.
template <typename Part>
void in_pieces(Eigen::Index n, Eigen::Index grain, double work, Part part) {
  const auto threads = static_cast<Eigen::Index>(work < least_parallel_work ? 1 : parallel::concurrency());
  if (threads == 1 || n < 2 * grain) {
    part(Eigen::Index{0}, n);
    return;
  }
  const Eigen::Index most = std::min(3 * threads, static_cast<Eigen::Index>(work / (0.5 * least_parallel_work)));
  const Eigen::Index size = (n / std::max<Eigen::Index>(most, 2) + grain - 1) / grain * grain;
  parallel::for_each_index(static_cast<std::size_t>((n + size - 1) / size), [&](std::size_t piece) {
    const Eigen::Index first = static_cast<Eigen::Index>(piece) * size;
    part(first, std::min(size, n - first));
  });
}

// Two calls, side by side where threads are around and the work is worth it.
template <typename A, typename B>
void both(double work, A a, B b) {
  if (work < least_parallel_work || parallel::concurrency() == 1) {
    a();
    b();
    return;
  }
  parallel::for_each_index(2, [&](std::size_t which) { which == 0 ? a() : b(); });
}

double cube(Eigen::Index n) {
  return static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n);
}

double* workspace() {
  // One aligned buffer per thread: products are called thousands of times per fit.
  struct Free {
    void operator()(double* memory) const { ::operator delete[](memory, std::align_val_t{64}); }
  };
  thread_local const std::unique_ptr<double[], Free> buffer(
      static_cast<double*>(::operator new[](product_workspace * sizeof(double), std::align_val_t{64})));
  return buffer.get();
}

// Half of n, rounded up to whole small blocks, so that the pieces stay aligned to the tiles.
Eigen::Index split(Eigen::Index n) {
  return (n / 2 + small - 1) / small * small;
}

// C lower := C lower + alpha · op(A) · op(A)ᵀ
void add_self_product(double alpha, const ConstMatrix& a, Transpose op, Matrix c) {
  const Transpose other = op == Transpose::no ? Transpose::yes : Transpose::no;
  const Eigen::Index n = c.rows();
  if (n <= small) {
    add_product(alpha, a, op, a, other, c);
    return;
  }
  const Eigen::Index h = split(n);
  const auto part = [&](Eigen::Index first, Eigen::Index count) -> ConstMatrix {
    if (op == Transpose::no) return a.middleRows(first, count);
    return a.middleCols(first, count);
  };
  const ConstMatrix top = part(0, h);
  const ConstMatrix bottom = part(h, n - h);
  const auto depth = static_cast<double>(op == Transpose::no ? a.cols() : a.rows());
  both(
      depth * static_cast<double>(n * n),
      [&] { add_product(alpha, bottom, op, top, other, c.bottomLeftCorner(n - h, h)); },
      [&] {
        add_self_product(alpha, top, op, c.topLeftCorner(h, h));
        add_self_product(alpha, bottom, op, c.bottomRightCorner(n - h, n - h));
      });
}

Eigen::MatrixXd lower_copy(const ConstMatrix& a) {
  return a.triangularView<Eigen::Lower>();
}

// B := alpha · op(L) · B, L lower triangular.
void multiply_left_alone(double alpha, const ConstMatrix& lower, Transpose op, Matrix b) {
  const Eigen::Index n = lower.rows();
  if (n <= small) {
    const Eigen::MatrixXd before = b;
    b.setZero();
    add_product(alpha, lower_copy(lower), op, before, Transpose::no, b);
    return;
  }
  const Eigen::Index h = split(n);
  const Eigen::Index r = n - h;
  if (op == Transpose::no) {
    multiply_left_alone(alpha, lower.bottomRightCorner(r, r), op, b.bottomRows(r));
    add_product(alpha, lower.bottomLeftCorner(r, h), op, b.topRows(h), Transpose::no, b.bottomRows(r));
    multiply_left_alone(alpha, lower.topLeftCorner(h, h), op, b.topRows(h));
  } else {
    multiply_left_alone(alpha, lower.topLeftCorner(h, h), op, b.topRows(h));
    add_product(alpha, lower.bottomLeftCorner(r, h), op, b.bottomRows(r), Transpose::no, b.topRows(h));
    multiply_left_alone(alpha, lower.bottomRightCorner(r, r), op, b.bottomRows(r));
  }
}

void multiply_left(double alpha, const ConstMatrix& lower, Transpose op, Matrix b) {
  const double work = static_cast<double>(lower.rows() * lower.rows()) * static_cast<double>(b.cols());
  in_pieces(b.cols(), wide, work, [&](Eigen::Index first, Eigen::Index count) {
    multiply_left_alone(alpha, lower, op, b.middleCols(first, count));
  });
}

// B := B · L, L lower triangular.
void multiply_right_alone(Matrix b, const ConstMatrix& lower) {
  const Eigen::Index n = lower.rows();
  if (n <= small) {
    const Eigen::MatrixXd before = b;
    b.setZero();
    add_product(1.0, before, Transpose::no, lower_copy(lower), Transpose::no, b);
    return;
  }
  const Eigen::Index h = split(n);
  const Eigen::Index r = n - h;
  multiply_right_alone(b.leftCols(h), lower.topLeftCorner(h, h));
  add_product(1.0, b.rightCols(r), Transpose::no, lower.bottomLeftCorner(r, h), Transpose::no, b.leftCols(h));
  multiply_right_alone(b.rightCols(r), lower.bottomRightCorner(r, r));
}

void multiply_right(Matrix b, const ConstMatrix& lower) {
  const double work = static_cast<double>(lower.rows() * lower.rows()) * static_cast<double>(b.rows());
  in_pieces(b.rows(), wide, work,
            [&](Eigen::Index first, Eigen::Index count) { multiply_right_alone(b.middleRows(first, count), lower); });
}

// In place inverse of a lower triangular matrix.
void invert_lower(Matrix a) {
  const Eigen::Index n = a.rows();
  if (n <= block) {
    simd_table().invert_lower_small(static_cast<std::size_t>(n), a.data(), static_cast<std::size_t>(a.outerStride()),
                                    workspace());
    return;
  }
  const Eigen::Index h = split(n);
  const Eigen::Index r = n - h;
  both(
      0.3 * cube(h), [&] { invert_lower(a.topLeftCorner(h, h)); }, [&] { invert_lower(a.bottomRightCorner(r, r)); });
  multiply_left(-1.0, a.bottomRightCorner(r, r), Transpose::no, a.bottomLeftCorner(r, h));
  multiply_right(a.bottomLeftCorner(r, h), a.topLeftCorner(h, h));
}

// Calls part(first, end) over [0, n), in pieces on the threads around us where the work is worth it, each a multiple of
// `unit` wide. What the first of n takes grows with (n − first)², so pieces begin narrow and end wide.
template <typename Part>
void in_triangle(Eigen::Index n, Eigen::Index unit, double work, Part part) {
  const int threads = work < least_parallel_work ? 1 : parallel::concurrency();
  if (threads == 1) {
    part(Eigen::Index{0}, n);
    return;
  }
  const int pieces = 4 * threads;
  const auto bound = [&](std::size_t piece) {
    const double share = 1.0 - std::cbrt(1.0 - static_cast<double>(piece) / pieces);
    const auto at = static_cast<Eigen::Index>(share * static_cast<double>(n)) / unit * unit;
    return piece == static_cast<std::size_t>(pieces) ? n : at;
  };
  parallel::for_each_index(static_cast<std::size_t>(pieces), [&](std::size_t piece) {
    if (bound(piece) < bound(piece + 1)) part(bound(piece), bound(piece + 1));
  });
}

// Lower triangle of (L Lᵀ)⁻¹, up to factored_at_once rows.
void inverse_at_once(const Eigen::MatrixXd& lower, Eigen::MatrixXd& a) {
  const SimdTable& loops = simd_table();
  const Eigen::Index n = lower.rows();
  a.resize(n, n);
  const auto size = static_cast<std::size_t>(n);
  const auto stride = static_cast<std::size_t>(a.outerStride());
  double* const l = workspace();
  double* const y = l + padded_doubles(size);
  loops.pad_lower(size, lower.data(), static_cast<std::size_t>(lower.outerStride()), l);
  in_triangle(n, static_cast<Eigen::Index>(loops.tile_rows), cube(n) / 3.0, [&](Eigen::Index first, Eigen::Index end) {
    loops.invert_strips(size, l, y, static_cast<std::size_t>(first), static_cast<std::size_t>(end));
  });
  in_triangle(
      n, static_cast<Eigen::Index>(loops.tile_columns), cube(n) / 3.0, [&](Eigen::Index first, Eigen::Index end) {
        loops.square_columns(size, y, a.data(), stride, static_cast<std::size_t>(first), static_cast<std::size_t>(end));
      });
}

// L := lower triangle of Lᵀ L.
void square_lower(Matrix a) {
  const Eigen::Index n = a.rows();
  if (n <= block) {
    simd_table().square_lower_small(static_cast<std::size_t>(n), a.data(), static_cast<std::size_t>(a.outerStride()),
                                    workspace());
    return;
  }
  const Eigen::Index h = split(n);
  const Eigen::Index r = n - h;
  square_lower(a.topLeftCorner(h, h));
  add_self_product(1.0, a.bottomLeftCorner(r, h), Transpose::yes, a.topLeftCorner(h, h));
  multiply_left(1.0, a.bottomRightCorner(r, r), Transpose::yes, a.bottomLeftCorner(r, h));
  square_lower(a.bottomRightCorner(r, r));
}

// X := X · L⁻ᵀ
void solve_right_alone(const ConstMatrix& lower, Matrix x) {
  const Eigen::Index n = lower.rows();
  if (n <= solved_at_once) {
    simd_table().solve_right_small(static_cast<std::size_t>(x.rows()), static_cast<std::size_t>(n), lower.data(),
                                   static_cast<std::size_t>(lower.outerStride()), x.data(),
                                   static_cast<std::size_t>(x.outerStride()), workspace());
    return;
  }
  const Eigen::Index h = split(n);
  const Eigen::Index r = n - h;
  solve_right_alone(lower.topLeftCorner(h, h), x.leftCols(h));
  add_product(-1.0, x.leftCols(h), Transpose::no, lower.bottomLeftCorner(r, h), Transpose::yes, x.rightCols(r));
  solve_right_alone(lower.bottomRightCorner(r, r), x.rightCols(r));
}

// Cholesky factor in place, up to factored_at_once rows: panels of columns, one after the other. While the rows below a
// panel follow in pieces, one thread goes ahead with the next panel's diagonal: the other threads do not stand still.
bool factor_at_once(Matrix a) {
  const SimdTable& loops = simd_table();
  const auto n = static_cast<std::size_t>(a.rows());
  const int threads = parallel::concurrency();
  const std::size_t step = n < least_in_panels ? n : panel;
  double* const l = workspace();
  loops.pad_lower(n, a.data(), static_cast<std::size_t>(a.outerStride()), l);
  if (!loops.factor_diagonal(n, l, 0, std::min(step, n))) return false;
  bool positive = true;
  for (std::size_t first = 0; first + step < n && positive; first += step) {
    const std::size_t end = first + step;
    const std::size_t next = std::min(end + step, n);
    const std::size_t own = std::min(n, next + loops.tile_rows);  // the last tile of the diagonal reads so far
    const std::size_t tiles = (n - own + loops.tile_rows - 1) / loops.tile_rows;
    const double work = 2.0 * static_cast<double>((n - end) * step) * static_cast<double>(end);
    const auto helpers = static_cast<std::size_t>(work < least_parallel_work ? 1 : threads);
    const std::size_t pieces = std::min(tiles, helpers == 1 ? std::size_t{1} : 2 * helpers);
    const auto row = [&](std::size_t piece) { return std::min(n, own + tiles * piece / pieces * loops.tile_rows); };
    parallel::for_each_index(
        pieces + 1,
        [&](std::size_t piece) {
          if (piece > 0) return loops.factor_strips(n, l, first, end, row(piece - 1), row(piece));
          loops.factor_strips(n, l, first, end, end, own);
          positive = loops.factor_diagonal(n, l, end, next);
        },
        static_cast<int>(helpers));
  }
  if (positive) loops.unpad_lower(n, l, a.data(), static_cast<std::size_t>(a.outerStride()));
  return positive;
}

// Cholesky factor in place, at once up to `most` rows, else of halves down to the block.
bool factor_lower(Matrix a, Eigen::Index most) {
  const Eigen::Index n = a.rows();
  if (n <= most) return factor_at_once(a);
  const Eigen::Index h = split(n);
  const Eigen::Index r = n - h;
  if (!factor_lower(a.topLeftCorner(h, h), block)) return false;
  solve_right_transposed(a.topLeftCorner(h, h), a.bottomLeftCorner(r, h));
  add_self_product(-1.0, a.bottomLeftCorner(r, h), Transpose::no, a.bottomRightCorner(r, r));
  return factor_lower(a.bottomRightCorner(r, r), block);
}

}  // namespace

void add_product(double alpha, const ConstMatrix& a, Transpose op_a, const ConstMatrix& b, Transpose op_b, Matrix c) {
  const auto a_stride = static_cast<std::size_t>(a.outerStride());
  const auto b_stride = static_cast<std::size_t>(b.outerStride());
  ProductBlock whole{};
  whole.m = static_cast<std::size_t>(c.rows());
  whole.k = static_cast<std::size_t>(op_a == Transpose::no ? a.cols() : a.rows());
  whole.alpha = alpha;
  whole.a = a.data();
  whole.a_row = op_a == Transpose::no ? 1 : a_stride;
  whole.a_column = op_a == Transpose::no ? a_stride : 1;
  whole.b_row = op_b == Transpose::no ? 1 : b_stride;
  whole.b_column = op_b == Transpose::no ? b_stride : 1;
  whole.c_stride = static_cast<std::size_t>(c.outerStride());
  const double work =
      2.0 * static_cast<double>(c.rows()) * static_cast<double>(c.cols()) * static_cast<double>(whole.k);
  in_pieces(c.cols(), wide, work, [&](Eigen::Index first, Eigen::Index count) {
    ProductBlock piece = whole;
    piece.n = static_cast<std::size_t>(count);
    piece.b = b.data() + static_cast<std::size_t>(first) * piece.b_column;
    piece.c = c.data() + static_cast<std::size_t>(first) * piece.c_stride;
    piece.workspace = workspace();
    simd_table().multiply(piece);
  });
}

Eigen::MatrixXd product(const ConstMatrix& a, Transpose op_a, const ConstMatrix& b, Transpose op_b) {
  Eigen::MatrixXd c =
      Eigen::MatrixXd::Zero(op_a == Transpose::no ? a.rows() : a.cols(), op_b == Transpose::no ? b.cols() : b.rows());
  add_product(1.0, a, op_a, b, op_b, c);
  return c;
}

Eigen::MatrixXd self_product_lower(const Eigen::MatrixXd& a) {
  Eigen::MatrixXd c = Eigen::MatrixXd::Zero(a.rows(), a.rows());
  add_self_product(1.0, a, Transpose::no, c);
  return c;
}

bool cholesky_lower(Matrix a) {
  return factor_lower(a, factored_at_once);
}

void solve_right_transposed(const ConstMatrix& lower, Matrix x) {
  const double work = static_cast<double>(lower.rows() * lower.rows()) * static_cast<double>(x.rows());
  in_pieces(x.rows(), wide, work,
            [&](Eigen::Index first, Eigen::Index count) { solve_right_alone(lower, x.middleRows(first, count)); });
}

void inverse_lower_from_cholesky(const Eigen::MatrixXd& lower, Eigen::MatrixXd& out) {
  if (lower.rows() <= factored_at_once) return inverse_at_once(lower, out);
  out = lower;
  invert_lower(out);
  square_lower(out);
}

Eigen::MatrixXd inverse_from_cholesky(const Eigen::MatrixXd& lower) {
  Eigen::MatrixXd inverse;
  inverse_lower_from_cholesky(lower, inverse);
  mirror_lower(inverse);
  return inverse;
}

Eigen::MatrixXd few_products(const Eigen::MatrixXd& a, const Eigen::MatrixXd& x) {
  Eigen::MatrixXd y(a.cols(), x.cols());
  in_pieces(
      a.cols(), wide, 2.0 * static_cast<double>(a.size() * x.cols()), [&](Eigen::Index first, Eigen::Index count) {
        simd_table().few_products(
            static_cast<std::size_t>(a.rows()), static_cast<std::size_t>(count), static_cast<std::size_t>(x.cols()),
            a.data() + first * a.outerStride(), static_cast<std::size_t>(a.outerStride()), x.data(),
            static_cast<std::size_t>(x.outerStride()), y.data() + first, static_cast<std::size_t>(y.outerStride()));
      });
  return y;
}

void mirror_lower(Eigen::MatrixXd& a) {
  constexpr Eigen::Index tile = 32;  // both triangles' tiles stay in the cache
  const Eigen::Index n = a.rows();
  for (Eigen::Index j = 0; j < n; j += tile) {
    for (Eigen::Index i = j; i < n; i += tile) {
      const Eigen::Index j_end = std::min(j + tile, n);
      const Eigen::Index i_end = std::min(i + tile, n);
      for (Eigen::Index column = j; column < j_end; ++column) {
        for (Eigen::Index row = std::max(i, column + 1); row < i_end; ++row) a(column, row) = a(row, column);
      }
    }
  }
}

}  // namespace luban::surrogate::detail
