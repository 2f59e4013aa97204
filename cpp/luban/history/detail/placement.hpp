#pragma once

#include <cstddef>
#include <cstdint>
#include <luban/history/content.hpp>
#include <vector>

namespace luban::history::detail {

/// Where the rows of an addition go in a history: numbers below `stored_…` are rows that it has, numbers from there on
/// count the new ones, −1 is nowhere.
struct Placement {
  std::size_t stored_runs = 0;
  std::size_t stored_readings = 0;
  std::vector<std::int64_t> run_target;      ///< of each run of the addition
  std::vector<std::int64_t> reading_target;  ///< of each reading of it
  std::vector<std::int64_t> new_runs;        ///< runs of the addition that are appended
  std::vector<std::int64_t> new_readings;    ///< readings of it that are appended
  MergeReport report;
};

/// @throws DataError unless an addition holds one import, and a source row for each reading or none.
void require_one_import(const Content& addition, const std::vector<std::int64_t>& source_rows);

/// Normalises an addition and places its rows. Its events name readings of the history afterwards, and those
/// that say nothing new are gone; so are values in its quarantine whose row is refused whole. Traces, genealogy and
/// recipes are put into the history at once. Arguments as of merge().
/// @throws as merge().
[[nodiscard]] Placement place(Content& history, Content& addition, const std::vector<std::int64_t>& source_rows,
                              const MergeOptions& options);

/// The addition's link of the chain of imports, behind those of the history.
[[nodiscard]] Provenance import_after(const Content& history, const Content& addition, const MergeReport& report);

}  // namespace luban::history::detail
