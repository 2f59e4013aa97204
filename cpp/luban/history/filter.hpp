#pragma once

#include <string>
#include <vector>

#include <luban/core/time.hpp>
#include <luban/history/export.hpp>

namespace luban::history {

/// Which runs of a history: those for which every condition holds; without any, all. Blocks of runs that cannot match
/// are never read, where the file holds the bounds of its blocks (format 1.1).
struct LUBAN_HISTORY_EXPORT RunFilter {
  core::UtcTime since;   ///< the run began at this time or later; missing = from the first
  core::UtcTime before;  ///< and before this one; missing = to the last
  std::vector<std::string>
      equipment;  ///< paths of the equipment, site/area/work center/work unit: itself or anything below
  std::vector<std::string> status, material_lot, recipe, group, run_id;  ///< one of these; empty = any

  /// The category or text of a parameter, context variable or identifier is one of `values`.
  struct Among {
    std::string column;
    std::vector<std::string> values;
  };
  /// A number lies within [low, high]; a missing one does not.
  struct Between {
    std::string column;
    double low;
    double high;
  };
  std::vector<Among> among;
  std::vector<Between> between;

  [[nodiscard]] bool empty() const noexcept;
};

}  // namespace luban::history
