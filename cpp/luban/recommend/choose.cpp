#include <luban/recommend/choose.hpp>

#include <luban/core/error.hpp>
#include <luban/recommend/detail/gain.hpp>
#include <luban/recommend/detail/situation.hpp>

namespace luban::recommend {

Choice choose_among(const surrogate::Surrogate& surrogate, const Eigen::MatrixXd& X, const Utility& utility,
                    std::optional<Eigen::Index> reference, const std::vector<OutcomeBound>& bounds) {
  if (X.rows() == 0 || (reference && (*reference < 0 || *reference >= X.rows()))) {
    throw core::ConfigurationError({.where = "recommend.choose_among",
                                    .expected = "at least one candidate and a reference among them",
                                    .received = std::to_string(X.rows()) + " candidates" +
                                                (reference ? ", reference " + std::to_string(*reference) : ""),
                                    .place = {},
                                    .hint = {}});
  }
  const auto posterior = surrogate.posterior(X);
  Choice choice;
  choice.mean = posterior->mean().col(utility.response);
  choice.sd = posterior->variance(surrogate::VarianceOf::latent).col(utility.response).cwiseMax(0.0).cwiseSqrt();
  const std::vector<bool> admissible = detail::admissible(*posterior, bounds);
  const Eigen::VectorXd log_probability = detail::log_probability_feasible(*posterior, bounds);
  Eigen::Index best = -1;
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    if (admissible[i] && (best < 0 || utility.of(choice.mean(i)) > utility.of(choice.mean(best)))) best = i;
  }
  choice.admissible = best >= 0;
  if (best < 0) log_probability.maxCoeff(&best);
  choice.index = best;
  if (reference) {
    const detail::Gain gain =
        detail::gain_over(surrogate, utility, X.row(best).transpose(), X.row(*reference).transpose());
    choice.gain = gain.mean;
    choice.gain_sd = gain.sd;
    choice.probability_better = detail::probability_above(gain, 0.0);
  }
  return choice;
}

}  // namespace luban::recommend
