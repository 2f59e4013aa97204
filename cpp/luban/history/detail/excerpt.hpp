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
[[nodiscard]] Excerpt make_excerpt(const HistorySource& history, const Content& addition);

/// Sizes of an excerpt before a merge, to tell what the merge added.
struct Sizes {
  explicit Sizes(const Content& content);
  std::size_t runs, readings, genealogy, recipes, quarantine;
  std::vector<std::size_t> events;                 ///< of each response
  std::vector<std::vector<std::int64_t>> samples;  ///< of each trace: offsets
};
/// What a merge added to an excerpt, as a segment: new runs, then those that continue.
/// `source`: that of the excerpt.
[[nodiscard]] Content added(const Content& merged, const Sizes& before, const std::vector<std::int32_t>& source);

}  // namespace luban::history::detail
