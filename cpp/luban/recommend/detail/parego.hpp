#pragma once

#include <Eigen/Core>

#include <luban/core/random.hpp>
#include <luban/recommend/export.hpp>

namespace luban::recommend {

/// Weights of m objectives, uniform on the simplex: none negative, their sum 1.
/// @throws ConfigurationError when m < 1.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Eigen::VectorXd simplex_weights(Eigen::Index m, core::RandomKey key);

struct ScalarisedValue {
  Eigen::VectorXd value;     ///< (n)
  Eigen::MatrixXd gradient;  ///< (n, m) by the utilities; empty when not asked for
};

/// Several utilities as one: −max_j w_j c_j − ρ Σ_j w_j c_j of the costs c = (high − utility) / (high − low), the
/// augmented Chebyshev function that ParEGO draws weights for (Knowles 2006). Larger is better; any undominated point
/// is the best one for some weights, and the sum keeps weakly dominated ones from tying with it.
class LUBAN_RECOMMEND_EXPORT AugmentedChebyshev {
 public:
  /// @param observed (n, m), n ≥ 1: utilities whose range normalises each objective; one without range is divided by 1.
  /// @param weights (m) none negative. @throws DataError on shapes that do not fit or values that are not finite,
  /// ConfigurationError on a negative weight or share.
  AugmentedChebyshev(Eigen::VectorXd weights, const Eigen::MatrixXd& observed, double sum_share = 0.05);

  /// @param utilities (n, m). Where several objectives are the worst, the derivative is the first one's.
  /// @throws DataError on another number of columns.
  [[nodiscard]] ScalarisedValue evaluate(const Eigen::MatrixXd& utilities, bool gradients) const;

 private:
  Eigen::VectorXd slopes_;  ///< (m) weight / range
  Eigen::VectorXd high_;    ///< (m)
  double sum_share_;
};

}  // namespace luban::recommend
