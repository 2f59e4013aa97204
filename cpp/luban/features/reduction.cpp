#include <luban/features/reduction.hpp>

#include <cmath>

#include <luban/core/error.hpp>
#include <luban/features/cells.hpp>
#include <luban/features/detail/text.hpp>

namespace luban::features {

namespace {

void require_weights(const Dataset& data, const Eigen::VectorXd& weights) {
  if (weights.size() != data.n()) {
    throw core::DataError({.where = "features.reduce",
                           .expected = "one weight for each of " + std::to_string(data.n()) + " readings",
                           .received = std::to_string(weights.size()),
                           .place = {},
                           .hint = {}});
  }
  for (Eigen::Index i = 0; i < weights.size(); ++i) {
    if (std::isfinite(weights(i)) && weights(i) >= 0.0) continue;
    throw core::DataError({.where = "features.reduce",
                           .expected = "finite weights of at least 0",
                           .received = detail::short_number(weights(i)),
                           .place = "reading " + std::to_string(i),
                           .hint = {}});
  }
}

}  // namespace

Reduction reduce(const Dataset& data, Eigen::Index response, const Eigen::VectorXd& weights) {
  require_weights(data, weights);
  const Cells cells = cells_of_readings(data);
  Reduction out;
  std::vector<Eigen::Index> representative;
  std::vector<double> means;
  std::vector<double> totals;
  std::vector<double> scatters;
  std::vector<double> counts;
  for (Eigen::Index c = 0; c < cells.count(); ++c) {
    const auto cell = static_cast<std::size_t>(c);
    double total = 0.0;
    double sum = 0.0;
    const auto for_each = [&](const auto& body) {
      for (Eigen::Index k = cells.start[cell]; k < cells.start[cell + 1]; ++k) {
        const Eigen::Index reading = cells.order[static_cast<std::size_t>(k)];
        const double y = data.Y(reading, response);
        if (weights(reading) > 0.0 && !std::isnan(y)) body(y, weights(reading));
      }
    };
    double count = 0.0;
    for_each([&](double y, double w) {
      count += 1.0;
      total += w;
      sum += w * y;
      out.log_weight_sum += std::log(w);
      ++out.n;
    });
    if (total <= 0.0) continue;
    const double mean = sum / total;
    double scatter = 0.0;
    for_each([&](double y, double w) { scatter += w * (y - mean) * (y - mean); });
    out.within_ss += scatter;
    counts.push_back(count);
    representative.push_back(cells.order[static_cast<std::size_t>(cells.start[cell])]);
    means.push_back(mean);
    totals.push_back(total);
    scatters.push_back(scatter);
  }
  if (means.empty()) {
    throw core::DataError({.where = "features.reduce",
                           .expected = "at least one reading with a value and a weight above 0",
                           .received = "none",
                           .place = "response \"" + data.responses[static_cast<std::size_t>(response)].name + "\"",
                           .hint = {}});
  }
  const auto u = static_cast<Eigen::Index>(means.size());
  out.X = data.X(representative, Eigen::all);
  out.mean = Eigen::Map<const Eigen::VectorXd>(means.data(), u);
  out.weight = Eigen::Map<const Eigen::VectorXd>(totals.data(), u);
  out.scatter = Eigen::Map<const Eigen::VectorXd>(scatters.data(), u);
  out.readings = Eigen::Map<const Eigen::VectorXd>(counts.data(), u);
  for (const Eigen::Index reading : representative) out.run.push_back(data.run[static_cast<std::size_t>(reading)]);
  return out;
}

}  // namespace luban::features
