#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <luban/features/findings.hpp>

namespace luban::features::detail {

/// What one search found: the most severe first, at most `most` of them, and how many there were in all.
struct Search {
  std::vector<Finding> found;
  std::vector<double> severity;  ///< of each, descending; may be empty where there is no order
  std::size_t in_all = 0;
};

[[nodiscard]] Search search_gross_errors(const Dataset& data, Eigen::Index response, const FindingOptions& options);
/// Among responses that are always positive, three at least: their ratios tell which one of a reading is wrong.
[[nodiscard]] Search search_inconsistent_readings(const Dataset& data, const FindingOptions& options);
[[nodiscard]] Search search_duplicate_runs(const Dataset& data, const FindingOptions& options);
[[nodiscard]] Search search_constant_columns(const Dataset& data);
[[nodiscard]] Search search_empty_combinations(const Dataset& data, const FindingOptions& options);

/// Orders by descending severity, equal ones as they came, and keeps the first `most`.
[[nodiscard]] Search most_severe(std::vector<Finding> found, std::vector<double> severity, std::size_t most);
/// A finding that points at one reading (response −1: at no single value of it).
[[nodiscard]] Finding finding_at(const Dataset& data, FindingKind kind, Eigen::Index reading, Eigen::Index response);
/// "run 17 (diameter D30, position Chuck)"
[[nodiscard]] std::string in_run(const Dataset& data, Eigen::Index reading);
/// Context and noise categories of a reading: "diameter D30, tool_wear Worn, position Chuck"; "" when there are none.
[[nodiscard]] std::string circumstances(const Dataset& data, Eigen::Index reading);

}  // namespace luban::features::detail
