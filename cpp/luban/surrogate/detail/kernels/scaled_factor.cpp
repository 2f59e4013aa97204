#include <luban/surrogate/detail/kernels/scaled_factor.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace luban::surrogate::detail {

namespace {

std::vector<Eigen::Index> joined(std::vector<Eigen::Index> first, const std::vector<Eigen::Index>& second, bool both) {
  if (both) first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace

ScaledFactor::ScaledFactor(const FactorSpec& spec, const features::Encoder& encoder, const InputLayout& layout,
                           Eigen::Index first_parameter)
    : ScaledFactor(spec, encoder, joined(layout.numeric(), layout.categorical(), spec.with_categories),
                   joined(std::vector<Eigen::Index>(layout.numeric().size(), 1), layout.levels(), spec.with_categories),
                   2.0, first_parameter) {
  with_categories_ = spec.with_categories;
}

ScaledFactor::ScaledFactor(const FactorSpec& spec, const features::Encoder& encoder,
                           const std::vector<Eigen::Index>& inputs,
                           const std::vector<Eigen::Index>& coordinates_of_input, double power,
                           Eigen::Index first_parameter)
    : Factor(first_parameter), power_(power) {
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const auto parameter = static_cast<Eigen::Index>(spec.isotropic ? 0 : k);
    parameter_of_.insert(parameter_of_.end(), static_cast<std::size_t>(coordinates_of_input[k]), parameter);
    if (spec.isotropic && k > 0) continue;
    const std::string& input = encoder.variables()[static_cast<std::size_t>(inputs[k])].name;
    add_hyperparameter("log_length:" + spec.name + ":" + (spec.isotropic ? "all" : input), spec.length);
  }
}

double ScaledFactor::scale(const Eigen::VectorXd& theta, Eigen::Index coordinate) const {
  return std::exp(-0.5 * power_ * theta(first() + parameter_of_[static_cast<std::size_t>(coordinate)]));
}

std::optional<Eigen::Index> ScaledFactor::own_hyperparameter(Eigen::Index coordinate) const {
  const Eigen::Index parameter = parameter_of_[static_cast<std::size_t>(coordinate)];
  if (std::count(parameter_of_.begin(), parameter_of_.end(), parameter) > 1) return std::nullopt;
  return first() + parameter;
}

Eigen::MatrixXd ScaledFactor::unscaled(const Points& points) const {
  if (!with_categories_) return points.numeric;
  Eigen::MatrixXd out(points.count(), points.numeric.cols() + points.one_hot.cols());
  out << points.numeric, points.one_hot / std::numbers::sqrt2;  // two categories are 1 apart
  return out;
}

Eigen::MatrixXd ScaledFactor::coordinates(const Eigen::VectorXd& theta, const Points& points) const {
  Eigen::MatrixXd out = unscaled(points);
  for (Eigen::Index c = 0; c < out.cols(); ++c) out.col(c) *= scale(theta, c);
  return out;
}

void ScaledFactor::add_gradient_of_spread(const Eigen::VectorXd& /*theta*/, const Eigen::VectorXd& spread,
                                          Eigen::VectorXd& gradient) const {
  for (Eigen::Index c = 0; c < spread.size(); ++c) {
    gradient(first() + parameter_of_[static_cast<std::size_t>(c)]) -= power_ * spread(c);
  }
}

void ScaledFactor::add_input_gradient(const Eigen::VectorXd& theta, const Points& /*points*/,
                                      const Eigen::MatrixXd& by_coordinates, Eigen::MatrixXd& by_numeric) const {
  for (Eigen::Index c = 0; c < by_numeric.cols(); ++c) by_numeric.col(c) += scale(theta, c) * by_coordinates.col(c);
}

}  // namespace luban::surrogate::detail
