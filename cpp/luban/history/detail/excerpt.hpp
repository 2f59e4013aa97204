#pragma once

#include <luban/history/content.hpp>
#include <luban/history/reader.hpp>
#include <string>
#include <vector>

namespace luban::history::detail {

/// Of a history, what a merge has to know of the runs that an addition names: their inputs and readings with the latest
/// values, the samples of its channels, the process, the last import.
struct Excerpt {
  Content content;
  std::vector<std::int32_t> source;  ///< of each run: number of the import that brought it, in the whole history
  std::vector<char> same_import;     ///< of each run: brought by an import of the same bytes
};
/// `same_import`: the addition is a further piece of an import; of runs that its earlier pieces brought, the keys of
/// the readings are enough.
[[nodiscard]] Excerpt make_excerpt(const HistorySource& history, const Content& addition, bool same_import);

}  // namespace luban::history::detail
