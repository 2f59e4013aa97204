#include <luban/recommend/detail/near_runs.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include <luban/core/text.hpp>
#include <luban/features/robust_weights.hpp>
#include <luban/recommend/detail/words.hpp>

namespace luban::recommend::detail {
namespace {

using features::Role;

constexpr std::size_t most_near_runs = 3;
constexpr std::size_t most_named_levels = 4;

/// A run with its distance from the settings asked about.
struct Found {
  bool elsewhere = true;  ///< in another context
  double distance = 0.0;
  Eigen::Index row = -1;  ///< of its first reading
};

Found compare(const features::Dataset& data, const features::Encoder& encoder, Eigen::Index row,
              const Eigen::VectorXd& x) {
  Found run{false, 0.0, row};
  for (Eigen::Index column = 0; column < encoder.p(); ++column) {
    const features::EncodedVariable& variable = encoder.variables()[column];
    const double difference = data.X(row, data.encoder.find(variable.name)) - x(column);
    const bool apart = std::abs(difference) > 1e-9;
    if (variable.role == Role::context) {
      run.elsewhere = run.elsewhere || apart;
    } else {
      run.distance += variable.is_numeric() ? difference * difference : apart ? 1.0 : 0.0;
    }
  }
  run.distance = std::sqrt(run.distance);
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

Measured measured_of(const Situation& situation, const Utility& utility, const Eigen::VectorXd& weights,
                     std::size_t run) {
  if (weights.size() == 0) return {};
  const features::Dataset& data = *situation.basis.data;
  const Eigen::Index response = data.response_index(situation.response(utility).name);
  const std::vector<Eigen::Index> noise = data.encoder.columns_of(Role::noise);
  LevelMeans levels;
  for (Eigen::Index row = 0; row < data.n(); ++row) {
    if (static_cast<std::size_t>(data.run[row]) != run || !(weights(row) > 0.0)) continue;
    std::vector<double> level;
    for (const Eigen::Index column : noise) level.push_back(data.X(row, column));
    LevelMean& mean = levels[level];
    mean.weight += weights(row);
    mean.sum += weights(row) * data.Y(row, response);
  }
  if (levels.empty()) return {};
  if (!situation.levels) {  // the model knows no noise variables; the history may
    LevelMean whole;
    for (const auto& [level, mean] : levels) whole = {whole.weight + mean.weight, whole.sum + mean.sum};
    return {whole.mean(), {}};
  }
  return average(data.encoder, *situation.levels, levels);
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
  std::vector<Found> runs(data.run_count());
  for (Eigen::Index row = 0; row < data.n(); ++row) {
    Found& run = runs[data.run[row]];
    if (run.row < 0) run = compare(data, encoder, row, x);
  }
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].row >= 0) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(runs[a].elsewhere, runs[a].distance) < std::pair(runs[b].elsewhere, runs[b].distance);
  });
  order.resize(std::min(order.size(), most_near_runs));
  std::vector<NearRun> nearest;
  for (const std::size_t i : order) {
    std::vector<process::NamedValue> values;
    for (const Eigen::Index column : encoder.columns_of(Role::parameter)) {
      const features::EncodedVariable& variable = encoder.variables()[column];
      const Eigen::Index source = data.encoder.find(variable.name);
      values.push_back({variable.name, data.encoder.decode_value(source, data.X(runs[i].row, source)), variable.unit});
    }
    Measured measured = measured_of(situation, utility, weights, i);
    nearest.push_back({data.run_ids[i], runs[i].distance, process::Recipe(std::move(values)), measured.value,
                       std::move(measured.over)});
  }
  return nearest;
}

}  // namespace luban::recommend::detail
