#pragma once

#include <memory>
#include <vector>

#include <Eigen/Core>

#include <luban/surrogate/detail/normal_moments.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::surrogate::detail {

/// Posterior of weighted averages over L ≥ 2 levels of transformed responses; as Surrogate::average. An average of
/// curved functions is not the curved function of an average, so covariances between the levels are needed, and for
/// gradients theirs, which averages of pairs of levels give: 4 Var[(a + b) / 2] = Var a + Var b + 2 Cov[a, b].
[[nodiscard]] std::unique_ptr<Posterior> level_averages(const Surrogate& inner,
                                                        const std::vector<NormalMoments>& moments,
                                                        const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                        const PosteriorRequest& request);

}  // namespace luban::surrogate::detail
