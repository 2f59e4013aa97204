#include <luban/recommend/detail/tolerance_surrogate.hpp>

#include <cmath>
#include <functional>
#include <mutex>
#include <utility>

#include <Eigen/Eigenvalues>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>

namespace luban::recommend::detail {
namespace {

using surrogate::GaussianPosterior;
using surrogate::Posterior;
using surrogate::PosteriorRequest;
using surrogate::VarianceOf;

/// Gauss-Hermite for N(0, 1) with n points: eigenvalues of the Jacobi matrix, weights from the eigenvectors' first
/// entries (Golub and Welsch 1969).
NormalRule gauss_hermite(Eigen::Index n) {
  Eigen::VectorXd off(n - 1);
  for (Eigen::Index i = 0; i + 1 < n; ++i) off(i) = std::sqrt(static_cast<double>(i + 1));
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
  solver.computeFromTridiagonal(Eigen::VectorXd::Zero(n), off);
  return {solver.eigenvalues(), solver.eigenvectors().row(0).transpose().cwiseAbs2()};
}

NormalRule product_rule(Eigen::Index p, Eigen::Index n) {
  const NormalRule one = gauss_hermite(n);
  Eigen::Index count = 1;
  for (Eigen::Index j = 0; j < p; ++j) count *= n;
  NormalRule out{Eigen::MatrixXd(count, p), Eigen::VectorXd::Ones(count)};
  for (Eigen::Index k = 0; k < count; ++k) {
    Eigen::Index rest = k;
    for (Eigen::Index j = 0; j < p; ++j, rest /= n) {
      out.points(k, j) = one.points(rest % n, 0);
      out.weights(k) *= one.weights(rest % n);
    }
  }
  return out;
}

/// The expected variance of f over the nodes of each point, Σ v (μ² + σ²) − m² − s², with its gradient when wanted.
/// Written about the mean so that it keeps its digits.
struct Spread {
  Eigen::VectorXd value;
  Eigen::MatrixXd gradient;
};

Spread spread_over_deviations(const Posterior& nodes, const GaussianPosterior::Moments& average, Eigen::Index response,
                              const Eigen::VectorXd& weights) {
  const Eigen::Index q = average.mean.size();
  const Eigen::Index k = weights.size();
  const Eigen::VectorXd mean = nodes.mean().col(response);
  const Eigen::VectorXd variance = nodes.variance(VarianceOf::latent).col(response);
  const bool gradients = average.mean_gradient.size() > 0;
  Eigen::MatrixXd mean_gradient;
  Eigen::MatrixXd variance_gradient;
  if (gradients) {
    mean_gradient = nodes.mean_gradient(response);
    variance_gradient = nodes.variance_gradient(response);
  }
  Spread out{Eigen::VectorXd(q), gradients ? Eigen::MatrixXd(q, mean_gradient.cols()) : Eigen::MatrixXd()};
  for (Eigen::Index i = 0; i < q; ++i) {
    const Eigen::VectorXd around = mean.segment(i * k, k).array() - average.mean(i);
    out.value(i) =
        weights.dot((around.array().square() + variance.segment(i * k, k).array()).matrix()) - average.variance(i);
    const bool positive = out.value(i) > 0.0;
    if (!positive) out.value(i) = 0.0;
    if (!gradients) continue;
    if (!positive) {
      out.gradient.row(i).setZero();
      continue;
    }
    out.gradient.row(i) = (2.0 * weights.cwiseProduct(around)).transpose() * mean_gradient.middleRows(i * k, k) +
                          weights.transpose() * variance_gradient.middleRows(i * k, k) -
                          average.variance_gradient.row(i);
  }
  return out;
}

/// What is expected at some points; what one run adds, which costs all nodes, when somebody asks.
class TolerancePosterior final : public Posterior {
 public:
  /// @param nodes (q·k, p) of the points.
  TolerancePosterior(std::shared_ptr<const Posterior> expected, std::shared_ptr<const surrogate::Surrogate> inner,
                     Eigen::MatrixXd nodes, Eigen::VectorXd weights, const PosteriorRequest& request)
      : expected_(std::move(expected)),
        inner_(std::move(inner)),
        nodes_(std::move(nodes)),
        weights_(std::move(weights)),
        request_(request) {}

  [[nodiscard]] Eigen::Index q() const noexcept override { return expected_->q(); }
  [[nodiscard]] Eigen::Index m() const noexcept override { return expected_->m(); }
  [[nodiscard]] Eigen::MatrixXd mean() const override { return expected_->mean(); }
  [[nodiscard]] Eigen::MatrixXd variance(VarianceOf of) const override {
    return of == VarianceOf::latent ? expected_->variance(of) : whole().variance(of);
  }
  [[nodiscard]] Eigen::MatrixXd covariance(Eigen::Index response, VarianceOf of) const override {
    return of == VarianceOf::latent ? expected_->covariance(response, of) : whole().covariance(response, of);
  }
  [[nodiscard]] Eigen::MatrixXd mean_gradient(Eigen::Index response) const override {
    return expected_->mean_gradient(response);
  }
  [[nodiscard]] Eigen::MatrixXd variance_gradient(Eigen::Index response) const override {
    return expected_->variance_gradient(response);
  }
  [[nodiscard]] Eigen::MatrixXd between_gradient(Eigen::Index response) const override {
    return whole().between_gradient(response);
  }
  [[nodiscard]] Eigen::MatrixXd covariance_gradient(Eigen::Index response,
                                                    const Eigen::MatrixXd& weights) const override {
    return expected_->covariance_gradient(response, weights);
  }
  [[nodiscard]] Eigen::MatrixXd quantile(double probability, VarianceOf of) const override {
    return whole().quantile(probability, of);
  }
  [[nodiscard]] Eigen::MatrixXd log_density(const Eigen::MatrixXd& Y, VarianceOf of) const override {
    return whole().log_density(Y, of);
  }
  [[nodiscard]] std::vector<Eigen::MatrixXd> sample(Eigen::Index s, core::RandomKey key, VarianceOf of) const override {
    return whole().sample(s, key, of);
  }

 private:
  const GaussianPosterior& whole() const {
    std::call_once(made_, [this] { whole_ = std::make_unique<const GaussianPosterior>(moments()); });
    return *whole_;
  }

  /// A run is made at one deviation and read at it: its noise is that of the nodes, averaged, and their spread.
  [[nodiscard]] std::vector<GaussianPosterior::Moments> moments() const {
    const auto each =
        inner_->posterior(nodes_, {.gradients = request_.gradients, .joint = false, .reading = request_.reading});
    const Eigen::MatrixXd latent = each->variance(VarianceOf::latent);
    const Eigen::MatrixXd run = each->variance(VarianceOf::run_mean);
    std::vector<GaussianPosterior::Moments> out;
    for (Eigen::Index r = 0; r < expected_->m(); ++r) {
      out.push_back(
          moments_of(expected_, r, {.gradients = request_.gradients, .joint = request_.joint, .reading = false}));
      GaussianPosterior::Moments& moments = out.back();
      const Spread spread = spread_over_deviations(*each, moments, r, weights_);
      moments.between_variance = over_deviations(run.col(r) - latent.col(r), weights_) + spread.value;
      if (request_.reading) {
        moments.within_variance = over_deviations(each->variance(VarianceOf::reading).col(r) - run.col(r), weights_);
      }
      if (!request_.gradients) continue;
      moments.between_gradient = spread.gradient;
      const Eigen::MatrixXd of_noise = each->between_gradient(r);
      if (of_noise.size() > 0) moments.between_gradient += over_deviations(of_noise, weights_);
    }
    return out;
  }

  std::shared_ptr<const Posterior> expected_;
  std::shared_ptr<const surrogate::Surrogate> inner_;
  Eigen::MatrixXd nodes_;
  Eigen::VectorXd weights_;
  PosteriorRequest request_;
  mutable std::once_flag made_;
  mutable std::unique_ptr<const GaussianPosterior> whole_;
};

/// What is expected at points beside fixed ones; what one run adds, when somebody asks, is of the points alone.
class TolerancePosteriorBeside final : public surrogate::PosteriorBeside {
 public:
  TolerancePosteriorBeside(std::unique_ptr<surrogate::PosteriorBeside> expected, const surrogate::Surrogate& tolerant,
                           Eigen::MatrixXd X, const PosteriorRequest& request)
      : expected_(std::move(expected)), tolerant_(tolerant), X_(std::move(X)), request_(request) {}

  [[nodiscard]] Eigen::Index q() const noexcept override { return expected_->q(); }
  [[nodiscard]] Eigen::Index b() const noexcept override { return expected_->b(); }
  [[nodiscard]] Eigen::Index m() const noexcept override { return expected_->m(); }
  [[nodiscard]] Eigen::MatrixXd mean() const override { return expected_->mean(); }
  [[nodiscard]] Eigen::MatrixXd variance(VarianceOf of) const override {
    Eigen::MatrixXd out = expected_->variance(VarianceOf::latent);
    if (of != VarianceOf::latent) out += alone().variance(of) - alone().variance(VarianceOf::latent);
    return out;
  }
  [[nodiscard]] Eigen::MatrixXd covariance(Eigen::Index response, VarianceOf of) const override {
    Eigen::MatrixXd out = expected_->covariance(response, VarianceOf::latent);
    if (of != VarianceOf::latent) {
      out.diagonal() += alone().variance(of).col(response) - alone().variance(VarianceOf::latent).col(response);
    }
    return out;
  }
  [[nodiscard]] Eigen::MatrixXd cross_covariance(Eigen::Index response) const override {
    return expected_->cross_covariance(response);
  }
  [[nodiscard]] Eigen::MatrixXd between_gradient(Eigen::Index response) const override {
    return alone().between_gradient(response);
  }
  [[nodiscard]] Eigen::MatrixXd pullback(Eigen::Index response,
                                         const surrogate::PullbackWeights& weights) const override {
    return expected_->pullback(response, weights);
  }

 private:
  const Posterior& alone() const {
    if (alone_ == nullptr) {
      alone_ = tolerant_.posterior(X_, {.gradients = request_.gradients, .joint = false, .reading = request_.reading});
    }
    return *alone_;
  }

  std::unique_ptr<surrogate::PosteriorBeside> expected_;
  const surrogate::Surrogate& tolerant_;
  Eigen::MatrixXd X_;
  PosteriorRequest request_;
  mutable std::unique_ptr<Posterior> alone_;  ///< of one thread, as the whole answer is
};

class ToleranceBeside final : public surrogate::SurrogateBeside {
 public:
  /// What `expected` is asked about for given points.
  using Asked = std::function<Eigen::MatrixXd(const Eigen::MatrixXd&)>;
  ToleranceBeside(const surrogate::Surrogate& tolerant, Eigen::MatrixXd points, std::unique_ptr<Posterior> fixed,
                  std::shared_ptr<const surrogate::SurrogateBeside> expected, Asked asked)
      : tolerant_(tolerant),
        fixed_points_(std::move(points)),
        fixed_(std::move(fixed)),
        expected_(std::move(expected)),
        asked_(std::move(asked)) {}

  [[nodiscard]] const Eigen::MatrixXd& fixed_points() const noexcept override { return fixed_points_; }
  [[nodiscard]] const Posterior& fixed() const noexcept override { return *fixed_; }
  [[nodiscard]] std::unique_ptr<surrogate::PosteriorBeside> posterior(const Eigen::MatrixXd& X,
                                                                      const PosteriorRequest& request) const override {
    const PosteriorRequest latent{.gradients = request.gradients, .joint = request.joint, .reading = false};
    return std::make_unique<TolerancePosteriorBeside>(expected_->posterior(asked_(X), latent), tolerant_, X, request);
  }

 private:
  const surrogate::Surrogate& tolerant_;
  Eigen::MatrixXd fixed_points_;
  std::unique_ptr<Posterior> fixed_;
  std::shared_ptr<const surrogate::SurrogateBeside> expected_;
  Asked asked_;
};

}  // namespace

NormalRule normal_rule(Eigen::Index p) {
  if (p <= 3) return product_rule(p, 9 - 2 * p);
  NormalRule out{Eigen::MatrixXd::Zero(2 * p, p), Eigen::VectorXd::Constant(2 * p, 0.5 / static_cast<double>(p))};
  const double radius = std::sqrt(static_cast<double>(p));
  for (Eigen::Index j = 0; j < p; ++j) {
    out.points(2 * j, j) = radius;
    out.points(2 * j + 1, j) = -radius;
  }
  return out;
}

Eigen::MatrixXd coded_deviations(const features::Encoder& encoder, const std::vector<process::Tolerance>& tolerances,
                                 const Eigen::MatrixXd& points) {
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(points.rows(), encoder.p());
  for (std::size_t j = 0; j < tolerances.size(); ++j) {
    const Eigen::Index column = encoder.find(tolerances[j].parameter);
    if (column < 0 || !encoder.variables()[static_cast<std::size_t>(column)].is_numeric()) {
      throw core::ConfigurationError({.where = "recommend.tolerance_surrogate",
                                      .expected = "tolerances of numeric parameters that the model knows",
                                      .received = core::quoted(tolerances[j].parameter),
                                      .place = {},
                                      .hint = {}});
    }
    const features::EncodedVariable& variable = encoder.variables()[static_cast<std::size_t>(column)];
    const double width = variable.high > variable.low ? variable.high - variable.low : 1.0;
    out.col(column) = tolerances[j].sd / width * points.col(static_cast<Eigen::Index>(j));
  }
  return out;
}

NormalRule coded_rule(const features::Encoder& encoder, const std::vector<process::Tolerance>& tolerances) {
  NormalRule rule = normal_rule(std::max<Eigen::Index>(std::ssize(tolerances), 1));
  rule.points = coded_deviations(encoder, tolerances, rule.points);
  return rule;
}

Eigen::MatrixXd around(const Eigen::MatrixXd& X, const Eigen::MatrixXd& deviations) {
  const Eigen::Index k = deviations.rows();
  Eigen::MatrixXd out(X.rows() * k, X.cols());
  for (Eigen::Index i = 0; i < X.rows(); ++i) out.middleRows(i * k, k) = deviations.rowwise() + X.row(i);
  return out;
}

Eigen::MatrixXd over_deviations(const Eigen::MatrixXd& each, const Eigen::VectorXd& weights) {
  const Eigen::Index k = weights.size();
  Eigen::MatrixXd out(each.rows() / k, each.cols());
  for (Eigen::Index i = 0; i < out.rows(); ++i) out.row(i) = weights.transpose() * each.middleRows(i * k, k);
  return out;
}

ToleranceSurrogate::ToleranceSurrogate(std::shared_ptr<const surrogate::Surrogate> inner,
                                       const std::vector<process::Tolerance>& tolerances)
    : inner_(std::move(inner)) {
  NormalRule rule = coded_rule(inner_->encoder(), tolerances);
  shifts_ = std::move(rule.points);
  weights_ = std::move(rule.weights);
  const Eigen::MatrixXd one = Eigen::MatrixXd::Ones(1, std::ssize(tolerances));
  sd_ = coded_deviations(inner_->encoder(), tolerances, one).row(0).transpose();
  smoothed_ = inner_->smoothed(sd_);
}

ToleranceSurrogate::ToleranceSurrogate(std::shared_ptr<const surrogate::Surrogate> inner, Eigen::VectorXd sd,
                                       Eigen::MatrixXd shifts, Eigen::VectorXd weights)
    : inner_(std::move(inner)),
      smoothed_(inner_->smoothed(sd)),
      sd_(std::move(sd)),
      shifts_(std::move(shifts)),
      weights_(std::move(weights)) {}

std::unique_ptr<Posterior> ToleranceSurrogate::posterior(const Eigen::MatrixXd& X,
                                                         const PosteriorRequest& request) const {
  Eigen::MatrixXd nodes = at_nodes(X);
  const PosteriorRequest latent{.gradients = request.gradients, .joint = request.joint, .reading = false};
  std::shared_ptr<const Posterior> expected =
      smoothed_ != nullptr ? smoothed_->posterior(X, latent) : inner_->average(nodes, weights_, latent);
  return std::make_unique<TolerancePosterior>(std::move(expected), inner_, std::move(nodes), weights_, request);
}

Eigen::MatrixXd ToleranceSurrogate::at_nodes(const Eigen::MatrixXd& X) const {
  if (X.cols() == shifts_.cols()) return around(X, shifts_);
  return Eigen::MatrixXd::Zero(X.rows() * weights_.size(), X.cols());  // the inner surrogate says what is wrong
}

std::unique_ptr<const surrogate::SurrogateBeside> ToleranceSurrogate::beside(const Eigen::MatrixXd& fixed) const {
  const bool closed_form = smoothed_ != nullptr;
  const std::shared_ptr<const surrogate::SurrogateBeside> expected =
      closed_form ? smoothed_->beside(fixed) : inner_->average_beside(at_nodes(fixed), weights_);
  auto of_fixed = std::make_unique<TolerancePosterior>(
      std::shared_ptr<const Posterior>(expected, &expected->fixed()), inner_, at_nodes(fixed), weights_,
      PosteriorRequest{.gradients = false, .joint = true, .reading = false});
  return std::make_unique<ToleranceBeside>(
      *this, fixed, std::move(of_fixed), expected,
      [this, closed_form](const Eigen::MatrixXd& X) { return closed_form ? X : at_nodes(X); });
}

std::shared_ptr<const surrogate::Surrogate> ToleranceSurrogate::only(const std::vector<Eigen::Index>& responses) const {
  std::shared_ptr<const surrogate::Surrogate> fewer = inner_->only(responses);
  if (fewer == nullptr) return nullptr;
  return std::shared_ptr<const surrogate::Surrogate>(new ToleranceSurrogate(std::move(fewer), sd_, shifts_, weights_));
}

}  // namespace luban::recommend::detail
