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
  const InputLayout& layout = covariance_->layout();
  Eigen::Index categories = 0;
  for (const Eigen::Index levels : layout.levels()) categories += levels;
  const Points none{Eigen::MatrixXd(0, layout.numeric_count()), Eigen::MatrixXd(0, categories)};
  const Covariance::Coordinates widths = covariance_->coordinates(theta_, none);
  core::Generator generator = key.generator();
  for (const std::size_t f : from.factors) {
    if (covariance_->factors()[f]->stationary()) {
      term.stationary.push_back(f);
    } else if (term.linear < 0) {
      term.linear = static_cast<std::ptrdiff_t>(f);
      term.linear_count = widths.of_factor[f].cols();
    } else {
      refuse("at most one linear factor in a term of the covariance", "two");
    }
  }
  const double variance = std::exp(theta_(from.variance));
  if (term.stationary.empty()) {
    term.amplitude = std::sqrt(variance / static_cast<double>(std::max<Eigen::Index>(term.linear_count, 1)));
    term.first = count_;
    count_ += term.linear_count;
    terms_.push_back(std::move(term));
    return;
  }
  const Eigen::Index step = std::max<Eigen::Index>(term.linear_count, 1);
  term.pairs = (pairs + step - 1) / step * step;  // every coordinate of the linear factor as often
  for (const std::size_t f : term.stationary) {
    const Factor& factor = *covariance_->factors()[f];
    const std::optional<double> degrees = factor.spectral_degrees();
    if (!degrees.has_value()) refuse("stationary factors of a known spectrum", "one without");
    term.frequencies.push_back(frequencies_of(*degrees, widths.of_factor[f].cols(), term.pairs, generator));
  }
  term.amplitude = std::sqrt(variance / static_cast<double>(term.pairs));
  term.first = count_;
  count_ += 2 * term.pairs;
  terms_.push_back(std::move(term));
}

Eigen::MatrixXd RandomFeatures::phases(const Term& term, const Covariance::Coordinates& at) const {
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(at.count, term.pairs);
  for (std::size_t k = 0; k < term.stationary.size(); ++k) {
    add_product(1.0, at.of_factor[term.stationary[k]], Transpose::no, term.frequencies[k], Transpose::no, out);
  }
  return out;
}

Eigen::MatrixXd RandomFeatures::amplitudes(const Term& term, const Covariance::Coordinates& at) const {
  if (term.linear < 0) return Eigen::MatrixXd::Constant(at.count, term.pairs, term.amplitude);
  Eigen::MatrixXd out(at.count, term.pairs);
  const Eigen::MatrixXd& z = at.of_factor[static_cast<std::size_t>(term.linear)];
  for (Eigen::Index f = 0; f < term.pairs; ++f) out.col(f) = term.amplitude * z.col(f % term.linear_count);
  return out;
}

Eigen::MatrixXd RandomFeatures::values(const Points& points) const {
  const Covariance::Coordinates at = covariance_->coordinates(theta_, points);
  Eigen::MatrixXd out(points.count(), count_);
  for (const Term& term : terms_) {
    if (term.pairs == 0) {
      out.middleCols(term.first, term.linear_count) =
          term.amplitude * at.of_factor[static_cast<std::size_t>(term.linear)];
      continue;
    }
    const Eigen::ArrayXXd phase = phases(term, at).array();
    const Eigen::ArrayXXd amplitude = amplitudes(term, at).array();
    out.middleCols(term.first, term.pairs) = amplitude * phase.cos();
    out.middleCols(term.first + term.pairs, term.pairs) = amplitude * phase.sin();
  }
  return out;
}

void RandomFeatures::add_gradient(const Term& term, const Covariance::Coordinates& at, const Eigen::VectorXd& weights,
                                  std::vector<Eigen::MatrixXd>& by_coordinates) const {
  if (term.pairs == 0) {
    by_coordinates[static_cast<std::size_t>(term.linear)].rowwise() +=
        term.amplitude * weights.segment(term.first, term.linear_count).transpose();
    return;
  }
  const Eigen::ArrayXXd phase = phases(term, at).array();
  const auto cosines = weights.segment(term.first, term.pairs).transpose().array().replicate(at.count, 1);
  const auto sines = weights.segment(term.first + term.pairs, term.pairs).transpose().array().replicate(at.count, 1);
  const Eigen::MatrixXd turned = (phase.cos() * sines - phase.sin() * cosines) * amplitudes(term, at).array();
  for (std::size_t k = 0; k < term.stationary.size(); ++k) {
    add_product(1.0, turned, Transpose::no, term.frequencies[k], Transpose::yes, by_coordinates[term.stationary[k]]);
  }
  if (term.linear < 0) return;
  const Eigen::MatrixXd plain = term.amplitude * (phase.cos() * cosines + phase.sin() * sines);
  Eigen::MatrixXd& by_linear = by_coordinates[static_cast<std::size_t>(term.linear)];
  for (Eigen::Index f = 0; f < term.pairs; ++f) by_linear.col(f % term.linear_count) += plain.col(f);
}

Eigen::MatrixXd RandomFeatures::gradient(const Points& points, const Eigen::VectorXd& weights) const {
  const Covariance::Coordinates at = covariance_->coordinates(theta_, points);
  std::vector<Eigen::MatrixXd> by_coordinates;
  for (const Eigen::MatrixXd& z : at.of_factor) by_coordinates.emplace_back(Eigen::MatrixXd::Zero(z.rows(), z.cols()));
  for (const Term& term : terms_) add_gradient(term, at, weights, by_coordinates);
  return covariance_->by_inputs(theta_, points, by_coordinates);
}

}  // namespace luban::surrogate::detail
