#include <luban/recommend/reach.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>

namespace luban::recommend {
namespace {

constexpr double least_limit = 1e-6;  ///< data that never varied reach no further than themselves
constexpr double rounding = 1e-6;     ///< of an excess: a search ends on the limit itself

double distance_at(const process::TrainingEnvelope& envelope, double quantile) {
  const std::vector<double>& levels = envelope.quantile_levels;
  const std::vector<double>& distances = envelope.distance_quantiles;
  if (levels.empty() || !(quantile >= levels.front() && quantile <= levels.back())) {
    const std::string from = levels.empty() ? "no" : core::number_text(levels.front());
    throw core::ConfigurationError(
        {.where = "recommend.reach",
         .expected = "a novelty between " + from + " and " + (levels.empty() ? from : core::number_text(levels.back())),
         .received = core::number_text(quantile),
         .place = {},
         .hint = "it is the share of left-out groups that lay nearer to the others; \"any\" lifts the limit"});
  }
  const auto above =
      static_cast<std::size_t>(std::lower_bound(levels.begin(), levels.end(), quantile) - levels.begin());
  if (above == 0) return distances[0];
  const double share = (quantile - levels[above - 1]) / (levels[above] - levels[above - 1]);
  return distances[above - 1] + share * (distances[above] - distances[above - 1]);
}

Eigen::Index column_of(const features::Encoder& encoder, const std::string& name) {
  const Eigen::Index column = encoder.find(name);
  if (column >= 0) return column;
  throw core::ConfigurationError({.where = "recommend.reach",
                                  .expected = "a model with the envelope's variable " + core::quoted(name),
                                  .received = "one without it",
                                  .place = {},
                                  .hint = "model and envelope must come from one fit"});
}

}  // namespace

Reach::Reach(const process::TrainingEnvelope& envelope, const SearchRegion& region, double quantile)
    : centre_(Eigen::VectorXd::Zero(region.p())),
      precision_(Eigen::MatrixXd::Zero(region.p(), region.p())),
      limit_(std::max(distance_at(envelope, quantile), least_limit)) {
  const features::Encoder& encoder = region.encoder();
  const std::size_t k = envelope.names.size();
  std::vector<Eigen::Index> columns;
  std::vector<double> slope;  // standardised value per coded one
  for (std::size_t i = 0; i < k; ++i) {
    columns.push_back(column_of(encoder, envelope.names[i]));
    const features::EncodedVariable& variable = encoder.variables()[columns[i]];
    const double width = variable.high > variable.low ? variable.high - variable.low : 1.0;
    centre_(columns[i]) = (envelope.mean[i] - variable.low) / width;
    slope.push_back(width / envelope.scale[i]);
  }
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < k; ++j) {
      precision_(columns[i], columns[j]) = slope[i] * envelope.inverse_covariance[i * k + j] * slope[j];
    }
  }
  for (const std::string& name : envelope.category_names) named_.push_back(column_of(encoder, name));
  for (const std::vector<std::string>& combination : envelope.combinations) {
    std::vector<double> coded;
    bool here = true;
    for (std::size_t i = 0; i < named_.size(); ++i) {
      coded.push_back(encoder.encode_value(named_[i], combination[i]));
      const bool fixed = encoder.variables()[named_[i]].role == features::Role::context;
      here = here && (!fixed || coded.back() == region.low(named_[i]));
    }
    known_here_ = known_here_ || here;
    combinations_.insert(std::move(coded));
  }
}

double Reach::distance(const Eigen::VectorXd& x) const {
  const Eigen::VectorXd away = x - centre_;
  return std::sqrt(std::max(0.0, away.dot(precision_ * away)));
}

std::vector<double> Reach::codes(const Eigen::VectorXd& x) const {
  std::vector<double> coded;
  for (const Eigen::Index column : named_) coded.push_back(x(column));
  return coded;
}

bool Reach::new_combination(const Eigen::VectorXd& x) const {
  return !named_.empty() && combinations_.find(codes(x)) == combinations_.end();
}

bool Reach::covers(const Eigen::VectorXd& x) const {
  const double ratio = distance(x) / limit_;
  return ratio * ratio <= 1.0 + rounding && !new_combination(x);
}

Eigen::VectorXd Reach::excess(const Eigen::MatrixXd& X) const {
  Eigen::VectorXd result(X.rows());
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    const Eigen::VectorXd x = X.row(i).transpose();
    const double ratio = distance(x) / limit_;
    result(i) = ratio * ratio - 1.0 + (known_here_ && new_combination(x) ? 2.0 : 0.0);
  }
  return result;
}

Eigen::MatrixXd Reach::gradient(const Eigen::MatrixXd& X) const {
  return (X.rowwise() - centre_.transpose()) * precision_ * (2.0 / (limit_ * limit_));
}

}  // namespace luban::recommend
