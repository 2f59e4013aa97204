#include <luban/recommend/detail/tolerance_surrogate.hpp>

#include <cmath>
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

Spread spread_over_nodes(const Posterior& nodes, const GaussianPosterior::Moments& average, Eigen::Index response,
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

ToleranceSurrogate::ToleranceSurrogate(std::shared_ptr<const surrogate::Surrogate> inner,
                                       const std::vector<process::Tolerance>& tolerances)
    : inner_(std::move(inner)) {
  NormalRule rule = normal_rule(std::max<Eigen::Index>(std::ssize(tolerances), 1));
  shifts_ = coded_deviations(inner_->encoder(), tolerances, rule.points);
  weights_ = std::move(rule.weights);
}

std::unique_ptr<Posterior> ToleranceSurrogate::posterior(const Eigen::MatrixXd& X,
                                                         const PosteriorRequest& request) const {
  const Eigen::Index k = weights_.size();
  Eigen::MatrixXd nodes(X.rows() * k, X.cols());
  if (X.cols() == shifts_.cols()) {  // else the inner surrogate says what is wrong
    for (Eigen::Index i = 0; i < X.rows(); ++i) nodes.middleRows(i * k, k) = shifts_.rowwise() + X.row(i);
  } else {
    nodes.setZero();
  }
  const std::shared_ptr<const Posterior> average = inner_->average(nodes, weights_, request);
  const auto each = inner_->posterior(nodes, {.gradients = request.gradients, .joint = false, .reading = false});
  std::vector<GaussianPosterior::Moments> out;
  for (Eigen::Index r = 0; r < average->m(); ++r) {
    out.push_back(moments_of(average, r, request));
    GaussianPosterior::Moments& moments = out.back();
    const Spread spread = spread_over_nodes(*each, moments, r, weights_);
    moments.between_variance += spread.value;
    // The average's reading is one at one of the nodes: the spread is in it already.
    if (request.reading) moments.within_variance = (moments.within_variance - spread.value).cwiseMax(0.0);
    if (!request.gradients) continue;
    if (moments.between_gradient.size() == 0) {
      moments.between_gradient = spread.gradient;
    } else {
      moments.between_gradient += spread.gradient;
    }
  }
  return std::make_unique<GaussianPosterior>(std::move(out));
}

std::shared_ptr<const surrogate::Surrogate> ToleranceSurrogate::only(const std::vector<Eigen::Index>& responses) const {
  std::shared_ptr<const surrogate::Surrogate> fewer = inner_->only(responses);
  if (fewer == nullptr) return nullptr;
  return std::shared_ptr<const surrogate::Surrogate>(new ToleranceSurrogate(std::move(fewer), shifts_, weights_));
}

}  // namespace luban::recommend::detail
