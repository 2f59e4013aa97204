#include <luban/surrogate/transform_choice.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/features/robust_weights.hpp>
#include <luban/features/splits.hpp>
#include <luban/surrogate/detail/transformed_data.hpp>
#include <luban/surrogate/transformed_surrogate.hpp>

namespace luban::surrogate {

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t fewest_groups = 3;
constexpr double most_lead = 2.0;  // nats that one reading may lend

[[noreturn]] void refuse(const std::string& expected, const std::string& received, const char* option) {
  throw core::ConfigurationError({.where = "surrogate.choose_response_transforms",
                                  .expected = expected,
                                  .received = received,
                                  .place = std::string("option ") + option,
                                  .hint = {}});
}

void require_options(const TransformChoiceOptions& options) {
  if (options.folds < 2) refuse("at least 2", std::to_string(options.folds), "folds");
  if (!(options.standard_errors >= 0.0)) {
    refuse("at least 0", core::number_text(options.standard_errors), "standard_errors");
  }
  for (const std::string& name : options.candidates) {
    require_response_transform(name);
    if (name.find("winsorise") != std::string::npos) {
      refuse("candidates that do not clip what is learned", core::quoted(name), "candidates");
    }
  }
}

/// One candidate for all responses; those that it cannot take keep their values, and the reason stands beside.
struct Candidate {
  TransformedSurrogate::Transforms transforms;
  std::vector<std::string> refused;
};

Candidate fit_candidate(const std::string& name, const features::Dataset& data) {
  Candidate out;
  for (Eigen::Index r = 0; r < data.m(); ++r) {
    const std::string& response = data.responses[static_cast<std::size_t>(r)].name;
    const Eigen::VectorXd values = detail::honest_values(data, r, true);
    out.refused.emplace_back();
    try {
      out.transforms.push_back(fit_response_transform(name, values, {}, response));
    } catch (const core::DataError& error) {
      out.refused.back() = error.what();
      out.transforms.push_back(fit_response_transform("none", values, {}, response));
    }
  }
  return out;
}

/// (n, m) log density of every reading that a fold tests, by a surrogate of the other folds.
struct Judged {
  Eigen::MatrixXd log_density;
  std::vector<std::string> refused;  ///< (m)
};

Judged judge(const std::string& name, const features::Dataset& data, const std::vector<features::Fold>& folds,
             const SurrogateFactory& make, core::RandomKey key, const core::CallControl& control) {
  Judged out{.log_density = Eigen::MatrixXd::Constant(data.n(), data.m(), missing),
             .refused = std::vector<std::string>(static_cast<std::size_t>(data.m()))};
  for (std::size_t f = 0; f < folds.size(); ++f) {
    const features::Dataset train = data.subset(folds[f].train);
    Candidate candidate = fit_candidate(name, train);
    features::Dataset transformed = train;
    for (Eigen::Index r = 0; r < data.m(); ++r) {
      const auto at = static_cast<std::size_t>(r);
      if (out.refused[at].empty()) out.refused[at] = candidate.refused[at];
      detail::transform_response(*candidate.transforms[at], r, transformed);
    }
    const TransformedSurrogate model(make(transformed, key.child(static_cast<std::uint64_t>(f)), control),
                                     std::move(candidate.transforms), data.responses);
    std::vector<bool> tested(data.run_count(), false);
    for (const std::int32_t run : folds[f].test) tested[static_cast<std::size_t>(run)] = true;
    std::vector<Eigen::Index> rows;
    for (Eigen::Index i = 0; i < data.n(); ++i) {
      if (tested[static_cast<std::size_t>(data.run[static_cast<std::size_t>(i)])]) rows.push_back(i);
    }
    const auto posterior = model.posterior(data.X(rows, Eigen::all));
    out.log_density(rows, Eigen::all) = posterior->log_density(data.Y(rows, Eigen::all), VarianceOf::reading);
  }
  return out;
}

/// Mean of the values that are there, and its standard error: each group left out in turn.
struct Estimate {
  double mean = missing;
  double standard_error = missing;
};

Estimate estimate(const Eigen::VectorXd& values, const features::Dataset& data) {
  std::vector<double> sum(data.group_count(), 0.0);
  std::vector<double> count(data.group_count(), 0.0);
  double total = 0.0;
  double readings = 0.0;
  for (Eigen::Index i = 0; i < values.size(); ++i) {
    if (std::isnan(values(i))) continue;
    const auto run = static_cast<std::size_t>(data.run[static_cast<std::size_t>(i)]);
    const auto group = static_cast<std::size_t>(data.group[run]);
    sum[group] += values(i);
    count[group] += 1.0;
    total += values(i);
    readings += 1.0;
  }
  Estimate out;
  if (readings == 0.0) return out;
  out.mean = total / readings;
  double square = 0.0;
  double groups = 0.0;
  for (std::size_t g = 0; g < sum.size(); ++g) {
    if (count[g] == 0.0 || count[g] == readings) continue;
    const double without = (total - sum[g]) / (readings - count[g]);
    square += (without - out.mean) * (without - out.mean);
    groups += 1.0;
  }
  if (groups >= 2.0) out.standard_error = std::sqrt((groups - 1.0) / groups * square);
  return out;
}

Eigen::VectorXd bounded_of(Eigen::VectorXd leads) {
  for (double& lead : leads) {
    if (!std::isnan(lead)) lead = std::clamp(lead, -most_lead, most_lead);
  }
  return leads;
}

TransformChoice chosen_of(const features::Dataset& data, Eigen::Index r, const std::vector<std::string>& names,
                          const std::vector<Judged>& judged, const TransformChoiceOptions& options) {
  TransformChoice choice{.chosen = "none", .trials = {}};
  const Eigen::VectorXd weights = features::robust_weights(data, r);
  const auto honest = [&](Eigen::VectorXd values) {
    for (Eigen::Index i = 0; i < values.size(); ++i) values(i) = weights(i) > 0.0 ? values(i) : missing;
    return values;
  };
  const Eigen::VectorXd plain = honest(judged.front().log_density.col(r));
  double best = 0.0;
  for (std::size_t c = 0; c < names.size(); ++c) {
    TransformTrial trial{.name = names[c], .refused = judged[c].refused[static_cast<std::size_t>(r)]};
    if (!trial.refused.empty()) {
      trial.log_density = trial.lead = trial.bounded_lead = trial.standard_error = missing;
    } else {
      const Eigen::VectorXd values = honest(judged[c].log_density.col(r));
      const Eigen::VectorXd leads = values - plain;
      const Estimate bounded = estimate(bounded_of(leads), data);
      trial.log_density = estimate(values, data).mean;
      trial.lead = estimate(leads, data).mean;
      trial.bounded_lead = bounded.mean;
      trial.standard_error = bounded.standard_error;
    }
    const bool clear = c > 0 && trial.lead > 0.0 && trial.bounded_lead > options.standard_errors * trial.standard_error;
    if (clear && trial.bounded_lead > best) {
      best = trial.bounded_lead;
      choice.chosen = trial.name;
    }
    choice.trials.push_back(std::move(trial));
  }
  return choice;
}

}  // namespace

std::vector<TransformChoice> choose_response_transforms(const features::Dataset& data, const SurrogateFactory& make,
                                                        core::RandomKey key, const TransformChoiceOptions& options,
                                                        const core::CallControl& control) {
  require_options(options);
  std::vector<TransformChoice> out(static_cast<std::size_t>(data.m()), TransformChoice{.chosen = "none", .trials = {}});
  if (data.group_count() < fewest_groups) return out;
  const int most = static_cast<int>(data.group_count());
  const std::vector<features::Fold> folds = features::group_folds(data, std::min(options.folds, most), key);
  std::vector<std::string> names{"none"};
  for (const std::string& name : options.candidates) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  const core::CallControl quiet{.stop = control.stop, .progress = {}};  // the progress of many fits means nothing
  std::vector<Judged> judged;
  for (const std::string& name : names) judged.push_back(judge(name, data, folds, make, key, quiet));
  for (Eigen::Index r = 0; r < data.m(); ++r) {
    out[static_cast<std::size_t>(r)] = chosen_of(data, r, names, judged, options);
  }
  return out;
}

}  // namespace luban::surrogate
