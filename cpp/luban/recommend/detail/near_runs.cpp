#include <luban/recommend/detail/near_runs.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include <luban/core/normal.hpp>
#include <luban/core/text.hpp>
#include <luban/features/robust_weights.hpp>
#include <luban/recommend/detail/words.hpp>

namespace luban::recommend::detail {
namespace {

using features::Role;

constexpr std::size_t most_near_runs = 3;
constexpr double near_context = 0.01;  ///< of the context's range: no difference to what is measured
constexpr std::size_t most_named_levels = 4;

/// A run with its distance from the settings asked about.
struct Found {
  bool elsewhere = true;       ///< in other categories of context
  double settings = 0.0;       ///< over the parameters, in search ranges
  double circumstances = 0.0;  ///< over the numeric context, in its ranges
  double distance = 0.0;       ///< over both
  Eigen::Index row = -1;       ///< of its first reading
};

Found compare(const features::Dataset& data, const features::Encoder& encoder, Eigen::Index row,
              const Eigen::VectorXd& x) {
  Found run{false, 0.0, 0.0, 0.0, row};
  for (Eigen::Index column = 0; column < encoder.p(); ++column) {
    const features::EncodedVariable& variable = encoder.variables()[column];
    const double difference = data.X(row, data.encoder.find(variable.name)) - x(column);
    const bool apart = std::abs(difference) > 1e-9;
    if (variable.role != Role::context) {
      run.settings += variable.is_numeric() ? difference * difference : apart ? 1.0 : 0.0;
    } else if (variable.is_numeric()) {
      run.circumstances += difference * difference;
    } else {
      run.elsewhere = run.elsewhere || apart;
    }
  }
  run.distance = std::sqrt(run.settings + run.circumstances);
  run.settings = std::sqrt(run.settings);
  run.circumstances = std::sqrt(run.circumstances);
  return run;
}

/// Weighted mean of a run's readings at one level of the noise variables.
struct LevelMean {
  double weight = 0.0;
  double sum = 0.0;
  [[nodiscard]] double mean() const { return sum / weight; }
};

/// By the coded values of the noise variables.
using LevelMeans = std::map<std::vector<double>, LevelMean>;

/// What a run measured, and the noise levels it rests on where these are not all.
struct Measured {
  double value = process::no_number;
  std::string over;
};

std::string level_text(const features::Encoder& encoder, const std::vector<double>& level) {
  std::string text;
  const std::vector<Eigen::Index> columns = encoder.columns_of(Role::noise);
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const features::EncodedVariable& variable = encoder.variables()[columns[k]];
    text += (k > 0 ? ", " : "") + variable.name + " " +
            value_text(encoder.decode_value(columns[k], level[k]), variable.unit);
  }
  return text;
}

Measured average(const features::Encoder& encoder, const surrogate::NoiseLevels& wanted, const LevelMeans& levels) {
  double share = 0.0;
  double sum = 0.0;
  bool all = true;
  std::vector<std::string> texts;
  for (Eigen::Index l = 0; l < wanted.weights.size(); ++l) {
    const Eigen::VectorXd row = wanted.levels.row(l).transpose();
    const auto found = levels.find({row.begin(), row.end()});
    all = all && found != levels.end();
    if (found == levels.end()) continue;
    share += wanted.weights(l);
    sum += wanted.weights(l) * found->second.mean();
    texts.push_back(level_text(encoder, found->first));
  }
  if (all) return {sum / share, {}};
  std::vector<std::string> names;
  bool any_numeric = false;
  for (const Eigen::Index column : encoder.columns_of(Role::noise)) {
    names.push_back(encoder.variables()[column].name);
    any_numeric = any_numeric || encoder.variables()[column].is_numeric();
  }
  if (share > 0.0 && !any_numeric) {
    return {sum / share, texts.size() <= most_named_levels
                             ? core::listed(texts)
                             : std::to_string(texts.size()) + " of " + std::to_string(wanted.weights.size()) +
                                   " levels of " + core::listed(names)};
  }
  // Numbers hardly repeat, and other levels have no frequency here: the run's own, each counting once.
  sum = 0.0;
  for (const auto& [level, mean] : levels) sum += mean.mean();
  return {sum / static_cast<double>(levels.size()), "its own levels of " + core::listed(names)};
}

/// What some runs measured, in the order of `wanted`.
struct Readings {
  std::vector<Measured> of_run;
  std::vector<int> good;  ///< readings of each that count
};

Readings read_runs(const Situation& situation, const Utility& utility, const Eigen::VectorXd& weights,
                   const std::vector<std::size_t>& wanted) {
  Readings result{std::vector<Measured>(wanted.size()), std::vector<int>(wanted.size(), 0)};
  if (weights.size() == 0 || wanted.empty()) return result;
  const features::Dataset& data = *situation.basis.data;
  const Eigen::Index response = data.response_index(situation.response(utility).name);
  const std::vector<Eigen::Index> noise = data.encoder.columns_of(Role::noise);
  std::vector<std::ptrdiff_t> place(data.run_count(), -1);
  for (std::size_t i = 0; i < wanted.size(); ++i) place[wanted[i]] = static_cast<std::ptrdiff_t>(i);
  std::vector<LevelMeans> levels(wanted.size());
  for (Eigen::Index row = 0; row < data.n(); ++row) {
    const std::ptrdiff_t at = place[static_cast<std::size_t>(data.run[row])];
    if (at < 0 || !(weights(row) > 0.0)) continue;
    std::vector<double> level;
    for (const Eigen::Index column : noise) level.push_back(data.X(row, column));
    LevelMean& mean = levels[static_cast<std::size_t>(at)][level];
    mean.weight += weights(row);
    mean.sum += weights(row) * data.Y(row, response);
    ++result.good[static_cast<std::size_t>(at)];
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (levels[i].empty()) continue;
    if (situation.levels) {
      result.of_run[i] = average(data.encoder, *situation.levels, levels[i]);
      continue;
    }
    LevelMean whole;  // the model knows no noise variables; the history may
    for (const auto& [level, mean] : levels[i]) whole = {whole.weight + mean.weight, whole.sum + mean.sum};
    result.of_run[i].value = whole.mean();
  }
  return result;
}

/// Runs with their first row, by the situation's columns.
std::vector<Found> compare_all(const Situation& situation, const Eigen::VectorXd& x) {
  const features::Dataset& data = *situation.basis.data;
  std::vector<Found> runs(data.run_count());
  for (Eigen::Index row = 0; row < data.n(); ++row) {
    Found& run = runs[data.run[row]];
    if (run.row < 0) run = compare(data, situation.region.encoder(), row, x);
  }
  return runs;
}

/// The same parameters and context.
bool same_inputs(const features::Dataset& data, const features::Encoder& encoder, Eigen::Index a, Eigen::Index b) {
  const std::vector<features::EncodedVariable>& variables = encoder.variables();
  return std::all_of(variables.begin(), variables.end(), [&](const features::EncodedVariable& variable) {
    const Eigen::Index column = data.encoder.find(variable.name);
    return std::abs(data.X(a, column) - data.X(b, column)) <= 1e-9;
  });
}

/// The first few distinct settings, nearest first, each with its runs.
std::vector<std::vector<std::size_t>> nearest_settings(const Situation& situation, const std::vector<Found>& runs) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].row >= 0) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(runs[a].elsewhere, runs[a].distance) < std::pair(runs[b].elsewhere, runs[b].distance);
  });
  const features::Dataset& data = *situation.basis.data;
  std::vector<std::vector<std::size_t>> settings;
  for (const std::size_t i : order) {
    const auto same = std::find_if(settings.begin(), settings.end(), [&](const std::vector<std::size_t>& one) {
      return same_inputs(data, situation.region.encoder(), runs[one.front()].row, runs[i].row);
    });
    if (same != settings.end()) {
      same->push_back(i);
    } else if (settings.size() < most_near_runs) {
      settings.push_back({i});
    }
  }
  return settings;
}

/// Mean over the runs that measured anything, with the levels of the first that lacks some.
Measured mean_of(const std::vector<Measured>& runs) {
  Measured mean;
  int count = 0;
  for (const Measured& run : runs) {
    if (!std::isfinite(run.value)) continue;
    mean.value = count == 0 ? run.value : mean.value + run.value;
    ++count;
    if (mean.over.empty()) mean.over = run.over;
  }
  if (count > 1) mean.value /= count;
  return mean;
}

}  // namespace

Eigen::VectorXd reading_weights(const Situation& situation, const Utility& utility) {
  if (situation.basis.data == nullptr || situation.exact(utility)) return {};
  const features::Dataset& data = *situation.basis.data;
  return features::robust_weights(data, data.response_index(situation.response(utility).name));
}

std::vector<NearRun> find_near_runs(const Situation& situation, const Eigen::VectorXd& x, const Utility& utility,
                                    const Eigen::VectorXd& weights) {
  if (situation.basis.data == nullptr) return {};
  const features::Dataset& data = *situation.basis.data;
  const features::Encoder& encoder = situation.region.encoder();
  const std::vector<Found> runs = compare_all(situation, x);
  std::vector<NearRun> nearest;
  for (const std::vector<std::size_t>& same : nearest_settings(situation, runs)) {
    const Found& first = runs[same.front()];
    std::vector<process::NamedValue> values;
    for (const Eigen::Index column : encoder.columns_of(Role::parameter)) {
      const features::EncodedVariable& variable = encoder.variables()[column];
      const Eigen::Index source = data.encoder.find(variable.name);
      values.push_back({variable.name, plain_value(data.encoder, source, data.X(first.row, source)), variable.unit});
    }
    Measured measured = mean_of(read_runs(situation, utility, weights, same).of_run);
    nearest.push_back({data.run_ids[same.front()], static_cast<int>(same.size()), first.distance,
                       process::Recipe(std::move(values)), measured.value, std::move(measured.over)});
  }
  return nearest;
}

MeasuredReference measured_at(const Situation& situation, const Eigen::VectorXd& x, const Utility& utility,
                              const Eigen::VectorXd& weights, double level) {
  MeasuredReference result;
  if (situation.basis.data == nullptr || weights.size() == 0) return result;
  const std::vector<Found> runs = compare_all(situation, x);
  std::vector<std::size_t> here;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].row >= 0 && !runs[i].elsewhere && runs[i].settings < 1e-6 && runs[i].circumstances <= near_context) {
      here.push_back(i);
    }
  }
  const Readings readings = read_runs(situation, utility, weights, here);
  double sum = 0.0;
  double squares = 0.0;
  int good = 0;
  for (std::size_t i = 0; i < here.size(); ++i) {
    if (!std::isfinite(readings.of_run[i].value)) continue;
    ++result.runs;
    sum += readings.of_run[i].value;
    good += readings.good[i];
  }
  if (result.runs == 0) return result;
  result.mean = sum / result.runs;
  for (const Measured& run : readings.of_run) {
    if (std::isfinite(run.value)) squares += (run.value - result.mean) * (run.value - result.mean);
  }
  if (result.runs > 1) result.standard_error = std::sqrt(squares / (result.runs - 1.0) / result.runs);
  using surrogate::VarianceOf;
  const auto posterior = situation.surrogate->posterior(x.transpose());
  const auto variance = [&](VarianceOf of) { return posterior->variance(of)(0, utility.response); };
  const double latent = variance(VarianceOf::latent);
  const double run = variance(VarianceOf::run_mean);
  const double spread = std::sqrt(latent + std::max(0.0, run - latent) / result.runs +
                                  std::max(0.0, variance(VarianceOf::reading) - run) / good);
  const auto calibrated = situation.basis.interval_ratios.find(situation.response(utility).name);
  const double ratio = calibrated == situation.basis.interval_ratios.end() ? 1.0 : calibrated->second;
  const double half = ratio * core::normal_quantile(0.5 * (1.0 + level)) * spread;
  result.expected = posterior->mean()(0, utility.response);
  result.lower = result.expected - half;
  result.upper = result.expected + half;
  result.contradicts = result.mean < result.lower || result.mean > result.upper;
  return result;
}

}  // namespace luban::recommend::detail
