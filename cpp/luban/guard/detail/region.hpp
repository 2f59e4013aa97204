#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <luban/guard/export.hpp>

namespace luban::guard::detail {

/// lower ≤ Σ coefficient · value ≤ upper, values by position.
struct Row {
  std::vector<std::pair<std::size_t, double>> sum;
  double lower = 0.0;
  double upper = 0.0;
};

/// The sum as a plant computes it: products added in the order of the process file, in double arithmetic.
[[nodiscard]] LUBAN_GUARD_EXPORT double sum_of(const Row& row, const std::vector<double>& x) noexcept;

/// Where the numeric parameters may be: a box, rows, and which of them are whole numbers.
struct Region {
  std::vector<double> low;
  std::vector<double> high;
  std::vector<double> scale;        ///< > 0: distances are measured in these
  std::vector<std::uint8_t> whole;  ///< 1 = whole numbers only
  std::vector<Row> rows;
};

/// Whether a point satisfies every inequality exactly, as doubles. NaN satisfies nothing.
[[nodiscard]] LUBAN_GUARD_EXPORT bool admits(const Region& region, const std::vector<double>& x) noexcept;

/// The admitted point nearest to `wanted` in scaled distance, within 1e-9 of the best; nothing when none was found.
[[nodiscard]] LUBAN_GUARD_EXPORT std::optional<std::vector<double>> nearest(const Region& region,
                                                                            const std::vector<double>& wanted);

/// Whether no inequality is broken by more at `after` than at `before`, and at least one by less.
[[nodiscard]] LUBAN_GUARD_EXPORT bool improves(const Region& region, const std::vector<double>& before,
                                               const std::vector<double>& after) noexcept;

}  // namespace luban::guard::detail
