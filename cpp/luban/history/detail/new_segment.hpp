#pragma once

#include <cstdint>
#include <luban/history/content.hpp>
#include <luban/history/detail/excerpt.hpp>
#include <vector>

namespace luban::history::detail {

struct NewSegment {
  Content content;  ///< nothing in it when the report says that nothing changed
  MergeReport report;
};

/// What an addition adds to a history of which `known` is an excerpt, as a segment: new runs, then known ones that
/// continue. @throws as merge().
[[nodiscard]] NewSegment new_segment(Excerpt known, Content addition, const std::vector<std::int64_t>& source_rows);

}  // namespace luban::history::detail
