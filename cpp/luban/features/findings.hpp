#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <luban/core/call_control.hpp>
#include <luban/features/dataset.hpp>
#include <luban/features/export.hpp>
#include <luban/features/robust_weights.hpp>

namespace luban::features {

enum class FindingKind {
  gross_error,           ///< a reading impossibly far from its neighbours in the same run and point
  inconsistent_reading,  ///< a value that contradicts the other responses of the same reading
  duplicate_run,         ///< two runs with identical inputs and identical readings
  constant_column,       ///< an input or response that never varies
  empty_combination      ///< a combination of context categories without any run
};
[[nodiscard]] LUBAN_FEATURES_EXPORT std::string_view name(FindingKind kind) noexcept;

/// One thing that a person should look at, with where it is and why it was named.
struct LUBAN_FEATURES_EXPORT Finding {
  FindingKind kind = FindingKind::gross_error;
  std::string column;  ///< response or variable concerned
  std::string run_id;  ///< "" when it concerns no single run
  std::int64_t source_row = -1;
  std::int64_t repeat = -1;
  double value = process::no_number;
  double expected = process::no_number;    ///< e.g. the cell's median
  double deviations = process::no_number;  ///< distance in robust standard deviations
  std::string message;                     ///< one sentence with units
};

struct FindingOptions {
  RobustWeightOptions robust = {};
  /// A value is inconsistent when beside each of the other responses it is at least this many times larger or smaller
  /// than in the other readings at its point. Above 1; e is what no honest reading of related responses comes near.
  double inconsistent_factor = 2.718281828459045;
  /// Two runs count as duplicates only when at least this many values agree: one rounded value may agree by chance.
  /// At least 1.
  int duplicate_values = 3;
  /// And only when runs of equal inputs agree at least this many times as often as runs of different inputs do: coarse
  /// values, as of a machine at rest, agree by chance. Above 0.
  double duplicate_factor = 10.0;
  std::size_t most = 1000;  ///< per kind; what is beyond is counted in the last message. At least 1.
  int threads = 0;          ///< over responses; 0 = the CPU budget
};

/// Findings ordered by kind, then by severity (deviations, lengths, else order of appearance).
/// @throws ConfigurationError when an option is out of range; StoppedError.
[[nodiscard]] LUBAN_FEATURES_EXPORT std::vector<Finding> find_suspicious(const Dataset& data,
                                                                         const FindingOptions& options = {},
                                                                         const core::CallControl& control = {});

}  // namespace luban::features
