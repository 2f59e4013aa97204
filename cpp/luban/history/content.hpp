#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <luban/core/time.hpp>
#include <luban/history/export.hpp>
#include <luban/process/process.hpp>
#include <luban/process/table.hpp>

namespace luban::history {

/// Severity of a stored value, with the codes of OPC UA Part 4: bad is never used.
inline constexpr std::int32_t quality_good = 0;
inline constexpr std::int32_t quality_uncertain = 1;
inline constexpr std::int32_t quality_bad = 2;

/// A process definition as it stood at some time.
struct LUBAN_HISTORY_EXPORT ProcessVersion {
  std::string definition;  ///< canonical JSON of process::Process
  std::string document;    ///< the whole process file as JSON (source columns included); "" = same as definition
  std::int64_t time = core::UtcTime::missing_count;
};

/// One row per run; every vector has the same length n (an optional one may be empty = missing throughout).
struct LUBAN_HISTORY_EXPORT Runs {
  std::vector<std::string> run_id;       ///< unique, not empty
  std::vector<std::int64_t> start_time;  ///< optional
  std::vector<std::int64_t> end_time;    ///< optional
  std::vector<std::int32_t> status;      ///< optional; code into run_status_names(); empty = all completed
  std::vector<std::string> group;        ///< optional; what must not be split between training and test
  std::vector<std::string> equipment, material_lot, recipe;  ///< optional
  std::vector<std::int32_t> source;                          ///< row of the provenance that brought the run
  process::Table parameters, context, identifiers;           ///< n rows, or no columns
  process::Table achieved;                                   ///< what the machine reached, of some of the parameters
  [[nodiscard]] std::size_t size() const noexcept { return run_id.size(); }
};
[[nodiscard]] LUBAN_HISTORY_EXPORT const std::vector<std::string>& run_status_names();

/// One row per reading (r).
struct LUBAN_HISTORY_EXPORT Readings {
  std::vector<std::int64_t> run;     ///< row of Runs
  std::vector<std::int64_t> repeat;  ///< numbers the readings of a run; unique within it
  std::vector<std::int64_t> time;    ///< optional
  process::Table noise, auxiliary;   ///< r rows, or no columns
  [[nodiscard]] std::size_t size() const noexcept { return run.size(); }
};

/// One row per value that became known (e): append only, the latest one of a reading counts.
struct LUBAN_HISTORY_EXPORT ResponseEvents {
  std::string name;
  std::string unit;
  std::vector<std::int64_t> reading;      ///< row of Readings; in a segment −1 = a reading of an earlier segment
  std::vector<double> value;              ///< in `unit`, finite
  std::vector<std::int64_t> time;         ///< when it became known
  std::vector<std::int32_t> quality;      ///< quality_good …; optional = all good
  std::vector<std::int32_t> source;       ///< row of the provenance
  std::vector<std::string> late_run_id;   ///< for each event with reading −1, in their order: the run
  std::vector<std::int64_t> late_repeat;  ///< and the repeat of its reading
  [[nodiscard]] std::size_t size() const noexcept { return reading.size(); }
};

/// Samples of one channel, run by run: run i owns values[offsets[i] … offsets[i + 1]).
struct LUBAN_HISTORY_EXPORT TraceColumn {
  std::string name;
  std::string unit;
  std::int64_t period = 0;               ///< nanoseconds from sample to sample; 0 = `times` says when each was taken
  std::vector<float> values;             ///< NaN = missing
  std::vector<std::int64_t> offsets;     ///< n + 1, from 0, never descending
  std::vector<std::int64_t> start_time;  ///< n, optional; of the first sample
  std::vector<std::int64_t> times;       ///< one per value when `period` is 0, else none
  std::vector<std::int32_t> source;  ///< n; row of the provenance that brought the samples, −1 where there are none
};

/// Which material lots went into which (g rows).
struct LUBAN_HISTORY_EXPORT Genealogy {
  std::vector<std::string> child_lot, parent_lot;
  std::vector<double> quantity;  ///< of the parent that went into the child; optional, NaN = unknown
  std::vector<std::string> unit;
  std::vector<std::int64_t> time;    ///< optional
  std::vector<std::int32_t> source;  ///< row of the provenance
  [[nodiscard]] std::size_t size() const noexcept { return child_lot.size(); }
};

/// What recipes ask for: one row per recipe and parameter (k rows), in the recipe's order.
struct LUBAN_HISTORY_EXPORT Recipes {
  std::vector<std::string> recipe, parameter;
  std::vector<double> value;  ///< NaN where it is a category
  std::vector<std::string> category, unit;
  std::vector<std::int32_t> source;  ///< row of the provenance
  [[nodiscard]] std::size_t size() const noexcept { return recipe.size(); }
};

/// What makes a file one of several that are read as one history.
struct LUBAN_HISTORY_EXPORT SegmentPlace {
  std::string previous_link;   ///< link of the last import before it
  std::int64_t continued = 0;  ///< so many of the last runs are runs of earlier segments, with more readings here
};

/// What was refused at import; one row per refused value or row.
struct LUBAN_HISTORY_EXPORT Quarantine {
  std::vector<std::int32_t> source;      ///< row of the provenance
  std::vector<std::int64_t> source_row;  ///< data row of the source, from 0
  std::vector<std::string> column;       ///< column of the source; "" = the row as a whole
  std::vector<std::string> value;        ///< as written in the source
  std::vector<std::string> reason;       ///< stable code, e.g. "category_never_seen"
  std::vector<std::string> scope;        ///< "value" or "row": how much was refused
  [[nodiscard]] std::size_t size() const noexcept { return reason.size(); }
};

/// One link of the chain of imports.
struct LUBAN_HISTORY_EXPORT Provenance {
  std::string who, what, tool;
  std::string input_name;
  std::string input_digest;  ///< SHA-256 of the input's bytes
  std::int64_t time = core::UtcTime::missing_count;
  std::int64_t rows = 0;  ///< rows of the input
  std::int64_t runs = 0, readings = 0, events = 0, quarantined = 0;
  std::string previous;  ///< link of the entry before; "" for the first
  std::string link;      ///< SHA-256 over `previous` and everything above
  /// What `link` must be.
  [[nodiscard]] std::string computed_link() const;
};

/// A whole history in memory: what a writer writes and a file reads back as.
struct LUBAN_HISTORY_EXPORT Content {
  std::string uuid;  ///< "" = made at the first write
  std::int64_t created_time = core::UtcTime::missing_count;
  std::vector<ProcessVersion> process;  ///< oldest first; at least one
  Runs runs;
  Readings readings;
  std::vector<ResponseEvents> responses;
  std::vector<TraceColumn> traces;
  Genealogy genealogy;
  Recipes recipes;
  Quarantine quarantine;
  std::vector<Provenance> provenance;
  std::optional<SegmentPlace> segment;  ///< in a file that is one of several

  /// The latest definition. @throws DataError when there is none.
  [[nodiscard]] process::Process current_process() const;
  /// Checks what every history promises: equal lengths, rows and codes in range, unique run_id and (run, repeat).
  /// Fills the optional columns that are empty. @throws DataError naming the first contradiction.
  void normalise();
};

/// What a merge did.
struct LUBAN_HISTORY_EXPORT MergeReport {
  std::int64_t runs_added = 0;
  std::int64_t readings_added = 0;
  std::int64_t values_added = 0;
  std::int64_t values_corrected = 0;           ///< a stored value was superseded by a later one
  std::int64_t values_unchanged = 0;           ///< the same value again: no event
  std::int64_t traces_added = 0;               ///< runs that got the samples of a channel
  std::int64_t material_added = 0;             ///< rows of genealogy and recipes
  std::int64_t quarantined = 0;                ///< refused by the import or because they contradict what is stored
  std::vector<std::int64_t> refused_readings;  ///< readings of the addition that contradict what is stored
  Quarantine refused;                          ///< what the merge itself refused: those readings, uncorrectable values
  [[nodiscard]] bool changed() const noexcept {
    return runs_added + readings_added + values_added + values_corrected + traces_added + material_added + quarantined >
           0;
  }
};

/// How a merge treats what is there.
struct MergeOptions {
  /// Of each stored reading: 1 = an earlier piece of the same import brought it, so that the same (run, repeat) is a
  /// duplicate, which is refused, and no correction. Empty = of none.
  std::vector<char> own_readings = {};
};

/// Adds one import (`addition`, with exactly one provenance entry) to a history. A run_id that exists must agree in
/// parameters and context; otherwise its readings go to quarantine. A (run, repeat) that exists is a correction: its
/// values become later events. When nothing changes, `history` is left as it was.
/// `source_rows` names the source row of each reading of the addition, for the quarantine; empty = their order.
/// @throws DataError when the addition contradicts itself, ConfigurationError when its process does not fit.
LUBAN_HISTORY_EXPORT MergeReport merge(Content& history, Content addition,
                                       const std::vector<std::int64_t>& source_rows = {},
                                       const MergeOptions& options = {});

}  // namespace luban::history
