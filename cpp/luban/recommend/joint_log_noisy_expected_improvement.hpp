#pragma once

#include <vector>

#include <luban/recommend/joint_acquisition.hpp>
#include <luban/recommend/joint_samples.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::recommend {

/// log of the expected improvement of the best of q points over the best of the points measured before, whose utilities
/// are themselves uncertain, and over the pending ones (qLogNEI; with q = 1 LogNEI). Baseline and pending points are
/// sampled once, jointly with the q points. Bounds enter as smooth indicators; in a sample where no fixed point keeps
/// them, the improvement counts from the lowest utility sampled.
/// References: Letham et al. 2019; Balandat et al. 2020; Ament et al. 2023 (arXiv 2310.20708).
class LUBAN_RECOMMEND_EXPORT JointLogNoisyExpectedImprovement final : public JointAcquisition {
 public:
  /// @param beside the surrogate beside baseline and pending points, at least one.
  /// @throws ConfigurationError without fixed points; what JointSamples throws.
  JointLogNoisyExpectedImprovement(const surrogate::SurrogateBeside& beside, Utility utility,
                                   const std::vector<OutcomeBound>& bounds, const JointSampling& sampling,
                                   core::RandomKey key);
  [[nodiscard]] JointAcquisitionValue evaluate(const surrogate::PosteriorBeside& posterior,
                                               bool gradients) const override;

 private:
  JointSamples samples_;
  Eigen::VectorXd best_;  ///< (s)
};

/// The rows of X (n, p) that are the best in at least one of `samples` joint samples of their utility, those that break
/// a bound in the sample left out; ascending, never empty. What a noisy improvement needs as its baseline.
/// @throws DataError when X has no rows.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT std::vector<Eigen::Index> prune_baseline(const surrogate::Surrogate& surrogate,
                                                                              const Eigen::MatrixXd& X, Utility utility,
                                                                              const std::vector<OutcomeBound>& bounds,
                                                                              core::RandomKey key,
                                                                              Eigen::Index samples = 2048);

}  // namespace luban::recommend
