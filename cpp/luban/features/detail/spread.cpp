#include <luban/features/detail/spread.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include <luban/core/error.hpp>
#include <luban/features/cells.hpp>
#include <luban/features/detail/text.hpp>

namespace luban::features::detail {

namespace {

constexpr double mad_efficiency = 0.37;  // of the MAD against the standard deviation (Rousseeuw and Croux 1993)
constexpr std::size_t fewest_cells = 8;  // to judge how spread goes with level

/// One cell's summary; readings of the response that are missing do not count.
struct CellSummary {
  double median = 0.0;
  double mad_sd = 0.0;  ///< 1.4826 × median absolute deviation
  std::vector<Eigen::Index> readings;
};

std::vector<CellSummary> summarise(const Dataset& data, Eigen::Index response) {
  const Cells cells = cells_of_readings(data);
  std::vector<CellSummary> out;
  std::vector<double> values;
  for (Eigen::Index c = 0; c < cells.count(); ++c) {
    CellSummary cell;
    values.clear();
    for (Eigen::Index k = cells.start[static_cast<std::size_t>(c)]; k < cells.start[static_cast<std::size_t>(c) + 1];
         ++k) {
      const Eigen::Index reading = cells.order[static_cast<std::size_t>(k)];
      if (std::isnan(data.Y(reading, response))) continue;
      cell.readings.push_back(reading);
      values.push_back(data.Y(reading, response));
    }
    if (values.empty()) continue;
    cell.median = median_of(values);
    for (double& value : values) value = std::abs(value - cell.median);
    cell.mad_sd = mad_to_sd * median_of(values);
    out.push_back(std::move(cell));
  }
  return out;
}

/// Spread as a power of the level: sd(level) = coefficient · |level|^power.
struct SpreadLaw {
  double coefficient = 0.0;
  double power = 0.0;
  [[nodiscard]] double at(double level) const {
    return power == 0.0 ? coefficient : coefficient * std::pow(std::abs(level), power);
  }
};

/// The power (none, square root, proportional) that leaves the cells' spreads most alike.
double choose_power(const std::vector<CellSummary>& cells, int min_cell_readings) {
  std::vector<const CellSummary*> telling;
  int sign = 0;
  for (const CellSummary& cell : cells) {
    if (static_cast<int>(cell.readings.size()) < std::max(min_cell_readings, 3) || cell.mad_sd <= 0.0) continue;
    const int of_cell = cell.median > 0.0 ? 1 : -1;
    if (cell.median == 0.0 || (sign != 0 && of_cell != sign)) return 0.0;  // no scale to be proportional to
    sign = of_cell;
    telling.push_back(&cell);
  }
  if (telling.size() < fewest_cells) return 0.0;
  double best = 0.0;
  double smallest = std::numeric_limits<double>::infinity();
  for (const double power : {0.0, 0.5, 1.0}) {
    std::vector<double> logs;
    for (const CellSummary* cell : telling) {
      logs.push_back(std::log(cell->mad_sd) - power * std::log(std::abs(cell->median)));
    }
    const double middle = median_of(logs);
    for (double& value : logs) value = std::abs(value - middle);
    const double unevenness = median_of(logs);
    if (unevenness < smallest) {
      smallest = unevenness;
      best = power;
    }
  }
  return best;
}

/// Pools all cells' deviations from their medians. In a cell of odd size the median is one of its readings and says
/// nothing about spread: it is left out. When most readings equal their median (coarse recording), the typical size of
/// the deviations that there are stands in.
SpreadLaw pool(const Dataset& data, Eigen::Index response, const std::vector<CellSummary>& cells, double power) {
  SpreadLaw law{.coefficient = 1.0, .power = power};
  std::vector<double> deviations;
  for (const CellSummary& cell : cells) {
    const auto size = static_cast<double>(cell.readings.size());
    if (cell.readings.size() < static_cast<std::size_t>(fewest_telling)) continue;
    const double level = law.at(cell.median);
    if (level == 0.0) continue;
    bool skip_one = cell.readings.size() % 2 == 1;
    for (const Eigen::Index reading : cell.readings) {
      const double deviation = std::abs(data.Y(reading, response) - cell.median);
      if (skip_one && deviation == 0.0) {
        skip_one = false;
        continue;
      }
      deviations.push_back(deviation * std::sqrt(size / (size - 1.0)) / level);
    }
  }
  if (deviations.empty()) return {.coefficient = 0.0, .power = power};
  law.coefficient = mad_to_sd * median_of(deviations);
  if (law.coefficient == 0.0) {
    std::erase(deviations, 0.0);
    if (!deviations.empty()) law.coefficient = mad_to_sd * median_of(deviations);
  }
  return law;
}

void require_options(const RobustWeightOptions& options) {
  const bool usable = options.gross_chance > 0.0 && options.gross_chance < 1.0 && options.min_cell_readings >= 2 &&
                      options.prior_dof > 0.0;
  if (usable) return;
  throw core::ConfigurationError(
      {.where = "features.robust_weights",
       .expected = "gross_chance in (0, 1), min_cell_readings of at least 2, prior_dof above 0",
       .received = short_number(options.gross_chance) + ", " + std::to_string(options.min_cell_readings) + ", " +
                   short_number(options.prior_dof),
       .place = {},
       .hint = {}});
}

}  // namespace

double gross_limit(double chance, Eigen::Index readings) {
  const double tail = 0.5 * chance / static_cast<double>(std::max<Eigen::Index>(readings, 1));  // each side
  // With a = √3 / t the upper tail of t with three degrees of freedom is (atan a − a / (1 + a²)) / π, rising in a.
  const auto upper_tail = [](double a) { return (std::atan(a) - a / (1.0 + a * a)) / std::numbers::pi; };
  double low = 0.0;
  double high = 1e9;
  for (int i = 0; i < 200; ++i) {
    const double middle = 0.5 * (low + high);
    (upper_tail(middle) < tail ? low : high) = middle;
  }
  constexpr double upper_quartile = 0.7648923284043449;  // of that distribution: its median absolute deviation
  return std::numbers::sqrt3 / high / (mad_to_sd * upper_quartile);
}

ReadingSpread reading_spread(const Dataset& data, Eigen::Index response, const RobustWeightOptions& options) {
  require_options(options);
  const std::vector<CellSummary> cells = summarise(data, response);
  const SpreadLaw law = pool(data, response, cells, choose_power(cells, options.min_cell_readings));
  ReadingSpread out;
  out.median = Eigen::VectorXd::Constant(data.n(), process::no_number);
  out.scale = out.median;
  out.deviations = out.median;
  out.readings = Eigen::VectorXi::Zero(data.n());
  Eigen::Index told_readings = 0;
  for (const CellSummary& cell : cells) {
    const auto size = static_cast<int>(cell.readings.size());
    if (size >= fewest_telling) told_readings += size;
    const double own_dof = size >= options.min_cell_readings ? mad_efficiency * (size - 1) : 0.0;
    const double pooled = law.at(cell.median);
    const double scale = std::sqrt((own_dof * cell.mad_sd * cell.mad_sd + options.prior_dof * pooled * pooled) /
                                   (own_dof + options.prior_dof));
    for (const Eigen::Index reading : cell.readings) {
      const double deviation = data.Y(reading, response) - cell.median;
      const bool told = size >= fewest_telling && deviation != 0.0 && scale > 0.0;
      out.median(reading) = cell.median;
      out.scale(reading) = scale;
      out.deviations(reading) = told ? deviation / scale : 0.0;
      out.readings(reading) = size;
    }
  }
  out.limit = gross_limit(options.gross_chance, told_readings);
  return out;
}

}  // namespace luban::features::detail
