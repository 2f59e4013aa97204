#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/surrogate/noise_average.hpp>

namespace luban::surrogate {

namespace {

constexpr int most_rows = 16;  // that stand for continuous noise variables

/// A joint level with how much of all runs had it.
using Level = std::pair<std::vector<double>, double>;

std::vector<bool> runs_in_context(const features::Dataset& data, const Eigen::VectorXd& context) {
  const std::vector<Eigen::Index> columns = data.encoder.columns_of(features::Role::context);
  if (context.size() != static_cast<Eigen::Index>(columns.size())) {
    throw core::DataError({.where = "surrogate.observed_noise_levels",
                           .expected = std::to_string(columns.size()) + " coded context values (NaN = any)",
                           .received = std::to_string(context.size()),
                           .place = {},
                           .hint = {}});
  }
  std::vector<bool> out(data.run_count(), true);
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const double wanted = context(static_cast<Eigen::Index>(k));
      if (!std::isnan(wanted) && data.X(i, columns[k]) != wanted)
        out[static_cast<std::size_t>(data.run[static_cast<std::size_t>(i)])] = false;
    }
  }
  return out;
}

// Distinct joint levels, ascending, each run counting once whatever its number of readings.
std::vector<Level> frequencies(const features::Dataset& data, const std::vector<bool>& use) {
  const std::vector<Eigen::Index> columns = data.encoder.columns_of(features::Role::noise);
  std::vector<double> readings(data.run_count(), 0.0);
  for (const std::int32_t run : data.run) readings[static_cast<std::size_t>(run)] += 1.0;
  const auto runs = static_cast<double>(std::count(use.begin(), use.end(), true));
  std::map<std::vector<double>, double> counted;
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    const auto run = static_cast<std::size_t>(data.run[static_cast<std::size_t>(i)]);
    if (!use[run]) continue;
    std::vector<double> level;
    for (const Eigen::Index column : columns) level.push_back(data.X(i, column));
    counted[level] += 1.0 / (readings[run] * runs);
  }
  return {counted.begin(), counted.end()};
}

// Rows at the middles of `most_rows` equal shares of the weight, in the levels' order, equally weighted: the quantiles
// of one variable, whole observed rows of several.
std::vector<Level> representatives(const std::vector<Level>& levels) {
  std::vector<Level> out;
  double before = 0.0;
  std::size_t at = 0;
  for (int k = 0; k < most_rows; ++k) {
    const double middle = (k + 0.5) / most_rows;
    while (at + 1 < levels.size() && before + levels[at].second < middle) before += levels[at++].second;
    out.emplace_back(levels[at].first, 1.0 / most_rows);
  }
  return out;
}

bool any_continuous(const features::Encoder& encoder) {
  return std::any_of(encoder.variables().begin(), encoder.variables().end(), [](const auto& variable) {
    return variable.role == features::Role::noise && variable.is_numeric();
  });
}

}  // namespace

NoiseLevels observed_noise_levels(const features::Dataset& data, const Eigen::VectorXd& context, int min_runs) {
  std::vector<bool> use = runs_in_context(data, context);
  if (std::count(use.begin(), use.end(), true) < std::max(min_runs, 1)) use.assign(use.size(), true);
  std::vector<Level> levels = frequencies(data, use);
  if (any_continuous(data.encoder) && levels.size() > static_cast<std::size_t>(most_rows)) {
    levels = representatives(levels);
  }
  const auto columns = static_cast<Eigen::Index>(data.encoder.columns_of(features::Role::noise).size());
  NoiseLevels out;
  out.levels.resize(static_cast<Eigen::Index>(levels.size()), columns);
  out.weights.resize(out.levels.rows());
  for (Eigen::Index l = 0; l < out.levels.rows(); ++l) {
    const Level& level = levels[static_cast<std::size_t>(l)];
    out.levels.row(l) = Eigen::Map<const Eigen::RowVectorXd>(level.first.data(), columns);
    out.weights(l) = level.second;
  }
  out.weights /= out.weights.sum();
  return out;
}

}  // namespace luban::surrogate
