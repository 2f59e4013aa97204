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
  std::vector<char> own;             ///< of each reading: an earlier piece of the addition's import brought it
};
/// `began`: when the first piece of the addition's import was recorded, missing for the first one itself. Where only
/// such pieces brought readings of these runs, the keys of the readings are enough.
[[nodiscard]] Excerpt make_excerpt(const HistorySource& history, const Content& addition, core::UtcTime began);

}  // namespace luban::history::detail
