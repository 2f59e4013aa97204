#include <luban/surrogate/residual_process.hpp>

#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include <Eigen/Cholesky>

#include <luban/core/error.hpp>
#include <luban/surrogate/detail/inputs.hpp>

namespace luban::surrogate {

namespace {

[[noreturn]] void refuse(std::string expected, std::string received) {
  throw core::DataError({.where = "surrogate.ResidualProcess",
                         .expected = std::move(expected),
                         .received = std::move(received),
                         .place = {},
                         .hint = {}});
}

void require_term(const ResidualTerm& term, Eigen::Index width) {
  if (!(term.variance >= 0.0 && std::isfinite(term.variance))) {
    refuse("a variance of at least 0", std::to_string(term.variance));
  }
  if (!(term.time_constant > 0.0)) refuse("a time constant above 0", std::to_string(term.time_constant));
  if (term.lengths.size() != width || !(term.lengths.array() > 0.0).all()) {
    refuse(std::to_string(width) + " lengths above 0", std::to_string(term.lengths.size()) + ", or one that is not");
  }
}

double decay(const ResidualTerm& term, double elapsed) {
  return std::isinf(term.time_constant) ? 1.0 : std::exp(-std::abs(elapsed) / term.time_constant);
}

/// Whether the covariance of a term has a slope in this input.
bool moves(const features::Encoder& encoder, const ResidualTerm& term, Eigen::Index column) {
  return !std::isinf(term.lengths(column)) && encoder.variables()[static_cast<std::size_t>(column)].is_numeric();
}

/// (b, a) covariance of one term between rows B (b, p) and A (a, p), without its decay in time.
Eigen::MatrixXd shape(const features::Encoder& encoder, const ResidualTerm& term, const Eigen::MatrixXd& B,
                      const Eigen::MatrixXd& A) {
  Eigen::MatrixXd exponent = Eigen::MatrixXd::Zero(B.rows(), A.rows());
  for (Eigen::Index column = 0; column < encoder.p(); ++column) {
    const double length = term.lengths(column);
    if (std::isinf(length)) continue;
    const bool numeric = encoder.variables()[static_cast<std::size_t>(column)].is_numeric();
    for (Eigen::Index i = 0; i < A.rows(); ++i) {  // a search asks for few rows A at a time
      const auto difference = B.col(column).array() - A(i, column);
      if (numeric) {
        exponent.col(i).array() -= (difference * (1.0 / length)).square() * 0.5;
      } else {
        exponent.col(i).array() -= (difference != 0.0).cast<double>() * (1.0 / length);
      }
    }
  }
  return term.variance * exponent.array().exp();
}

}  // namespace

ResidualProcess::ResidualProcess(features::Encoder encoder, Eigen::MatrixXd points, Eigen::VectorXd times,
                                 Eigen::VectorXd residuals, const Eigen::VectorXd& noise_variances,
                                 std::vector<ResidualTerm> terms)
    : encoder_(std::move(encoder)), points_(std::move(points)), times_(std::move(times)), terms_(std::move(terms)) {
  const Eigen::Index k = points_.rows();
  detail::require_coded(points_, encoder_, "surrogate.ResidualProcess");
  if (times_.size() != k || residuals.size() != k || noise_variances.size() != k || !times_.allFinite() ||
      !residuals.allFinite()) {
    refuse(std::to_string(k) + " finite times, residuals and noise variances",
           std::to_string(times_.size()) + ", " + std::to_string(residuals.size()) + ", " +
               std::to_string(noise_variances.size()) + ", or one that is not finite");
  }
  if (!(noise_variances.array() > 0.0).all() || !noise_variances.allFinite()) {
    refuse("noise variances above 0", "one that is not");
  }
  for (const ResidualTerm& term : terms_) require_term(term, encoder_.p());
  Eigen::MatrixXd covariance = noise_variances.asDiagonal();
  for (const ResidualTerm& term : terms_) {
    Eigen::MatrixXd own = shape(encoder_, term, points_, points_);
    for (Eigen::Index i = 0; i < k; ++i) {
      for (Eigen::Index j = 0; j < k; ++j) own(i, j) *= decay(term, times_(i) - times_(j));
    }
    covariance += own;
  }
  const Eigen::LLT<Eigen::MatrixXd> factor(covariance);
  if (factor.info() != Eigen::Success) {
    throw core::NumericalError({.where = "surrogate.ResidualProcess",
                                .expected = "a positive definite covariance of the residuals",
                                .received = "one that is not",
                                .place = {},
                                .hint = "state a larger noise variance"});
  }
  precision_ = factor.solve(Eigen::MatrixXd::Identity(k, k));
  alpha_ = factor.solve(residuals);
  const Eigen::MatrixXd lower = factor.matrixL();
  log_likelihood_ = -0.5 * residuals.dot(alpha_) - lower.diagonal().array().log().sum() -
                    0.5 * static_cast<double>(k) * std::log(2.0 * std::numbers::pi);
}

bool ResidualProcess::ignores(Eigen::Index column) const {
  for (const ResidualTerm& term : terms_) {
    if (std::isfinite(term.lengths(column))) return false;
  }
  return true;
}

CovarianceGradient ResidualProcess::covariance_gradient(const Eigen::MatrixXd& X, std::vector<Eigen::MatrixXd> each,
                                                        Eigen::MatrixXd solved) const {
  // Copies of what this process holds, so that the closure may outlive it.
  return [encoder = encoder_, terms = terms_, points = points_, X, each = std::move(each),
          solved = std::move(solved)](const Eigen::MatrixXd& weights) {
    const Eigen::MatrixXd pulled = solved * weights;  // (k, q)
    Eigen::MatrixXd out = Eigen::MatrixXd::Zero(X.rows(), X.cols());
    for (std::size_t t = 0; t < terms.size(); ++t) {
      const Eigen::MatrixXd among = shape(encoder, terms[t], X, X).cwiseProduct(weights);
      const Eigen::MatrixXd beyond = each[t].cwiseProduct(pulled);
      for (Eigen::Index column = 0; column < X.cols(); ++column) {
        if (!moves(encoder, terms[t], column)) continue;
        const double inverse = 2.0 / (terms[t].lengths(column) * terms[t].lengths(column));
        const Eigen::VectorXd own = X.col(column);
        const auto sums = [&own](const Eigen::MatrixXd& m, const Eigen::VectorXd& others) -> Eigen::VectorXd {
          return m.transpose() * others - m.colwise().sum().transpose().cwiseProduct(own);
        };
        out.col(column) += inverse * (sums(among, own) - sums(beyond, points.col(column)));
      }
    }
    return out;
  };
}

GaussianPosterior::Moments ResidualProcess::moments(const Eigen::MatrixXd& X, double time,
                                                    const PosteriorRequest& request) const {
  detail::require_coded(X, encoder_, "surrogate.ResidualProcess");
  const Eigen::Index q = X.rows();
  GaussianPosterior::Moments out;
  Eigen::MatrixXd cross = Eigen::MatrixXd::Zero(points_.rows(), q);
  std::vector<Eigen::MatrixXd> each;
  double prior = 0.0;
  for (const ResidualTerm& term : terms_) {
    Eigen::MatrixXd own = shape(encoder_, term, points_, X);
    if (!std::isinf(term.time_constant)) {
      own.array().colwise() *= (-(time - times_.array()).abs() / term.time_constant).exp();
    }
    cross += own;
    prior += term.variance;
    if (request.gradients) each.push_back(std::move(own));
  }
  const Eigen::MatrixXd solved = precision_ * cross;
  out.mean = cross.transpose() * alpha_;
  out.variance = (prior - solved.cwiseProduct(cross).colwise().sum().transpose().array()).cwiseMax(0.0);
  if (request.joint) {
    out.covariance = -solved.transpose() * cross;
    for (const ResidualTerm& term : terms_) out.covariance += shape(encoder_, term, X, X);
  }
  if (!request.gradients) return out;
  out.mean_gradient = Eigen::MatrixXd::Zero(q, X.cols());
  out.variance_gradient = Eigen::MatrixXd::Zero(q, X.cols());
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    for (Eigen::Index column = 0; column < X.cols(); ++column) {
      if (!moves(encoder_, terms_[t], column)) continue;
      const double length = terms_[t].lengths(column);
      Eigen::MatrixXd slope = each[t];
      for (Eigen::Index i = 0; i < q; ++i) {
        slope.col(i).array() *= (points_.col(column).array() - X(i, column)) / (length * length);
      }
      out.mean_gradient.col(column) += slope.transpose() * alpha_;
      out.variance_gradient.col(column) -= 2.0 * slope.cwiseProduct(solved).colwise().sum().transpose();
    }
  }
  if (request.joint) out.covariance_gradient = covariance_gradient(X, std::move(each), solved);
  return out;
}

}  // namespace luban::surrogate
