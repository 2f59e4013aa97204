#include <luban/surrogate/detail/log_posterior.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include <luban/surrogate/detail/dense.hpp>

namespace luban::surrogate::detail {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double difference = 1e-4;  // of a hyperparameter's logarithm
const double log_two_pi = std::log(2.0 * std::numbers::pi);

double exp_or_zero(const Eigen::VectorXd& theta, Eigen::Index at) {
  return at < 0 ? 0.0 : std::exp(theta(at));
}

}  // namespace

NoiseLevelsPresent noise_levels(const ModelSpec& model, const TrainingData& data) {
  NoiseLevelsPresent out;
  const bool equal_weights = data.weight.minCoeff() == data.weight.maxCoeff();
  const bool separable = data.repeated() || data.several_points();
  out.within = separable || !equal_weights;
  out.between = separable || equal_weights;
  out.point = model.point_level && data.repeated() && data.several_points();
  if (data.known_within > 0.0) {
    out.within = true;
    out.between = data.extra_noise;
    out.point = out.point && data.extra_noise;
  }
  return out;
}

double profiled_mean(double mean_variance, const Eigen::MatrixXd& inverse, const Eigen::VectorXd& y) {
  if (std::isfinite(mean_variance)) return 0.0;
  const Eigen::VectorXd solved_ones = inverse.rowwise().sum();
  return solved_ones.dot(y) / solved_ones.sum();
}

LogPosterior::LogPosterior(const ModelSpec& model, std::shared_ptr<const Covariance> covariance, TrainingData data)
    : LogPosterior(model, std::move(covariance), data, noise_levels(model, data)) {}

LogPosterior::LogPosterior(const ModelSpec& model, std::shared_ptr<const Covariance> covariance, TrainingData data,
                           NoiseLevelsPresent present)
    : covariance_(std::move(covariance)),
      data_(std::move(data)),
      points_(covariance_->points(data_.X)),
      mean_variance_(model.mean_variance),
      present_(present) {
  for (const Hyperparameter& kernel : covariance_->hyperparameters()) {
    add_hyperparameter(kernel.name, kernel.spec, kernel.spec.start);
  }
  const auto next = [this] { return static_cast<Eigen::Index>(hyperparameters_.size()); };
  if (present_.between) {
    between_ = next();
    add_hyperparameter("log_variance:between_runs", model.between, model.between.start);
  }
  if (present_.point) {
    point_ = next();
    add_hyperparameter("log_variance:point_in_run", model.point, model.point.start);
  }
  if (present_.within) {
    within_ = next();
    const auto spare = static_cast<double>(data_.n - data_.u());
    const double seen = spare > 0.0 ? std::max(data_.within_ss / spare, 1e-6) : model.within.start;
    HyperparameterSpec within = model.within;
    if (data_.known_within > 0.0) within = {.prior = {}, .start = data_.known_within, .fixed = true};
    add_hyperparameter("log_variance:within_run", within, seen);
  }
  const NoiseProfile* profile = covariance_->noise_profile();
  if (profile == nullptr || profile->size() == 0) return;
  profile_ = next();
  features_ = profile->features(points_);
  for (const Hyperparameter& ratio : profile->hyperparameters()) {
    add_hyperparameter(ratio.name, ratio.spec, ratio.spec.start);
  }
}

void LogPosterior::add_hyperparameter(const std::string& name, const HyperparameterSpec& spec, double start) {
  const double low = spec.fixed ? spec.start : spec.low;
  const double high = spec.fixed ? spec.start : spec.high;
  const auto append = [](Eigen::VectorXd& to, double value) {
    to.conservativeResize(to.size() + 1);
    to(to.size() - 1) = std::log(value);
  };
  append(low_, low);
  append(high_, high);
  append(start_, std::clamp(spec.fixed ? spec.start : start, low, high));
  hyperparameters_.push_back({name, spec});
}

NoiseVariances LogPosterior::noise(const Eigen::VectorXd& theta) const {
  return {exp_or_zero(theta, between_), exp_or_zero(theta, point_), exp_or_zero(theta, within_)};
}

Eigen::VectorXd LogPosterior::noise_shape(const Eigen::VectorXd& theta, const Points& points) const {
  if (!noise_varies()) return Eigen::VectorXd::Ones(points.count());
  const NoiseProfile& profile = *covariance_->noise_profile();
  return (profile.features(points) * theta.segment(profile_, profile.size())).array().exp();
}

Eigen::VectorXd LogPosterior::own_noise_shape(const Eigen::VectorXd& theta) const {
  if (!noise_varies()) return Eigen::VectorXd::Ones(data_.u());
  return (features_ * theta.segment(profile_, features_.cols())).array().exp();
}

Eigen::MatrixXd LogPosterior::noise_gradient(const Eigen::VectorXd& theta, const Eigen::VectorXd& variance,
                                             Eigen::Index inputs) const {
  const NoiseProfile& profile = *covariance_->noise_profile();
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(variance.size(), inputs);
  covariance_->layout().scatter(variance * profile.slope(theta.segment(profile_, profile.size())).transpose(), out);
  return out;
}

void LogPosterior::total_covariance(const Eigen::VectorXd& theta, Workspace& work) const {
  work.inverted_at.resize(0);
  covariance_->evaluate_lower(theta, points_, work.covariance, work.matrix);
  const NoiseVariances noise = this->noise(theta);
  const Eigen::VectorXd shape = own_noise_shape(theta);
  const Eigen::VectorXd root = shape.cwiseSqrt();
  if (std::isfinite(mean_variance_)) work.matrix.array() += mean_variance_;
  for (const std::vector<Eigen::Index>& rows : data_.runs) {
    for (const Eigen::Index j : rows) {
      for (const Eigen::Index i : rows) {
        if (i >= j) work.matrix(i, j) += noise.between * root(i) * root(j);
      }
    }
  }
  work.matrix.diagonal().array() += shape.array() * (noise.point + noise.within / data_.weight.array());
}

void LogPosterior::last_rows(const Eigen::VectorXd& theta, const Covariance::Coordinates& coordinates,
                             Eigen::Index added, Eigen::MatrixXd& cross, Eigen::MatrixXd& own) const {
  const Eigen::Index before = data_.u() - added;
  const Points last{points_.numeric.bottomRows(added), points_.one_hot.bottomRows(added)};
  Eigen::MatrixXd all = covariance_->cross(theta, coordinates, last).value;
  if (std::isfinite(mean_variance_)) all.array() += mean_variance_;
  const NoiseVariances noise = this->noise(theta);
  const Eigen::VectorXd shape = own_noise_shape(theta);
  const Eigen::VectorXd root = shape.cwiseSqrt();
  for (const std::vector<Eigen::Index>& rows : data_.runs) {
    for (const Eigen::Index j : rows) {
      if (j < before) continue;
      for (const Eigen::Index i : rows) all(i, j - before) += noise.between * root(i) * root(j);
    }
  }
  cross = all.topRows(before);
  own = all.bottomRows(added);
  own.diagonal().array() += shape.tail(added).array() * (noise.point + noise.within / data_.weight.tail(added).array());
}

double LogPosterior::reduction_factor(double log_within, const Eigen::VectorXd& shape) const {
  const auto spare = static_cast<double>(data_.n - data_.u());
  double scatter = present_.within ? data_.within_ss * std::exp(-log_within) : 0.0;
  double per_reading = present_.within ? spare * (log_two_pi + log_within) : 0.0;
  if (present_.within && noise_varies()) {
    scatter = (data_.scatter.array() / shape.array()).sum() * std::exp(-log_within);
    per_reading += ((data_.readings.array() - 1.0) * shape.array().log()).sum();
  }
  return -0.5 * (per_reading + scatter - data_.log_weight_sum + data_.weight.array().log().sum());
}

double LogPosterior::log_likelihood(const Eigen::VectorXd& theta, double quadratic, const Eigen::VectorXd& shape,
                                    double log_determinant) const {
  const auto u = static_cast<double>(data_.u());
  return -0.5 * (quadratic + log_determinant + u * log_two_pi) +
         reduction_factor(within_ < 0 ? 0.0 : theta(within_), shape) -
         static_cast<double>(data_.n) * std::log(data_.scale);
}

LogPosterior::Value LogPosterior::value_of(const Eigen::VectorXd& theta, double mean, const Eigen::VectorXd& alpha,
                                           double log_determinant) const {
  Value out;
  const double quadratic = data_.y.dot(alpha) - mean * alpha.sum();
  out.log_likelihood = log_likelihood(theta, quadratic, own_noise_shape(theta), log_determinant);
  out.log_posterior = out.log_likelihood + add_prior(theta, nullptr);
  return out;
}

LogPosterior::Value LogPosterior::value(const Eigen::VectorXd& theta, Workspace& work) const {
  if (work.holds_inverse_at(theta)) return work.value;
  total_covariance(theta, work);
  if (!cholesky_lower(work.matrix)) return {-infinity, -infinity};
  const double log_determinant = 2.0 * work.matrix.diagonal().array().log().sum();
  Eigen::MatrixXd whitened(data_.u(), 2);  // L⁻¹ [y 1] gives the mean and, whatever it is, what is left of y
  whitened.col(0) = data_.y;
  whitened.col(1).setOnes();
  work.matrix.triangularView<Eigen::Lower>().solveInPlace(whitened);
  const double y_ones = whitened.col(0).dot(whitened.col(1));
  work.mean = std::isfinite(mean_variance_) ? 0.0 : y_ones / whitened.col(1).squaredNorm();
  const double quadratic = (whitened.col(0) - work.mean * whitened.col(1)).squaredNorm();
  Value out;
  out.log_likelihood = log_likelihood(theta, quadratic, own_noise_shape(theta), log_determinant);
  out.log_posterior = out.log_likelihood + add_prior(theta, nullptr);
  if (!std::isfinite(out.log_posterior)) out.log_posterior = -infinity;
  work.value = out;
  return out;
}

Eigen::VectorXd LogPosterior::gradient(const Eigen::VectorXd& theta, Workspace& work) const {
  if (work.holds_inverse_at(theta)) return work.gradient;
  inverse_lower_from_cholesky(work.matrix, work.inverse);
  const Eigen::VectorXd alpha = work.inverse.selfadjointView<Eigen::Lower>() * (data_.y.array() - work.mean).matrix();
  Eigen::VectorXd out = Eigen::VectorXd::Zero(theta.size());
  covariance_->add_gradient(theta, points_, work.covariance, work.inverse, alpha, out);
  add_noise_gradient(theta, own_noise_shape(theta), work.inverse, alpha, out);
  static_cast<void>(add_prior(theta, &out));
  work.inverted_at = theta;
  work.gradient = out;
  return out;
}

Eigen::MatrixXd LogPosterior::information(const Eigen::VectorXd& theta, Workspace& work) const {
  if (!work.holds_inverse_at(theta)) {
    static_cast<void>(value(theta, work));
    inverse_lower_from_cholesky(work.matrix, work.inverse);
  }
  const double mean = work.mean;
  mirror_lower(work.inverse);
  const Eigen::VectorXd alpha = work.inverse * (data_.y.array() - mean).matrix();
  const auto times_alpha = [&](const Eigen::VectorXd& at) -> Eigen::VectorXd {
    total_covariance(at, work);
    return work.matrix.selfadjointView<Eigen::Lower>() * alpha;
  };
  const Eigen::VectorXd here = times_alpha(theta);
  Eigen::MatrixXd slopes = Eigen::MatrixXd::Zero(data_.u(), theta.size());
  for (Eigen::Index k = 0; k < theta.size(); ++k) {
    if (low_(k) == high_(k)) continue;
    Eigen::VectorXd beside = theta;
    beside(k) += theta(k) + difference <= high_(k) ? difference : -difference;
    slopes.col(k) = (times_alpha(beside) - here) / (beside(k) - theta(k));
  }
  Eigen::MatrixXd solved = work.inverse * slopes;
  if (!std::isfinite(mean_variance_)) {
    const Eigen::VectorXd ones = work.inverse.rowwise().sum();
    solved -= ones * (ones.transpose() * slopes) / ones.sum();
  }
  Eigen::MatrixXd out = 0.5 * slopes.transpose() * solved;
  add_reduced_information(theta, out);
  return out;
}

void LogPosterior::add_reduced_information(const Eigen::VectorXd& theta, Eigen::MatrixXd& information) const {
  if (within_ < 0) return;
  // Of readings that scatter by s around their mean with variance v = h σ_w²: ½ s / v along log v.
  const double variance = std::exp(theta(within_));
  const bool learned = low_(within_) < high_(within_);
  if (!noise_varies()) {
    if (learned) information(within_, within_) += 0.5 * data_.within_ss / variance;
    return;
  }
  Eigen::MatrixXd by_theta = Eigen::MatrixXd::Zero(data_.u(), theta.size());
  by_theta.middleCols(profile_, features_.cols()) = features_;
  if (learned) by_theta.col(within_).setOnes();
  const Eigen::VectorXd half = 0.5 * data_.scatter.array() / (own_noise_shape(theta).array() * variance);
  information += by_theta.transpose() * half.asDiagonal() * by_theta;
}

void LogPosterior::add_noise_gradient(const Eigen::VectorXd& theta, const Eigen::VectorXd& shape,
                                      const Eigen::MatrixXd& inverse, const Eigen::VectorXd& alpha,
                                      Eigen::VectorXd& gradient) const {
  const NoiseVariances noise = this->noise(theta);
  const Eigen::VectorXd root = shape.cwiseSqrt();
  // Of each point: Σ over the points of its run of (α αᵀ − C⁻¹) / 2 times what the covariance has there of one unit of
  // noise between runs.
  Eigen::VectorXd same_run = Eigen::VectorXd::Zero(data_.u());
  for (const std::vector<Eigen::Index>& rows : data_.runs) {
    for (const Eigen::Index j : rows) {
      for (const Eigen::Index i : rows) {
        if (i < j) continue;
        const double pair = 0.5 * (alpha(i) * alpha(j) - inverse(i, j)) * root(i) * root(j);
        same_run(i) += pair;
        if (i > j) same_run(j) += pair;
      }
    }
  }
  const Eigen::ArrayXd diagonal = 0.5 * shape.array() * (alpha.array().square() - inverse.diagonal().array());
  const auto spare = static_cast<double>(data_.n - data_.u());
  if (between_ >= 0) gradient(between_) += noise.between * same_run.sum();
  if (point_ >= 0) gradient(point_) += noise.point * diagonal.sum();
  if (within_ >= 0) {
    const double scatter = noise_varies() ? (data_.scatter.array() / shape.array()).sum() : data_.within_ss;
    gradient(within_) +=
        noise.within * (diagonal / data_.weight.array()).sum() - 0.5 * (spare - scatter / noise.within);
  }
  if (!noise_varies()) return;
  Eigen::ArrayXd by_shape =
      noise.between * same_run.array() + diagonal * (noise.point + noise.within / data_.weight.array());
  if (within_ >= 0) {
    by_shape -= 0.5 * (data_.readings.array() - 1.0 - data_.scatter.array() / (shape.array() * noise.within));
  }
  gradient.segment(profile_, features_.cols()) += features_.transpose() * by_shape.matrix();
}

double LogPosterior::add_prior(const Eigen::VectorXd& theta, Eigen::VectorXd* gradient) const {
  double sum = 0.0;
  for (Eigen::Index k = 0; k < theta.size(); ++k) {
    const HyperparameterSpec& spec = hyperparameters_[static_cast<std::size_t>(k)].spec;
    double slope = 0.0;
    if (!spec.fixed) sum += spec.prior.log_density(theta(k), slope);
    if (gradient != nullptr) (*gradient)(k) = spec.fixed ? 0.0 : (*gradient)(k) + slope;
  }
  return sum;
}

}  // namespace luban::surrogate::detail
