#pragma once

#include <vector>

#include <luban/recommend/detail/parego.hpp>
#include <luban/recommend/joint_acquisition.hpp>
#include <luban/recommend/joint_samples.hpp>

namespace luban::recommend::detail {

/// log of the expected improvement of the best of q points in one scalarisation of several utilities over the best of
/// the fixed points, all sampled together: the noisy improvement of ParEGO (Knowles 2006; Daulton et al. 2020, section
/// 5). Bounds enter as smooth indicators. For any number of objectives; draw other weights for each point.
class LUBAN_RECOMMEND_EXPORT JointLogScalarisedImprovement final : public JointAcquisition {
 public:
  /// @param beside the surrogate beside measured and pending points, at least one.
  /// @throws ConfigurationError without fixed points; DataError when the scalarisation is of another number of
  /// utilities; what JointSamples throws.
  JointLogScalarisedImprovement(const surrogate::SurrogateBeside& beside, const std::vector<Utility>& utilities,
                                AugmentedChebyshev scalarisation, const std::vector<OutcomeBound>& bounds,
                                const JointSampling& sampling, core::RandomKey key);
  [[nodiscard]] JointAcquisitionValue evaluate(const surrogate::PosteriorBeside& posterior,
                                               bool gradients) const override;

 private:
  /// Utilities (each (rows, s)) as one (rows, s), with the derivative by each utility on request.
  [[nodiscard]] Eigen::MatrixXd scalarised(const std::vector<Eigen::MatrixXd>& utilities,
                                           std::vector<Eigen::MatrixXd>* by_utility) const;

  AugmentedChebyshev scalarisation_;
  JointSamples samples_;
  Eigen::VectorXd best_;  ///< (s)
};

}  // namespace luban::recommend::detail
