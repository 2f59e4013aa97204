#include <optional>
#include <vector>

#include <luban/surrogate/detail/covariance.hpp>

namespace luban::surrogate::detail {

std::optional<Eigen::VectorXd> Covariance::smoothed(const Eigen::VectorXd& theta, const Eigen::VectorXd& sd) const {
  const Points deviations = layout_.points(sd.transpose());
  if (warp_ && !deviations.numeric.isZero(0.0)) return std::nullopt;
  Eigen::VectorXd out = theta;
  std::vector<double> heights;
  std::vector<Eigen::VectorXd> scatters;  // (dn) which inputs a factor sees scatter, as ones
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    Points memory;
    const ChosenInputs& chosen = inputs_of_factor_[f];
    const Eigen::VectorXd variances = chosen.of(deviations, memory).numeric.row(0).cwiseAbs2().transpose();
    const std::optional<double> height = factors_[f]->smoothed(variances, out);
    if (!height) return std::nullopt;
    heights.push_back(*height);
    scatters.emplace_back(Eigen::VectorXd::Zero(deviations.numeric.cols()));
    if (factors_[f]->of_categories()) continue;
    for (Eigen::Index k = 0; k < variances.size(); ++k) {
      const Eigen::Index place = chosen.all ? k : chosen.numeric[static_cast<std::size_t>(k)];
      scatters.back()(place) = variances(k) > 0.0 ? 1.0 : 0.0;
    }
  }
  for (const Term& term : terms_) {
    Eigen::VectorXd seen = Eigen::VectorXd::Zero(deviations.numeric.cols());
    for (const std::size_t f : term.factors) {
      seen += scatters[f];
      out(term.variance) += heights[f];
    }
    // An average of products is no product of averages.
    if (seen.size() > 0 && seen.maxCoeff() > 1.0) return std::nullopt;
  }
  return out;
}

}  // namespace luban::surrogate::detail
