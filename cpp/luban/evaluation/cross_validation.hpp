#pragma once

#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/core/call_control.hpp>
#include <luban/core/random.hpp>
#include <luban/evaluation/export.hpp>
#include <luban/evaluation/scores.hpp>
#include <luban/features/dataset.hpp>
#include <luban/features/splits.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::evaluation {

/// What is compared: a way to make a surrogate, under a name.
struct LUBAN_EVALUATION_EXPORT Contender {
  std::string name;
  surrogate::SurrogateFactory make;
};

/// What surrogates that had not seen a reading's group said about it. Readings that no fold tests are NaN.
struct LUBAN_EVALUATION_EXPORT OutOfFold {
  Eigen::MatrixXd mean;                ///< (n, m)
  Eigen::MatrixXd sd_latent;           ///< (n, m) of the expected response
  Eigen::MatrixXd sd_run_mean;         ///< (n, m) + between runs
  Eigen::MatrixXd sd_reading;          ///< (n, m) + within a run
  Eigen::MatrixXd log_density;         ///< (n, m) of the reading
  std::vector<Eigen::MatrixXd> lower;  ///< per score level (n, m)
  std::vector<Eigen::MatrixXd> upper;  ///< per score level (n, m)
  Eigen::MatrixXd training_mean;       ///< (n, m)
  Eigen::VectorXi fold;                ///< (n) −1 = in no fold
  [[nodiscard]] Predictions of_response(Eigen::Index response) const;
};

struct CrossValidationOptions {
  int threads = 0;  ///< fits at a time, each of which may use threads of its own; 0 = the CPU budget
  /// (m) weights of the readings: those of weight 0 are left out of training means; empty = all count.
  std::vector<Eigen::VectorXd> weights = {};
};

/// The key with which a contender learns one fold of `key`'s cross-validation.
[[nodiscard]] LUBAN_EVALUATION_EXPORT core::RandomKey fit_key(core::RandomKey key, const std::string& contender,
                                                              std::size_t fold);

/// Every contender learns every fold's training runs and predicts its test readings: all on the same folds. A fold's
/// random key depends on contender and fold alone, so that threads and company change nothing.
/// @return one per contender. @throws ConfigurationError without contender or fold, on a name used twice, or when a
/// run is tested twice; whatever a contender throws; StoppedError.
[[nodiscard]] LUBAN_EVALUATION_EXPORT std::vector<OutOfFold> cross_validate(
    const features::Dataset& data, const std::vector<Contender>& contenders, const std::vector<features::Fold>& folds,
    core::RandomKey key, const CrossValidationOptions& options = {}, const core::CallControl& control = {});

}  // namespace luban::evaluation
