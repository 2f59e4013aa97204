#include <luban/surrogate/detail/input_warp.hpp>

#include <algorithm>
#include <cmath>

namespace luban::surrogate::detail {

namespace {

constexpr double inset = 1e-6;  // ε: with a or b of 0.1 slopes stay below 1e5

// One input bent, with its derivatives.
struct Bent {
  double value;
  double slope;  // by the input
  double by_log_a;
  double by_log_b;
};

Bent bend(double x, double a, double b) {
  const double inside = std::clamp(x, 0.0, 1.0);
  const double log_t = std::log(inset + (1.0 - 2.0 * inset) * inside);
  const double power = std::exp(a * log_t);                  // t^a
  const double log_rest = std::log(-std::expm1(a * log_t));  // ln (1 − t^a)
  const double rest = std::exp(b * log_rest);
  const double slope_by_power = b * std::exp((b - 1.0) * log_rest);
  Bent out{};
  out.value = -std::expm1(b * log_rest) + (x - inside);
  out.slope = x == inside ? slope_by_power * a * std::exp((a - 1.0) * log_t) * (1.0 - 2.0 * inset) : 1.0;
  out.by_log_a = slope_by_power * power * log_t * a;
  out.by_log_b = -rest * log_rest * b;
  return out;
}

}  // namespace

InputWarp::InputWarp(const WarpSpec& spec, const features::Encoder& encoder, const InputLayout& layout,
                     Eigen::Index first_parameter)
    : first_(first_parameter) {
  for (std::size_t k = 0; k < layout.numeric().size(); ++k) {
    const std::string& input = encoder.variables()[static_cast<std::size_t>(layout.numeric()[k])].name;
    if (std::find(spec.without.begin(), spec.without.end(), input) != spec.without.end()) continue;
    columns_.push_back(static_cast<Eigen::Index>(k));
    hyperparameters_.push_back({"log_warp_a:" + input, spec.a});
    hyperparameters_.push_back({"log_warp_b:" + input, spec.b});
  }
}

Points InputWarp::bent(const Eigen::VectorXd& theta, const Points& points) const {
  Points out = points;
  for (std::size_t k = 0; k < columns_.size(); ++k) {
    const Eigen::Index at = first_ + 2 * static_cast<Eigen::Index>(k);
    const double a = std::exp(theta(at));
    const double b = std::exp(theta(at + 1));
    for (double& x : out.numeric.col(columns_[k])) x = bend(x, a, b).value;
  }
  return out;
}

void InputWarp::unbend(const Eigen::VectorXd& theta, const Points& points, Eigen::MatrixXd& by_numeric) const {
  for (std::size_t k = 0; k < columns_.size(); ++k) {
    const Eigen::Index at = first_ + 2 * static_cast<Eigen::Index>(k);
    const double a = std::exp(theta(at));
    const double b = std::exp(theta(at + 1));
    for (Eigen::Index i = 0; i < by_numeric.rows(); ++i) {
      by_numeric(i, columns_[k]) *= bend(points.numeric(i, columns_[k]), a, b).slope;
    }
  }
}

void InputWarp::add_gradient(const Eigen::VectorXd& theta, const Points& points, const Eigen::MatrixXd& by_bent,
                             Eigen::VectorXd& gradient) const {
  for (std::size_t k = 0; k < columns_.size(); ++k) {
    const Eigen::Index at = first_ + 2 * static_cast<Eigen::Index>(k);
    const double a = std::exp(theta(at));
    const double b = std::exp(theta(at + 1));
    for (Eigen::Index i = 0; i < by_bent.rows(); ++i) {
      const Bent bent = bend(points.numeric(i, columns_[k]), a, b);
      gradient(at) += by_bent(i, columns_[k]) * bent.by_log_a;
      gradient(at + 1) += by_bent(i, columns_[k]) * bent.by_log_b;
    }
  }
}

}  // namespace luban::surrogate::detail
