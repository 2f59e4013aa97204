#include <luban/evaluation/calibration.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/evaluation/detail/distributions.hpp>
#include <luban/features/cells.hpp>

namespace luban::evaluation {

namespace {

constexpr std::array<double, 12> grid{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99};
constexpr std::int32_t most_parts = 20;  // of groups judged by the others: more would change little but the time
constexpr std::size_t steps = 400;       // in which coverage is followed from none to all of the residuals

/// Residuals ascending, each with its share of its group's weight of one.
struct Ordered {
  std::vector<double> size;
  std::vector<double> weight;
  std::vector<std::int32_t> group;  ///< renumbered 0 … groups − 1
  std::int32_t groups = 0;
};

Ordered ordered(const Residuals& residuals) {
  if (residuals.size.empty()) {
    throw core::DataError({.where = "evaluation.calibrate",
                           .expected = "at least one residual",
                           .received = "none",
                           .place = {},
                           .hint = {}});
  }
  const std::int32_t last = *std::max_element(residuals.group.begin(), residuals.group.end());
  std::vector<double> members(static_cast<std::size_t>(last) + 1, 0.0);
  for (const std::int32_t group : residuals.group) members[static_cast<std::size_t>(group)] += 1.0;
  Ordered out;
  std::vector<std::int32_t> renumbered(members.size(), -1);
  for (std::size_t g = 0; g < members.size(); ++g) {
    if (members[g] > 0.0) renumbered[g] = out.groups++;
  }
  std::vector<std::size_t> order(residuals.size.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return residuals.size[a] < residuals.size[b]; });
  for (const std::size_t i : order) {
    const auto group = static_cast<std::size_t>(residuals.group[i]);
    out.size.push_back(residuals.size[i]);
    out.weight.push_back(1.0 / members[group]);
    out.group.push_back(renumbered[group]);
  }
  return out;
}

/// Half-widths that hold the shares k / steps, k = 0 … steps, of the weight of the groups that count: k steps of one
/// walk through the residuals.
template <typename Counts>
std::vector<double> quantiles(const Ordered& residuals, std::int32_t groups, const Counts& counts) {
  constexpr double slack = 1e-9;  // sums of 1/n_g end a rounding error below a whole number of groups
  std::vector<double> out(steps + 1, 0.0);
  double below = 0.0;
  double half_width = 0.0;
  std::size_t at = 0;
  for (std::size_t k = 1; k <= steps; ++k) {
    const double needed = static_cast<double>(groups) * static_cast<double>(k) / static_cast<double>(steps) - slack;
    for (; at < residuals.size.size() && below < needed; ++at) {
      if (!counts(residuals.group[at])) continue;
      below += residuals.weight[at];
      half_width = residuals.size[at];
    }
    out[k] = half_width;
  }
  return out;
}

/// Adds, for every step, the weight of the residuals of the groups that count within the half-width of that step.
template <typename Counts>
void add_covered(const Ordered& residuals, const std::vector<double>& half_widths, const Counts& counts,
                 std::vector<double>& covered) {
  double weight = 0.0;
  std::size_t at = 0;
  for (std::size_t k = 0; k < half_widths.size(); ++k) {
    for (; at < residuals.size.size() && residuals.size[at] <= half_widths[k]; ++at) {
      if (counts(residuals.group[at])) weight += residuals.weight[at];
    }
    covered[k] += weight;
  }
}

/// Share of a group's residuals that the k-th quantile of the other groups covers, each group left out once (or one of
/// `parts` parts of the groups at a time).
template <typename Counts>
std::vector<double> coverage_by_others(const Ordered& residuals, std::int32_t groups, std::int32_t parts,
                                       const Counts& counts) {
  std::vector<double> covered(steps + 1, 0.0);
  std::vector<bool> counted(static_cast<std::size_t>(residuals.groups), false);
  for (const std::int32_t group : residuals.group) counted[static_cast<std::size_t>(group)] = counts(group);
  for (std::int32_t part = 0; part < parts; ++part) {
    const auto mine = [&](std::int32_t group) { return group % parts == part && counts(group); };
    const auto others = [&](std::int32_t group) { return group % parts != part && counts(group); };
    std::int32_t left = 0;
    for (std::int32_t group = 0; group < residuals.groups; ++group) {
      left += group % parts != part && counted[static_cast<std::size_t>(group)] ? 1 : 0;
    }
    if (left > 0 && left < groups) add_covered(residuals, quantiles(residuals, left, others), mine, covered);
  }
  for (double& share : covered) share /= static_cast<double>(groups);
  return covered;
}

/// Calibration from the groups for which `counts` holds, `groups` of them.
template <typename Counts>
Calibration calibrate_on(const Ordered& residuals, std::int32_t groups, const Counts& counts) {
  Calibration out;
  out.groups = groups;
  double squares = 0.0;
  for (std::size_t i = 0; i < residuals.size.size(); ++i) {
    if (counts(residuals.group[i])) squares += residuals.weight[i] * residuals.size[i] * residuals.size[i];
  }
  const double root_mean_square = std::sqrt(squares / static_cast<double>(groups));
  const std::vector<double> half_widths = quantiles(residuals, groups, counts);
  const std::vector<double> covered =
      coverage_by_others(residuals, groups, std::min(residuals.groups, most_parts), counts);
  constexpr double slack = 1e-9;
  out.reached = std::min(covered.back(), static_cast<double>(groups) / (static_cast<double>(groups) + 1.0));
  double widest = 0.0;
  for (const double level : grid) {
    double half_width = detail::student_half_width(level, groups) * root_mean_square;
    if (level <= out.reached + slack) {
      // To the end of the stair, at most one group's share on: with one residual per group coverage is a staircase, and
      // all groups are one more than the others were.
      const auto enough = std::lower_bound(covered.begin(), covered.end(), level - slack);
      const auto stair = static_cast<std::ptrdiff_t>(steps) / std::max<std::ptrdiff_t>(groups - 1, 1);
      const auto furthest = enough + std::min(stair, covered.end() - 1 - enough);
      const auto beyond = std::upper_bound(enough, furthest + 1, *enough + slack);
      half_width = half_widths[static_cast<std::size_t>(beyond - covered.begin()) - 1];
    }
    widest = std::max(widest, half_width);
    out.levels.push_back(level);
    out.ratios.push_back(widest / detail::normal_half_width(level));
  }
  return out;
}

}  // namespace

double Calibration::ratio(double level) const {
  if (levels.empty()) return 1.0;
  const auto above = std::lower_bound(levels.begin(), levels.end(), level);
  if (above == levels.begin()) return ratios.front();
  if (above == levels.end()) return ratios.back();
  const auto high = static_cast<std::size_t>(above - levels.begin());
  const double share = (level - levels[high - 1]) / (levels[high] - levels[high - 1]);
  return (1.0 - share) * ratios[high - 1] + share * ratios[high];
}

core::Json Calibration::to_json() const {
  core::Json json = core::Json::object();
  json.set("levels", levels);
  json.set("ratios", ratios);
  json.set("groups", static_cast<std::int64_t>(groups));
  json.set("reached", reached);
  return json;
}

Calibration Calibration::from_json(const core::Json& json) {
  Calibration out;
  out.levels = json.at("levels").as_doubles();
  out.ratios = json.at("ratios").as_doubles();
  out.groups = static_cast<Eigen::Index>(json.at("groups").as_int());
  out.reached = json.at("reached").as_double();
  const auto require = [](bool right, const std::string& expected, const std::string& received) {
    if (right) return;
    throw core::DataError(
        {.where = "evaluation.calibration", .expected = expected, .received = received, .place = {}, .hint = {}});
  };
  require(out.levels.size() == out.ratios.size(),
          "a ratio for each of " + std::to_string(out.levels.size()) + " levels",
          std::to_string(out.ratios.size()) + " ratios");
  double before = 0.0;
  for (const double level : out.levels) {
    require(level > before && level < 1.0, "levels that ascend between 0 and 1", core::number_text(level));
    before = level;
  }
  for (const double ratio : out.ratios) {
    require(std::isfinite(ratio) && ratio >= 0.0, "finite ratios of at least 0", core::number_text(ratio));
  }
  return out;
}

namespace {

double standardised(double error, double sd) {
  return error == 0.0 ? 0.0 : std::abs(error) / sd;
}

}  // namespace

Residuals standardised_residuals(const features::Dataset& data, const OutOfFold& out_of_fold, Eigen::Index response,
                                 const Eigen::VectorXd& weights, Target target) {
  Residuals out;
  const auto add = [&](double size, Eigen::Index reading) {
    const auto run = static_cast<std::size_t>(data.run[static_cast<std::size_t>(reading)]);
    out.size.push_back(size);
    out.group.push_back(data.group[run]);
  };
  const auto usable = [&](Eigen::Index i) {
    return weights(i) > 0.0 && !std::isnan(data.Y(i, response)) && !std::isnan(out_of_fold.mean(i, response));
  };
  if (target == Target::reading) {
    for (Eigen::Index i = 0; i < data.n(); ++i) {
      if (!usable(i)) continue;
      add(standardised(data.Y(i, response) - out_of_fold.mean(i, response), out_of_fold.sd_reading(i, response)), i);
    }
    return out;
  }
  const features::Cells cells = features::cells_of_readings(data);
  for (std::size_t c = 0; c + 1 < cells.start.size(); ++c) {
    double weight = 0.0;
    double sum = 0.0;
    for (Eigen::Index k = cells.start[c]; k < cells.start[c + 1]; ++k) {
      const Eigen::Index i = cells.order[static_cast<std::size_t>(k)];
      if (!usable(i)) continue;
      weight += weights(i);
      sum += weights(i) * data.Y(i, response);
    }
    if (weight == 0.0) continue;
    const Eigen::Index first = cells.order[static_cast<std::size_t>(cells.start[c])];  // one prediction for all of them
    const double run_variance = std::pow(out_of_fold.sd_run_mean(first, response), 2.0);
    const double within = std::max(0.0, std::pow(out_of_fold.sd_reading(first, response), 2.0) - run_variance);
    add(standardised(sum / weight - out_of_fold.mean(first, response), std::sqrt(run_variance + within / weight)),
        first);
  }
  return out;
}

Calibration calibrate(const Residuals& residuals) {
  const Ordered all = ordered(residuals);
  return calibrate_on(all, all.groups, [](std::int32_t) { return true; });
}

std::vector<double> left_out_coverage(const Residuals& residuals, const std::vector<double>& levels) {
  const Ordered all = ordered(residuals);
  if (all.groups < 2) return std::vector<double>(levels.size(), process::no_number);
  const std::int32_t parts = std::min(all.groups, most_parts);
  std::vector<double> covered(levels.size(), 0.0);
  for (std::int32_t part = 0; part < parts; ++part) {
    const std::int32_t left_out = (all.groups - part + parts - 1) / parts;
    const Calibration others =
        calibrate_on(all, all.groups - left_out, [&](std::int32_t group) { return group % parts != part; });
    for (std::size_t l = 0; l < levels.size(); ++l) {
      const double half_width = others.ratio(levels[l]) * detail::normal_half_width(levels[l]);
      for (std::size_t i = 0; i < all.size.size(); ++i) {
        if (all.group[i] % parts == part && all.size[i] <= half_width) covered[l] += all.weight[i];
      }
    }
  }
  for (double& share : covered) share /= static_cast<double>(all.groups);
  return covered;
}

}  // namespace luban::evaluation
