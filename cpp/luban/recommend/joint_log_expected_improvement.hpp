#pragma once

#include <vector>

#include <luban/recommend/joint_acquisition.hpp>
#include <luban/recommend/joint_samples.hpp>

namespace luban::recommend {

/// log of the expected improvement that the best of q points brings over a known best utility, and over what the
/// pending points will have brought (qLogEI). Bounds enter as smooth indicators of the samples; for one point and none
/// pending, where they are independent of the objective, as exact log probabilities.
/// Reference: Ament et al. 2023 (arXiv 2310.20708).
class LUBAN_RECOMMEND_EXPORT JointLogExpectedImprovement final : public JointAcquisition {
 public:
  /// @param beside the surrogate beside the pending points (none: no rows). @param best utility to improve on.
  /// @throws what JointSamples throws.
  JointLogExpectedImprovement(const surrogate::SurrogateBeside& beside, Utility utility, double best,
                              std::vector<OutcomeBound> bounds, const JointSampling& sampling, core::RandomKey key);
  [[nodiscard]] JointAcquisitionValue evaluate(const surrogate::PosteriorBeside& posterior,
                                               bool gradients) const override;

 private:
  std::vector<OutcomeBound> exact_;  ///< bounds whose log probability is added
  JointSamples samples_;
  Eigen::VectorXd best_;  ///< (s)
};

}  // namespace luban::recommend
