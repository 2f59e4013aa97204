#include <algorithm>
#include <cmath>
#include <limits>
#include <luban/core/error.hpp>
#include <luban/core/random.hpp>
#include <luban/core/text.hpp>
#include <luban/history/statistics.hpp>
#include <luban/parallel/arena.hpp>

namespace luban::history {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

/// Moments of some values, put together pairwise without loss of accuracy (Chan, Golub, LeVeque 1983).
struct Moments {
  double count = 0.0, mean = 0.0, squares = 0.0;
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();

  void merge(const Moments& more) {
    if (more.count == 0.0) return;
    const double total = count + more.count;
    const double difference = more.mean - mean;
    squares += more.squares + difference * difference * count * more.count / total;
    mean += difference * more.count / total;
    count = total;
    low = std::min(low, more.low);
    high = std::max(high, more.high);
  }
};

/// Two passes over a block: exact to rounding, and the block is in the cache.
Moments moments_of(const std::vector<double>& values) {
  Moments out;
  double sum = 0.0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    sum += value;
    out.count += 1.0;
    out.low = std::min(out.low, value);
    out.high = std::max(out.high, value);
  }
  if (out.count == 0.0) return out;
  out.mean = sum / out.count;
  for (const double value : values) {
    if (!std::isnan(value)) out.squares += (value - out.mean) * (value - out.mean);
  }
  return out;
}

struct Accumulator {
  Moments moments;
  std::int64_t missing = 0;
  std::vector<double> sample;
  std::vector<std::int64_t> per_category;
};

/// Whether a row is in the sample: by its number alone, so that it does not matter who reads it.
bool sampled(const core::RandomKey& key, std::size_t row, std::uint64_t threshold) {
  return key.child(row).value() <= threshold;
}

void add(Accumulator& to, const process::Column& column, std::size_t first, const core::RandomKey& key,
         std::uint64_t threshold) {
  if (const auto* codes = std::get_if<std::vector<std::int32_t>>(&column.data)) {
    to.per_category.resize(column.info.categories.size(), 0);
    for (const std::int32_t code : *codes) {
      if (code < 0) {
        ++to.missing;
      } else {
        ++to.per_category[static_cast<std::size_t>(code)];
      }
    }
    return;
  }
  const auto& values = std::get<std::vector<double>>(column.data);
  const Moments block = moments_of(values);
  to.moments.merge(block);
  to.missing += static_cast<std::int64_t>(values.size()) - static_cast<std::int64_t>(block.count);
  const bool all = threshold == std::numeric_limits<std::uint64_t>::max();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(values[i]) && (all || sampled(key, first + i, threshold))) to.sample.push_back(values[i]);
  }
}

double quantile(std::vector<double>& values, double fraction) {
  if (values.empty()) return none;
  const double position = std::clamp(fraction, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(values.begin(), at, values.end());
  if (below + 1 == values.size()) return *at;
  const double above = *std::min_element(at + 1, values.end());
  const double share = position - static_cast<double>(below);
  return share == 0.0 ? *at : *at + share * (above - *at);
}

ColumnStatistics summary(const process::ColumnInfo& info, Accumulator& from, const StatisticsOptions& options,
                         bool exact) {
  ColumnStatistics out;
  out.name = info.name;
  out.unit = info.unit;
  out.missing = from.missing;
  out.exact = exact;
  out.mean = out.standard_deviation = out.low = out.high = none;
  out.quantiles.assign(options.fractions.size(), none);
  if (info.kind == process::ColumnKind::code) {
    from.per_category.resize(info.categories.size(), 0);
    for (const std::int64_t count : from.per_category) out.count += count;
    out.per_category = from.per_category;
    return out;
  }
  out.count = static_cast<std::int64_t>(from.moments.count);
  if (out.count == 0) return out;
  out.mean = from.moments.mean;
  out.low = from.moments.low;
  out.high = from.moments.high;
  if (out.count > 1) out.standard_deviation = std::sqrt(from.moments.squares / (from.moments.count - 1.0));
  for (std::size_t i = 0; i < options.fractions.size(); ++i) {
    out.quantiles[i] = quantile(from.sample, options.fractions[i]);
  }
  return out;
}

std::vector<process::ColumnInfo> infos_of(const process::TableSource& source, const std::vector<std::string>& columns) {
  const auto schema = source.schema();
  std::vector<std::string> known;
  for (const process::ColumnInfo& info : schema) known.push_back(info.name);
  std::vector<process::ColumnInfo> infos;
  for (const std::string& name : columns) {
    const auto found = std::find_if(schema.begin(), schema.end(), [&](const auto& info) { return info.name == name; });
    if (found == schema.end() ||
        (found->kind != process::ColumnKind::float64 && found->kind != process::ColumnKind::code)) {
      throw core::DataError({.where = "history.statistics",
                             .expected = "columns of numbers or categories",
                             .received = core::quoted(name),
                             .place = {},
                             .hint = core::nearest_hint(name, known)});
    }
    infos.push_back(*found);
  }
  return infos;
}

}  // namespace

std::vector<ColumnStatistics> statistics(const process::TableSource& source, const std::vector<std::string>& columns,
                                         const StatisticsOptions& options, const core::CallControl& control) {
  const std::vector<process::ColumnInfo> infos = infos_of(source, columns);
  const std::size_t rows = source.row_count();
  const bool exact = rows <= static_cast<std::size_t>(std::max<std::int64_t>(options.sample, 0));
  const double share = exact ? 1.0 : static_cast<double>(options.sample) / static_cast<double>(rows);
  constexpr auto everything = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t threshold = exact ? everything : static_cast<std::uint64_t>(share * 0x1p64);
  const core::RandomKey key(options.seed);
  std::vector<Accumulator> accumulators(columns.size());
  for (const process::RowRange& block : source.blocks()) {
    control.check("history.statistics");
    const process::Table table = source.read(columns, block);
    parallel::for_each_index(columns.size(), [&](std::size_t c) {
      add(accumulators[c], table.at(columns[c]), block.begin, key, threshold);
    });
    control.report({.phase = "statistics",
                    .done = static_cast<std::int64_t>(block.end),
                    .total = static_cast<std::int64_t>(rows)});
  }
  std::vector<ColumnStatistics> out(columns.size());
  parallel::for_each_index(columns.size(),
                           [&](std::size_t c) { out[c] = summary(infos[c], accumulators[c], options, exact); });
  return out;
}

}  // namespace luban::history
