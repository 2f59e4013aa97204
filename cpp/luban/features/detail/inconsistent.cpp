#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <luban/features/cells.hpp>
#include <luban/features/detail/searches.hpp>
#include <luban/features/detail/spread.hpp>
#include <luban/features/detail/text.hpp>

namespace luban::features::detail {

namespace {

constexpr double honest_spreads = 8.0;  // robust standard deviations that an honest log ratio stays within

/// values − median of their cell, NaN where missing or where the cell is too small to say.
Eigen::VectorXd from_cell_median(const Cells& cells, const Eigen::VectorXd& values) {
  Eigen::VectorXd out = Eigen::VectorXd::Constant(values.size(), process::no_number);
  std::vector<double> present;
  for (std::size_t c = 0; c + 1 < cells.start.size(); ++c) {
    present.clear();
    for (Eigen::Index k = cells.start[c]; k < cells.start[c + 1]; ++k) {
      const double value = values(cells.order[static_cast<std::size_t>(k)]);
      if (!std::isnan(value)) present.push_back(value);
    }
    if (present.size() < static_cast<std::size_t>(fewest_telling)) continue;
    const double median = median_of(present);
    for (Eigen::Index k = cells.start[c]; k < cells.start[c + 1]; ++k) {
      const Eigen::Index reading = cells.order[static_cast<std::size_t>(k)];
      out(reading) = values(reading) - median;
    }
  }
  return out;
}

double robust_spread(const Eigen::VectorXd& deviations) {
  std::vector<double> sizes;
  for (const double deviation : deviations) {
    if (!std::isnan(deviation)) sizes.push_back(std::abs(deviation));
  }
  return sizes.empty() ? 0.0 : mad_to_sd * median_of(sizes);
}

std::vector<Eigen::Index> positive_responses(const Dataset& data) {
  std::vector<Eigen::Index> out;
  for (Eigen::Index r = 0; r < data.m(); ++r) {
    const auto y = data.Y.col(r).array();
    if ((y.isNaN() || y > 0.0).all() && !y.isNaN().all()) out.push_back(r);
  }
  return out;
}

/// Log ratio of one response to its mildest contradictor: the partner beside which it looks most ordinary. 0 when two
/// partners disagree about the direction, or fewer than two are there to say.
class Contradiction {
 public:
  explicit Contradiction(Eigen::Index n)
      : smallest_(Eigen::VectorXd::Constant(n, std::numeric_limits<double>::infinity())),
        partners_(Eigen::VectorXi::Zero(n)),
        sign_(Eigen::VectorXi::Zero(n)) {}
  void add(const Eigen::VectorXd& deviations, double direction) {
    for (Eigen::Index i = 0; i < deviations.size(); ++i) {
      const double deviation = direction * deviations(i);
      if (std::isnan(deviation)) continue;
      const int sign = deviation > 0.0 ? 1 : -1;
      const bool agrees = partners_(i) == 0 || sign == sign_(i);
      ++partners_(i);
      sign_(i) = sign;
      smallest_(i) = agrees ? std::min(smallest_(i), std::abs(deviation)) : 0.0;
    }
  }
  [[nodiscard]] double at(Eigen::Index i) const { return partners_(i) >= 2 ? sign_(i) * smallest_(i) : 0.0; }

 private:
  Eigen::VectorXd smallest_;
  Eigen::VectorXi partners_;
  Eigen::VectorXi sign_;
};

Finding describe(const Dataset& data, Eigen::Index reading, Eigen::Index response, double log_ratio, double median) {
  Finding finding = finding_at(data, FindingKind::inconsistent_reading, reading, response);
  const std::string& unit = data.responses[static_cast<std::size_t>(response)].unit;
  finding.expected = median;
  finding.message = finding.column + " of " + with_unit(finding.value, unit) +
                    " contradicts the other responses of its reading: beside each of them it is at least " +
                    short_number(std::exp(std::abs(log_ratio))) + " times too " +
                    (log_ratio > 0.0 ? "large" : "small") + ", measured by the other readings at its point in " +
                    in_run(data, reading) + ".";
  return finding;
}

}  // namespace

Search search_inconsistent_readings(const Dataset& data, const FindingOptions& options) {
  const std::vector<Eigen::Index> responses = positive_responses(data);
  if (responses.size() < 3) return {};
  const Cells cells = cells_of_readings(data);
  std::vector<Contradiction> contradictions(responses.size(), Contradiction(data.n()));
  for (std::size_t a = 0; a < responses.size(); ++a) {
    for (std::size_t b = a + 1; b < responses.size(); ++b) {
      const Eigen::VectorXd ratio =
          (data.Y.col(responses[a]).array() / data.Y.col(responses[b]).array()).log().matrix();
      const Eigen::VectorXd deviations = from_cell_median(cells, ratio);
      contradictions[a].add(deviations, 1.0);
      contradictions[b].add(deviations, -1.0);
    }
  }
  std::vector<Finding> found;
  std::vector<double> severity;
  for (std::size_t a = 0; a < responses.size(); ++a) {
    const Eigen::VectorXd own = from_cell_median(cells, data.Y.col(responses[a]).array().log().matrix());
    const double limit = std::max(std::log(options.inconsistent_factor), honest_spreads * robust_spread(own));
    const ReadingSpread spread = reading_spread(data, responses[a], options.robust);
    for (Eigen::Index i = 0; i < data.n(); ++i) {
      const double log_ratio = contradictions[a].at(i);
      if (std::abs(log_ratio) <= limit || spread.is_gross(i)) continue;  // a gross error is named as such
      found.push_back(describe(data, i, responses[a], log_ratio, spread.median(i)));
      severity.push_back(std::abs(log_ratio));
    }
  }
  return most_severe(std::move(found), std::move(severity), options.most);
}

}  // namespace luban::features::detail
