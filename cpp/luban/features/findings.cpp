#include <luban/features/findings.hpp>

#include <array>
#include <cmath>
#include <iterator>

#include <luban/core/error.hpp>
#include <luban/features/detail/searches.hpp>
#include <luban/parallel/arena.hpp>

namespace luban::features {

std::string_view name(FindingKind kind) noexcept {
  switch (kind) {
    case FindingKind::gross_error:
      return "gross_error";
    case FindingKind::inconsistent_reading:
      return "inconsistent_reading";
    case FindingKind::duplicate_run:
      return "duplicate_run";
    case FindingKind::constant_column:
      return "constant_column";
    case FindingKind::empty_combination:
      return "empty_combination";
  }
  return "unknown";
}

namespace {

void require_options(const FindingOptions& options) {
  const bool usable = options.inconsistent_factor > 1.0 && options.duplicate_values >= 1 &&
                      options.duplicate_factor > 0.0 && options.most >= 1;
  if (usable) return;
  throw core::ConfigurationError(
      {.where = "features.find_suspicious",
       .expected = "inconsistent_factor above 1, duplicate_values and most of at least 1, "
                   "duplicate_factor above 0",
       .received = std::to_string(options.inconsistent_factor) + ", " + std::to_string(options.duplicate_values) +
                   ", " + std::to_string(options.most) + ", " + std::to_string(options.duplicate_factor),
       .place = {},
       .hint = {}});
}

/// Joins the responses' searches of one kind, most severe first.
detail::Search join(std::vector<detail::Search> parts, std::size_t most) {
  std::vector<Finding> found;
  std::vector<double> severity;
  std::size_t in_all = 0;
  for (detail::Search& part : parts) {
    in_all += part.in_all;
    std::move(part.found.begin(), part.found.end(), std::back_inserter(found));
    severity.insert(severity.end(), part.severity.begin(), part.severity.end());
  }
  detail::Search out = detail::most_severe(std::move(found), std::move(severity), most);
  out.in_all = in_all;
  return out;
}

void append(std::vector<Finding>& all, detail::Search search, std::size_t most) {
  if (search.found.size() > most) search.found.resize(most);
  if (search.in_all > search.found.size() && !search.found.empty()) {
    search.found.back().message +=
        " (" + std::to_string(search.in_all - search.found.size()) + " more of this kind are not listed.)";
  }
  std::move(search.found.begin(), search.found.end(), std::back_inserter(all));
}

}  // namespace

std::vector<Finding> find_suspicious(const Dataset& data, const FindingOptions& options,
                                     const core::CallControl& control) {
  require_options(options);
  const auto m = static_cast<std::size_t>(data.m());
  std::vector<detail::Search> gross(m);
  detail::Search duplicates;
  detail::Search inconsistent;
  // Tasks 0 … m−1 look at one response each, the last two at all together.
  parallel::for_each_index(
      m + 2,
      [&](std::size_t task) {
        if (task == m) {
          duplicates = detail::search_duplicate_runs(data, options);
          return;
        }
        if (task == m + 1) {
          inconsistent = detail::search_inconsistent_readings(data, options);
          return;
        }
        gross[task] = detail::search_gross_errors(data, static_cast<Eigen::Index>(task), options);
      },
      options.threads, control);
  std::vector<Finding> all;
  append(all, join(std::move(gross), options.most), options.most);
  append(all, std::move(inconsistent), options.most);
  append(all, std::move(duplicates), options.most);
  append(all, detail::search_constant_columns(data), options.most);
  append(all, detail::search_empty_combinations(data, options), options.most);
  return all;
}

}  // namespace luban::features
