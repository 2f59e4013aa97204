#include <cmath>
#include <limits>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/recommend/decision_surrogate.hpp>
#include <luban/recommend/detail/signomial.hpp>

namespace luban::recommend {
namespace {

using surrogate::Posterior;
using surrogate::PosteriorRequest;
using surrogate::VarianceOf;

/// Derived values (q, k) at coded points and, on request, their gradients by the coded inputs.
struct DerivedValues {
  Eigen::MatrixXd value;
  std::vector<Eigen::MatrixXd> gradient;
};

using Sums = std::vector<detail::Signomial>;

DerivedValues compute(const Sums& derived, const Eigen::MatrixXd& X, bool gradients) {
  DerivedValues result;
  result.value.resize(X.rows(), static_cast<Eigen::Index>(derived.size()));
  for (std::size_t k = 0; k < derived.size(); ++k) {
    Eigen::MatrixXd gradient = Eigen::MatrixXd::Zero(gradients ? X.rows() : 0, X.cols());
    for (Eigen::Index i = 0; i < X.rows(); ++i) {
      const auto x = X.row(i).transpose();
      result.value(i, static_cast<Eigen::Index>(k)) = derived[k].value(x);
      if (gradients) derived[k].add_gradient(x, 1.0, gradient.row(i));
    }
    if (gradients) result.gradient.push_back(std::move(gradient));
  }
  return result;
}

/// The inner posterior with the derived columns appended.
class DerivedPosterior final : public Posterior {
 public:
  DerivedPosterior(std::unique_ptr<Posterior> inner, DerivedValues derived)
      : inner_(std::move(inner)), derived_(std::move(derived)) {}

  [[nodiscard]] Eigen::Index q() const noexcept override { return inner_->q(); }
  [[nodiscard]] Eigen::Index m() const noexcept override { return inner_->m() + derived_.value.cols(); }
  [[nodiscard]] Eigen::MatrixXd mean() const override { return append(inner_->mean(), derived_.value); }
  [[nodiscard]] Eigen::MatrixXd variance(VarianceOf of) const override {
    return append(inner_->variance(of), Eigen::MatrixXd::Zero(q(), derived_.value.cols()));
  }
  [[nodiscard]] Eigen::MatrixXd covariance(Eigen::Index response, VarianceOf of) const override {
    return response < inner_->m() ? inner_->covariance(response, of) : Eigen::MatrixXd::Zero(q(), q());
  }
  [[nodiscard]] Eigen::MatrixXd mean_gradient(Eigen::Index response) const override {
    if (response < inner_->m()) return inner_->mean_gradient(response);
    return gradient_of(response);
  }
  [[nodiscard]] Eigen::MatrixXd variance_gradient(Eigen::Index response) const override {
    if (response < inner_->m()) return inner_->variance_gradient(response);
    return Eigen::MatrixXd::Zero(gradient_of(response).rows(), gradient_of(response).cols());
  }
  [[nodiscard]] Eigen::MatrixXd between_gradient(Eigen::Index response) const override {
    return response < inner_->m() ? inner_->between_gradient(response) : Eigen::MatrixXd();
  }
  [[nodiscard]] Eigen::MatrixXd covariance_gradient(Eigen::Index response,
                                                    const Eigen::MatrixXd& weights) const override {
    if (response < inner_->m()) return inner_->covariance_gradient(response, weights);
    return Eigen::MatrixXd::Zero(gradient_of(response).rows(), gradient_of(response).cols());
  }
  [[nodiscard]] Eigen::MatrixXd quantile(double probability, VarianceOf of) const override {
    return append(inner_->quantile(probability, of), derived_.value);
  }
  [[nodiscard]] Eigen::MatrixXd log_density(const Eigen::MatrixXd& Y, VarianceOf of) const override {
    const Eigen::MatrixXd none =
        Eigen::MatrixXd::Constant(q(), derived_.value.cols(), std::numeric_limits<double>::quiet_NaN());
    return append(inner_->log_density(Y.leftCols(inner_->m()), of), none);
  }
  [[nodiscard]] std::vector<Eigen::MatrixXd> sample(Eigen::Index s, core::RandomKey key, VarianceOf of) const override {
    std::vector<Eigen::MatrixXd> samples = inner_->sample(s, key, of);
    for (Eigen::MatrixXd& sample : samples) sample = append(sample, derived_.value);
    return samples;
  }

 private:
  static Eigen::MatrixXd append(const Eigen::MatrixXd& left, const Eigen::MatrixXd& right) {
    Eigen::MatrixXd both(left.rows(), left.cols() + right.cols());
    both << left, right;
    return both;
  }
  [[nodiscard]] const Eigen::MatrixXd& gradient_of(Eigen::Index response) const {
    if (derived_.gradient.empty()) {
      throw core::LifecycleError({.where = "recommend.derived_posterior",
                                  .expected = "a posterior asked for with gradients",
                                  .received = "one without",
                                  .place = {},
                                  .hint = "set PosteriorRequest::gradients"});
    }
    return derived_.gradient[static_cast<std::size_t>(response - inner_->m())];
  }

  std::unique_ptr<Posterior> inner_;
  DerivedValues derived_;
};

/// The inner posterior beside fixed points with the derived columns appended: known, hence without any covariance.
class DerivedPosteriorBeside final : public surrogate::PosteriorBeside {
 public:
  DerivedPosteriorBeside(std::unique_ptr<surrogate::PosteriorBeside> inner, DerivedValues derived)
      : inner_(std::move(inner)), derived_(std::move(derived)) {}

  [[nodiscard]] Eigen::Index q() const noexcept override { return inner_->q(); }
  [[nodiscard]] Eigen::Index b() const noexcept override { return inner_->b(); }
  [[nodiscard]] Eigen::Index m() const noexcept override { return inner_->m() + derived_.value.cols(); }
  [[nodiscard]] Eigen::MatrixXd mean() const override {
    Eigen::MatrixXd out(q(), m());
    out << inner_->mean(), derived_.value;
    return out;
  }
  [[nodiscard]] Eigen::MatrixXd variance(VarianceOf of) const override {
    Eigen::MatrixXd out = Eigen::MatrixXd::Zero(q(), m());
    out.leftCols(inner_->m()) = inner_->variance(of);
    return out;
  }
  [[nodiscard]] Eigen::MatrixXd covariance(Eigen::Index response, VarianceOf of) const override {
    return response < inner_->m() ? inner_->covariance(response, of) : Eigen::MatrixXd::Zero(q(), q());
  }
  [[nodiscard]] Eigen::MatrixXd cross_covariance(Eigen::Index response) const override {
    return response < inner_->m() ? inner_->cross_covariance(response) : Eigen::MatrixXd::Zero(q(), b());
  }
  [[nodiscard]] Eigen::MatrixXd between_gradient(Eigen::Index response) const override {
    return response < inner_->m() ? inner_->between_gradient(response) : Eigen::MatrixXd();
  }
  [[nodiscard]] Eigen::MatrixXd pullback(Eigen::Index response,
                                         const surrogate::PullbackWeights& weights) const override {
    if (response < inner_->m()) return inner_->pullback(response, weights);
    Eigen::MatrixXd out = inner_->pullback(0, {});  // zeros; also refuses when gradients were not asked for
    if (weights.mean.size() > 0) {
      out = weights.mean.asDiagonal() * derived_.gradient[static_cast<std::size_t>(response - inner_->m())];
    }
    return out;
  }

 private:
  std::unique_ptr<surrogate::PosteriorBeside> inner_;
  DerivedValues derived_;
};

class DerivedBeside final : public surrogate::SurrogateBeside {
 public:
  DerivedBeside(std::unique_ptr<const surrogate::SurrogateBeside> inner, std::shared_ptr<const Sums> derived,
                std::unique_ptr<Posterior> fixed)
      : inner_(std::move(inner)), derived_(std::move(derived)), fixed_(std::move(fixed)) {}

  [[nodiscard]] const Eigen::MatrixXd& fixed_points() const noexcept override { return inner_->fixed_points(); }
  [[nodiscard]] const Posterior& fixed() const noexcept override { return *fixed_; }
  [[nodiscard]] std::unique_ptr<surrogate::PosteriorBeside> posterior(const Eigen::MatrixXd& X,
                                                                      const PosteriorRequest& request) const override {
    return std::make_unique<DerivedPosteriorBeside>(inner_->posterior(X, request),
                                                    compute(*derived_, X, request.gradients));
  }

 private:
  std::unique_ptr<const surrogate::SurrogateBeside> inner_;
  std::shared_ptr<const Sums> derived_;
  std::unique_ptr<Posterior> fixed_;
};

}  // namespace

DerivedSurrogate::DerivedSurrogate(std::shared_ptr<const surrogate::Surrogate> inner,
                                   const std::vector<process::DerivedResponse>& derived)
    : inner_(std::move(inner)), responses_(inner_->responses()) {
  auto sums = std::make_shared<Sums>();
  for (const process::DerivedResponse& response : derived) {
    if (const std::string name = detail::stranger_in(response.sum, inner_->encoder()); !name.empty()) {
      throw core::ConfigurationError({.where = "recommend.derived_surrogate",
                                      .expected = "numeric parameters in the product of " + response.name,
                                      .received = core::quoted(name),
                                      .place = {},
                                      .hint = {}});
    }
    sums->emplace_back(inner_->encoder(), response.sum);
    responses_.push_back({response.name, response.unit});
  }
  derived_ = std::move(sums);
}

std::unique_ptr<Posterior> DerivedSurrogate::posterior(const Eigen::MatrixXd& X,
                                                       const PosteriorRequest& request) const {
  std::unique_ptr<Posterior> inner = inner_->posterior(X, request);
  if (derived_->empty()) return inner;
  return std::make_unique<DerivedPosterior>(std::move(inner), compute(*derived_, X, request.gradients));
}

std::unique_ptr<const surrogate::SurrogateBeside> DerivedSurrogate::beside(const Eigen::MatrixXd& fixed) const {
  std::unique_ptr<const surrogate::SurrogateBeside> inner = inner_->beside(fixed);
  if (derived_->empty()) return inner;
  return std::make_unique<DerivedBeside>(std::move(inner), derived_,
                                         posterior(fixed, {.gradients = false, .joint = true, .reading = false}));
}

}  // namespace luban::recommend
