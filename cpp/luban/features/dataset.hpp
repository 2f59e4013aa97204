#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/core/call_control.hpp>
#include <luban/features/encoder.hpp>
#include <luban/features/export.hpp>

namespace luban::features {

struct ResponseColumn {
  std::string name;
  std::string unit;
};

/// What makes runs one group.
enum class Grouping : std::uint8_t {
  stated,  ///< what `groups` of the process names
  points,  ///< nothing is stated: runs with the same parameters and categories of context
  runs,    ///< nothing is stated, and fewer than three such points: each run on its own
};

/// Readings within runs within groups, encoded. Averages are never taken here; see reduction.hpp.
struct LUBAN_FEATURES_EXPORT Dataset {
  Encoder encoder;
  Eigen::MatrixXd X;                      ///< (n, p) one row per reading, coded
  Eigen::MatrixXd Y;                      ///< (n, m) responses in their units, missing = NaN
  std::vector<ResponseColumn> responses;  ///< (m)
  std::vector<std::int32_t> run;          ///< (n) index into run_ids
  std::vector<std::string> run_ids;       ///< (runs)
  std::vector<std::int32_t> group;        ///< (runs) index into group_labels: what must not be split
  std::vector<std::string> group_labels;  ///< (groups)
  Grouping grouping = Grouping::stated;
  std::vector<std::int64_t> run_time;    ///< (runs) start, UTC nanoseconds; smallest int64 = unknown
  std::vector<std::int64_t> source_row;  ///< (n) row in the source, so that a finding can be traced back
  std::vector<std::int64_t> repeat;      ///< (n) number of the reading within its run
  /// (n, m) variance of each reading, in its squared unit, where that is known beforehand; (0, 0) = it is not.
  Eigen::MatrixXd noise_variance = {};

  [[nodiscard]] Eigen::Index n() const noexcept { return X.rows(); }
  [[nodiscard]] Eigen::Index p() const noexcept { return X.cols(); }
  [[nodiscard]] Eigen::Index m() const noexcept { return Y.cols(); }
  [[nodiscard]] std::size_t run_count() const noexcept { return run_ids.size(); }
  [[nodiscard]] std::size_t group_count() const noexcept { return group_labels.size(); }
  /// @throws DataError naming the nearest response.
  [[nodiscard]] Eigen::Index response_index(const std::string& name) const;
  /// The readings of the named runs (indices into run_ids), runs renumbered, groups and encoder kept.
  [[nodiscard]] Dataset subset(const std::vector<std::int32_t>& runs) const;
};

struct DatasetOptions {
  std::vector<std::string> responses = {};  ///< empty = all of the process that the source has
  std::size_t rows_at_once = 262144;        ///< readings held beside the result while streaming
};

/// Streams a source (grain readings) into a Dataset. Readings without any response value are left out. Where the
/// process states no groups, runs at one point are one group: a model that has seen one knows the others.
/// @throws DataError when no reading remains, a run's parameters disagree between its readings, or a column is missing.
[[nodiscard]] LUBAN_FEATURES_EXPORT Dataset make_dataset(const process::Process& process,
                                                         const process::TableSource& source,
                                                         const DatasetOptions& options = {},
                                                         const core::CallControl& control = {});

}  // namespace luban::features
