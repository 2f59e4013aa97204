#include <luban/surrogate/mixture_posterior.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include <luban/core/normal.hpp>
#include <luban/surrogate/detail/posterior_errors.hpp>

namespace luban::surrogate {

namespace {

using Component = MixturePosterior::Component;

Eigen::VectorXd noise_of(const Component& component, VarianceOf of) {
  switch (of) {
    case VarianceOf::run_mean:
      return component.between_variance;
    case VarianceOf::reading:
      return component.between_variance + component.within_variance;
    case VarianceOf::latent:
      break;
  }
  return Eigen::VectorXd::Zero(component.mean.size());
}

/// One point of one response: K normal distributions, or the one of the same moments where a member has no noise.
struct Mixture {
  std::vector<double> means;
  std::vector<double> sds;

  [[nodiscard]] double cumulative(double y) const {
    double sum = 0.0;
    for (std::size_t k = 0; k < means.size(); ++k) {
      sum += 0.5 * std::erfc((means[k] - y) / (sds[k] * std::numbers::sqrt2));
    }
    return sum / static_cast<double>(means.size());
  }

  [[nodiscard]] double log_density(double y) const {
    std::vector<double> logs;
    for (std::size_t k = 0; k < means.size(); ++k) {
      const double z = (y - means[k]) / sds[k];
      logs.push_back(-0.5 * z * z - std::log(sds[k]));
    }
    const double most = *std::max_element(logs.begin(), logs.end());
    double sum = 0.0;
    for (const double one : logs) sum += std::exp(one - most);
    return most + std::log(sum / static_cast<double>(logs.size())) - 0.5 * std::log(2.0 * std::numbers::pi);
  }

  /// The quantile lies between those of the members; the middle of an interval that shrinks by half each step.
  [[nodiscard]] double quantile(double probability) const {
    const double z = core::normal_quantile(probability);
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (std::size_t k = 0; k < means.size(); ++k) {
      low = std::min(low, means[k] + z * sds[k]);
      high = std::max(high, means[k] + z * sds[k]);
    }
    for (int step = 0; step < 200; ++step) {
      const double middle = low + 0.5 * (high - low);
      if (middle <= low || middle >= high) break;
      (cumulative(middle) < probability ? low : high) = middle;
    }
    return low + 0.5 * (high - low);
  }
};

}  // namespace

MixturePosterior::MixturePosterior(std::vector<std::vector<Component>> members, bool joint)
    : members_(std::move(members)), joint_(joint) {
  constexpr const char* where = "surrogate.MixturePosterior";
  for (const std::vector<Component>& response : members_) {
    detail::require_each(!response.empty() && response.size() == members_.front().size(), where, "as many members",
                         q());
    for (const Component& one : response) {
      detail::require_each(one.mean.size() == q(), where, "a mean", q());
      detail::require_each(one.between_variance.size() == q(), where, "a between-run variance", q());
      detail::require_each(one.within_variance.size() == q(), where, "a within-run variance", q());
    }
  }
}

Eigen::Index MixturePosterior::q() const noexcept {
  return members_.empty() || members_.front().empty() ? 0 : members_.front().front().mean.size();
}

Eigen::Index MixturePosterior::m() const noexcept {
  return static_cast<Eigen::Index>(members_.size());
}

const std::vector<Component>& MixturePosterior::of_response(Eigen::Index response) const {
  return members_.at(static_cast<std::size_t>(response));
}

Eigen::MatrixXd MixturePosterior::mean() const {
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(q(), m());
  for (Eigen::Index r = 0; r < m(); ++r) {
    const std::vector<Component>& members = of_response(r);
    for (const Component& one : members) out.col(r) += one.mean / static_cast<double>(members.size());
  }
  return out;
}

Eigen::MatrixXd MixturePosterior::variance(VarianceOf of) const {
  const Eigen::MatrixXd centre = mean();
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(q(), m());
  for (Eigen::Index r = 0; r < m(); ++r) {
    const std::vector<Component>& members = of_response(r);
    Eigen::VectorXd noise = Eigen::VectorXd::Zero(q());  // added last, so that each spread includes the one before it
    for (const Component& one : members) {
      out.col(r) += (one.mean - centre.col(r)).cwiseAbs2() / static_cast<double>(members.size());
      noise += noise_of(one, of) / static_cast<double>(members.size());
    }
    out.col(r) += noise;
  }
  return out;
}

Eigen::MatrixXd MixturePosterior::covariance(Eigen::Index response, VarianceOf of) const {
  if (!joint_) detail::not_asked_for("joint covariance", "joint");
  const std::vector<Component>& members = of_response(response);
  const auto count = static_cast<double>(members.size());
  const Eigen::VectorXd centre = mean().col(response);
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(q(), q());
  for (const Component& one : members) {
    const Eigen::VectorXd away = one.mean - centre;
    out += away * away.transpose() / count;
    out.diagonal() += noise_of(one, of) / count;
  }
  return out;
}

Eigen::MatrixXd MixturePosterior::mean_gradient(Eigen::Index response) const {
  const std::vector<Component>& members = of_response(response);
  if (members.front().mean_gradient.rows() != q()) detail::not_asked_for("gradients", "gradients");
  Eigen::MatrixXd out = members.front().mean_gradient;
  for (std::size_t k = 1; k < members.size(); ++k) out += members[k].mean_gradient;
  return out / static_cast<double>(members.size());
}

Eigen::MatrixXd MixturePosterior::variance_gradient(Eigen::Index response) const {
  const Eigen::MatrixXd slope = mean_gradient(response);
  const std::vector<Component>& members = of_response(response);
  const Eigen::VectorXd centre = mean().col(response);
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(slope.rows(), slope.cols());
  for (const Component& one : members) {
    out += (one.mean - centre).asDiagonal() * (one.mean_gradient - slope);
  }
  return 2.0 * out / static_cast<double>(members.size());
}

Eigen::MatrixXd MixturePosterior::covariance_gradient(Eigen::Index response, const Eigen::MatrixXd& weights) const {
  if (!joint_) detail::not_asked_for("joint covariance", "joint");
  detail::require_weights(weights, q());
  const Eigen::MatrixXd slope = mean_gradient(response);
  const std::vector<Component>& members = of_response(response);
  const Eigen::VectorXd centre = mean().col(response);
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(slope.rows(), slope.cols());
  for (const Component& one : members) {  // Σ is the mean of a a', a what a member is away from the centre
    const Eigen::VectorXd pull = weights * (one.mean - centre);
    out += pull.asDiagonal() * (one.mean_gradient - slope);
  }
  return 2.0 * out / static_cast<double>(members.size());
}

namespace {

/// The distributions of one response, one for each point.
std::vector<Mixture> mixtures(const std::vector<Component>& members, const Eigen::VectorXd& mean,
                              const Eigen::VectorXd& variance, VarianceOf of) {
  std::vector<Eigen::VectorXd> noise;
  for (const Component& one : members) noise.push_back(noise_of(one, of));
  std::vector<Mixture> out(static_cast<std::size_t>(mean.size()));
  for (Eigen::Index i = 0; i < mean.size(); ++i) {
    Mixture& mixture = out[static_cast<std::size_t>(i)];
    const bool noisy = std::all_of(noise.begin(), noise.end(), [i](const auto& one) { return one(i) > 0.0; });
    if (!noisy) {
      mixture = {.means = {mean(i)}, .sds = {std::sqrt(variance(i))}};
      continue;
    }
    for (std::size_t k = 0; k < members.size(); ++k) {
      mixture.means.push_back(members[k].mean(i));
      mixture.sds.push_back(std::sqrt(noise[k](i)));
    }
  }
  return out;
}

}  // namespace

Eigen::MatrixXd MixturePosterior::quantile(double probability, VarianceOf of) const {
  detail::require_probability(probability);
  const Eigen::MatrixXd centre = mean();
  const Eigen::MatrixXd spread = variance(of);
  Eigen::MatrixXd out(q(), m());
  for (Eigen::Index r = 0; r < m(); ++r) {
    const auto points = mixtures(of_response(r), centre.col(r), spread.col(r), of);
    for (Eigen::Index i = 0; i < q(); ++i) out(i, r) = points[static_cast<std::size_t>(i)].quantile(probability);
  }
  return out;
}

Eigen::MatrixXd MixturePosterior::log_density(const Eigen::MatrixXd& Y, VarianceOf of) const {
  detail::require_responses(Y, q(), m());
  const Eigen::MatrixXd centre = mean();
  const Eigen::MatrixXd spread = variance(of);
  Eigen::MatrixXd out(q(), m());
  for (Eigen::Index r = 0; r < m(); ++r) {
    const auto points = mixtures(of_response(r), centre.col(r), spread.col(r), of);
    for (Eigen::Index i = 0; i < q(); ++i) {
      out(i, r) = std::isnan(Y(i, r)) ? Y(i, r) : points[static_cast<std::size_t>(i)].log_density(Y(i, r));
    }
  }
  return out;
}

std::vector<Eigen::MatrixXd> MixturePosterior::sample(Eigen::Index s, core::RandomKey key, VarianceOf of) const {
  if (!joint_) detail::not_asked_for("joint covariance", "joint");
  detail::require_count(s);
  std::vector<Eigen::MatrixXd> out(static_cast<std::size_t>(s), Eigen::MatrixXd(q(), m()));
  for (Eigen::Index r = 0; r < m(); ++r) {
    const std::vector<Component>& members = of_response(r);
    core::Generator generator = key.child(static_cast<std::uint64_t>(r)).generator();
    for (Eigen::MatrixXd& one : out) {
      const Component& member = members[generator.below(members.size())];
      const Eigen::VectorXd sd = noise_of(member, of).cwiseSqrt();
      for (Eigen::Index i = 0; i < q(); ++i) {
        one(i, r) = member.mean(i) + (of == VarianceOf::latent ? 0.0 : sd(i) * generator.normal());
      }
    }
  }
  return out;
}

}  // namespace luban::surrogate
