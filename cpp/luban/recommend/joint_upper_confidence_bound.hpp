#pragma once

#include <luban/recommend/joint_acquisition.hpp>
#include <luban/recommend/joint_samples.hpp>

namespace luban::recommend {

/// Expected largest of q optimistic utilities, E max_i (ū_i + √(β π / 2) |u_i − ū_i|), pending points among them
/// (qUCB); for q = 1 the mean plus √β standard deviations. Outcome bounds are the search's: this value has no sign.
/// Reference: Wilson et al. 2017 (arXiv 1712.00424), appendix A.
class LUBAN_RECOMMEND_EXPORT JointUpperConfidenceBound final : public JointAcquisition {
 public:
  /// @param beside the surrogate beside the pending points (none: no rows). @param beta 0 … 100.
  /// @throws ConfigurationError outside that range; what JointSamples throws.
  JointUpperConfidenceBound(const surrogate::SurrogateBeside& beside, Utility utility, double beta,
                            const JointSampling& sampling, core::RandomKey key);
  [[nodiscard]] JointAcquisitionValue evaluate(const surrogate::PosteriorBeside& posterior,
                                               bool gradients) const override;

 private:
  double weight_;  ///< √(β π / 2)
  JointSamples samples_;
  Eigen::VectorXd pending_;  ///< (s) largest of the pending points, −∞ without
};

}  // namespace luban::recommend
