#include <luban/features/dataset.hpp>

#include <algorithm>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/features/detail/dataset_builder.hpp>
#include <luban/features/detail/text.hpp>

namespace luban::features {

Eigen::Index Dataset::response_index(const std::string& name) const {
  std::vector<std::string> known;
  for (std::size_t r = 0; r < responses.size(); ++r) {
    if (responses[r].name == name) return static_cast<Eigen::Index>(r);
    known.push_back(responses[r].name);
  }
  throw core::DataError({.where = "features.response_index",
                         .expected = "a response of the dataset",
                         .received = "\"" + name + "\"",
                         .place = {},
                         .hint = core::nearest_hint(name, known)});
}

Dataset Dataset::subset(const std::vector<std::int32_t>& runs) const {
  std::vector<std::int32_t> renumbered(run_count(), -1);
  Dataset out;
  out.encoder = encoder;
  out.responses = responses;
  out.group_labels = group_labels;
  out.grouping = grouping;
  for (const std::int32_t old : runs) {
    if (old < 0 || static_cast<std::size_t>(old) >= run_count() || renumbered[static_cast<std::size_t>(old)] >= 0) {
      throw core::DataError({.where = "features.subset",
                             .expected = "each run index once, from 0 to " + std::to_string(run_count()) + " exclusive",
                             .received = std::to_string(old),
                             .place = {},
                             .hint = {}});
    }
    const auto index = static_cast<std::size_t>(old);
    renumbered[index] = static_cast<std::int32_t>(out.run_ids.size());
    out.run_ids.push_back(run_ids[index]);
    out.group.push_back(group[index]);
    out.run_time.push_back(run_time[index]);
  }
  std::vector<Eigen::Index> rows;
  for (Eigen::Index i = 0; i < n(); ++i) {
    const auto reading = static_cast<std::size_t>(i);
    const std::int32_t index = renumbered[static_cast<std::size_t>(run[reading])];
    if (index < 0) continue;
    rows.push_back(i);
    out.run.push_back(index);
    out.source_row.push_back(source_row[reading]);
    out.repeat.push_back(repeat[reading]);
  }
  out.X = X(rows, Eigen::all);
  out.Y = Y(rows, Eigen::all);
  if (noise_variance.size() > 0) out.noise_variance = noise_variance(rows, Eigen::all);
  return out;
}

namespace {

/// Ranges of at most `most` rows: small neighbouring blocks are joined, large ones cut.
std::vector<process::RowRange> read_ranges(const process::TableSource& source, std::size_t most) {
  std::vector<process::RowRange> ranges;
  for (const process::RowRange block : source.blocks()) {
    if (!ranges.empty() && ranges.back().end == block.begin && ranges.back().size() + block.size() <= most) {
      ranges.back().end = block.end;
      continue;
    }
    for (std::size_t begin = block.begin; begin < block.end; begin += most) {
      ranges.push_back({begin, std::min(block.end, begin + most)});
    }
  }
  return ranges;
}

}  // namespace

Dataset make_dataset(const process::Process& process, const process::TableSource& source, const DatasetOptions& options,
                     const core::CallControl& control) {
  if (options.rows_at_once == 0) {
    throw core::ConfigurationError({.where = "features.make_dataset",
                                    .expected = "rows_at_once of at least 1",
                                    .received = "0",
                                    .place = {},
                                    .hint = {}});
  }
  if (source.grain() != process::Grain::readings) {
    throw core::DataError(
        {.where = "features.make_dataset",
         .expected = "a source whose rows are readings",
         .received = "one whose rows are runs",
         .place = {},
         .hint = "averages would lose what the readings say about noise; read with rows=\"readings\""});
  }
  const std::size_t rows = source.row_count();
  detail::DatasetColumns columns = detail::find_columns(process, source, options.responses);
  const std::vector<std::string> names = columns.all;
  detail::DatasetBuilder builder(Encoder::make(process, source), std::move(columns), rows);
  for (const process::RowRange range : read_ranges(source, options.rows_at_once)) {
    control.check("features.make_dataset");
    builder.add(source.read(names, range), range.begin);
    control.report({.phase = "read readings",
                    .done = static_cast<std::int64_t>(range.end),
                    .total = static_cast<std::int64_t>(rows)});
  }
  return std::move(builder).finish();
}

}  // namespace luban::features
