#include <luban/surrogate/detail/random_features.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/surrogate/detail/dense.hpp>

namespace luban::surrogate::detail {

namespace {

[[noreturn]] void refuse(const std::string& expected, const std::string& received) {
  throw core::ConfigurationError({.where = "surrogate.GaussianProcess.paths",
                                  .expected = expected,
                                  .received = received,
                                  .place = {},
                                  .hint = "draw joint samples of posterior(X, joint) instead"});
}

// Columns of the multivariate Student t: normal, over the root of χ² / degrees.
Eigen::MatrixXd frequencies_of(double degrees, Eigen::Index coordinates, Eigen::Index pairs,
                               core::Generator& generator) {
  Eigen::MatrixXd out(coordinates, pairs);
  for (Eigen::Index f = 0; f < pairs; ++f) {
    for (double& value : out.col(f)) value = generator.normal();
    if (!std::isfinite(degrees)) continue;
    double squares = 0.0;
    for (int k = 0; k < static_cast<int>(degrees); ++k) {
      const double normal = generator.normal();
      squares += normal * normal;
    }
    out.col(f) *= std::sqrt(degrees / squares);
  }
  return out;
}

}  // namespace

RandomFeatures::RandomFeatures(std::shared_ptr<const Covariance> covariance, Eigen::VectorXd theta, Eigen::Index pairs,
                               core::RandomKey key)
    : covariance_(std::move(covariance)), theta_(std::move(theta)) {
  for (std::size_t t = 0; t < covariance_->terms().size(); ++t) add_term(covariance_->terms()[t], pairs, key.child(t));
}

void RandomFeatures::add_term(const Covariance::Term& from, Eigen::Index pairs, core::RandomKey key) {
  Term term;
  const Covariance::Coordinates none =
      covariance_->coordinates(theta_, covariance_->points(Eigen::MatrixXd(0, covariance_->p())));
  for (const std::size_t f : from.factors) {
    if (covariance_->factors()[f]->stationary()) {
      term.stationary.push_back(f);
      continue;
    }
    term.products.push_back(f);
    term.counts.push_back(std::max<Eigen::Index>(none.of_factor[f].cols(), 1));
    term.combinations *= term.counts.back();
  }
  core::Generator generator = key.generator();
  if (!term.stationary.empty()) {  // every combination as often
    term.pairs = (pairs + term.combinations - 1) / term.combinations * term.combinations;
  }
  for (const std::size_t f : term.stationary) {
    const std::optional<double> degrees = covariance_->factors()[f]->spectral_degrees();
    if (!degrees.has_value()) refuse("stationary factors of a known spectrum", "one without");
    term.frequencies.push_back(frequencies_of(*degrees, none.of_factor[f].cols(), term.pairs, generator));
  }
  term.amplitude = std::sqrt(std::exp(theta_(from.variance)) / static_cast<double>(term.columns()));
  term.first = count_;
  count_ += term.pairs > 0 ? 2 * term.pairs : term.combinations;
  terms_.push_back(std::move(term));
}

Eigen::MatrixXd RandomFeatures::phases(const Term& term, const Covariance::Coordinates& at) {
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(at.count, term.pairs);
  for (std::size_t k = 0; k < term.stationary.size(); ++k) {
    add_product(1.0, at.of_factor[term.stationary[k]], Transpose::no, term.frequencies[k], Transpose::no, out);
  }
  return out;
}

Eigen::MatrixXd RandomFeatures::amplitudes(const Term& term, const Covariance::Coordinates& at,
                                           std::ptrdiff_t skipped) {
  Eigen::MatrixXd out = Eigen::MatrixXd::Constant(at.count, term.columns(), term.amplitude);
  Eigen::Index before = 1;
  for (std::size_t k = 0; k < term.products.size(); ++k) {
    const Eigen::MatrixXd& z = at.of_factor[term.products[k]];
    for (Eigen::Index f = 0; f < out.cols() && static_cast<std::ptrdiff_t>(k) != skipped; ++f) {
      out.col(f).array() *= z.col(f / before % term.counts[k]).array();
    }
    before *= term.counts[k];
  }
  return out;
}

Eigen::MatrixXd RandomFeatures::values(const Points& points) const {
  const Covariance::Coordinates at = covariance_->coordinates(theta_, points);
  Eigen::MatrixXd out(points.count(), count_);
  for (const Term& term : terms_) {
    const Eigen::MatrixXd amplitude = amplitudes(term, at, -1);
    if (term.pairs == 0) {
      out.middleCols(term.first, term.combinations) = amplitude;
      continue;
    }
    const Eigen::ArrayXXd phase = phases(term, at).array();
    out.middleCols(term.first, term.pairs) = amplitude.array() * phase.cos();
    out.middleCols(term.first + term.pairs, term.pairs) = amplitude.array() * phase.sin();
  }
  return out;
}

void RandomFeatures::add_gradient(const Term& term, const Covariance::Coordinates& at, const Eigen::VectorXd& weights,
                                  std::vector<Eigen::MatrixXd>& by_coordinates) {
  // Of each feature (pair): what it is without its amplitude, and the derivative of that by its phase.
  Eigen::ArrayXXd plain = weights.segment(term.first, term.columns()).transpose().array().replicate(at.count, 1);
  if (term.pairs > 0) {
    const Eigen::ArrayXXd phase = phases(term, at).array();
    const Eigen::ArrayXXd sines =
        weights.segment(term.first + term.pairs, term.pairs).transpose().array().replicate(at.count, 1);
    const Eigen::MatrixXd turned = (phase.cos() * sines - phase.sin() * plain) * amplitudes(term, at, -1).array();
    plain = phase.cos() * plain + phase.sin() * sines;
    for (std::size_t k = 0; k < term.stationary.size(); ++k) {
      add_product(1.0, turned, Transpose::no, term.frequencies[k], Transpose::yes, by_coordinates[term.stationary[k]]);
    }
  }
  Eigen::Index before = 1;
  for (std::size_t k = 0; k < term.products.size(); ++k) {
    const Eigen::MatrixXd moved = plain * amplitudes(term, at, static_cast<std::ptrdiff_t>(k)).array();
    Eigen::MatrixXd& by_product = by_coordinates[term.products[k]];
    for (Eigen::Index f = 0; f < moved.cols(); ++f) by_product.col(f / before % term.counts[k]) += moved.col(f);
    before *= term.counts[k];
  }
}

Eigen::MatrixXd RandomFeatures::gradient(const Points& points, const Eigen::VectorXd& weights) const {
  const Covariance::Coordinates at = covariance_->coordinates(theta_, points);
  std::vector<Eigen::MatrixXd> by_coordinates;
  for (const Eigen::MatrixXd& z : at.of_factor) by_coordinates.emplace_back(Eigen::MatrixXd::Zero(z.rows(), z.cols()));
  for (const Term& term : terms_) add_gradient(term, at, weights, by_coordinates);
  return covariance_->input_gradient(theta_, points, by_coordinates);
}

}  // namespace luban::surrogate::detail
