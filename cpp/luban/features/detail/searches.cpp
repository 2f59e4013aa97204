#include <luban/features/detail/searches.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <unordered_map>

#include <luban/features/detail/spread.hpp>
#include <luban/features/detail/text.hpp>

namespace luban::features::detail {

Search most_severe(std::vector<Finding> found, std::vector<double> severity, std::size_t most) {
  std::vector<std::size_t> order(found.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return severity[a] > severity[b]; });
  Search out{.found = {}, .severity = {}, .in_all = found.size()};
  for (std::size_t k = 0; k < std::min(most, order.size()); ++k) {
    out.found.push_back(std::move(found[order[k]]));
    out.severity.push_back(severity[order[k]]);
  }
  return out;
}

std::string circumstances(const Dataset& data, Eigen::Index reading) {
  std::string text;
  for (std::size_t j = 0; j < data.encoder.variables().size(); ++j) {
    const EncodedVariable& variable = data.encoder.variables()[j];
    if (variable.role == Role::parameter) continue;
    const auto column = static_cast<Eigen::Index>(j);
    const process::Value value = data.encoder.decode_value(column, data.X(reading, column));
    const double* number = std::get_if<double>(&value);
    text += (text.empty() ? "" : ", ") + variable.name + " " +
            (number != nullptr ? with_unit(*number, variable.unit) : std::get<std::string>(value));
  }
  return text;
}

std::string in_run(const Dataset& data, Eigen::Index reading) {
  const std::string around = circumstances(data, reading);
  return "run " + data.run_ids[static_cast<std::size_t>(data.run[static_cast<std::size_t>(reading)])] +
         (around.empty() ? "" : " (" + around + ")");
}

Finding finding_at(const Dataset& data, FindingKind kind, Eigen::Index reading, Eigen::Index response) {
  const auto at = static_cast<std::size_t>(reading);
  Finding finding;
  finding.kind = kind;
  finding.run_id = data.run_ids[static_cast<std::size_t>(data.run[at])];
  finding.source_row = data.source_row[at];
  finding.repeat = data.repeat[at];
  if (response >= 0) {
    finding.column = data.responses[static_cast<std::size_t>(response)].name;
    finding.value = data.Y(reading, response);
  }
  return finding;
}

Search search_gross_errors(const Dataset& data, Eigen::Index response, const FindingOptions& options) {
  const ReadingSpread spread = reading_spread(data, response, options.robust);
  const std::string& unit = data.responses[static_cast<std::size_t>(response)].unit;
  std::vector<Finding> found;
  std::vector<double> severity;
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    if (!spread.is_gross(i)) continue;
    const double size = std::abs(spread.deviations(i));
    Finding finding = finding_at(data, FindingKind::gross_error, i, response);
    finding.expected = spread.median(i);
    finding.deviations = spread.deviations(i);
    finding.message = finding.column + " of " + with_unit(finding.value, unit) + " stands " + short_number(size) +
                      " robust standard deviations " + (spread.deviations(i) > 0.0 ? "above " : "below ") +
                      with_unit(finding.expected, unit) + ", the median of the " + std::to_string(spread.readings(i)) +
                      " readings at its point in " + in_run(data, i) + ".";
    found.push_back(std::move(finding));
    severity.push_back(size);
  }
  return most_severe(std::move(found), std::move(severity), options.most);
}

namespace {

/// Readings of each run that has at least `fewest` values, in order of their numbers; others stay empty.
std::vector<std::vector<Eigen::Index>> readings_by_run(const Dataset& data, Eigen::Index fewest,
                                                       std::vector<Eigen::Index>& values) {
  values.assign(data.run_count(), 0);
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    values[static_cast<std::size_t>(data.run[static_cast<std::size_t>(i)])] += (!data.Y.row(i).array().isNaN()).count();
  }
  std::vector<std::vector<Eigen::Index>> readings(data.run_count());
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    const auto run = static_cast<std::size_t>(data.run[static_cast<std::size_t>(i)]);
    if (values[run] >= fewest) readings[run].push_back(i);
  }
  for (auto& of_run : readings) {
    std::stable_sort(of_run.begin(), of_run.end(), [&](Eigen::Index a, Eigen::Index b) {
      return data.repeat[static_cast<std::size_t>(a)] < data.repeat[static_cast<std::size_t>(b)];
    });
  }
  return readings;
}

bool same_number(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

bool same_reading(const Dataset& data, Eigen::Index a, Eigen::Index b) {
  if (data.X.row(a) != data.X.row(b)) return false;
  for (Eigen::Index r = 0; r < data.m(); ++r) {
    if (!same_number(data.Y(a, r), data.Y(b, r))) return false;
  }
  return true;
}

std::uint64_t mixed(std::uint64_t hash, double value) {
  std::uint64_t bits = 0;
  const double canonical = std::isnan(value) ? process::no_number : value + 0.0;  // −0 becomes 0
  std::memcpy(&bits, &canonical, sizeof bits);
  hash ^= bits + 0x9e3779b97f4a7c15ULL + (hash << 6U) + (hash >> 2U);
  return hash * 0xff51afd7ed558ccdULL;
}

std::uint64_t hash_of(const Eigen::MatrixXd& columns, const std::vector<Eigen::Index>& readings) {
  std::uint64_t hash = readings.size();
  for (const Eigen::Index i : readings) {
    for (Eigen::Index j = 0; j < columns.cols(); ++j) hash = mixed(hash, columns(i, j));
  }
  return hash;
}

/// Counts pairs of equal things.
class Pairs {
 public:
  void add(std::uint64_t hash) { count_ += static_cast<double>(seen_[hash]++); }
  [[nodiscard]] double count() const noexcept { return count_; }

 private:
  std::unordered_map<std::uint64_t, std::size_t> seen_;
  double count_ = 0.0;
};

/// Runs with their inputs and values, to tell copies from coincidences.
struct Coincidences {
  Pairs inputs, values, both;
  double runs = 0.0;
  void add(std::uint64_t of_inputs, std::uint64_t of_values, std::uint64_t of_both) {
    inputs.add(of_inputs);
    values.add(of_values);
    both.add(of_both);
    ++runs;
  }
  /// Pairs of equal values to be expected among runs of equal inputs, were they as frequent there as elsewhere.
  [[nodiscard]] double expected() const noexcept {
    const double pairs = runs * (runs - 1.0) / 2.0 - inputs.count();
    const double equal = values.count() - both.count();
    const double surely = std::max(0.0, equal - 3.0 * std::sqrt(equal));  // a few may be copies under other inputs
    return pairs <= 0.0 ? 0.0 : inputs.count() * surely / pairs;
  }
};

}  // namespace

Search search_duplicate_runs(const Dataset& data, const FindingOptions& options) {
  std::vector<Eigen::Index> values;
  const auto readings = readings_by_run(data, options.duplicate_values, values);
  std::unordered_multimap<std::uint64_t, std::size_t> originals;
  Coincidences coincidences;
  std::vector<Finding> found;
  std::vector<double> severity;
  for (std::size_t run = 0; run < readings.size(); ++run) {
    if (readings[run].empty()) continue;
    const std::uint64_t of_inputs = hash_of(data.X, readings[run]);
    const std::uint64_t of_values = hash_of(data.Y, readings[run]);
    const std::uint64_t hash = of_inputs * 0xff51afd7ed558ccdULL ^ of_values;
    coincidences.add(of_inputs, of_values, hash);
    const auto [begin, end] = originals.equal_range(hash);
    const auto original = std::find_if(begin, end, [&](const auto& candidate) {
      return std::equal(readings[run].begin(), readings[run].end(), readings[candidate.second].begin(),
                        readings[candidate.second].end(),
                        [&](Eigen::Index a, Eigen::Index b) { return same_reading(data, a, b); });
    });
    if (original == end) {
      originals.emplace(hash, run);
      continue;
    }
    Finding finding = finding_at(data, FindingKind::duplicate_run, readings[run].front(), -1);
    finding.repeat = -1;
    finding.message = "run " + data.run_ids[run] + " repeats the inputs and all " + std::to_string(values[run]) +
                      " measured values of run " + data.run_ids[original->second] + ".";
    found.push_back(std::move(finding));
    severity.push_back(static_cast<double>(values[run]));
  }
  if (coincidences.both.count() < options.duplicate_factor * coincidences.expected()) return {};
  return most_severe(std::move(found), std::move(severity), options.most);
}

Search search_constant_columns(const Dataset& data) {
  std::vector<Finding> found;
  for (Eigen::Index j = 0; j < data.p(); ++j) {
    if ((data.X.col(j).array() != data.X(0, j)).any()) continue;
    const EncodedVariable& variable = data.encoder.variables()[static_cast<std::size_t>(j)];
    const process::Value value = data.encoder.decode_value(j, data.X(0, j));
    const double* number = std::get_if<double>(&value);
    Finding finding;
    finding.kind = FindingKind::constant_column;
    finding.column = variable.name;
    if (number != nullptr) finding.value = *number;
    finding.message = variable.name + " is always " +
                      (number != nullptr ? with_unit(*number, variable.unit) : std::get<std::string>(value)) +
                      ": nothing can be learned about its effect.";
    found.push_back(std::move(finding));
  }
  for (Eigen::Index r = 0; r < data.m(); ++r) {
    const auto present = (!data.Y.col(r).array().isNaN()).eval();
    const ResponseColumn& response = data.responses[static_cast<std::size_t>(r)];
    Finding finding;
    finding.kind = FindingKind::constant_column;
    finding.column = response.name;
    if (!present.any()) {
      finding.message = response.name + " has no value at all.";
      found.push_back(std::move(finding));
      continue;
    }
    const double low = present.select(data.Y.col(r).array(), std::numeric_limits<double>::infinity()).minCoeff();
    const double high = present.select(data.Y.col(r).array(), -std::numeric_limits<double>::infinity()).maxCoeff();
    if (low < high || present.count() < 2) continue;
    finding.value = low;
    finding.message = response.name + " is " + with_unit(low, response.unit) + " in all " +
                      std::to_string(present.count()) + " readings: nothing can be learned from it.";
    found.push_back(std::move(finding));
  }
  const std::size_t count = found.size();
  return {.found = std::move(found), .severity = {}, .in_all = count};
}

Search search_empty_combinations(const Dataset& data, const FindingOptions& options) {
  std::vector<Eigen::Index> columns;
  std::size_t combinations = 1;
  for (const Eigen::Index column : data.encoder.columns_of(Role::context)) {
    const EncodedVariable& variable = data.encoder.variables()[static_cast<std::size_t>(column)];
    if (variable.is_numeric()) continue;
    columns.push_back(column);
    if (combinations > std::numeric_limits<std::size_t>::max() / variable.categories.size()) return {};
    combinations *= variable.categories.size();
  }
  if (columns.empty()) return {};
  std::vector<std::size_t> seen;  // mixed-radix numbers of the combinations, the last variable fastest
  for (Eigen::Index i = 0; i < data.n(); ++i) {
    std::size_t number = 0;
    for (const Eigen::Index column : columns) {
      number = number * data.encoder.variables()[static_cast<std::size_t>(column)].categories.size() +
               static_cast<std::size_t>(data.X(i, column));
    }
    seen.push_back(number);
  }
  std::sort(seen.begin(), seen.end());
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  Search out{.found = {}, .severity = {}, .in_all = combinations - seen.size()};
  for (std::size_t number = 0; number < combinations && out.found.size() < std::min(options.most, out.in_all);
       ++number) {
    if (std::binary_search(seen.begin(), seen.end(), number)) continue;
    std::string names;
    std::string text;
    std::size_t rest = number;
    for (auto column = columns.rbegin(); column != columns.rend(); ++column) {
      const EncodedVariable& variable = data.encoder.variables()[static_cast<std::size_t>(*column)];
      const std::string& category = variable.categories[rest % variable.categories.size()];
      rest /= variable.categories.size();
      text = variable.name + " " + category + (text.empty() ? "" : ", ") + text;
      names = variable.name + (names.empty() ? "" : ", ") + names;
    }
    Finding finding;
    finding.kind = FindingKind::empty_combination;
    finding.column = names;
    finding.message = "No run was made with " + text + ": what is recommended there rests on other combinations.";
    out.found.push_back(std::move(finding));
  }
  return out;
}

}  // namespace luban::features::detail
