#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <luban/core/call_control.hpp>
#include <luban/history/export.hpp>
#include <luban/process/table.hpp>

namespace luban::history {

/// What a column of numbers or categories holds.
struct LUBAN_HISTORY_EXPORT ColumnStatistics {
  std::string name;
  std::string unit;
  std::int64_t count = 0;  ///< values that are there
  std::int64_t missing = 0;
  double mean = 0.0;                ///< NaN without values; of categories all numbers are NaN
  double standard_deviation = 0.0;  ///< with n − 1; NaN below two values
  double low = 0.0, high = 0.0;
  std::vector<double> quantiles;           ///< at the wanted fractions, linear between neighbours (type 7)
  bool exact = true;                       ///< false: quantiles are of a sample
  std::vector<std::int64_t> per_category;  ///< of categories, in their order
};

struct StatisticsOptions {
  std::vector<double> fractions = {0.05, 0.25, 0.5, 0.75, 0.95};
  /// Up to so many rows quantiles are exact; of more rows they are those of a random sample of about so many, with a
  /// standard error of at most 0.05 % of the rows at a million.
  std::int64_t sample = 1'000'000;
  std::uint64_t seed = 0;
};

/// One pass over a source, block by block: memory does not grow with the number of rows beyond the sample. The same
/// numbers whatever the number of threads.
/// @throws DataError when a column is absent or holds texts, times or samples, StoppedError when asked to stop.
[[nodiscard]] LUBAN_HISTORY_EXPORT std::vector<ColumnStatistics> statistics(const process::TableSource& source,
                                                                            const std::vector<std::string>& columns,
                                                                            const StatisticsOptions& options = {},
                                                                            const core::CallControl& control = {});

}  // namespace luban::history
