#include <luban/evaluation/evaluate.hpp>

#include <algorithm>
#include <cmath>

#include <luban/core/error.hpp>
#include <luban/evaluation/detail/context_mean.hpp>
#include <luban/features/reduction.hpp>
#include <luban/features/splits.hpp>
#include <luban/surrogate/linear_model.hpp>

namespace luban::evaluation {

namespace {

void require_options(const EvaluationOptions& options) {
  if (options.folds >= 2 && options.repeats >= 1) return;
  throw core::ConfigurationError(
      {.where = "evaluation.evaluate",
       .expected = "at least 2 folds and 1 repeat",
       .received = std::to_string(options.folds) + " folds and " + std::to_string(options.repeats) + " repeats",
       .place = {},
       .hint = {}});
}

/// Applies `combine` to one metric of many scores at a time; NaN entries are left out.
template <typename Combine>
Scores across(const std::vector<Scores>& scores, const Combine& combine) {
  Scores out;
  std::vector<double> values;
  for (const Metric& metric : metrics()) {
    values.clear();
    for (const Scores& one : scores) {
      if (!std::isnan(one.*metric.value)) values.push_back(one.*metric.value);
    }
    out.*metric.value = combine(values);
  }
  return out;
}

double mean_of(const std::vector<double>& values) {
  if (values.empty()) return process::no_number;
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double sd_of(const std::vector<double>& values) {
  if (values.size() < 2) return process::no_number;
  const double mean = mean_of(values);
  double squares = 0.0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / (static_cast<double>(values.size()) - 1.0));
}

/// Scores of one contender and response over all repeats, on the readings that `weights` lets count.
ScoreSummary summarise(const features::Dataset& data, const std::vector<OutOfFold>& repeats, Eigen::Index response,
                       const Eigen::VectorXd& weights) {
  ScoreSummary out;
  std::vector<Scores> pooled;
  int folds = 1;
  for (const OutOfFold& repeat : repeats) {
    const Predictions predictions = repeat.of_response(response);
    pooled.push_back(score(data.Y.col(response), predictions, weights));
    folds = repeat.fold.maxCoeff() + 1;
    for (int f = 0; f < folds; ++f) {
      const Eigen::VectorXd in_fold = (repeat.fold.array() == f).select(weights, 0.0);
      out.folds.push_back(score(data.Y.col(response), predictions, in_fold));
    }
  }
  out.mean = across(out.folds, mean_of);
  out.standard_error =
      across(out.folds, [&](const std::vector<double>& v) { return sd_of(v) / std::sqrt(static_cast<double>(folds)); });
  out.pooled = across(pooled, mean_of);
  out.repeat_sd = across(pooled, sd_of);
  return out;
}

ResponseEvaluation evaluate_response(const features::Dataset& data, const std::vector<OutOfFold>& repeats,
                                     Eigen::Index response, const Eigen::VectorXd& weights) {
  ResponseEvaluation out;
  out.all = summarise(data, repeats, response, Eigen::VectorXd::Ones(data.n()));
  out.without_gross = summarise(data, repeats, response, weights);
  const Residuals readings = standardised_residuals(data, repeats.front(), response, weights, Target::reading);
  const Residuals means = standardised_residuals(data, repeats.front(), response, weights, Target::run_mean);
  out.reading = calibrate(readings);
  out.run_mean = calibrate(means);
  out.calibrated_coverage = left_out_coverage(readings, {score_levels.begin(), score_levels.end()});
  return out;
}

/// Mean square of the readings around what a predictor without inputs would say.
double total_variance(const features::Dataset& data, const OutOfFold& answer, Eigen::Index response,
                      const Eigen::VectorXd& weights) {
  double squares = 0.0;
  double count = 0.0;
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    const double away = data.Y(i, response) - answer.training_mean(i, response);
    if (weights(i) <= 0.0 || std::isnan(away)) continue;
    squares += away * away;
    count += 1.0;
  }
  return count > 0.0 ? squares / count : process::no_number;
}

std::vector<features::Fold> folds_of(const features::Dataset& data, const EvaluationOptions& options,
                                     core::RandomKey key, int repeat) {
  if (options.split == Split::time_blocks) return features::time_block_folds(data, options.folds);
  return features::group_folds(data, options.folds, key.child("folds").child(static_cast<std::uint64_t>(repeat)));
}

core::RandomKey key_of_fits(core::RandomKey key, int repeat) {
  return key.child("fits").child(static_cast<std::uint64_t>(repeat));
}

}  // namespace

std::vector<FoldFit> fold_fits(const features::Dataset& data, const std::string& contender, core::RandomKey key,
                               const EvaluationOptions& options) {
  require_options(options);
  std::vector<FoldFit> out;
  for (int repeat = 0; repeat < options.repeats; ++repeat) {
    std::vector<features::Fold> folds = folds_of(data, options, key, repeat);
    for (std::size_t f = 0; f < folds.size(); ++f) {
      out.push_back({.repeat = repeat,
                     .fold = static_cast<int>(f),
                     .train = std::move(folds[f].train),
                     .key = fit_key(key_of_fits(key, repeat), contender, f)});
    }
  }
  return out;
}

Evaluation Evaluation::led_by(const std::string& contender) const {
  Evaluation out = *this;
  const auto found = std::find_if(out.contenders.begin(), out.contenders.end(),
                                  [&](const ContenderEvaluation& entry) { return entry.name == contender; });
  if (found == out.contenders.end()) {
    throw core::ConfigurationError({.where = "evaluation.led_by",
                                    .expected = "a contender of the evaluation",
                                    .received = contender,
                                    .place = {},
                                    .hint = {}});
  }
  std::rotate(out.contenders.begin(), found, std::next(found));
  return out;
}

std::vector<Contender> baselines(const features::Encoder& encoder) {
  std::vector<Contender> out{
      {.name = "trivial", .make = [](const features::Dataset& data, core::RandomKey, const core::CallControl&) {
         return surrogate::fit_trivial(data);
       }}};
  if (detail::has_categories(encoder)) {
    out.push_back(
        {.name = "context_mean", .make = [](const features::Dataset& data, core::RandomKey, const core::CallControl&) {
           return detail::fit_context_mean(data);
         }});
  }
  out.push_back(
      {.name = "linear", .make = [](const features::Dataset& data, core::RandomKey, const core::CallControl&) {
         return surrogate::fit_ridge(data);
       }});
  return out;
}

Evaluation evaluate(const features::Dataset& data, std::vector<Contender> contenders, core::RandomKey key,
                    const EvaluationOptions& options, const core::CallControl& control) {
  require_options(options);
  if (options.baselines) {
    for (Contender& baseline : baselines(data.encoder)) contenders.push_back(std::move(baseline));
  }
  Evaluation out;
  out.folds = options.folds;
  out.repeats = options.repeats;
  out.split = options.split;
  out.seed = key.value();
  for (Eigen::Index r = 0; r < data.m(); ++r) out.weights.push_back(features::robust_weights(data, r, options.robust));

  std::vector<std::vector<OutOfFold>> answers(contenders.size());
  for (int repeat = 0; repeat < options.repeats; ++repeat) {
    const auto folds = folds_of(data, options, key, repeat);
    auto of_repeat = cross_validate(data, contenders, folds, key_of_fits(key, repeat),
                                    {.threads = options.threads, .weights = out.weights}, control);
    for (std::size_t c = 0; c < contenders.size(); ++c) answers[c].push_back(std::move(of_repeat[c]));
  }
  for (Eigen::Index r = 0; r < data.m(); ++r) {
    const Eigen::VectorXd& weights = out.weights[static_cast<std::size_t>(r)];
    const features::NoiseEstimate noise = features::estimate_noise(features::reduce(data, r, weights));
    out.ceilings.push_back(noise_ceiling(noise, total_variance(data, answers.front().front(), r, weights)));
  }
  for (std::size_t c = 0; c < contenders.size(); ++c) {
    ContenderEvaluation contender{.name = contenders[c].name, .responses = {}, .out_of_fold = {}};
    for (Eigen::Index r = 0; r < data.m(); ++r) {
      const auto at = static_cast<std::size_t>(r);
      ResponseEvaluation response = evaluate_response(data, answers[c], r, out.weights[at]);
      response.beats_noise =
          beats_noise(out.ceilings[at], response.without_gross.pooled.rmse, response.without_gross.standard_error.rmse);
      contender.responses.push_back(std::move(response));
    }
    contender.out_of_fold = std::move(answers[c].front());
    out.contenders.push_back(std::move(contender));
  }
  return out;
}

}  // namespace luban::evaluation
