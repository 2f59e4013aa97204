#pragma once

#include <memory>
#include <vector>

#include <Eigen/Core>

#include <luban/process/run.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::surrogate {

/// Joint levels of the noise variables and how often each was observed.
struct LUBAN_SURROGATE_EXPORT NoiseLevels {
  Eigen::MatrixXd levels;   ///< (L, noise variables), coded, in the encoder's order
  Eigen::VectorXd weights;  ///< (L) sums to 1
};

/// Frequencies of the noise levels as observed, each run counting once; within `context` (coded values of the context
/// columns, NaN = any) when at least `min_runs` runs have it, else over all runs. Continuous noise variables are
/// represented by at most 16 quantile points, joint rows when several. Without noise variables it is one empty level.
/// @throws DataError when `context` is of the wrong length.
[[nodiscard]] LUBAN_SURROGATE_EXPORT NoiseLevels observed_noise_levels(const features::Dataset& data,
                                                                       const Eigen::VectorXd& context,
                                                                       int min_runs = 10);

/// The surrogate's average over noise variables, as a surrogate of parameters and context alone: a linear functional
/// of the joint posterior, mean w'μ and variance w'Σw, gradients alike. Its between-run variance is the surrogate's
/// (the run effect is shared by a run's readings); `reading` adds the within-run variance of one reading.
class LUBAN_SURROGATE_EXPORT AveragedSurrogate final : public Surrogate {
 public:
  /// @throws DataError when the levels do not match the surrogate's noise variables.
  AveragedSurrogate(std::shared_ptr<const Surrogate> surrogate, NoiseLevels levels);
  [[nodiscard]] std::string kind() const override;
  [[nodiscard]] const features::Encoder& encoder() const noexcept override;  ///< without the noise variables
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override;
  [[nodiscard]] std::unique_ptr<Posterior> posterior(const Eigen::MatrixXd& X,
                                                     const PosteriorRequest& request = {}) const override;
  [[nodiscard]] std::unique_ptr<Posterior> average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                   const PosteriorRequest& request = {}) const override;
  [[nodiscard]] std::unique_ptr<const SurrogateBeside> beside(const Eigen::MatrixXd& fixed) const override;
  [[nodiscard]] std::shared_ptr<const Surrogate> smoothed(const Eigen::VectorXd& sd) const override;
  [[nodiscard]] const NoiseLevels& levels() const noexcept { return levels_; }

 private:
  /// (q·L, p of the whole encoder): every point at every level.
  [[nodiscard]] Eigen::MatrixXd at_all_levels(const Eigen::MatrixXd& X) const;
  /// The averages without the gradients by noise variables.
  [[nodiscard]] std::unique_ptr<Posterior> kept(const std::shared_ptr<const Posterior>& averaged,
                                                const PosteriorRequest& request) const;

  std::shared_ptr<const Surrogate> surrogate_;
  NoiseLevels levels_;
  features::Encoder encoder_;
  std::vector<Eigen::Index> kept_columns_;  ///< of the surrogate's encoder
  std::vector<Eigen::Index> noise_columns_;
};

}  // namespace luban::surrogate
