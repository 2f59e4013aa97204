#pragma once

#include <Eigen/Core>

#include <luban/core/random.hpp>
#include <luban/recommend/acquisition.hpp>
#include <luban/recommend/export.hpp>

namespace luban::recommend {

/// Samples (count) of the largest utility that a response takes, by a Gumbel distribution fitted to the quartiles of
/// the largest of independent values at the posterior's points (a candidate set). For Goal::minimize the utility is −y.
/// @throws ConfigurationError for Goal::target or without points. Reference: Wang and Jegelka 2017 (arXiv 1703.01968).
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Eigen::VectorXd gumbel_maxima(const surrogate::Posterior& candidates,
                                                                   Utility utility, Eigen::Index count,
                                                                   core::RandomKey key);

/// Max-value entropy search: what one value at a point tells of the largest utility, the average over sampled maxima of
/// g φ(g) / (2 Φ(g)) − ln Φ(g), g = (maximum − mean) / sd. Reference: Wang and Jegelka 2017 (arXiv 1703.01968).
class LUBAN_RECOMMEND_EXPORT MaxValueEntropy final : public AcquisitionFunction {
 public:
  /// @param maxima of the utility, at least one, finite. @throws ConfigurationError otherwise or for Goal::target.
  MaxValueEntropy(Utility utility, Eigen::VectorXd maxima);
  [[nodiscard]] AcquisitionValue evaluate(const surrogate::Posterior& posterior, bool gradients) const override;

 private:
  Utility utility_;
  Eigen::VectorXd maxima_;
};

}  // namespace luban::recommend
