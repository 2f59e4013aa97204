#include <luban/surrogate/detail/inputs.hpp>

#include <cmath>
#include <string>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>

namespace luban::surrogate::detail {

namespace {

constexpr double largest = 1e100;  // of a coded number: its square must still be one

}  // namespace

void require_coded(const Eigen::MatrixXd& X, const features::Encoder& encoder, const char* where) {
  if (X.cols() != encoder.p()) {
    throw core::DataError({.where = where,
                           .expected = std::to_string(encoder.p()) + " coded inputs per row",
                           .received = std::to_string(X.cols()),
                           .place = {},
                           .hint = "encode tables with the surrogate's own encoder"});
  }
  for (Eigen::Index column = 0; column < X.cols(); ++column) {
    const features::EncodedVariable& variable = encoder.variables()[static_cast<std::size_t>(column)];
    const auto levels = static_cast<double>(variable.categories.size());
    for (Eigen::Index row = 0; row < X.rows(); ++row) {
      const double value = X(row, column);
      const bool fits = variable.is_numeric() ? std::abs(value) <= largest
                                              : value >= 0.0 && value < levels && value == std::floor(value);
      if (fits) continue;
      throw core::DataError({.where = where,
                             .expected = variable.is_numeric()
                                             ? std::string("a number, coded at most 1e100 in size")
                                             : "a category code from 0 to " + core::number_text(levels - 1.0),
                             .received = core::number_text(value),
                             .place = "row " + std::to_string(row) + ", input " + core::quoted(variable.name),
                             .hint = {}});
    }
  }
}

void require_levels(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights, const char* where) {
  const bool frequencies =
      weights.size() > 0 && weights.allFinite() && weights.minCoeff() >= 0.0 && std::abs(weights.sum() - 1.0) < 1e-9;
  if (frequencies && X.rows() % weights.size() == 0) return;
  throw core::DataError(
      {.where = where,
       .expected = "weights that are not negative and sum to 1, and as many rows per point",
       .received = std::to_string(weights.size()) + " weights and " + std::to_string(X.rows()) + " rows",
       .place = {},
       .hint = {}});
}

void require_deviations(const Eigen::VectorXd& sd, Eigen::Index p, const char* where) {
  if (sd.size() == p && sd.allFinite() && (sd.array() >= 0.0).all()) return;
  throw core::DataError({.where = where,
                         .expected = "a standard deviation of at least 0 for each of " + std::to_string(p) + " inputs",
                         .received = std::to_string(sd.size()) + ", or one that is not",
                         .place = {},
                         .hint = {}});
}

Eigen::VectorXd level_spread(const Eigen::VectorXd& level_mean, const Eigen::VectorXd& level_variance,
                             const Eigen::VectorXd& weights, const Eigen::VectorXd& mean,
                             const Eigen::VectorXd& variance) {
  const Eigen::Index levels = weights.size();
  Eigen::VectorXd out(mean.size());
  for (Eigen::Index i = 0; i < mean.size(); ++i) {
    const Eigen::ArrayXd away = level_mean.segment(i * levels, levels).array() - mean(i);
    const auto each = level_variance.segment(i * levels, levels).array();
    out(i) = (weights.array() * (away.square() + each)).sum() - variance(i);
  }
  return out.cwiseMax(0.0);  // the average of variances is no less than the variance of the average, but for rounding
}

}  // namespace luban::surrogate::detail
