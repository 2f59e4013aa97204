#include <luban/surrogate/detail/fit_response.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/time.hpp>
#include <luban/features/cells.hpp>
#include <luban/features/reduction.hpp>
#include <luban/features/robust_weights.hpp>

namespace luban::surrogate::detail {

namespace {

// For cells of one or two readings, which cannot tell (elsewhere features::robust_weights sees gross errors without a
// model of the inputs): iteratively reweighted fits with Student-t weights of four degrees of freedom on left-out
// residuals (Lange, Little and Taylor 1989), so that a gross error cannot hide behind the noise that it causes.
constexpr double degrees = 4.0;
constexpr int most_rounds = 6;
constexpr int round_iterations = 60;
// A heavy-tailed but honest process of n readings holds a larger residual with this probability.
constexpr double family_probability = 0.05;
// Below this share of the threshold, judged by a robust scale, no reading deserves a second look.
constexpr double suspicious_share = 0.5;

double upper_quantile(double probability) {
  // Student's t with four degrees of freedom has a closed form (Shaw 2006).
  const double alpha = 4.0 * probability * (1.0 - probability);
  const double root = std::sqrt(alpha);
  const double q = std::cos(std::acos(root) / 3.0) / root;
  return 2.0 * std::sqrt(q - 1.0);
}

// Where a climb on the target begins.
Eigen::VectorXd resolved(const WarmStart& start, const LogPosterior& target) {
  if (start.names.empty()) return start.theta;
  Eigen::VectorXd out = target.start();
  const double rescaled = start.scale ? 2.0 * std::log(*start.scale / target.data().scale) : 0.0;
  for (Eigen::Index k = 0; k < out.size(); ++k) {
    const std::string& name = target.hyperparameters()[static_cast<std::size_t>(k)].name;
    const auto found = std::find(start.names.begin(), start.names.end(), name);
    if (found == start.names.end()) continue;
    out(k) = start.theta(found - start.names.begin()) + (name.starts_with("log_variance:") ? rescaled : 0.0);
  }
  return out.cwiseMax(target.low()).cwiseMin(target.high());
}

bool same_names(const WarmStart& start, const LogPosterior& target) {
  return std::equal(start.names.begin(), start.names.end(), target.hyperparameters().begin(),
                    target.hyperparameters().end(),
                    [](const std::string& name, const Hyperparameter& one) { return name == one.name; });
}

class Fit {
 public:
  Fit(const features::Dataset& data, Eigen::Index response, const ModelSpec& model,
      std::shared_ptr<const Covariance> covariance, const GaussianProcessOptions& options, core::RandomKey key,
      const core::CallControl& control)
      : data_(data),
        response_(response),
        model_(model),
        covariance_(std::move(covariance)),
        options_(options),
        key_(key),
        control_(control) {}

  double log_likelihood_at(const WarmStart& start) {
    know_variances();
    aim(initial_weights());
    LogPosterior::Workspace work;
    return target_->value(resolved(start, *target_), work).log_likelihood;
  }

  FittedResponse run(const WarmStart& warm_start) {
    if (!warm_start.names.empty()) again_ = warm_start;
    know_variances();
    weights_ = initial_weights();
    Optimum optimum = fit(weights_, warm_start, options_);
    if (options_.robust) judged_ = readings_to_judge();
    if (suspicious()) {
      const auto target = target_;
      const auto process = process_;
      const Eigen::VectorXd cleaned = target_->data().repeated() ? judged_by_means() : without_gross_errors();
      for (Eigen::Index i = 0; i < data_.n(); ++i) {
        if (cleaned(i) != weights_(i)) set_aside_.push_back(i);
      }
      if (set_aside_.empty()) {  // the rounds left a model with soft weights behind
        target_ = target;
        process_ = process;
      } else {
        weights_ = cleaned;
        optimum = fit(weights_, again_, options_);
      }
    }
    return {process_, report(optimum), {optimum.curvature, target_->data().u()}};
  }

 private:
  // Weights before those of known variances.
  Eigen::VectorXd initial_weights() const {
    if (options_.robust) return features::robust_weights(data_, response_);
    Eigen::VectorXd out = Eigen::VectorXd::Ones(data_.n());
    for (Eigen::Index i = 0; i < data_.n(); ++i) {
      if (std::isnan(data_.Y(i, response_))) out(i) = 0.0;
    }
    return out;
  }

  // Known variances v of the readings are weights mean(v) / v beside a reading of variance mean(v).
  void know_variances() {
    known_ = Eigen::VectorXd::Ones(data_.n());
    if (data_.noise_variance.size() == 0) return;
    double sum = 0.0;
    double count = 0.0;
    for (Eigen::Index i = 0; i < data_.n(); ++i) {
      if (std::isnan(data_.Y(i, response_))) continue;
      sum += data_.noise_variance(i, response_);
      count += 1.0;
    }
    known_variance_ = count > 0.0 ? sum / count : 0.0;
    for (Eigen::Index i = 0; i < data_.n(); ++i) {
      if (!std::isnan(data_.Y(i, response_))) known_(i) = known_variance_ / data_.noise_variance(i, response_);
    }
  }

  // What is to be maximised, for readings of these weights.
  void aim(const Eigen::VectorXd& weights) {
    TrainingData training =
        standardise(features::reduce(data_, response_, weights.cwiseProduct(known_)), data_.run_ids);
    if (known_variance_ > 0.0) {
      training.known_within = known_variance_ / (training.scale * training.scale);
      training.extra_noise = options_.extra_noise;
    }
    target_ = std::make_shared<const LogPosterior>(model_, covariance_, std::move(training));
  }

  Optimum fit(const Eigen::VectorXd& weights, const WarmStart& warm_start, const GaussianProcessOptions& options) {
    aim(weights);
    Optimum out = maximise(*target_, model_, options, resolved(warm_start, *target_), key_, control_,
                           same_names(warm_start, *target_) ? warm_start.curvature : Curvature{});
    evaluations_ += out.evaluations;
    process_ = std::make_shared<const Conditioned>(target_, out.theta, std::exchange(out.work, {}));
    return out;
  }

  // Readings of each row of the target whose cell has too few of them to judge itself; none for other rows, no row at
  // all when every cell tells. Found by a second reduction of cell numbers, so that nothing is assumed about the
  // reduction's order.
  std::vector<std::vector<Eigen::Index>> readings_to_judge() const {
    const features::Cells cells = features::cells_of_readings(data_);
    std::vector<std::vector<Eigen::Index>> members(static_cast<std::size_t>(cells.count()));
    bool any = false;
    for (std::size_t c = 0; c < members.size(); ++c) {
      for (Eigen::Index k = cells.start[c]; k < cells.start[c + 1]; ++k) {
        const Eigen::Index reading = cells.order[static_cast<std::size_t>(k)];
        if (weights_(reading) > 0.0) members[c].push_back(reading);
      }
      if (members[c].size() >= static_cast<std::size_t>(features::fewest_telling)) members[c].clear();
      any = any || !members[c].empty();
    }
    if (!any) return {};
    features::Dataset numbered = data_;
    for (std::size_t c = 0; c < members.size(); ++c) {
      for (Eigen::Index k = cells.start[c]; k < cells.start[c + 1]; ++k) {
        numbered.Y(cells.order[static_cast<std::size_t>(k)], response_) = static_cast<double>(c);
      }
    }
    std::vector<std::vector<Eigen::Index>> out;
    for (const double number : features::reduce(numbered, response_, weights_).mean) {
      out.push_back(members[static_cast<std::size_t>(std::llround(number))]);
    }
    return out;
  }

  double threshold() const {
    std::size_t count = 0;
    for (const auto& row : judged_) count += row.size();
    return upper_quantile(0.5 * family_probability / static_cast<double>(count));
  }

  bool suspicious() const {
    if (judged_.empty()) return false;
    std::vector<double> residuals;
    const Eigen::VectorXd all = process_->left_out_residuals();
    for (std::size_t row = 0; row < judged_.size(); ++row) {
      if (!judged_[row].empty()) residuals.push_back(std::abs(all(static_cast<Eigen::Index>(row))));
    }
    const double largest = *std::max_element(residuals.begin(), residuals.end());
    const double scale = features::median_of(residuals) / upper_quantile(0.25);
    return largest > suspicious_share * threshold() * scale;
  }

  // Where some readings are repeated, a weight would act on the noise within a run alone. So each cell counts as one
  // reading, its mean, in a fit with one level of noise; what that sets aside is believed of cells that cannot tell.
  Eigen::VectorXd judged_by_means() const {
    const features::Reduction reduction = features::reduce(data_, response_, weights_.cwiseProduct(known_));
    const Eigen::Index u = reduction.X.rows();
    features::Dataset means;
    means.encoder = data_.encoder;
    means.X = reduction.X;
    means.Y = reduction.mean;
    if (known_variance_ > 0.0) means.noise_variance = known_variance_ / reduction.weight.array();
    means.responses = {data_.responses[static_cast<std::size_t>(response_)]};
    for (Eigen::Index row = 0; row < u; ++row) {
      means.run.push_back(static_cast<std::int32_t>(row));
      means.group.push_back(static_cast<std::int32_t>(row));
      means.run_ids.push_back(std::to_string(row));
      means.run_time.push_back(core::UtcTime::missing_count);
      means.source_row.push_back(row);
      means.repeat.push_back(1);
    }
    means.group_labels = means.run_ids;
    GaussianProcessOptions quick = options_;
    quick.starts = 1;
    quick.warm_starts.clear();
    const FittedResponse judged = Fit(means, 0, model_, covariance_, quick, key_, control_).run(again_);
    Eigen::VectorXd out = weights_;
    for (const std::int64_t row : judged.report.set_aside) {
      for (const Eigen::Index reading : judged_[static_cast<std::size_t>(row)]) out(reading) = 0.0;
    }
    return out;
  }

  Eigen::VectorXd without_gross_errors() {
    GaussianProcessOptions quick = options_;
    quick.starts = 1;
    quick.max_iterations = std::min(options_.max_iterations, round_iterations);
    Eigen::VectorXd soft = weights_;
    Eigen::VectorXd residuals = process_->left_out_residuals();
    WarmStart warm = again_;
    for (int round = 0; round < most_rounds; ++round) {
      for (std::size_t row = 0; row < judged_.size(); ++row) {
        const double z = residuals(static_cast<Eigen::Index>(row));
        for (const Eigen::Index reading : judged_[row]) soft(reading) = (degrees + 1.0) / (degrees + z * z);
      }
      warm = {.theta = fit(soft, warm, quick).theta};
      residuals = process_->left_out_residuals();
    }
    Eigen::VectorXd out = weights_;
    const double limit = threshold();
    for (std::size_t row = 0; row < judged_.size(); ++row) {
      if (std::abs(residuals(static_cast<Eigen::Index>(row))) <= limit) continue;
      for (const Eigen::Index reading : judged_[row]) out(reading) = 0.0;
    }
    return out;
  }

  FitReport report(const Optimum& optimum) const {
    const TrainingData& training = target_->data();
    FitReport out;
    out.log_posterior = optimum.log_posterior;
    out.log_likelihood = optimum.log_likelihood;
    out.evaluations = evaluations_;
    out.starts_converged = optimum.converged;
    out.jitter = process_->jitter();
    out.degraded = process_->degraded();
    out.readings = training.n;
    out.points = training.u();
    out.runs = static_cast<Eigen::Index>(training.runs.size());
    const Eigen::ArrayXd values = data_.Y.col(response_).array();
    out.gross_errors = (weights_.array() == 0.0 && !values.isNaN()).count();
    out.set_aside = set_aside_;
    out.hyperparameters = optimum.theta;
    for (const Hyperparameter& one : target_->hyperparameters()) out.hyperparameter_names.push_back(one.name);
    return out;
  }

  const features::Dataset& data_;
  Eigen::Index response_;
  const ModelSpec& model_;
  std::shared_ptr<const Covariance> covariance_;
  const GaussianProcessOptions& options_;
  core::RandomKey key_;
  const core::CallControl& control_;
  WarmStart again_;              // of fits after the first: what holds for data of another structure, too
  Eigen::VectorXd known_;        // weights of known variances
  double known_variance_ = 0.0;  // of a reading whose weight is 1; 0 = learned
  Eigen::VectorXd weights_;      // of gross errors
  std::vector<std::vector<Eigen::Index>> judged_;  // by row of the first target
  std::vector<std::int64_t> set_aside_;
  std::shared_ptr<const LogPosterior> target_;
  std::shared_ptr<const Conditioned> process_;
  int evaluations_ = 0;
};

}  // namespace

FittedResponse fit_response(const features::Dataset& data, Eigen::Index response, const ModelSpec& model,
                            const std::shared_ptr<const Covariance>& covariance, const GaussianProcessOptions& options,
                            const WarmStart& warm_start, core::RandomKey key, const core::CallControl& control) {
  return Fit(data, response, model, covariance, options, key, control).run(warm_start);
}

double log_likelihood_at(const WarmStart& start, const features::Dataset& data, Eigen::Index response,
                         const ModelSpec& model, const std::shared_ptr<const Covariance>& covariance) {
  const GaussianProcessOptions options{.robust = false};
  const core::CallControl control;
  return Fit(data, response, model, covariance, options, core::RandomKey(0), control).log_likelihood_at(start);
}

}  // namespace luban::surrogate::detail
