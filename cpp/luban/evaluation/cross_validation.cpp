#include <luban/evaluation/cross_validation.hpp>

#include <cmath>
#include <mutex>
#include <set>

#include <luban/core/error.hpp>
#include <luban/parallel/arena.hpp>

namespace luban::evaluation {

namespace {

using surrogate::VarianceOf;

[[noreturn]] void refuse(const std::string& expected, const std::string& received) {
  throw core::ConfigurationError(
      {.where = "evaluation.cross_validate", .expected = expected, .received = received, .place = {}, .hint = {}});
}

void require_contenders(const std::vector<Contender>& contenders) {
  if (contenders.empty()) refuse("at least one contender", "none");
  std::set<std::string> names;
  for (const Contender& contender : contenders) {
    if (!names.insert(contender.name).second)
      refuse("each contender under a name of its own", contender.name + " twice");
    if (!contender.make) refuse("a way to make each surrogate", "none for " + contender.name);
  }
}

/// (runs) the fold that tests each run, −1 = none.
std::vector<int> fold_of_runs(const features::Dataset& data, const std::vector<features::Fold>& folds) {
  if (folds.empty()) refuse("at least one fold", "none");
  std::vector<int> fold_of(data.run_count(), -1);
  for (std::size_t f = 0; f < folds.size(); ++f) {
    for (const std::int32_t run : folds[f].test) {
      int& fold = fold_of.at(static_cast<std::size_t>(run));
      if (fold >= 0) refuse("each run tested once", "run " + data.run_ids[static_cast<std::size_t>(run)] + " twice");
      fold = static_cast<int>(f);
    }
  }
  return fold_of;
}

OutOfFold empty_answer(const features::Dataset& data, const std::vector<int>& fold_of) {
  OutOfFold out;
  out.mean = Eigen::MatrixXd::Constant(data.n(), data.m(), process::no_number);
  for (Eigen::MatrixXd* matrix :
       {&out.sd_latent, &out.sd_run_mean, &out.sd_reading, &out.log_density, &out.training_mean}) {
    *matrix = out.mean;
  }
  out.lower.assign(score_levels.size(), out.mean);
  out.upper = out.lower;
  out.fold.resize(data.n());
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    out.fold(i) = fold_of[static_cast<std::size_t>(data.run[static_cast<std::size_t>(i)])];
  }
  return out;
}

std::vector<Eigen::Index> readings_of_fold(const OutOfFold& answer, int fold) {
  std::vector<Eigen::Index> rows;
  for (Eigen::Index i = 0; i < answer.fold.size(); ++i) {
    if (answer.fold(i) == fold) rows.push_back(i);
  }
  return rows;
}

/// Writes one fold's predictions into the rows it tests: folds own different rows, so threads never meet.
void predict(const features::Dataset& data, const surrogate::Surrogate& model, const std::vector<Eigen::Index>& rows,
             OutOfFold& out) {
  const auto posterior = model.posterior(data.X(rows, Eigen::all));
  out.mean(rows, Eigen::all) = posterior->mean();
  out.sd_latent(rows, Eigen::all) = posterior->variance(VarianceOf::latent).cwiseSqrt();
  out.sd_run_mean(rows, Eigen::all) = posterior->variance(VarianceOf::run_mean).cwiseSqrt();
  out.sd_reading(rows, Eigen::all) = posterior->variance(VarianceOf::reading).cwiseSqrt();
  out.log_density(rows, Eigen::all) = posterior->log_density(data.Y(rows, Eigen::all), VarianceOf::reading);
  for (std::size_t level = 0; level < score_levels.size(); ++level) {
    const double tail = 0.5 * (1.0 - score_levels[level]);
    out.lower[level](rows, Eigen::all) = posterior->quantile(tail, VarianceOf::reading);
    out.upper[level](rows, Eigen::all) = posterior->quantile(1.0 - tail, VarianceOf::reading);
  }
}

/// Means over the training readings of a fold that are present and of weight above 0.
void set_training_means(const features::Dataset& data, const features::Fold& fold,
                        const std::vector<Eigen::VectorXd>& weights, const std::vector<Eigen::Index>& rows,
                        OutOfFold& out) {
  std::vector<bool> in_training(data.run_count(), false);
  for (const std::int32_t run : fold.train) in_training.at(static_cast<std::size_t>(run)) = true;
  for (Eigen::Index r = 0; r < data.m(); ++r) {
    double sum = 0.0;
    double count = 0.0;
    for (Eigen::Index i = 0; i < data.n(); ++i) {
      const bool counts = weights.empty() || weights[static_cast<std::size_t>(r)](i) > 0.0;
      if (!counts || std::isnan(data.Y(i, r))) continue;
      if (!in_training[static_cast<std::size_t>(data.run[static_cast<std::size_t>(i)])]) continue;
      sum += data.Y(i, r);
      count += 1.0;
    }
    for (const Eigen::Index i : rows) out.training_mean(i, r) = sum / count;
  }
}

}  // namespace

Predictions OutOfFold::of_response(Eigen::Index response) const {
  Predictions out{.mean = mean.col(response),
                  .sd = sd_reading.col(response),
                  .log_density = log_density.col(response),
                  .lower = Eigen::MatrixXd(mean.rows(), static_cast<Eigen::Index>(lower.size())),
                  .upper = {},
                  .training_mean = training_mean.col(response)};
  out.upper = out.lower;
  for (std::size_t level = 0; level < lower.size(); ++level) {
    out.lower.col(static_cast<Eigen::Index>(level)) = lower[level].col(response);
    out.upper.col(static_cast<Eigen::Index>(level)) = upper[level].col(response);
  }
  return out;
}

core::RandomKey fit_key(core::RandomKey key, const std::string& contender, std::size_t fold) {
  return key.child(contender).child(static_cast<std::uint64_t>(fold));
}

std::vector<OutOfFold> cross_validate(const features::Dataset& data, const std::vector<Contender>& contenders,
                                      const std::vector<features::Fold>& folds, core::RandomKey key,
                                      const CrossValidationOptions& options, const core::CallControl& control) {
  require_contenders(contenders);
  const std::vector<int> fold_of = fold_of_runs(data, folds);
  std::vector<OutOfFold> out(contenders.size(), empty_answer(data, fold_of));
  std::mutex reporting;
  std::int64_t done = 0;
  const std::size_t tasks = contenders.size() * folds.size();
  // Inside a fit only the request to stop counts; progress is counted in fits.
  const core::CallControl quiet{.stop = control.stop, .progress = {}};
  parallel::for_each_index(
      tasks,
      [&](std::size_t task) {
        const std::size_t c = task % contenders.size();
        const std::size_t f = task / contenders.size();
        const std::vector<Eigen::Index> rows = readings_of_fold(out[c], static_cast<int>(f));
        const auto model = contenders[c].make(data.subset(folds[f].train), fit_key(key, contenders[c].name, f), quiet);
        predict(data, *model, rows, out[c]);
        set_training_means(data, folds[f], options.weights, rows, out[c]);
        const std::lock_guard lock(reporting);
        control.report({.phase = "cross-validate", .done = ++done, .total = static_cast<std::int64_t>(tasks)});
      },
      options.threads, control);
  return out;
}

}  // namespace luban::evaluation
