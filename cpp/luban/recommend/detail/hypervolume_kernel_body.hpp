// No include guard: included once by each variant.
// Sums over boxes, compiled once per instruction set by hypervolume_kernel_<level>.cpp. Everything here has internal
// linkage and no inline function of another header is used: a function compiled for AVX2 must never be the copy that
// the linker keeps for all.
#include <cstddef>
#include <cstdint>

#include <luban/recommend/detail/hypervolume_kernel.hpp>

namespace luban::recommend::detail {
namespace {

constexpr std::size_t width = kernel_boxes;
constexpr std::size_t nodes = kernel_points + 1;  // the points, and the box's own length
constexpr double tail = fat_tail;
constexpr double near_zero = softplus_range;  // beyond, the logarithm in the softplus is below rounding
constexpr double least_length = 1e-290;
constexpr double most_ratio = 1e30;

using Lane = double[width];

/// Where what two nodes have in common stands; the order of the two does not matter.
constexpr std::size_t pairs = nodes * (nodes - 1) / 2;
constexpr std::size_t pair(std::size_t i, std::size_t k) {
  return i > k ? i * (i - 1) / 2 + k : k * (k - 1) / 2 + i;
}

/// For a block and an objective: lengths of the points (index points: of the boxes), and how alike two of them are.
struct Side {
  Lane length[nodes];
  Lane inverse[nodes];
  Lane log_slope[kernel_points];  ///< of a length by the utility
  Lane weight[pairs];             ///< w(z) of a pair
  Lane pull[pairs];               ///< −w'(z) ratio: how the longer of a pair moves the smooth least
};

/// What a subset is in an objective.
struct Least {
  Lane capped;   ///< 1 where the box's own length is the least
  Lane inverse;  ///< 1 / Σ w
};

/// Sums are kept by lanes to the end: a sum over lanes is a chain of additions.
struct alignas(64) Workspace {
  Side side[kernel_sides];
  Least least[kernel_sides];
  Lane moved[kernel_points][kernel_sides];  ///< Σ in a block of derivatives by the logarithm of a length
  Lane total;
  Lane alone[kernel_points];
  Lane with[kernel_points];
  Lane gradient[kernel_points][kernel_sides];
};

inline void clear(Lane& lane) {
  for (std::size_t b = 0; b < width; ++b) lane[b] = 0.0;
}

inline void add(const Lane& values, Lane& to) {
  for (std::size_t b = 0; b < width; ++b) to[b] += values[b];
}

inline double sum_of(const Lane& lane) {
  double sum = 0.0;
  for (std::size_t b = 0; b < width; ++b) sum += lane[b];
  return sum;
}

/// ln of 1 ≤ x < 2^1000 to 1e-12, without a branch.
inline double short_log(double x) {
  constexpr double root = 1.4142135623730950488;
  constexpr double ln2 = 0.69314718055994530942;
  const auto bits = __builtin_bit_cast(std::uint64_t, x);
  const double exponent =
      __builtin_bit_cast(double, (bits >> 52U) | 0x4330000000000000U) - (4503599627370496.0 + 1022.5);
  const double mantissa = __builtin_bit_cast(double, (bits & 0x000FFFFFFFFFFFFFU) | 0x3FF0000000000000U);
  const double s = (mantissa - root) / (mantissa + root);
  const double s2 = s * s;
  double p = 1.0 / 13.0;
  p = p * s2 + 1.0 / 11.0;
  p = p * s2 + 1.0 / 9.0;
  p = p * s2 + 1.0 / 7.0;
  p = p * s2 + 1.0 / 5.0;
  p = p * s2 + 1.0 / 3.0;
  p = p * s2 + 1.0;
  return exponent * ln2 + 2.0 * s * p;
}

/// exp(−x) of 0 ≤ x ≤ 0.2.
inline double short_exp(double x) {
  double p = 1.0 / 3628800.0;
  p = p * -x + 1.0 / 362880.0;
  p = p * -x + 1.0 / 40320.0;
  p = p * -x + 1.0 / 5040.0;
  p = p * -x + 1.0 / 720.0;
  p = p * -x + 1.0 / 120.0;
  p = p * -x + 1.0 / 24.0;
  p = p * -x + 1.0 / 6.0;
  p = p * -x + 0.5;
  p = p * -x + 1.0;
  return p * -x + 1.0;
}

void measure_lengths(const HypervolumeSample& sample, std::size_t j, const double* __restrict lower,
                     const double* __restrict own, Side& side) {
  const double temperature = sample.relu_temperature;
  const double per_temperature = 1.0 / temperature;
  const double shrink = 1.0 / sample.scale[j];
  for (std::size_t i = 0; i < sample.points; ++i) {
    double* __restrict length = side.length[i];
    double* __restrict slope = side.log_slope[i];
    const double y = sample.utilities[i][j];
    Lane distance;
    for (std::size_t b = 0; b < width; ++b) {
      const double x = y - lower[b];
      const double t = x * per_temperature;
      const double r = 1.0 / (1.0 + t * t);
      const double fat = tail * temperature * r;
      const double value = x > 0.0 ? x + fat : fat;
      slope[b] = x > 0.0 ? (1.0 - 2.0 * tail * t * r * r) / value : -2.0 * t * r * per_temperature;
      const double scaled = value * shrink;
      length[b] = scaled > least_length ? scaled : least_length;
      distance[b] = t < 0.0 ? -t : t;
    }
    bool near = false;
    for (std::size_t b = 0; b < width; ++b) near |= distance[b] < near_zero;
    if (near) {
      for (std::size_t b = 0; b < width; ++b) {
        if (distance[b] >= near_zero) continue;
        const FatLength exact = fat_length(y - lower[b], temperature);
        const double scaled = exact.value * shrink;
        length[b] = scaled > least_length ? scaled : least_length;
        slope[b] = exact.log_slope;
      }
    }
  }
  double* __restrict cap = side.length[sample.points];
  for (std::size_t b = 0; b < width; ++b) {
    const double scaled = own[b] * shrink;
    cap[b] = scaled > least_length ? scaled : least_length;
  }
  for (std::size_t i = 0; i <= sample.points; ++i) {
    for (std::size_t b = 0; b < width; ++b) side.inverse[i][b] = 1.0 / side.length[i][b];
  }
}

void compare_lengths(const HypervolumeSample& sample, Side& side) {
  const double per_temperature = 1.0 / sample.max_temperature;
  for (std::size_t i = 0; i <= sample.points; ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      const double* __restrict a = side.length[i];
      const double* __restrict c = side.length[k];
      const double* __restrict inverse_a = side.inverse[i];
      const double* __restrict inverse_c = side.inverse[k];
      double* __restrict weight = side.weight[pair(i, k)];
      double* __restrict pull = side.pull[pair(i, k)];
      for (std::size_t b = 0; b < width; ++b) {
        const double ratio = a[b] > c[b] ? a[b] * inverse_c[b] : c[b] * inverse_a[b];
        const double bounded = ratio < most_ratio ? ratio : most_ratio;
        const double above = bounded > 1.0 ? bounded - 1.0 : 0.0;
        const double z = above * per_temperature;
        const double w = 2.0 / (2.0 + z * (2.0 + z));
        weight[b] = w;
        pull[b] = w * w * (1.0 + z) * bounded;
      }
    }
  }
}

/// Multiplies the volumes of a subset by its side in objective j, and `counts` by Σ w.
void multiply_side(const HypervolumeSample& sample, std::size_t subset, std::size_t lowest, const Side& side,
                   Least& least, double* __restrict volume, double* __restrict counts) {
  const std::size_t box = sample.points;
  Lane by_point;
  Lane by_box;
  for (std::size_t b = 0; b < width; ++b) {
    by_point[b] = 1.0 + side.weight[pair(lowest, box)][b];
    by_box[b] = by_point[b];
  }
  for (std::size_t rest = subset & ~(std::size_t{1} << lowest); rest != 0; rest &= rest - 1) {
    const auto i = static_cast<std::size_t>(__builtin_ctzll(rest));
    const double* __restrict to_point = side.weight[pair(lowest, i)];
    const double* __restrict to_box = side.weight[pair(box, i)];
    for (std::size_t b = 0; b < width; ++b) {
      by_point[b] += to_point[b];
      by_box[b] += to_box[b];
    }
  }
  const double* __restrict length = side.length[lowest];
  const double* __restrict cap = side.length[box];
  for (std::size_t b = 0; b < width; ++b) {
    const bool capped = cap[b] < length[b];
    const double count = capped ? by_box[b] : by_point[b];
    volume[b] *= capped ? cap[b] : length[b];
    counts[b] *= count;
    least.capped[b] = capped ? 1.0 : 0.0;
    least.inverse[b] = 1.0 / count;
  }
}

/// Adds the derivatives of a subset's volumes by the logarithms of the lengths in one objective.
void add_moves(const HypervolumeSample& sample, std::size_t subset, std::size_t lowest, std::size_t j,
               const Lane& volume, Workspace& work) {
  const std::size_t box = sample.points;
  const Side& side = work.side[j];
  const Least& least = work.least[j];
  Lane share;
  Lane taken;  // what the lowest point leaves to the others
  for (std::size_t b = 0; b < width; ++b) {
    share[b] = volume[b] * least.inverse[b];
    taken[b] = side.pull[pair(lowest, box)][b];
  }
  for (std::size_t rest = subset & ~(std::size_t{1} << lowest); rest != 0; rest &= rest - 1) {
    const auto i = static_cast<std::size_t>(__builtin_ctzll(rest));
    const double* __restrict to_point = side.pull[pair(lowest, i)];
    const double* __restrict to_box = side.pull[pair(box, i)];
    double* __restrict moved = work.moved[i][j];
    for (std::size_t b = 0; b < width; ++b) {
      moved[b] += share[b] * (to_point[b] + least.capped[b] * (to_box[b] - to_point[b]));
      taken[b] += to_point[b];
    }
  }
  const double* __restrict to_box = side.pull[pair(box, lowest)];
  double* __restrict moved = work.moved[lowest][j];
  for (std::size_t b = 0; b < width; ++b) {
    const double own = volume[b] - share[b] * taken[b];
    moved[b] += own + least.capped[b] * (share[b] * to_box[b] - own);
  }
}

std::size_t lowest_of(const HypervolumeSample& sample, std::size_t subset, std::size_t j) {
  std::size_t k = 0;
  while (((subset >> sample.order[j][k]) & 1U) == 0) ++k;
  return sample.order[j][k];
}

void add_subset(const HypervolumeSample& sample, std::size_t subset, const double* __restrict present, bool gradients,
                Workspace& work) {
  Lane volume;
  Lane counts;
  for (std::size_t b = 0; b < width; ++b) {
    volume[b] = present[b] * sample.factor[subset];
    counts[b] = 1.0;
  }
  std::size_t lowest[kernel_sides];
  for (std::size_t j = 0; j < sample.objectives; ++j) {
    lowest[j] = lowest_of(sample, subset, j);
    multiply_side(sample, subset, lowest[j], work.side[j], work.least[j], volume, counts);
  }
  for (std::size_t b = 0; b < width; ++b) volume[b] *= short_exp(sample.max_temperature * short_log(counts[b]));
  add(volume, work.total);
  if ((subset & (subset - 1)) == 0) add(volume, work.alone[__builtin_ctzll(subset)]);
  if (!gradients) return;
  for (std::size_t i = 0; i < sample.points; ++i) {
    if ((subset >> i) & 1U) add(volume, work.with[i]);
  }
  for (std::size_t j = 0; j < sample.objectives; ++j) add_moves(sample, subset, lowest[j], j, volume, work);
}

void add_block(const HypervolumeSample& sample, const double* present, bool gradients, std::size_t only,
               Workspace& work) {
  for (std::size_t j = 0; j < sample.objectives; ++j) {
    const double* const lower = present + width * (1 + 2 * j);
    measure_lengths(sample, j, lower, lower + width, work.side[j]);
    compare_lengths(sample, work.side[j]);
    for (std::size_t i = 0; i < sample.points; ++i) clear(work.moved[i][j]);
  }
  const std::size_t first = only != 0 ? only : 1;
  const std::size_t end = only != 0 ? only + 1 : std::size_t{1} << sample.points;
  for (std::size_t subset = first; subset < end; ++subset) add_subset(sample, subset, present, gradients, work);
  if (!gradients) return;
  for (std::size_t i = 0; i < sample.points; ++i) {
    for (std::size_t j = 0; j < sample.objectives; ++j) {
      const Lane& slope = work.side[j].log_slope[i];
      for (std::size_t b = 0; b < width; ++b) work.gradient[i][j][b] += work.moved[i][j][b] * slope[b];
    }
  }
}

void sum_here(HypervolumeSample& sample, const double* blocks, std::size_t count, bool gradients, std::size_t only) {
  Workspace work;
  clear(work.total);
  for (std::size_t i = 0; i < sample.points; ++i) {
    clear(work.alone[i]);
    clear(work.with[i]);
    for (std::size_t j = 0; j < sample.objectives; ++j) clear(work.gradient[i][j]);
  }
  for (std::size_t block = 0; block < count; ++block) {
    add_block(sample, blocks + block * block_size(sample.objectives), gradients, only, work);
  }
  sample.total = sum_of(work.total);
  for (std::size_t i = 0; i < sample.points; ++i) {
    sample.alone[i] = sum_of(work.alone[i]);
    sample.with[i] = sum_of(work.with[i]);
    for (std::size_t j = 0; j < sample.objectives; ++j) sample.gradient[i][j] = sum_of(work.gradient[i][j]);
  }
}

}  // namespace
}  // namespace luban::recommend::detail
