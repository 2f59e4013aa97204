#pragma once

#include <vector>

#include <luban/recommend/detail/hypervolume_improvement.hpp>
#include <luban/recommend/joint_acquisition.hpp>
#include <luban/recommend/joint_samples.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::recommend::detail {

/// Several utilities to improve on together.
struct Improvement {
  std::vector<Utility> utilities;
  std::vector<OutcomeBound> bounds = {};
  /// (k) utilities that are just not worth having.
  Eigen::VectorXd reference;
  /// (n, k) utilities taken as they are, no rows where all that was measured stands among the fixed points.
  Eigen::MatrixXd known = {};
};

/// log of the expected hypervolume that q points add to what is dominated already: by the known utilities (qLogEHVI)
/// and, sample by sample, by those of the fixed points that keep the bounds there (pending ones; with the measured ones
/// among them qLogNEHVI). Bounds enter as smooth indicators. Exact boxes for 1 to 4 objectives.
/// References: Daulton et al. 2020 and 2021 (arXiv 2006.05078, 2105.08195); Ament et al. 2023 (arXiv 2310.20708).
class LUBAN_RECOMMEND_EXPORT JointLogExpectedHypervolumeImprovement final : public JointAcquisition {
 public:
  /// @throws ConfigurationError on more objectives or points than the boxes take; DataError on a reference or known
  /// utilities of another width; what JointSamples throws.
  JointLogExpectedHypervolumeImprovement(const surrogate::SurrogateBeside& beside, const Improvement& wanted,
                                         const JointSampling& sampling, core::RandomKey key);
  [[nodiscard]] JointAcquisitionValue evaluate(const surrogate::PosteriorBeside& posterior,
                                               bool gradients) const override;

 private:
  JointSamples samples_;
  Eigen::VectorXd units_;  ///< (k) of the utilities: boxes are of utility / unit
  LogHypervolumeImprovement boxes_;
};

/// The rows of X (n, p) that no other dominates in at least one of `samples` joint samples, those that break a bound in
/// the sample left out; ascending. What a noisy hypervolume improvement needs as its baseline; empty when no row keeps
/// the bounds in any sample.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT std::vector<Eigen::Index> prune_front(
    const surrogate::Surrogate& surrogate, const Eigen::MatrixXd& X, const std::vector<Utility>& utilities,
    const std::vector<OutcomeBound>& bounds, core::RandomKey key, Eigen::Index samples = 256);

/// A reference for utilities (n, k), n ≥ 1: the worst of the undominated ones in each objective less a tenth of their
/// range; where that is 0 the range of all of them, then their size, then 1 counts.
/// Reference: Ishibuchi et al. 2018 (how far below the nadir).
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Eigen::VectorXd inferred_reference(const Eigen::MatrixXd& utilities);

}  // namespace luban::recommend::detail
