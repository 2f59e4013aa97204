#include <luban/features/envelope.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include <Eigen/Cholesky>

#include <luban/core/error.hpp>

namespace luban::features {

namespace {

constexpr std::array<double, 8> levels{0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999};

/// Sums over runs from which mean and covariance follow; a group is left out by subtraction.
struct Sums {
  double runs = 0.0;
  Eigen::VectorXd first;
  Eigen::MatrixXd second;
  explicit Sums(Eigen::Index k) : first(Eigen::VectorXd::Zero(k)), second(Eigen::MatrixXd::Zero(k, k)) {}
  void add(const Eigen::VectorXd& z, double sign) {
    runs += sign;
    first += sign * z;
    second += sign * z * z.transpose();
  }
};

/// Where the runs lie, in the encoder's coded units.
struct Region {
  Eigen::VectorXd mean;
  Eigen::VectorXd scale;
  Eigen::MatrixXd inverse;  ///< of the regularised correlation
  [[nodiscard]] double distance(const Eigen::VectorXd& z) const {
    const Eigen::VectorXd away = ((z - mean).array() / scale.array()).matrix();
    return std::sqrt(std::max(0.0, away.dot(inverse * away)));
  }
};

/// The correlation is shrunk towards independence as by k runs of prior evidence: few runs cannot claim that two
/// settings always move together, many can. A column that never varied keeps the coded unit as its scale.
Region region_of(const Sums& sums) {
  const Eigen::Index k = sums.first.size();
  Region region;
  region.mean = sums.first / sums.runs;
  const Eigen::MatrixXd covariance =
      (sums.second - sums.runs * region.mean * region.mean.transpose()) / std::max(1.0, sums.runs - 1.0);
  const Eigen::VectorXd sd = covariance.diagonal().cwiseMax(0.0).cwiseSqrt();
  region.scale = (sd.array() > 1e-9).select(sd, 1.0);
  const double shrinkage = static_cast<double>(k) / (sums.runs + static_cast<double>(k));
  Eigen::MatrixXd correlation =
      (1.0 - shrinkage) * covariance.array() / (region.scale * region.scale.transpose()).array();
  correlation.diagonal().array() += shrinkage;
  region.inverse = correlation.ldlt().solve(Eigen::MatrixXd::Identity(k, k));
  return region;
}

/// One row per run: the coded values of `columns` at the run's first reading.
Eigen::MatrixXd run_inputs(const Dataset& data, const std::vector<Eigen::Index>& columns) {
  Eigen::MatrixXd Z(static_cast<Eigen::Index>(data.run_count()), static_cast<Eigen::Index>(columns.size()));
  for (Eigen::Index i = data.n() - 1; i >= 0; --i) {
    Z.row(data.run[static_cast<std::size_t>(i)]) = data.X(i, columns);
  }
  return Z;
}

/// Distances of runs from the region of all other groups, each group's distances sharing the weight of one.
std::vector<std::pair<double, double>> left_out_distances(const Dataset& data, const Eigen::MatrixXd& Z,
                                                          const Sums& all) {
  std::vector<std::vector<Eigen::Index>> groups(data.group_count());
  for (std::size_t run = 0; run < data.run_count(); ++run) {
    groups[static_cast<std::size_t>(data.group[run])].push_back(static_cast<Eigen::Index>(run));
  }
  std::vector<std::pair<double, double>> distances;
  for (const auto& members : groups) {
    if (members.empty()) continue;
    Sums rest = all;
    for (const Eigen::Index run : members) rest.add(Z.row(run).transpose(), -1.0);
    const bool alone = rest.runs < 1.0;  // a single group can only be compared with itself
    const Region region = region_of(alone ? all : rest);
    for (const Eigen::Index run : members) {
      distances.emplace_back(region.distance(Z.row(run).transpose()), 1.0 / static_cast<double>(members.size()));
    }
  }
  std::sort(distances.begin(), distances.end());
  return distances;
}

/// Smallest distance that holds at least `level` of the weight.
double weighted_quantile(const std::vector<std::pair<double, double>>& sorted, double level) {
  double total = 0.0;
  for (const auto& [value, weight] : sorted) total += weight;
  double below = 0.0;
  for (const auto& [value, weight] : sorted) {
    below += weight;
    if (below >= level * total * (1.0 - 1e-12)) return value;
  }
  return sorted.back().first;
}

std::vector<std::vector<std::string>> combinations_seen(const Dataset& data, const std::vector<Eigen::Index>& columns) {
  const Eigen::MatrixXd Z = run_inputs(data, columns);
  std::set<std::vector<std::size_t>> codes;
  for (Eigen::Index run = 0; run < Z.rows(); ++run) {
    std::vector<std::size_t> combination(columns.size());
    for (std::size_t j = 0; j < columns.size(); ++j) {
      combination[j] = static_cast<std::size_t>(Z(run, static_cast<Eigen::Index>(j)));
    }
    codes.insert(std::move(combination));
  }
  std::vector<std::vector<std::string>> seen;
  for (const auto& combination : codes) {
    std::vector<std::string>& names = seen.emplace_back();
    for (std::size_t j = 0; j < columns.size(); ++j) {
      names.push_back(data.encoder.variables()[static_cast<std::size_t>(columns[j])].categories.at(combination[j]));
    }
  }
  return seen;
}

}  // namespace

process::TrainingEnvelope make_envelope(const Dataset& data) {
  if (data.n() == 0) {
    throw core::DataError({.where = "features.make_envelope",
                           .expected = "at least one run",
                           .received = "none",
                           .place = {},
                           .hint = {}});
  }
  process::TrainingEnvelope envelope;
  std::vector<Eigen::Index> numeric;
  std::vector<Eigen::Index> categorical;
  for (std::size_t j = 0; j < data.encoder.variables().size(); ++j) {
    const EncodedVariable& variable = data.encoder.variables()[j];
    if (variable.role == Role::noise) continue;
    (variable.is_numeric() ? numeric : categorical).push_back(static_cast<Eigen::Index>(j));
    (variable.is_numeric() ? envelope.names : envelope.category_names).push_back(variable.name);
  }
  envelope.combinations = combinations_seen(data, categorical);
  const Eigen::MatrixXd Z = run_inputs(data, numeric);
  Sums all(Z.cols());
  for (Eigen::Index run = 0; run < Z.rows(); ++run) all.add(Z.row(run).transpose(), 1.0);
  const Region region = region_of(all);
  for (std::size_t j = 0; j < numeric.size(); ++j) {
    const EncodedVariable& variable = data.encoder.variables()[static_cast<std::size_t>(numeric[j])];
    const double width = variable.high > variable.low ? variable.high - variable.low : 1.0;
    const auto at = static_cast<Eigen::Index>(j);
    envelope.mean.push_back(variable.low + width * region.mean(at));
    envelope.scale.push_back(width * region.scale(at));
  }
  envelope.inverse_covariance.assign(region.inverse.data(),
                                     region.inverse.data() + region.inverse.size());  // symmetric
  const auto distances = left_out_distances(data, Z, all);
  for (const double level : levels) {
    envelope.quantile_levels.push_back(level);
    envelope.distance_quantiles.push_back(weighted_quantile(distances, level));
  }
  return envelope;
}

}  // namespace luban::features
