#pragma once

#include <cstddef>

#include <luban/recommend/export.hpp>
#include <luban/surrogate/simd.hpp>

namespace luban::recommend::detail {

inline constexpr std::size_t kernel_boxes = 16;  ///< boxes in a block
inline constexpr std::size_t kernel_points = 8;  ///< most points
inline constexpr std::size_t kernel_sides = 4;   ///< most objectives
inline constexpr std::size_t kernel_subsets = 1U << kernel_points;

/// Doubles of a block: 1 where a box is (0 fills the last block up), then for each objective its lower ends and
/// lengths.
constexpr std::size_t block_size(std::size_t objectives) {
  return kernel_boxes * (1 + 2 * objectives);
}

/// One sample of q points, and what sum_boxes gives.
struct HypervolumeSample {
  std::size_t points, objectives;
  double relu_temperature, max_temperature;
  double utilities[kernel_points][kernel_sides];
  std::size_t order[kernel_sides][kernel_points];  ///< points from the lowest utility up, for each objective
  double scale[kernel_sides];                      ///< divides all lengths of an objective; > 0
  double factor[kernel_subsets];                   ///< sign and weight of a subset, by the bits of its points
  double total;                                    ///< Σ of the subsets' volumes with their factors
  double alone[kernel_points];                     ///< volumes of the single points with their factors
  double gradient[kernel_points][kernel_sides];    ///< of total by the utilities
  double with[kernel_points];                      ///< Σ over the subsets that a point is in
};

inline constexpr double fat_tail = 0.1;         ///< of fat_softplus in smooth.hpp
inline constexpr double softplus_range = 40.0;  ///< beyond so many temperatures its logarithm is below rounding

/// fat_softplus of smooth.hpp, which the kernels must not include, and the derivative of its logarithm.
struct FatLength {
  double value, log_slope;
};
[[nodiscard]] FatLength fat_length(double x, double temperature);

/// Sums over the blocks of boxes and over all subsets, or over the subset `only` when that is not 0. The levels agree
/// to rounding; the level must be one that this machine runs.
LUBAN_RECOMMEND_EXPORT void sum_boxes(surrogate::SimdLevel level, HypervolumeSample& sample, const double* blocks,
                                      std::size_t count, bool gradients, std::size_t only);

// What it chooses from.
void sum_boxes_baseline(HypervolumeSample& sample, const double* blocks, std::size_t count, bool gradients,
                        std::size_t only);
void sum_boxes_avx2(HypervolumeSample& sample, const double* blocks, std::size_t count, bool gradients,
                    std::size_t only);

}  // namespace luban::recommend::detail
