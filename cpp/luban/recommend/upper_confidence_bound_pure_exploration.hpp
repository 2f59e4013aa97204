#pragma once

#include <Eigen/Core>

#include <luban/core/random.hpp>
#include <luban/recommend/acquisition.hpp>
#include <luban/recommend/joint_acquisition.hpp>

namespace luban::recommend {

/// Constants of GP-UCB-PE as run by Google Vizier.
struct PureExplorationOptions {
  double spread_weight = 1.8;      ///< of the upper confidence bound
  double region_weight = 0.5;      ///< of the bound that says whether a point may still be the best
  double penalty = 10.0;           ///< per unit by which that bound misses the threshold
  double explore_after_new = 0.1;  ///< probability of exploring when a run was completed after every pending one
  double explore_noisy = 0.7;      ///< the same where signal / noise variance is below noisy_below
  double noisy_below = 0.7;
  double exploit_while_pending = 0.25;  ///< probability of the upper confidence bound otherwise
};

enum class ExplorationMode { upper_confidence_bound, pure_exploration };

/// GP-UCB-PE (Contal et al. 2013; Song et al. 2024, arXiv 2408.11527). With D the completed runs and A the completed
/// and pending ones (their labels do not matter to a standard deviation), for one point
///   upper confidence bound: u_D + 1.8 σ_A;  pure exploration: σ_A + 10 min(0, u_D + 0.5 σ_D − T),
/// and for q points explored together log det Σ_A plus the sum of the same penalties, all in the utility's unit.
class LUBAN_RECOMMEND_EXPORT UpperConfidenceBoundPureExploration final : public JointAcquisition {
 public:
  /// @param beside the surrogate of the completed runs, beside the pending points (none: no rows).
  /// @param threshold T, from exploration_threshold. @param q points judged together: 1 for the upper confidence bound.
  /// @param unit > 0: what counts as one in the utility; matters for q > 1 alone.
  /// @throws ConfigurationError on q or unit out of range; NumericalError when the pending points' covariance is not
  /// positive definite.
  UpperConfidenceBoundPureExploration(const surrogate::SurrogateBeside& beside, Utility utility, double threshold,
                                      ExplorationMode mode, Eigen::Index q = 1, double unit = 1.0,
                                      PureExplorationOptions options = {});
  [[nodiscard]] JointAcquisitionValue evaluate(const surrogate::PosteriorBeside& posterior,
                                               bool gradients) const override;

 private:
  struct Spread;
  [[nodiscard]] JointAcquisitionValue of_one(const surrogate::PosteriorBeside& posterior, const Spread& spread,
                                             bool gradients) const;
  [[nodiscard]] JointAcquisitionValue of_many(const surrogate::PosteriorBeside& posterior, const Spread& spread,
                                              bool gradients) const;
  [[nodiscard]] Spread spread(const surrogate::PosteriorBeside& posterior) const;

  Utility utility_;
  double threshold_;
  ExplorationMode mode_;
  Eigen::Index q_;
  double unit_;
  PureExplorationOptions options_;
  Eigen::MatrixXd precision_;  ///< (b, b) of the pending runs' means
};

/// T: the utility of the mean at the observed or pending point whose mean plus 1.8 standard deviations is largest.
/// @throws DataError without points.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT double exploration_threshold(const surrogate::Posterior& points, Utility utility,
                                                                  const PureExplorationOptions& options = {});

/// Which of the two scores the next point is chosen by. @param news a run was completed after every pending one was
/// asked for. @param signal_to_noise ratio of their variances.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT ExplorationMode choose_exploration(bool news, double signal_to_noise,
                                                                        core::RandomKey key,
                                                                        const PureExplorationOptions& options = {});

}  // namespace luban::recommend
