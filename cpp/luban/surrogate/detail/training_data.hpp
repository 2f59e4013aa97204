#pragma once

#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/features/reduction.hpp>
#include <luban/surrogate/export.hpp>

namespace luban::surrogate::detail {

/// One response's reduced readings on a standard scale: y = (value − location) / scale, location and scale being the
/// weighted mean and standard deviation of the readings, so that readings of weight 0 have no say.
struct TrainingData {
  Eigen::MatrixXd X;                            ///< (u, p) coded
  std::vector<std::vector<Eigen::Index>> runs;  ///< rows of each run
  std::vector<std::string> run_ids;             ///< names of the runs; empty = not known
  Eigen::VectorXd y;                            ///< (u)
  Eigen::VectorXd weight;                       ///< (u)
  Eigen::VectorXd scatter;                      ///< (u) each row's part of within_ss; empty = not known
  Eigen::VectorXd readings;                     ///< (u) how many each mean is of, likewise
  double within_ss = 0.0;
  double log_weight_sum = 0.0;
  Eigen::Index n = 0;  ///< readings
  double location = 0.0;
  double scale = 1.0;
  double known_within = 0.0;  ///< variance of a reading of weight 1 where variances are known beforehand; 0 = learned
  bool extra_noise = true;    ///< whether noise between runs is learned beside a known one

  [[nodiscard]] Eigen::Index u() const noexcept { return y.size(); }
  /// Some (run, point) was read more than once.
  [[nodiscard]] bool repeated() const noexcept { return n > u(); }
  /// Some run was read at more than one point.
  [[nodiscard]] bool several_points() const noexcept { return static_cast<Eigen::Index>(runs.size()) < u(); }
};

/// @param run_ids of the dataset that was reduced; empty = runs stay without names.
[[nodiscard]] LUBAN_SURROGATE_EXPORT TrainingData standardise(const features::Reduction& reduction,
                                                              const std::vector<std::string>& run_ids = {});

/// The rows of whole runs, taken in the given order of runs until at least `points` rows are in. The within-run sum of
/// squares, known only in total, is shared out in proportion: a subset serves for starting points, not for results.
[[nodiscard]] TrainingData first_runs(const TrainingData& data, const std::vector<std::size_t>& order,
                                      Eigen::Index points);

}  // namespace luban::surrogate::detail
