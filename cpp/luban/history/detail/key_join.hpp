#pragma once

#include <cstdint>
#include <luban/core/time.hpp>
#include <luban/history/detail/segment_files.hpp>
#include <luban/history/detail/view.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace luban::history::detail {

/// An event in one segment for a reading of another, found by (run_id, repeat).
struct LateEvent {
  std::int64_t reading;  ///< row in the segment that has the reading
  double value;
  std::int64_t time;
  std::int32_t quality;
};

/// A place in a folder.
struct SegmentRow {
  std::size_t segment;
  std::size_t row;
};

/// What ties the segments of a folder together: late events to their readings, continued runs to their first rows.
/// Made from the columns of keys alone, once for a folder.
class KeyJoin {
 public:
  /// @throws IntegrityError, IoError as SegmentFiles::open.
  explicit KeyJoin(const SegmentFiles& files);

  /// Late events for readings of `segment`, as known at a time: the last one of each reading.
  [[nodiscard]] LateByResponse late_values(std::size_t segment, core::UtcTime as_of) const;
  /// Where the run lies that the last rows of /runs of a segment continue, in their order; a run that no segment has
  /// stands for itself.
  [[nodiscard]] const std::vector<SegmentRow>& continued(std::size_t segment) const { return continued_[segment]; }
  /// Late events whose reading no segment has.
  [[nodiscard]] std::int64_t unresolved() const noexcept { return unresolved_; }

 private:
  /// By segment of the reading and response; in the order in which they became known.
  std::map<std::pair<std::size_t, std::string>, std::vector<LateEvent>> late_;
  std::vector<std::vector<SegmentRow>> continued_;
  std::int64_t unresolved_ = 0;
};

}  // namespace luban::history::detail
